#include "rules/duration_summary.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "model/sample.h"

namespace kw::rules {
namespace {

constexpr double kSmallestSeconds = 1e-6;
const double kLogStep = std::log(1.05);

}  // namespace

void DurationSummary::age(int64_t now_ns) {
    if (!has_begun_) {
        has_begun_ = true;
        current_since_ns_ = now_ns;
    }
    const int64_t passed = (now_ns - current_since_ns_) / kAgeNs;
    if (passed <= 0) return;
    for (int64_t i = 0; i < std::min<int64_t>(passed, kAges); ++i) {
        current_ = (current_ + 1) % kAges;
        ages_[current_].fill(0);
    }
    current_since_ns_ += passed * kAgeNs;
}

void DurationSummary::observe(int64_t duration_ns, int64_t now_ns) {
    const double seconds = static_cast<double>(std::max<int64_t>(duration_ns, 0)) / 1e9;
    const double steps =
        std::log(std::max(seconds, kSmallestSeconds) / kSmallestSeconds) / kLogStep;
    const size_t bucket = std::min(static_cast<size_t>(steps), kBuckets - 1);
    MutexLock lock(mutex_);
    age(now_ns);
    ++ages_[current_][bucket];
    sum_s_ += seconds;
    ++count_;
}

double DurationSummary::quantile(double quantile, int64_t now_ns) {
    MutexLock lock(mutex_);
    age(now_ns);
    uint64_t total = 0;
    for (const Counts& counts : ages_) {
        for (const uint32_t count : counts) total += count;
    }
    if (total == 0) return std::numeric_limits<double>::quiet_NaN();
    const auto rank = std::max<uint64_t>(
        static_cast<uint64_t>(std::ceil(quantile * static_cast<double>(total))), 1);
    uint64_t seen = 0;
    for (size_t bucket = 0; bucket < kBuckets; ++bucket) {
        for (const Counts& counts : ages_) seen += counts[bucket];
        if (seen >= rank)
            return kSmallestSeconds * std::exp((static_cast<double>(bucket) + 0.5) * kLogStep);
    }
    return std::numeric_limits<double>::quiet_NaN();
}

void DurationSummary::render(std::string& out, std::string_view name, std::string_view help,
                             std::span<const double> quantiles, int64_t now_ns) {
    out += fmt::format("# HELP {} {}\n# TYPE {} summary\n", name, help, name);
    for (const double q : quantiles) {
        out += fmt::format("{}{{quantile=\"{}\"}} ", name, q);
        append_value(out, quantile(q, now_ns));
        out += '\n';
    }
    MutexLock lock(mutex_);
    out += fmt::format("{}_sum ", name);
    append_value(out, sum_s_);
    out += fmt::format("\n{}_count {}\n", name, count_);
}

}  // namespace kw::rules
