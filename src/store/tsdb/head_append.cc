// HeadShard's writing side.
#include <algorithm>
#include <iterator>

#include "tsdb/head_shard.h"
#include "tsdb/wal.h"
#include "tsdb/wal_record.h"

namespace kw::tsdb {
namespace {

uint64_t bits_of(double value) { return std::bit_cast<uint64_t>(value); }

// The one NaN that means "absent" is stored as the ordinary one.
double storable(double value) {
    return bits_of(value) == kAbsentBits ? kNormalNan : value;
}

RowVerdict verdict_of_same_time(double stored, double value) {
    return bits_of(stored) == bits_of(value) ? RowVerdict::kSameAgain : RowVerdict::kConflict;
}

constexpr auto kRowBefore = [](const auto& row, int64_t time) { return row.time < time; };

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
    if (is_new || groups_[at->second].serials.size() == kGroupColumns) {
        at->second = static_cast<uint32_t>(groups_.size());
        groups_.emplace_back().key = group_key;
    }
    Group& group = groups_[at->second];
    Place place;
    place.group = at->second;
    place.column = static_cast<uint32_t>(group.serials.size());
    group.serials.push_back(serial);
    places_.insert(serial, place);
}

HeadShard::OpenRow* HeadShard::row_for(Group& group, int64_t time) {
    if (!group.open.empty() && group.open.back().time == time) return &group.open.back();
    const auto at = std::lower_bound(group.open.begin(), group.open.end(), time, kRowBefore);
    if (at != group.open.end() && at->time == time) return &*at;
    OpenRow row;
    row.time = time;
    row.cells.resize(group.serials.size(), kAbsent);
    return &*group.open.insert(at, std::move(row));
}

const HeadShard::OpenRow* HeadShard::find_row(const Group& group, int64_t time) {
    const auto at = std::lower_bound(group.open.begin(), group.open.end(), time, kRowBefore);
    return at != group.open.end() && at->time == time ? &*at : nullptr;
}

RowVerdict HeadShard::store_own(uint64_t serial, Place& place, int64_t time, double value,
                                int64_t start) {
    const OpenRow* const row = find_row(groups_[place.group], time);
    if (row != nullptr && place.column < row->cells.size() &&
        bits_of(row->cells[place.column]) != kAbsentBits) {
        return verdict_of_same_time(row->cells[place.column], value);
    }
    auto& own = own_[serial];
    if (own == nullptr) own = std::make_unique<SampleColumns>();
    place.has_own = 1;
    const auto at = std::lower_bound(own->timestamps.begin(), own->timestamps.end(), time);
    const ptrdiff_t index = at - own->timestamps.begin();
    if (at != own->timestamps.end() && *at == time) {
        return verdict_of_same_time(own->values[static_cast<size_t>(index)], value);
    }
    if (start != kNoStart.count && own->starts.empty()) own->starts.resize(own->size());
    const bool has_starts = start != kNoStart.count || !own->starts.empty();
    own->timestamps.insert(at, time);
    own->values.insert(own->values.begin() + index, value);
    if (has_starts) own->starts.insert(own->starts.begin() + index, start);
    return RowVerdict::kStored;
}

RowVerdict HeadShard::store(uint64_t serial, Place& place, int64_t time, double value,
                            int64_t start) {
    if (start != kNoStart.count || place.own_mode) {
        return store_own(serial, place, time, value, start);
    }
    if (place.has_own) {
        const SampleColumns& own = *own_.find(serial)->second;
        const auto at = std::lower_bound(own.timestamps.begin(), own.timestamps.end(), time);
        if (at != own.timestamps.end() && *at == time) {
            const ptrdiff_t index = at - own.timestamps.begin();
            return verdict_of_same_time(own.values[static_cast<size_t>(index)], value);
        }
    }
    OpenRow& row = *row_for(groups_[place.group], time);
    if (place.column >= row.cells.size()) {
        row.cells.resize(groups_[place.group].serials.size(), kAbsent);
    }
    double& cell = row.cells[place.column];
    if (bits_of(cell) != kAbsentBits) return verdict_of_same_time(cell, value);
    cell = value;
    return RowVerdict::kStored;
}

void HeadShard::append(const ShardRows& rows, Wal* wal, SkippedRows& skipped) {
    // Encoded before the lock is taken, as if all rows were stored: they nearly always are.
    Bytes record;
    if (wal != nullptr) record = encode_samples(rows, {});
    MutexLock lock(mutex_);
    for (size_t i = 0; i < rows.size(); ++i) {
        const uint64_t serial = serial_of_id(rows.series[i].id);
        Place* const place = places_.find(serial);
        const RowVerdict verdict =
            place == nullptr
                ? RowVerdict::kUnknownSeries
                : store(serial, *place, rows.time(i), storable(rows.values[i]), rows.start(i));
        if (verdict != RowVerdict::kStored) skipped.emplace_back(static_cast<uint32_t>(i), verdict);
    }
    if (wal == nullptr || skipped.size() == rows.size()) return;
    if (!skipped.empty()) record = encode_samples(rows, skipped);
    wal->enqueue(std::move(record));
}

}  // namespace kw::tsdb
