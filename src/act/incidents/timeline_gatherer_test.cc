// What a timeline sees of samples that are there for a moment only, and what stays of it when a query fails.
#include "incidents/timeline_gatherer.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/clock.h"
#include "base/thread_pool.h"
#include "contract/memory_store.h"
#include "incidents/postmortem.h"
#include "incidents/timeline_changes.h"
#include "promql/engine.h"
#include "state/testing.h"

namespace kw::incidents {
namespace {

constexpr int64_t kMinuteMs = 60'000;
constexpr Millis kBegan{1'700'000'000'000};
const LabelSet kFault{{"__name__", "fault_active"}, {"job", "api"}, {"fault", "errors"}};
const LabelSet kUp{{"__name__", "up"}, {"job", "api"}, {"instance", "a"}};

LabelSet version(std::string_view name) {
    return {{"__name__", "build_info"}, {"job", "api"}, {"instance", "a"}, {"version", name}};
}

class TimelineGathererTest : public testing::Test {
 protected:
    TimelineGathererTest() {
        incident_.id = 7;
        incident_.title = "HighErrorRate in api";
        incident_.began_at = incident_.opened_at = kBegan;
        incident_.impact.services = {"api"};
    }
    Timeline gather(const Timeline* former = nullptr, promql::EngineOptions options = {},
                    Millis now = kBegan + 5 * kMinuteMs) {
        promql::Engine engine(world_.env, samples_, options);
        return gather_timeline(incident_, settings_, former, engine, now, cancel_).timeline;
    }
    // `count` of them from `from` on, 200 ms apart: `value`, but at `there_index` `there`.
    void add_scrapes(const LabelSet& labels, Millis from, size_t count, double value,
                     size_t there_index, double there) {
        for (size_t i = 0; i < count; ++i) {
            samples_.add(labels, from + static_cast<int64_t>(i) * 200,
                         i == there_index ? there : value);
        }
    }
    static const TimelineEntry* find(const Timeline& timeline, std::string_view title) {
        const auto found = std::ranges::find(timeline.entries, title, &TimelineEntry::title);
        return found == timeline.entries.end() ? nullptr : &*found;
    }
    static bool has_remark(const Timeline& timeline, std::string_view text) {
        return std::ranges::any_of(timeline.remarks, [&](const std::string& remark) {
            return remark.find(text) != std::string::npos;
        });
    }

    state::TestWorld world_;
    MemoryStore samples_;
    CancelToken cancel_;
    Incident incident_;
    Settings settings_;
};

TEST_F(TimelineGathererTest, SeesAFaultOfOneSample) {
    const Millis from = kBegan - kMinuteMs;
    add_scrapes(kFault, from, 1000, 0, 333, 1);
    add_scrapes(kUp, from, 1000, 1, 500, 0);
    const Timeline timeline = gather();
    const TimelineEntry* const begins = find(timeline, "fault errors begins");
    ASSERT_NE(begins, nullptr);
    EXPECT_EQ(begins->at, from + 333 * 200);
    EXPECT_LE(begins->points.size(), kPinnedPointsMax);
    EXPECT_NE(std::ranges::find(begins->points, PinnedPoint{begins->at, 1}), begins->points.end());
    ASSERT_NE(find(timeline, "fault errors ends"), nullptr);
    EXPECT_EQ(find(timeline, "fault errors ends")->at, from + 334 * 200);
    ASSERT_NE(find(timeline, "api does not answer"), nullptr);
    EXPECT_EQ(find(timeline, "api does not answer")->at, from + 500 * 200);
    EXPECT_EQ(find(timeline, "api answers again")->at, from + 501 * 200);
    EXPECT_TRUE(timeline.remarks.empty()) << timeline.remarks.front();
}

TEST_F(TimelineGathererTest, AGaugeThatIsThereOnlyWhileItsFaultIsBeginsWithItsFirstSample) {
    samples_.add(kFault, kBegan - kMinuteMs, 1);
    // Since before the window: that did not begin in it.
    const LabelSet old{{"__name__", "fault_active"}, {"job", "api"}, {"fault", "old"}};
    for (int64_t minute = -34; minute <= 0; ++minute) {
        samples_.add(old, kBegan + minute * kMinuteMs, 1);
    }
    const Timeline timeline = gather();
    ASSERT_NE(find(timeline, "fault errors begins"), nullptr);
    EXPECT_EQ(find(timeline, "fault errors begins")->at, kBegan - kMinuteMs);
    EXPECT_EQ(find(timeline, "fault old begins"), nullptr);
}

TEST_F(TimelineGathererTest, CountsTheMostUsersWhileItLasts) {
    const LabelSet users{{"__name__", "active_users"}, {"job", "api"}};
    samples_.add(users, kBegan - kMinuteMs, 900);
    samples_.add(users, kBegan - 1000, 40);
    samples_.add(users, kBegan + kMinuteMs, 120);
    samples_.add(users, kBegan + 2 * kMinuteMs, 80);
    samples_.add(users, kBegan + 4 * kMinuteMs, 500);
    incident_.restored_at = kBegan + 3 * kMinuteMs;
    promql::Engine engine(world_.env, samples_, {});
    const auto counted = [&] {
        return gather_timeline(incident_, settings_, nullptr, engine, kBegan + 5 * kMinuteMs,
                               cancel_)
            .users;
    };
    EXPECT_EQ(counted(), 120);
    settings_.users_query = "sum(nobody_knows)";
    EXPECT_EQ(counted(), std::nullopt);
    settings_.users_query = "";
    EXPECT_EQ(counted(), std::nullopt);
}

TEST_F(TimelineGathererTest, SeesAVersionOfOneScrape) {
    const Millis from = kBegan - kMinuteMs;
    for (int64_t i = 0; i < 500; ++i) {
        const Millis at = from + i * 200;
        samples_.add(kUp, at, 1);
        // A series that a scrape has no more is marked as gone.
        if (i == 251) samples_.add(version("1"), at, kStaleMarker);
        if (i == 252) samples_.add(version("2"), at, kStaleMarker);
        samples_.add(version(i <= 250 ? "1" : i == 251 ? "2" : "3"), at, 1);
    }
    const Timeline timeline = gather();
    std::vector<std::string> changes;
    for (const TimelineEntry& entry : timeline.entries) {
        if (entry.kind == "deploy") changes.push_back(entry.detail);
    }
    EXPECT_EQ(changes, (std::vector<std::string>{"version 1 → 2", "version 2 → 3"}));
}

TEST_F(TimelineGathererTest, AFailingQueryLosesNothingThatAFormerOneFound) {
    const Millis from = kBegan - kMinuteMs;
    add_scrapes(kFault, from, 1000, 0, 333, 1);
    for (int64_t i = 0; i < 100; ++i) samples_.add(version(i < 50 ? "1" : "2"), from + i * 200, 1);
    const Timeline good = gather();
    ASSERT_NE(find(good, "fault errors begins"), nullptr);
    promql::EngineOptions small;
    small.max_samples = 50;
    const Timeline again = gather(&good, small, kBegan + 6 * kMinuteMs);
    EXPECT_EQ(again.entries, good.entries);
    EXPECT_TRUE(has_remark(again,
                           "fault: 2 as gathered at 2023-11-14 22:18:20 UTC, since a query "
                           "failed"));
    EXPECT_TRUE(has_remark(again, "deploy: "));
    EXPECT_TRUE(has_remark(again, "fault_active"));
    // Once more: they are kept, not doubled.
    EXPECT_EQ(gather(&again, small, kBegan + 7 * kMinuteMs).entries, good.entries);
    // And with queries that answer all is as they say.
    const Timeline healed = gather(&again, {}, kBegan + 8 * kMinuteMs);
    EXPECT_TRUE(healed.remarks.empty());
    EXPECT_EQ(healed.entries.size(), good.entries.size());
    const std::string draft = draft_postmortem_text(incident_, again);
    EXPECT_NE(draft.find("What could not be gathered:\n\n- "), std::string::npos) << draft;
    EXPECT_NE(draft.find("fault: 2 as gathered at"), std::string::npos) << draft;
}

TEST_F(TimelineGathererTest, SamplesThatAreTooManyAreLookedAtInSteps) {
    for (const std::string_view instance : {"a", "b", "c", "d", "e"}) {
        const LabelSet up{{"__name__", "up"}, {"job", "api"}, {"instance", instance}};
        add_scrapes(up, kBegan - 20 * kMinuteMs, 6000, 1, 9999, 0);
        samples_.add(up, kBegan + kMinuteMs, 0);
    }
    promql::EngineOptions options;
    options.max_samples = 20'000;
    const Timeline timeline = gather(nullptr, options);
    EXPECT_NE(find(timeline, "api does not answer"), nullptr);
    EXPECT_TRUE(has_remark(timeline, "up: looked at in steps of 1s166ms"))
        << ::testing::PrintToString(timeline.remarks);
}

TEST_F(TimelineGathererTest, ASeriesThatFlapsDoesNotPushOutTheOthers) {
    add_scrapes(kFault, kBegan - kMinuteMs, 10, 0, 5, 1);
    for (int64_t i = 0; i < 1000; ++i) {
        samples_.add(kUp, kBegan - kMinuteMs + i * 200, static_cast<double>(i % 2));
    }
    const Timeline timeline = gather();
    EXPECT_EQ(std::ranges::count(timeline.entries, "target", &TimelineEntry::kind), 12);
    EXPECT_NE(find(timeline, "fault errors begins"), nullptr);
    EXPECT_TRUE(has_remark(timeline, "1 series changed more than 12 times"));
}

TEST_F(TimelineGathererTest, SeesAVersionThatWasThereForAMomentAndCameBack) {
    const Millis from = kBegan - kMinuteMs + 100;
    for (int64_t i = 0; i < 500; ++i) {
        const Millis at = from + i * 200;
        samples_.add(kUp, at, 1);
        if (i == 2) samples_.add(version("1"), at, kStaleMarker);
        if (i == 300) samples_.add(version("2"), at, kStaleMarker);
        samples_.add(version(i >= 2 && i < 300 ? "2" : "1"), at, 1);
    }
    const Timeline timeline = gather();
    std::vector<std::string> changes;
    for (const TimelineEntry& entry : timeline.entries) {
        if (entry.kind == "deploy") changes.push_back(entry.detail);
    }
    EXPECT_EQ(changes, (std::vector<std::string>{"version 1 → 2", "version 2 → 1"}));
}

promql::ResultSeries series(std::vector<int64_t> seconds, std::vector<double> values) {
    promql::ResultSeries out;
    for (const int64_t second : seconds) out.timestamps.push_back(second * 1000);
    out.values.assign(values.begin(), values.end());
    return out;
}

TEST(TimelineChanges, BeginsAreAfterAValueOrAGap) {
    struct Row {
        std::string_view name;
        std::vector<int64_t> seconds;  // of samples; empty: a step each 10 s
        std::vector<double> values;
        std::vector<int64_t> want_s;
    };
    const Row rows[] = {
        {"a sample", {400}, {1}, {400}},
        {"before the window", {50, 200, 400}, {1, 1, 1}, {}},
        {"after a zero", {150, 200, 250, 300}, {0, 1, 1, 0}, {200}},
        {"after a gap", {150, 200, 501, 520}, {1, 1, 1, 1}, {150, 501}},
        {"in steps, from the start on", {}, {1, 1, 1}, {}},
        {"in steps, after none", {}, {promql::kAbsent, 1, 1, promql::kAbsent, 1}, {10, 40}},
    };
    promql::QueryResult result;
    result.grid = {Millis{0}, 10'000, 5, true};
    for (const Row& row : rows) {
        SCOPED_TRACE(row.name);
        std::vector<int64_t> got;
        const Millis from{row.seconds.empty() ? 0 : 100'000};
        for (const Millis at : begins(result, series(row.seconds, row.values), from, 300'000)) {
            got.push_back(at.count / 1000);
        }
        EXPECT_EQ(got, row.want_s);
    }
}

}  // namespace
}  // namespace kw::incidents
