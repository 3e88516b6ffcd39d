// Any body: no crash, and nothing over the bounds.
#include <cstdint>

#include "base/check.h"
#include "collect/health/health.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const auto body = kw::collect::parse_health({reinterpret_cast<const char*>(data), size});
    if (!body.ok()) return 0;
    KW_CHECK(body->components.size() <= kw::collect::kHealthComponentsMax);
    for (const auto& [name, status] : body->components) {
        KW_CHECK(!name.empty() && name.size() <= kw::collect::kHealthNameBytesMax);
    }
    return 0;
}
