// Backfill: what a rule would have written, once, in the order of the rules, and no more.
#include "rules/backfill.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rules/backfill_jobs.h"
#include "rules/rules_fixture.h"
#include "state/store.h"
#include "state/testing.h"

namespace kw::rules {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr int64_t kMinute = 60'000;
constexpr int64_t kHour = 60 * kMinute;
const LabelSet kX{{"__name__", "x"}, {"job", "a"}};
const LabelSet kOther{{"__name__", "x"}, {"job", "b"}};

class BackfillTest : public testing::Test {
 protected:
    void put(const LabelSet& labels, Millis from, Millis to, double first) {
        for (Millis t = from; t <= to; t += kMinute) world_.store.add(labels, t, first++);
    }
    BackfillCounts run(std::string_view text, Millis start, Millis end, bool continues = false) {
        BackfillSpec spec;
        spec.groups = World::groups(text);
        spec.start = start;
        spec.end = end;
        spec.continues = continues;
        Backfill backfill(world_.engine, world_.store, std::move(spec), {});
        const CancelToken cancel;
        while (true) {
            const Result<bool> goes_on = backfill.next(cancel);
            EXPECT_TRUE(goes_on.ok());
            if (!goes_on.ok() || !*goes_on) break;
        }
        EXPECT_EQ(backfill.fraction(), 1);
        return backfill.counts();
    }
    // Times and values, markers among them.
    std::vector<std::pair<int64_t, double>> samples(const std::string& name) {
        const CancelToken cancel;
        MemoryBudget budget(1 << 30);
        const auto selected = world_.store
                                  .select({Matcher::equal("__name__", name)},
                                          {Millis{0}, Millis{1'000 * kHour}}, {}, cancel, budget)
                                  .value();
        std::vector<std::pair<int64_t, double>> all;
        SampleColumns columns;
        for (size_t i = 0; i < selected->size(); ++i) {
            EXPECT_TRUE(selected->read(i, columns).ok());
            for (size_t k = 0; k < columns.size(); ++k)
                all.emplace_back(columns.timestamps[k], columns.values[k]);
        }
        return all;
    }
    Millis first_slot(Millis from) { return next_slot("r.yml", "g", kMinute, from); }

    World world_;
};

TEST_F(BackfillTest, WritesAtTheGroupsTimesWhatTheRuleWouldHaveGiven) {
    put(kX, Millis{0}, Millis{10 * kHour}, 0);
    const std::string text =
        "groups: [{name: g, rules: [{record: twice, expr: 2 * x, labels: {by: rules}}, "
        "{alert: A, expr: x > 1}]}]\n";
    const BackfillCounts counts = run(text, Millis{kHour}, Millis{9 * kHour});
    EXPECT_EQ(counts.stored, 480u + (first_slot(Millis{kHour}) == Millis{kHour} ? 1 : 0));
    EXPECT_EQ(counts.failures, 0u) << counts.first_error;
    const auto written = samples("twice");
    EXPECT_EQ(written.size(), counts.stored);
    EXPECT_EQ(written.front().first, first_slot(Millis{kHour}).count);
    for (const auto& [time, value] : written) {
        EXPECT_EQ(value, static_cast<double>(2 * (time / kMinute))) << time;
    }
    EXPECT_THAT(world_.ask("twice", Millis{2 * kHour + kMinute}),
                ElementsAre(HasSubstr(R"(twice{by="rules", job="a"})")));
    // Once more: nothing changes.
    const BackfillCounts again = run(text, Millis{kHour}, Millis{9 * kHour});
    EXPECT_EQ(again.stored, 0u);
    EXPECT_EQ(again.kept, counts.stored);
    EXPECT_EQ(samples("twice"), written);
}

TEST_F(BackfillTest, ASampleThatIsThereStays) {
    put(kX, Millis{0}, Millis{kHour}, 0);
    const Millis there = first_slot(Millis{20 * kMinute});
    world_.store.add({{"__name__", "y"}, {"job", "a"}}, there, -1);
    const BackfillCounts counts = run("groups: [{name: g, rules: [{record: y, expr: x}]}]\n",
                                      Millis{10 * kMinute}, Millis{30 * kMinute});
    EXPECT_EQ(counts.kept, 1u);
    for (const auto& [time, value] : samples("y")) {
        EXPECT_EQ(value == -1, time == there.count) << time;
    }
}

TEST_F(BackfillTest, ARuleSeesWhatTheRulesBeforeItGave) {
    put(kX, Millis{0}, Millis{3 * kHour}, 0);
    const BackfillCounts counts =
        run("groups:\n- name: g\n  rules:\n  - {record: a, expr: x}\n"
            "  - {record: b, expr: 'sum_over_time(a[10m])'}\n- name: h\n  rules: [{record: c, "
            "expr: b}]\n",
            Millis{kHour}, Millis{2 * kHour});
    EXPECT_EQ(counts.failures, 0u) << counts.first_error;
    const Millis last = first_slot(Millis{2 * kHour - kMinute});
    double sum = 0;
    for (int i = 0; i < 10; ++i) sum += static_cast<double>(last.count / kMinute - i);
    EXPECT_THAT(world_.ask("b", last), ElementsAre(R"(b{job="a"} )" + format_value(sum)));
    EXPECT_THAT(samples("c"), testing::Not(testing::IsEmpty()));
}

TEST_F(BackfillTest, ARuleThatReadsItselfCounts) {
    put(kX, Millis{0}, Millis{2 * kHour}, 0);
    run("groups: [{name: g, rules: [{record: n, expr: 'n offset 1m + 1 or x * 0'}]}]\n",
        Millis{kHour}, Millis{kHour + 20 * kMinute});
    const auto counted = samples("n");
    for (size_t i = 0; i < counted.size(); ++i)
        EXPECT_EQ(counted[i].second, static_cast<double>(i)) << i;
    EXPECT_GE(counted.size(), 20u);
}

TEST_F(BackfillTest, ASeriesThatEndsGetsAMarkerAndAnEvaluationThatFailsIsLeftOut) {
    put(kX, Millis{0}, Millis{3 * kHour}, 0);
    put(kOther, Millis{0}, Millis{kHour}, 0);
    // While both are there, the rule gives one label set twice.
    const std::string text =
        "groups: [{name: g, rules: [{record: y, expr: x, labels: {job: all}}, {record: z, expr: "
        "x}]}]\n";
    const BackfillCounts counts = run(text, Millis{30 * kMinute}, Millis{2 * kHour});
    EXPECT_THAT(counts.first_error, HasSubstr("same labelset after applying rule labels"));
    // From half an hour on until x{job="b"} is older than the lookback of five minutes.
    EXPECT_NEAR(static_cast<double>(counts.failures), 35, 1);
    // Both series of z, and the marker of the one that ends.
    EXPECT_EQ(samples("y").size() + counts.failures, samples("z").size() - counts.failures - 1);
    size_t markers = 0;
    Millis ended;
    for (const auto& [time, value] : samples("z")) {
        if (!is_stale(value)) continue;
        ++markers;
        ended = Millis{time};
    }
    EXPECT_EQ(markers, 1u);
    EXPECT_NEAR(static_cast<double>(ended.count), static_cast<double>(kHour + 5 * kMinute),
                static_cast<double>(kMinute));
    EXPECT_EQ(world_.ask("z", ended + kMinute).size(), 1u);
}

TEST_F(BackfillTest, OneThatContinuesEndsWhatTheFirstPartBegan) {
    put(kX, Millis{0}, Millis{kHour}, 0);
    const std::string text = "groups: [{name: g, rules: [{record: y, expr: x}]}]\n";
    const Millis cut = first_slot(Millis{kHour + 4 * kMinute});  // the last within the lookback
    run(text, Millis{30 * kMinute}, cut);
    run(text, cut + 1, Millis{2 * kHour}, true);
    ASSERT_FALSE(samples("y").empty());
    EXPECT_TRUE(is_stale(samples("y").back().second));
    EXPECT_EQ(samples("y").back().first, (cut + kMinute).count);
}

TEST_F(BackfillTest, ALimitOfTheGroupHoldsForEachEvaluation) {
    put(kX, Millis{0}, Millis{2 * kHour}, 0);
    put(kOther, Millis{0}, Millis{kHour}, 0);
    const BackfillCounts counts =
        run("groups: [{name: g, limit: 1, rules: [{record: y, expr: x}]}]\n", Millis{30 * kMinute},
            Millis{2 * kHour});
    EXPECT_NEAR(static_cast<double>(counts.failures), 35, 1);
    EXPECT_THAT(counts.first_error, HasSubstr("exceeded limit of 1 with 2 series"));
}

class BackfillJobsTest : public BackfillTest {
 protected:
    BackfillJobsTest() { open(); }
    void open() {
        jobs_.reset();
        state_.reset();
        state_ =
            state::Store::open(disk_.env, {.directory = disk_.directory.path() + "/s"}).value();
        jobs_ = BackfillJobs::open(world_.env, *state_, world_.engine, world_.store, {}).value();
    }
    Result<BackfillJob> add(std::string_view text, Millis start, Millis end) {
        return jobs_->add(World::groups(text), {}, start, end, std::nullopt, "ada");
    }

    state::TestWorld disk_;
    std::unique_ptr<state::Store> state_;
    std::unique_ptr<BackfillJobs> jobs_;
};

constexpr const char* kRule = "groups: [{name: g, rules: [{record: y, expr: x}]}]\n";

TEST_F(BackfillJobsTest, AJobRunsAndIsRemembered) {
    world_.clock.set(Millis{4 * kHour});
    put(kX, Millis{0}, Millis{4 * kHour}, 0);
    const BackfillJob added = add(kRule, Millis{kHour}, Millis{3 * kHour}).value();
    EXPECT_EQ(added.state, BackfillState::kWaiting);
    jobs_->run_waiting();
    const BackfillJob done = jobs_->find(added.id).value();
    EXPECT_EQ(done.state, BackfillState::kDone) << done.error;
    EXPECT_EQ(done.counts.stored, samples("y").size());
    EXPECT_EQ(done.fraction, 1);
    open();
    const BackfillJob read = jobs_->find(added.id).value();
    EXPECT_EQ(read.state, BackfillState::kDone);
    EXPECT_EQ(read.counts, done.counts);
    EXPECT_THAT(read.groups, ElementsAre("g"));
    EXPECT_EQ(read.created_by, "ada");
    EXPECT_EQ(jobs_->cancel(added.id).error().code, Code::kConflict);
}

TEST_F(BackfillJobsTest, OneThatWasInterruptedGoesOn) {
    world_.clock.set(Millis{4 * kHour});
    put(kX, Millis{0}, Millis{4 * kHour}, 0);
    const BackfillJob added = add(kRule, Millis{kHour}, Millis{3 * kHour}).value();
    // As a kill leaves it: it runs, and was written up to two hours.
    ASSERT_TRUE(state_
                    ->write([&](state::Connection& transaction) -> Result<void> {
                        KW_TRY(
                            transaction.run("UPDATE rules_backfill SET state = 'running', "
                                            "position = ?1, stored = 60",
                                            Millis{2 * kHour}));
                        return {};
                    })
                    .ok());
    open();
    EXPECT_EQ(jobs_->find(added.id)->state, BackfillState::kWaiting);
    EXPECT_EQ(jobs_->find(added.id)->resumed, 1u);
    EXPECT_NEAR(jobs_->find(added.id)->fraction, 0.5, 0.01);
    jobs_->start();
    while (jobs_->find(added.id)->state != BackfillState::kDone) std::this_thread::yield();
    EXPECT_GE(samples("y").front().first, 2 * kHour);
    EXPECT_EQ(jobs_->find(added.id)->counts.stored, 60 + samples("y").size());
}

TEST_F(BackfillJobsTest, OneThatWaitsIsCancelledAndBadOnesAreRefused) {
    world_.clock.set(Millis{4 * kHour});
    const BackfillJob added = add(kRule, Millis{kHour}, Millis{3 * kHour}).value();
    EXPECT_EQ(jobs_->cancel(added.id).value().state, BackfillState::kCancelled);
    jobs_->run_waiting();
    EXPECT_TRUE(samples("y").empty());
    open();
    EXPECT_EQ(jobs_->find(added.id)->state, BackfillState::kCancelled);
    EXPECT_EQ(jobs_->cancel(99).error().code, Code::kNotFound);
    EXPECT_THAT(add(kRule, Millis{2}, Millis{1}).error().message, HasSubstr("end is before"));
    EXPECT_THAT(add(kRule, Millis{2}, Millis{5 * kHour}).error().message, HasSubstr("future"));
    EXPECT_THAT(add("alert: A\nexpr: x\n", Millis{1}, Millis{2}).error().message,
                HasSubstr("no recording rule"));
}

}  // namespace
}  // namespace kw::rules
