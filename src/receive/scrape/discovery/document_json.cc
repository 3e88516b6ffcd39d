// The JSON side of document.h, over simdjson's DOM: a document is read whole before anything of it
// is used.
#include <simdjson.h>

#include "scrape/discovery/document.h"
#include "scrape/discovery/group_builder.h"

namespace kw::scrape {
namespace {

Error bad(simdjson::error_code code) { return invalid("{}", simdjson::error_message(code)); }

// Go's decoder, and so Prometheus, finds a key in any case.
std::string lower_case(std::string_view key) {
    std::string out(key);
    for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    return out;
}

Result<TargetGroup> read_group(simdjson::dom::element element, GroupBuilder& builder) {
    simdjson::dom::object group;
    if (element.get(group)) return builder.error("want an object with targets and labels");
    for (const auto [written, value] : group) {
        const std::string key = lower_case(written);
        KW_TRY(builder.begin_key(key));
        if (value.is_null()) continue;
        if (key == "targets") {
            simdjson::dom::array targets;
            if (value.get(targets)) return builder.error("targets is not a list");
            for (const simdjson::dom::element target : targets) {
                std::string_view address;
                if (target.get(address)) return builder.error("a target is not a text");
                KW_TRY(builder.add_target(address));
            }
        } else {
            simdjson::dom::object labels;
            if (value.get(labels)) return builder.error("labels is not a mapping");
            for (const auto [name, label_value] : labels) {
                std::string_view text;
                if (label_value.is_null()) continue;  // as Go reads it: an empty value
                if (label_value.get(text)) return builder.error("a label's value is not a text");
                KW_TRY(builder.add_label(name, text));
            }
        }
    }
    return builder.finish();
}

}  // namespace

Result<std::vector<TargetGroup>> parse_json_document(std::string_view text) {
    if (text.size() > kDocumentBytesMax) return exhausted("more than {} bytes", kDocumentBytesMax);
    simdjson::dom::parser parser(kDocumentBytesMax + 1);
    simdjson::dom::element root;
    if (const auto code = parser.parse(text.data(), text.size()).get(root)) return bad(code);
    std::vector<TargetGroup> groups;
    if (root.is_null()) return groups;  // as Go reads it: no groups
    simdjson::dom::array items;
    if (root.get(items)) return invalid("want a list of target groups");
    GroupBuilder builder;
    for (const simdjson::dom::element item : items) {
        KW_TRY_ASSIGN(TargetGroup group, read_group(item, builder));
        groups.push_back(std::move(group));
    }
    return groups;
}

Result<void> check_json(std::string_view text) {
    if (text.size() > kDocumentBytesMax) return exhausted("more than {} bytes", kDocumentBytesMax);
    simdjson::dom::parser parser(kDocumentBytesMax + 1);
    if (const auto code = parser.parse(text.data(), text.size()).error()) return bad(code);
    return {};
}

}  // namespace kw::scrape
