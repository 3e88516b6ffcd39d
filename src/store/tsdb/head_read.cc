// HeadShard's reading side: snapshots, which cost the matched series and never the whole head. Chunks are shared and
// decoded outside the lock.
#include <algorithm>

#include "tsdb/head_shard.h"
#include "tsdb/sample_merge.h"

namespace kw::tsdb {
namespace {

// Appends the samples of `from` in `range` to `to`, whose times all come before.
void append_part(const SampleColumns& from, const TimeRange& range, SampleColumns& to) {
    const auto begin =
        std::lower_bound(from.timestamps.begin(), from.timestamps.end(), range.min.count);
    const auto end = std::upper_bound(begin, from.timestamps.end(), range.max.count);
    const ptrdiff_t first = begin - from.timestamps.begin();
    const ptrdiff_t last = end - from.timestamps.begin();
    if (!from.starts.empty() || !to.starts.empty()) {
        to.starts.resize(to.size(), kNoStart.count);
        if (from.starts.empty()) {
            to.starts.resize(to.size() + static_cast<size_t>(last - first), kNoStart.count);
        } else {
            to.starts.insert(to.starts.end(), from.starts.begin() + first,
                             from.starts.begin() + last);
        }
    }
    if (!from.histograms.empty() || !to.histograms.empty()) {
        to.histograms.resize(to.size());
        if (from.histograms.empty()) {
            to.histograms.resize(to.size() + static_cast<size_t>(last - first));
        } else {
            to.histograms.insert(to.histograms.end(), from.histograms.begin() + first,
                                 from.histograms.begin() + last);
        }
    }
    to.timestamps.insert(to.timestamps.end(), begin, end);
    to.values.insert(to.values.end(), from.values.begin() + first, from.values.begin() + last);
}

bool touches(int64_t first, int64_t last, const TimeRange& range) {
    return first <= range.max.count && last >= range.min.count;
}

constexpr auto kTimeBefore = [](const HeadRow& row, int64_t time) { return row.time < time; };

}  // namespace

void HeadShard::snapshot(std::span<const uint64_t> ids, const TimeRange& range, bool for_block,
                         ShardSnapshot& out) const {
    boost::unordered_flat_map<uint32_t, uint32_t> numbers;  // of the groups in `out`
    uint32_t last_group = kNoGroup;
    uint32_t last_number = 0;
    out.range = range;
    out.series.resize(ids.size());
    {
        MutexLock lock(mutex_);
        TimeRange rows_range = range;
        if (dropped_ != INT64_MIN) rows_range.min = std::max(range.min, Millis{dropped_ + 1});
        for (size_t i = 0; i < ids.size(); ++i) {
            const uint64_t serial = serial_of_id(ids[i]);
            const Place* const place = places_.find(serial);
            if (place == nullptr) continue;
            ShardSnapshot::Series& series = out.series[i];
            series.known = true;
            series.column = place->column;
            const Group& group = groups_[place->group];
            const auto first = std::lower_bound(group.open.begin(), group.open.end(),
                                                rows_range.min.count, kTimeBefore);
            if (place->group != last_group) {
                last_group = place->group;
                const auto [at, is_new] =
                    numbers.try_emplace(last_group, static_cast<uint32_t>(out.groups.size()));
                last_number = at->second;
                if (is_new) {
                    ShardSnapshot::Group& copy = out.groups.emplace_back();
                    copy.range = rows_range;
                    for (const auto& chunk : group.sealed) {
                        if (touches(chunk->first_time(), chunk->last_time(), rows_range)) {
                            copy.sealed.push_back(chunk);
                        }
                    }
                    for (auto row = first;
                         row != group.open.end() && row->time <= rows_range.max.count; ++row) {
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
            if (!place->has_own) continue;
            const Own& own = *own_.find(serial)->second;
            auto copy = std::make_unique<ShardSnapshot::Own>();
            for (const auto& chunk : own.sealed) {
                if (touches(chunk->first_time(), chunk->last_time(), range))
                    copy->sealed.push_back(chunk);
            }
            append_part(own.open, range, copy->rest);
            if (!for_block && own.late.size() > 0) {
                SampleColumns late;
                SampleColumns scratch;
                append_part(own.late, range, late);
                merge_samples(copy->rest, late, scratch);
            }
            series.own = std::move(copy);
        }
    }
    for (ShardSnapshot::Group& group : out.groups) {
        for (const auto& chunk : group.sealed) {
            // Times that cannot be read show when the series are.
            if (!chunk->times(group.sealed_times).ok()) break;
        }
    }
}

Result<void> HeadShard::copy_own(uint64_t serial, SampleColumns& out) const {
    out.clear();
    ShardSnapshot::Own copy;
    {
        MutexLock lock(mutex_);
        const auto at = own_.find(serial);
        if (at == own_.end()) return {};
        copy.sealed = at->second->sealed;
        copy.rest = at->second->open;
        SampleColumns scratch;
        merge_samples(copy.rest, at->second->late, scratch);
    }
    SampleColumns part;
    SampleColumns scratch;
    for (const auto& chunk : copy.sealed) {
        KW_TRY(chunk->read(part));
        append_part(part, TimeRange{}, out);
    }
    merge_samples(out, copy.rest, scratch);
    return {};
}

Result<void> ShardSnapshot::read(size_t index, SampleColumns& out) const {
    out.clear();
    const Series& from = series[index];
    if (!from.known) return {};
    const Group& group = groups[from.group];
    const auto add_cells = [&](const int64_t* times, const double* column, size_t count) {
        for (size_t r = 0; r < count; ++r) {
            if (is_absent(column[r]) || !group.range.contains(Millis{times[r]})) continue;
            out.timestamps.push_back(times[r]);
            out.values.push_back(column[r]);
        }
    };
    thread_local std::vector<double> decoded;
    size_t offset = 0;
    for (const auto& chunk : group.sealed) {
        const size_t rows = chunk->row_count();
        if (offset + rows > group.sealed_times.size()) return corrupt("sealed rows without times");
        if (chunk->has_samples(from.column)) {
            decoded.resize(rows);
            KW_TRY(chunk->cells(from.column, decoded));
            add_cells(group.sealed_times.data() + offset, decoded.data(), rows);
        }
        offset += rows;
    }
    add_cells(group.open_times.data(), cells.data() + from.cells, group.open_times.size());
    if (from.own == nullptr) return {};
    thread_local SampleColumns part;
    thread_local SampleColumns own;
    thread_local SampleColumns scratch;
    own.clear();
    for (const auto& chunk : from.own->sealed) {
        KW_TRY(chunk->read(part));
        append_part(part, range, own);
    }
    merge_samples(own, from.own->rest, scratch);
    merge_samples(out, own, scratch);
    return {};
}

Result<bool> ShardSnapshot::has_samples(size_t index) const {
    const Series& from = series[index];
    if (!from.known) return false;
    if (from.own != nullptr && from.own->rest.size() != 0) return true;
    const Group& group = groups[from.group];
    const double* const column = cells.data() + from.cells;
    if (!std::all_of(column, column + group.open_times.size(), is_absent)) return true;
    for (const auto& chunk : group.sealed) {
        if (chunk->has_samples(from.column) && chunk->first_time() >= group.range.min.count &&
            chunk->last_time() <= group.range.max.count) {
            return true;
        }
    }
    // What is left are chunks of which only a part counts.
    thread_local SampleColumns samples;
    KW_TRY(read(index, samples));
    return samples.size() != 0;
}

uint64_t ShardSnapshot::samples_estimate(size_t index) const {
    const Series& from = series[index];
    if (!from.known) return 0;
    const Group& group = groups[from.group];
    uint64_t count = group.open_times.size();
    for (const auto& chunk : group.sealed) {
        if (chunk->has_samples(from.column)) count += chunk->row_count();
    }
    if (from.own == nullptr) return count;
    for (const auto& chunk : from.own->sealed) count += chunk->sample_count();
    return count + from.own->rest.size();
}

uint64_t ShardSnapshot::bytes() const {
    uint64_t bytes = cells.size() * sizeof(double) + series.size() * sizeof(Series);
    for (const Group& group : groups) {
        bytes += (group.sealed_times.size() + group.open_times.size()) * sizeof(int64_t);
    }
    return bytes;
}

}  // namespace kw::tsdb
