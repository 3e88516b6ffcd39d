#include "tsdb/exemplar_buffer.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "tsdb/wal.h"

namespace kw::tsdb {
namespace {

// Code points: every byte that does not go on with one.
size_t characters(std::string_view text) {
    return static_cast<size_t>(std::ranges::count_if(
        text, [](char byte) { return (static_cast<unsigned char>(byte) & 0xc0) != 0x80; }));
}

bool labels_too_long(const LabelSet& labels) {
    size_t count = 0;
    for (const LabelView& label : labels) count += characters(label.name) + characters(label.value);
    return count > kExemplarLabelCharsMax;
}

// NaN is itself, so that one that comes again is known.
bool is_same(const Exemplar& a, const Exemplar& b) {
    return a.timestamp == b.timestamp && a.labels == b.labels &&
           std::bit_cast<uint64_t>(a.value) == std::bit_cast<uint64_t>(b.value);
}

bool is_before(const Exemplar& a, const Exemplar& b) {
    if (a.timestamp != b.timestamp) return a.timestamp < b.timestamp;
    return a.value < b.value || (a.value == b.value && a.labels < b.labels);
}

}  // namespace

ExemplarBuffer::ExemplarBuffer(Environment& env, uint64_t exemplars_max)
    : appended_(env.metrics.counter("prometheus_tsdb_exemplar_exemplars_appended_total",
                                    "Total number of appended exemplars.")),
      out_of_order_(
          env.metrics.counter("prometheus_tsdb_exemplar_out_of_order_exemplars_total",
                              "Total number of out of order exemplar ingestion failed attempts.")),
      in_storage_(env.metrics.gauge("prometheus_tsdb_exemplar_exemplars_in_storage",
                                    "Number of exemplars currently in circular storage.")),
      series_in_storage_(
          env.metrics.gauge("prometheus_tsdb_exemplar_series_with_exemplars_in_storage",
                            "Number of series with exemplars currently in circular storage.")),
      oldest_timestamp_(
          env.metrics.gauge("prometheus_tsdb_exemplar_last_exemplars_timestamp_seconds",
                            "The timestamp of the oldest exemplar stored in circular storage.")),
      max_(env.metrics.gauge(
          "prometheus_tsdb_exemplar_max_exemplars",
          "Total number of exemplars the exemplar storage can store, resizeable.")),
      exemplars_max_(exemplars_max) {
    max_.set(static_cast<double>(exemplars_max));
}

void ExemplarBuffer::set_log(Wal& wal, bool flushes_acked) {
    wal_ = &wal;
    flushes_acked_ = flushes_acked;
}

void ExemplarBuffer::restore(DecodedExemplars& exemplars) {
    MutexLock lock(mutex_);
    uint64_t number = exemplars.number;
    for (ExemplarSeries& series : exemplars.series) {
        for (Exemplar& exemplar : series.exemplars) {
            const uint64_t own = number++;
            if (own < next_number_) continue;  // the checkpoint had it
            next_number_ = own;
            if (verdict_of(series.labels, exemplar) == ExemplarVerdict::kStored) {
                put(series.labels, std::move(exemplar));
            } else {
                ++next_number_;  // the bound is 0 now, or damage took what stood before it
            }
        }
    }
    show_counts();
}

Result<ExemplarCounts> ExemplarBuffer::append(std::vector<ExemplarSeries> batch,
                                              Durability durability) {
    const bool acked = durability == Durability::kAcked;
    if (wal_ != nullptr) KW_TRY(wal_->check(acked));
    ExemplarCounts counts;
    {
        MutexLock lock(mutex_);
        ExemplarRecord record(next_number_);
        for (ExemplarSeries& series : batch) {
            for (Exemplar& exemplar : series.exemplars) {
                const ExemplarVerdict verdict = verdict_of(series.labels, exemplar);
                counts.add(verdict);
                if (verdict != ExemplarVerdict::kStored) continue;
                record.add(series.labels, exemplar);
                put(series.labels, std::move(exemplar));
                if (record.is_full()) log_record(record);
            }
        }
        // Under the lock: records stand in the order of their numbers.
        log_record(record);
        appended_.add(counts[ExemplarVerdict::kStored]);
        out_of_order_.add(counts[ExemplarVerdict::kOutOfOrder]);
        show_counts();
    }
    // Nobody waits for those of kSoon: they go with the samples behind them, or with the next flush.
    if (wal_ == nullptr || !acked) return counts;
    // Up to the end: one that was there already may stand in a record that is still on its way.
    const uint64_t position = wal_->end();
    KW_TRY(flushes_acked_ ? wal_->sync(position) : wal_->write(position));
    return counts;
}

ExemplarVerdict ExemplarBuffer::verdict_of(const LabelSet& series, const Exemplar& exemplar) const {
    if (exemplars_max_ == 0) return ExemplarVerdict::kDisabled;
    if (labels_too_long(exemplar.labels)) return ExemplarVerdict::kLabelsTooLong;
    const auto found = series_.find(series);
    if (found == series_.end()) return ExemplarVerdict::kStored;
    const Exemplar& newest = at(found->second.back());
    if (is_same(exemplar, newest)) return ExemplarVerdict::kSameAgain;
    return is_before(exemplar, newest) ? ExemplarVerdict::kOutOfOrder : ExemplarVerdict::kStored;
}

void ExemplarBuffer::put(const LabelSet& series, Exemplar exemplar) {
    // The series' last one may be what goes: its place is looked up afterwards.
    if (entries_.size() == exemplars_max_) push_out_first();
    const auto place = series_.try_emplace(series).first;
    place->second.push_back(first_position_ + entries_.size());
    entries_.push_back({std::move(exemplar), place, next_number_++});
}

void ExemplarBuffer::log_record(ExemplarRecord& record) {
    if (record.count() == 0) return;
    Bytes bytes = record.take();
    record = ExemplarRecord(next_number_);
    if (wal_ == nullptr) return;
    logged_bytes_.fetch_add(bytes.size(), std::memory_order_relaxed);
    wal_->enqueue(std::move(bytes));
}

std::vector<ExemplarSeries> ExemplarBuffer::select(
    const std::vector<std::vector<Matcher>>& selectors, const TimeRange& range) const {
    std::vector<ExemplarSeries> selected;
    {
        MutexLock lock(mutex_);
        for (const auto& [key, positions] : series_) {
            const LabelSet& labels = key;
            if (at(positions.back()).timestamp < range.min ||
                range.max < at(positions.front()).timestamp)
                continue;
            if (std::ranges::none_of(selectors, [&](const auto& matchers) {
                    return matches_all(matchers, labels);
                })) {
                continue;
            }
            ExemplarSeries one;
            for (const uint64_t position : positions) {
                if (range.contains(at(position).timestamp)) one.exemplars.push_back(at(position));
            }
            if (one.exemplars.empty()) continue;
            one.labels = labels;
            selected.push_back(std::move(one));
        }
    }
    // What a query returns survives a crash of the process. A broken log has said so elsewhere.
    if (wal_ != nullptr) (void)wal_->write(wal_->end()).ok();
    return selected;
}

void ExemplarBuffer::resize(uint64_t exemplars_max) {
    MutexLock lock(mutex_);
    exemplars_max_ = exemplars_max;
    while (entries_.size() > exemplars_max) push_out_first();
    max_.set(static_cast<double>(exemplars_max));
    show_counts();
}

Result<void> ExemplarBuffer::state(const std::function<Result<void>(ByteView record)>& take) const {
    uint64_t position = 0;
    uint64_t end = 0;  // what comes meanwhile stands in the log behind
    {
        MutexLock lock(mutex_);
        position = first_position_;
        end = position + entries_.size();
    }
    while (position < end) {
        Bytes record;
        {
            MutexLock lock(mutex_);
            record = record_of(position, end);
        }
        if (!record.empty()) KW_TRY(take(record));
    }
    return {};
}

Bytes ExemplarBuffer::record_of(uint64_t& position, uint64_t end) const {
    position = std::max(position, first_position_);  // some may have left meanwhile
    if (position >= end) return {};
    uint64_t number = entry(position).number;
    ExemplarRecord record(number);
    while (position < end && entry(position).number == number && !record.is_full()) {
        record.add(entry(position).series->first, entry(position).exemplar);
        ++position;
        ++number;
    }
    return record.take();
}

void ExemplarBuffer::push_out_first() {
    const auto series = entries_.front().series;
    series->second.pop_front();
    if (series->second.empty()) series_.erase(series);
    entries_.pop_front();
    ++first_position_;
}

void ExemplarBuffer::show_counts() {
    in_storage_.set(static_cast<double>(entries_.size()));
    series_in_storage_.set(static_cast<double>(series_.size()));
    oldest_timestamp_.set(
        entries_.empty() ? 0
                         : static_cast<double>(entries_.front().exemplar.timestamp.count) / 1000);
}

}  // namespace kw::tsdb
