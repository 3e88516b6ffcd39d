#include "tsdb/block_rewrite.h"

#include <roaring/roaring.hh>

#include "contract/metric_store.h"
#include "tsdb/block_reader.h"
#include "tsdb/block_writer.h"

namespace kw::tsdb {
namespace {

// Keeps the entries of `column` (which may be empty: all absent) that are outside of [first, last).
template <typename T>
void cut(std::vector<T>& column, size_t first, size_t last) {
    if (column.empty()) return;
    column.erase(column.begin() + static_cast<std::ptrdiff_t>(first),
                 column.begin() + static_cast<std::ptrdiff_t>(last));
}

class Remaining final : public SeriesSource {
 public:
    Remaining(const BlockReader& block, const Roaring& series, const TimeRange& range)
        : block_(block), cursor_(block), series_(series), range_(range) {}

    Result<bool> next(LabelSet& labels, SampleColumns& samples) override {
        if (next_ == block_.series_count()) return false;
        const auto id = static_cast<uint32_t>(next_++);
        KW_TRY_ASSIGN(labels, cursor_.labels(id));
        samples.clear();
        KW_TRY(cursor_.read(id, block_.meta().range, samples));
        if (series_.contains(id)) remove(samples);
        return true;
    }

 private:
    void remove(SampleColumns& samples) const {
        const auto& times = samples.timestamps;
        const auto first = static_cast<size_t>(
            std::lower_bound(times.begin(), times.end(), range_.min.count) - times.begin());
        const auto last = static_cast<size_t>(
            std::upper_bound(times.begin(), times.end(), range_.max.count) - times.begin());
        if (first >= last) return;
        cut(samples.values, first, last);
        cut(samples.starts, first, last);
        cut(samples.histograms, first, last);
        cut(samples.timestamps, first, last);
    }

    const BlockReader& block_;
    BlockCursor cursor_;
    const Roaring& series_;
    const TimeRange range_;
    uint64_t next_ = 0;
};

}  // namespace

Result<std::optional<BlockMeta>> rewrite_block(fs::FileSystem& files, const fs::Path& directory,
                                               const BlockReader& block, const std::string& name,
                                               const Roaring& series, const TimeRange& range,
                                               const CancelToken& cancel) {
    BlockWriteOptions options;
    options.name = name;
    options.level = block.meta().level;
    options.generation = block.meta().generation;
    options.sources = block.meta().sources;
    options.parents = {block.meta().name};
    Remaining remaining(block, series, range);
    return write_block(files, directory, remaining, options, cancel);
}

}  // namespace kw::tsdb
