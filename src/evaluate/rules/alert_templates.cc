#include "rules/alert_templates.h"

#include <memory>

#include "promql/engine.h"
#include "templates/prometheus_functions.h"

namespace kw::rules {
namespace {

templates::Functions functions_for(const RuleContext& context, Millis data_time,
                                   const CancelToken& cancel) {
    templates::PrometheusContext given;
    given.external_url = context.external_url;
    given.now = data_time;
    given.query = [&context, data_time,
                   &cancel](const std::string& query) -> Result<templates::List> {
        KW_TRY_ASSIGN(const promql::QueryResult result,
                      context.engine.instant(query, data_time, {}, cancel));
        templates::List list;
        if (result.type == promql::ValueType::kString) {
            list.push_back(templates::sample_value(LabelSet{{"__value__", result.string}}, 0));
        } else if (result.type == promql::ValueType::kScalar) {
            list.push_back(templates::sample_value(LabelSet(), result.scalar));
        } else if (result.type == promql::ValueType::kVector) {
            for (const promql::ResultSeries& series : result.series) {
                result.each_point(series, [&](Millis, double value) {
                    list.push_back(templates::sample_value(series.labels, value));
                });
            }
        } else {
            return invalid("query result is not a vector, a scalar or a string");
        }
        return list;
    };
    return templates::prometheus_functions(std::move(given));
}

}  // namespace

AlertTemplates::AlertTemplates(const Rule& rule, const RuleContext& context, Millis data_time,
                               const CancelToken& cancel)
    : rule_(rule), context_(context), functions_(functions_for(context, data_time, cancel)) {}

TextPairs AlertTemplates::expand(const TextPairs& texts, const LabelSet& labels,
                                 double value) const {
    TextPairs expanded;
    expanded.reserve(texts.size());
    templates::Value data;
    templates::Variables variables;
    for (const auto& [name, text] : texts) {
        if (text.find("{{") == std::string::npos) {
            expanded.emplace_back(name, text);
            continue;
        }
        if (variables.empty()) {
            const templates::Value label_map = templates::labels_value(labels);
            const templates::Value external = templates::labels_value(context_.external_labels);
            templates::Map map;
            map.kind = templates::Map::Kind::kStruct;
            map.entries = {{"Labels", label_map},
                           {"ExternalLabels", external},
                           {"ExternalURL", templates::Value(context_.external_url)},
                           {"Value", templates::Value(value)}};
            data = templates::Value::map(std::move(map));
            variables = {{"$labels", label_map},
                         {"$externalLabels", external},
                         {"$externalURL", templates::Value(context_.external_url)},
                         {"$value", templates::Value(value)}};
        }
        const std::string template_name = "__alert_" + rule_.name;
        templates::TemplateSet set;
        Result<void> added = set.add(template_name, text, functions_, kTemplateVariables);
        Result<std::string> out = added.ok()
                                      ? set.execute(template_name, data, functions_, variables)
                                      : Result<std::string>(added.error());
        expanded.emplace_back(
            name, out.ok()
                      ? std::move(out).value()
                      : fmt::format("<error expanding template: error executing template {}: {}>",
                                    template_name, out.error().message));
    }
    return expanded;
}

}  // namespace kw::rules
