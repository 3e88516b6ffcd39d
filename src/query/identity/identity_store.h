// A store that is read through a table of aliases: {service="model"} finds what calls itself model-service, and
// {status=~"5.."} what has its status in `code`.
//
//   selector ─▶ selectors without aliases, no series in two of them ─▶ store ─▶ one answer, by labels
//
// For a label with aliases the cases are told apart by which of them a series has: status="500" is status="500", or
// status="" and code="500", or both "" and http_response_status_code="500". Series come back with the labels that they
// have. A selector that names no aliased label goes to the store as it is.
// Threads: all members from any thread; a table that is set acts on what is asked afterwards.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "contract/metric_store.h"
#include "identity/aliases.h"

namespace kw::identity {

class IdentityStore final : public MetricStore {
 public:
    // The selectors that one may become: the product of its labels' aliases.
    static constexpr size_t kCasesMax = 64;

    // `store` outlives this.
    explicit IdentityStore(MetricStore& store) : store_(store) {}
    void set(Aliases aliases) KW_EXCLUDES(mutex_);
    // Whether a matcher on `label` may find series that do not have it so.
    bool has_aliases(std::string_view label) const KW_EXCLUDES(mutex_) {
        return aliases()->labels_of(label) != nullptr;
    }

    Result<SeriesRef> ref_of(const LabelSet& labels) override { return store_.ref_of(labels); }
    Result<AppendResult> append(const SampleBatch& batch) override { return store_.append(batch); }
    // Errors: also kExhausted, over kCasesMax.
    Result<std::unique_ptr<SelectedSeries>> select(const std::vector<Matcher>& matchers,
                                                   const TimeRange& range, const SelectHints& hints,
                                                   const CancelToken& cancel,
                                                   MemoryBudget& budget) override;
    // A label is there where one of its aliases is.
    Result<std::vector<std::string>> label_names(const std::vector<Matcher>& matchers,
                                                 const TimeRange& range, uint64_t limit,
                                                 const CancelToken& cancel) override;
    // What the label means on some series.
    Result<std::vector<std::string>> label_values(std::string_view name,
                                                  const std::vector<Matcher>& matchers,
                                                  const TimeRange& range, uint64_t limit,
                                                  const CancelToken& cancel) override;
    Result<StoreStats> stats(uint64_t limit) override { return store_.stats(limit); }

 private:
    std::shared_ptr<const Aliases> aliases() const KW_EXCLUDES(mutex_);

    MetricStore& store_;
    mutable Mutex mutex_;
    std::shared_ptr<const Aliases> aliases_ KW_GUARDED_BY(mutex_) =
        std::make_shared<const Aliases>();
};

}  // namespace kw::identity
