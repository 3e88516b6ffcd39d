// status/self_metrics: the server's own metrics as JSON, in the form of the client libraries' protobuf message
// MetricFamily (proto3's JSON mapping: 64-bit counts are strings).
#include <cmath>
#include <map>
#include <utility>

#include "api/envelope.h"
#include "api/prometheus_api.h"
#include "model/matcher.h"
#include "net/request.h"
#include "net/response_writer.h"
#include "wire/exposition/parser.h"

namespace kw::api {
namespace {

// One metric of a family: its labels, `le` not among them, and its value or buckets.
struct OwnMetric {
    std::vector<std::pair<std::string, std::string>> labels;
    double value = 0;
    double sum = 0;
    double count = 0;
    std::vector<std::pair<double, double>> buckets;  // upper bound, cumulative count
};

struct OwnFamily {
    std::string name;
    std::string help;
    MetricType type = MetricType::kUnknown;
    std::vector<OwnMetric> metrics;  // in the order of the text
};

// Which part of a family a sample is.
enum class Part : unsigned char { kValue, kBucket, kSum, kCount };

Part part_of(const OwnFamily& family, std::string_view sample) {
    if (family.type != MetricType::kHistogram || sample.size() <= family.name.size())
        return Part::kValue;
    const std::string_view suffix = sample.substr(family.name.size());
    return suffix == "_bucket" ? Part::kBucket : suffix == "_sum" ? Part::kSum : Part::kCount;
}

void add_sample(OwnFamily& family, const wire::SeriesLabels& series, double value) {
    std::vector<std::pair<std::string, std::string>> labels;
    double bound = 0;
    const Part part = part_of(family, series.metric_name());
    for (const LabelView& label : series.labels()) {
        if (label.name == kMetricName) continue;
        if (part == Part::kBucket && label.name == "le") {
            bound = parse_value(label.value).value_or(0);
        } else {
            labels.emplace_back(label.name, label.value);
        }
    }
    if (family.metrics.empty() || family.metrics.back().labels != labels || part == Part::kValue)
        family.metrics.push_back({std::move(labels), 0, 0, 0, {}});
    OwnMetric& metric = family.metrics.back();
    switch (part) {
        case Part::kValue: metric.value = value; break;
        case Part::kBucket: metric.buckets.emplace_back(bound, value); break;
        case Part::kSum: metric.sum = value; break;
        case Part::kCount: metric.count = value; break;
    }
}

Result<std::vector<OwnFamily>> families_of(std::string_view text) {
    std::vector<OwnFamily> families;
    std::map<std::string, std::string, std::less<>> helps;
    wire::Parser parser(text, wire::ExpositionFormat::kText);
    wire::SeriesLabels series;
    for (wire::Step step; (step = parser.next()) != wire::Step::kEnd;) {
        switch (step) {
            case wire::Step::kError: return corrupt("own metrics: {}", parser.error().message);
            case wire::Step::kHelp:
                helps[std::string(parser.family())] =
                    wire::unescaped_help(parser.metadata_text(), wire::ExpositionFormat::kText);
                break;
            case wire::Step::kType:
                families.push_back({std::string(parser.family()),
                                    helps[std::string(parser.family())],
                                    parser.type(),
                                    {}});
                break;
            case wire::Step::kSample: {
                KW_TRY(series.read(parser.series(), wire::ExpositionFormat::kText));
                // A sample without a TYPE above it is a family of its own.
                if (families.empty() || !series.metric_name().starts_with(families.back().name)) {
                    families.push_back(
                        {std::string(series.metric_name()), {}, MetricType::kUnknown, {}});
                }
                add_sample(families.back(), series, parser.value());
                break;
            }
            default: break;
        }
    }
    return families;
}

// A double in proto3's JSON mapping.
void write_double(JsonWriter& json, double value) {
    if (std::isfinite(value)) {
        json.number(value);
    } else {
        json.string(std::isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity");
    }
}

void write_metric(JsonWriter& json, MetricType type, const OwnMetric& metric) {
    json.begin_object();
    if (!metric.labels.empty()) {
        json.key("label").begin_array();
        for (const auto& [name, value] : metric.labels) {
            json.begin_object().key("name").string(name).key("value").string(value).end_object();
        }
        json.end_array();
    }
    if (type == MetricType::kHistogram) {
        json.key("histogram").begin_object();
        json.key("sampleCount").string(format_value(metric.count));
        json.key("sampleSum");
        write_double(json, metric.sum);
        json.key("bucket").begin_array();
        for (const auto& [bound, count] : metric.buckets) {
            json.begin_object().key("cumulativeCount").string(format_value(count));
            json.key("upperBound");
            write_double(json, bound);
            json.end_object();
        }
        json.end_array().end_object();
    } else {
        json.key(type == MetricType::kCounter ? "counter"
                 : type == MetricType::kGauge ? "gauge"
                                              : "untyped");
        json.begin_object().key("value");
        write_double(json, metric.value);
        json.end_object();
    }
    json.end_object();
}

std::string_view type_name(MetricType type) {
    switch (type) {
        case MetricType::kCounter: return "COUNTER";
        case MetricType::kGauge: return "GAUGE";
        case MetricType::kHistogram: return "HISTOGRAM";
        default: return "UNTYPED";
    }
}

}  // namespace

Result<void> PrometheusApi::self_metrics(const net::Request& request,
                                         net::ResponseWriter& response) const {
    std::optional<AnchoredRegex> pattern;
    if (const std::string_view text = request.params.get("metric_name_pattern"); !text.empty()) {
        Result<AnchoredRegex> compiled = AnchoredRegex::compile(text);
        if (!compiled.ok())
            return invalid_parameter("metric_name_pattern", compiled.error().message);
        pattern = std::move(compiled).value();
    }
    const std::string text = own_metrics_text();
    KW_TRY_ASSIGN(const std::vector<OwnFamily> families, families_of(text));
    SuccessEnvelope envelope(response);
    JsonWriter& json = envelope.data();
    json.begin_array();
    for (const OwnFamily& family : families) {
        if (family.metrics.empty() || (pattern && !pattern->matches(family.name))) continue;
        json.begin_object().key("name").string(family.name).key("help").string(family.help);
        json.key("type").string(type_name(family.type)).key("metric").begin_array();
        for (const OwnMetric& metric : family.metrics) write_metric(json, family.type, metric);
        json.end_array().end_object();
    }
    json.end_array();
    return envelope.end();
}

}  // namespace kw::api
