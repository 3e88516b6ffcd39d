#include "wire/exposition/protobuf_parser.h"

#include <bit>
#include <cmath>
#include <optional>

#include "wire/exposition/classic_histogram.h"
#include "wire/exposition/protobuf_exemplar.h"
#include "wire/exposition/series_text.h"
#include "wire/protobuf/field_reader.h"
#include "wire/protobuf/histogram.h"

namespace kw::wire {
namespace {

using protobuf::FieldReader;
using protobuf::kFixed64;
using protobuf::kLength;
using protobuf::kVarint;
using protobuf::tag_of;

constexpr protobuf::HistogramFields kHistogramFields = {
    .count_int = 1,
    .count_float = 4,
    .sum = 2,
    .schema = 5,
    .zero_threshold = 6,
    .zero_count_int = 7,
    .zero_count_float = 8,
    .negative_span = 9,
    .negative_delta = 10,
    .negative_count = 11,
    .positive_span = 12,
    .positive_delta = 13,
    .positive_count = 14,
};
constexpr uint32_t kBucketField = 3;
constexpr uint32_t kExemplarsField = 16;

// MetricType of the protocol, by its number.
constexpr MetricType kMetricTypes[] = {MetricType::kCounter,   MetricType::kGauge,
                                       MetricType::kSummary,   MetricType::kUnknown,
                                       MetricType::kHistogram, MetricType::kGaugeHistogram};
// The field of Metric with the value of a metric of that type.
constexpr uint32_t kValueFields[] = {3, 2, 4, 5, 7, 7};

// `le` and `quantile` as OpenMetrics writes them: an integer has a ".0".
std::string bound_text(double bound) {
    std::string text = format_value(bound);
    if (text.find_first_not_of("-0123456789") == std::string::npos) text += ".0";
    return text;
}

bool read_double(FieldReader& in, double& value) {
    uint64_t bits = 0;
    if (!in.read_fixed64(bits)) return false;
    value = std::bit_cast<double>(bits);
    return true;
}

struct Bucket {
    double bound = 0;
    double count = 0;
    std::optional<Exemplar> exemplar;
};

std::vector<Exemplar> list_of(const std::optional<Exemplar>& exemplar) {
    return exemplar.has_value() ? std::vector{*exemplar} : std::vector<Exemplar>();
}

}  // namespace

// Walks over the messages: families, and their metrics.
class ProtobufParser::Decoder {
 public:
    Decoder(std::string_view body, const HistogramChoice& choice)
        : choice_(choice),
          body_(as_bytes(body)),
          in_(begin(), begin(), begin() + body_.size()),
          metrics_(in_) {}

    bool at_end() const { return in_.at_end(); }
    std::string_view name() const { return name_; }
    std::string_view help() const { return help_; }
    std::string_view unit() const { return unit_; }
    MetricType type() const { return kMetricTypes[type_]; }
    Error error() const { return error_.message.empty() ? in_.error() : error_; }
    uint64_t not_converted() const { return not_converted_; }

    // Goes to the next family; there is one.
    bool next_family() {
        name_ = help_ = unit_ = {};
        type_ = 0;  // COUNTER, where the field is absent
        FieldReader family = in_;
        if (!in_.read_length(family)) return false;
        metrics_ = family;
        while (!family.at_end()) {
            uint32_t tag = 0;
            uint64_t number = 0;
            FieldReader content = family;
            if (!family.read_tag(tag)) return in_.fail(family);
            switch (tag) {
                case tag_of(1, kLength):
                case tag_of(2, kLength):
                case tag_of(5, kLength):
                    if (!family.read_length(content)) return in_.fail(family);
                    (tag == tag_of(1, kLength)   ? name_
                     : tag == tag_of(2, kLength) ? help_
                                                 : unit_) = content.text();
                    break;
                case tag_of(3, kVarint):
                    if (!family.read_varint(number)) return in_.fail(family);
                    if (number >= std::size(kMetricTypes)) return wrong("a type that is not known");
                    type_ = static_cast<size_t>(number);
                    break;
                default:
                    if (!family.skip(tag)) return in_.fail(family);
            }
        }
        if (name_.empty()) return wrong("a family without a name");
        return true;
    }

    // Fills `pending` and `timestamp_ms` from the family's next metric; `more` says whether there was one.
    bool next_metric(std::vector<Pending>& pending, int64_t& timestamp_ms, bool& more) {
        more = false;
        while (!metrics_.at_end()) {
            uint32_t tag = 0;
            if (!metrics_.read_tag(tag)) return in_.fail(metrics_);
            if (tag != tag_of(4, kLength)) {
                if (!metrics_.skip(tag)) return in_.fail(metrics_);
                continue;
            }
            FieldReader metric = metrics_;
            if (!metrics_.read_length(metric)) return in_.fail(metrics_);
            more = true;
            return read_metric(metric, pending, timestamp_ms);
        }
        return true;
    }

 private:
    const uint8_t* begin() const { return body_.data(); }

    bool wrong(std::string_view what) {
        error_ = invalid("{}", what);
        return false;
    }

    bool read_metric(FieldReader& metric, std::vector<Pending>& pending, int64_t& timestamp_ms) {
        labels_.clear();
        timestamp_ms = 0;
        bool has_value = false;
        FieldReader value = metric;
        while (!metric.at_end()) {
            uint32_t tag = 0;
            uint64_t number = 0;
            FieldReader content = metric;
            if (!metric.read_tag(tag)) return in_.fail(metric);
            if (tag == tag_of(1, kLength)) {
                if (!metric.read_length(content)) return in_.fail(metric);
                if (!read_label(content)) return false;
            } else if (tag == tag_of(6, kVarint)) {
                if (!metric.read_varint(number)) return in_.fail(metric);
                timestamp_ms = static_cast<int64_t>(number);
            } else if (tag == tag_of(kValueFields[type_], kLength)) {
                if (!metric.read_length(value)) return in_.fail(metric);
                has_value = true;
            } else if (!metric.skip(tag)) {
                return in_.fail(metric);
            }
        }
        if (!has_value) {
            return wrong(fmt::format("a metric of type {} without the value of one",
                                     metric_type_name(type())));
        }
        switch (type()) {
            case MetricType::kSummary: return read_summary(value, pending);
            case MetricType::kHistogram:
            case MetricType::kGaugeHistogram: return read_histogram(value, pending);
            default: return read_value(value, pending);
        }
    }

    // Appends `,"name"="value"` to labels_.
    bool read_label(FieldReader& pair) {
        std::string_view name, value;
        if (!read_label_pair(pair, name, value)) return in_.fail(pair);
        append_pair(labels_, name, value);
        return true;
    }

    // `{"name_suffix","label"="value","extra"="text"}`, without the last pair when `extra` is empty.
    std::string series(std::string_view suffix, std::string_view extra = {},
                       std::string_view text = {}) const {
        std::string out = "{";
        append_quoted(out, std::string(name_).append(suffix));
        out += labels_;
        if (!extra.empty()) append_pair(out, extra, text);
        out += '}';
        return out;
    }

    // An exemplar that `tag` begins.
    bool read_part(FieldReader& in, std::optional<Exemplar>& exemplar) {
        FieldReader content = in;
        if (!in.read_length(content)) return in_.fail(in);
        return read_exemplar(content, exemplar) || in_.fail(content);
    }

    // Counter, gauge or untyped: value = 1; a counter's exemplar = 2.
    bool read_value(FieldReader& in, std::vector<Pending>& pending) {
        double value = 0;
        std::optional<Exemplar> exemplar;
        while (!in.at_end()) {
            uint32_t tag = 0;
            if (!in.read_tag(tag)) return in_.fail(in);
            if (tag == tag_of(1, kFixed64)) {
                if (!read_double(in, value)) return in_.fail(in);
            } else if (tag == tag_of(2, kLength) && type() == MetricType::kCounter) {
                if (!read_part(in, exemplar)) return false;
            } else if (!in.skip(tag)) {
                return in_.fail(in);
            }
        }
        pending.push_back({series(""), value, nullptr, list_of(exemplar)});
        return true;
    }

    // sample_count = 1, sample_sum = 2, repeated quantile = 3 { quantile = 1, value = 2 }.
    bool read_summary(FieldReader& in, std::vector<Pending>& pending) {
        uint64_t count = 0;
        double sum = 0;
        const size_t first = pending.size();
        pending.resize(first + 2);
        while (!in.at_end()) {
            uint32_t tag = 0;
            FieldReader quantile = in;
            if (!in.read_tag(tag)) return in_.fail(in);
            if (tag == tag_of(1, kVarint)) {
                if (!in.read_varint(count)) return in_.fail(in);
            } else if (tag == tag_of(2, kFixed64)) {
                if (!read_double(in, sum)) return in_.fail(in);
            } else if (tag == tag_of(3, kLength)) {
                if (!in.read_length(quantile)) return in_.fail(in);
                double of = 0, value = 0;
                while (!quantile.at_end()) {
                    if (!quantile.read_tag(tag)) return in_.fail(quantile);
                    if (tag == tag_of(1, kFixed64) || tag == tag_of(2, kFixed64)) {
                        if (!read_double(quantile, tag == tag_of(1, kFixed64) ? of : value))
                            return in_.fail(quantile);
                    } else if (!quantile.skip(tag)) {
                        return in_.fail(quantile);
                    }
                }
                pending.push_back({series("", "quantile", bound_text(of)), value, nullptr, {}});
            } else if (!in.skip(tag)) {
                return in_.fail(in);
            }
        }
        pending[first] = {series("_count"), static_cast<double>(count), nullptr, {}};
        pending[first + 1] = {series("_sum"), sum, nullptr, {}};
        return true;
    }

    bool read_bucket(FieldReader& in, Bucket& bucket) {
        uint64_t count = 0;
        double float_count = 0;
        while (!in.at_end()) {
            uint32_t tag = 0;
            if (!in.read_tag(tag)) return in_.fail(in);
            if (tag == tag_of(1, kVarint)) {
                if (!in.read_varint(count)) return in_.fail(in);
            } else if (tag == tag_of(4, kFixed64)) {
                if (!read_double(in, float_count)) return in_.fail(in);
            } else if (tag == tag_of(2, kFixed64)) {
                if (!read_double(in, bucket.bound)) return in_.fail(in);
            } else if (tag == tag_of(3, kLength)) {
                if (!read_part(in, bucket.exemplar)) return false;
            } else if (!in.skip(tag)) {
                return in_.fail(in);
            }
        }
        bucket.count = float_count > 0 ? float_count : static_cast<double>(count);
        return true;
    }

    bool read_histogram(FieldReader& in, std::vector<Pending>& pending) {
        protobuf::HistogramDecoder native(kHistogramFields);
        buckets_.clear();
        std::vector<Exemplar> exemplars;
        bool has_exemplars = false;
        while (!in.at_end()) {
            uint32_t tag = 0;
            FieldReader content = in;
            if (!in.read_tag(tag)) return in_.fail(in);
            if (tag == tag_of(kBucketField, kLength)) {
                if (!in.read_length(content)) return in_.fail(in);
                if (!read_bucket(content, buckets_.emplace_back())) return false;
                continue;
            }
            if (tag == tag_of(kExemplarsField, kLength)) {
                std::optional<Exemplar> one;
                if (!read_part(in, one)) return false;
                has_exemplars = true;
                if (one.has_value()) exemplars.push_back(*std::move(one));
                continue;
            }
            if (!native.read(tag, in)) return in_.fail(in);
        }
        const bool is_native = choice_.native && native.is_native();
        const double count = native.count();
        const double sum = native.sum();
        if (is_native) {
            Result<Histogram> made = native.finish();
            if (!made.ok()) return wrong(made.error().message);
            push_histogram(std::move(made).value(),
                           has_exemplars ? std::move(exemplars) : exemplars_of_buckets(), pending);
            if (!choice_.always_classic || buckets_.empty()) return true;
        } else if (choice_.convert) {
            ClassicHistogram classic;
            for (const Bucket& bucket : buckets_) classic.add_bucket(bucket.bound, bucket.count);
            classic.set_count(count);
            classic.set_sum(sum);
            Result<Histogram> made = classic.convert();
            if (made.ok()) {
                push_histogram(std::move(made).value(), exemplars_of_buckets(), pending);
            } else {
                ++not_converted_;
            }
            if (!choice_.always_classic) return true;
        }
        push_classic(count, sum, pending);
        return true;
    }

    std::vector<Exemplar> exemplars_of_buckets() const {
        std::vector<Exemplar> exemplars;
        for (const Bucket& bucket : buckets_) {
            if (bucket.exemplar.has_value()) exemplars.push_back(*bucket.exemplar);
        }
        return exemplars;
    }

    void push_histogram(Histogram histogram, std::vector<Exemplar> exemplars,
                        std::vector<Pending>& pending) {
        if (type() == MetricType::kGaugeHistogram) {
            histogram.counter_reset_hint = CounterResetHint::kGauge;
        }
        pending.push_back({series(""), 0, std::make_shared<const Histogram>(std::move(histogram)),
                           std::move(exemplars)});
    }

    void push_classic(double count, double sum, std::vector<Pending>& pending) {
        pending.push_back({series("_count"), count, nullptr, {}});
        pending.push_back({series("_sum"), sum, nullptr, {}});
        bool has_infinity = false;
        for (const Bucket& bucket : buckets_) {
            has_infinity |= bucket.bound == HUGE_VAL;
            pending.push_back({series("_bucket", "le", bound_text(bucket.bound)), bucket.count,
                               nullptr, list_of(bucket.exemplar)});
        }
        if (!has_infinity) pending.push_back({series("_bucket", "le", "+Inf"), count, nullptr, {}});
    }

    const HistogramChoice choice_;
    const ByteView body_;
    FieldReader in_;
    FieldReader metrics_;  // what is left of the family
    std::string_view name_;
    std::string_view help_;
    std::string_view unit_;
    size_t type_ = 0;
    std::string labels_;
    std::vector<Bucket> buckets_;
    uint64_t not_converted_ = 0;
    Error error_;
};

ProtobufParser::ProtobufParser(std::string_view body, const HistogramChoice& choice)
    : decoder_(std::make_unique<Decoder>(body, choice)) {}
ProtobufParser::~ProtobufParser() = default;

Step ProtobufParser::next(std::string_view expected) {
    for (;;) {
        if (next_pending_ < pending_.size()) return give(expected);
        switch (next_comment_) {
            case 0:
                ++next_comment_;
                type_ = decoder_->type();
                return comment(Step::kType, "TYPE", std::string(metric_type_name(type_)));
            case 1: {
                ++next_comment_;
                if (decoder_->help().empty()) continue;
                std::string quoted;
                append_quoted(quoted, decoder_->help());
                return comment(Step::kHelp, "HELP", quoted.substr(1, quoted.size() - 2));
            }
            case 2:
                ++next_comment_;
                // OpenMetrics has a unit only where the name ends with it.
                if (decoder_->unit().empty() ||
                    !decoder_->name().ends_with("_" + std::string(decoder_->unit()))) {
                    continue;
                }
                return comment(Step::kUnit, "UNIT", std::string(decoder_->unit()));
            default: break;
        }
        pending_.clear();
        next_pending_ = 0;
        bool more = false;
        if (next_comment_ == 3) {
            ++metric_number_;
            if (!decoder_->next_metric(pending_, timestamp_ms_, more)) return fail();
            not_converted_ = decoder_->not_converted();
            if (more) continue;
            --metric_number_;
        }
        if (decoder_->at_end()) return Step::kEnd;
        if (!decoder_->next_family()) return fail();
        next_comment_ = 0;
        const std::string_view name = decoder_->name();
        const char* const end = name.data() + name.size();
        family_text_ = name;
        is_classic_name_ = end_of_metric_name(name.data(), end) == end;
        if (!is_classic_name_) {
            family_text_.clear();
            append_quoted(family_text_, name);
            family_text_ = family_text_.substr(1, family_text_.size() - 2);
        }
    }
}

Step ProtobufParser::give(std::string_view expected) {
    Pending& sample = pending_[next_pending_++];
    series_ = std::move(sample.series);
    value_ = sample.value;
    histogram_ = std::move(sample.histogram);
    exemplars_ = std::move(sample.exemplars);
    was_expected_ = !expected.empty() && series_ == expected;
    return Step::kSample;
}

Step ProtobufParser::comment(Step step, std::string_view keyword, std::string text) {
    const std::string_view quote = is_classic_name_ ? "" : "\"";
    line_text_ = fmt::format("# {} {}{}{} {}", keyword, quote, family_text_, quote, text);
    metadata_text_ = std::move(text);
    return step;
}

Step ProtobufParser::fail() {
    const Error error = decoder_->error();
    error_ = invalid("metric {} of the body, family {}: {}", metric_number_,
                     quoted(decoder_->name()), error.message);
    return Step::kError;
}

}  // namespace kw::wire
