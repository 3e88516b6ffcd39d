#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/memory_budget.h"
#include "contract/memory_store.h"
#include "identity/aliases.h"
#include "identity/identity_store.h"

namespace kw::identity {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Matcher matcher(MatchOp op, std::string name, std::string value) {
    return Matcher::make(op, std::move(name), std::move(value)).value();
}

Aliases guide_aliases() {
    return Aliases(
        {{"api", {"Application"}}, {"model", {"model-service", "a.b"}}},
        {{"status", {"code", "http_response_status_code"}}, {"service", {"service_name"}}});
}

class IdentityStoreTest : public testing::Test {
 protected:
    IdentityStoreTest() {
        const auto add = [&](const LabelSet& labels) { store_.add(labels, Millis{1000}, 1); };
        add({{"__name__", "own"}, {"service", "model"}});
        add({{"__name__", "alias"}, {"service", "model-service"}, {"job", "api"}});
        add({{"__name__", "otel"}, {"service_name", "model-service"}});
        add({{"__name__", "job"}, {"job", "model"}});
        add({{"__name__", "job_alias"}, {"job", "model-service"}});
        add({{"__name__", "dots"}, {"job", "aXb"}});  // no name of a service, though a.b is
        add({{"__name__", "other"}, {"job", "node"}});
        add({{"__name__", "api"}, {"service", "Application"}});
        add({{"__name__", "nothing"}, {"x", "y"}});
        add({{"__name__", "http"}, {"status", "500"}, {"code", "200"}});
        add({{"__name__", "http"}, {"code", "503"}});
        add({{"__name__", "http"}, {"http_response_status_code", "404"}});
        view_.set(guide_aliases());
    }

    // The metric names that match, in the order of the answer.
    std::vector<std::string> names(const std::vector<Matcher>& matchers, uint64_t limit = 0) {
        MemoryBudget budget(1 << 20);
        SelectHints hints;
        hints.series_limit = limit;
        const auto selected = view_.select(matchers, {}, hints, CancelToken(), budget);
        if (!selected.ok()) return {selected.error().message};
        std::vector<std::string> out;
        SampleColumns columns;
        for (size_t i = 0; i < (*selected)->size(); ++i) {
            out.emplace_back((*selected)->labels(i).metric_name());
            EXPECT_TRUE((*selected)->read(i, columns).ok());
            EXPECT_EQ(columns.size(), 1u);
        }
        EXPECT_GE((*selected)->samples_estimate(), out.size());
        return out;
    }

    MemoryStore store_;
    IdentityStore view_{store_};
};

// guide: G025, P18
TEST_F(IdentityStoreTest, SelectorsFindEveryAlias) {
    struct Row {
        MatchOp op;
        std::string label;
        std::string value;
        std::vector<std::string> want;
    };
    const std::vector<std::string> model = {"alias", "job", "job_alias", "otel", "own"};
    const std::vector<std::string> not_model = {"api",  "dots",    "http", "http",
                                                "http", "nothing", "other"};
    const Row rows[] = {
        {MatchOp::kEqual, "service", "model", model},
        {MatchOp::kEqual, "service", "model-service", model},
        {MatchOp::kRegex, "service", "mod.*", model},
        {MatchOp::kRegex, "service", "model-s.*|nobody", model},
        {MatchOp::kEqual, "service", "api", {"api"}},  // "alias" has a service of its own
        {MatchOp::kEqual, "service", "node", {"other"}},
        {MatchOp::kEqual, "service", "", {"http", "http", "http", "nothing"}},
        {MatchOp::kNotEqual, "service", "model", not_model},
        {MatchOp::kNotRegex, "service", "model-.+", not_model},
        {MatchOp::kNotEqual,
         "service",
         "",
         {"alias", "api", "dots", "job", "job_alias", "otel", "other", "own"}},
        {MatchOp::kRegex, "status", "5..", {"http", "http"}},
        {MatchOp::kEqual, "status", "200", {}},  // `code` counts where there is no `status`
        {MatchOp::kEqual, "status", "404", {"http"}},
        {MatchOp::kEqual, "code", "200", {"http"}},  // an alias is itself
        {MatchOp::kEqual, "job", "model-service", {"job_alias"}},
    };
    for (const Row& row : rows) {
        const Matcher asked = matcher(row.op, row.label, row.value);
        SCOPED_TRACE(asked.to_string());
        EXPECT_EQ(names({asked}), row.want);
    }
    EXPECT_EQ(names({matcher(MatchOp::kRegex, "status", "5.."),
                     matcher(MatchOp::kNotEqual, "status", "503"), Matcher::equal("service", "")}),
              std::vector<std::string>{"http"});
}

TEST_F(IdentityStoreTest, LabelsStayAsTheyAreStored) {
    MemoryBudget budget(1 << 20);
    const auto selected =
        view_.select({matcher(MatchOp::kEqual, "status", "503")}, {}, {}, CancelToken(), budget);
    ASSERT_EQ((*selected)->size(), 1u);
    EXPECT_EQ((*selected)->labels(0), (LabelSet{{"__name__", "http"}, {"code", "503"}}));
}

TEST_F(IdentityStoreTest, WithoutATableNothingChanges) {
    view_.set(Aliases());
    EXPECT_THAT(names({Matcher::equal("service", "model")}), ElementsAre("own"));
    EXPECT_THAT(names({Matcher::equal("status", "503")}), IsEmpty());
    EXPECT_THAT(view_.label_values("status", {}, {}, 0, CancelToken()).value(), ElementsAre("500"));
}

TEST_F(IdentityStoreTest, NamesAndValuesKnowTheAliases) {
    const CancelToken cancel;
    EXPECT_THAT(view_.label_values("status", {}, {}, 0, cancel).value(),
                ElementsAre("404", "500", "503"));
    EXPECT_THAT(view_.label_values("status", {}, {}, 2, cancel).value(), ElementsAre("404", "500"));
    EXPECT_THAT(view_.label_values("code", {}, {}, 0, cancel).value(), ElementsAre("200", "503"));
    EXPECT_THAT(
        view_.label_values("__name__", {Matcher::equal("service", "api")}, {}, 0, cancel).value(),
        ElementsAre("api"));
    EXPECT_THAT(view_.label_names({Matcher::equal("__name__", "other")}, {}, 0, cancel).value(),
                ElementsAre("__name__", "job", "service"));
    EXPECT_THAT(view_.label_names({Matcher::equal("status", "404")}, {}, 0, cancel).value(),
                ElementsAre("__name__", "http_response_status_code", "status"));
}

TEST_F(IdentityStoreTest, LimitsAreOfAllCasesTogether) {
    EXPECT_THAT(names({Matcher::equal("service", "model")}, 4),
                ElementsAre(testing::HasSubstr("at most 4 are allowed")));
    EXPECT_EQ(names({Matcher::equal("service", "model")}, 5).size(), 5u);
    view_.set(Aliases({}, {{"a", {"a1", "a2", "a3"}},
                           {"b", {"b1", "b2", "b3"}},
                           {"c", {"c1", "c2", "c3"}},
                           {"d", {"d1", "d2", "d3"}}}));
    EXPECT_THAT(names({Matcher::equal("a", "1"), Matcher::equal("b", "1"), Matcher::equal("c", "1"),
                       Matcher::equal("d", "1")}),
                ElementsAre(testing::HasSubstr("more than 64 combinations")));
    EXPECT_THAT(
        names({Matcher::equal("a", "1"), Matcher::equal("b", "1"), Matcher::equal("c", "1")}),
        IsEmpty());
}

TEST(Aliases, RefusesWhatCannotBe) {
    const auto of = [](const std::optional<BadName>& bad) {
        return bad ? bad->name + ": " + bad->message : "";
    };
    EXPECT_EQ(of(Aliases::check_services({{"api", {"Application"}}, {"model", {"m"}}})), "");
    EXPECT_EQ(of(Aliases::check_services({{"api", {"m"}}, {"model", {"m"}}})),
              "model: m stands for api already; a name is one service's");
    EXPECT_EQ(of(Aliases::check_services({{"api", {"model"}}, {"model", {"m"}}})),
              "model: model stands for api already; a name is one service's");
    EXPECT_EQ(of(Aliases::check_services({{"api", {"api"}}})), "api: has api twice; remove one");
    EXPECT_EQ(of(Aliases::check_services({{"api", {}}})), "api: has no aliases; remove it");
    EXPECT_EQ(of(Aliases::check_services({{"api", {""}}})), "api: a name is empty; remove it");
    EXPECT_EQ(of(Aliases::check_services({{"api", std::vector<std::string>(17, "x")}})),
              "api: has 17 aliases; the most are 16");
    EXPECT_EQ(of(Aliases::check_services(std::vector<Names>(1001, Names{"a", {"b"}}))),
              ": has 1001 entries; the most are 1000");
    EXPECT_EQ(of(Aliases::check_labels({{"status", {"code", "http.status"}}})), "");
    EXPECT_EQ(of(Aliases::check_labels({{"status", {"code", "code"}}})),
              "status: has code twice; remove one");
    EXPECT_EQ(of(Aliases::check_labels({{"status", {"code"}}, {"code", {"c"}}})),
              "status: code has aliases of its own; list them all under one");
    EXPECT_EQ(of(Aliases::check_labels({{"status", {"status"}}})),
              "status: status has aliases of its own; list them all under one");
    EXPECT_EQ(of(Aliases::check_labels({{"__name__", {"x"}}})),
              "__name__: __name__ has a meaning of its own; it has no alias and is none");
    EXPECT_EQ(of(Aliases::check_labels({{"bound", {"le"}}})),
              "bound: le has a meaning of its own; it has no alias and is none");
}

}  // namespace
}  // namespace kw::identity
