// What people do to an incident: what is done, and what is refused and why.
#include "incidents/changes.h"

#include <gtest/gtest.h>

namespace kw::incidents {
namespace {

constexpr Millis kNow{1'700'000'000'000};
const Moment kAnna{kNow, "anna"};

Incident opened(Severity severity = Severity::kSev2) {
    Incident incident;
    incident.id = 7;
    incident.title = "HighErrorRate in api";
    incident.severity = severity;
    incident.opened_at = kNow - 60'000;
    incident.began_at = kNow - 120'000;
    return incident;
}

std::string error_of(const Done& done) { return done.ok() ? "" : done.error().message; }

// guide: G123
TEST(Phases, OnIsFreeAndAnyOtherMoveWantsAReason) {
    struct Row {
        Phase from;
        Phase to;
        std::string_view refusal;  // without a reason; empty: it is done
    };
    const Row rows[] = {
        {Phase::kDetection, Phase::kAssessment, ""},
        {Phase::kAssessment, Phase::kMitigation, ""},
        {Phase::kMitigation, Phase::kResolution, ""},
        {Phase::kDetection, Phase::kMitigation,
         "from detection to mitigation is a jump over phases; say why in reason, or move to "
         "assessment first"},
        {Phase::kResolution, Phase::kAssessment,
         "from resolution to assessment is a way back; say why in reason"},
        {Phase::kMitigation, Phase::kMitigation, "INC-7 is in mitigation already"},
        {Phase::kDetection, Phase::kPostMortem,
         "from detection to post-mortem is a jump over phases; say why in reason, or move to "
         "assessment first"},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(fmt::format("{} to {}", phase_text(row.from), phase_text(row.to)));
        Incident incident = opened();
        incident.phase = row.from;
        EXPECT_EQ(error_of(move_to(incident, row.to, "", kAnna)), row.refusal);
        EXPECT_EQ(incident.phase, row.refusal.empty() ? row.to : row.from);
        if (row.refusal.empty() || row.from == row.to) continue;
        ASSERT_TRUE(move_to(incident, row.to, "we know it", kAnna).ok());
        EXPECT_EQ(incident.phase, row.to);
        EXPECT_EQ(incident.phases.back(), (PhaseEntry{row.to, kNow, "anna", "we know it"}));
    }
}

TEST(Phases, AcknowledgingBeginsTheAssessment) {
    Incident incident = opened();
    ASSERT_TRUE(acknowledge(incident, kAnna).ok());
    EXPECT_EQ(incident.phase, Phase::kAssessment);
    EXPECT_EQ(incident.assignee, "anna");
    EXPECT_EQ(incident.acknowledged_at, kNow);
    EXPECT_EQ(error_of(acknowledge(incident, kAnna)),
              "anna acknowledged INC-7 already; assign it to hand it over");
}

// guide: G118
TEST(Resolve, WantsAlertsEndedAndChecksGreen) {
    Incident incident = opened();
    incident.phase = Phase::kResolution;
    IncidentAlert alert;
    alert.labels = {{"alertname", "HighErrorRate"}};
    incident.alerts.push_back(alert);
    ASSERT_TRUE(add_check(incident, "up == 1").ok());
    EXPECT_EQ(error_of(resolve(incident, "", kAnna)),
              "INC-7 is not over: 1 of its alerts fires; check up == 1 is not green: not checked "
              "yet; mend that, or say in reason why it is resolved");
    incident.alerts[0].ended_at = kNow;
    incident.checks[0].is_green = true;
    ASSERT_TRUE(resolve(incident, "", kAnna).ok());
    EXPECT_EQ(incident.status, Status::kResolved);
    EXPECT_EQ(incident.phase, Phase::kPostMortem);
    EXPECT_EQ(incident.resolved_at, kNow);
    EXPECT_EQ(error_of(resolve(incident, "again", kAnna)), "INC-7 is resolved already");
    // A way back opens it again.
    ASSERT_TRUE(move_to(incident, Phase::kMitigation, "it came back", kAnna).ok());
    EXPECT_TRUE(incident.is_open());
    EXPECT_FALSE(incident.resolved_at.has_value());
}

TEST(Resolve, AReasonStandsForWhatIsMissing) {
    Incident incident = opened();
    IncidentAlert alert;
    alert.labels = {{"alertname", "HighErrorRate"}};
    incident.alerts.push_back(alert);
    ASSERT_TRUE(resolve(incident, "the alert is wrong", kAnna).ok());
    EXPECT_EQ(incident.phases.back().reason, "the alert is wrong");
}

// guide: G122
TEST(Close, WantsAPostmortemWithOwnersAndDates) {
    Incident incident = opened();
    EXPECT_EQ(error_of(close(incident, "", kAnna)),
              "INC-7 is open; only what is resolved can be closed");
    ASSERT_TRUE(resolve(incident, "over", kAnna).ok());
    EXPECT_EQ(error_of(close(incident, "", kAnna)),
              "INC-7 has no post-mortem yet; write it, or say in reason why not");
    ASSERT_TRUE(write_postmortem(incident, "# What happened").ok());
    ActionEdit item;
    item.text = "Limit retries";
    ASSERT_TRUE(set_action(incident, 0, item, kAnna).ok());
    EXPECT_EQ(error_of(close(incident, "", kAnna)),
              "action 1 (Limit retries) has no owner; add it, or say in reason why not");
    ActionEdit more;
    more.owner = "ben";
    more.due = "2026-02-30";
    EXPECT_EQ(error_of(set_action(incident, 1, more, kAnna)),
              "due \"2026-02-30\" is no date; write it as 2026-01-31");
    more.due = "2028-02-29";
    more.rule = "HighErrorRate";
    ASSERT_TRUE(set_action(incident, 1, more, kAnna).ok());
    ASSERT_TRUE(close(incident, "", kAnna).ok());
    EXPECT_EQ(incident.status, Status::kClosed);
    EXPECT_EQ(error_of(edit(incident, {.title = "Other"})),
              "INC-7 is closed; open it again by moving it to a phase with a reason");
}

// guide: G111, G114, G116, G117
TEST(Changes, EditLinkRunbookRolesAndSnooze) {
    Incident incident = opened();
    ASSERT_TRUE(edit(incident, {.severity = Severity::kSev1,
                                .services = std::vector<std::string>{"api", "model"},
                                .users = 1200})
                    .ok());
    EXPECT_TRUE(incident.is_severity_by_hand);
    EXPECT_TRUE(incident.impact.is_edited);
    EXPECT_EQ(incident.impact.users, 1200);
    EXPECT_FALSE(edit(incident, {}).ok());
    EXPECT_FALSE(edit(incident, {.began_at = kNow}).ok());
    EXPECT_TRUE(link(incident, "change", "Fix #12", "https://example.com/12", kAnna).ok());
    EXPECT_TRUE(link(incident, "restore", "restore of Monday's backup", "", kAnna).ok());
    EXPECT_FALSE(link(incident, "change", "x", "javascript:alert(1)", kAnna).ok());
    EXPECT_FALSE(link(incident, "gossip", "x", "", kAnna).ok());
    ASSERT_TRUE(add_runbook_step(incident, "Roll back").ok());
    ASSERT_TRUE(tick_runbook_step(incident, 0, true, kAnna).ok());
    EXPECT_EQ(incident.runbook[0].done_by, "anna");
    EXPECT_EQ(error_of(tick_runbook_step(incident, 1, true, kAnna)),
              "there is no step 1: the runbook has 1, counted from 0");
    ASSERT_TRUE(assign(incident, "ben", "commander").ok());
    ASSERT_TRUE(assign(incident, "cleo", "commander").ok());
    EXPECT_EQ(incident.roles, (std::vector<Role>{{"commander", "cleo"}}));
    ASSERT_TRUE(snooze(incident, kNow + 3'600'000, kAnna).ok());
    EXPECT_TRUE(incident.is_snoozed_at(kNow));
    EXPECT_FALSE(snooze(incident, kNow + 30 * 86'400'000LL, kAnna).ok());
    ASSERT_TRUE(snooze(incident, kNow, kAnna).ok());
    EXPECT_FALSE(incident.is_snoozed_at(kNow));
}

TEST(Changes, TextsAreBounded) {
    Incident incident = opened();
    EXPECT_FALSE(comment(incident, "  ").ok());
    EXPECT_FALSE(comment(incident, std::string(kTextBytesMax + 1, 'x')).ok());
    EXPECT_FALSE(comment(incident, "\xff").ok());
    for (size_t i = 0; i < 64; ++i) {
        incident.notes.push_back({kNow, "anna", "comment", std::string(kTextBytesMax, 'x')});
    }
    EXPECT_EQ(comment(incident, "one more").error().code, Code::kExhausted);
    for (size_t i = 0; i < kItemsMax; ++i) ASSERT_TRUE(add_check(incident, "up").ok());
    EXPECT_EQ(add_check(incident, "up").error().code, Code::kExhausted);
}

}  // namespace
}  // namespace kw::incidents
