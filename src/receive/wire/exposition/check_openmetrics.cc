#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "wire/exposition/checker.h"
#include "wire/exposition/number.h"
#include "wire/exposition/parser.h"

namespace kw::wire {
namespace {

constexpr size_t kExemplarCharactersMax = 128;  // of label names and values together

enum class Values : unsigned char { kAny, kNotNegative, kWhole, kNotNan, kOne, kZeroOrOne };

struct SampleRule {
    MetricType type;
    std::string_view suffix;
    std::string_view label;  // must be there; "=" stands for the family's own name
    Values values;
    bool exemplars;
};
// What samples a family may have; every sample is one of these of its family's type.
constexpr SampleRule kSampleRules[] = {
    {MetricType::kUnknown, "", "", Values::kAny, false},
    {MetricType::kGauge, "", "", Values::kAny, false},
    {MetricType::kCounter, "_total", "", Values::kNotNegative, true},
    {MetricType::kCounter, "_created", "", Values::kAny, false},
    {MetricType::kStateset, "", "=", Values::kZeroOrOne, false},
    {MetricType::kInfo, "_info", "", Values::kOne, false},
    {MetricType::kHistogram, "_bucket", "le", Values::kWhole, true},
    {MetricType::kHistogram, "_count", "", Values::kWhole, false},
    {MetricType::kHistogram, "_sum", "", Values::kNotNegative, false},
    {MetricType::kHistogram, "_created", "", Values::kAny, false},
    {MetricType::kGaugeHistogram, "_bucket", "le", Values::kWhole, true},
    {MetricType::kGaugeHistogram, "_gcount", "", Values::kWhole, false},
    {MetricType::kGaugeHistogram, "_gsum", "", Values::kNotNan, false},
    {MetricType::kSummary, "", "quantile", Values::kAny, false},
    {MetricType::kSummary, "_count", "", Values::kWhole, false},
    {MetricType::kSummary, "_sum", "", Values::kNotNegative, false},
    {MetricType::kSummary, "_created", "", Values::kAny, false},
};

bool is_allowed(double value, Values values) {
    switch (values) {
        case Values::kAny: return true;
        case Values::kNotNegative: return value >= 0;
        case Values::kWhole:
            return value >= 0 && std::isfinite(value) && std::floor(value) == value;
        case Values::kNotNan: return !std::isnan(value);
        case Values::kOne: return value == 1;
        case Values::kZeroOrOne: return value == 0 || value == 1;
    }
    return false;
}

std::optional<double> number_of(std::string_view text) {
    double number = 0;
    const char* const end = text.data() + text.size();
    if (text.empty() || read_number(text.data(), end, number) != end) return std::nullopt;
    // Infinity is written in one way only.
    if (std::isinf(number) && text != "+Inf" && text != "-Inf") return std::nullopt;
    return number;
}

size_t character_count(std::string_view utf8) {
    return static_cast<size_t>(std::ranges::count_if(
        utf8, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

// The samples of one label set (without le and quantile) at one time.
struct Point {
    std::optional<double> bucket_bound;  // of the last bucket
    double bucket_count = 0;
    bool has_negative_bucket = false;
    std::optional<double> count;
    std::optional<double> sum;
};

struct OpenMetricsFamily {
    std::string name;
    MetricType type = MetricType::kUnknown;
    bool has_type = false;
    bool has_help = false;
    bool has_unit = false;
    bool has_samples = false;
    std::set<std::string> finished_groups;
    // The group that the last sample belongs to.
    std::string group;
    bool has_group = false;
    bool group_has_timestamps = false;
    double group_timestamp = 0;  // nanoseconds
    std::set<std::string, std::less<>> point_series;
    Point point;
};

class OpenMetricsChecker final {
 public:
    explicit OpenMetricsChecker(std::string_view text)
        : parser_(text, ExpositionFormat::kOpenMetrics) {}

    Result<void> check() {
        for (;;) {
            const Step step = parser_.next();
            switch (step) {
                case Step::kEnd: return finish_family();
                case Step::kError: return parser_.error();
                case Step::kHelp:
                case Step::kType:
                case Step::kUnit: KW_TRY(take_metadata(step)); break;
                case Step::kSample: KW_TRY(take_sample()); break;
                case Step::kSameComment: break;
            }
        }
    }

 private:
    Result<void> take_metadata(Step step) {
        if (parser_.family() != family_.name) KW_TRY(begin_family(parser_.family()));
        if (family_.has_samples) return wrong("metadata of {} after its samples", family_.name);
        bool& seen = step == Step::kHelp   ? family_.has_help
                     : step == Step::kType ? family_.has_type
                                           : family_.has_unit;
        if (seen) return wrong("{} twice for {}", line_kind(step), family_.name);
        seen = true;
        has_unit_text_ = step == Step::kUnit ? !parser_.metadata_text().empty() : has_unit_text_;
        if (step == Step::kType) {
            family_.type = parser_.type();
            KW_TRY(claim_names());
        }
        const bool unitless =
            family_.type == MetricType::kInfo || family_.type == MetricType::kStateset;
        if (has_unit_text_ && unitless) {
            return wrong("a unit for {}, which is of type {}", family_.name,
                         metric_type_name(family_.type));
        }
        return {};
    }

    static std::string_view line_kind(Step step) {
        return step == Step::kHelp ? "HELP" : step == Step::kType ? "TYPE" : "UNIT";
    }

    Result<void> begin_family(std::string_view name) {
        KW_TRY(finish_family());
        if (!family_names_.emplace(name).second) return wrong("family {} is there twice", name);
        family_ = OpenMetricsFamily{};
        family_.name = name;
        has_unit_text_ = false;
        return {};
    }

    // A family's name and its sample names belong to it alone.
    Result<void> claim_names() {
        KW_TRY(claim(family_.name));
        for (const SampleRule& rule : kSampleRules) {
            if (rule.type == family_.type) KW_TRY(claim(family_.name + std::string(rule.suffix)));
        }
        return {};
    }

    Result<void> claim(std::string name) {
        const auto [it, is_new] = owners_.try_emplace(std::move(name), family_.name);
        if (is_new || it->second == family_.name) return {};
        return wrong("{} of family {} clashes with family {}", it->first, family_.name, it->second);
    }

    const SampleRule* rule_of(std::string_view name) const {
        if (family_.name.empty() || !name.starts_with(family_.name)) return nullptr;
        const std::string_view suffix = name.substr(family_.name.size());
        for (const SampleRule& rule : kSampleRules) {
            if (rule.type == family_.type && rule.suffix == suffix) return &rule;
        }
        return nullptr;
    }

    Result<void> take_sample() {
        if (Result<void> read = labels_.read(parser_.series(), ExpositionFormat::kOpenMetrics);
            !read.ok()) {
            return wrong("{}", read.error().message);
        }
        KW_TRY(check_no_last_comma(parser_.series()));
        Result<LabelSet> set = LabelSet::from(labels_.labels());
        if (!set.ok()) return wrong("{}", set.error().message);

        const std::string_view name = labels_.metric_name();
        const SampleRule* rule = rule_of(name);
        if (rule == nullptr) {
            if (name == family_.name) {
                return wrong("{} is no sample of a family of type {}", name,
                             metric_type_name(family_.type));
            }
            KW_TRY(begin_family(name));
            KW_TRY(claim_names());
            rule = rule_of(name);
        } else if (!family_.has_type && !family_.has_samples) {
            KW_TRY(claim_names());
        }
        family_.has_samples = true;
        const double value = parser_.value();
        if (!is_allowed(value, rule->values)) {
            return wrong("{} may not be {}", name, format_value(value));
        }
        if (parser_.has_exemplar()) KW_TRY(check_exemplar(*rule));
        std::optional<double> position;
        const std::string_view label =
            rule->label == "=" ? std::string_view(family_.name) : rule->label;
        if (!label.empty()) {
            const std::string_view text = set->get(label);
            if (text.empty()) return wrong("{} without label {}", name, label);
            if (rule->label != "=") {
                position = number_of(text);
                if (!position || std::isnan(*position))
                    return wrong("{} {} is no number", label, text);
            }
        }
        // All samples of an info are one group, whatever their labels.
        LabelBuilder group(family_.type == MetricType::kInfo ? LabelSet() : *set);
        group.remove(kMetricName);
        if (!label.empty()) group.remove(label);
        KW_TRY(enter_group(std::string(group.build().encoded()), std::string(set->encoded())));
        return take_value(*rule, position, value);
    }

    // Digits behind the ninth say nothing.
    double timestamp_ns() const { return std::floor(parser_.timestamp_seconds() * 1e9); }

    // Samples of a group stand together, its timestamps do not descend, a series is there once at a
    // time.
    Result<void> enter_group(std::string group, std::string series) {
        if (!family_.has_group || group != family_.group) {
            KW_TRY(finish_group());
            if (family_.finished_groups.contains(group)) {
                return wrong("samples of one label set of {} do not stand together", family_.name);
            }
            family_.group = std::move(group);
            family_.has_group = true;
            family_.group_has_timestamps = parser_.has_timestamp();
            family_.group_timestamp = timestamp_ns();
        } else if (family_.group_has_timestamps != parser_.has_timestamp()) {
            return wrong("samples with and without timestamp in {}", family_.name);
        } else if (parser_.has_timestamp()) {
            const double timestamp = timestamp_ns();
            if (timestamp < family_.group_timestamp && family_.type != MetricType::kInfo) {
                return wrong("timestamps of {} go back", family_.name);
            }
            if (timestamp != family_.group_timestamp) {
                KW_TRY(finish_point());
                family_.group_timestamp = timestamp;
            }
        }
        if (!family_.point_series.insert(std::move(series)).second && !parser_.has_timestamp()) {
            return wrong("a series of {} is there twice", family_.name);
        }
        return {};
    }

    Result<void> take_value(const SampleRule& rule, std::optional<double> position, double value) {
        Point& point = family_.point;
        if (rule.label == "quantile") {
            if (*position < 0 || *position > 1) return wrong("a quantile outside of 0 and 1");
            if (value < 0) return wrong("a negative quantile value");
        } else if (rule.label == "le") {
            if (point.bucket_bound && *position <= *point.bucket_bound) {
                return wrong("the buckets of {} are not in order", family_.name);
            }
            if (value < point.bucket_count)
                return wrong("the buckets of {} are not cumulative", family_.name);
            point.bucket_bound = position;
            point.bucket_count = value;
            point.has_negative_bucket |= *position < 0;
        } else if (rule.suffix == "_count" || rule.suffix == "_gcount") {
            point.count = value;
        } else if (rule.suffix == "_sum" || rule.suffix == "_gsum") {
            point.sum = value;
        }
        return {};
    }

    Result<void> finish_point() {
        const Point point = family_.point;
        family_.point = Point{};
        family_.point_series.clear();
        const bool gauge = family_.type == MetricType::kGaugeHistogram;
        if (!gauge && family_.type != MetricType::kHistogram) return {};
        if (!point.bucket_bound || *point.bucket_bound != std::numeric_limits<double>::infinity()) {
            return wrong("histogram {} has no +Inf bucket", family_.name);
        }
        if (point.count && *point.count != point.bucket_count) {
            return wrong("the count of {} is not that of its +Inf bucket", family_.name);
        }
        if (point.count.has_value() != point.sum.has_value() &&
            !(point.count && point.has_negative_bucket && !gauge)) {
            return wrong("{} needs both count and sum, or none", family_.name);
        }
        if (point.has_negative_bucket && point.sum && !gauge) {
            return wrong("{} has negative buckets and a sum", family_.name);
        }
        if (!point.has_negative_bucket && point.sum && *point.sum < 0) {
            return wrong("{} has a negative sum without negative buckets", family_.name);
        }
        return {};
    }

    Result<void> finish_group() {
        if (!family_.has_group) return {};
        KW_TRY(finish_point());
        family_.finished_groups.insert(family_.group);
        family_.has_group = false;
        return {};
    }

    Result<void> finish_family() { return finish_group(); }

    Result<void> check_exemplar(const SampleRule& rule) {
        if (!rule.exemplars) return wrong("an exemplar on {}", labels_.metric_name());
        SeriesLabels exemplar;
        KW_TRY(exemplar.read_labels(parser_.exemplar_labels(), ExpositionFormat::kOpenMetrics));
        KW_TRY(check_no_last_comma(parser_.exemplar_labels()));
        if (const Result<LabelSet> set = LabelSet::from(exemplar.labels()); !set.ok()) {
            return wrong("{}", set.error().message);
        }
        size_t characters = 0;
        for (const LabelView& label : exemplar.labels()) {
            characters += character_count(label.name) + character_count(label.value);
        }
        if (characters > kExemplarCharactersMax) {
            return wrong("the exemplar's labels have {} characters, at most {} are allowed",
                         characters, kExemplarCharactersMax);
        }
        return {};
    }

    // Prometheus takes one, the specification does not.
    Result<void> check_no_last_comma(std::string_view series) const {
        if (series.ends_with(",}")) return wrong("a comma before the closing brace");
        return {};
    }

    template <typename... Args>
    Error wrong(fmt::format_string<Args...> format, Args&&... args) const {
        return invalid("line {}: {}", parser_.line(),
                       fmt::format(format, std::forward<Args>(args)...));
    }

    Parser parser_;
    SeriesLabels labels_;
    OpenMetricsFamily family_;
    bool has_unit_text_ = false;
    std::set<std::string, std::less<>> family_names_;
    std::map<std::string, std::string, std::less<>> owners_;  // sample name to family
};

}  // namespace

Result<void> check_openmetrics(std::string_view text) { return OpenMetricsChecker(text).check(); }

}  // namespace kw::wire
