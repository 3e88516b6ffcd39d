// HeadShard's writing side.
#include <algorithm>

#include "model/stored_histogram.h"
#include "tsdb/head_shard.h"
#include "tsdb/wal.h"
#include "tsdb/wal_record.h"

namespace kw::tsdb {
namespace {

// A new row is worth its cells when a sixteenth of them is filled: 128 bytes a sample at the worst, while open.
constexpr size_t kRowFillMin = 16;
// Rows of one or two cells are better off as own samples of 16 bytes.
constexpr size_t kRowCellsMin = 3;

uint64_t bits_of(double value) { return std::bit_cast<uint64_t>(value); }

// The one NaN that means "absent" is stored as the ordinary one.
double storable(double value) { return is_absent(value) ? kNormalNan : value; }

constexpr auto kRowBefore = [](const HeadRow& row, int64_t time) { return row.time < time; };
constexpr auto kEndsBefore = [](const auto& chunk, int64_t time) {
    return chunk->last_time() < time;
};

// Where `time` stands in `samples`, or would.
size_t position_of(const SampleColumns& samples, int64_t time) {
    // Nearly always it comes last.
    if (samples.timestamps.empty() || samples.timestamps.back() < time) return samples.size();
    const auto at = std::lower_bound(samples.timestamps.begin(), samples.timestamps.end(), time);
    return static_cast<size_t>(at - samples.timestamps.begin());
}

bool stands_at(const SampleColumns& samples, size_t position, int64_t time) {
    return position < samples.size() && samples.timestamps[position] == time;
}

void insert_sample(SampleColumns& samples, size_t position, int64_t time, double value,
                   int64_t start, HistogramPtr histogram) {
    if (start != kNoStart.count && samples.starts.empty()) samples.starts.resize(samples.size());
    if (histogram != nullptr && samples.histograms.empty())
        samples.histograms.resize(samples.size());
    const bool has_starts = start != kNoStart.count || !samples.starts.empty();
    const bool has_histograms = histogram != nullptr || !samples.histograms.empty();
    const auto at = static_cast<ptrdiff_t>(position);
    samples.timestamps.insert(samples.timestamps.begin() + at, time);
    samples.values.insert(samples.values.begin() + at, value);
    if (has_starts) samples.starts.insert(samples.starts.begin() + at, start);
    if (has_histograms)
        samples.histograms.insert(samples.histograms.begin() + at, std::move(histogram));
}

// The value that stands at `time` in the sealed part of a column; kAbsent when none does. Chunks were encoded
// here a moment ago: one that cannot be read is a bug, and answers as if nothing stood there.
double sealed_cell(const std::vector<std::shared_ptr<const RowsChunk>>& sealed, uint32_t column,
                   int64_t time) {
    const auto chunk = std::lower_bound(sealed.begin(), sealed.end(), time, kEndsBefore);
    if (chunk == sealed.end() || (*chunk)->first_time() > time || !(*chunk)->has_samples(column)) {
        return kAbsent;
    }
    thread_local std::vector<int64_t> times;
    thread_local std::vector<double> cells;
    times.clear();
    if (!(*chunk)->times(times).ok()) return kAbsent;
    const auto row = std::lower_bound(times.begin(), times.end(), time);
    if (row == times.end() || *row != time) return kAbsent;
    cells.resize((*chunk)->row_count());
    if (!(*chunk)->cells(column, cells).ok()) return kAbsent;
    return cells[static_cast<size_t>(row - times.begin())];
}

}  // namespace

uint64_t HeadShard::add_series(uint64_t group_key) {
    MutexLock lock(mutex_);
    place_series(next_serial_, group_key);
    return next_serial_++;
}

bool HeadShard::restore_series(uint64_t serial, uint64_t group_key) {
    MutexLock lock(mutex_);
    if (places_.find(serial) != nullptr) return false;
    place_series(serial, group_key);
    next_serial_ = std::max(next_serial_, serial + 1);
    return true;
}

void HeadShard::place_series(uint64_t serial, uint64_t group_key) {
    auto [at, is_new] = group_by_key_.try_emplace(group_key, 0);
    if (is_new || groups_[at->second].live() == kGroupColumns) {
        if (free_groups_.empty()) {
            at->second = static_cast<uint32_t>(groups_.size());
            groups_.emplace_back();
        } else {
            at->second = free_groups_.back();
            free_groups_.pop_back();
        }
        groups_[at->second].key = group_key;
    }
    Group& group = groups_[at->second];
    Place place;
    place.group = at->second;
    if (group.free_columns.empty()) {
        place.column = static_cast<uint32_t>(group.serials.size());
        group.serials.push_back(serial);
    } else {
        place.column = group.free_columns.back();
        group.free_columns.pop_back();
        group.serials[place.column] = serial;
    }
    places_.insert(serial, place);
}

HeadRow* HeadShard::Group::find(int64_t time) {
    if (!open.empty() && open.back().time == time) return &open.back();
    const auto at = std::lower_bound(open.begin(), open.end(), time, kRowBefore);
    return at != open.end() && at->time == time ? &*at : nullptr;
}

HeadRow* HeadShard::Group::make(int64_t time) {
    const auto at = std::lower_bound(open.begin(), open.end(), time, kRowBefore);
    HeadRow row;
    row.time = time;
    row.cells.resize(serials.size(), kAbsent);
    return &*open.insert(at, std::move(row));
}

void HeadShard::note_time(int64_t time) {
    range_.min = std::min(range_.min, Millis{time});
    range_.max = std::max(range_.max, Millis{time});
}

RowVerdict HeadShard::verdict_of_same_time(const Sample& stored, const Sample& sample) {
    const bool same = stored.histogram != nullptr && sample.histogram != nullptr
                          ? same_sample(*stored.histogram, *sample.histogram)
                          : stored.histogram == sample.histogram &&
                                bits_of(stored.value) == bits_of(sample.value);
    return same ? RowVerdict::kSameAgain : RowVerdict::kConflict;
}

std::optional<HeadShard::Sample> HeadShard::own_sample(const Own& own, int64_t time) {
    const auto sample_at = [](const SampleColumns& samples, size_t position) {
        return Sample{samples.values[position], kNoStart.count,
                      samples.histograms.empty() ? nullptr : samples.histograms[position]};
    };
    for (const SampleColumns* const samples : {&own.open, &own.late}) {
        const size_t position = position_of(*samples, time);
        if (stands_at(*samples, position, time)) return sample_at(*samples, position);
    }
    const auto chunk = std::lower_bound(own.sealed.begin(), own.sealed.end(), time, kEndsBefore);
    if (chunk == own.sealed.end() || (*chunk)->first_time() > time ||
        !(*chunk)->read(scratch_).ok()) {
        return std::nullopt;
    }
    const size_t position = position_of(scratch_, time);
    if (!stands_at(scratch_, position, time)) return std::nullopt;
    return sample_at(scratch_, position);
}

RowVerdict HeadShard::store_cell(uint64_t serial, const Place& place, HeadRow& row, double value) {
    double& cell = row.cells[place.column];
    if (!is_absent(cell)) return verdict_of_same_time({cell}, {value});
    if (place.has_own) {
        if (const auto own = own_sample(*own_.find(serial)->second, row.time)) {
            return verdict_of_same_time(*own, {value});
        }
    }
    cell = value;
    return RowVerdict::kStored;
}

void HeadShard::note_hint(const Group& group, uint32_t column, const Own& own, int64_t time,
                          HistogramPtr& histogram) {
    if (own.open.histograms.empty() || own.open.histograms.back() == nullptr) return;
    const int64_t before = own.open.timestamps.back();
    if (before <= group.sealed_last()) return;  // floats may stand between
    for (auto row = group.open.rbegin(); row != group.open.rend() && row->time > before; ++row) {
        if (row->time < time && column < row->cells.size() && !is_absent(row->cells[column]))
            return;
    }
    CounterResetHint hint = hint_behind(*histogram, own.open.histograms.back().get());
    // A reset is told by who reads both; kReset itself would stay, whatever comes between them later.
    if (hint == CounterResetHint::kReset) hint = CounterResetHint::kUnknown;
    if (histogram->counter_reset_hint == CounterResetHint::kReset ||
        histogram->counter_reset_hint == hint) {
        return;
    }
    auto noted = std::make_shared<Histogram>(*histogram);
    noted->counter_reset_hint = hint;
    histogram = std::move(noted);
}

RowVerdict HeadShard::store_own(uint64_t serial, Place& place, int64_t time, Sample sample) {
    Group& group = groups_[place.group];
    if (time > dropped_) {
        const HeadRow* const row = group.find(time);
        const double cell = row != nullptr && place.column < row->cells.size()
                                ? row->cells[place.column]
                                : sealed_cell(group.sealed, place.column, time);
        if (!is_absent(cell)) return verdict_of_same_time({cell}, sample);
    }
    std::unique_ptr<Own>& entry = own_[serial];
    if (entry == nullptr) entry = std::make_unique<Own>();
    place.has_own = 1;
    Own& own = *entry;
    if (const auto stored = own_sample(own, time)) return verdict_of_same_time(*stored, sample);
    if (time <= own.sealed_last() || (frozen_ && time <= floor_)) {
        insert_sample(own.late, position_of(own.late, time), time, sample.value, sample.start,
                      std::move(sample.histogram));
        if (!frozen_ && own.late.size() >= seal_size(own.late)) merge_late(own);
    } else {
        const size_t position = position_of(own.open, time);
        if (sample.histogram != nullptr && position == own.open.size() && position > 0) {
            note_hint(group, place.column, own, time, sample.histogram);
        }
        insert_sample(own.open, position, time, sample.value, sample.start,
                      std::move(sample.histogram));
        if (own.open.size() >= seal_size(own.open) + open_size(own.open)) seal_own(own);
    }
    return RowVerdict::kStored;
}

void HeadShard::store_run(const ShardRows& rows, size_t begin, size_t end, SkippedRows& skipped) {
    const int64_t time = rows.time(begin);
    const uint32_t group_number = batch_places_[begin]->group;
    Group& group = groups_[group_number];
    HeadRow* row = nullptr;
    bool made = false;
    if (time > floor_ && time > group.sealed_last()) {
        row = group.find(time);
        size_t count = end - begin;
        if (!rows.histograms.empty()) {
            count -= static_cast<size_t>(
                std::ranges::count_if(rows.histograms.subspan(begin, count),
                                      [](const HistogramPtr& one) { return one != nullptr; }));
        }
        if (row == nullptr && count >= kRowCellsMin && count * kRowFillMin >= group.live()) {
            row = group.make(time);
            made = true;
        }
        if (row != nullptr && row->cells.size() < group.serials.size()) {
            open_cells_ += group.serials.size() - row->cells.size();
            row->cells.resize(group.serials.size(), kAbsent);
        }
    }
    if (made) open_cells_ += row->cells.size();
    size_t stored = 0;
    for (size_t i = begin; i < end; ++i) {
        const uint64_t serial = serial_of_id(rows.series[i].id);
        const int64_t start = rows.start(i);
        RowVerdict verdict{};
        if (rows.is_histogram(i)) {
            verdict = store_own(serial, *batch_places_[i], time, {0, start, rows.histograms[i]});
        } else if (const double value = storable(rows.values[i]);
                   row != nullptr && start == kNoStart.count) {
            verdict = store_cell(serial, *batch_places_[i], *row, value);
        } else {
            verdict = store_own(serial, *batch_places_[i], time, {value, start});
        }
        if (verdict == RowVerdict::kStored) {
            ++stored;
        } else {
            skipped.emplace_back(static_cast<uint32_t>(i), verdict);
        }
    }
    if (stored > 0) note_time(time);
    if (made && group.open.size() >= kSealRows + kOpenRows) seal_rows(group);
}

void HeadShard::append(const ShardRows& rows, Wal* wal, SkippedRows& skipped) {
    // Encoded before the lock is taken, as if all rows were stored: they nearly always are.
    Bytes record;
    if (wal != nullptr) record = encode_samples(rows, {});
    MutexLock lock(mutex_);
    batch_places_.resize(rows.size());
    for (size_t i = 0; i < rows.size(); ++i) {
        batch_places_[i] = places_.find(serial_of_id(rows.series[i].id));
    }
    for (size_t begin = 0; begin < rows.size();) {
        if (batch_places_[begin] == nullptr) {
            skipped.emplace_back(static_cast<uint32_t>(begin), RowVerdict::kUnknownSeries);
            ++begin;
            continue;
        }
        size_t end = begin + 1;
        while (end < rows.size() && batch_places_[end] != nullptr &&
               batch_places_[end]->group == batch_places_[begin]->group &&
               rows.time(end) == rows.time(begin)) {
            ++end;
        }
        store_run(rows, begin, end, skipped);
        begin = end;
    }
    if (wal == nullptr || skipped.size() == rows.size()) return;
    if (!skipped.empty()) record = encode_samples(rows, skipped);
    wal->enqueue(std::move(record));
}

}  // namespace kw::tsdb
