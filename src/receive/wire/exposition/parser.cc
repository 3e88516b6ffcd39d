#include "wire/exposition/parser.h"

#include <charconv>
#include <cmath>
#include <cstring>

#include "wire/exposition/number.h"
#include "wire/exposition/scan.h"

namespace kw::wire {
namespace {

constexpr size_t kExcerptBytesMax = 64;

bool is_blank(char c) { return c == ' ' || c == '\t'; }

bool take_prefix(const char*& at, const char* end, std::string_view prefix) {
    if (static_cast<size_t>(end - at) < prefix.size()) return false;
    if (std::memcmp(at, prefix.data(), prefix.size()) != 0) return false;
    at += prefix.size();
    return true;
}

// The beginning of a body's line for a message: quoted, printable, valid UTF-8 whatever stood
// there.
std::string excerpt(std::string_view line) {
    const std::string_view shown = line.substr(0, kExcerptBytesMax);
    std::string out = "\"";
    for (const char c : shown) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (byte < 0x20 || byte >= 0x7f) {
            out += fmt::format("\\x{:02x}", byte);
        } else {
            out += c;
        }
    }
    out += '"';
    if (shown.size() < line.size()) out += " and more";
    return out;
}

struct TypeName {
    std::string_view name;
    MetricType type;
    bool in_text;
    bool in_openmetrics;
};
constexpr TypeName kTypes[] = {
    {"counter", MetricType::kCounter, true, true},
    {"gauge", MetricType::kGauge, true, true},
    {"histogram", MetricType::kHistogram, true, true},
    {"summary", MetricType::kSummary, true, true},
    {"untyped", MetricType::kUnknown, true, false},
    {"unknown", MetricType::kUnknown, false, true},
    {"info", MetricType::kInfo, false, true},
    {"stateset", MetricType::kStateset, false, true},
    {"gaugehistogram", MetricType::kGaugeHistogram, false, true},
};

// Cut towards zero; what int64 cannot hold becomes its nearest end.
Millis millis_of_seconds(double seconds) {
    const double ms = seconds * 1000;
    if (ms >= 9.2233720368547748e18) return Millis::max();
    if (ms <= -9.2233720368547748e18) return Millis::min();
    return {static_cast<int64_t>(ms)};
}

}  // namespace

Parser::Parser(std::string_view text, ExpositionFormat format)
    : at_(text.data()), end_(text.data() + text.size()), format_(format) {}

Step Parser::next(std::string_view expected) {
    ++line_;
    if (const size_t length = expected.size(); length != 0 &&
                                               static_cast<size_t>(end_ - at_) > length &&
                                               std::memcmp(at_, expected.data(), length) == 0) {
        const char* const behind = at_ + length;
        if (*at_ == '#') {
            if (*behind == '\n') {
                line_text_ = {at_, length};
                at_ = behind + 1;
                was_expected_ = true;
                return Step::kSameComment;
            }
        } else if (*behind == ' ' && behind + 1 < end_ && behind[1] != '{' &&
                   !is_blank(behind[1])) {
            was_expected_ = true;
            return read_sample(behind);
        }
    }
    was_expected_ = false;
    for (;; ++line_) {
        if (at_ == end_) return finish();
        if (format_ == ExpositionFormat::kText) {
            skip_blanks(at_);
            if (at_ == end_) return finish();
            if (*at_ == '\n') {
                ++at_;
                continue;
            }
        }
        if (*at_ != '#') {
            const char* const series_end = end_of_series();
            return series_end == nullptr ? Step::kError : read_sample(series_end);
        }
        const Step step = read_comment();
        if (step != Step::kSameComment) return step;  // else a comment that says nothing
    }
}

// Sets at_ to nothing; the series part runs from at_ to what is returned, null after an error.
const char* Parser::end_of_series() {
    const char* at = end_of_metric_name(at_, end_);
    if (at == at_ && *at != '{') {
        fail(at, "a metric name, '{' or '#'");
        return nullptr;
    }
    const char* brace = at;
    if (format_ == ExpositionFormat::kText) skip_blanks(brace);
    if (brace == end_ || *brace != '{') return at;
    const char* const close = find_closing_brace(brace + 1, end_);
    if (close == nullptr) {
        fail(end_of_line(brace), "'}' in the same line");
        return nullptr;
    }
    return close + 1;
}

Step Parser::read_sample(const char* series_end) {
    series_ = {at_, static_cast<size_t>(series_end - at_)};
    has_timestamp_ = false;
    exemplar_labels_ = {};
    const char* at = series_end;
    if (format_ == ExpositionFormat::kText) {
        if (at != end_ && *at == ' ') ++at;  // nearly always exactly one
        if (at != end_ && is_blank(*at)) skip_blanks(at);
    } else {
        if (at == end_ || *at != ' ') return fail(at, "a space before the value");
        ++at;
    }
    const char* const value_end = read_number(at, end_, value_);
    if (value_end == nullptr) return fail(at, "a value");
    at = value_end;
    if (format_ == ExpositionFormat::kOpenMetrics) return finish_sample_openmetrics(at);
    if (at != end_ && *at != '\n') {
        skip_blanks(at);
        if (at != end_ && *at != '\n') {
            if (!read_timestamp_ms(at)) return fail(at, "a timestamp in milliseconds");
            skip_blanks(at);
            if (at != end_ && *at != '\n') return fail(at, "the end of the line");
        }
    }
    at_ = at == end_ ? at : at + 1;
    return Step::kSample;
}

Step Parser::finish_sample_openmetrics(const char* at) {
    if (at != end_ && *at == ' ' && !(end_ - at >= 2 && at[1] == '#')) {
        ++at;
        if (!read_timestamp_seconds(at, timestamp_seconds_))
            return fail(at, "a timestamp in seconds");
        timestamp_ = millis_of_seconds(timestamp_seconds_);
        has_timestamp_ = true;
    }
    if (at != end_ && *at == ' ') {
        at = read_exemplar(at);
        if (at == nullptr) return Step::kError;
    }
    if (at == end_ || *at != '\n') return fail(at, "the end of the line");
    at_ = at + 1;
    return Step::kSample;
}

// ` # {labels} value [timestamp]`. Returns its end, null after an error.
std::optional<Exemplar> Parser::exemplar() const {
    if (!has_exemplar()) return std::nullopt;
    for (const LabelView& label : exemplar_reader_.labels()) {
        if (!is_valid_utf8(label.name) || !is_valid_utf8(label.value)) return std::nullopt;
    }
    Result<LabelSet> labels = LabelSet::from(exemplar_reader_.labels());
    if (!labels.ok()) return std::nullopt;
    return Exemplar{std::move(labels).value(), exemplar_value_,
                    exemplar_has_timestamp_ ? exemplar_timestamp_ : Millis{},
                    exemplar_has_timestamp_};
}

const char* Parser::read_exemplar(const char* at) {
    if (!take_prefix(at, end_, " # ")) {
        fail(at, "\" # \" and an exemplar");
        return nullptr;
    }
    const char* const labels = at;
    const char* const close = at != end_ && *at == '{' ? find_closing_brace(at + 1, end_) : nullptr;
    if (close == nullptr) {
        fail(at, "the labels of an exemplar in braces");
        return nullptr;
    }
    const std::string_view braces(labels, static_cast<size_t>(close + 1 - labels));
    if (Result<void> read = exemplar_reader_.read_labels(braces, format_); !read.ok()) {
        fail_with(read.error().message + " of the exemplar");
        return nullptr;
    }
    at = close + 1;
    if (at == end_ || *at != ' ') {
        fail(at, "a space before the exemplar's value");
        return nullptr;
    }
    const char* const value_end = read_number(at + 1, end_, exemplar_value_);
    if (value_end == nullptr) {
        fail(at + 1, "the exemplar's value");
        return nullptr;
    }
    at = value_end;
    exemplar_has_timestamp_ = false;
    if (at != end_ && *at == ' ') {
        ++at;
        double seconds = 0;
        if (!read_timestamp_seconds(at, seconds)) {
            fail(at, "the exemplar's timestamp in seconds");
            return nullptr;
        }
        exemplar_timestamp_ = millis_of_seconds(seconds);
        exemplar_has_timestamp_ = true;
    }
    exemplar_labels_ = braces;
    return at;
}

bool Parser::read_timestamp_ms(const char*& at) {
    const char* from = at;
    if (*from == '+' && from + 1 < end_ && from[1] != '-') ++from;
    const auto [stop, error] = std::from_chars(from, end_, timestamp_.count);
    if (error != std::errc() || (stop != end_ && !is_blank(*stop) && *stop != '\n')) return false;
    at = stop;
    has_timestamp_ = true;
    return true;
}

bool Parser::read_timestamp_seconds(const char*& at, double& seconds) {
    const char* const stop = read_number(at, end_, seconds);
    if (stop == nullptr || !std::isfinite(seconds)) return false;
    at = stop;
    return true;
}

// kSameComment where the line says nothing.
Step Parser::read_comment() {
    const char* const line_end = end_of_line(at_);
    line_text_ = {at_, static_cast<size_t>(line_end - at_)};
    const char* at = at_ + 1;
    if (format_ == ExpositionFormat::kText) {
        const char* const word = [&] {
            skip_blanks(at);
            return at;
        }();
        const bool blank_before = word != at_ + 1;
        for (const auto& [keyword, kind] :
             {std::pair<std::string_view, Step>{"HELP", Step::kHelp},
              std::pair<std::string_view, Step>{"TYPE", Step::kType}}) {
            at = word;
            if (blank_before && take_prefix(at, line_end, keyword) && at != line_end &&
                is_blank(*at)) {
                skip_blanks(at);
                if (at == line_end) break;  // names nothing
                return read_metadata(kind, at, line_end);
            }
        }
        at_ = line_end == end_ ? end_ : line_end + 1;
        return Step::kSameComment;
    }
    if (line_text_ == "# EOF") {
        if (line_end != end_ && line_end + 1 != end_) {
            ++line_;
            return fail(line_end + 1, "nothing after \"# EOF\"");
        }
        return Step::kEnd;
    }
    if (line_end == end_) return fail(line_end, "a newline, and \"# EOF\" at the end");
    if (take_prefix(at, line_end, " HELP ")) return read_metadata(Step::kHelp, at, line_end);
    if (take_prefix(at, line_end, " TYPE ")) return read_metadata(Step::kType, at, line_end);
    if (take_prefix(at, line_end, " UNIT ")) return read_metadata(Step::kUnit, at, line_end);
    return fail(at, "\" HELP \", \" TYPE \", \" UNIT \" or \" EOF\"");
}

// `at` is behind the keyword and its blank.
Step Parser::read_metadata(Step kind, const char* at, const char* line_end) {
    const char* name = at;
    if (at != line_end && *at == '"') {
        ++name;
        for (++at; at != line_end && *at != '"'; ++at) {
            if (*at == '\\' && at + 1 != line_end) ++at;
        }
        if (at == line_end) return fail(at, "'\"' behind the metric name");
        family_ = {name, static_cast<size_t>(at - name)};
        ++at;
        if (!is_valid_utf8(family_)) return fail_with("the metric name is not valid UTF-8");
    } else {
        at = end_of_metric_name(name, line_end);
        family_ = {name, static_cast<size_t>(at - name)};
    }
    if (family_.empty()) return fail(name, "a metric name");
    const bool text_format = format_ == ExpositionFormat::kText;
    blank_after_family_ = at == line_end ? text_format : *at == ' ' || (text_format && *at == '\t');
    const bool may_go_on = text_format && kind == Step::kHelp;
    if (at == line_end ? !may_go_on : !blank_after_family_ && !may_go_on) {
        return fail(at,
                    kind == Step::kType ? "a space and a metric type" : "a space after the name");
    }
    if (at != line_end) ++at;
    metadata_text_ = {at, static_cast<size_t>(line_end - at)};
    if (kind == Step::kType) {
        if (const Step step = read_type(line_end); step == Step::kError) return step;
    } else if (!is_valid_utf8(metadata_text_)) {
        return fail_with("the text is not valid UTF-8");
    } else if (kind == Step::kUnit && !metadata_text_.empty()) {
        const std::string_view unit = metadata_text_;
        const bool suffix = family_.size() > unit.size() && family_.ends_with(unit) &&
                            family_[family_.size() - unit.size() - 1] == '_';
        if (!suffix) return fail(at, "a unit that the metric name ends with");
    }
    at_ = line_end == end_ ? end_ : line_end + 1;
    return kind;
}

Step Parser::read_type(const char* line_end) {
    const bool text_format = format_ == ExpositionFormat::kText;
    std::string_view word = metadata_text_;
    while (text_format && !word.empty() && is_blank(word.front())) word.remove_prefix(1);
    while (text_format && !word.empty() && is_blank(word.back())) word.remove_suffix(1);
    for (const TypeName& known : kTypes) {
        if (known.name == word && (text_format ? known.in_text : known.in_openmetrics)) {
            type_ = known.type;
            return Step::kType;
        }
    }
    return fail(line_end - metadata_text_.size(),
                text_format
                    ? "counter, gauge, histogram, summary or untyped"
                    : "counter, gauge, histogram, gaugehistogram, summary, info, stateset or "
                      "unknown");
}

// The text is at its end. The text format may stop anywhere between lines, also without a last
// newline.
Step Parser::finish() {
    if (format_ == ExpositionFormat::kText) return Step::kEnd;
    return fail(at_, "\"# EOF\"");
}

const char* Parser::end_of_line(const char* from) const {
    if (from == end_) return end_;
    const void* const newline = std::memchr(from, '\n', static_cast<size_t>(end_ - from));
    return newline == nullptr ? end_ : static_cast<const char*>(newline);
}

void Parser::skip_blanks(const char*& at) const {
    while (at != end_ && is_blank(*at)) ++at;
}

Step Parser::fail(const char* at, std::string_view want) {
    const char* const stop = end_of_line(at);
    const std::string_view rest(at, static_cast<size_t>(stop - at));
    if (at == end_) {
        error_ = invalid("line {}: expected {}, found the end of the text", line_, want);
    } else if (rest.empty()) {
        error_ = invalid("line {}: expected {}, found the end of the line", line_, want);
    } else {
        error_ = invalid("line {}: expected {}, found {}", line_, want, excerpt(rest));
    }
    return Step::kError;
}

Step Parser::fail_with(std::string_view message) {
    error_ = invalid("line {}: {}", line_, message);
    return Step::kError;
}

}  // namespace kw::wire
