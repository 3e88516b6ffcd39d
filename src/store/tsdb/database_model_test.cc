// Random histories against the plainest store: scrapes, late and repeated samples, series that come and go, time that
// passes, blocks, merges, deletions, snapshots, restarts. After every step both answer alike.
#include <gtest/gtest.h>

#include <random>

#include "base/clock.h"
#include "base/fs/memory.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/thread_pool.h"
#include "contract/memory_store.h"
#include "model/native_histogram.h"
#include "tsdb/database.h"
#include "tsdb/histogram_column.h"

namespace kw::tsdb {
namespace {

constexpr int64_t kHour = 3'600'000;
const Millis kStart{1'700'000'123'456};

class DatabaseModel : public testing::TestWithParam<uint64_t> {
 protected:
    void SetUp() override {
        options_.background = false;
        options_.late_flush_interval_ms = 0;
        options_.retention_ms = 0;
        open();
    }

    void open() {
        database_.reset();
        refs_.clear();
        database_ = Database::open(env_, options_).value();
    }

    uint64_t chance(uint64_t of) { return random_() % of; }

    LabelSet series(uint64_t target, uint64_t metric) const {
        const std::string name = fmt::format("m{}", metric);
        const std::string instance = fmt::format("i{}", target);
        if (target == 0) return LabelSet{{"__name__", name}, {"path", instance}};  // no job
        return LabelSet{{"__name__", name}, {"instance", instance}, {"job", "j"}};
    }

    // Appends to both; verdicts must agree where the store can see what it has.
    // A row whose metric is_histogram() is one, made of its value, now and then.
    void append(const std::vector<LabelSet>& labels, const std::vector<Millis>& times,
                const std::vector<double>& values) {
        SampleBatch batch;
        std::vector<HistogramPtr> histograms(labels.size());
        bool any = false;
        for (size_t i = 0; i < labels.size(); ++i) {
            if (!is_histogram(labels[i]) || chance(8) == 0) continue;
            histograms[i] = histogram(values[i]);
            any = true;
        }
        if (any) batch.histograms = histograms;
        batch.timestamps = times;
        batch.values = values;
        std::vector<SeriesRef> series;
        for (const LabelSet& one : labels) {
            SeriesRef& ref = refs_[one];
            if (!ref) ref = database_->ref_of(one).value();
            series.push_back(ref);
        }
        batch.series = series;
        AppendResult result = database_->append(batch).value();
        bool forgotten = false;
        for (const auto& [row, verdict] : result.refused) {
            if (verdict != RowVerdict::kUnknownSeries) continue;
            forgotten = true;
            refs_[labels[row]] = series[row] = database_->ref_of(labels[row]).value();
        }
        if (forgotten) {
            batch.series = series;
            result = database_->append(batch).value();
        }
        for (const auto& [row, verdict] : result.refused) EXPECT_EQ(verdict, RowVerdict::kConflict);
        for (size_t i = 0; i < labels.size(); ++i) {
            model_->add(labels[i], times[times.size() == 1 ? 0 : i], values[i], kNoStart,
                        histograms[i]);
        }
    }

    static bool is_histogram(const LabelSet& labels) {
        return labels.metric_name().ends_with("3") || labels.metric_name().ends_with("7");
    }

    static HistogramPtr histogram(double value) {
        Histogram made;
        if (is_stale(value)) {
            made.sum = value;
            return std::make_shared<const Histogram>(made);
        }
        const auto shape = static_cast<int32_t>(value) % 3;  // three layouts
        made.counter_reset_hint =
            shape == 2 ? CounterResetHint::kGauge : CounterResetHint::kUnknown;
        made.zero_threshold = 0.5;
        made.schema = shape;
        made.sum = value;
        made.count = 3 * value;
        made.positive_spans = {{-1, 1}, {2, 1}};
        made.positive_buckets = {value, 2 * value};
        return std::make_shared<const Histogram>(made);
    }

    // Without what the store told from the sample before.
    static HistogramPtr as_written(const HistogramPtr& read) {
        if (read == nullptr || read->counter_reset_hint == CounterResetHint::kGauge) return read;
        Histogram written = *read;
        written.counter_reset_hint = CounterResetHint::kUnknown;
        return std::make_shared<const Histogram>(written);
    }

    void scrape(uint64_t target) {
        std::vector<LabelSet> labels;
        std::vector<double> values;
        const uint64_t count = chance(8) == 0 ? 2 : 5 + chance(30);
        for (uint64_t metric = 0; metric < count; ++metric) {
            labels.push_back(series(target, metric));
            values.push_back(chance(20) == 0 ? kStaleMarker
                                             : static_cast<double>(chance(1000)) / 8);
        }
        append(labels, {clock_.now()}, values);
    }

    void late() {
        std::vector<LabelSet> labels;
        std::vector<Millis> times;
        std::vector<double> values;
        const int64_t back = chance(3) == 0 ? 60 * kHour : 2 * kHour;
        const uint64_t count = 1 + chance(300);
        const uint64_t target = chance(4);
        for (uint64_t i = 0; i < count; ++i) {
            labels.push_back(series(target, chance(10)));
            times.push_back(clock_.now() -
                            static_cast<int64_t>(random_() % static_cast<uint64_t>(back)));
            values.push_back(static_cast<double>(chance(5)));
        }
        append(labels, times, values);
    }

    void delete_some() {
        const Millis now = clock_.now();
        const std::vector<Matcher> choices[] = {
            {Matcher::equal("__name__", fmt::format("m{}", chance(12)))},
            {Matcher::equal("instance", fmt::format("i{}", chance(4)))},
            {Matcher::equal("job", "j"), Matcher::make(MatchOp::kRegex, "__name__", "m1.").value()},
            {Matcher::make(MatchOp::kRegex, "__name__", "m.*").value()},
        };
        std::vector<std::vector<Matcher>> selectors{choices[chance(chance(6) == 0 ? 4 : 3)]};
        if (chance(2) == 0) selectors.push_back(choices[chance(3)]);
        const auto some_hours = [&](uint64_t most) {
            return static_cast<int64_t>(chance(most * static_cast<uint64_t>(kHour)));
        };
        TimeRange range{now - some_hours(20), Millis::max()};
        if (chance(3) != 0) range.max = range.min + some_hours(4);
        if (chance(10) == 0) range.min = Millis::min();
        for (const std::vector<Matcher>& matchers : selectors) {
            const Result<void> done = database_->delete_series(matchers, range);
            ASSERT_TRUE(done.ok()) << done.error().message;
        }

        // The model is built anew without them.
        auto rest = std::make_unique<MemoryStore>();
        const auto all = model_
                             ->select({Matcher::make(MatchOp::kRegex, "__name__", "m.*").value()},
                                      TimeRange{}, {}, cancel_, budget_)
                             .value();
        SampleColumns columns;
        for (size_t i = 0; i < all->size(); ++i) {
            ASSERT_TRUE(all->read(i, columns).ok());
            const LabelSet& labels = all->labels(i);
            bool meant = false;
            for (const auto& matchers : selectors) meant |= matches_all(matchers, labels);
            for (size_t s = 0; s < columns.size(); ++s) {
                const Millis time{columns.timestamps[s]};
                if (meant && range.contains(time)) continue;
                rest->add(labels, time, columns.values[s], kNoStart,
                          columns.histograms.empty() ? nullptr : as_written(columns.histograms[s]));
            }
        }
        model_ = std::move(rest);
    }

    void check_snapshot() {
        Options options = options_;
        options.path = fmt::format("snapshots/{}", snapshots_++);
        ASSERT_TRUE(database_->snapshot(options.path, true).ok());
        const auto copy = Database::open(env_, options).value();
        ASSERT_EQ(dump(*copy, TimeRange{}), dump(*model_, TimeRange{}));
    }

    void usual() {
        switch (chance(12)) {
            case 0: late(); break;
            case 1:
                clock_.advance(static_cast<int64_t>(chance(static_cast<uint64_t>(2 * kHour))));
                break;
            case 2: ASSERT_TRUE(database_->upkeep().ok()); break;
            case 3:
                if (chance(4) == 0) open();
                break;
            default:
                clock_.advance(15'000 + static_cast<int64_t>(chance(3)));
                scrape(chance(4));
                break;
        }
    }

    std::string dump(MetricStore& store, const TimeRange& range) {
        const auto selected =
            store
                .select({Matcher::make(MatchOp::kRegex, "__name__", "m.*").value()}, range, {},
                        cancel_, budget_)
                .value();
        std::string out;
        SampleColumns columns;
        for (size_t i = 0; i < selected->size(); ++i) {
            EXPECT_TRUE(selected->read(i, columns).ok());
            if (columns.size() == 0) continue;
            out += selected->labels(i).to_string();
            // The hint of a histogram behind one of a counter is the same everywhere.
            const Histogram* before = nullptr;
            for (size_t s = 0; s < columns.size(); ++s) {
                const Histogram* const now =
                    columns.histograms.empty() ? nullptr : columns.histograms[s].get();
                if (now == nullptr) {
                    out += fmt::format(" {}={}", columns.timestamps[s], columns.values[s]);
                } else {
                    out += fmt::format(" {}={}", columns.timestamps[s],
                                       histogram_text(from_stored(*now)));
                    if (before != nullptr && before->counter_reset_hint != CounterResetHint::kGauge)
                        out += fmt::format("/{}", static_cast<int>(now->counter_reset_hint));
                }
                before = now;
            }
            out += "\n";
        }
        return out;
    }

    FakeClock clock_{kStart};
    fs::MemoryFileSystem files_;
    Log log_ = Log::silent();
    MetricRegistry metrics_;
    ThreadPool pool_{"test", 1};
    Environment env_{clock_, files_, log_, metrics_, pool_};
    Options options_;
    std::unique_ptr<Database> database_;
    std::unique_ptr<MemoryStore> model_ = std::make_unique<MemoryStore>();
    std::map<LabelSet, SeriesRef> refs_;
    int snapshots_ = 0;
    std::mt19937_64 random_{GetParam()};
    const CancelToken cancel_;
    MemoryBudget budget_{uint64_t{1} << 32};
};

TEST_P(DatabaseModel, AnswersAsThePlainestStore) {
    for (int step = 0; step < 600; ++step) {
        SCOPED_TRACE(fmt::format("seed {}, step {}", GetParam(), step));
        switch (chance(60)) {
            case 58: delete_some(); break;
            case 59: check_snapshot(); break;
            default: usual(); break;
        }
        if (HasFatalFailure()) return;
        if (step % 10 != 0 && step != 599) continue;
        const Millis now = clock_.now();
        TimeRange range{now - static_cast<int64_t>(chance(static_cast<uint64_t>(80 * kHour))), now};
        if (chance(3) == 0)
            range.max = range.min + static_cast<int64_t>(chance(static_cast<uint64_t>(kHour)));
        if (step == 599) range = TimeRange{};
        ASSERT_EQ(dump(*database_, range), dump(*model_, range));
    }
    // Else the history was too tame to show anything.
    for (const char* name :
         {"prometheus_tsdb_head_truncations_total", "prometheus_tsdb_compactions_total",
          "prometheus_tsdb_checkpoint_creations_total",
          "prometheus_tsdb_head_series_removed_total"}) {
        EXPECT_GT(metrics_.counter(name, "").value(), 0u) << name;
    }
}

INSTANTIATE_TEST_SUITE_P(Seeds, DatabaseModel,
                         testing::Range(uint64_t{1},
                                        uint64_t{std::getenv("KW_FULL") != nullptr ? 400u : 5u}));

}  // namespace
}  // namespace kw::tsdb
