// Rule files: text to typed groups of rules, the one reader for `check`, `test` and `serve`.
//
// A file has `groups:`, as Prometheus takes it, or it is bare: one rule, or a list of rules, which become a group
// of the file's own name. Everything that can be known without data is checked here: keys, durations, names,
// every expression, every template. What is refused is what Prometheus refuses; our own key `on_no_data`, of rules
// and of groups, is the only addition.
// Source: https://prometheus.io/docs/prometheus/latest/configuration/recording_rules/, alerting_rules/
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "model/labels.h"
#include "promql/parser.h"

namespace kw::rules {

// What an alert becomes whose series have no data any more.
enum class OnNoData : unsigned char {
    kResolve,  // resolved, as Prometheus does it
    kKeep,     // stays as it is until there is data again
    kAlert,    // stays, and where there is no data at all the rule alerts for that
};
std::string_view on_no_data_text(OnNoData choice);             // "resolve", "keep", "alert"
std::optional<OnNoData> on_no_data_of(std::string_view text);  // nullopt: none of them

using TextPairs = std::vector<std::pair<std::string, std::string>>;  // sorted by name

struct Rule {
    enum class Kind : unsigned char { kRecording, kAlerting };
    Kind kind = Kind::kRecording;
    std::string name;       // of the series recorded, or of the alert
    std::string expr;       // in canonical form
    TextPairs labels;       // with those of the group; of an alerting rule templates
    TextPairs annotations;  // templates; an alerting rule's
    int64_t for_ms = 0;
    int64_t keep_firing_for_ms = 0;
    std::optional<OnNoData> on_no_data;  // nullopt: what the configuration says
    int line = 0;

    // The line does not count: it moves when something above it changes.
    bool same_as(const Rule& other) const;
};

// Where a group stands that was made through the API: in no file.
inline constexpr std::string_view kApiFile = "@api";

struct Group {
    std::string name;
    std::string file;  // or kApiFile
    std::optional<int64_t> interval_ms;
    std::optional<int64_t> query_offset_ms;
    uint64_t limit = 0;  // of series or alerts a rule; 0: none
    std::vector<Rule> rules;

    bool is_of_api() const { return file == kApiFile; }
    bool same_as(const Group& other) const;
};

// Two rules of a file that give the same series.
struct DuplicateRule {
    std::string name;  // of the metric or the alert
    LabelSet labels;
    int line = 0;  // of the later one
    bool operator==(const DuplicateRule&) const = default;
};

struct RuleFile {
    std::vector<Group> groups;
    // Only the first YAML document of a file is read.
    bool has_more_documents = false;

    size_t rule_count() const;
    std::vector<DuplicateRule> duplicates() const;
};

struct ReadOptions {
    promql::ParseOptions features;
    bool ignores_unknown_keys = false;
};

inline constexpr uint64_t kRuleFileBytesMax = 16 << 20;
inline constexpr size_t kRulesMax = 100'000;  // of a file

// `path` is put before errors, and names the group of a bare file.
// Errors: kInvalid with file, line, key and mend; kExhausted.
Result<RuleFile> read_rule_file(std::string_view text, const std::string& path,
                                const ReadOptions& options);

// One group, as it stands in the list of a file, in YAML or JSON. `name` is the group's; the text may repeat it.
// Errors: as above, with the path "group".
Result<Group> read_rule_group(std::string_view text, const std::string& name,
                              const ReadOptions& options);

// The group as YAML that read_rule_group() reads back to the same group, but for lines: labels of the group stand
// at the rules, expressions in their canonical form.
std::string group_yaml(const Group& group);
// Groups as a file.
std::string rule_file_yaml(const std::vector<Group>& groups);

// An error of the readers above, taken apart: "group:3: rules[0].expr: 1:5: parse error: …".
struct ErrorPlace {
    int line = 0;     // from 1; 0: not known
    std::string key;  // "rules[0].expr"; empty: not known
    std::string message;
};
ErrorPlace place_of(std::string_view error, std::string_view path);

// The labels and annotations of templates know these variables.
inline constexpr std::string_view kTemplateVariables[] = {"$labels", "$externalLabels",
                                                          "$externalURL", "$value"};

}  // namespace kw::rules
