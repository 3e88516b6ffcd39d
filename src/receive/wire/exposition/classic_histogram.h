// A classic histogram, gathered bucket by bucket, as a native one with custom buckets (NHCB).
// Source: Prometheus, util/convertnhcb.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "base/result.h"
#include "model/sample.h"

namespace kw::wire {

class ClassicHistogram final {
 public:
    // `bound` is the bucket's upper one (`le`), `count` what it and those below hold. In any order.
    void add_bucket(double bound, double count) { buckets_.emplace_back(bound, count); }
    void set_count(double count) { count_ = count; }
    void set_sum(double sum) { sum_ = sum; }
    bool empty() const { return buckets_.empty() && !count_ && !sum_; }
    void clear();

    // Without a bucket to +Inf, the count is its. Errors: kInvalid (counts that fall or are no counts, a count that is
    // not the last bucket's, too many buckets).
    Result<Histogram> convert();

 private:
    std::vector<std::pair<double, double>> buckets_;
    std::optional<double> count_;
    std::optional<double> sum_;
};

}  // namespace kw::wire
