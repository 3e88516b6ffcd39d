#include "rules/duration_summary.h"

#include <gtest/gtest.h>

#include <cmath>

namespace kw::rules {
namespace {

constexpr int64_t kMs = 1'000'000;
constexpr int64_t kMinute = 60'000 * kMs;

TEST(DurationSummary, QuantilesAreRightToTheBucketAndForget) {
    DurationSummary summary;
    EXPECT_TRUE(std::isnan(summary.quantile(0.5, 0)));
    for (int64_t ms = 1; ms <= 1000; ++ms) summary.observe(ms * kMs, kMinute);
    for (const double q : {0.01, 0.05, 0.5, 0.9, 0.99}) {
        EXPECT_NEAR(summary.quantile(q, kMinute), q, q * 0.026) << q;
    }
    // Nine minutes later they count, eleven minutes later they do not.
    EXPECT_NEAR(summary.quantile(0.5, 9 * kMinute), 0.5, 0.013);
    EXPECT_TRUE(std::isnan(summary.quantile(0.5, 12 * kMinute)));
    std::string out;
    summary.observe(0, 12 * kMinute);
    summary.observe(int64_t{1} << 62, 12 * kMinute);
    static constexpr double kQuantiles[] = {0.5, 0.99};
    summary.render(out, "x_seconds", "X.", kQuantiles, 12 * kMinute);
    EXPECT_NE(out.find("# TYPE x_seconds summary\nx_seconds{quantile=\"0.5\"} "), std::string::npos)
        << out;
    EXPECT_NE(out.find("\nx_seconds_count 1002\n"), std::string::npos) << out;
}

}  // namespace
}  // namespace kw::rules
