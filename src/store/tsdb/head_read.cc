// HeadShard's reading side: snapshots, which cost the matched series and never the whole head.
#include <algorithm>

#include "tsdb/head_shard.h"

namespace kw::tsdb {
namespace {

bool is_absent(double cell) { return std::bit_cast<uint64_t>(cell) == kAbsentBits; }

// Copies the samples of `from` in `range`.
SampleColumns part_of(const SampleColumns& from, const TimeRange& range) {
    const auto begin = std::lower_bound(from.timestamps.begin(), from.timestamps.end(), range.min.count);
    const auto end = std::upper_bound(begin, from.timestamps.end(), range.max.count);
    const ptrdiff_t first = begin - from.timestamps.begin();
    const ptrdiff_t last = end - from.timestamps.begin();
    SampleColumns part;
    part.timestamps.assign(begin, end);
    part.values.assign(from.values.begin() + first, from.values.begin() + last);
    if (!from.starts.empty()) {
        part.starts.assign(from.starts.begin() + first, from.starts.begin() + last);
    }
    return part;
}

}  // namespace

void HeadShard::snapshot(std::span<const uint64_t> ids, const TimeRange& range,
                         ShardSnapshot& out) const {
    boost::unordered_flat_map<uint32_t, uint32_t> numbers;  // of the groups in `out`
    uint32_t last_group = kNoGroup;
    uint32_t last_number = 0;
    out.series.resize(ids.size());
    MutexLock lock(mutex_);
    for (size_t i = 0; i < ids.size(); ++i) {
        const uint64_t serial = serial_of_id(ids[i]);
        const Place* const place = places_.find(serial);
        if (place == nullptr) continue;
        ShardSnapshot::Series& series = out.series[i];
        series.known = true;
        const Group& group = groups_[place->group];
        const auto first = std::lower_bound(
            group.open.begin(), group.open.end(), range.min.count,
            [](const OpenRow& row, int64_t time) { return row.time < time; });
        if (place->group != last_group) {
            last_group = place->group;
            const auto [at, is_new] =
                numbers.try_emplace(last_group, static_cast<uint32_t>(out.groups.size()));
            last_number = at->second;
            if (is_new) {
                ShardSnapshot::Group& copy = out.groups.emplace_back();
                for (auto row = first; row != group.open.end() && row->time <= range.max.count; ++row) {
                    copy.open_times.push_back(row->time);
                }
            }
        }
        series.group = last_number;
        series.cells = out.cells.size();
        const size_t rows = out.groups[last_number].open_times.size();
        for (size_t r = 0; r < rows; ++r) {
            const std::vector<double>& cells = (first + static_cast<ptrdiff_t>(r))->cells;
            out.cells.push_back(place->column < cells.size() ? cells[place->column] : kAbsent);
        }
        if (place->has_own) {
            series.own = std::make_unique<SampleColumns>(part_of(*own_.find(serial)->second, range));
        }
    }
}

TimeRange HeadShard::range() const {
    TimeRange range{Millis::max(), Millis::min()};
    MutexLock lock(mutex_);
    for (const Group& group : groups_) {
        if (group.open.empty()) continue;
        range.min = std::min(range.min, Millis{group.open.front().time});
        range.max = std::max(range.max, Millis{group.open.back().time});
    }
    for (const auto& [serial, own] : own_) {
        range.min = std::min(range.min, Millis{own->timestamps.front()});
        range.max = std::max(range.max, Millis{own->timestamps.back()});
    }
    return range;
}

Result<void> ShardSnapshot::read(size_t index, SampleColumns& out) const {
    out.clear();
    const Series& from = series[index];
    if (!from.known) return {};
    const std::vector<int64_t>& times = groups[from.group].open_times;
    const double* const column = cells.data() + from.cells;
    const SampleColumns* const own = from.own.get();
    size_t next_own = 0;
    const auto take_own_before = [&](int64_t time) {
        for (; own != nullptr && next_own < own->size() && own->timestamps[next_own] < time;
             ++next_own) {
            out.timestamps.push_back(own->timestamps[next_own]);
            out.values.push_back(own->values[next_own]);
            if (!own->starts.empty()) {
                out.starts.resize(out.timestamps.size());
                out.starts.back() = own->starts[next_own];
            }
        }
    };
    for (size_t r = 0; r < times.size(); ++r) {
        if (is_absent(column[r])) continue;
        take_own_before(times[r]);
        out.timestamps.push_back(times[r]);
        out.values.push_back(column[r]);
    }
    take_own_before(INT64_MAX);
    if (own != nullptr && next_own < own->size()) {  // the sample at the very end of time
        out.timestamps.push_back(own->timestamps[next_own]);
        out.values.push_back(own->values[next_own]);
    }
    if (!out.starts.empty()) out.starts.resize(out.timestamps.size());
    return {};
}

bool ShardSnapshot::has_samples(size_t index) const {
    const Series& from = series[index];
    if (!from.known) return false;
    if (from.own != nullptr && from.own->size() != 0) return true;
    const double* const column = cells.data() + from.cells;
    const size_t rows = groups[from.group].open_times.size();
    return !std::all_of(column, column + rows, is_absent);
}

uint64_t ShardSnapshot::samples_estimate(size_t index) const {
    const Series& from = series[index];
    if (!from.known) return 0;
    return groups[from.group].open_times.size() + (from.own != nullptr ? from.own->size() : 0);
}

}  // namespace kw::tsdb
