// What the linter finds, where, and what it leaves alone.
#include "promql/lint.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>

#include "promql/parser.h"

namespace kw::promql {
namespace {

// Targets that say of requests that it is a counter, of latency_seconds a histogram, of temperature a gauge, all
// scraped every 15 s but slow_total, every minute.
LintFacts described() {
    LintFacts facts;
    facts.type_of = [](std::string_view family) {
        static const std::map<std::string_view, MetricType> types = {
            {"requests", MetricType::kCounter},          {"slow_total", MetricType::kCounter},
            {"latency_seconds", MetricType::kHistogram}, {"calls", MetricType::kSummary},
            {"temperature", MetricType::kGauge},         {"gauge_total", MetricType::kGauge},
        };
        const auto found = types.find(family);
        return found == types.end() ? MetricType::kUnknown : found->second;
    };
    facts.interval_ms = [](std::string_view family) -> std::optional<int64_t> {
        return family == "slow_total" ? 60'000 : 15'000;
    };
    return facts;
}

// "rule@text-of-the-place", in order.
std::string found(std::string_view query, const LintFacts& facts) {
    Result<ExprPtr> expr = parse(query, ParseOptions::all_features());
    if (!expr.ok()) return "error: " + expr.error().message;
    if (!resolve_durations(**expr, {Millis{0}, Millis{0}, 0}, query).ok()) return "error";
    const Result<std::vector<LintFinding>> findings = lint(**expr, facts);
    if (!findings.ok()) return "error: " + findings.error().message;
    std::string out;
    for (const LintFinding& finding : *findings) {
        if (!out.empty()) out += "; ";
        out +=
            std::string(finding.rule) + "@" +
            std::string(query.substr(finding.where.start, finding.where.end - finding.where.start));
    }
    return out;
}

// guide: G036, P04, P05, P06, P29
TEST(Lint, FindsWhatAQueryDoesNotMean) {
    struct Row {
        std::string_view query;
        std::string_view want;
    };
    const Row rows[] = {
        {"requests", "counter-without-rate@requests"},
        {"requests_total", "counter-without-rate@requests_total"},
        {"sum by (job) (errors_total) > 5", "counter-without-rate@errors_total"},
        {"latency_seconds_bucket", "counter-without-rate@latency_seconds_bucket"},
        {"latency_seconds_count", "counter-without-rate@latency_seconds_count"},
        {"last_over_time(requests[5m])", "counter-without-rate@requests"},
        {"topk(3, requests)", "counter-without-rate@requests"},
        {"{__name__=\"requests\", job=\"a\"}",
         "counter-without-rate@{__name__=\"requests\", job=\"a\"}"},
        {"hits_total / (hits_total + misses_total)",
         "lifetime-ratio@hits_total / (hits_total + misses_total)"},
        {"sum(latency_seconds_sum) / sum(latency_seconds_count)",
         "lifetime-ratio@sum(latency_seconds_sum) / sum(latency_seconds_count)"},
        {"histogram_quantile(0.95, latency_seconds_bucket)",
         "lifetime-quantile@histogram_quantile(0.95, latency_seconds_bucket)"},
        {"histogram_quantile(0.95, latency_seconds)",
         "lifetime-quantile@histogram_quantile(0.95, latency_seconds)"},
        {"histogram_quantile(0.95, sum by (le) (latency_seconds_bucket))",
         "lifetime-quantile@histogram_quantile(0.95, sum by (le) (latency_seconds_bucket))"},
        {"histogram_quantile(0.9, sum by (job) (rate(latency_seconds_bucket[5m])))",
         "quantile-without-le@sum by (job) (rate(latency_seconds_bucket[5m]))"},
        {"histogram_quantile(0.9, sum without (le) (rate(x_bucket[5m])))",
         "quantile-without-le@sum without (le) (rate(x_bucket[5m]))"},
        {"rate(temperature[5m])", "rate-of-gauge@temperature[5m]"},
        {"increase(gauge_total[1h])", "rate-of-gauge@gauge_total[1h]"},
        {"delta(requests[1h])", "delta-of-counter@requests[1h]"},
        {"predict_linear(requests[1h], 60)", "delta-of-counter@requests[1h]"},
        {"avg_over_time(requests[1h])", "average-of-counter@requests[1h]"},
        {"rate(sum(requests)[5m:15s])", "rate-of-aggregate@sum(requests)[5m:15s]"},
        {"rate(http_requests_total{status=~\"5..\"}[5m]) > 0.1",
         "rate-of-each-series@rate(http_requests_total{status=~\"5..\"}[5m]) > 0.1"},
        {"sum(rate(e_total[5m])) / sum(rate(e_total[5m])) > 5",
         "ratio-against-percent@sum(rate(e_total[5m])) / sum(rate(e_total[5m])) > 5"},
        {"80 < 1 - sum(rate(a_total{x=\"1\"}[5m])) / sum(rate(a_total[5m]))",
         "ratio-against-percent@80 < 1 - sum(rate(a_total{x=\"1\"}[5m])) / sum(rate(a_total[5m]))"},
        {"max(disk_used_ratio) > 90", "ratio-against-percent@max(disk_used_ratio) > 90"},
        {"accuracy_percent < 0.8", "percent-against-ratio@accuracy_percent < 0.8"},
        {"100 * mem_free / mem_free < 0.1", ""},  // 100 * mem_free first: not known to be a share
        {"(mem_free / (mem_free + mem_used)) * 100 < 0.1",
         "percent-against-ratio@(mem_free / (mem_free + mem_used)) * 100 < 0.1"},
        {"rate(requests[30s])", "short-window@requests[30s]"},
        {"rate(slow_total[2m])", "short-window@slow_total[2m]"},
        {"rate(latency_seconds_bucket[59s])", "short-window@latency_seconds_bucket[59s]"},
        {"deriv(temperature[1m:30s])", "short-window@temperature[1m:30s]"},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.query);
        EXPECT_EQ(found(row.query, described()), row.want);
    }
}

TEST(Lint, LeavesAloneWhatIsMeant) {
    const std::string_view queries[] = {
        "temperature",
        "rate(requests[1m])",
        "sum by (status) (rate(http_requests_total[5m]))",
        "count(requests)",
        "absent(requests_total)",
        "time() - timestamp(requests_total)",
        "changes(requests[1h])",
        "resets(requests[1h]) > 2",
        "up and on (job) requests_total",
        "up unless requests_total",
        "histogram_quantile(0.95, sum(rate(http_request_duration_seconds_bucket[5m])) by (le))",
        "histogram_quantile(0.95, sum(rate(latency_seconds[5m])))",
        "histogram_quantile(0.95, rate(latency_seconds_bucket[5m]))",
        "max_over_time(rate(requests[5m])[1h:])",
        "sum(rate(a_total{x=\"1\"}[5m])) / sum(rate(a_total[5m])) > 0.05",
        "(1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes) * 100 > 80",
        "100 - (avg by (instance) (rate(node_cpu_seconds_total{mode=\"idle\"}[5m])) * 100)",
        "model_prediction_accuracy_percent < 80",
        "process_resident_memory_bytes > 1e9",
        "cache_hit_rate < 0.8",
        "rate(bytes_total[5m]) > 1e6",
        "calls{quantile=\"0.9\"}",
        "avg_over_time(temperature[1m])",
        "min_over_time(temperature[10s])",
        "gauge_total",
        "info(temperature, {__name__=\"target_info\"})",
        "1 + 2",
        "vector(1) > 5",
    };
    for (const std::string_view query : queries) {
        SCOPED_TRACE(query);
        EXPECT_EQ(found(query, described()), "");
    }
}

TEST(Lint, KnowsNamesAloneWithoutTargets) {
    EXPECT_EQ(found("requests", {}), "");
    EXPECT_EQ(found("requests_total", {}), "counter-without-rate@requests_total");
    EXPECT_EQ(found("rate(temperature[1s])", {}), "");
}

// guide: P17
TEST(Lint, NamesWhatIsNearestToWhatDoesNotExist) {
    using Labels = std::map<std::string, std::string>;
    const std::vector<Labels> series = {
        {{"__name__", "http_requests_total"}, {"status", "200"}, {"job", "api"}},
        {{"__name__", "http_requests_total"}, {"status", "500"}, {"job", "web"}},
        {{"__name__", "up"}, {"job", "api"}},
    };
    const auto matches = [](const Labels& labels, const std::vector<Matcher>& matchers) {
        return std::ranges::all_of(matchers, [&](const Matcher& matcher) {
            const auto at = labels.find(matcher.name());
            return matcher.matches(at == labels.end() ? std::string() : at->second);
        });
    };
    LintFacts facts;
    facts.has_series = [&](const std::vector<Matcher>& matchers) -> Result<bool> {
        return std::ranges::any_of(series, [&](const Labels& s) { return matches(s, matchers); });
    };
    facts.label_names = [&](const std::vector<Matcher>& matchers) {
        std::vector<std::string> names;
        for (const Labels& s : series) {
            if (!matches(s, matchers)) continue;
            for (const auto& [name, value] : s) names.push_back(name);
        }
        return Result<std::vector<std::string>>(names);
    };
    facts.label_values = [&](std::string_view label, const std::vector<Matcher>& matchers) {
        std::vector<std::string> values;
        for (const Labels& s : series) {
            const auto at = s.find(std::string(label));
            if (matches(s, matchers) && at != s.end()) values.push_back(at->second);
        }
        return Result<std::vector<std::string>>(values);
    };
    struct Row {
        std::string_view query;
        std::string_view message;
        std::string_view suggestion;
    };
    const Row rows[] = {
        {"rate(http_request_total[5m])", "there is no series named \"http_request_total\"",
         "the nearest name is http_requests_total"},
        {"xyz", "there is no series named \"xyz\"", ""},
        {"rate(http_requests_total{status=\"501\"}[5m])",
         "no series of \"http_requests_total\" has status=\"501\"", "there is 500"},
        {"rate(http_requests_total{statsu=\"500\"}[5m])",
         "\"http_requests_total\" has no label \"statsu\"", "the nearest label is status"},
        {"rate(http_requests_total{status=~\"4..\"}[5m])",
         "no series of \"http_requests_total\" has status=~\"4..\"", "there is 200, 500"},
        {"rate(http_requests_total{status=\"200\",job=\"web\"}[5m])",
         "no series matches all of these labels together, though some match each", ""},
        {"rate(http_requests_total{status=\"all\"}[5m])",
         "no series of \"http_requests_total\" has status=\"all\": it is a value, not a wildcard",
         "for any value leave the matcher out, or write status=~\".+\""},
        {"{job=\"apo\"}", "no series of any series has job=\"apo\"", "there is api"},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.query);
        const Result<ExprPtr> expr = parse(row.query);
        ASSERT_TRUE(expr.ok());
        const auto findings = lint(**expr, facts);
        ASSERT_TRUE(findings.ok());
        ASSERT_EQ(findings->size(), 1u);
        EXPECT_EQ(findings->front().rule, "no-series");
        EXPECT_EQ(findings->front().message, row.message);
        EXPECT_EQ(findings->front().suggestion, row.suggestion);
    }
    EXPECT_EQ(found("up or rate(http_requests_total[5m]) or absent(up)", facts), "");
}

TEST(Lint, HandsOnWhatTheFactsFailWith) {
    LintFacts facts;
    facts.has_series = [](const std::vector<Matcher>&) -> Result<bool> { return invalid("disk"); };
    EXPECT_EQ(found("up", facts), "error: disk");
}

TEST(NearestOf, CountsAnExchangeAsOne) {
    const std::vector<std::string> names = {"alpha", "alpha_beta", "gamma_total"};
    EXPECT_EQ(nearest_of("aplha", names), "alpha");
    EXPECT_EQ(nearest_of("gama_totla", names), "gamma_total");
    EXPECT_EQ(nearest_of("delta", names), "");
    EXPECT_EQ(nearest_of("", names), "");
    EXPECT_EQ(nearest_of(std::string(1000, 'a'), {std::string(1001, 'a')}), std::string(1001, 'a'));
}

}  // namespace
}  // namespace kw::promql
