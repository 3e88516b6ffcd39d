// Head's side of the log: what a replay delivers.
#include "tsdb/head.h"

namespace kw::tsdb {

Result<void> Head::restore_series(uint64_t id, const LabelSet& labels) {
    const uint64_t hash = labels.hash();
    WriterLock lock(index_mutex_);
    if (const uint64_t known = index_.find(labels, hash)) {
        if (known != id) same_series_[id] = known;
        return {};
    }
    const uint64_t key = group_key_of(labels, hash);
    const uint64_t shard = shard_of_id(id);
    if (!shards_[shard].restore_series(serial_of_id(id), key)) {
        return corrupt("series {} is both {} and {}", id, index_.labels(id).to_string(),
                       labels.to_string());
    }
    if (!index_.add(id, labels, hash)) return corrupt("series id {} is out of reach", id);
    return {};
}

uint64_t Head::restore_samples(const ShardRows& rows) {
    uint64_t unknown = 0;
    SkippedRows skipped;
    const auto append = [&](const ShardRows& part) {
        skipped.clear();
        shards_[shard_of_id(part.series[0].id)].append(part, nullptr, skipped);
        for (const auto& [row, verdict] : skipped) unknown += verdict == RowVerdict::kUnknownSeries;
    };
    if (same_series_.empty()) {
        append(rows);
        return unknown;
    }
    for (size_t i = 0; i < rows.size(); ++i) {  // rare: row by row
        const auto other = same_series_.find(rows.series[i].id);
        const SeriesRef ref =
            other == same_series_.end() ? rows.series[i] : SeriesRef{other->second};
        const Millis time{rows.time(i)};
        const Millis start{rows.start(i)};
        ShardRows one{std::span(&ref, 1), std::span(&time, 1), rows.values.subspan(i, 1), {}};
        if (!rows.histograms.empty()) one.histograms = rows.histograms.subspan(i, 1);
        if (!rows.starts.empty()) one.starts = std::span(&start, 1);
        append(one);
    }
    return unknown;
}

LabelSet Head::labels_of(uint64_t id) const {
    ReaderLock lock(index_mutex_);
    return index_.has(id) ? index_.labels(id) : LabelSet();
}

}  // namespace kw::tsdb
