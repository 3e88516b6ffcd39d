// HeadShard: what leaves for a block. freeze() → snapshots → drop(), or thaw() when the block could not be written.
#include <algorithm>

#include "base/check.h"
#include "tsdb/head_shard.h"

namespace kw::tsdb {
namespace {

int64_t window_of(int64_t time, int64_t span_ms) {
    return time / span_ms - (time % span_ms < 0 ? 1 : 0);
}

}  // namespace

void HeadShard::freeze(int64_t until) {
    MutexLock lock(mutex_);
    // What is late until now belongs to what is frozen.
    for (const auto& [serial, own] : own_) merge_late(*own);
    floor_ = std::max(floor_, until);
    frozen_until_ = until;
    frozen_ = true;
}

Result<void> HeadShard::add_windows(int64_t until, int64_t span_ms,
                                    std::set<int64_t>& windows) const {
    MutexLock lock(mutex_);
    const auto add = [&](int64_t time) {
        if (time <= until) windows.insert(window_of(time, span_ms));
    };
    std::vector<int64_t> times;
    for (const Group& group : groups_) {
        for (const auto& chunk : group.sealed) {
            times.clear();
            KW_TRY(chunk->times(times));
            for (const int64_t time : times) {
                if (time > dropped_) add(time);
            }
        }
        for (const HeadRow& row : group.open) add(row.time);
    }
    for (const auto& [serial, own] : own_) {
        for (const auto& chunk : own->sealed) {
            times.clear();
            KW_TRY(chunk->times(times));
            for (const int64_t time : times) add(time);
        }
        for (const int64_t time : own->open.timestamps) add(time);
    }
    return {};
}

void HeadShard::drop(std::vector<uint64_t>& idle) {
    MutexLock lock(mutex_);
    const int64_t until = frozen_until_;
    // Never back: a chunk may hold rows up to an earlier, later time that are gone.
    dropped_ = std::max(dropped_, until);
    range_ = {Millis::max(), Millis::min()};
    for (Group& group : groups_) {
        const auto chunks =
            std::find_if(group.sealed.begin(), group.sealed.end(),
                         [&](const auto& chunk) { return chunk->last_time() > until; });
        for (auto chunk = group.sealed.begin(); chunk != chunks; ++chunk)
            remove_chunk((*chunk)->bytes());
        group.sealed.erase(group.sealed.begin(), chunks);
        const auto rows = std::find_if(group.open.begin(), group.open.end(),
                                       [&](const HeadRow& row) { return row.time > until; });
        for (auto row = group.open.begin(); row != rows; ++row) open_cells_ -= row->cells.size();
        group.open.erase(group.open.begin(), rows);
        if (!group.sealed.empty()) {
            note_time(std::max(group.sealed.front()->first_time(), dropped_ + 1));
            note_time(group.sealed.back()->last_time());
        }
        if (!group.open.empty()) {
            note_time(group.open.front().time);
            note_time(group.open.back().time);
        }
    }
    for (auto at = own_.begin(); at != own_.end();) {
        Own& own = *at->second;
        cut_own(own, until);
        merge_late(own);
        if (own.empty()) {
            places_.find(at->first)->has_own = 0;
            own_.erase(at++);
            continue;
        }
        if (!own.sealed.empty()) {
            note_time(own.sealed.front()->first_time());
            note_time(own.sealed.back()->last_time());
        }
        if (own.open.size() > 0) {
            note_time(own.open.timestamps.front());
            note_time(own.open.timestamps.back());
        }
        ++at;
    }
    frozen_ = false;
    for (const Group& group : groups_) {
        for (uint32_t column = 0; column < group.serials.size(); ++column) {
            const uint64_t serial = group.serials[column];
            if (serial != 0 && !has_samples(group, column) && !places_.find(serial)->has_own) {
                idle.push_back(serial);
            }
        }
    }
}

void HeadShard::thaw() {
    MutexLock lock(mutex_);
    frozen_ = false;
    floor_ = dropped_;  // what was frozen may change again
    for (const auto& [serial, own] : own_) merge_late(*own);
}

bool HeadShard::has_samples(const Group& group, uint32_t column) const {
    // The newest row first: a series that lives is in it.
    for (auto row = group.open.rbegin(); row != group.open.rend(); ++row) {
        if (column < row->cells.size() && !is_absent(row->cells[column])) return true;
    }
    return std::any_of(group.sealed.begin(), group.sealed.end(),
                       [&](const auto& chunk) { return chunk->has_samples(column); });
}

bool HeadShard::remove_if_idle(uint64_t serial) {
    MutexLock lock(mutex_);
    const Place* const place = places_.find(serial);
    KW_CHECK_FATAL(place != nullptr);
    if (place->has_own || has_samples(groups_[place->group], place->column)) return false;
    free_column(place->group, place->column);
    places_.erase(serial);
    return true;
}

void HeadShard::free_column(uint32_t number, uint32_t column) {
    Group& group = groups_[number];
    const auto by_key = group_by_key_.find(group.key);
    group.serials[column] = 0;
    group.free_columns.push_back(column);
    if (group.live() == 0) {
        // Rows that are left hold nothing.
        for (const HeadRow& row : group.open) open_cells_ -= row.cells.size();
        for (const auto& chunk : group.sealed) remove_chunk(chunk->bytes());
        if (by_key != group_by_key_.end() && by_key->second == number) group_by_key_.erase(by_key);
        group = Group();
        free_groups_.push_back(number);
    } else if (by_key == group_by_key_.end() || groups_[by_key->second].live() == kGroupColumns) {
        group_by_key_[group.key] = number;
    }
}

bool HeadShard::copy_group(size_t number, GroupCopy& out) const {
    MutexLock lock(mutex_);
    if (number >= groups_.size()) return false;
    const Group& group = groups_[number];
    out.serials = group.serials;
    out.sealed = group.sealed;
    out.open = group.open;
    out.after = dropped_;
    return true;
}

std::vector<uint64_t> HeadShard::serials_with_own() const {
    MutexLock lock(mutex_);
    std::vector<uint64_t> serials;
    for (const auto& [serial, own] : own_) serials.push_back(serial);
    return serials;
}

TimeRange HeadShard::range() const {
    MutexLock lock(mutex_);
    return range_;
}

uint64_t HeadShard::bytes() const {
    MutexLock lock(mutex_);
    return sealed_bytes_ + open_cells_ * sizeof(double);
}

uint64_t HeadShard::chunk_count() const {
    MutexLock lock(mutex_);
    return chunk_count_ + groups_.size() + own_.size();
}

}  // namespace kw::tsdb
