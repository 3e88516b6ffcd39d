// Headers of strangers: whatever is taken from them goes out again as it must.
#include <cstdlib>

#include "kilowatch/exposition.h"
#include "kilowatch/trace.h"

using namespace kilowatch;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    if (const auto span = parse_traceparent(text)) {
        if (!span->valid()) std::abort();
        const auto again = parse_traceparent(format_traceparent(*span));
        if (!again || again->trace_id != span->trace_id || again->span_id != span->span_id)
            std::abort();
    }
    if (const auto state = parse_tracestate(text))
        if (parse_tracestate(*state) != *state) std::abort();
    const Context context = extract([&](std::string_view name) -> std::optional<std::string> {
        if (name == "traceparent") return "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        return std::string(text);
    });
    std::string baggage;
    inject(context, [&](std::string_view name, std::string_view value) {
        if (value.find_first_of("\r\n") != std::string_view::npos) std::abort();
        if (name == "baggage") baggage = value;
    });
    if (context.tags) {
        const Context again = extract([&](std::string_view) { return std::optional(baggage); });
        if (!again.tags || *again.tags != *context.tags) std::abort();
    }
    negotiate_exposition(text);
    return 0;
}
