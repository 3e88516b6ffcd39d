// Head: what leaves for blocks, and what the log's checkpoint keeps.
#include <algorithm>
#include <roaring/roaring.hh>

#include "model/stored_histogram.h"
#include "tsdb/head.h"
#include "tsdb/wal_record.h"

namespace kw::tsdb {
namespace {

// Series that are looked at, or removed, under one hold of the index's lock: some 2 ms.
constexpr size_t kSeriesPerLock = 4096;
// Rows of one record of a checkpoint, at most.
constexpr size_t kRowsPerRecord = 64 << 10;

// Sends the rows of a group, row by row.
class GroupWriter {
 public:
    GroupWriter(const GroupCopy& group, uint64_t shard,
                const std::function<Result<void>(ByteView)>& take)
        : group_(group), shard_(shard), take_(take) {}

    Result<void> write() {
        for (const auto& chunk : group_.sealed) KW_TRY(write_chunk(*chunk));
        for (const HeadRow& row : group_.open) {
            KW_TRY(write_row(row.time, row.cells.size(),
                             [&](size_t column) { return row.cells[column]; }));
        }
        return {};
    }

 private:
    Result<void> write_chunk(const RowsChunk& chunk) {
        std::vector<int64_t> times;
        KW_TRY(chunk.times(times));
        const size_t rows = chunk.row_count();
        std::vector<double> cells(chunk.column_count() * rows);
        for (size_t column = 0; column < chunk.column_count(); ++column) {
            KW_TRY(chunk.cells(column, std::span(cells).subspan(column * rows, rows)));
        }
        for (size_t row = 0; row < rows; ++row) {
            KW_TRY(write_row(times[row], chunk.column_count(),
                             [&](size_t column) { return cells[column * rows + row]; }));
        }
        return {};
    }

    template <typename CellOf>
    Result<void> write_row(int64_t time, size_t columns, const CellOf& cell_of) {
        if (time <= group_.after) return {};
        series_.clear();
        values_.clear();
        for (size_t column = 0; column < columns; ++column) {
            const double value = cell_of(column);
            if (is_absent(value) || group_.serials[column] == 0) continue;
            series_.push_back({make_series_id(group_.serials[column], shard_)});
            values_.push_back(value);
        }
        if (series_.empty()) return {};
        const Millis at{time};
        return take_(encode_samples({series_, std::span(&at, 1), values_, {}}, {}));
    }

    const GroupCopy& group_;
    const uint64_t shard_;
    const std::function<Result<void>(ByteView)>& take_;
    std::vector<SeriesRef> series_;
    std::vector<double> values_;
};

// How many of the samples from `begin` on fit into one record.
size_t rows_of_record(const SampleColumns& samples, size_t begin) {
    const size_t most = std::min(kRowsPerRecord, samples.size() - begin);
    if (samples.histograms.empty()) return most;
    uint64_t parts = 0;
    for (size_t i = 0; i < most; ++i) {
        const HistogramPtr& histogram = samples.histograms[begin + i];
        if (histogram != nullptr) parts += histogram_parts(*histogram);
        if (parts > kColumnPartsMax) return i;
    }
    return most;
}

Result<void> write_own(uint64_t id, const SampleColumns& samples,
                       const std::function<Result<void>(ByteView)>& take) {
    size_t count = 0;
    for (size_t begin = 0; begin < samples.size(); begin += count) {
        count = rows_of_record(samples, begin);
        const std::vector<SeriesRef> series(count, SeriesRef{id});
        std::vector<Millis> times;
        std::vector<Millis> starts;
        for (size_t i = begin; i < begin + count; ++i) {
            times.push_back({samples.timestamps[i]});
            if (!samples.starts.empty()) starts.push_back({samples.starts[i]});
        }
        ShardRows rows{series, times, std::span(samples.values).subspan(begin, count), starts};
        if (!samples.histograms.empty()) {
            rows.histograms = std::span(samples.histograms).subspan(begin, count);
        }
        KW_TRY(take(encode_samples(rows, {})));
    }
    return {};
}

}  // namespace

void Head::freeze(int64_t until) {
    for (HeadShard& shard : shards_) shard.freeze(until);
}

void Head::thaw() {
    for (HeadShard& shard : shards_) shard.thaw();
}

Result<std::set<int64_t>> Head::windows(int64_t until, int64_t span_ms) const {
    std::set<int64_t> windows;
    for (const HeadShard& shard : shards_) KW_TRY(shard.add_windows(until, span_ms, windows));
    return windows;
}

std::vector<HeadSeries> Head::series() const {
    std::vector<uint64_t> ids;
    {
        ReaderLock lock(index_mutex_);
        Roaring all;
        // Cannot fail: the index is in memory.
        if (index_.add_all(all).ok()) ids.reserve(all.cardinality());
        for (const uint32_t posting : all) ids.push_back(index_.id_of(posting));
    }
    std::vector<HeadSeries> series;
    series.reserve(ids.size());
    for (size_t begin = 0; begin < ids.size(); begin += kSeriesPerLock) {
        ReaderLock lock(index_mutex_);
        const size_t end = std::min(begin + kSeriesPerLock, ids.size());
        for (size_t i = begin; i < end; ++i) {
            if (index_.has(ids[i])) series.push_back({index_.labels(ids[i]), ids[i]});
        }
    }
    std::sort(series.begin(), series.end(),
              [](const HeadSeries& a, const HeadSeries& b) { return a.labels < b.labels; });
    return series;
}

Result<void> Head::read_frozen(uint64_t id, const TimeRange& range, SampleColumns& out) const {
    ShardSnapshot snapshot;
    shards_[shard_of_id(id)].snapshot(std::span(&id, 1), range, true, snapshot);
    return snapshot.read(0, out);
}

uint64_t Head::drop() {
    uint64_t removed = 0;
    for (uint64_t shard = 0; shard < kShardCount; ++shard) {
        std::vector<uint64_t> idle;
        shards_[shard].drop(idle);
        for (size_t begin = 0; begin < idle.size(); begin += kSeriesPerLock) {
            WriterLock lock(index_mutex_);
            const size_t end = std::min(begin + kSeriesPerLock, idle.size());
            for (size_t i = begin; i < end; ++i) {
                if (!shards_[shard].remove_if_idle(idle[i])) continue;
                index_.remove(make_series_id(idle[i], shard));
                ++removed;
            }
        }
    }
    return removed;
}

Result<void> Head::state(const std::function<Result<void>(ByteView record)>& take) const {
    // Series first; those that come meanwhile stand in the log behind the checkpoint.
    {
        const std::vector<HeadSeries> all = series();
        for (size_t begin = 0; begin < all.size(); begin += kSeriesPerLock) {
            const size_t end = std::min(begin + kSeriesPerLock, all.size());
            ByteWriter record;
            begin_series_record(end - begin, record);
            for (size_t i = begin; i < end; ++i)
                append_series(all[i].id, all[i].labels.encoded(), record);
            KW_TRY(take(record.view()));
        }
    }
    GroupCopy group;
    SampleColumns own;
    for (uint64_t shard = 0; shard < kShardCount; ++shard) {
        for (size_t number = 0; shards_[shard].copy_group(number, group); ++number) {
            KW_TRY(GroupWriter(group, shard, take).write());
        }
        for (const uint64_t serial : shards_[shard].serials_with_own()) {
            KW_TRY(shards_[shard].copy_own(serial, own));
            KW_TRY(write_own(make_series_id(serial, shard), own, take));
        }
    }
    return {};
}

}  // namespace kw::tsdb
