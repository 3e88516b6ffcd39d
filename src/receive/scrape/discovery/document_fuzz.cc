// Any bytes are a discovery document or an error, in JSON and in YAML; what is accepted is
// well-formed.
#include "scrape/discovery/document.h"

#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    for (const auto& groups :
         {kw::scrape::parse_json_document(text), kw::scrape::parse_yaml_document(text)}) {
        if (!groups.ok()) continue;
        for (const kw::scrape::TargetGroup& group : *groups) {
            for (const kw::LabelView& label : group.labels) {
                if (label.name.empty() || !kw::is_valid_utf8(label.name)) std::abort();
            }
        }
    }
    return 0;
}
