// Groups made through the API: kept, run, refused, and who did it.
#include "rules/rule_book.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rules/rules_fixture.h"
#include "state/store.h"
#include "state/testing.h"

namespace kw::rules {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const Author kAda{"ada", "10.0.0.1:5000"};
constexpr const char* kText = "interval: 1m\nrules:\n- {record: twice, expr: 2 * x}\n";

class RuleBookTest : public testing::Test {
 protected:
    RuleBookTest() { open(); }
    void open() {
        book_.reset();
        state_.reset();
        state_ =
            state::Store::open(disk_.env, {.directory = disk_.directory.path() + "/s"}).value();
        manager_ = std::make_unique<RuleManager>(world_.env, world_.engine, world_.store, nullptr,
                                                 World::options());
        book_ = RuleBook::open(world_.env, *state_, *manager_, {}).value();
    }
    void apply(std::string_view text) {
        RuleSet set;
        set.groups = World::groups(text);
        manager_->apply(std::move(set));
    }
    std::vector<std::string> running() {
        std::vector<std::string> names;
        for (const GroupView& group : manager_->groups())
            names.push_back(group.file + ";" + group.name);
        return names;
    }

    state::TestWorld disk_;
    World world_;
    std::unique_ptr<state::Store> state_;
    std::unique_ptr<RuleManager> manager_;
    std::unique_ptr<RuleBook> book_;
};

TEST_F(RuleBookTest, RunsBesideFilesAndSurvivesARestart) {
    apply("groups: [{name: f, rules: [{record: y, expr: x}]}]\n");
    ASSERT_TRUE(book_->put("g", kText, kAda, std::nullopt).ok());
    EXPECT_THAT(running(), ElementsAre("@api;g", "r.yml;f"));
    const Millis at =
        manager_->groups().front().interval_ms == 60'000 ? manager_->run_due() : Millis{0};
    world_.store.add({{"__name__", "x"}}, at - 1, 4);
    world_.clock.set(at + 60'000);
    manager_->run_due();
    EXPECT_THAT(world_.ask("twice", at + 60'000), ElementsAre("twice 8"));
    // A reload of the files keeps it; a restart reads it back, as it was written.
    apply("groups: []\n");
    EXPECT_THAT(running(), ElementsAre("@api;g"));
    open();
    EXPECT_THAT(running(), ElementsAre());
    apply("groups: []\n");
    EXPECT_THAT(running(), ElementsAre("@api;g"));
    const ApiGroup group = book_->find("g").value();
    EXPECT_EQ(group.text, kText);
    EXPECT_EQ(group.updated_by, "ada");
    EXPECT_EQ(group.revision, 1);
    ASSERT_TRUE(book_->remove("g", kAda).ok());
    EXPECT_THAT(running(), ElementsAre());
    open();
    EXPECT_TRUE(book_->list().empty());
}

TEST_F(RuleBookTest, RefusesWhatIsBadAndKeepsTheOld) {
    apply("groups: [{name: f, rules: [{record: y, expr: x}]}]\n");
    ASSERT_TRUE(book_->put("g", kText, kAda, 0).ok());
    const Result<ApiGroup> bad = book_->put("g", "rules:\n- {record: a, expr: 'sum('}\n", kAda, {});
    ASSERT_FALSE(bad.ok());
    EXPECT_THAT(bad.error().message, HasSubstr("group:2: rules[0].expr: 1:5: parse error"));
    EXPECT_EQ(book_->find("g")->text, kText);
    // Somebody else was faster.
    EXPECT_EQ(book_->put("g", kText, kAda, 0).error().code, Code::kConflict);
    EXPECT_EQ(book_->put("g", kText, kAda, 1).value().revision, 2);
    // What stands in a file is changed there.
    const Result<ApiGroup> of_file = book_->put("f", kText, kAda, {});
    EXPECT_EQ(of_file.error().code, Code::kConflict);
    EXPECT_THAT(of_file.error().message, HasSubstr("stands in r.yml"));
    EXPECT_EQ(book_->remove("f", kAda).error().code, Code::kConflict);
    EXPECT_EQ(book_->remove("none", kAda).error().code, Code::kNotFound);
    EXPECT_EQ(book_->put("", kText, kAda, {}).error().code, Code::kInvalid);
    EXPECT_EQ(book_->put(std::string(300, 'n'), kText, kAda, {}).error().code, Code::kExhausted);
    EXPECT_EQ(book_->put("h", std::string(kGroupTextBytesMax + 1, ' '), kAda, {}).error().code,
              Code::kExhausted);
    EXPECT_EQ(book_->list().size(), 1u);
}

TEST_F(RuleBookTest, ADryRunWarnsOfNamesAndChangesNothing) {
    apply("groups: [{name: f, rules: [{alert: Slow, expr: x}]}]\n");
    const ApiGroup checked =
        book_->check("g", "rules:\n- {alert: Slow, expr: x > 1}\n- {alert: Slow, expr: x > 2}\n")
            .value();
    EXPECT_THAT(checked.warnings,
                ElementsAre(HasSubstr("line 3: Slow with labels {} stands in the group twice"),
                            HasSubstr("line 2: Slow stands in the group f of r.yml too"),
                            HasSubstr("line 3: Slow stands in the group f of r.yml too")));
    EXPECT_EQ(checked.revision, 0);
    EXPECT_THAT(running(), ElementsAre("r.yml;f"));
    EXPECT_TRUE(book_->list().empty());
}

TEST_F(RuleBookTest, EveryChangeIsInTheAudit) {
    world_.clock.set(Millis{1000});
    ASSERT_TRUE(book_->put("g", kText, kAda, {}).ok());
    world_.clock.set(Millis{2000});
    ASSERT_TRUE(
        book_->put("g", "rules: [{record: a, expr: '\"1\" + 1'}]", {"bob", "cli"}, {}).ok() ||
        book_->put("g", "rules: [{record: a, expr: '1'}]\t", {"bob", "cli"}, {}).ok());
    ASSERT_TRUE(book_->remove("g", kAda).ok());
    const std::vector<state::AuditEntry> entries = book_->history("g", 10).value();
    ASSERT_EQ(entries.size(), 3u);
    EXPECT_EQ(entries[0].action, "remove");
    EXPECT_EQ(entries[0].after, std::nullopt);
    EXPECT_EQ(entries[1].action, "change");
    EXPECT_EQ(entries[1].actor, "bob");
    EXPECT_EQ(entries[1].origin, "cli");
    EXPECT_EQ(entries[1].at, Millis{2000});
    EXPECT_EQ(entries[2].action, "create");
    EXPECT_EQ(entries[2].before, std::nullopt);
    EXPECT_EQ(*entries[2].after, "\"interval: 1m\\nrules:\\n- {record: twice, expr: 2 * x}\\n\"");
}

TEST_F(RuleBookTest, AGroupThatDoesNotLoadAnyMoreIsShownAndDoesNotRun) {
    ASSERT_TRUE(state_
                    ->write([](state::Connection& transaction) -> Result<void> {
                        KW_TRY(
                            transaction.run("INSERT INTO rules_group VALUES ('old', 'rules: "
                                            "[{record: a, expr: gone(x)}]', 3, 1, 2, 'ada')"));
                        return {};
                    })
                    .ok());
    open();
    apply("groups: []\n");
    EXPECT_THAT(running(), ElementsAre());
    const ApiGroup group = book_->find("old").value();
    EXPECT_THAT(group.error, HasSubstr("unknown function"));
    ASSERT_TRUE(book_->put("old", kText, kAda, 3).ok());
    EXPECT_THAT(running(), ElementsAre("@api;old"));
}

}  // namespace
}  // namespace kw::rules
