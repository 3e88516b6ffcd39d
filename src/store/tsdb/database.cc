#include "tsdb/database.h"

#include <algorithm>

#include "base/clock.h"
#include "tsdb/head.h"

namespace kw::tsdb {
namespace {

class Selection final : public SelectedSeries {
 public:
    Selection(std::unique_ptr<HeadSelection> head, MemoryBudget& budget)
        : head_(std::move(head)), memory_(budget) {}

    Result<void> reserve() { return memory_.grow(head_->bytes()); }

    size_t size() const override { return head_->size(); }
    const LabelSet& labels(size_t index) const override { return head_->labels(index); }
    Result<void> read(size_t index, SampleColumns& out) const override {
        return head_->read(index, out);
    }
    uint64_t samples_estimate() const override {
        uint64_t sum = 0;
        for (size_t i = 0; i < head_->size(); ++i) sum += head_->samples_estimate(i);
        return sum;
    }

 private:
    const std::unique_ptr<HeadSelection> head_;
    MemoryReservation memory_;
};

void cut_to(std::vector<std::string>& list, uint64_t limit) {
    if (limit != 0 && list.size() > limit) list.resize(limit);
}

}  // namespace

Database::Database(Environment& env, const Options& options)
    : env_(env),
      options_(options),
      head_(std::make_unique<Head>(Head::Options{options.series_max})) {}

Database::~Database() = default;

Result<std::unique_ptr<Database>> Database::open(Environment& env, const Options& options) {
    KW_TRY(env.files.create_directories(options.path));
    return std::unique_ptr<Database>(new Database(env, options));
}

TimeRange Database::accepted_range() const {
    const Millis now = env_.clock.now();
    TimeRange range;
    if (options_.retention_ms != 0) range.min = now - options_.retention_ms;
    range.max = now + options_.ahead_ms_max;
    return range;
}

Result<SeriesRef> Database::ref_of(const LabelSet& labels) { return head_->ref_of(labels); }

Result<AppendResult> Database::append(const SampleBatch& batch) {
    return head_->append(batch, accepted_range());
}

Result<std::unique_ptr<SelectedSeries>> Database::select(const std::vector<Matcher>& matchers,
                                                         const TimeRange& range,
                                                         const SelectHints& hints,
                                                         const CancelToken& cancel,
                                                         MemoryBudget& budget) {
    KW_TRY_ASSIGN(auto head, head_->select(matchers, range, hints.series_limit, cancel));
    auto selection = std::make_unique<Selection>(std::move(head), budget);
    KW_TRY(selection->reserve());
    return std::unique_ptr<SelectedSeries>(std::move(selection));
}

Result<std::vector<std::string>> Database::label_names(const std::vector<Matcher>& matchers,
                                                       const TimeRange& range, uint64_t limit,
                                                       const CancelToken& cancel) {
    if (!head_->range().overlaps(range)) return std::vector<std::string>();
    KW_TRY_ASSIGN(auto names, head_->label_names(matchers, cancel));
    cut_to(names, limit);
    return names;
}

Result<std::vector<std::string>> Database::label_values(std::string_view name,
                                                        const std::vector<Matcher>& matchers,
                                                        const TimeRange& range, uint64_t limit,
                                                        const CancelToken& cancel) {
    if (!head_->range().overlaps(range)) return std::vector<std::string>();
    KW_TRY_ASSIGN(auto values, head_->label_values(name, matchers, cancel));
    cut_to(values, limit);
    return values;
}

Result<StoreStats> Database::stats(uint64_t limit) { return head_->stats(limit); }

}  // namespace kw::tsdb
