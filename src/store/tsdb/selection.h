// What a select() over head and blocks found: series by labels, each with the places that have samples of it.
//
// Places are ordered by age (blocks by generation, the head last), so that where two have a sample at one time the
// older one's counts, as after a compaction.
// Threads: const members from any thread; a block is read through cursors that are handed from one reader to the next,
// since a cursor keeps the page that it has decoded.
#pragma once

#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "base/memory_budget.h"
#include "base/mutex.h"
#include "contract/metric_store.h"
#include "tsdb/block_reader.h"
#include "tsdb/head.h"

namespace kw::tsdb {

// Immutable once published; by generation.
using BlockList = std::vector<std::shared_ptr<const BlockReader>>;

class Selection final : public SelectedSeries {
 public:
    // Of the series that meet `matchers`: those of `head`, and those of `blocks` that have samples near `range`.
    // Errors: kCancelled, kTimeout, kExhausted (more than `series_limit`, when it is not 0; the budget), kCorrupt.
    static Result<std::unique_ptr<Selection>> make(std::unique_ptr<HeadSelection> head,
                                                   const BlockList& blocks,
                                                   const std::vector<Matcher>& matchers,
                                                   const TimeRange& range, uint64_t series_limit,
                                                   const CancelToken& cancel, MemoryBudget& budget);

    size_t size() const override { return series_.size(); }
    const LabelSet& labels(size_t index) const override { return series_[index].labels; }
    Result<void> read(size_t index, SampleColumns& out) const override;
    uint64_t samples_estimate() const override;

 private:
    // Where samples of a series are: in a block, or (block == kHead) in the head.
    struct Part {
        uint32_t block = 0;
        uint32_t id = 0;  // of the series there
    };
    struct Series {
        LabelSet labels;
        uint32_t first_part = 0;
        uint32_t part_count = 0;
    };
    // The cursors over one block that nobody uses at the moment. A thread gets the one back that it used last, which
    // stands on the page that it reads next.
    class Cursors final {
     public:
        explicit Cursors(std::shared_ptr<const BlockReader> block) : block_(std::move(block)) {}
        std::unique_ptr<BlockCursor> take() KW_EXCLUDES(mutex_);
        void give_back(std::unique_ptr<BlockCursor> cursor) KW_EXCLUDES(mutex_);
        const BlockReader& block() const { return *block_; }

     private:
        const std::shared_ptr<const BlockReader> block_;
        Mutex mutex_;
        std::vector<std::pair<std::thread::id, std::unique_ptr<BlockCursor>>> idle_
            KW_GUARDED_BY(mutex_);
    };
    static constexpr uint32_t kHead = UINT32_MAX;

    Selection(std::unique_ptr<HeadSelection> head, const TimeRange& range, MemoryBudget& budget)
        : head_(std::move(head)), range_(range), memory_(budget) {}
    // Appends the samples of `part` to `out`, which is empty.
    Result<void> read_part(const Part& part, SampleColumns& out) const;

    const std::unique_ptr<HeadSelection> head_;
    const TimeRange range_;
    std::vector<std::unique_ptr<Cursors>> blocks_;
    std::vector<Series> series_;
    std::vector<Part> parts_;
    MemoryReservation memory_;
};

}  // namespace kw::tsdb
