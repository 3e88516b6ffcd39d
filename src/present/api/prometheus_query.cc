// query, query_range, format_query, parse_query.
#include <algorithm>

#include "api/envelope.h"
#include "api/parameters.h"
#include "api/prometheus_api.h"
#include "api/query_parameters.h"
#include "base/clock.h"
#include "base/environment.h"
#include "model/labels.h"
#include "model/native_histogram.h"
#include "net/request.h"
#include "net/response_writer.h"
#include "promql/engine.h"
#include "promql/parser.h"
#include "promql/printer.h"

namespace kw::api {
namespace {

constexpr std::string_view kTruncated = "results truncated due to limit";

// Which statistics the answer has: none, those of the whole query, or also those of each step.
enum class Stats : unsigned char { kNone, kWhole, kPerStep };

struct CommonParameters {
    uint64_t limit = 0;
    Stats stats = Stats::kNone;
    promql::QueryOptions options;
};

Result<CommonParameters> common_parameters(const net::Request& request) {
    CommonParameters common;
    KW_TRY_ASSIGN(common.limit, limit_parameter(request));
    KW_TRY_ASSIGN(common.options, query_options(request));
    const std::string_view stats = request.params.get("stats");
    if (stats == "all") {
        common.stats = Stats::kPerStep;
    } else if (!stats.empty()) {
        common.stats = Stats::kWhole;
    }
    common.options.per_step_stats = common.stats == Stats::kPerStep;
    return common;
}

Result<promql::ExprPtr> parsed_query(const net::Request& request,
                                     const promql::ParseOptions& features) {
    Result<promql::ExprPtr> expr = promql::parse(request.params.get("query"), features);
    if (!expr.ok()) return invalid_parameter("query", expr.error().message);
    return expr;
}

void write_stats(JsonWriter& json, const promql::QueryResult& result, Stats wanted) {
    const promql::QueryStats& stats = result.stats;
    json.key("stats").begin_object();
    json.key("timings").begin_object();
    json.key("evalTotalTime").number(stats.eval_s + stats.prepare_s);
    json.key("resultSortTime").number(0);
    json.key("queryPreparationTime").number(stats.prepare_s);
    json.key("innerEvalTime").number(stats.eval_s);
    json.key("execQueueTime").number(stats.queue_s);
    json.key("execTotalTime").number(stats.total_s);
    json.end_object();
    json.key("samples").begin_object();
    if (wanted == Stats::kPerStep) {
        json.key("totalQueryableSamplesPerStep").begin_array();
        for (size_t i = 0; i < stats.samples_per_step.size(); ++i) {
            json.begin_array()
                .timestamp(result.grid.at(i))
                .count(stats.samples_per_step[i])
                .end_array();
        }
        json.end_array();
    }
    json.key("totalQueryableSamples").count(stats.samples_total);
    json.key("peakSamples").count(stats.samples_peak);
    json.end_object().end_object();
}

// [1435781451.781,{"count":"3","sum":"1","buckets":[[0,"0.5","1","3"]]}]; the first number of a bucket says which
// of its bounds belong to it: 0 the upper, 1 the lower, 2 none, 3 both.
void write_histogram(JsonWriter& json, Millis t, const Histogram& histogram) {
    json.begin_array().timestamp(t).begin_object();
    json.key("count").string(format_value(histogram.count));
    json.key("sum").string(format_value(histogram.sum));
    const std::vector<BoundedBucket> buckets = buckets_of(from_stored(histogram));
    if (!buckets.empty()) {
        json.key("buckets").begin_array();
        for (const BoundedBucket& bucket : buckets) {
            const int bounds = bucket.lower_inclusive ? (bucket.upper_inclusive ? 3 : 1)
                                                      : (bucket.upper_inclusive ? 0 : 2);
            json.begin_array()
                .integer(bounds)
                .string(format_value(bucket.lower))
                .string(format_value(bucket.upper))
                .string(format_value(bucket.count))
                .end_array();
        }
        json.end_array();
    }
    json.end_object().end_array();
}

void write_series(JsonWriter& json, const promql::QueryResult& result, size_t series_count) {
    const bool is_matrix = result.type == promql::ValueType::kMatrix;
    json.begin_array();
    for (size_t i = 0; i < series_count && !json.gone(); ++i) {
        const promql::ResultSeries& series = result.series[i];
        json.begin_object().key("metric").labels(series.labels);
        bool any_number = false;
        result.each_point(series, [&](Millis t, double value) {
            if (!any_number) {
                json.key(is_matrix ? "values" : "value");
                if (is_matrix) json.begin_array();
                any_number = true;
            }
            json.point(t, value);
        });
        if (any_number && is_matrix) json.end_array();
        bool any_histogram = false;
        result.each_histogram(series, [&](Millis t, const Histogram& histogram) {
            if (!any_histogram) {
                json.key(is_matrix ? "histograms" : "histogram");
                if (is_matrix) json.begin_array();
                any_histogram = true;
            }
            write_histogram(json, t, histogram);
        });
        if (any_histogram && is_matrix) json.end_array();
        json.end_object();
    }
    json.end_array();
}

Result<void> send_result(net::ResponseWriter& response, const promql::QueryResult& result,
                         const CommonParameters& common) {
    size_t series_count = result.series.size();
    std::vector<std::string> warnings = result.warnings;
    if (common.limit > 0 && series_count > common.limit) {
        series_count = common.limit;
        warnings.emplace_back(kTruncated);
    }
    SuccessEnvelope envelope(response);
    JsonWriter& json = envelope.data();
    json.begin_object()
        .key("resultType")
        .string(promql::value_type_name(result.type))
        .key("result");
    switch (result.type) {
        case promql::ValueType::kScalar: json.point(result.grid.start, result.scalar); break;
        case promql::ValueType::kString:
            json.begin_array().timestamp(result.grid.start).string(result.string).end_array();
            break;
        default: write_series(json, result, series_count); break;
    }
    if (common.stats != Stats::kNone) write_stats(json, result, common.stats);
    json.end_object();
    return envelope.end(warnings, result.infos);
}

// The text parses: what the engine says of it is about its execution.
Result<void> answer(net::ResponseWriter& response, const Result<promql::QueryResult>& result,
                    const CommonParameters& common) {
    if (result.ok()) return send_result(response, *result, common);
    send_error(response, execution_error_kind(result.error().code), result.error().message);
    return {};
}

}  // namespace

Result<void> PrometheusApi::query(const net::Request& request,
                                  net::ResponseWriter& response) const {
    KW_TRY_ASSIGN(const CommonParameters common, common_parameters(request));
    KW_TRY_ASSIGN(const Millis at, time_parameter(request, "time", given_.env.clock.now()));
    KW_TRY(parsed_query(request, given_.engine.options().features));
    return answer(
        response,
        given_.engine.instant(request.params.get("query"), at, common.options, request.cancel),
        common);
}

Result<void> PrometheusApi::query_range(const net::Request& request,
                                        net::ResponseWriter& response) const {
    KW_TRY_ASSIGN(const CommonParameters common, common_parameters(request));
    KW_TRY_ASSIGN(const promql::QueryRange range,
                  query_range_parameters(request, given_.options.points_max));
    KW_TRY_ASSIGN(const promql::ExprPtr expr,
                  parsed_query(request, given_.engine.options().features));
    if (expr->type != promql::ValueType::kScalar && expr->type != promql::ValueType::kVector) {
        return invalid_parameter(
            "query", fmt::format("invalid expression type {} for range query, must be Scalar or "
                                 "instant Vector",
                                 kw::quoted(promql::value_type_words(expr->type))));
    }
    return answer(response,
                  given_.engine.range(request.params.get("query"), range.start, range.end,
                                      range.step_ms, common.options, request.cancel),
                  common);
}

Result<void> PrometheusApi::format_query(const net::Request& request,
                                         net::ResponseWriter& response) const {
    KW_TRY_ASSIGN(const promql::ExprPtr expr,
                  parsed_query(request, given_.engine.options().features));
    SuccessEnvelope envelope(response);
    envelope.data().string(promql::pretty_print(*expr));
    return envelope.end();
}

Result<void> PrometheusApi::parse_query(const net::Request& request,
                                        net::ResponseWriter& response) const {
    KW_TRY_ASSIGN(const promql::ExprPtr expr,
                  parsed_query(request, given_.engine.options().features));
    SuccessEnvelope envelope(response);
    envelope.data().raw(promql::tree_json(*expr));
    return envelope.end();
}

}  // namespace kw::api
