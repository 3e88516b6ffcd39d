// /api/kw/v1/query/explain: the plan of a query as a tree, and with analyze=true what each operator did.
#include "api/envelope.h"
#include "api/parameters.h"
#include "api/prometheus_api.h"
#include "api/query_parameters.h"
#include "base/clock.h"
#include "base/environment.h"
#include "net/request.h"
#include "net/response_writer.h"
#include "promql/engine.h"
#include "promql/explain.h"
#include "promql/parser.h"

namespace kw::api {
namespace {

Result<bool> flag_parameter(const net::Request& request, std::string_view name) {
    const std::string_view text = request.params.get(name);
    if (text.empty() || text == "false" || text == "0") return false;
    if (text == "true" || text == "1") return true;
    return invalid_parameter(name, "want true or false");
}

// `start`, `end` and `step` of a range query, or `time` of an instant one.
Result<promql::QueryRange> range_of(const net::Request& request, Millis now, uint64_t points_max) {
    const auto has = [&](std::string_view name) { return !request.params.get(name).empty(); };
    if (!has("start") && !has("end") && !has("step")) {
        KW_TRY_ASSIGN(const Millis at, time_parameter(request, "time", now));
        return promql::QueryRange{at, at, 0};
    }
    return query_range_parameters(request, points_max);
}

void write_steps(JsonWriter& json, const promql::StepGrid& grid) {
    json.begin_object().key("count").count(grid.count);
    if (grid.count > 0) {
        json.key("first").timestamp(grid.at(0));
        json.key("last").timestamp(grid.last());
    }
    if (grid.count > 1) json.key("step_s").number(static_cast<double>(grid.step_ms) / 1000);
    json.end_object();
}

void write_node(JsonWriter& json, const promql::PlanNode& node) {
    json.begin_object();
    json.key("kind").string(node.kind);
    json.key("title").string(node.title);
    json.key("text").string(node.text);
    json.key("position").string(node.position);
    json.key("holds").string(promql::plan_holds_name(node.holds));
    json.key("once").boolean(node.once);
    json.key("steps");
    write_steps(json, node.grid);
    if (!node.selections.empty()) {
        json.key("selections").begin_array();
        for (const size_t number : node.selections) json.count(number);
        json.end_array();
    }
    if (node.cost) {
        json.key("self_s").number(node.cost->self_s);
        json.key("total_s").number(node.cost->total_s);
        json.key("series").count(node.cost->series);
        json.key("values").count(node.cost->values);
        json.key("samples").count(node.cost->samples);
        json.key("peak_bytes").count(node.cost->bytes_peak);
    }
    json.key("children").begin_array();
    for (const promql::PlanNode& child : node.children) write_node(json, child);
    json.end_array().end_object();
}

void write_selections(JsonWriter& json, const promql::Explanation& explanation) {
    json.key("selections").begin_array();
    for (const promql::PlanSelection& selection : explanation.selections) {
        json.begin_object();
        json.key("matchers").string(selection.matchers);
        json.key("position").string(selection.position);
        json.key("start").timestamp(selection.range.min);
        json.key("end").timestamp(selection.range.max);
        json.key("series").count(selection.series);
        json.key("samples_estimate").count(selection.samples_estimate);
        json.end_object();
    }
    json.end_array();
}

void write_whole(JsonWriter& json, const promql::Explanation& explanation) {
    const promql::QueryStats& stats = explanation.result.stats;
    json.key("query").begin_object();
    json.key("queue_s").number(stats.queue_s);
    json.key("prepare_s").number(stats.prepare_s);
    json.key("eval_s").number(stats.eval_s);
    json.key("series").count(explanation.series_count);
    json.key("samples").count(stats.samples_total);
    json.key("samples_peak").count(stats.samples_peak);
    json.key("peak_bytes").count(explanation.bytes_peak);
    json.end_object();
}

}  // namespace

Result<void> PrometheusApi::explain_query(const net::Request& request,
                                          net::ResponseWriter& response) const {
    const std::string_view query = request.params.get("query");
    KW_TRY_ASSIGN(const bool analyze, flag_parameter(request, "analyze"));
    KW_TRY_ASSIGN(const promql::QueryOptions options, query_options(request));
    KW_TRY_ASSIGN(const promql::QueryRange range,
                  range_of(request, given_.env.clock.now(), given_.options.points_max));
    if (const auto expr = promql::parse(query, given_.engine.options().features); !expr.ok())
        return invalid_parameter("query", expr.error().message);
    const Result<promql::Explanation> explanation =
        given_.engine.explain(query, range, analyze, options, request.cancel);
    if (!explanation.ok()) {
        send_error(response, execution_error_kind(explanation.error().code),
                   explanation.error().message);
        return {};
    }
    SuccessEnvelope envelope(response);
    JsonWriter& json = envelope.data();
    json.begin_object();
    json.key("analyzed").boolean(analyze);
    json.key("plan");
    write_node(json, *explanation->plan);
    write_selections(json, *explanation);
    if (analyze) write_whole(json, *explanation);
    json.end_object();
    return envelope.end(explanation->result.warnings, explanation->result.infos);
}

}  // namespace kw::api
