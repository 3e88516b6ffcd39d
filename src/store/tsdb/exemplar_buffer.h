// ExemplarBuffer: the newest exemplars of all series in memory, a bounded queue in the order in which they came.
//
//   entries  [e1 a][e2 b][e3 a][e4 c]      one more than the bound pushes out e1
//   series    a: 1 3   b: 2   c: 4         numbers of their entries, ascending; a series without any is forgotten
//
// It counts as Prometheus does, under its names: prometheus_tsdb_exemplar_*.
// Threads: all members from any thread. Source: contract/exemplar_store.h.
#pragma once

#include <cstdint>
#include <deque>
#include <map>

#include "base/environment.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "contract/exemplar_store.h"

namespace kw::tsdb {

class ExemplarBuffer final : public ExemplarStore {
 public:
    // `exemplars_max` 0: none are kept. Nothing is set aside for those that never come.
    ExemplarBuffer(Environment& env, uint64_t exemplars_max);

    ExemplarVerdict append(const LabelSet& series, Exemplar exemplar) override;
    std::vector<ExemplarSeries> select(const std::vector<std::vector<Matcher>>& selectors,
                                       const TimeRange& range) const override;

    // A lower bound keeps the newest.
    void resize(uint64_t exemplars_max) KW_EXCLUDES(mutex_);

 private:
    // Numbers of entries, of one series.
    using SeriesTable = std::map<LabelSet, std::deque<uint64_t>>;
    struct Entry {
        Exemplar exemplar;
        SeriesTable::iterator series;
    };
    const Exemplar& at(uint64_t number) const KW_REQUIRES(mutex_) {
        return entries_[number - first_number_].exemplar;
    }
    void push_out_first() KW_REQUIRES(mutex_);
    void show_counts() KW_REQUIRES(mutex_);

    Counter& appended_;
    Counter& out_of_order_;
    Gauge& in_storage_;
    Gauge& series_in_storage_;
    Gauge& oldest_timestamp_;
    Gauge& max_;
    mutable Mutex mutex_;
    uint64_t exemplars_max_ KW_GUARDED_BY(mutex_);
    std::deque<Entry> entries_ KW_GUARDED_BY(mutex_);
    uint64_t first_number_ KW_GUARDED_BY(mutex_) = 0;  // of entries_.front()
    SeriesTable series_ KW_GUARDED_BY(mutex_);
};

}  // namespace kw::tsdb
