#include "conformance/promqltest.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/clock.h"
#include "base/environment.h"
#include "base/fs/memory.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/thread_pool.h"
#include "contract/memory_store.h"
#include "model/matcher.h"
#include "promql/engine.h"

namespace kw::conformance {
namespace {

using promql::QueryResult;
using promql::ResultSeries;
using Kind = ScriptPoint::Kind;
using Outcome = ScriptCase::Outcome;

// What an `expect warn`-like line asks for.
struct Expected {
    bool is_set = false;
    std::vector<std::string> texts;  // each remark must be one of these or match a pattern
    std::vector<AnchoredRegex> patterns;
    std::vector<std::string> pattern_texts;
};

struct Eval {
    int line = 0;
    std::string command;
    std::string query;
    bool is_range = false;
    Millis start;
    Millis end;
    int64_t step_ms = 0;
    bool fails = false;
    bool is_ordered = false;
    bool no_warnings = false;
    bool no_infos = false;
    Expected failure;
    Expected warnings;
    Expected infos;
    std::optional<std::string> string;
    std::optional<double> scalar;
    struct Times {
        int64_t start_ms = 0;
        int64_t step_ms = 1;
    };
    std::optional<Times> matrix_times;
    std::vector<SeriesLine> series;
};

// The word at the front, taken off `rest`.
std::string_view take_word(std::string_view& rest) {
    rest = trimmed(rest);
    const size_t end = std::min(rest.find_first_of(" \t"), rest.size());
    const std::string_view word = rest.substr(0, end);
    rest = trimmed(rest.substr(end));
    return word;
}

// A query's own quoted text, with the escapes of its kind of quote undone.
std::string unquoted(std::string_view text) {
    if (text.size() < 2) return std::string(text);
    const bool is_raw = text[0] == '`';
    text = text.substr(1, text.size() - 2);
    std::string out;
    for (size_t i = 0; i < text.size(); ++i) {
        if (!is_raw && text[i] == '\\' && i + 1 < text.size()) ++i;
        out += text[i];
    }
    return out;
}

class Script final {
 public:
    explicit Script(const std::function<void(const ScriptCase&)>& report)
        : report_(report), pool_("script", 1), env_{clock_, files_, log_, metrics_, pool_} {
        promql::EngineOptions options;
        options.features = promql::ParseOptions::all_features();
        options.delayed_name_removal = true;
        options.query_memory_bytes = 256 << 20;
        engine_.emplace(env_, store_, options);
    }

    Result<void> run(std::string_view text) {
        std::vector<std::string_view> lines;
        while (!text.empty()) {
            const size_t end = std::min(text.find('\n'), text.size());
            lines.push_back(text.substr(0, end));
            text.remove_prefix(std::min(end + 1, text.size()));
        }
        for (size_t i = 0; i < lines.size();) {
            if (is_blank(lines[i])) {
                ++i;
                continue;
            }
            size_t end = i + 1;
            while (end < lines.size() && !is_blank(lines[end])) ++end;
            // A command without lines of its own may stand right above the next.
            const std::string_view first = trimmed(lines[i]);
            if (first == "clear") end = i + 1;
            Result<void> done = command(
                static_cast<int>(i) + 1, first,
                {lines.begin() + static_cast<long>(i) + 1, lines.begin() + static_cast<long>(end)});
            if (!done.ok()) return std::move(done).with_context(fmt::format("line {}", i + 1));
            i = end;
        }
        return {};
    }

 private:
    static bool is_blank(std::string_view line) {
        line = trimmed(line);
        return line.empty() || line[0] == '#';
    }

    Result<void> command(int line, std::string_view first, std::vector<std::string_view> rest) {
        std::string_view words = first;
        const std::string_view verb = take_word(words);
        if (verb == "clear") {
            store_.clear();
            return {};
        }
        if (verb == "load" || verb == "load_with_nhcb")
            return load(words, rest, verb == "load_with_nhcb");
        if (verb == "eval" || verb.starts_with("eval_")) {
            KW_TRY_ASSIGN(const Eval eval, parse_eval(line, verb, first, words, rest));
            report_(judge(eval));
            return {};
        }
        return invalid("not a command: {}", first);
    }

    // --- load

    Result<void> load(std::string_view step_text, const std::vector<std::string_view>& rest,
                      bool with_nhcb) {
        KW_TRY_ASSIGN(const int64_t step_ms, parse_script_time(step_text));
        std::vector<std::optional<int64_t>> starts;
        // Of two lines for one series in a load, the later counts.
        std::map<LabelSet, SeriesLine> lines;
        for (const std::string_view line : rest) {
            KW_TRY_ASSIGN(SeriesLine series, parse_series_line(line));
            if (series.is_starts) {
                starts = std::move(series.starts_ms);
                continue;
            }
            series.starts_ms = std::exchange(starts, {});
            const LabelSet labels = series.labels;
            lines.insert_or_assign(labels, std::move(series));
        }
        for (const auto& [labels, series] : lines) {
            for (size_t i = 0; i < series.points.size(); ++i) {
                const ScriptPoint& point = series.points[i];
                if (point.kind == Kind::kNone) continue;
                const Millis t{static_cast<int64_t>(i) * step_ms};
                const bool has_start = i < series.starts_ms.size() && series.starts_ms[i];
                store_.add(labels, t, point.value, has_start ? t + *series.starts_ms[i] : kNoStart,
                           point.histogram);
            }
        }
        if (!with_nhcb) return {};
        for (const SeriesLine& series : native_series_of(lines)) {
            for (size_t i = 0; i < series.points.size(); ++i) {
                const ScriptPoint& point = series.points[i];
                if (point.kind == Kind::kNone) continue;
                store_.add(series.labels, Millis{static_cast<int64_t>(i) * step_ms}, point.value,
                           kNoStart, point.histogram);
            }
        }
        return {};
    }

    // --- eval

    static Result<void> expect_text(Expected& expected, std::string_view rest) {
        expected.is_set = true;
        rest = trimmed(rest);
        if (rest.empty()) return {};
        if (rest.starts_with("msg:")) {
            expected.texts.emplace_back(trimmed(rest.substr(4)));
            return {};
        }
        if (!rest.starts_with("regex:")) return invalid("neither msg: nor regex: {}", rest);
        const std::string pattern(trimmed(rest.substr(6)));
        KW_TRY_ASSIGN(AnchoredRegex regex, AnchoredRegex::compile(".*(?:" + pattern + ").*"));
        expected.patterns.push_back(std::move(regex));
        expected.pattern_texts.push_back(pattern);
        return {};
    }

    static Result<void> parse_expect(Eval& eval, std::string_view rest) {
        const std::string_view what = take_word(rest);
        if (what == "fail") {
            eval.fails = true;
            return expect_text(eval.failure, rest);
        }
        if (what == "warn") return expect_text(eval.warnings, rest);
        if (what == "info") return expect_text(eval.infos, rest);
        if (what == "no_warn")
            eval.no_warnings = true;
        else if (what == "no_info")
            eval.no_infos = true;
        else if (what == "ordered")
            eval.is_ordered = true;
        else if (what == "string")
            eval.string = unquoted(rest);
        else if (what == "range") {
            // vector from A to B step C
            std::vector<std::string_view> words;
            while (!rest.empty()) words.push_back(take_word(rest));
            if (words.size() != 7) return invalid("want: expect range vector from A to B step C");
            KW_TRY_ASSIGN(const int64_t start_ms, parse_script_time(words[2]));
            KW_TRY_ASSIGN(const int64_t step_ms, parse_script_time(words[6]));
            eval.matrix_times = Eval::Times{start_ms, step_ms};
        } else {
            return invalid("expects what? {}", what);
        }
        return {};
    }

    static Result<Eval> parse_eval(int line, std::string_view verb, std::string_view first,
                                   std::string_view words,
                                   const std::vector<std::string_view>& rest) {
        Eval eval;
        eval.line = line;
        eval.command = first;
        if (verb == "eval_fail") eval.fails = true;
        if (verb == "eval_warn") eval.warnings.is_set = true;
        if (verb == "eval_info") eval.infos.is_set = true;
        if (verb == "eval_ordered") eval.is_ordered = true;
        const std::string_view kind = take_word(words);
        if (kind == "range") {
            eval.is_range = true;
            int64_t numbers[3] = {};
            for (const auto& [index, keyword] : {std::pair{0, "from"}, {1, "to"}, {2, "step"}}) {
                if (take_word(words) != keyword) return invalid("want `{}` in {}", keyword, first);
                KW_TRY_ASSIGN(numbers[index], parse_script_time(take_word(words)));
            }
            eval.start = {numbers[0]};
            eval.end = {numbers[1]};
            eval.step_ms = numbers[2];
        } else if (kind == "instant") {
            std::string_view after = words;
            if (take_word(after) == "at") {
                KW_TRY_ASSIGN(const int64_t at_ms, parse_script_time(take_word(after)));
                eval.start = eval.end = {at_ms};
                words = after;
            }
        } else {
            return invalid("eval of what? {}", kind);
        }
        eval.query = words;
        for (const std::string_view whole : rest) {
            std::string_view text = trimmed(whole);
            std::string_view tail = text;
            const std::string_view word = take_word(tail);
            if (word == "expect") {
                KW_TRY(parse_expect(eval, tail));
            } else if (word == "expected_fail_message") {
                eval.failure.texts.emplace_back(tail);
            } else if (word == "expected_fail_regexp") {
                KW_TRY(expect_text(eval.failure, fmt::format("regex:{}", tail)));
            } else if (is_series_line(text)) {
                KW_TRY_ASSIGN(eval.series.emplace_back(), parse_series_line(text));
            } else {
                KW_TRY_ASSIGN(eval.scalar, parse_value(text));
            }
        }
        return eval;
    }

    // --- judging

    Result<QueryResult> evaluate(const Eval& eval) {
        const CancelToken cancel;
        if (!eval.is_range) return engine_->instant(eval.query, eval.start, {}, cancel);
        return engine_->range(eval.query, eval.start, eval.end, eval.step_ms, {}, cancel);
    }

    ScriptCase judge(const Eval& eval) {
        ScriptCase out{eval.line, eval.command, Outcome::kPassed, ""};
        const Result<QueryResult> result = evaluate(eval);
        out.why = difference(eval, result);
        if (out.why.empty() && result.ok() && !eval.is_range)
            out.why = difference_as_range(eval, *result);
        if (!out.why.empty()) out.outcome = Outcome::kFailed;
        return out;
    }

    static std::string difference(const Eval& eval, const Result<QueryResult>& result) {
        if (eval.fails) {
            if (result.ok()) return "succeeds, should fail";
            return unexpected("error", eval.failure, {result.error().message});
        }
        if (!result.ok()) return fmt::format("fails: {}", result.error().message);
        std::string why = unexpected("warning", eval.warnings, result->warnings);
        if (why.empty()) why = unexpected("info", eval.infos, result->infos);
        if (why.empty() && eval.no_warnings && !result->warnings.empty()) {
            why = fmt::format("unexpected warning: {}", result->warnings[0]);
        }
        if (why.empty() && eval.no_infos && !result->infos.empty()) {
            why = fmt::format("unexpected info: {}", result->infos[0]);
        }
        if (!why.empty()) return why;
        if (eval.string) {
            return result->string == *eval.string
                       ? ""
                       : fmt::format("string {}", quoted(result->string));
        }
        if (result->type == promql::ValueType::kScalar)
            return scalar_difference(eval, result->scalar);
        return series_difference(eval, *result);
    }

    // Why `remarks` are not what `expected` asks for.
    static std::string unexpected(std::string_view what, const Expected& expected,
                                  const std::vector<std::string>& remarks) {
        if (!expected.is_set && expected.texts.empty()) return "";
        if (remarks.empty()) return fmt::format("no {} where one is expected", what);
        if (expected.texts.empty() && expected.patterns.empty()) return "";
        for (const std::string& remark : remarks) {
            const bool is_text = std::ranges::find(expected.texts, remark) != expected.texts.end();
            const bool is_match = std::ranges::any_of(
                expected.patterns,
                [&](const AnchoredRegex& regex) { return regex.matches(remark); });
            if (!is_text && !is_match) {
                return fmt::format(
                    "{} {} instead of {}", what, remark,
                    !expected.texts.empty() ? expected.texts[0] : expected.pattern_texts[0]);
            }
        }
        return "";
    }

    static std::string scalar_difference(const Eval& eval, double got) {
        double want = 0;
        if (eval.scalar)
            want = *eval.scalar;
        else if (eval.series.size() == 1 && eval.series[0].points.size() == 1)
            want = eval.series[0].points[0].value;
        else
            return fmt::format("scalar {} is not expected", format_value(got));
        if (almost_equal(want, got)) return "";
        return fmt::format("scalar {}, want {}", format_value(got), format_value(want));
    }

    using Points = std::map<int64_t, ScriptPoint>;

    static Points points_of(const QueryResult& result, const ResultSeries& series) {
        Points points;
        result.each_point(series, [&](Millis t, double value) {
            points[t.count] = {Kind::kFloat, value, nullptr};
        });
        result.each_histogram(series, [&](Millis t, const Histogram& value) {
            points[t.count] = {Kind::kHistogram, 0, std::make_shared<const Histogram>(value)};
        });
        return points;
    }

    static std::string series_difference(const Eval& eval, const QueryResult& result) {
        if (eval.scalar) return "a vector, want a scalar";
        std::map<LabelSet, const ResultSeries*> got;
        for (const ResultSeries& series : result.series) {
            if (!got.emplace(series.labels, &series).second) {
                return fmt::format("series {} twice", series.labels.to_string());
            }
        }
        for (size_t i = 0; i < eval.series.size(); ++i) {
            const SeriesLine& want = eval.series[i];
            Points points;
            const int64_t start_ms =
                eval.matrix_times ? eval.matrix_times->start_ms : eval.start.count;
            const int64_t step_ms = eval.matrix_times ? eval.matrix_times->step_ms : eval.step_ms;
            for (size_t p = 0; p < want.points.size(); ++p) {
                if (want.points[p].kind == Kind::kNone) continue;
                points[start_ms + static_cast<int64_t>(p) * step_ms] = want.points[p];
            }
            const auto it = got.find(want.labels);
            if (it == got.end()) {
                if (points.empty()) continue;
                return fmt::format("series {} is missing{}", want.labels.to_string(), list(got));
            }
            if (eval.is_ordered &&
                (i >= result.series.size() || result.series[i].labels != want.labels)) {
                return fmt::format("series {} is not at place {}", want.labels.to_string(), i);
            }
            const Points there = points_of(result, *it->second);
            for (const auto& [t, value] : points) {
                const auto point = there.find(t);
                if (point == there.end()) {
                    return fmt::format("{} at {} ms: absent, want {}", want.labels.to_string(), t,
                                       point_text(value));
                }
                if (!equal_enough(value, point->second)) {
                    return fmt::format("{} at {} ms: {}, want {}", want.labels.to_string(), t,
                                       point_text(point->second), point_text(value));
                }
            }
            if (there.size() != points.size()) {
                return fmt::format("{} has {} values, want {}", want.labels.to_string(),
                                   there.size(), points.size());
            }
            got.erase(it);
        }
        if (!got.empty()) return fmt::format("unexpected series{}", list(got));
        return "";
    }

    static std::string list(const std::map<LabelSet, const ResultSeries*>& series) {
        std::string out;
        for (const auto& [labels, one] : series) out += "\n      " + labels.to_string();
        return out;
    }

    // Runs the instant query as the middle of a range query; both must agree there.
    std::string difference_as_range(const Eval& eval, const QueryResult& instant) {
        if (instant.type != promql::ValueType::kVector &&
            instant.type != promql::ValueType::kScalar)
            return "";
        // These name the query's own range.
        for (const std::string_view word : {"start()", "end()", "step()", "range()"}) {
            std::string lower = eval.query;
            for (char& c : lower)
                c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
            if (lower.find(word) != std::string::npos) return "";
        }
        Eval around = eval;
        around.is_range = true;
        around.step_ms = 60'000;
        around.start = eval.start - around.step_ms;
        around.end = eval.start + around.step_ms;
        const Result<QueryResult> result = evaluate(around);
        if (!result.ok()) return fmt::format("as a range query: fails: {}", result.error().message);
        std::map<LabelSet, ScriptPoint> middle;
        for (const ResultSeries& series : result->series) {
            const Points points = points_of(*result, series);
            const auto it = points.find(eval.start.count);
            if (it != points.end()) middle[series.labels] = it->second;
        }
        std::map<LabelSet, ScriptPoint> want;
        if (instant.type == promql::ValueType::kScalar)
            want[LabelSet()] = {Kind::kFloat, instant.scalar, nullptr};
        for (const ResultSeries& series : instant.series) {
            const Points points = points_of(instant, series);
            if (!points.empty()) want[series.labels] = points.begin()->second;
        }
        if (middle.size() != want.size()) {
            return fmt::format("as a range query: {} series, want {}", middle.size(), want.size());
        }
        for (const auto& [labels, value] : want) {
            const auto it = middle.find(labels);
            if (it == middle.end() || !equal_enough(value, it->second)) {
                return fmt::format("as a range query: {} is {}, want {}", labels.to_string(),
                                   it == middle.end() ? "absent" : point_text(it->second),
                                   point_text(value));
            }
        }
        return "";
    }

    const std::function<void(const ScriptCase&)>& report_;
    RealClock clock_;
    fs::MemoryFileSystem files_;
    Log log_ = Log::silent();
    MetricRegistry metrics_;
    ThreadPool pool_;
    Environment env_;
    MemoryStore store_;
    std::optional<promql::Engine> engine_;
};

}  // namespace

bool almost_equal(double a, double b) {
    constexpr double kEpsilon = 1e-6;
    if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
    if (a == b) return true;
    const double sum = std::fabs(a) + std::fabs(b);
    const double difference = std::fabs(a - b);
    constexpr double kSmallest = std::numeric_limits<double>::min();
    if (a == 0 || b == 0 || sum < kSmallest) return difference < kEpsilon * kSmallest;
    return difference / std::min(sum, std::numeric_limits<double>::max()) < kEpsilon;
}

Result<void> run_script(std::string_view text,
                        const std::function<void(const ScriptCase&)>& report) {
    return Script(report).run(text);
}

}  // namespace kw::conformance
