// features: what this server can do, and what of it is switched on, by category, so that clients need not guess by
// version.
#include "api/envelope.h"
#include "api/prometheus_api.h"
#include "net/request.h"
#include "net/response_writer.h"
#include "promql/engine.h"
#include "promql/functions.h"

namespace kw::api {
namespace {

using Switch = std::pair<std::string_view, bool>;

template <typename Switches>
void write_category(JsonWriter& json, std::string_view category, const Switches& switches) {
    json.key(category).begin_object();
    for (const auto& [name, is_on] : switches) json.key(name).boolean(is_on);
    json.end_object();
}

}  // namespace

Result<void> PrometheusApi::features(const net::Request&, net::ResponseWriter& response) const {
    const PrometheusApi::Options& options = given_.options;
    const promql::EngineOptions& engine = given_.engine.options();
    const bool experimental = engine.features.experimental_functions;
    SuccessEnvelope envelope(response);
    JsonWriter& json = envelope.data();
    json.begin_object();
    write_category(json, "api",
                   std::initializer_list<Switch>{
                       {"admin", options.enable_admin_api},
                       {"exclude_alerts", true},
                       {"label_values_match", true},
                       {"lifecycle", options.enable_lifecycle},
                       {"query_stats", true},
                       {"query_warnings", true},
                       {"remote_write_receiver", static_cast<bool>(given_.write)},
                       {"rule_group_pagination", true},
                       {"time_range_labels", true},
                       {"time_range_series", true},
                   });
    write_category(json, "promql",
                   std::initializer_list<Switch>{
                       {"anchored", engine.features.extended_range_selectors},
                       {"at_modifier", true},
                       {"bool", true},
                       {"by", true},
                       {"delayed_name_removal", engine.delayed_name_removal},
                       {"duration_expr", engine.features.duration_expressions},
                       {"experimental_functions", experimental},
                       {"fill", engine.features.fill_modifiers},
                       {"group_left", true},
                       {"group_right", true},
                       {"ignoring", true},
                       {"negative_offset", true},
                       {"offset", true},
                       {"on", true},
                       {"per_step_stats", true},
                       {"smoothed", engine.features.extended_range_selectors},
                       {"subqueries", true},
                       {"without", true},
                   });
    json.key("promql_functions").begin_object();
    for (const promql::Function& function : promql::functions())
        json.key(function.name).boolean(!function.experimental || experimental);
    json.end_object();
    json.key("promql_operators").begin_object();
    for (size_t op = 0; op <= static_cast<size_t>(promql::BinaryOp::kUnless); ++op)
        json.key(promql::binary_op_text(static_cast<promql::BinaryOp>(op))).boolean(true);
    for (size_t op = 0; op <= static_cast<size_t>(promql::AggregateOp::kLimitRatio); ++op) {
        const auto aggregate = static_cast<promql::AggregateOp>(op);
        const bool is_experimental = aggregate == promql::AggregateOp::kLimitk ||
                                     aggregate == promql::AggregateOp::kLimitRatio;
        json.key(promql::aggregate_op_text(aggregate)).boolean(!is_experimental || experimental);
    }
    json.end_object();
    write_category(json, "tsdb", std::initializer_list<Switch>{{"exemplar_storage", true}});
    json.end_object();
    return envelope.end();
}

}  // namespace kw::api
