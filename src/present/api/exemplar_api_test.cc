// query_exemplars over a store that says what it was asked: which selectors, which range, and how its answer is written.
#include "api/exemplar_api.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/cancel.h"
#include "contract/exemplar_store.h"
#include "net/request.h"
#include "net/response_writer.h"
#include "net/router.h"

namespace kw::api {
namespace {

using Params = std::vector<std::pair<std::string, std::string>>;
using Selectors = std::vector<std::vector<Matcher>>;

class AskedExemplars final : public ExemplarStore {
 public:
    Result<ExemplarCounts> append(std::vector<ExemplarSeries>, Durability) override {
        return ExemplarCounts();
    }
    std::vector<ExemplarSeries> select(const Selectors& selectors,
                                       const TimeRange& range) const override {
        asked_selectors = selectors;
        asked_range = range;
        return answer;
    }

    std::vector<ExemplarSeries> answer;
    mutable std::optional<Selectors> asked_selectors;
    mutable std::optional<TimeRange> asked_range;
};

class ExemplarApiTest : public testing::Test {
 protected:
    ExemplarApiTest() {
        add_exemplar_routes(routes_, {exemplars_, {}, [&] { return is_ready_; }});
    }

    struct Answer {
        int status = 0;
        std::string body;
    };
    Answer ask(const Params& params, std::string_view method = "GET") {
        net::Request request(cancel_);
        request.method = std::string(method);
        request.path = "/api/v1/query_exemplars";
        for (const auto& [name, value] : params) request.params.add(name, value);
        const net::Router::Match match = routes_.match(method, request.path);
        if (match.route == nullptr) return {405, ""};
        net::RecordedResponse response;
        match.route->handler(request, response);
        return {response.status(), response.body()};
    }
    std::string error_of(const Params& params) {
        const Answer answer = ask(params);
        EXPECT_EQ(answer.status, 400);
        const nlohmann::json json = nlohmann::json::parse(answer.body);
        EXPECT_EQ(json.at("errorType"), "bad_data");
        return json.at("error");
    }

    AskedExemplars exemplars_;
    CancelToken cancel_;
    net::Router routes_;
    bool is_ready_ = true;
};

TEST_F(ExemplarApiTest, WritesWhatTheStoreHas) {
    exemplars_.answer = {{LabelSet{{"__name__", "a"}, {"le", "1"}},
                          {{{{"trace_id", "x"}}, 0.5, {1250}, true}, {{}, NAN, {2000}, true}}}};
    for (const char* method : {"GET", "POST"}) {
        const Answer answer = ask({{"query", "a"}}, method);
        EXPECT_EQ(answer.status, 200);
        EXPECT_EQ(answer.body,
                  R"({"status":"success","data":[{"seriesLabels":{"__name__":"a","le":"1"},)"
                  R"("exemplars":[{"labels":{"trace_id":"x"},"value":"0.5","timestamp":1.250},)"
                  R"({"labels":{},"value":"NaN","timestamp":2}]}]})");
    }
    exemplars_.answer.clear();
    EXPECT_EQ(ask({{"query", "a"}}).body, R"({"status":"success","data":[]})");
    EXPECT_EQ(ask({{"query", "a"}}, "PUT").status, 405);
}

TEST_F(ExemplarApiTest, AsksForEverySelectorOfTheExpression) {
    struct Row {
        const char* query;
        std::vector<std::string> want;  // the name that each selector asks for
    };
    const Row rows[] = {
        {"a", {"a"}},
        {"sum(rate(a[5m])) / on (x) (-b offset 1m)", {"a", "b"}},
        {"topk(scalar(k), a)", {"k", "a"}},
        {"max_over_time(rate(a[1m])[1h:5m])", {"a"}},
        {"label_replace(a, \"x\", \"$1\", \"y\", \"(.*)\") or vector(1)", {"a"}},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.query);
        EXPECT_EQ(
            ask({{"query", row.query}, {"start", "1.5"}, {"end", "1970-01-01T00:00:02Z"}}).status,
            200);
        std::vector<std::string> names;
        for (const std::vector<Matcher>& matchers : *exemplars_.asked_selectors) {
            for (const Matcher& matcher : matchers) {
                if (matcher.name() == kMetricName) names.emplace_back(matcher.value());
            }
        }
        EXPECT_EQ(names, row.want);
        EXPECT_EQ(exemplars_.asked_range, (TimeRange{Millis{1500}, Millis{2000}}));
    }
}

TEST_F(ExemplarApiTest, AnExpressionWithoutSelectorsHasNoData) {
    EXPECT_EQ(ask({{"query", "1 + 1"}}).body, R"({"status":"success"})");
    EXPECT_FALSE(exemplars_.asked_selectors.has_value());
}

TEST_F(ExemplarApiTest, RefusesWhatMakesNoSense) {
    EXPECT_EQ(error_of({{"query", "a"}, {"start", "2"}, {"end", "1"}}),
              "end timestamp must not be before start timestamp");
    EXPECT_NE(error_of({{"query", "a{"}}).find("parse error"), std::string::npos);
    EXPECT_NE(error_of({{"query", "a"}, {"end", "x"}}).find("\"end\""), std::string::npos);
    is_ready_ = false;
    EXPECT_EQ(ask({{"query", "a"}}).status, 503);
}

}  // namespace
}  // namespace kw::api
