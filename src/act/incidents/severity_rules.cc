#include "incidents/severity_rules.h"

#include <algorithm>

#include "base/check.h"

namespace kw::incidents {
namespace {

constexpr std::string_view kSeverityLabel = "severity";

struct ShippedClass {
    const char* name;
    const char* label;           // that `pattern` is held against
    const char* pattern;         // an anchored regular expression
    const char* severity_label;  // what the label `severity` must match besides; "": anything
    std::optional<Severity> severity;
};
// The first that matches counts. Alerts of other names take part by a label `class`.
constexpr ShippedClass kShippedClasses[] = {
    // Always firing, to show that alerting works; and what incidents tell of themselves.
    {"Heartbeats", "alertname", "Watchdog|DeadMansSwitch|InfoInhibitor|IncidentOpen", "", {}},
    {"Service downtime", "class", "downtime", "", Severity::kSev1},
    {"Data loss", "class", "data.?loss", "", Severity::kSev1},
    {"Security breach", "class", "(security.?)?breach", "", Severity::kSev1},
    {"Performance degradation", "class", "performance|degradation", "", Severity::kSev2},
    {"High error rates", "class", "errors?|error.?rate", "", Severity::kSev2},
    {"Model accuracy issues", "class", "(model.?)?accuracy", "", Severity::kSev2},
    {"Minor functionality issues", "class", "minor|functionality", "", Severity::kSev3},
    {"Slow response times", "class", "slow|latency", "", Severity::kSev3},
    {"Non-urgent issues", "class", "non.?urgent", "", Severity::kSev4},
    {"Service downtime", "alertname",
     ".*(Down|Downtime|Unreachable|Unavailable|Unhealthy|Probe(Failed|Failure|Failing))",
     "critical|page", Severity::kSev1},
    {"Data loss", "alertname", ".*(DataLoss|Corrupt|Backup.*Fail|IngestionLoss).*", "critical|page",
     Severity::kSev1},
    {"Security breach", "alertname", ".*Breach.*", "critical|page", Severity::kSev1},
    {"High error rates", "alertname", "HighErrorRate", "", Severity::kSev2},
    {"High error rates", "alertname", ".*(ErrorRate|Errors|ErrorBudget).*", "critical|page",
     Severity::kSev2},
    {"Model accuracy issues", "alertname", "LowModelAccuracy", "", Severity::kSev2},
    {"Model accuracy issues", "alertname", ".*(Accuracy|Drift).*", "critical|page",
     Severity::kSev2},
    {"Performance degradation", "alertname", "APILatency", "", Severity::kSev2},
    {"Performance degradation", "alertname", ".*(Latency|Slow|Degrad|Burn).*", "critical|page",
     Severity::kSev2},
    {"Slow response times", "alertname", ".*(Latency|Slow).*", "warning", Severity::kSev3},
};

std::string lower(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return out;
}

Matcher shipped_matcher(const char* label, const char* pattern) {
    Result<Matcher> matcher = Matcher::make(MatchOp::kRegex, label, pattern);
    KW_CHECK(matcher.ok());
    return std::move(matcher).value();
}

}  // namespace

std::vector<ClassRule> shipped_classes() {
    std::vector<ClassRule> rules;
    for (const ShippedClass& shipped : kShippedClasses) {
        ClassRule rule;
        rule.name = shipped.name;
        rule.matchers.push_back(shipped_matcher(shipped.label, shipped.pattern));
        if (*shipped.severity_label != '\0') {
            rule.matchers.push_back(shipped_matcher(kSeverityLabel.data(), shipped.severity_label));
        }
        rule.severity = shipped.severity;
        rule.is_shipped = true;
        rules.push_back(std::move(rule));
    }
    return rules;
}

std::vector<std::pair<std::string, Severity>> shipped_labels() {
    return {
        {"critical", Severity::kSev1}, {"page", Severity::kSev1},    {"high", Severity::kSev2},
        {"error", Severity::kSev2},    {"warning", Severity::kSev3}, {"medium", Severity::kSev3},
        {"info", Severity::kSev4},     {"low", Severity::kSev4},     {"none", Severity::kSev4}};
}

Verdict SeverityRules::verdict_of(const LabelSet& alert) const {
    const std::string label = lower(alert.get(kSeverityLabel));
    // An alert that names its SEV is that.
    if (label.starts_with("sev")) {
        if (const Result<Severity> named = parse_severity(label); named.ok()) {
            return {*named, fmt::format("label severity={}", label), nullptr};
        }
    }
    for (const ClassRule& rule : classes) {
        if (matches_all(rule.matchers, alert)) {
            return {rule.severity, fmt::format("class {}", rule.name), &rule};
        }
    }
    for (const auto& [value, severity] : labels) {
        if (value == label) return {severity, fmt::format("label severity={}", label), nullptr};
    }
    return {fallback,
            label.empty() ? "no label severity"
                          : fmt::format("label severity={}, which is not in the map", label),
            nullptr};
}

}  // namespace kw::incidents
