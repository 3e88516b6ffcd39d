// Any bytes are a tree within the limits or an error with its place; a scalar that is written for a
// text reads as that text again.
#include "yaml/yaml.h"

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto document = kw::parse_yaml(text, "");
    if (!document.ok()) return 0;
    if (document->root.kind == kw::YamlNode::Kind::kScalar) {
        const std::string written = kw::yaml_scalar(document->root.text);
        const auto again = kw::parse_yaml("- " + written, "");
        if (!again.ok() || again->root.items.front().text != document->root.text) std::abort();
    }
    return 0;
}
