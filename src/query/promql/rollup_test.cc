// Rollups that slide, against the same windows evaluated one by one.
#include "promql/rollup.h"

#include <gtest/gtest.h>

#include <random>

#include "promql/function_table.h"

namespace kw::promql {
namespace {

struct Case {
    std::vector<int64_t> times;
    std::vector<double> values;
    Windows range;
    StepGrid grid;
};

// Irregular samples with restarts, gaps, equal values and, where `with_odd`, NaN and infinities.
Case random_case(std::mt19937_64& rng, bool with_odd) {
    Case out;
    int64_t t = 1000;
    double value = 100;
    const size_t count = rng() % 300;
    for (size_t i = 0; i < count; ++i) {
        t += 1 + static_cast<int64_t>(rng() % 20'000);
        switch (rng() % 12) {
            case 0: value = static_cast<double>(rng() % 10); break;
            case 1: break;
            default: value += static_cast<double>(rng() % 1000) / 16;
        }
        double stored = value;
        if (with_odd && rng() % 20 == 0) stored = std::numeric_limits<double>::quiet_NaN();
        if (with_odd && rng() % 40 == 0) stored = rng() % 2 ? INFINITY : -INFINITY;
        out.times.push_back(t);
        out.values.push_back(stored);
    }
    out.grid = {Millis{static_cast<int64_t>(rng() % 100'000)},
                1 + static_cast<int64_t>(rng() % 30'000), 1 + rng() % 100, false};
    out.range = {out.grid.start, out.grid.step_ms, 1 + static_cast<int64_t>(rng() % 600'000),
                 out.grid.count};
    return out;
}

std::vector<double> evaluate(const Case& one, const StepGrid& grid, const Windows& range,
                             RollupKernel kernel, const std::vector<Column>& params, bool slide) {
    Scratch scratch;
    const uint64_t total = place_windows(one.times, range, scratch.windows);
    const RollupInput in{one.times, one.values, {},      scratch.windows, range,
                         grid,      params,     scratch, nullptr,         slide ? total : 0};
    std::vector<double> out(grid.count);
    kernel(in, out);
    return out;
}

bool near(double a, double b) {
    if (is_absent(a) || is_absent(b)) return is_absent(a) && is_absent(b);
    if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
    return a == b || std::fabs(a - b) <= 1e-9 * (std::fabs(a) + std::fabs(b)) + 1e-9;
}

TEST(Rollup, SlidesToTheSameValuesAsWindowByWindow) {
    const FunctionId functions[] = {
        FunctionId::kAvgOverTime, FunctionId::kSumOverTime,   FunctionId::kMinOverTime,
        FunctionId::kMaxOverTime, FunctionId::kCountOverTime, FunctionId::kStddevOverTime,
        FunctionId::kRate,        FunctionId::kIncrease,      FunctionId::kDelta,
        FunctionId::kIrate,       FunctionId::kChanges,       FunctionId::kResets,
        FunctionId::kDeriv,       FunctionId::kLastOverTime,  FunctionId::kQuantileOverTime,
    };
    for (uint64_t seed = 0; seed < 200; ++seed) {
        std::mt19937_64 rng(seed);
        const Case one = random_case(rng, seed % 3 == 0);
        const std::vector<Column> params{Column(one.grid.count, 0.7)};
        for (const FunctionId function : functions) {
            SCOPED_TRACE(testing::Message()
                         << promql::functions()[static_cast<size_t>(function)].name << " seed "
                         << seed);
            const RollupKernel kernel = code_of(function).rollup.kernel;
            const std::vector<double> got =
                evaluate(one, one.grid, one.range, kernel, params, true);
            for (size_t step = 0; step < one.grid.count; ++step) {
                const StepGrid grid{one.grid.at(step), 1, 1, false};
                const Windows range{one.range.right(step), 0, one.range.range_ms, 1};
                const double want = evaluate(one, grid, range, kernel, {Column{0.7}}, false)[0];
                ASSERT_TRUE(near(got[step], want))
                    << "step " << step << ": " << got[step] << ", want " << want;
            }
        }
    }
}

TEST(Rollup, WindowsAreOpenOnTheLeft) {
    std::vector<Window> windows;
    const std::vector<int64_t> times{10, 20, 30, 40};
    const Windows range{Millis{20}, 10, 20, 4};
    EXPECT_EQ(place_windows(times, range, windows), 7u);
    const std::pair<uint32_t, uint32_t> want[] = {{0, 2}, {1, 3}, {2, 4}, {3, 4}};
    for (size_t step = 0; step < 4; ++step) {
        EXPECT_EQ(windows[step].begin, want[step].first);
        EXPECT_EQ(windows[step].end, want[step].second);
    }
}

TEST(Rollup, MeansOfHugeValuesDoNotOverflow) {
    const std::vector<double> huge{9e307, 9e307, 9e307, 9e307};
    EXPECT_DOUBLE_EQ(mean_of(huge), 9e307);
    const std::vector<double> infinite{INFINITY, 1, 2};
    EXPECT_EQ(mean_of(infinite), INFINITY);
}

}  // namespace
}  // namespace kw::promql
