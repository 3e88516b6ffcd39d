#include "tsdb/selection.h"

#include <algorithm>
#include <roaring/roaring.hh>

#include "base/cancel.h"
#include "base/interruptible_sort.h"
#include "model/stored_histogram.h"
#include "tsdb/histogram_column.h"
#include "tsdb/postings.h"
#include "tsdb/sample_merge.h"

namespace kw::tsdb {
namespace {

// A series costs up to some microseconds, and the token looks at the clock every 64th time.
constexpr uint64_t kSelectedPerCheck = 32;
// Of a series in the list: its labels have some 200 bytes.
constexpr uint64_t kSeriesBytes = 240;

// Gives each histogram the hint of its place: in which order samples came, and from where, does not show.
void tell_resets(SampleColumns& samples) {
    for (size_t i = 1; i < samples.size(); ++i) {
        const HistogramPtr& before = samples.histograms[i - 1];
        HistogramPtr& now = samples.histograms[i];
        if (now == nullptr || before == nullptr) continue;
        const CounterResetHint hint = hint_behind(*now, before.get());
        if (hint == now->counter_reset_hint) continue;
        auto told = std::make_shared<Histogram>(*now);
        told->counter_reset_hint = hint;
        now = std::move(told);
    }
}

}  // namespace

std::unique_ptr<BlockCursor> Selection::Cursors::take() {
    {
        MutexLock lock(mutex_);
        auto mine = std::find_if(idle_.begin(), idle_.end(), [](const auto& entry) {
            return entry.first == std::this_thread::get_id();
        });
        if (mine == idle_.end() && !idle_.empty()) mine = std::prev(idle_.end());
        if (mine != idle_.end()) {
            std::unique_ptr<BlockCursor> cursor = std::move(mine->second);
            idle_.erase(mine);
            return cursor;
        }
    }
    return std::make_unique<BlockCursor>(*block_);
}

void Selection::Cursors::give_back(std::unique_ptr<BlockCursor> cursor) {
    MutexLock lock(mutex_);
    idle_.emplace_back(std::this_thread::get_id(), std::move(cursor));
}

Result<std::unique_ptr<Selection>> Selection::make(std::unique_ptr<HeadSelection> head,
                                                   const BlockList& blocks,
                                                   const std::vector<Matcher>& matchers,
                                                   const TimeRange& range, uint64_t series_limit,
                                                   const CancelToken& cancel,
                                                   MemoryBudget& budget) {
    std::unique_ptr<Selection> selection(new Selection(std::move(head), range, budget));
    KW_TRY(selection->memory_.grow(selection->head_->bytes()));

    // One entry for each place of each series; sorted by labels they fall into series.
    struct Entry {
        LabelSet labels;
        Part part;
        uint32_t age;
    };
    std::vector<Entry> entries;
    uint32_t age = 0;
    for (const auto& block : blocks) {
        if (!block->meta().range.overlaps(range)) continue;
        KW_TRY_ASSIGN(const Roaring matched, evaluate(*block, matchers, cancel));
        if (series_limit != 0 && matched.cardinality() > series_limit) {
            return exhausted("{} series match, at most {} are allowed", matched.cardinality(),
                             series_limit);
        }
        if (matched.isEmpty()) continue;
        KW_TRY(selection->memory_.grow(matched.cardinality() * kSeriesBytes));
        auto cursors = std::make_unique<Cursors>(block);
        std::unique_ptr<BlockCursor> cursor = cursors->take();
        const bool whole =
            range.min <= block->meta().range.min && block->meta().range.max <= range.max;
        uint64_t looked_at = 0;
        for (const uint32_t id : matched) {
            if (looked_at++ % kSelectedPerCheck == 0) KW_TRY(cancel.check());
            if (!whole) {
                KW_TRY_ASSIGN(const uint64_t count, cursor->sample_count(id, range));
                if (count == 0) continue;
            }
            KW_TRY_ASSIGN(LabelSet labels, cursor->labels(id));
            entries.push_back(
                {std::move(labels), {static_cast<uint32_t>(selection->blocks_.size()), id}, age});
        }
        cursors->give_back(std::move(cursor));
        selection->blocks_.push_back(std::move(cursors));
        ++age;
    }
    for (size_t i = 0; i < selection->head_->size(); ++i) {
        if (i % kSelectedPerCheck == 0) KW_TRY(cancel.check());
        entries.push_back(
            {selection->head_->take_labels(i), {kHead, static_cast<uint32_t>(i)}, age});
    }
    // One place alone is sorted already.
    if (age > 0) {
        KW_TRY(interruptible_sort(entries, cancel, [](const Entry& a, const Entry& b) {
            if (const auto order = a.labels <=> b.labels; order != 0) return order < 0;
            return a.age < b.age;
        }));
    }
    selection->parts_.reserve(entries.size());
    uint64_t merged = 0;
    for (Entry& entry : entries) {
        if (merged++ % kSelectedPerCheck == 0) KW_TRY(cancel.check());
        if (selection->series_.empty() || selection->series_.back().labels != entry.labels) {
            selection->series_.push_back(
                {std::move(entry.labels), static_cast<uint32_t>(selection->parts_.size()), 0});
        }
        ++selection->series_.back().part_count;
        selection->parts_.push_back(entry.part);
    }
    if (series_limit != 0 && selection->series_.size() > series_limit) {
        return exhausted("{} series match, at most {} are allowed", selection->series_.size(),
                         series_limit);
    }
    return selection;
}

Result<void> Selection::read_part(const Part& part, SampleColumns& out) const {
    if (part.block == kHead) return head_->read(part.id, out);
    out.clear();
    Cursors& cursors = *blocks_[part.block];
    std::unique_ptr<BlockCursor> cursor = cursors.take();
    Result<void> done = cursor->read(part.id, range_, out);
    cursors.give_back(std::move(cursor));
    return done;
}

Result<void> Selection::read(size_t index, SampleColumns& out) const {
    const Series& series = series_[index];
    KW_TRY(read_part(parts_[series.first_part], out));
    thread_local SampleColumns newer;
    thread_local SampleColumns scratch;
    for (uint32_t i = 1; i < series.part_count; ++i) {
        KW_TRY(read_part(parts_[series.first_part + i], newer));
        merge_samples(out, newer, scratch);
    }
    if (!out.histograms.empty()) tell_resets(out);
    return {};
}

uint64_t Selection::samples_estimate() const {
    uint64_t sum = 0;
    std::vector<std::unique_ptr<BlockCursor>> cursors(blocks_.size());
    for (size_t i = 0; i < blocks_.size(); ++i) cursors[i] = blocks_[i]->take();
    for (const Part& part : parts_) {
        sum += part.block == kHead ? head_->samples_estimate(part.id)
                                   : cursors[part.block]->sample_count(part.id, range_).value_or(0);
    }
    for (size_t i = 0; i < blocks_.size(); ++i) blocks_[i]->give_back(std::move(cursors[i]));
    return sum;
}

}  // namespace kw::tsdb
