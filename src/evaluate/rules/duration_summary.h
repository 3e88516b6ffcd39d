// Quantiles of durations over the last ten minutes, as Prometheus' summaries have them: sum and count since the
// start, quantiles of what was lately observed.
//
// Observations are counted in buckets that are 5 % apart, in five ages of two minutes; a quantile is the middle of
// its bucket, so that it is wrong by at most 2.5 %. 426 buckets of 5 ages are 8.5 KB, whatever is observed.
// Threads: all members from any thread.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"

namespace kw::rules {

class DurationSummary final {
 public:
    // `now_ns` is steady time and does not go back.
    void observe(int64_t duration_ns, int64_t now_ns) KW_EXCLUDES(mutex_);

    // In seconds; NaN when nothing was observed for ten minutes. `quantile` is in [0, 1].
    double quantile(double quantile, int64_t now_ns) KW_EXCLUDES(mutex_);

    // A family of the exposition format: `quantiles` with sum and count.
    void render(std::string& out, std::string_view name, std::string_view help,
                std::span<const double> quantiles, int64_t now_ns) KW_EXCLUDES(mutex_);

 private:
    static constexpr int64_t kAgeNs = 120'000'000'000;
    static constexpr size_t kAges = 5;
    static constexpr size_t kBuckets = 426;  // from 1 µs to 1000 s: ln(1e9) / ln(1.05) = 425
    using Counts = std::array<uint32_t, kBuckets>;

    void age(int64_t now_ns) KW_REQUIRES(mutex_);

    Mutex mutex_;
    std::array<Counts, kAges> ages_ KW_GUARDED_BY(mutex_){};
    size_t current_ KW_GUARDED_BY(mutex_) = 0;
    int64_t current_since_ns_ KW_GUARDED_BY(mutex_) = 0;
    bool has_begun_ KW_GUARDED_BY(mutex_) = false;
    double sum_s_ KW_GUARDED_BY(mutex_) = 0;
    uint64_t count_ KW_GUARDED_BY(mutex_) = 0;
};

}  // namespace kw::rules
