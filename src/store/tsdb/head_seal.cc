// HeadShard: open samples become chunks, and late ones find their place among them.
#include <algorithm>

#include "base/check.h"
#include "tsdb/head_shard.h"
#include "tsdb/sample_merge.h"

namespace kw::tsdb {
namespace {

// Moves samples [0, count) of `from` away.
void erase_front(SampleColumns& from, size_t count) {
    const auto erase = [&](auto& column) {
        if (!column.empty())
            column.erase(column.begin(), column.begin() + static_cast<ptrdiff_t>(count));
    };
    erase(from.timestamps);
    erase(from.values);
    erase(from.starts);
    erase(from.histograms);
    if (std::ranges::all_of(from.histograms, [](const auto& one) { return one == nullptr; })) {
        from.histograms.clear();
    }
}

SampleColumns slice(const SampleColumns& from, size_t begin, size_t end) {
    SampleColumns part;
    const auto copy = [&](const auto& column, auto& into) {
        if (!column.empty()) {
            into.assign(column.begin() + static_cast<ptrdiff_t>(begin),
                        column.begin() + static_cast<ptrdiff_t>(end));
        }
    };
    copy(from.timestamps, part.timestamps);
    copy(from.values, part.values);
    copy(from.starts, part.starts);
    copy(from.histograms, part.histograms);
    return part;
}

size_t first_after(const SampleColumns& samples, int64_t time) {
    return static_cast<size_t>(
        std::upper_bound(samples.timestamps.begin(), samples.timestamps.end(), time) -
        samples.timestamps.begin());
}

}  // namespace

void HeadShard::add_chunk(uint64_t bytes) {
    sealed_bytes_ += bytes;
    ++chunk_count_;
}

void HeadShard::remove_chunk(uint64_t bytes) {
    sealed_bytes_ -= bytes;
    --chunk_count_;
}

void HeadShard::seal_rows(Group& group) {
    const std::span rows = std::span(group.open).first(kSealRows);
    group.sealed.push_back(RowsChunk::seal(rows, group.serials.size()));
    add_chunk(group.sealed.back()->bytes());
    for (const HeadRow& row : rows) open_cells_ -= row.cells.size();
    group.open.erase(group.open.begin(), group.open.begin() + static_cast<ptrdiff_t>(kSealRows));
}

void HeadShard::seal_own(Own& own) {
    const size_t count = seal_size(own.open);
    own.sealed.push_back(SeriesChunk::seal(own.open, 0, count));
    add_chunk(own.sealed.back()->bytes());
    erase_front(own.open, count);
}

void HeadShard::merge_late(Own& own) {
    if (own.late.size() == 0) return;
    std::vector<std::shared_ptr<const SeriesChunk>> merged;
    size_t next = 0;  // of late
    for (auto& chunk : own.sealed) {
        const size_t end = first_after(own.late, chunk->last_time());
        if (end == next) {
            merged.push_back(std::move(chunk));
            continue;
        }
        const Result<void> read = chunk->read(scratch_);
        KW_CHECK_FATAL(read.ok());
        merge_samples(scratch_, slice(own.late, next, end), merge_scratch_);
        next = end;
        remove_chunk(chunk->bytes());
        const size_t most = 2 * seal_size(scratch_);
        const size_t parts = (scratch_.size() + most - 1) / most;
        for (size_t part = 0; part < parts; ++part) {
            merged.push_back(SeriesChunk::seal(scratch_, scratch_.size() * part / parts,
                                               scratch_.size() * (part + 1) / parts));
            add_chunk(merged.back()->bytes());
        }
    }
    own.sealed = std::move(merged);
    if (next < own.late.size()) {
        merge_samples(own.open, slice(own.late, next, own.late.size()), merge_scratch_);
    }
    own.late = SampleColumns();
    while (own.open.size() >= seal_size(own.open) + open_size(own.open)) seal_own(own);
}

void HeadShard::cut_own(Own& own, int64_t until) {
    while (!own.sealed.empty() && own.sealed.front()->first_time() <= until) {
        const auto chunk = own.sealed.front();
        own.sealed.erase(own.sealed.begin());
        remove_chunk(chunk->bytes());
        if (chunk->last_time() <= until) continue;
        const Result<void> read = chunk->read(scratch_);
        KW_CHECK_FATAL(read.ok());
        own.sealed.insert(
            own.sealed.begin(),
            SeriesChunk::seal(scratch_, first_after(scratch_, until), scratch_.size()));
        add_chunk(own.sealed.front()->bytes());
        break;
    }
    if (const size_t count = first_after(own.open, until); count > 0) erase_front(own.open, count);
}

}  // namespace kw::tsdb
