// A request's head from anybody.
#include <cstdlib>

#include "endpoint_request.h"

using namespace kilowatch;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    if (const auto request = parse_request(text)) {
        if (!request->target.starts_with('/') || request->method.empty()) std::abort();
        const size_t mark = request->target.find('?');
        if (mark != std::string::npos)
            query_parameter(std::string_view(request->target).substr(mark + 1), "seconds");
    }
    query_parameter(text, "seconds");
    return 0;
}
