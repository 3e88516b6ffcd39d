// Incidents and timelines as JSON, and what webhooks send.
#include "incidents/incident_json.h"

#include <gtest/gtest.h>

#include "incidents/webhook.h"

namespace kw::incidents {
namespace {

constexpr Millis kNow{1'700'000'000'000};

Incident full() {
    Incident incident;
    incident.id = 3;
    incident.title = "Errors \"in\" api\n";
    incident.severity = Severity::kSev1;
    incident.source = "alert";
    incident.phase = Phase::kPostMortem;
    incident.status = Status::kClosed;
    incident.began_at = kNow;
    incident.acknowledged_at = kNow + 5;
    incident.roles = {{"commander", "anna"}};
    incident.impact = {{"api"}, {"north"}, 12, "slow", true};
    IncidentAlert alert;
    alert.labels = {{"alertname", "A"}, {"service", "api"}};
    alert.ended_at = kNow + 9;
    alert.is_external = true;
    incident.alerts = {alert};
    incident.phases = {{Phase::kDetection, kNow, "alerts", ""}};
    incident.runbook = {{"Roll back", kNow, "anna"}};
    incident.links = {{"change", "Fix", "https://example.com", kNow}};
    incident.checks = {{"up", kNow, true, "1 series"}};
    incident.actions = {{1, "Limit", "ben", "2026-01-31", "HighErrorRate", {}}};
    incident.notes = {{kNow, "anna", "comment", "ä"}};
    incident.postmortem = "# P";
    return incident;
}

TEST(IncidentJson, ReadsWhatItWrites) {
    const Incident incident = full();
    const Result<Incident> again = parse_incident(incident_json(incident));
    ASSERT_TRUE(again.ok()) << again.error().message;
    EXPECT_EQ(*again, incident);
    Timeline timeline;
    timeline.gathered_at = kNow;
    timeline.entries = {{kNow, "fault", "t", "d", 0.95, "fault_active", {{kNow, 1.5}}}};
    timeline.comparisons = {{"up", 1, 0, true, 1}};
    timeline.remarks = {"r"};
    const Result<Timeline> timeline_again = parse_timeline(timeline_json(timeline));
    ASSERT_TRUE(timeline_again.ok()) << timeline_again.error().message;
    EXPECT_EQ(*timeline_again, timeline);
}

TEST(IncidentJson, EveryTruncationIsAnError) {
    const std::string whole = incident_json(full());
    for (size_t size = 0; size < whole.size(); ++size) {
        EXPECT_FALSE(parse_incident(std::string_view(whole).substr(0, size)).ok()) << size;
    }
    EXPECT_EQ(parse_incident(std::string(kDocumentBytesMax + 1, ' ')).error().code,
              Code::kExhausted);
    EXPECT_EQ(parse_incident(R"({"alerts":[{"labels":{"a":1}}]})").error().message,
              "the incident: alerts: labels: is no text");
}

// guide: G110
TEST(Webhook, ReadsAlertmanagersGrafanasAndAPlainOne) {
    const Result<std::vector<SeenAlert>> list = parse_webhook(
        R"({"version":"4","status":"firing","alerts":[
            {"status":"firing","labels":{"alertname":"A","service":"api"},
             "annotations":{"summary":"S"},"startsAt":"2023-11-14T22:13:00.5+01:00",
             "endsAt":"0001-01-01T00:00:00Z","generatorURL":"http://p/"},
            {"status":"resolved","labels":{"alertname":"B"},"endsAt":"2023-11-14T22:13:10Z"}]})",
        kNow);
    ASSERT_TRUE(list.ok()) << list.error().message;
    ASSERT_EQ(list->size(), 2U);
    EXPECT_EQ((*list)[0].summary, "S");
    EXPECT_EQ((*list)[0].starts_at, Millis{1'699'996'380'500});
    EXPECT_FALSE((*list)[0].ended_at.has_value());
    EXPECT_EQ((*list)[1].ended_at, Millis{1'699'999'990'000});
    const Result<std::vector<SeenAlert>> plain = parse_webhook(
        R"({"title":"Checkout fails","severity":"High","service":"shop","text":"since noon"})",
        kNow);
    ASSERT_TRUE(plain.ok()) << plain.error().message;
    EXPECT_EQ(
        (*plain)[0].labels,
        (LabelSet{{"alertname", "Checkout fails"}, {"service", "shop"}, {"severity", "High"}}));
    EXPECT_TRUE((*plain)[0].is_external);
}

TEST(Webhook, ErrorsNameTheMember) {
    struct Row {
        std::string_view body;
        std::string_view want;
    };
    const Row rows[] = {
        {"", "the body is no JSON object"},
        {"[]", "the body is no JSON object"},
        {"{}", "the body has neither alerts, as Alertmanager and Grafana send, nor title"},
        {R"({"alerts":[{"labels":{}}]})", "alerts[0]: labels is empty"},
        {R"({"alerts":[{"labels":{"a":"b"},"startsAt":"noon"}]})",
         "alerts[0]: startsAt \"noon\" is no time of RFC 3339"},
        {R"({"title":"x","status":"maybe"})", "status \"maybe\" is neither firing nor resolved"},
        {R"({"title":1})", "title is no text"},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.body);
        const Result<std::vector<SeenAlert>> got = parse_webhook(row.body, kNow);
        ASSERT_FALSE(got.ok());
        EXPECT_EQ(got.error().message, row.want);
    }
}

}  // namespace
}  // namespace kw::incidents
