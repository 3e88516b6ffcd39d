// Remarks on a query that has an answer all the same: warnings (the answer may be wrong) and infos (it may
// not be what was meant). Each is said once, in Prometheus' words, with the place it is about:
//   "PromQL info: metric might not be a counter, … : \"x\" (1:6)"
// Of each kind 1,000 are kept, far more than anybody reads: a query over a million metrics may have a remark on each.
// Threads: from any thread.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "base/time.h"
#include "promql/ast.h"

namespace kw::promql {

class Annotations final {
 public:
    static constexpr size_t kKeptMax = 1000;

    // `query` is the text that positions refer to, and outlives this.
    explicit Annotations(std::string_view query) : query_(query) {}

    // `text` without prefix and position: both are added here.
    void warn(std::string_view text, Span where) KW_EXCLUDES(mutex_);
    void info(std::string_view text, Span where) KW_EXCLUDES(mutex_);

    // The same, with ` for metric name "…"` when `metric_name` is not empty.
    void warn_about(std::string_view text, std::string_view metric_name, Span where);
    void info_about(std::string_view text, std::string_view metric_name, Span where);

    void invalid_quantile(double quantile, Span where);

    // histogram_quantile() had to lift buckets that fall below the one before. Said once a metric, with the
    // extent over all steps and series.
    struct Forced {
        double bucket_min = 0;
        double bucket_max = 0;
        double difference_max = 0;
        Millis first;
        Millis last;
        uint64_t count = 0;
    };
    void forced_monotonicity(std::string_view metric_name, Span where, const Forced& forced)
        KW_EXCLUDES(mutex_);

    // Sorted, without repetition.
    std::vector<std::string> warnings() const KW_EXCLUDES(mutex_);
    std::vector<std::string> infos() const KW_EXCLUDES(mutex_);

 private:
    std::string at(Span where) const;

    const std::string_view query_;
    mutable Mutex mutex_;
    std::set<std::string> warnings_ KW_GUARDED_BY(mutex_);
    std::set<std::string> infos_ KW_GUARDED_BY(mutex_);
    std::map<std::pair<std::string, uint32_t>, Forced> forced_ KW_GUARDED_BY(mutex_);
};

}  // namespace kw::promql
