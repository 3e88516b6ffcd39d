#include "promql/explain.h"

#include <gtest/gtest.h>

#include <cstring>
#include <functional>

#include "base/clock.h"
#include "base/fs/memory.h"
#include "base/log.h"
#include "base/thread_pool.h"
#include "contract/memory_store.h"

namespace kw::promql {
namespace {

constexpr QueryRange kTenMinutes{Millis{0}, Millis{600'000}, 15'000};

// An engine over `x_total{host,parity}` with 300 series, and `y` with one: a sample every 15 s for 10 minutes.
class Explained {
 public:
    explicit Explained(EngineOptions options = {})
        : pool_("query", 2),
          env_{clock_, files_, log_, metrics_, pool_},
          engine_(env_, store_, options) {
        for (int64_t t = 0; t <= 600'000; t += 15'000) {
            for (int host = 0; host < 300; ++host) {
                store_.add({{"__name__", "x_total"},
                            {"host", std::to_string(host)},
                            {"parity", host % 2 ? "odd" : "even"}},
                           Millis{t}, static_cast<double>(t));
            }
            store_.add({{"__name__", "y"}}, Millis{t}, 1);
        }
    }
    Result<Explanation> explain(std::string_view query, const QueryRange& range, bool analyze) {
        return engine_.explain(query, range, analyze, {}, cancel_);
    }
    Engine& engine() { return engine_; }

 private:
    RealClock clock_;
    fs::MemoryFileSystem files_;
    Log log_ = Log::silent();
    MetricRegistry metrics_;
    ThreadPool pool_;
    Environment env_;
    MemoryStore store_;
    Engine engine_;
    CancelToken cancel_;
};

// "sum by (parity)<groups>(rate<series>(x_total[1m]<series>))"
std::string shape(const PlanNode& node) {
    std::string out = node.title;
    out += "<" + std::string(plan_holds_name(node.holds)) + (node.once ? ", once>" : ">");
    for (const PlanNode& child : node.children) out += "(" + shape(child) + ")";
    return out;
}

void each_node(const PlanNode& node, const std::function<void(const PlanNode&)>& f) {
    f(node);
    for (const PlanNode& child : node.children) each_node(child, f);
}

TEST(Explain, ShowsTheOperatorsOfAPlan) {
    struct Row {
        std::string_view query;
        std::string_view want;
    };
    const Row rows[] = {
        {"y", "y<series>"},
        {"1", "1<series, once>"},
        {"(1 + 2)", "+<series, once>"},
        {"time()", "time<series>"},
        {"sum by (parity) (rate(x_total[1m]))",
         "sum by (parity)<groups>(rate<series>(x_total[1m]<series>))"},
        {"count without (host) (x_total) / on (parity) group_left x_total",
         "/ on (parity) group_left ()<all>(count without (host)<groups>(x_total<series>))"
         "(x_total<series>)"},
        {"topk(2, -x_total) > bool 5", "> bool<series>(topk<groups>(-<series>(x_total<series>)))"},
        {"x_total - y @ end()", "-<all>(x_total<series>)(y @ end()<series, once>)"},
        {"max_over_time(sum(x_total)[5m:1m])",
         "max_over_time<series>([300000ms:60000ms]<series>(sum<groups>(x_total<series>)))"},
        {"histogram_quantile(scalar(y), x_total)",
         "histogram_quantile<all>(scalar<all>(y<series>))(x_total<series>)"},
        {"timestamp(y)", "timestamp<series>"},
    };
    Explained explained;
    for (const Row& row : rows) {
        SCOPED_TRACE(row.query);
        const auto got = explained.explain(row.query, kTenMinutes, false);
        ASSERT_TRUE(got.ok()) << got.error().message;
        EXPECT_EQ(shape(*got->plan), row.want);
        each_node(*got->plan, [](const PlanNode& node) { EXPECT_FALSE(node.cost.has_value()); });
        EXPECT_TRUE(got->result.series.empty());
        EXPECT_EQ(got->result.stats.samples_total, 0u);
    }
}

TEST(Explain, ShowsWhatIsReadOnceForAllWhoReadIt) {
    Explained explained;
    const auto got = explained.explain(
        "sum(rate(x_total{host=\"7\"}[1m])) / sum(rate(x_total{host=\"7\"}[5m])) + y", kTenMinutes,
        false);
    ASSERT_TRUE(got.ok()) << got.error().message;
    ASSERT_EQ(got->selections.size(), 2u);
    const PlanSelection& shared = got->selections[0];
    EXPECT_EQ(shared.matchers, "x_total{host=\"7\"}");
    EXPECT_EQ(shared.position, "1:10");
    EXPECT_EQ(shared.range.min, Millis{-300'000 + 1});
    EXPECT_EQ(shared.range.max, Millis{600'000});
    EXPECT_EQ(shared.series, 1u);
    EXPECT_EQ(shared.samples_estimate, 41u);
    std::vector<size_t> read;
    each_node(*got->plan, [&](const PlanNode& node) {
        read.insert(read.end(), node.selections.begin(), node.selections.end());
    });
    EXPECT_EQ(read, (std::vector<size_t>{0, 0, 1}));
}

TEST(Explain, AnalyzeSaysWhatEachOperatorDid) {
    Explained explained;
    const auto got =
        explained.explain("sum by (parity) (rate(x_total[1m])) > 0", kTenMinutes, true);
    ASSERT_TRUE(got.ok()) << got.error().message;
    EXPECT_EQ(got->series_count, 2u);
    const PlanNode& filter = *got->plan;
    const PlanNode& sum = filter.children.at(0);
    const PlanNode& rate = sum.children.at(0);
    const PlanNode& range = rate.children.at(0);
    EXPECT_EQ(filter.cost->series, 2u);
    EXPECT_EQ(filter.cost->values, 80u);  // the first step has no rate
    EXPECT_EQ(sum.cost->series, 2u);
    EXPECT_EQ(sum.cost->values, 80u);
    EXPECT_EQ(rate.cost->series, 300u);
    EXPECT_EQ(rate.cost->values, 300u * 40);
    EXPECT_EQ(rate.cost->samples, 0u);
    EXPECT_EQ(range.cost->series, 300u);
    EXPECT_EQ(range.cost->samples, 300u * 41);
    EXPECT_GT(sum.cost->bytes_peak, 2 * 41 * sizeof(double));
    EXPECT_LE(rate.cost->bytes_peak, 3 * 41 * 16u);  // a series a thread
    EXPECT_GE(got->bytes_peak, sum.cost->bytes_peak);
    each_node(filter, [](const PlanNode& node) {
        double below_s = 0;
        for (const PlanNode& child : node.children) below_s += child.cost->total_s;
        EXPECT_GT(node.cost->self_s, 0);
        EXPECT_NEAR(node.cost->total_s, node.cost->self_s + below_s, 1e-6);
    });
}

TEST(Explain, AnalyzeGivesTheAnswerOfTheQuery) {
    Explained explained;
    for (const std::string_view query :
         {"sum by (parity) (rate(x_total[1m]))", "x_total - on (host) x_total",
          "rate(x_total[1m] smoothed)", "absent(z)", "quantile_over_time(0.5, y[1m])"}) {
        SCOPED_TRACE(query);
        const auto plain = explained.engine().range(query, kTenMinutes.start, kTenMinutes.end,
                                                    15'000, {}, CancelToken());
        const auto analyzed = explained.explain(query, kTenMinutes, true);
        ASSERT_EQ(plain.ok(), analyzed.ok());
        if (!plain.ok()) continue;
        ASSERT_EQ(plain->series.size(), analyzed->result.series.size());
        for (size_t i = 0; i < plain->series.size(); ++i) {
            EXPECT_EQ(plain->series[i].labels, analyzed->result.series[i].labels);
            EXPECT_EQ(std::memcmp(plain->series[i].values.data(),
                                  analyzed->result.series[i].values.data(),
                                  plain->series[i].values.size() * sizeof(double)),
                      0);
        }
        EXPECT_EQ(plain->stats.samples_total, analyzed->result.stats.samples_total);
    }
}

TEST(Explain, ChargesBytesToWhoHoldsThem) {
    Explained explained;
    const auto got = explained.explain("x_total - on (host) x_total", kTenMinutes, true);
    ASSERT_TRUE(got.ok()) << got.error().message;
    // Both sides and the answer.
    EXPECT_GE(got->plan->cost->bytes_peak, 3 * 300 * 41 * sizeof(double));
    EXPECT_LE(got->plan->children.at(1).cost->bytes_peak, 3 * 41 * 16u);  // a series a thread
}

TEST(Explain, RefusesWhatAQueryIsRefusedFor) {
    EngineOptions options;
    options.max_series = 10;
    options.max_steps = 100;
    Explained explained(options);
    struct Row {
        std::string_view query;
        QueryRange range;
        Code code;
    };
    const Row rows[] = {
        {"sum(", kTenMinutes, Code::kInvalid},
        {"x_total[5m]", kTenMinutes, Code::kInvalid},
        {"x_total", kTenMinutes, Code::kExhausted},
        {"y", {Millis{0}, Millis{600'000}, 1}, Code::kExhausted},
        {"y", {Millis{1}, Millis{0}, 1}, Code::kInvalid},
        {"y", {Millis{0}, Millis{600'000}, -1}, Code::kInvalid},
    };
    for (const Row& row : rows) {
        for (const bool analyze : {false, true}) {
            SCOPED_TRACE(row.query);
            const auto got = explained.explain(row.query, row.range, analyze);
            ASSERT_FALSE(got.ok());
            EXPECT_EQ(got.error().code, row.code) << got.error().message;
        }
    }
}

}  // namespace
}  // namespace kw::promql
