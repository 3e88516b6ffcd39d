// Suite promtool: the inputs of promtool's own tests, given to `kilowatch check` and to the parsers behind it.
//
// The files that are known here stand in a table, with what is to be remarked on them. What another file of the
// folder is for shows its name or its first key; it is refused when its name says bad.
#include <simdjson.h>

#include <algorithm>
#include <sstream>

#include "app/check.h"
#include "app/config/config.h"
#include "app/rule_test_files.h"
#include "base/fs/real.h"
#include "conformance/expectations.h"
#include "conformance/suites.h"
#include "wire/exposition/lint.h"
#include "wire/exposition/parser.h"

namespace kw::conformance {
namespace {

namespace stdfs = std::filesystem;

enum class Input : unsigned char {
    kRules,         // check rules
    kConfig,        // check config
    kConfigSyntax,  // check config --syntax-only
    kTargets,       // a document of file discovery
    kMetrics,       // check metrics
    kDumpText,      // `series value timestamp` lines
    kDumpOpenMetrics,
    kDumpSeries,  // a JSON object of labels a line
    kRuleTests,   // test rules
};

struct Case {
    std::string_view file;
    Input input;
    bool accept;
    std::string_view remark =
        {};  // what the linter says, with all of its checks on; "" for nothing
};

constexpr Case kKnownCases[] = {
    {"at-modifier.yml", Input::kRules, true},
    {"bad-promql.yml", Input::kRuleTests, false},
    {"bad-rules-syntax.yml", Input::kRules, false},
    {"bad-sd-file-format.yml", Input::kTargets, false},
    {"config_with_rule_files.yml", Input::kConfig, false},
    {"config_with_rule_files.yml", Input::kConfigSyntax, true},
    {"config_with_service_discovery_files.yml", Input::kConfig, true},
    {"config_with_service_discovery_files.yml", Input::kConfigSyntax, true},
    {"dump-openmetrics-roundtrip-test.prom", Input::kDumpOpenMetrics, true},
    {"dump-openmetrics-test.prom", Input::kDumpOpenMetrics, true},
    {"dump-series-2.prom", Input::kDumpSeries, true},
    {"dump-test-1.prom", Input::kDumpText, true},
    {"dump-test-2.prom", Input::kDumpText, true},
    {"dump-test-3.prom", Input::kDumpText, true},
    {"good-sd-file.json", Input::kTargets, true},
    {"good-sd-file.yaml", Input::kTargets, true},
    {"metrics-test.prom", Input::kMetrics, true},
    {"negative-offset.yml", Input::kRules, true},
    {"prometheus-aws-sd-empty-region.good.yml", Input::kConfig, true},
    {"prometheus-config.bad.yml", Input::kConfig, false},
    {"prometheus-config.lint.too_long_scrape_interval.yml", Input::kConfigSyntax, true,
     "scrape_interval 10m is not below"},
    {"prometheus-config.lint.yml", Input::kConfig, true, "HighRequestLatency"},
    {"prometheus-rules.lint.yml", Input::kRules, true, "HighRequestLatency"},
    {"rules.yml", Input::kRules, true},
    {"rules_duplicates.yml", Input::kRules, true, "job:test:count_over_time1m"},
    {"url_in_alert_targetgroup_with_relabel_config.bad.yml", Input::kConfig, false},
    {"url_in_alert_targetgroup_with_relabel_config.good.yml", Input::kConfig, true},
    {"url_in_scrape_targetgroup_with_relabel_config.good.yml", Input::kConfig, true},
};

// Every line a sample with its time. The dumps of a database have no end marker and one family in many
// places; those in text write the name as a label.
Result<void> check_dump(const std::string& text, wire::ExpositionFormat format) {
    wire::Parser parser(text, format);
    wire::SeriesLabels labels;
    for (wire::Step step = parser.next(); step != wire::Step::kEnd; step = parser.next()) {
        if (step == wire::Step::kError) return parser.error();
        if (step != wire::Step::kSample) continue;
        const std::string_view series = parser.series();
        KW_TRY(series.starts_with('{') ? labels.read_labels(series, format)
                                       : labels.read(series, format));
        const auto is_name = [](const LabelView& label) { return label.name == kMetricName; };
        if (std::none_of(labels.labels().begin(), labels.labels().end(), is_name) ||
            !parser.has_timestamp()) {
            return invalid("line {}: without a name or a time", parser.line());
        }
    }
    return {};
}

Result<void> check_series_dump(const std::string& text) {
    std::istringstream lines(text);
    simdjson::dom::parser parser;
    for (std::string line; std::getline(lines, line);) {
        simdjson::dom::object labels;
        if (parser.parse(line).get(labels) != simdjson::SUCCESS)
            return invalid("{} is no JSON object", line);
    }
    return {};
}

// Runs a check as the command line would; its error is what it said.
template <typename Check, typename Options>
Result<std::string> run_check(Check check, const Options& options, const std::string& input = {}) {
    fs::RealFileSystem files;
    std::istringstream in(input);
    std::ostringstream out;
    std::ostringstream err;
    app::CommandContext context{files, in, out, err};
    if (check(context, options) == app::kExitFailed) return invalid("{}", err.str());
    return err.str();
}

// What the linter said, or why the input was refused.
Result<std::string> judge_rules(const Case& one, const stdfs::path& path, const std::string& text) {
    const auto said_nothing = [](Result<void> result) {
        return result.ok() ? Result<std::string>(std::string())
                           : Result<std::string>(result.error());
    };
    switch (one.input) {
        case Input::kRules: {
            app::CheckRulesOptions options;
            options.files = {path.string()};
            return run_check(app::check_rules, options);
        }
        case Input::kConfig:
        case Input::kConfigSyntax: {
            app::CheckConfigOptions options;
            options.files = {path.string()};
            options.syntax_only = one.input == Input::kConfigSyntax;
            options.lint.checks = {"all"};
            return run_check(app::check_config, options);
        }
        case Input::kTargets: {
            const auto groups = app::read_target_groups(text, path.string());
            return said_nothing(groups.ok() ? Result<void>() : Result<void>(groups.error()));
        }
        case Input::kMetrics:
            return run_check(app::check_metrics, app::CheckMetricsOptions{}, text);
        case Input::kDumpText: return said_nothing(check_dump(text, wire::ExpositionFormat::kText));
        case Input::kDumpOpenMetrics: {
            const bool has_end = text.ends_with("# EOF\n");
            return said_nothing(check_dump(has_end ? text : text + "# EOF\n",
                                           wire::ExpositionFormat::kOpenMetrics));
        }
        case Input::kDumpSeries: return said_nothing(check_series_dump(text));
        case Input::kRuleTests: {
            app::TestRulesOptions options;
            options.files = {path.string()};
            return run_check(app::test_rules, options);
        }
    }
    return std::string();
}

// Whether a line of `text` begins with one of `keys`.
bool has_key(const std::string& text, std::initializer_list<std::string_view> keys) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        for (const std::string_view key : keys) {
            if (line.starts_with(key)) return true;
        }
    }
    return false;
}

Input input_of(const std::string& name, const std::string& text) {
    if (name.starts_with("dump-openmetrics")) return Input::kDumpOpenMetrics;
    if (name.starts_with("dump-series")) return Input::kDumpSeries;
    if (name.starts_with("dump-")) return Input::kDumpText;
    if (name.ends_with(".prom")) return Input::kMetrics;
    if (name.find("sd-file") != std::string::npos) return Input::kTargets;
    if (has_key(text, {"tests:", "evaluation_interval:"}) &&
        !has_key(text, {"scrape_configs:", "global:"})) {
        return Input::kRuleTests;
    }
    return has_key(text, {"groups:"}) ? Input::kRules : Input::kConfigSyntax;
}

// A file of the folder that is not known here.
Case case_of(const std::string& name, const std::string& text) {
    const bool accept = !name.starts_with("bad-") && accepted_by_name(name).value_or(true);
    return {.file = name, .input = input_of(name, text), .accept = accept};
}

void run_case(const Case& one, const stdfs::path& path, const std::string& text, bool known,
              Tally& tally) {
    if (one.input == Input::kRuleTests && !known) {
        return tally.skip("nothing says whether the tests of this file pass");
    }
    const Result<std::string> said = judge_rules(one, path, text);
    if (said.ok() != one.accept) {
        tally.fail(one.file, said.ok() ? "was accepted, must be refused"
                                       : "refused: " + said.error().message);
    } else if (known && said.ok() && one.remark.empty() && !said->empty()) {
        tally.fail(one.file, "remarks where there are none to make: " + said.value());
    } else if (said.ok() && said->find(one.remark) == std::string::npos) {
        tally.fail(one.file, fmt::format("no remark on {}, but: {}", one.remark, said.value()));
    } else {
        tally.pass();
    }
}

}  // namespace

void run_promtool(const stdfs::path& folder, Tally& tally) {
    std::vector<stdfs::path> paths;
    for (const stdfs::directory_entry& entry : stdfs::directory_iterator(folder)) {
        if (entry.is_regular_file() && entry.path().filename() != "expect.json")
            paths.push_back(entry.path());
    }
    std::ranges::sort(paths);
    for (const stdfs::path& path : paths) {
        const std::string name = path.filename().string();
        std::string text;
        if (!read_file(path, text, tally)) continue;
        bool known = false;
        for (const Case& one : kKnownCases) {
            if (one.file != name) continue;
            known = true;
            run_case(one, path, text, known, tally);
        }
        if (!known) run_case(case_of(name, text), path, text, known, tally);
    }
}

}  // namespace kw::conformance
