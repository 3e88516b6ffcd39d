// Reads a block: an immutable directory of series and their samples for a time range.
//
// open() maps both files and verifies the index's tables; pages of series and of samples are
// verified when they are read. Ids of series are 0 … series_count-1 in label order, so ascending
// ids of a Roaring are answers in Prometheus' order.
// Threads: BlockReader: const members from any
// thread. BlockCursor: one thread; it keeps the page and the timestamp columns last used, so that
// reading ids in ascending order decodes each page once.
// Source: docs/formats/block.md.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/fs/file_system.h"
#include "base/result.h"
#include "model/sample.h"
#include "tsdb/block_meta.h"
#include "tsdb/postings.h"

namespace kw {
struct SampleColumns;
}

namespace kw::tsdb {

class BlockReader final : public PostingsSource {
 public:
    // Opens the block `directory`/`name`.
    // Errors: kCorrupt (with file and offset), kUnsupported (a newer version), kUnavailable,
    // kNotFound.
    static Result<std::shared_ptr<const BlockReader>> open(fs::FileSystem& files,
                                                           const fs::Path& directory,
                                                           const std::string& name);
    ~BlockReader() override;
    BlockReader(const BlockReader&) = delete;
    BlockReader& operator=(const BlockReader&) = delete;

    const BlockMeta& meta() const { return meta_; }
    uint64_t series_count() const { return meta_.series_count; }

    Result<void> add_all(Roaring& into) const override;
    Result<void> add_pair(std::string_view name, std::string_view value,
                          Roaring& into) const override;
    uint64_t pair_count(std::string_view name, std::string_view value) const override;
    Result<void> visit_values(std::string_view name, std::string_view prefix,
                              const std::function<bool(std::string_view)>& visit) const override;
    Result<void> add_values(std::string_view name, std::string_view prefix,
                            const std::function<Result<bool>(std::string_view)>& accept,
                            Roaring& into) const override;
    // Calls `visit` with each label name, sorted; the view lives as long as the reader.
    void visit_names(const std::function<void(std::string_view)>& visit) const;

    // Reads every page and checks every sum and every series: for tests, imports and `check`.
    Result<void> verify() const;

 private:
    friend class BlockCursor;
    struct Index;
    BlockReader();
    // Adds the series of pair number `pair`. Errors: kCorrupt.
    Result<void> add_postings(size_t pair, Roaring& into) const;

    BlockMeta meta_;
    std::unique_ptr<const Index> index_;
};

class BlockCursor final {
 public:
    // `reader` outlives the cursor.
    explicit BlockCursor(const BlockReader& reader);
    ~BlockCursor();
    BlockCursor(const BlockCursor&) = delete;
    BlockCursor& operator=(const BlockCursor&) = delete;

    // The label set of series `id`, id < series_count().
    // Errors: kCorrupt (with file and offset).
    Result<LabelSet> labels(uint32_t id);
    // The time range of the series' samples, without decoding them.
    Result<TimeRange> range(uint32_t id);
    // The slots in `range` of the timestamps that series `id` shares with others: as many samples at the most, fewer
    // where it missed some. No sample is decoded.
    Result<uint64_t> sample_count(uint32_t id, const TimeRange& range);
    // Appends to `out` the samples of series `id` in `range`, ascending.
    // Errors: kCorrupt (with file and offset); `out` then holds a prefix.
    Result<void> read(uint32_t id, const TimeRange& range, SampleColumns& out);

 private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace kw::tsdb
