// /api/kw/v1/check_query: the remarks of the linter on a query, with what the store and the targets know.
#include <algorithm>
#include <set>

#include "api/envelope.h"
#include "api/parameters.h"
#include "api/prometheus_api.h"
#include "base/clock.h"
#include "base/environment.h"
#include "contract/metric_store.h"
#include "net/request.h"
#include "net/response_writer.h"
#include "promql/engine.h"
#include "promql/lint.h"
#include "promql/parser.h"

namespace kw::api {
namespace {

// A selector that has matched nothing for this long matches nothing.
constexpr int64_t kRecentMs = 60 * 60 * 1000;
// Of more values the nearest is looked for among the first.
constexpr uint64_t kValuesMax = 100'000;

std::vector<scrape::TargetMetadata> sayings_of(const TargetReader& targets,
                                               std::string_view family) {
    if (!targets.metadata) return {};
    return targets.metadata([](const LabelSet&) { return true; }, family, 0);
}

// The type that all targets agree on.
MetricType agreed_type(const TargetReader& targets, std::string_view family) {
    std::set<MetricType> types;
    for (const scrape::TargetMetadata& saying : sayings_of(targets, family))
        types.insert(saying.metadata.type);
    return types.size() == 1 ? *types.begin() : MetricType::kUnknown;
}

std::optional<int64_t> longest_interval(const TargetReader& targets, std::string_view family) {
    if (!targets.active_targets) return std::nullopt;
    std::vector<LabelSet> with_metric;
    for (scrape::TargetMetadata& saying : sayings_of(targets, family))
        with_metric.push_back(std::move(saying.target));
    if (with_metric.empty()) return std::nullopt;
    std::ranges::sort(with_metric);
    std::optional<int64_t> longest;
    for (const scrape::TargetStatus& target : targets.active_targets("")) {
        if (!std::ranges::binary_search(with_metric, target.labels)) continue;
        longest = std::max(longest.value_or(0), target.interval_ms);
    }
    return longest;
}

}  // namespace

Result<void> PrometheusApi::check_query(const net::Request& request,
                                        net::ResponseWriter& response) const {
    const std::string_view query = request.params.get("query");
    Result<promql::ExprPtr> expr = promql::parse(query, given_.engine.options().features);
    if (!expr.ok()) return invalid_parameter("query", expr.error().message);
    const Millis now = given_.env.clock.now();
    if (const Result<void> resolved = promql::resolve_durations(**expr, {now, now, 0}, query);
        !resolved.ok()) {
        return invalid_parameter("query", resolved.error().message);
    }
    const TimeRange recent{Millis{now.count - kRecentMs}, now};
    promql::LintFacts facts;
    facts.type_of = [this](std::string_view family) { return agreed_type(given_.targets, family); };
    facts.interval_ms = [this](std::string_view family) {
        return longest_interval(given_.targets, family);
    };
    facts.has_series = [&](const std::vector<Matcher>& matchers) -> Result<bool> {
        KW_TRY_ASSIGN(const std::vector<std::string> names,
                      given_.store.label_names(matchers, recent, 1, request.cancel));
        return !names.empty();
    };
    facts.label_names = [&](const std::vector<Matcher>& matchers) {
        return given_.store.label_names(matchers, recent, 0, request.cancel);
    };
    facts.label_values = [&](std::string_view label, const std::vector<Matcher>& matchers) {
        return given_.store.label_values(label, matchers, recent, kValuesMax, request.cancel);
    };
    KW_TRY_ASSIGN(const std::vector<promql::LintFinding> findings, promql::lint(**expr, facts));
    SuccessEnvelope envelope(response);
    JsonWriter& json = envelope.data();
    json.begin_array();
    for (const promql::LintFinding& finding : findings) {
        json.begin_object();
        json.key("rule").string(finding.rule);
        json.key("position").string(promql::position_text(query, finding.where.start));
        json.key("start").count(finding.where.start);
        json.key("end").count(finding.where.end);
        json.key("message").string(finding.message);
        json.key("suggestion").string(finding.suggestion);
        json.end_object();
    }
    json.end_array();
    return envelope.end();
}

}  // namespace kw::api
