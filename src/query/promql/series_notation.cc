#include "promql/series_notation.h"

#include <cmath>

#include "model/histogram_text.h"
#include "model/native_histogram.h"
#include "model/sample.h"
#include "promql/parser.h"

namespace kw::promql {
namespace {

constexpr size_t kPointsMax = 1'000'000;

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

// Where the series ends and the points begin.
Result<size_t> series_end(std::string_view line) {
    size_t i = 0;
    while (i < line.size() && !is_blank(line[i]) && line[i] != '{') ++i;
    if (i < line.size() && line[i] == '{') {
        char quote = 0;
        for (++i; i < line.size(); ++i) {
            if (quote != 0) {
                if (line[i] == '\\' && quote != '`')
                    ++i;
                else if (line[i] == quote)
                    quote = 0;
            } else if (line[i] == '"' || line[i] == '\'' || line[i] == '`') {
                quote = line[i];
            } else if (line[i] == '}') {
                break;
            }
        }
        if (i >= line.size()) return invalid("no closing brace in {}", line);
        ++i;
    }
    return i;
}

Result<LabelSet> labels_of(std::string_view text) {
    if (trimmed(text) == "{}") return LabelSet();
    const size_t brace = text.find('{');
    if (brace != std::string_view::npos && trimmed(text.substr(brace)) == "{}")
        text = text.substr(0, brace);
    KW_TRY_ASSIGN(const std::vector<Matcher> matchers, parse_selector(text));
    LabelBuilder builder;
    for (const Matcher& matcher : matchers) {
        if (matcher.op() != MatchOp::kEqual) return invalid("not a label: {}", matcher.to_string());
        builder.set(matcher.name(), matcher.value());
    }
    return builder.build();
}

// The next token, `{{…}}` parts kept whole.
std::string_view next_token(std::string_view& rest) {
    rest = trimmed(rest);
    size_t i = 0;
    int depth = 0;
    for (; i < rest.size(); ++i) {
        if (rest[i] == '{')
            ++depth;
        else if (rest[i] == '}')
            --depth;
        else if (is_blank(rest[i]) && depth == 0)
            break;
    }
    const std::string_view token = rest.substr(0, i);
    rest.remove_prefix(i);
    return token;
}

Result<size_t> parse_count(std::string_view text) {
    size_t count = 0;
    if (text.empty()) return invalid("no number of repetitions");
    for (const char c : text) {
        if (c < '0' || c > '9') return invalid("not a number of repetitions: {}", text);
        count = count * 10 + static_cast<size_t>(c - '0');
        if (count > kPointsMax) return invalid("more than {} points", kPointsMax);
    }
    return count;
}

// Splits `…xN` into what is repeated and N; no N without an x.
struct Repetition {
    std::string_view what;
    std::optional<size_t> times;
};
Result<Repetition> split_repetition(std::string_view token) {
    const size_t x = token.rfind('x');
    const size_t brace = token.rfind('}');
    if (x == std::string_view::npos || (brace != std::string_view::npos && x < brace)) {
        return Repetition{token, {}};
    }
    KW_TRY_ASSIGN(const size_t times, parse_count(token.substr(x + 1)));
    return Repetition{token.substr(0, x), times};
}

// The place of the sign between two numbers, `1+2`, `-1e-5-3`; npos when there is one number only.
size_t inner_sign(std::string_view text) {
    for (size_t i = 1; i < text.size(); ++i) {
        if ((text[i] == '+' || text[i] == '-') && text[i - 1] != 'e' && text[i - 1] != 'E')
            return i;
    }
    return std::string_view::npos;
}

// `{{…}}`, `{{…}}+{{…}}`, `{{…}}-{{…}}`: `count` histograms, each the one before with the second added.
Result<void> add_histograms(std::string_view text, size_t count, std::vector<ScriptPoint>& points) {
    const size_t end = text.find("}}");
    if (end == std::string_view::npos) return invalid("no closing braces in {}", text);
    KW_TRY_ASSIGN(Histogram first, parse_histogram(text.substr(0, end + 2)));
    std::optional<NativeHistogram> step;
    double sign = 1;
    if (text = text.substr(end + 2); !text.empty()) {
        if (text[0] != '+' && text[0] != '-') return invalid("want + or - before {}", text);
        sign = text[0] == '-' ? -1 : 1;
        KW_TRY_ASSIGN(const Histogram more, parse_histogram(text.substr(1)));
        step = from_stored(more);
    }
    auto current = std::make_shared<const Histogram>(std::move(first));
    for (size_t i = 0; i < count; ++i) {
        if (i > 0 && step) {
            NativeHistogram next = from_stored(*current);
            MergeRemarks remarks;
            add_scaled(next, *step, sign, remarks);
            if (remarks.incompatible) return invalid("histograms that do not add up: {}", text);
            current = std::make_shared<const Histogram>(to_stored(next));
        }
        points.push_back({ScriptPoint::Kind::kHistogram, 0, current});
    }
    return {};
}

Result<void> add_points(std::string_view token, std::vector<ScriptPoint>& points) {
    KW_TRY_ASSIGN(const Repetition repeated, split_repetition(token));
    const std::string_view what = repeated.what;
    const size_t more = repeated.times.value_or(0);
    if (what == "_") {
        points.insert(points.end(), repeated.times.value_or(1), ScriptPoint{});
        return {};
    }
    if (what.starts_with("{{")) {
        return add_histograms(what, more + 1, points);
    }
    if (what == "stale") {
        points.insert(points.end(), more + 1,
                      ScriptPoint{ScriptPoint::Kind::kFloat, kStaleMarker, nullptr});
        return {};
    }
    const size_t sign = inner_sign(what);
    KW_TRY_ASSIGN(double value, parse_value(what.substr(0, sign)));
    double step = 0;
    if (sign != std::string_view::npos) {
        KW_TRY_ASSIGN(step, parse_value(what.substr(sign)));
    }
    for (size_t i = 0; i <= more; ++i) {
        points.push_back({ScriptPoint::Kind::kFloat, value, nullptr});
        value += step;
    }
    return {};
}

Result<void> add_starts(std::string_view token, std::vector<std::optional<int64_t>>& starts) {
    KW_TRY_ASSIGN(const Repetition repeated, split_repetition(token));
    if (repeated.what == "_") {
        starts.insert(starts.end(), repeated.times.value_or(1), std::nullopt);
        return {};
    }
    const size_t sign = inner_sign(repeated.what);
    KW_TRY_ASSIGN(int64_t start, parse_script_time(repeated.what.substr(0, sign)));
    int64_t step = 0;
    if (sign != std::string_view::npos) {
        KW_TRY_ASSIGN(step, parse_script_time(repeated.what.substr(sign)));
    }
    for (size_t i = 0; i <= repeated.times.value_or(0); ++i) {
        starts.push_back(start);
        start += step;
    }
    return {};
}

}  // namespace

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
    return text;
}

Result<int64_t> parse_script_time(std::string_view text) {
    const bool is_negative = text.starts_with('-');
    if (is_negative || text.starts_with('+')) text.remove_prefix(1);
    const Result<int64_t> duration = parse_duration_ms(text);
    if (duration.ok()) return is_negative ? -*duration : *duration;
    KW_TRY_ASSIGN(const double seconds, parse_value(text));
    const auto ms = static_cast<int64_t>(std::llround(seconds * 1000));
    return is_negative ? -ms : ms;
}

bool is_series_line(std::string_view line) {
    if (line.empty()) return false;
    if (line[0] == '{') return true;
    return is_classic_metric_name(line.substr(0, 1)) && !parse_value(line).ok();
}

Result<LabelSet> parse_series_labels(std::string_view text) {
    text = trimmed(text);
    if (text.empty()) return LabelSet();
    KW_TRY_ASSIGN(const size_t end, series_end(text));
    if (end != text.size()) return invalid("unexpected {} behind the labels", text.substr(end));
    return labels_of(text);
}

Result<std::vector<ScriptPoint>> parse_series_points(std::string_view text) {
    std::vector<ScriptPoint> points;
    for (std::string_view token = next_token(text); !token.empty(); token = next_token(text)) {
        KW_TRY(add_points(token, points));
        if (points.size() > kPointsMax) return invalid("more than {} points", kPointsMax);
    }
    return points;
}

Result<SeriesLine> parse_series_line(std::string_view line) {
    SeriesLine out;
    line = trimmed(line);
    KW_TRY_ASSIGN(const size_t end, series_end(line));
    std::string_view series = line.substr(0, end);
    std::string_view rest = line.substr(end);
    if (series.ends_with("@st")) {
        series.remove_suffix(3);
        out.is_starts = true;
    } else if (rest.starts_with("@st")) {
        rest.remove_prefix(3);
        out.is_starts = true;
    }
    KW_TRY_ASSIGN(out.labels, labels_of(series));
    for (std::string_view token = next_token(rest); !token.empty(); token = next_token(rest)) {
        if (out.is_starts)
            KW_TRY(add_starts(token, out.starts_ms));
        else
            KW_TRY(add_points(token, out.points));
        if (out.points.size() > kPointsMax || out.starts_ms.size() > kPointsMax) {
            return invalid("more than {} points", kPointsMax);
        }
    }
    return out;
}

}  // namespace kw::promql
