#include "rules/rule_tests.h"

#include <re2/re2.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "base/clock.h"
#include "base/fs/file_system.h"
#include "base/metrics.h"
#include "contract/memory_store.h"
#include "model/histogram_text.h"
#include "model/native_histogram.h"
#include "model/sample.h"
#include "promql/engine.h"
#include "promql/series_notation.h"
#include "rules/active_group.h"
#include "rules/rule_file.h"
#include "settings/schema.h"
#include "settings/section.h"
#include "yaml/yaml.h"

namespace kw::rules {
namespace {

using namespace settings;

// Of one test: eval_time over interval. A day of seconds has 86,400.
constexpr int64_t kStepsMax = 1'000'000;

constexpr Field kInputSeriesFields[] = {required(text("series")), text("values")};
constexpr Block kInputSeriesBlock = {"input series", kInputSeriesFields};

constexpr Field kExpectedAlertFields[] = {labels("exp_labels"), text_map("exp_annotations")};
constexpr Block kExpectedAlertBlock = {"expected alert", kExpectedAlertFields};
constexpr Field kAlertTestFields[] = {duration("eval_time"), text("alertname"),
                                      blocks("exp_alerts", kExpectedAlertBlock)};
constexpr Block kAlertTestBlock = {"alert test", kAlertTestFields};

constexpr Field kSampleFields[] = {text("labels"), real("value"), text("histogram")};
constexpr Block kSampleBlock = {"expected sample", kSampleFields};
constexpr Field kExprTestFields[] = {required(text("expr")), duration("eval_time"),
                                     blocks("exp_samples", kSampleBlock)};
constexpr Block kExprTestBlock = {"expression test", kExprTestFields};

constexpr Field kTestFields[] = {
    text("name"),
    duration("interval"),
    blocks("input_series", kInputSeriesBlock),
    blocks("alert_rule_test", kAlertTestBlock),
    blocks("promql_expr_test", kExprTestBlock),
    labels("external_labels"),
    text("external_url"),
};
constexpr Block kTestBlock = {"test", kTestFields};

constexpr Field kFileFields[] = {
    texts("rule_files"),   duration("evaluation_interval", "1m"), texts("group_eval_order"),
    flag("fuzzy_compare"), blocks("tests", kTestBlock),
};
constexpr Block kFileBlock = {"test file", kFileFields};

struct InputSeries {
    LabelSet labels;
    std::vector<promql::ScriptPoint> points;
};

// What an alert is compared by.
struct SeenAlert {
    LabelSet labels;
    TextPairs annotations;
    auto operator<=>(const SeenAlert&) const = default;
};

std::string text_of(const std::vector<SeenAlert>& alerts) {
    std::string out;
    for (const SeenAlert& alert : alerts) {
        out += "\n        " + alert.labels.to_string();
        for (const auto& [name, value] : alert.annotations) out += " " + name + "=" + quoted(value);
    }
    return out.empty() ? "\n        nothing" : out;
}

LabelSet labels_of(const TextsByName& map) {
    LabelBuilder builder;
    for (const auto& [name, values] : map) builder.set(name, values.front());
    return builder.build();
}

std::string directory_of(const std::string& path) {
    const size_t slash = path.find_last_of('/');
    return slash == std::string::npos ? std::string() : path.substr(0, slash + 1);
}

// One test at work.
class TestRun {
 public:
    TestRun(Environment& env, const Section& file, const Section& test, const TestOptions& options,
            const std::vector<Group>& groups)
        : env_{clock_, env.files, env.log, metrics_, env.pool},
          file_(file),
          test_(test),
          interval_ms_(test.integer("interval") > 0 ? test.integer("interval")
                                                    : file.integer("evaluation_interval")),
          evaluation_interval_ms_(file.integer("evaluation_interval")),
          engine_(env_, store_, engine_options(options, evaluation_interval_ms_)) {
        auto context = std::make_shared<const RuleContext>(RuleContext{
            engine_, store_, labels_of(test.map("external_labels")), test.text("external_url")});
        GroupOptions group_options;
        group_options.defaults.interval_ms = interval_ms_;
        for (const Group& group : groups) {
            groups_.push_back(
                std::make_unique<ActiveGroup>(env_, group, context, group_options, true));
        }
    }

    // Appends to `failures`. Errors: as run_rule_tests().
    Result<void> run(std::vector<std::string>& failures) {
        KW_TRY(read_input());
        KW_TRY_ASSIGN(const int64_t end_ms, last_time());
        const size_t before = failures.size();
        for (int64_t at_ms = 0; at_ms <= end_ms; at_ms += evaluation_interval_ms_) {
            load_until(at_ms);
            clock_.set(Millis{at_ms});
            evaluate(Millis{at_ms}, failures);
            if (failures.size() > before) return {};
            compare_alerts(at_ms, failures);
        }
        return compare_expressions(failures);
    }

 private:
    static promql::EngineOptions engine_options(const TestOptions& options, int64_t interval_ms) {
        promql::EngineOptions engine;
        engine.features = options.features;
        engine.subquery_step_ms = interval_ms;
        return engine;
    }

    Result<void> read_input() {
        for (const Section& section : test_.sections("input_series")) {
            InputSeries series;
            Result<LabelSet> labels = promql::parse_series_labels(section.text("series"));
            if (!labels.ok()) return section.error("series", "{}", labels.error().message);
            series.labels = std::move(labels).value();
            Result<std::vector<promql::ScriptPoint>> points =
                promql::parse_series_points(section.text("values"));
            if (!points.ok()) return section.error("values", "{}", points.error().message);
            series.points = std::move(points).value();
            input_.push_back(std::move(series));
        }
        return {};
    }

    // The last time that a test asks for.
    Result<int64_t> last_time() const {
        int64_t end_ms = 0;
        for (const char* const key : {"alert_rule_test", "promql_expr_test"}) {
            for (const Section& one : test_.sections(key))
                end_ms = std::max(end_ms, one.integer("eval_time"));
        }
        if (end_ms / evaluation_interval_ms_ > kStepsMax || end_ms / interval_ms_ > kStepsMax) {
            return test_.error("", "takes more than {} steps; use a longer interval", kStepsMax);
        }
        return end_ms;
    }

    // Point i of a series is at i × interval.
    void load_until(int64_t end_ms) {
        for (; static_cast<int64_t>(loaded_) * interval_ms_ <= end_ms; ++loaded_) {
            const Millis at{static_cast<int64_t>(loaded_) * interval_ms_};
            for (const InputSeries& series : input_) {
                if (loaded_ >= series.points.size()) continue;
                const promql::ScriptPoint& point = series.points[loaded_];
                if (point.kind == promql::ScriptPoint::Kind::kNone) continue;
                store_.add(series.labels, at, point.value, kNoStart, point.histogram);
            }
        }
    }

    void evaluate(Millis at, std::vector<std::string>& failures) {
        for (const std::unique_ptr<ActiveGroup>& group : groups_) {
            group->evaluate(at, nullptr, nullptr, cancel_);
            for (const std::unique_ptr<ActiveRule>& rule : group->rules()) {
                const std::shared_ptr<const RuleStatus> status = rule->status();
                if (status->last_error.empty()) continue;
                failures.push_back(fmt::format("rule: {}, time: {}, err: {}", rule->rule().name,
                                               format_duration_ms(at.count), status->last_error));
            }
        }
    }

    std::vector<SeenAlert> firing(const std::string& name) const {
        std::vector<SeenAlert> seen;
        for (const std::unique_ptr<ActiveGroup>& group : groups_) {
            for (const std::unique_ptr<ActiveRule>& rule : group->rules()) {
                if (!rule->is_alerting() || rule->rule().name != name) continue;
                for (const Alert& alert : rule->status()->alerts) {
                    if (alert.state == AlertState::kFiring)
                        seen.push_back({alert.labels, alert.annotations});
                }
            }
        }
        std::sort(seen.begin(), seen.end());
        return seen;
    }

    // Alerts whose time is in [at, at + interval).
    void compare_alerts(int64_t at_ms, std::vector<std::string>& failures) const {
        for (const Section& one : test_.sections("alert_rule_test")) {
            const int64_t eval_ms = one.integer("eval_time");
            if (eval_ms < at_ms || eval_ms >= at_ms + evaluation_interval_ms_) continue;
            std::vector<SeenAlert> want;
            for (const Section& alert : one.sections("exp_alerts")) {
                LabelBuilder labels(labels_of(alert.map("exp_labels")));
                labels.set("alertname", one.text("alertname"));
                SeenAlert expected{labels.build(), {}};
                for (const auto& [name, values] : alert.map("exp_annotations")) {
                    expected.annotations.emplace_back(name, values.front());
                }
                std::sort(expected.annotations.begin(), expected.annotations.end());
                want.push_back(std::move(expected));
            }
            std::sort(want.begin(), want.end());
            const std::vector<SeenAlert> got = firing(one.text("alertname"));
            if (got == want) continue;
            failures.push_back(fmt::format("alertname: {}, time: {},\n    exp:{}\n    got:{}",
                                           one.text("alertname"), format_duration_ms(eval_ms),
                                           text_of(want), text_of(got)));
        }
    }

    // The hint of a histogram counts where one is wanted.
    static bool is_same(const Histogram& got, const Histogram& want) {
        return same_observations(from_stored(got), from_stored(want)) &&
               (want.counter_reset_hint == CounterResetHint::kUnknown ||
                want.counter_reset_hint == got.counter_reset_hint);
    }
    bool is_same(const Sample& got, const Sample& want) const {
        if (got.labels != want.labels || !got.histogram != !want.histogram) return false;
        return want.histogram ? is_same(*got.histogram, *want.histogram)
                              : is_same(got.value, want.value);
    }
    bool is_same(double got, double want) const {
        if (std::isnan(got) && std::isnan(want)) return true;
        if (got == want) return true;
        return file_.flag("fuzzy_compare") &&
               (std::nextafter(got, -INFINITY) == want || std::nextafter(got, INFINITY) == want);
    }

    Result<void> compare_expressions(std::vector<std::string>& failures) {
        for (const Section& one : test_.sections("promql_expr_test")) {
            const Millis at{one.integer("eval_time")};
            std::vector<Sample> want;
            for (const Section& sample : one.sections("exp_samples")) {
                Result<LabelSet> labels = promql::parse_series_labels(sample.text("labels"));
                if (!labels.ok()) return sample.error("labels", "{}", labels.error().message);
                want.push_back({std::move(labels).value(), sample.real("value"), nullptr});
                if (!sample.has("histogram")) continue;
                Result<Histogram> histogram = parse_histogram(sample.text("histogram"));
                if (!histogram.ok())
                    return sample.error("histogram", "{}", histogram.error().message);
                want.back().histogram =
                    std::make_shared<const Histogram>(std::move(histogram).value());
            }
            Result<std::vector<Sample>> got = query_samples(engine_, one.text("expr"), at, cancel_);
            const std::string title = fmt::format("expr: {}, time: {}", quoted(one.text("expr")),
                                                  format_duration_ms(at.count));
            if (!got.ok()) {
                failures.push_back(fmt::format("{}, err: {}", title, got.error().message));
                continue;
            }
            const auto by_labels = [](const Sample& lhs, const Sample& rhs) {
                return lhs.labels < rhs.labels;
            };
            std::sort(want.begin(), want.end(), by_labels);
            std::sort(got->begin(), got->end(), by_labels);
            const auto same = [&](const Sample& lhs, const Sample& rhs) {
                return is_same(lhs, rhs);
            };
            if (std::equal(got->begin(), got->end(), want.begin(), want.end(), same)) continue;
            failures.push_back(fmt::format("{},\n    exp:{}\n    got:{}", title, samples_text(want),
                                           samples_text(*got)));
        }
        return {};
    }

    static std::string samples_text(const std::vector<Sample>& samples) {
        std::string out;
        for (const Sample& sample : samples) {
            out += fmt::format("\n        {} {}", sample.labels.to_string(),
                               sample.histogram ? histogram_text(from_stored(*sample.histogram))
                                                : format_value(sample.value));
        }
        return out.empty() ? "\n        nothing" : out;
    }

    FakeClock clock_{Millis{0}};
    MetricRegistry metrics_;
    Environment env_;
    const Section& file_;
    const Section& test_;
    const int64_t interval_ms_;
    const int64_t evaluation_interval_ms_;
    MemoryStore store_;
    promql::Engine engine_;
    CancelToken cancel_;
    std::vector<std::unique_ptr<ActiveGroup>> groups_;
    std::vector<InputSeries> input_;
    size_t loaded_ = 0;  // points of each series that are in the store
};

Result<std::vector<Group>> load_groups(Environment& env, const Section& file,
                                       const std::string& path, const TestOptions& options,
                                       const GlobExpander& expand_glob) {
    ReadOptions reading;
    reading.features = options.features;
    reading.ignores_unknown_keys = options.ignores_unknown_keys;
    std::vector<Group> groups;
    for (const std::string& pattern : file.texts("rule_files")) {
        const std::string full = pattern.starts_with('/') ? pattern : directory_of(path) + pattern;
        KW_TRY_ASSIGN(const std::vector<std::string> paths, expand_glob(full));
        if (paths.empty()) return file.error("rule_files", "{} names no file", pattern);
        for (const std::string& one : paths) {
            KW_TRY_ASSIGN(const std::string text, fs::read_file(env.files, one, kRuleFileBytesMax));
            KW_TRY_ASSIGN(RuleFile rules, read_rule_file(text, one, reading));
            for (Group& group : rules.groups) groups.push_back(std::move(group));
        }
    }
    const Texts& order = file.texts("group_eval_order");
    const auto rank = [&](const Group& group) {
        return std::find(order.begin(), order.end(), group.name) - order.begin();
    };
    std::vector<std::pair<std::ptrdiff_t, size_t>> ranks;
    ranks.reserve(groups.size());
    for (size_t i = 0; i < groups.size(); ++i) ranks.emplace_back(rank(groups[i]), i);
    std::sort(ranks.begin(), ranks.end());
    std::vector<Group> ordered;
    ordered.reserve(groups.size());
    for (const auto& [first, i] : ranks) ordered.push_back(std::move(groups[i]));
    return ordered;
}

Result<bool> is_chosen(const std::string& name, const TestOptions& options) {
    if (options.run.empty()) return true;
    for (const std::string& pattern : options.run) {
        RE2::Options quiet;
        quiet.set_log_errors(false);
        const RE2 regex(pattern, quiet);
        if (!regex.ok()) return invalid("--run: {}: {}", quoted(pattern), regex.error());
        if (RE2::PartialMatch(name, regex)) return true;
    }
    return false;
}

}  // namespace

Result<TestReport> run_rule_tests(Environment& env, std::string_view text, const std::string& path,
                                  const TestOptions& options, const GlobExpander& expand_glob) {
    KW_TRY_ASSIGN(const YamlDocument document, parse_yaml(text, path));
    KW_TRY_ASSIGN(const Section file, read_section(document.root, kFileBlock, path));
    if (file.integer("evaluation_interval") <= 0) {
        return file.error("evaluation_interval", "must be longer than 0");
    }
    std::set<std::string> order;
    for (const std::string& name : file.texts("group_eval_order")) {
        if (!order.insert(name).second)
            return file.error("group_eval_order", "{} stands there twice", name);
    }
    KW_TRY_ASSIGN(const std::vector<Group> groups,
                  load_groups(env, file, path, options, expand_glob));
    TestReport report;
    for (const Section& test : file.sections("tests")) {
        KW_TRY_ASSIGN(const bool chosen, is_chosen(test.text("name"), options));
        if (!chosen) continue;
        ++report.test_count;
        std::vector<std::string> failures;
        KW_TRY(TestRun(env, file, test, options, groups).run(failures));
        for (std::string& failure : failures) {
            report.failures.push_back(
                fmt::format("{}:{}: {}{}", path, test.line(),
                            test.has("name") ? "name: " + test.text("name") + ", " : "", failure));
        }
    }
    return report;
}

}  // namespace kw::rules
