// The laws of MetricStore on the embedded engine: fresh, and with its samples moved into blocks all the time.
#include "base/clock.h"
#include "base/fs/memory.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/thread_pool.h"
#include "contract/metric_store_suite.h"
#include "tsdb/database.h"

namespace kw::tsdb {
namespace {

const Millis kNow{1'700'000'000'000};

struct OpenDatabase : OpenStore {
    explicit OpenDatabase(Millis clock_at) : clock(clock_at) {
        Options options;
        options.background = false;
        options.late_flush_interval_ms = 0;
        database = std::move(Database::open(env, options)).value();
    }
    MetricStore& store() override { return *database; }

    FakeClock clock;
    fs::MemoryFileSystem files;
    Log log = Log::silent();
    MetricRegistry metrics;
    ThreadPool pool{"test", 1};
    Environment env{clock, files, log, metrics, pool};
    std::unique_ptr<Database> database;
};

// A day later: everything written is late. Each read is preceded by moving what there is into blocks.
class Moving final : public OpenDatabase, public MetricStore {
 public:
    Moving() : OpenDatabase(kNow + 86'400'000) {}
    MetricStore& store() override { return *this; }

    Result<SeriesRef> ref_of(const LabelSet& labels) override {
        KW_TRY_ASSIGN(const SeriesRef ref, database->ref_of(labels));
        known_.emplace(ref, labels);
        return ref;
    }
    Result<AppendResult> append(const SampleBatch& batch) override {
        KW_TRY_ASSIGN(AppendResult result, database->append(batch));
        const bool forgotten =
            std::any_of(result.refused.begin(), result.refused.end(), [&](const auto& row) {
                return row.second == RowVerdict::kUnknownSeries &&
                       known_.contains(batch.series[row.first]);
            });
        if (!forgotten) return result;
        // As writers do: a series that was idle is asked for again.
        std::vector<SeriesRef> series(batch.series.begin(), batch.series.end());
        for (SeriesRef& ref : series) {
            const auto labels = known_.find(ref);
            if (labels == known_.end()) continue;
            KW_TRY_ASSIGN(ref, database->ref_of(labels->second));
        }
        SampleBatch again = batch;
        again.series = series;
        return database->append(again);
    }
    Result<std::unique_ptr<SelectedSeries>> select(const std::vector<Matcher>& matchers,
                                                   const TimeRange& range, const SelectHints& hints,
                                                   const CancelToken& cancel,
                                                   MemoryBudget& budget) override {
        KW_TRY(database->upkeep());
        return database->select(matchers, range, hints, cancel, budget);
    }
    Result<std::vector<std::string>> label_names(const std::vector<Matcher>& matchers,
                                                 const TimeRange& range, uint64_t limit,
                                                 const CancelToken& cancel) override {
        KW_TRY(database->upkeep());
        return database->label_names(matchers, range, limit, cancel);
    }
    Result<std::vector<std::string>> label_values(std::string_view name,
                                                  const std::vector<Matcher>& matchers,
                                                  const TimeRange& range, uint64_t limit,
                                                  const CancelToken& cancel) override {
        KW_TRY(database->upkeep());
        return database->label_values(name, matchers, range, limit, cancel);
    }
    Result<StoreStats> stats(uint64_t limit) override { return database->stats(limit); }

 private:
    std::map<SeriesRef, LabelSet> known_;
};

INSTANTIATE_TEST_SUITE_P(
    Tsdb, MetricStoreSuite,
    testing::Values(StoreCase{"head", [] { return std::make_unique<OpenDatabase>(kNow); }, kNow},
                    StoreCase{"blocks", [] { return std::make_unique<Moving>(); }, kNow}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace kw::tsdb
