// Which SEV an alert is, and the words for it.
#include "incidents/severity_rules.h"

#include <gtest/gtest.h>

namespace kw::incidents {
namespace {

SeverityRules shipped() { return {shipped_classes(), shipped_labels(), Severity::kSev3}; }

// guide: G037, G091, G092, G093, G094, G095, G096, G097, G098, G099, G100, G101, G102, G104, G105, G106, G107, P13
TEST(SeverityRules, ClassesComeBeforeLabels) {
    struct Row {
        LabelSet labels;
        std::string_view want;  // "none": it opens no incident
        std::string_view reason;
    };
    const Row rows[] = {
        {{{"alertname", "HighErrorRate"}, {"severity", "critical"}},
         "SEV2",
         "class High error rates"},
        {{{"alertname", "LowModelAccuracy"}, {"severity", "critical"}},
         "SEV2",
         "class Model accuracy issues"},
        {{{"alertname", "APILatency"}, {"severity", "critical"}},
         "SEV2",
         "class Performance degradation"},
        {{{"alertname", "ServiceDown"}, {"severity", "critical"}},
         "SEV1",
         "class Service downtime"},
        {{{"alertname", "ServiceDown"}, {"severity", "warning"}}, "SEV3", "label severity=warning"},
        {{{"alertname", "BackupVerifyFailed"}, {"severity", "critical"}},
         "SEV1",
         "class Data loss"},
        {{{"alertname", "X"}, {"class", "breach"}}, "SEV1", "class Security breach"},
        {{{"alertname", "X"}, {"class", "data_loss"}}, "SEV1", "class Data loss"},
        {{{"alertname", "X"}, {"class", "minor"}}, "SEV3", "class Minor functionality issues"},
        {{{"alertname", "X"}, {"class", "non-urgent"}}, "SEV4", "class Non-urgent issues"},
        {{{"alertname", "SlowSearch"}, {"severity", "warning"}},
         "SEV3",
         "class Slow response times"},
        {{{"alertname", "HighCPUUsage"}, {"severity", "warning"}},
         "SEV3",
         "label severity=warning"},
        {{{"alertname", "X"}, {"severity", "critical"}}, "SEV1", "label severity=critical"},
        {{{"alertname", "X"}, {"severity", "Info"}}, "SEV4", "label severity=info"},
        {{{"alertname", "X"}, {"severity", "sev2"}}, "SEV2", "label severity=sev2"},
        {{{"alertname", "X"}}, "SEV3", "no label severity"},
        {{{"alertname", "X"}, {"severity", "odd"}},
         "SEV3",
         "label severity=odd, which is not in the map"},
        {{{"alertname", "Watchdog"}, {"severity", "none"}}, "none", "class Heartbeats"},
        {{{"alertname", "IncidentOpen"}, {"severity", "critical"}}, "none", "class Heartbeats"},
    };
    const SeverityRules rules = shipped();
    for (const Row& row : rows) {
        SCOPED_TRACE(row.labels.to_string());
        const Verdict verdict = rules.verdict_of(row.labels);
        EXPECT_EQ(verdict.severity ? severity_text(*verdict.severity) : "none", row.want);
        EXPECT_EQ(verdict.reason, row.reason);
    }
}

TEST(SeverityRules, OwnClassesComeFirst) {
    SeverityRules rules = shipped();
    ClassRule own;
    own.name = "Ours";
    own.matchers.push_back(Matcher::equal("team", "forecast"));
    own.severity = Severity::kSev4;
    rules.classes.insert(rules.classes.begin(), own);
    const LabelSet labels{{"alertname", "HighErrorRate"}, {"team", "forecast"}};
    EXPECT_EQ(rules.verdict_of(labels).severity, Severity::kSev4);
    EXPECT_EQ(rules.verdict_of(labels).rule->name, "Ours");
    EXPECT_EQ(rules.verdict_of({{"alertname", "HighErrorRate"}}).severity, Severity::kSev2);
}

// guide: G103
TEST(Severity, BothVocabulariesAreRead) {
    struct Row {
        std::string_view text;
        std::optional<Severity> want;
    };
    const Row rows[] = {
        {"SEV1", Severity::kSev1},
        {"critical", Severity::kSev1},
        {"sev2", Severity::kSev2},
        {"High", Severity::kSev2},
        {"Medium", Severity::kSev3},
        {"SEV4", Severity::kSev4},
        {"low", Severity::kSev4},
        {"SEV5", {}},
        {"", {}},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.text);
        const Result<Severity> got = parse_severity(row.text);
        EXPECT_EQ(got.ok() ? std::optional(*got) : std::nullopt, row.want);
    }
    EXPECT_EQ(severity_name(Severity::kSev4), "Low");
}

TEST(Incident, NamesAreRead) {
    EXPECT_EQ(parse_incident_name("INC-12").value(), 12);
    EXPECT_EQ(parse_incident_name("inc-12").value(), 12);
    EXPECT_EQ(parse_incident_name("12").value(), 12);
    for (const char* const wrong : {"", "INC-", "INC-0", "-1", "1x", "99999999999999999999"}) {
        EXPECT_FALSE(parse_incident_name(wrong).ok()) << wrong;
    }
}

}  // namespace
}  // namespace kw::incidents
