#include "tsdb/head.h"

#include <algorithm>
#include <numeric>

#include "base/cancel.h"
#include "base/checksum.h"
#include "base/interruptible_sort.h"
#include "model/stored_histogram.h"
#include "tsdb/label_search.h"
#include "tsdb/wal.h"
#include "tsdb/wal_record.h"

namespace kw::tsdb {
namespace {

// Series between two looks at the token, which looks at the clock every 64th time.
constexpr uint64_t kHeadSeriesPerCheck = 32;

uint64_t shard_of_key(uint64_t group_key) {
    return (group_key * 0x9e3779b97f4a7c15u) >> (64 - kShardBits);
}

// What a batch's rows become, shard by shard, when they belong to several.
struct Partition {
    std::vector<uint32_t> rows;  // of the batch, in shard order
    std::array<uint32_t, kShardCount + 1> begin{};
    std::vector<SeriesRef> series;
    std::vector<Millis> timestamps;
    std::vector<double> values;
    std::vector<Millis> starts;
    std::vector<HistogramPtr> histograms;

    // Rows whose `shards` entry is kShardCount are left out.
    void fill(const SampleBatch& batch, const std::vector<uint8_t>& shards) {
        begin.fill(0);
        for (const uint8_t shard : shards) {
            if (shard < kShardCount) ++begin[shard + 1];
        }
        std::partial_sum(begin.begin(), begin.end(), begin.begin());
        const size_t count = begin[kShardCount];
        rows.resize(count);
        auto next = begin;
        for (size_t i = 0; i < shards.size(); ++i) {
            if (shards[i] < kShardCount) rows[next[shards[i]]++] = static_cast<uint32_t>(i);
        }
        const auto gather = [&](const auto& from, auto& to) {
            to.resize(count);
            for (size_t i = 0; i < count; ++i) to[i] = from[rows[i]];
        };
        gather(batch.series, series);
        gather(batch.values, values);
        timestamps.assign(1, batch.timestamps[0]);
        if (batch.timestamps.size() > 1) gather(batch.timestamps, timestamps);
        starts.clear();
        if (!batch.starts.empty()) gather(batch.starts, starts);
        histograms.clear();
        if (!batch.histograms.empty()) gather(batch.histograms, histograms);
    }

    ShardRows part(size_t shard) const {
        const size_t first = begin[shard];
        const size_t count = begin[shard + 1] - first;
        ShardRows part;
        part.series = std::span(series).subspan(first, count);
        part.values = std::span(values).subspan(first, count);
        part.timestamps = timestamps.size() == 1 ? std::span<const Millis>(timestamps)
                                                 : std::span(timestamps).subspan(first, count);
        if (!starts.empty()) part.starts = std::span(starts).subspan(first, count);
        if (!histograms.empty()) part.histograms = std::span(histograms).subspan(first, count);
        return part;
    }
};

// What a histogram without buckets takes in a record, in parts of 8 bytes.
constexpr uint64_t kPartsOfAny = 8;

// Errors: kInvalid, kExhausted (more than one record of the log may hold).
Result<void> check_histograms(std::span<const HistogramPtr> histograms) {
    uint64_t parts = 0;
    for (const HistogramPtr& histogram : histograms) {
        if (histogram == nullptr) continue;
        KW_TRY(check_histogram(*histogram));
        parts += kPartsOfAny + histogram_parts(*histogram);
    }
    if (parts <= kColumnPartsMax) return {};
    return exhausted("batch of histograms with {} counts, spans, buckets and bounds, at most {}",
                     parts, kColumnPartsMax);
}

void count_verdict(uint32_t row, RowVerdict verdict, AppendResult& result) {
    if (verdict == RowVerdict::kSameAgain) {
        ++result.same_again;
    } else {
        result.refused.emplace_back(row, verdict);
    }
}

}  // namespace

uint64_t group_key_of(const LabelSet& labels, uint64_t hash) {
    const std::string_view job = labels.get("job");
    const std::string_view instance = labels.get("instance");
    if (job.empty() || instance.empty()) return hash;
    return hash64(job) * 31 + hash64(instance);
}

Result<SeriesRef> Head::ref_of(const LabelSet& labels) {
    const uint64_t hash = labels.hash();
    {
        ReaderLock lock(index_mutex_);
        if (const uint64_t id = index_.find(labels, hash)) return SeriesRef{id};
    }
    WriterLock lock(index_mutex_);
    if (const uint64_t id = index_.find(labels, hash)) return SeriesRef{id};
    if (index_.series_count() >= options_.series_max) {
        return exhausted("{} series in memory, the most allowed", options_.series_max);
    }
    if (wal_ != nullptr) KW_TRY(wal_->check(false));
    const uint64_t key = group_key_of(labels, hash);
    const uint64_t shard = shard_of_key(key);
    const uint64_t id = make_series_id(shards_[shard].add_series(key), shard);
    if (!index_.add(id, labels, hash)) {
        return exhausted("too many series since the start; a restart helps");
    }
    // Under the lock: the record stands before any of samples that use the id.
    if (wal_ != nullptr) wal_->enqueue(encode_series(id, labels));
    return SeriesRef{id};
}

Result<AppendResult> Head::append(const SampleBatch& batch, const TimeRange& accepted) {
    const size_t count = batch.series.size();
    if (batch.values.size() != count ||
        (batch.timestamps.size() != 1 && batch.timestamps.size() != count) ||
        (!batch.starts.empty() && batch.starts.size() != count) ||
        (!batch.histograms.empty() && batch.histograms.size() != count)) {
        return invalid("batch of {} series, {} timestamps, {} values, {} starts, {} histograms",
                       count, batch.timestamps.size(), batch.values.size(), batch.starts.size(),
                       batch.histograms.size());
    }
    if (count > kWalRowsMax) return exhausted("batch of {} rows, at most {}", count, kWalRowsMax);
    AppendResult result;
    if (count == 0) return result;
    KW_TRY(check_histograms(batch.histograms));

    // Most batches are one scrape: one shard and times that are fine.
    const auto first_shard = shard_of_id(batch.series[0].id);
    bool one_shard = true;
    for (const SeriesRef ref : batch.series) one_shard &= shard_of_id(ref.id) == first_shard;
    bool all_accepted = true;
    for (const Millis time : batch.timestamps) all_accepted &= accepted.contains(time);

    thread_local SkippedRows skipped;
    if (one_shard && all_accepted) {
        skipped.clear();
        shards_[first_shard].append(
            {batch.series, batch.timestamps, batch.values, batch.starts, batch.histograms}, wal_,
            skipped);
        for (const auto& [row, verdict] : skipped) count_verdict(row, verdict, result);
        result.stored = count - skipped.size();
        return result;
    }

    thread_local std::vector<uint8_t> shards;
    thread_local Partition partition;
    shards.resize(count);
    for (size_t i = 0; i < count; ++i) {
        const Millis time = batch.timestamps[batch.timestamps.size() == 1 ? 0 : i];
        shards[i] = static_cast<uint8_t>(shard_of_id(batch.series[i].id));
        if (accepted.contains(time)) continue;
        shards[i] = kShardCount;
        result.refused.emplace_back(static_cast<uint32_t>(i), time < accepted.min
                                                                  ? RowVerdict::kTooOld
                                                                  : RowVerdict::kTooFarAhead);
    }
    partition.fill(batch, shards);
    for (size_t shard = 0; shard < kShardCount; ++shard) {
        const ShardRows part = partition.part(shard);
        if (part.size() == 0) continue;
        skipped.clear();
        shards_[shard].append(part, wal_, skipped);
        for (const auto& [row, verdict] : skipped) {
            count_verdict(partition.rows[partition.begin[shard] + row], verdict, result);
        }
        result.stored += part.size() - skipped.size();
    }
    partition.histograms.clear();
    std::sort(result.refused.begin(), result.refused.end());
    return result;
}

Result<std::unique_ptr<HeadSelection>> Head::select(const std::vector<Matcher>& matchers,
                                                    const TimeRange& range, uint64_t series_limit,
                                                    const CancelToken& cancel) const {
    auto selection = std::make_unique<HeadSelection>();
    std::array<std::vector<uint64_t>, kShardCount> ids;
    {
        ReaderLock lock(index_mutex_);
        KW_TRY_ASSIGN(const Roaring matched, evaluate(index_, matchers, cancel));
        if (series_limit != 0 && matched.cardinality() > series_limit) {
            return exhausted("{} series match, at most {} are allowed", matched.cardinality(),
                             series_limit);
        }
        selection->series_.reserve(matched.cardinality());
        uint64_t listed = 0;
        for (const uint32_t posting : matched) {
            if (listed++ % kHeadSeriesPerCheck == 0) KW_TRY(cancel.check());
            const uint64_t id = index_.id_of(posting);
            std::vector<uint64_t>& shard_ids = ids[shard_of_id(id)];
            selection->series_.push_back({index_.labels(id), static_cast<uint32_t>(shard_of_id(id)),
                                          static_cast<uint32_t>(shard_ids.size())});
            shard_ids.push_back(id);
        }
    }
    for (size_t shard = 0; shard < kShardCount; ++shard) {
        KW_TRY(cancel.check());
        if (!ids[shard].empty()) {
            shards_[shard].snapshot(ids[shard], range, false, selection->shards_[shard]);
        }
    }
    std::vector<HeadSelection::Series> with_samples;
    with_samples.reserve(selection->series_.size());
    uint64_t looked_at = 0;
    for (HeadSelection::Series& series : selection->series_) {
        if (looked_at++ % kHeadSeriesPerCheck == 0) KW_TRY(cancel.check());
        KW_TRY_ASSIGN(const bool has_samples,
                      selection->shards_[series.shard].has_samples(series.index));
        if (has_samples) with_samples.push_back(std::move(series));
    }
    selection->series_ = std::move(with_samples);
    KW_TRY(interruptible_sort(selection->series_, cancel,
                              [](const auto& a, const auto& b) { return a.labels < b.labels; }));
    return selection;
}

Result<std::vector<std::string>> Head::label_names(const std::vector<Matcher>& matchers,
                                                   const CancelToken& cancel) const {
    ReaderLock lock(index_mutex_);
    if (matchers.empty()) return index_.names();
    return names_of(index_, index_.names(), matchers, cancel);
}

Result<std::vector<std::string>> Head::label_values(std::string_view name,
                                                    const std::vector<Matcher>& matchers,
                                                    const CancelToken& cancel) const {
    ReaderLock lock(index_mutex_);
    return values_of(index_, name, matchers, cancel);
}

StoreStats Head::stats(uint64_t limit) const {
    StoreStats stats;
    {
        ReaderLock lock(index_mutex_);
        index_.fill_stats(stats, limit);
    }
    stats.head_range = range();
    stats.chunk_count = chunk_count();
    return stats;
}

uint64_t Head::series_count() const {
    ReaderLock lock(index_mutex_);
    return index_.series_count();
}

uint64_t Head::chunk_count() const {
    uint64_t count = 0;
    for (const HeadShard& shard : shards_) count += shard.chunk_count();
    return count;
}

uint64_t Head::sample_bytes() const {
    uint64_t bytes = 0;
    for (const HeadShard& shard : shards_) bytes += shard.bytes();
    return bytes;
}

TimeRange Head::range() const {
    TimeRange range{Millis::max(), Millis::min()};
    for (const HeadShard& shard : shards_) {
        const TimeRange part = shard.range();
        range.min = std::min(range.min, part.min);
        range.max = std::max(range.max, part.max);
    }
    return range;
}

Result<void> HeadSelection::read(size_t index, SampleColumns& out) const {
    return shards_[series_[index].shard].read(series_[index].index, out);
}

uint64_t HeadSelection::samples_estimate(size_t index) const {
    return shards_[series_[index].shard].samples_estimate(series_[index].index);
}

uint64_t HeadSelection::bytes() const {
    uint64_t bytes = series_.size() * (sizeof(Series) + 200);  // labels have some 200
    for (const ShardSnapshot& shard : shards_) bytes += shard.bytes();
    return bytes;
}

}  // namespace kw::tsdb
