#include "app/config/json_value.h"

#include "api/json_writer.h"

namespace kw::app {
namespace {

constexpr size_t kJsonDepthMax = 32;

Result<void> append(const YamlNode& node, size_t depth, std::string& out) {
    if (depth > kJsonDepthMax) return exhausted("nested deeper than {}", kJsonDepthMax);
    switch (node.kind) {
        case YamlNode::Kind::kNull: out += "null"; return {};
        case YamlNode::Kind::kScalar:
            if (node.is_plain &&
                (node.text == "true" || node.text == "false" || is_json_number(node.text))) {
                out += node.text;
            } else {
                api::append_json_string(out, node.text);
            }
            return {};
        case YamlNode::Kind::kList:
        case YamlNode::Kind::kMap: break;
    }
    out += node.is_map() ? '{' : '[';
    for (size_t i = 0; i < node.items.size(); ++i) {
        if (i > 0) out += ',';
        if (node.is_map()) {
            api::append_json_string(out, node.keys[i].text);
            out += ':';
        }
        KW_TRY(append(node.items[i], depth + 1, out));
    }
    out += node.is_map() ? '}' : ']';
    return {};
}

}  // namespace

bool is_json_number(std::string_view text) {
    size_t at = 0;
    const auto digits = [&] {
        const size_t begin = at;
        while (at < text.size() && text[at] >= '0' && text[at] <= '9') ++at;
        return at - begin;
    };
    const auto take = [&](std::string_view any_of) {
        const bool found = at < text.size() && any_of.find(text[at]) != std::string_view::npos;
        if (found) ++at;
        return found;
    };
    take("-");
    const bool has_zero = at < text.size() && text[at] == '0';
    const size_t whole = digits();
    if (whole == 0 || (has_zero && whole > 1)) return false;
    if (take(".") && digits() == 0) return false;
    if (take("eE")) {
        take("+-");
        if (digits() == 0) return false;
    }
    return at == text.size();
}

Result<std::string> to_json(const YamlNode& node) {
    std::string out;
    KW_TRY(append(node, 0, out));
    return out;
}

}  // namespace kw::app
