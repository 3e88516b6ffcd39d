// Any bytes as a rule file: no crash, no hang; what loads has expressions that parse and print the same again.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "promql/printer.h"
#include "rules/rule_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    kw::rules::ReadOptions options;
    options.features = kw::promql::ParseOptions::all_features();
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
