#include "tsdb/compactor.h"

#include <algorithm>
#include <numeric>
#include <set>

#include "contract/metric_store.h"
#include "tsdb/block_reader.h"
#include "tsdb/block_writer.h"
#include "tsdb/sample_merge.h"

namespace kw::tsdb {
namespace {

// One merged block's position: the series it stands on.
struct Input {
    std::shared_ptr<const BlockReader> block;
    std::unique_ptr<BlockCursor> cursor;
    uint32_t id = 0;
    LabelSet labels;

    bool at_end() const { return id >= block->series_count(); }
    Result<void> load() {
        if (at_end()) return {};
        KW_TRY_ASSIGN(labels, cursor->labels(id));
        return {};
    }
};

// The union of blocks in label order; `inputs` are ordered by age, the oldest first.
class MergedSeries final : public SeriesSource {
 public:
    explicit MergedSeries(std::vector<Input> inputs) : inputs_(std::move(inputs)) {}

    Result<bool> next(LabelSet& labels, SampleColumns& samples) override {
        if (!started_) {
            for (Input& input : inputs_) KW_TRY(input.load());
            started_ = true;
        }
        const Input* smallest = nullptr;
        for (const Input& input : inputs_) {
            if (!input.at_end() && (smallest == nullptr || input.labels < smallest->labels)) {
                smallest = &input;
            }
        }
        if (smallest == nullptr) return false;
        labels = smallest->labels;
        samples.clear();
        for (Input& input : inputs_) {
            if (input.at_end() || input.labels != labels) continue;
            if (samples.size() == 0) {
                KW_TRY(input.cursor->read(input.id, TimeRange{}, samples));
            } else {
                newer_.clear();
                KW_TRY(input.cursor->read(input.id, TimeRange{}, newer_));
                merge_samples(samples, newer_, scratch_);
            }
            ++input.id;
            KW_TRY(input.load());
        }
        return true;
    }

 private:
    std::vector<Input> inputs_;
    SampleColumns newer_;
    SampleColumns scratch_;
    bool started_ = false;
};

// Which of two blocks counts where both have a sample.
bool is_older(const BlockMeta& lhs, const BlockMeta& rhs) {
    return lhs.generation != rhs.generation ? lhs.generation < rhs.generation : lhs.name < rhs.name;
}

// Groups of two blocks or more that overlap, directly or through others, by time.
std::vector<std::vector<size_t>> overlapping_groups(const std::vector<BlockMeta>& metas,
                                                    const std::vector<size_t>& by_time) {
    std::vector<std::vector<size_t>> groups;
    Millis end = Millis::min();
    for (const size_t index : by_time) {
        const TimeRange& range = metas[index].range;
        if (groups.empty() || range.min > end) groups.emplace_back();
        groups.back().push_back(index);
        end = groups.back().size() == 1 ? range.max : std::max(end, range.max);
    }
    std::erase_if(groups, [](const auto& group) { return group.size() < 2; });
    return groups;
}

}  // namespace

int64_t floor_to(int64_t time, int64_t span) {
    const int64_t remainder = time % span;
    return time - remainder - (remainder < 0 ? span : 0);
}

std::vector<int64_t> compaction_spans_ms(const CompactionOptions& options) {
    int64_t longest = kBlockSpanMsMax;
    if (options.retention_ms > 0) longest = std::min(longest, options.retention_ms / 10);
    std::vector<int64_t> spans{options.span_ms_min};
    while (spans.back() <= longest / 3) spans.push_back(spans.back() * 3);
    return spans;
}

std::vector<size_t> plan_compaction(const std::vector<BlockMeta>& metas,
                                    const CompactionOptions& options) {
    std::vector<size_t> by_time(metas.size());
    std::iota(by_time.begin(), by_time.end(), size_t{0});
    std::sort(by_time.begin(), by_time.end(), [&](size_t lhs, size_t rhs) {
        if (metas[lhs].range.min != metas[rhs].range.min) {
            return metas[lhs].range.min < metas[rhs].range.min;
        }
        return metas[lhs].name < metas[rhs].name;
    });
    const auto in_order_of_age = [&](std::vector<size_t> group) {
        std::sort(group.begin(), group.end(),
                  [&](size_t lhs, size_t rhs) { return is_older(metas[lhs], metas[rhs]); });
        return group;
    };
    for (const auto& group : overlapping_groups(metas, by_time)) return in_order_of_age(group);

    Millis newest = Millis::min();
    for (const BlockMeta& meta : metas) newest = std::max(newest, meta.range.max);
    // The longest span first: what fills one need not be merged into the shorter ones before.
    const std::vector<int64_t> spans = compaction_spans_ms(options);
    for (size_t level = spans.size(); level-- > 1;) {
        const int64_t span = spans[level];
        for (size_t at = 0; at < by_time.size();) {
            const int64_t start = floor_to(metas[by_time[at]].range.min.count, span);
            const int64_t last = start + (span - 1);
            std::vector<size_t> group;
            bool shorter_only = true;
            for (; at < by_time.size() && metas[by_time[at]].range.min.count <= last; ++at) {
                const TimeRange& range = metas[by_time[at]].range;
                shorter_only &= range.max.count <= last && range.max - range.min < span;
                group.push_back(by_time[at]);
            }
            if (group.size() >= 2 && shorter_only && newest.count > last) {
                return in_order_of_age(std::move(group));
            }
        }
    }
    return {};
}

Result<std::optional<BlockMeta>> compact_blocks(
    fs::FileSystem& files, const fs::Path& directory,
    std::vector<std::shared_ptr<const BlockReader>> blocks, const std::string& name,
    const CancelToken& cancel) {
    if (blocks.empty()) return std::optional<BlockMeta>();
    std::sort(blocks.begin(), blocks.end(),
              [](const auto& lhs, const auto& rhs) { return is_older(lhs->meta(), rhs->meta()); });
    BlockWriteOptions options;
    options.name = name;
    options.generation = blocks.front()->meta().generation;
    std::set<std::string> sources;
    std::vector<Input> inputs;
    for (const auto& block : blocks) {
        const BlockMeta& meta = block->meta();
        options.level = std::max(options.level, meta.level + 1);
        options.parents.push_back(meta.name);
        sources.insert(meta.sources.begin(), meta.sources.end());
        inputs.push_back({block, std::make_unique<BlockCursor>(*block), 0, {}});
    }
    options.sources.assign(sources.begin(), sources.end());
    MergedSeries merged(std::move(inputs));
    return write_block(files, directory, merged, options, cancel);
}

std::vector<std::string> superseded_blocks(const std::vector<BlockMeta>& metas) {
    std::set<std::string> parents;
    for (const BlockMeta& meta : metas) parents.insert(meta.parents.begin(), meta.parents.end());
    std::vector<std::string> names;
    for (const BlockMeta& meta : metas) {
        if (parents.contains(meta.name)) names.push_back(meta.name);
    }
    std::sort(names.begin(), names.end());
    return names;
}

std::vector<std::string> expired_blocks(const std::vector<BlockMeta>& metas, Millis now,
                                        int64_t retention_ms, uint64_t bytes_max,
                                        uint64_t other_bytes) {
    std::vector<const BlockMeta*> newest_first;
    for (const BlockMeta& meta : metas) newest_first.push_back(&meta);
    std::sort(newest_first.begin(), newest_first.end(), [](const auto* lhs, const auto* rhs) {
        return lhs->range.max != rhs->range.max ? lhs->range.max > rhs->range.max
                                                : lhs->name > rhs->name;
    });
    std::vector<std::string> names;
    uint64_t bytes = other_bytes;
    bool over = false;
    for (const BlockMeta* meta : newest_first) {
        const bool too_old = retention_ms > 0 && meta->range.max < now - retention_ms;
        if (!too_old) {
            bytes += meta->total_bytes();
            over |= bytes_max > 0 && bytes > bytes_max;
        }
        if (too_old || over) names.push_back(meta->name);
    }
    std::reverse(names.begin(), names.end());  // the oldest first
    return names;
}

}  // namespace kw::tsdb
