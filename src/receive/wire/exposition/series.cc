#include "wire/exposition/series.h"

#include <array>
#include <cstdint>

namespace kw::wire {
namespace {

enum : uint8_t { kInMetricName = 1, kInLabelName = 2 };

// Classes of bytes; digits count, so the first byte of a name is checked apart.
constexpr std::array<uint8_t, 256> kClasses = [] {
    std::array<uint8_t, 256> classes{};
    for (int c = 'a'; c <= 'z'; ++c)
        classes[c] = classes[c - 'a' + 'A'] = kInMetricName | kInLabelName;
    for (int c = '0'; c <= '9'; ++c) classes[c] = kInMetricName | kInLabelName;
    classes['_'] = kInMetricName | kInLabelName;
    classes[':'] = kInMetricName;
    return classes;
}();

bool is_decimal(char c) { return c >= '0' && c <= '9'; }

const char* end_of_name(const char* at, const char* end, uint8_t kind) {
    if (at < end && is_decimal(*at)) return at;
    while (at < end && (kClasses[static_cast<uint8_t>(*at)] & kind) != 0) ++at;
    return at;
}

}  // namespace

const char* end_of_metric_name(const char* at, const char* end) {
    return end_of_name(at, end, kInMetricName);
}
const char* end_of_label_name(const char* at, const char* end) {
    return end_of_name(at, end, kInLabelName);
}

std::string unescaped_help(std::string_view raw, ExpositionFormat format) {
    std::string out;
    out.reserve(raw.size());
    for (size_t i = 0; i < raw.size(); ++i) {
        const char next = i + 1 < raw.size() ? raw[i + 1] : '\0';
        const bool quote = next == '"' && format == ExpositionFormat::kOpenMetrics;
        if (raw[i] == '\\' && (next == '\\' || next == 'n' || quote)) {
            out += next == 'n' ? '\n' : next;
            ++i;
        } else {
            out += raw[i];
        }
    }
    return out;
}

// One pass over one series part.
class SeriesReader final {
 public:
    SeriesReader(SeriesLabels& out, std::string_view text, ExpositionFormat format,
                 Strictness strictness)
        : out_(out),
          begin_(text.data()),
          at_(text.data()),
          end_(text.data() + text.size()),
          blanks_(format == ExpositionFormat::kText),
          strictness_(strictness) {
        out_.labels_.clear();
        out_.metric_name_ = {};
        out_.unescaped_.clear();
        out_.unescaped_.reserve(text.size());
    }

    Result<void> read_series() {
        const char* const name_end = end_of_metric_name(at_, end_);
        if (name_end != at_) {
            add_name({at_, static_cast<size_t>(name_end - at_)});
            at_ = name_end;
            skip_blanks();
            if (at_ == end_) return {};
        }
        KW_TRY(read_braces(/*name_allowed=*/name_end == begin_));
        if (out_.metric_name_.empty()) return invalid("a series without a metric name");
        return {};
    }

    Result<void> read_braces(bool name_allowed) {
        KW_TRY(expect('{', "'{'"));
        skip_blanks();
        bool first = true;
        while (!take('}')) {
            if (!first) {
                if (take(',')) {
                    skip_blanks();
                    if (take('}')) break;
                } else if (!comma_may_miss()) {
                    return wrong("',' or '}'");
                }
            }
            KW_TRY(read_item(name_allowed));
            first = false;
            skip_blanks();
        }
        if (at_ != end_) return wrong("the end of the series");
        return {};
    }

 private:
    // `name="value"`, or a quoted metric name alone.
    Result<void> read_item(bool name_allowed) {
        std::string_view name;
        const bool quoted = at_ < end_ && *at_ == '"';
        if (quoted) {
            KW_TRY_ASSIGN(name, read_quoted());
        } else {
            const char* const name_end = end_of_label_name(at_, end_);
            if (name_end == at_) return wrong("a label name");
            name = {at_, static_cast<size_t>(name_end - at_)};
            at_ = name_end;
        }
        skip_blanks();
        if (quoted && (at_ == end_ || *at_ != '=')) {
            if (!name_allowed) return wrong("'='");
            if (at_ == end_ || (*at_ != ',' && *at_ != '}')) return wrong("'=', ',' or '}'");
            if (!out_.metric_name_.empty()) return invalid("two metric names");
            if (name.empty()) return invalid("an empty metric name");
            if (!is_valid_utf8(name)) return invalid("the metric name is not valid UTF-8");
            add_name(name);
            return {};
        }
        if (name.empty()) return invalid("an empty label name");
        KW_TRY(expect('=', "'='"));
        skip_blanks();
        KW_TRY_ASSIGN(const std::string_view value, read_quoted());
        if (quoted && !is_valid_utf8(name)) return invalid("a label name is not valid UTF-8");
        if (!is_valid_utf8(value)) return invalid("the value of label {} is not valid UTF-8", name);
        out_.labels_.push_back({name, value});
        return {};
    }

    Result<std::string_view> read_quoted() {
        KW_TRY(expect('"', "'\"'"));
        const char* const start = at_;
        while (at_ < end_ && *at_ != '"' && *at_ != '\\' && *at_ != '\n') ++at_;
        if (at_ < end_ && *at_ == '"') {
            const std::string_view text(start, static_cast<size_t>(at_ - start));
            ++at_;
            return text;
        }
        std::string& buffer = out_.unescaped_;
        const size_t from = buffer.size();
        buffer.append(start, at_);
        for (; at_ < end_ && *at_ != '"'; ++at_) {
            if (*at_ == '\n') return wrong("'\"' in the same line");
            if (*at_ != '\\') {
                buffer += *at_;
                continue;
            }
            ++at_;
            if (at_ == end_) break;
            switch (*at_) {
                case '\n': return wrong("'\"' in the same line");
                case 'n': buffer += '\n'; break;
                case '"': buffer += '"'; break;
                case '\\': buffer += '\\'; break;
                default:
                    if (strictness_ == Strictness::kSpecification)
                        return wrong("n, \" or \\ after a backslash");
                    buffer += '\\';
                    buffer += *at_;
            }
        }
        if (at_ == end_) return wrong("'\"'");
        ++at_;
        return std::string_view(buffer).substr(from);
    }

    void add_name(std::string_view name) {
        out_.metric_name_ = name;
        out_.labels_.insert(out_.labels_.begin(), {kMetricName, name});
    }

    // Prometheus' reader of the text format takes a label that follows another without a comma.
    bool comma_may_miss() const {
        if (!blanks_ || strictness_ != Strictness::kScrape || at_ == end_) return false;
        return *at_ == '"' || end_of_label_name(at_, end_) != at_;
    }
    void skip_blanks() {
        while (blanks_ && at_ < end_ && (*at_ == ' ' || *at_ == '\t')) ++at_;
    }
    bool take(char c) {
        if (at_ == end_ || *at_ != c) return false;
        ++at_;
        return true;
    }
    Result<void> expect(char c, const char* want) {
        if (!take(c)) return wrong(want);
        return {};
    }
    Error wrong(const char* want) const {
        const size_t byte = static_cast<size_t>(at_ - begin_) + 1;
        if (at_ == end_)
            return invalid("expected {} at byte {}, found the end of the labels", want, byte);
        return invalid("expected {} at byte {} of the series", want, byte);
    }

    SeriesLabels& out_;
    const char* const begin_;
    const char* at_;
    const char* const end_;
    const bool blanks_;
    const Strictness strictness_;
};

Result<void> SeriesLabels::read(std::string_view series, ExpositionFormat format,
                                Strictness strictness) {
    return SeriesReader(*this, series, format, strictness).read_series();
}

Result<void> SeriesLabels::read_labels(std::string_view braces, ExpositionFormat format) {
    return SeriesReader(*this, braces, format, Strictness::kScrape)
        .read_braces(/*name_allowed=*/false);
}

}  // namespace kw::wire
