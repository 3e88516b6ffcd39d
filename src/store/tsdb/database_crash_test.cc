// The whole engine on a disk that fails at every single operation: samples are pushed and scraped, leave for blocks,
// blocks are merged, the log is cut, series are deleted, snapshots are made. Whatever happens, afterwards
//   - every acknowledged sample is there, and every acknowledged exemplar of the newest,
//   - after a crash of the process (the kindest disk) so is every sample and exemplar that a query had returned,
//   - nothing is there that was never sent, and nothing whose deletion was acknowledged,
//   - a snapshot that was acknowledged is whole,
//   - the store opens and takes samples.
// KW_FULL=1 goes through every operation and many more disks.
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <set>

#include "base/clock.h"
#include "base/fs/failing.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/thread_pool.h"
#include "tsdb/database.h"
#include "tsdb/exemplar_buffer.h"
#include "tsdb/histogram_column.h"

namespace kw::tsdb {
namespace {

constexpr int64_t kHour = 3'600'000;
const Millis kStart{1'700'000'000'000};

bool is_full() { return std::getenv("KW_FULL") != nullptr; }
// Every operation in the full suite; otherwise every third, each kind of fault beginning at another.
uint64_t stride() { return is_full() ? 1 : 3; }

uint64_t first_of(fs::Fault::Kind kind) { return 1 + static_cast<uint64_t>(kind) % stride(); }

using Sample = std::pair<LabelSet, int64_t>;
using Samples = std::map<Sample, double>;
// Exemplars are known by their values, which ascend as they are sent.
using Exemplars = std::set<double>;

// Fewer than are sent, so that some are pushed out.
constexpr uint64_t kExemplarsMax = 12;

// What had been said when a snapshot was acknowledged.
struct SnapshotTold {
    Samples sent;
    Samples acknowledged;
    std::set<Sample> deleted;
};

// What the run was told.
struct Told {
    Samples sent;
    Samples acknowledged;
    Samples returned;  // by queries
    // What somebody wanted to delete, and what was said to be deleted.
    std::set<Sample> doubtful;
    std::set<Sample> deleted;
    std::map<std::string, SnapshotTold> snapshots;  // acknowledged, by name
    int snapshots_tried = 0;

    Exemplars exemplars_sent;
    Exemplars exemplars_appended;  // no error was said
    Exemplars exemplars_acknowledged;
    Exemplars exemplars_returned;  // by queries
};

// A histogram that is known by its sum.
HistogramPtr histogram_of(double sum) {
    Histogram made;
    made.count = 4;
    made.sum = sum;
    made.positive_spans = {{0, 2}};
    made.positive_buckets = {1, 3};
    return std::make_shared<const Histogram>(made);
}

// A store over `files`, with all it needs.
class Store {
 public:
    Store(fs::FileSystem& files, Millis now, const fs::Path& path = Options().path)
        : clock_(now), env_{clock_, files, log_, metrics_, pool_} {
        Options options;
        options.path = path;
        options.background = false;
        options.late_flush_interval_ms = 0;
        options.retention_ms = 0;
        options.wal_segment_bytes_max = 2000;
        options.exemplars_max = kExemplarsMax;
        Result<std::unique_ptr<Database>> opened = Database::open(env_, options);
        if (opened.ok())
            database_ = std::move(opened).value();
        else
            error_ = opened.error().message;
    }

    bool is_open() const { return database_ != nullptr; }
    const std::string& error() const { return error_; }
    FakeClock& clock() { return clock_; }
    Database& database() { return *database_; }

    // Appends one value for each of `count` series of target `target`.
    void append(uint64_t target, uint64_t count, Millis time, double value, Durability durability,
                Told& told) {
        std::vector<SeriesRef> series;
        std::vector<LabelSet> labels;
        for (uint64_t i = 0; i < count; ++i) {
            labels.push_back(LabelSet{{"__name__", fmt::format("m{}", i)},
                                      {"instance", fmt::format("t{}", target)},
                                      {"job", "j"}});
            // By labels each time: a series may have been forgotten.
            const Result<SeriesRef> ref = database_->ref_of(labels.back());
            if (!ref.ok()) return;
            series.push_back(*ref);
        }
        const std::vector<double> values(count, value);
        std::vector<HistogramPtr> histograms(count);
        if (count > 2) histograms[2] = histogram_of(value);
        for (const LabelSet& one : labels) told.sent[{one, time.count}] = value;
        const Result<AppendResult> result =
            database_->append({series, std::span(&time, 1), values, {}, durability, histograms});
        if (!result.ok() || durability != Durability::kAcked) return;
        EXPECT_TRUE(result->refused.empty());
        told.exemplars_acknowledged = told.exemplars_appended;
        for (const LabelSet& one : labels) told.acknowledged[{one, time.count}] = value;
    }

    // Sends exemplar `value`, of target 0. With kSoon, append() of samples acknowledges it.
    void append_exemplar(double value, Durability durability, Told& told) {
        const LabelSet series{{"__name__", value < 40 ? "m0" : "m1"}, {"job", "j"}};
        const Exemplar exemplar{{{"trace_id", std::to_string(value)}}, value, clock_.now(), true};
        told.exemplars_sent.insert(value);
        const Result<ExemplarCounts> counts =
            database_->exemplars().append({{series, {exemplar}}}, durability);
        if (!counts.ok()) return;
        EXPECT_EQ((*counts)[ExemplarVerdict::kStored], 1u);
        told.exemplars_appended.insert(value);
        if (durability == Durability::kAcked) told.exemplars_acknowledged = told.exemplars_appended;
    }

    Exemplars read_exemplars() const {
        Exemplars found;
        for (const ExemplarSeries& series : database_->exemplars().select({{}}, {})) {
            for (const Exemplar& one : series.exemplars) found.insert(one.value);
        }
        return found;
    }

    void delete_series(const Matcher& matcher, const TimeRange& range, fs::FailingFileSystem& files,
                       Told& told) {
        std::set<Sample> meant;
        for (const auto& [sample, value] : told.sent) {
            if (range.contains(Millis{sample.second}) &&
                matcher.matches(sample.first.get(matcher.name())))
                meant.insert(sample);
        }
        EXPECT_FALSE(meant.empty());
        for (const Sample& sample : meant) {
            told.acknowledged.erase(sample);
            told.returned.erase(sample);
        }
        told.doubtful.insert(meant.begin(), meant.end());
        if (database_->delete_series({matcher}, range).ok() && !files.crashed())
            told.deleted.insert(meant.begin(), meant.end());
    }

    // Sends samples again that were deleted, with another value. What perhaps still stands would win.
    void send_again(uint64_t target, Millis time, double value, Told& told) {
        const Sample sample{
            LabelSet{{"__name__", "m0"}, {"instance", fmt::format("t{}", target)}, {"job", "j"}},
            time.count};
        if (!told.deleted.contains(sample)) return;
        told.deleted.erase(sample);
        told.doubtful.erase(sample);
        append(target, 1, time, value, Durability::kAcked, told);
    }

    void snapshot(bool with_head, fs::FailingFileSystem& files, Told& told) {
        const std::string name = std::to_string(told.snapshots_tried++);
        const fs::Path path = fs::join("snapshots", name);
        if (!database_->snapshot(path, with_head).ok()) return;
        // Names are the caller's to make durable.
        if (!files.sync_directory("snapshots").ok() || !files.sync_directory(".").ok()) return;
        if (files.crashed()) return;
        SnapshotTold& then = told.snapshots[name];
        then.sent = told.sent;
        then.deleted = told.deleted;
        if (with_head) then.acknowledged = told.acknowledged;
    }

    Result<Samples> read() {
        const CancelToken cancel;
        MemoryBudget budget(uint64_t{1} << 30);
        KW_TRY_ASSIGN(const auto selected, database_->select({Matcher::equal("job", "j")},
                                                             TimeRange{}, {}, cancel, budget));
        Samples samples;
        SampleColumns columns;
        for (size_t i = 0; i < selected->size(); ++i) {
            KW_TRY(selected->read(i, columns));
            for (size_t s = 0; s < columns.size(); ++s) {
                const bool is_float = columns.histograms.empty() || !columns.histograms[s];
                samples[{selected->labels(i), columns.timestamps[s]}] =
                    is_float ? columns.values[s] : columns.histograms[s]->sum;
            }
        }
        return samples;
    }

 private:
    FakeClock clock_;
    Log log_ = Log::silent();
    MetricRegistry metrics_;
    ThreadPool pool_{"test", 1};
    Environment env_;
    std::string error_;
    std::unique_ptr<Database> database_;
};

void expect_without(const Samples& found, const std::set<Sample>& deleted) {
    for (const Sample& sample : deleted) {
        ASSERT_FALSE(found.contains(sample))
            << "a deleted sample is there: " << sample.first.to_string() << " at " << sample.second;
    }
}

// What people ask for now and then.
void change(int step, Store& store, fs::FailingFileSystem& files, Told& told) {
    const Millis now = store.clock().now();
    switch (step) {
        case 5:  // of the head alone
            store.delete_series(Matcher::equal("__name__", "m1"), {now - kHour, now}, files, told);
            break;
        case 8: store.snapshot(true, files, told); break;
        case 13:  // of blocks and head, in the middle of what is stored
            store.delete_series(Matcher::equal("instance", "t0"), {kStart + kHour, now - kHour},
                                files, told);
            store.send_again(0, kStart + 2 * kHour, 1000, told);
            break;
        case 15: store.snapshot(false, files, told); break;
        case 19:  // all of a series
            store.delete_series(Matcher::equal("__name__", "m3"), TimeRange{}, files, told);
            break;
        case 22:
            store.delete_series(Matcher::equal("instance", "t1"), {kStart, now - 3 * kHour}, files,
                                told);
            store.send_again(1, kStart + kHour, 1001, told);
            break;
        case 24: store.snapshot(true, files, told); break;
        default: break;
    }
}

// Nine hours in steps of twenty minutes; errors are passed over, as a server does. Returns the time at the end.
Millis run(fs::FailingFileSystem& files, Told& told) {
    Store store(files, kStart);
    if (!store.is_open()) return kStart;
    for (int step = 0; step < 27; ++step) {
        const Millis now = store.clock().now();
        const auto value = static_cast<double>(step);
        store.append_exemplar(2 * value, Durability::kSoon, told);
        store.append(0, 5, now, value, Durability::kAcked, told);
        if (step % 5 == 4) store.append_exemplar(2 * value + 1, Durability::kAcked, told);
        store.append(1, 4, now, value, Durability::kSoon, told);
        if (step % 6 == 5) store.append(2, 1, now - 4 * kHour, value, Durability::kAcked, told);
        if (step % 4 == 0) {
            const Exemplars exemplars = store.read_exemplars();
            if (!files.crashed()) told.exemplars_returned = exemplars;
            const Result<Samples> read = store.read();
            if (read.ok() && !files.crashed()) {  // the dead answer nobody
                expect_without(*read, told.deleted);
                told.returned = *read;
                for (const Sample& sample : told.doubtful) told.returned.erase(sample);
            }
        }
        change(step, store, files, told);
        if (step % 3 == 2) (void)store.database().upkeep().ok();
        store.clock().advance(kHour / 3);
    }
    return store.clock().now();
}

void expect_part(const Samples& part, const Samples& whole, const char* what) {
    for (const auto& [sample, value] : part) {
        const auto found = whole.find(sample);
        ASSERT_TRUE(found != whole.end())
            << what << " sample is missing: " << sample.first.to_string() << " at "
            << sample.second;
        ASSERT_EQ(found->second, value) << what << " " << sample.first.to_string();
    }
}

// Of `part` those that no newer ones may have pushed out.
void expect_newest(const Exemplars& part, const Exemplars& found, const Exemplars& sent,
                   const char* what) {
    for (const double value : part) {
        const auto newer = std::distance(sent.upper_bound(value), sent.end());
        if (static_cast<uint64_t>(newer) >= kExemplarsMax) continue;
        ASSERT_TRUE(found.contains(value)) << what << " exemplar is missing: " << value;
    }
}

void expect_exemplars(const Exemplars& found, const Told& told, bool process_crash) {
    expect_newest(told.exemplars_acknowledged, found, told.exemplars_sent, "an acknowledged");
    if (process_crash)
        expect_newest(told.exemplars_returned, found, told.exemplars_sent, "a returned");
    for (const double value : found)
        ASSERT_TRUE(told.exemplars_sent.contains(value)) << "a never sent exemplar " << value;
    ASSERT_LE(found.size(), kExemplarsMax);
}

void expect_snapshots(fs::FileSystem& files, Millis now, const Told& told) {
    for (const auto& [name, then] : told.snapshots) {
        SCOPED_TRACE("snapshot " + name);
        Store copy(files, now, fs::join("snapshots", name));
        ASSERT_TRUE(copy.is_open()) << copy.error();
        const Result<Samples> found = copy.read();
        ASSERT_TRUE(found.ok()) << found.error().message;
        expect_part(*found, then.sent, "a never sent");
        expect_part(then.acknowledged, *found, "an acknowledged");
        expect_without(*found, then.deleted);
    }
}

void expect_sound(fs::FileSystem& files, Millis now, const Told& told, bool process_crash) {
    Store store(files, now);
    ASSERT_TRUE(store.is_open()) << store.error();
    const Result<Samples> found = store.read();
    ASSERT_TRUE(found.ok()) << found.error().message;
    expect_part(told.acknowledged, *found, "an acknowledged");
    if (process_crash) expect_part(told.returned, *found, "a returned");
    expect_part(*found, told.sent, "a never sent");
    expect_without(*found, told.deleted);
    expect_exemplars(store.read_exemplars(), told, process_crash);
    expect_snapshots(files, now, told);
    Told more;
    store.append(7, 1, now, 1, Durability::kAcked, more);
    EXPECT_EQ(more.acknowledged.size(), 1u);
    store.append_exemplar(1000, Durability::kAcked, more);
    EXPECT_EQ(more.exemplars_acknowledged.size(), 1u);
    const Result<void> kept = store.database().upkeep();
    EXPECT_TRUE(kept.ok()) << kept.error().message;
    const Result<Samples> again = store.read();
    ASSERT_TRUE(again.ok()) << again.error().message;
    expect_part(told.acknowledged, *again, "after upkeep an acknowledged");
    Told both = told;
    both.exemplars_sent.insert(1000);
    both.exemplars_acknowledged.insert(1000);
    expect_exemplars(store.read_exemplars(), both, process_crash);
    expect_without(*again, told.deleted);
}

uint64_t operations() {
    fs::FailingFileSystem files;
    Told told;
    run(files, told);
    EXPECT_GT(told.acknowledged.size(), 80u);
    EXPECT_GT(told.returned.size(), 80u);
    EXPECT_GT(told.exemplars_acknowledged.size(), 2 * kExemplarsMax);
    EXPECT_EQ(told.exemplars_returned.size(), kExemplarsMax);
    EXPECT_GT(told.deleted.size(), 40u);
    EXPECT_EQ(told.snapshots.size(), 3u);
    return files.operation_count();
}

TEST(DatabaseCrash, ACrashAtAnyOperationLosesNothingPromised) {
    const uint64_t count = operations();
    ASSERT_GT(count, 150u);
    const uint64_t seeds = is_full() ? 40 : 3;
    for (const fs::Fault::Kind kind : {fs::Fault::kCrash, fs::Fault::kTear}) {
        for (uint64_t operation = first_of(kind); operation <= count; operation += stride()) {
            fs::FailingFileSystem files;
            files.inject({kind, operation});
            Told told;
            const Millis now = run(files, told);
            for (uint64_t seed = 0; seed < seeds; ++seed) {
                SCOPED_TRACE(fmt::format("fault {} at operation {} of {}, seed {}",
                                         static_cast<int>(kind), operation, count, seed));
                expect_sound(*files.after_crash(seed), now, told, seed == 1);
                if (testing::Test::HasFailure()) return;
            }
        }
    }
}

TEST(DatabaseCrash, ErrorsAtAnyOperationLoseNothingPromised) {
    const uint64_t count = operations();
    const uint64_t seeds = is_full() ? 10 : 1;
    const std::vector<uint64_t> lengths =
        is_full() ? std::vector<uint64_t>{1, 2, 5, 40, 1000} : std::vector<uint64_t>{1, 40};
    for (const fs::Fault::Kind kind :
         {fs::Fault::kError, fs::Fault::kNoSpace, fs::Fault::kShortWrite}) {
        for (const uint64_t length : lengths) {
            for (uint64_t operation = first_of(kind); operation <= count; operation += stride()) {
                fs::FailingFileSystem files;
                files.inject({kind, operation, length});
                Told told;
                const Millis now = run(files, told);
                files.inject({});
                for (uint64_t seed = 0; seed < seeds; ++seed) {
                    SCOPED_TRACE(fmt::format("fault {} at operation {} of {} for {}, seed {}",
                                             static_cast<int>(kind), operation, count, length,
                                             seed));
                    expect_sound(*files.after_crash(seed), now, told, false);
                    if (testing::Test::HasFailure()) return;
                }
            }
        }
    }
}

}  // namespace
}  // namespace kw::tsdb
