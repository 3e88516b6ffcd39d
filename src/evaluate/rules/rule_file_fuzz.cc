// Any bytes as a rule file, and as one group: no crash, no hang; what loads has expressions that parse and print the
// same again, and is the same when it is written as YAML and read back.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "promql/printer.h"
#include "rules/rule_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    kw::rules::ReadOptions options;
    options.features = kw::promql::ParseOptions::all_features();
    if (const auto group = kw::rules::read_rule_group(text, "fuzz", options); group.ok()) {
        const auto again =
            kw::rules::read_rule_group(kw::rules::group_yaml(*group), "fuzz", options);
        if (!again.ok() || !again->same_as(*group)) std::abort();
    } else {
        (void)kw::rules::place_of(group.error().message, "group");
    }
    const auto file = kw::rules::read_rule_file(text, "fuzz.yml", options);
    if (!file.ok()) return 0;
    for (const kw::rules::Group& group : file->groups) {
        for (const kw::rules::Rule& rule : group.rules) {
            const auto again = kw::promql::parse(rule.expr, options.features);
            if (!again.ok() || kw::promql::print(**again) != rule.expr) std::abort();
        }
    }
    return 0;
}
