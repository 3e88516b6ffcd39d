#include "tsdb/database.h"

#include <atomic>
#include <thread>

#include "base/fs/failing.h"
#include "tsdb/database_fixture.h"
#include "tsdb/exemplar_buffer.h"

namespace kw::tsdb {
namespace {

TEST_F(DatabaseTest, ReadsWhatWasWritten) {
    open();
    const SeriesRef a = ref({{"__name__", "up"}, {"job", "j"}, {"instance", "a"}});
    const SeriesRef b = ref({{"__name__", "up"}, {"job", "j"}, {"instance", "b"}});
    EXPECT_EQ(append({a, b}, {1000}, {1, 0}).stored, 2u);
    EXPECT_EQ(append({b, a}, {3000, 2000}, {5, 6}).stored, 2u);
    const std::vector<Matcher> up = {Matcher::equal("__name__", "up")};
    EXPECT_EQ(dump(up),
              "up{instance=\"a\", job=\"j\"}: 1000=1 2000=6\n"
              "up{instance=\"b\", job=\"j\"}: 1000=0 3000=5\n");
    EXPECT_EQ(dump(up, {Millis{2000}, Millis{2500}}), "up{instance=\"a\", job=\"j\"}: 2000=6\n");
    EXPECT_EQ(ref({{"__name__", "up"}, {"job", "j"}, {"instance", "a"}}), a);
}

TEST_F(DatabaseTest, FirstValueOfATimeWins) {
    open();
    const SeriesRef a = ref({{"__name__", "up"}});
    append({a}, {1000}, {1});
    const AppendResult again = append({a, a, {12345}}, {1000}, {1, 2, 3});
    EXPECT_EQ(again.stored, 0u);
    EXPECT_EQ(again.same_again, 1u);
    ASSERT_EQ(again.refused.size(), 2u);
    EXPECT_EQ(again.refused[0], std::pair(1u, RowVerdict::kConflict));
    EXPECT_EQ(again.refused[1], std::pair(2u, RowVerdict::kUnknownSeries));
    EXPECT_EQ(dump({Matcher::equal("__name__", "up")}), "up: 1000=1\n");
}

TEST_F(DatabaseTest, RefusesTimesOutsideOfItsWindow) {
    options_.retention_ms = 60'000;
    open();
    const SeriesRef a = ref({{"__name__", "up"}});
    const AppendResult result = append({a, a, a}, {939'999, 940'000, 4'600'001}, {1, 2, 3});
    EXPECT_EQ(result.stored, 1u);
    ASSERT_EQ(result.refused.size(), 2u);
    EXPECT_EQ(result.refused[0], std::pair(0u, RowVerdict::kTooOld));
    EXPECT_EQ(result.refused[1], std::pair(2u, RowVerdict::kTooFarAhead));
}

TEST_F(DatabaseTest, ReadsAgainAfterAReopen) {
    open();
    const LabelSet a{{"__name__", "a"}, {"job", "j"}, {"instance", "i"}};
    const LabelSet b{{"__name__", "b"}};
    append({ref(a), ref(b)}, {1000}, {1, 0.1});
    append({ref(a), ref(b)}, {3000, 2000}, {kStaleMarker, -5});
    const std::vector<Matcher> any = {Matcher::make(MatchOp::kRegex, "__name__", ".+").value()};
    const std::string before = dump(any);
    EXPECT_EQ(before, "a{instance=\"i\", job=\"j\"}: 1000=1 3000=nan\nb: 1000=0.1 2000=-5\n");
    for (int i = 0; i < 3; ++i) {
        open();
        EXPECT_EQ(dump(any), before);
    }
    append({ref(a)}, {4000}, {7});
    open();
    EXPECT_EQ(dump({Matcher::equal("__name__", "a")}),
              "a{instance=\"i\", job=\"j\"}: 1000=1 3000=nan 4000=7\n");
    EXPECT_FALSE(Database::open(env_, options_).ok());  // the lock
}

TEST_F(DatabaseTest, SamplesMoveIntoBlocksAndTheLogIsCut) {
    clock_.set(Millis{kHour * 10});
    open();
    const LabelSet labels{{"__name__", "a"}, {"job", "j"}, {"instance", "i"}};
    for (int64_t t = kHour * 10; t < kHour * 17; t += 60'000) {
        clock_.set(Millis{t});
        append({ref(labels)}, {t}, {static_cast<double>(t)});
    }
    const std::vector<Matcher> a = {Matcher::equal("__name__", "a")};
    const std::string before = dump(a);
    ASSERT_TRUE(database_->upkeep().ok());
    EXPECT_EQ(dump(a), before);
    // 10 to 12, 12 to 14 and 14 to 16 h; what came after 16:00 stays in the head.
    EXPECT_EQ(database_->blocks()->size(), 3u);
    EXPECT_EQ(database_->stats(1)->head_range.min, Millis{kHour * 16});
    // The segments before the checkpoint are gone.
    EXPECT_EQ(files_.list("data/metrics/wal").value().size(), 2u);
    open();
    EXPECT_EQ(dump(a), before);
    EXPECT_EQ(database_->stats(1)->head_range.min, Millis{kHour * 16});
    EXPECT_EQ(database_->label_names({}, TimeRange{Millis{0}, Millis{kHour * 11}}, 0, CancelToken())
                  .value(),
              (std::vector<std::string>{"__name__", "instance", "job"}));
    EXPECT_EQ(
        database_
            ->label_values("job", a, TimeRange{Millis{0}, Millis{kHour * 11}}, 0, CancelToken())
            .value(),
        std::vector<std::string>{"j"});
}

TEST_F(DatabaseTest, KeepsWhatRetentionAllows) {
    options_.retention_ms = kHour * 24;
    clock_.set(Millis{kHour * 100});
    open();
    const LabelSet labels{{"__name__", "a"}, {"job", "j"}, {"instance", "i"}};
    const std::vector<Matcher> a = {Matcher::equal("__name__", "a")};
    for (int64_t hour = 100; hour < 140; ++hour) {
        clock_.set(Millis{kHour * hour});
        append({ref(labels)}, {kHour * hour}, {1});
        ASSERT_TRUE(database_->upkeep().ok());
    }
    const int64_t oldest = database_->blocks()->front()->meta().range.min.count;
    // At most one block that reaches over the limit: they are 2 h long, a tenth of the retention being 2.4 h.
    EXPECT_GE(oldest, kHour * (139 - 24 - 2));
    EXPECT_LE(oldest, kHour * (139 - 24));

    options_.retention_bytes = 1;
    open();
    ASSERT_TRUE(database_->upkeep().ok());
    EXPECT_TRUE(database_->blocks()->empty());
    EXPECT_NE(dump(a), "");  // the head stays
}

TEST_F(DatabaseTest, SeriesWithoutSamplesAreForgottenAndComeAgain) {
    clock_.set(Millis{kHour * 10});
    open();
    const LabelSet labels{{"__name__", "a"}, {"job", "j"}, {"instance", "i"}};
    const SeriesRef first = ref(labels);
    append({first}, {kHour * 10}, {1});
    clock_.set(Millis{kHour * 15});
    ASSERT_TRUE(database_->upkeep().ok());
    EXPECT_EQ(database_->stats(1)->series_count, 0u);
    const AppendResult refused = append({first}, {kHour * 15}, {2});
    ASSERT_EQ(refused.refused.size(), 1u);
    EXPECT_EQ(refused.refused[0].second, RowVerdict::kUnknownSeries);
    EXPECT_EQ(append({ref(labels)}, {kHour * 15}, {2}).stored, 1u);
    EXPECT_EQ(dump({Matcher::equal("__name__", "a")}),
              fmt::format("a{{instance=\"i\", job=\"j\"}}: {}=1 {}=2\n", kHour * 10, kHour * 15));
}

TEST_F(DatabaseTest, ReadsAndWritesGoOnWhileSamplesMove) {
    clock_.set(Millis{kHour * 1000});
    options_.late_flush_interval_ms = 0;
    open();
    constexpr int64_t kScrapes = 400;
    std::vector<LabelSet> labels;
    for (int i = 0; i < 20; ++i) {
        labels.push_back(
            {{"__name__", "a"}, {"i", std::to_string(i)}, {"job", "j"}, {"instance", "i"}});
    }
    std::atomic<int64_t> written = -1;
    std::jthread writer([&] {
        for (int64_t scrape = 0; scrape < kScrapes; ++scrape) {
            std::vector<SeriesRef> refs;
            for (const LabelSet& one : labels) refs.push_back(ref(one));
            const Millis time{kHour * 900 + scrape * 60'000};  // all of it is due for blocks
            const std::vector<double> values(labels.size(), static_cast<double>(scrape));
            AppendResult result =
                database_->append({refs, {&time, 1}, values, {}, Durability::kSoon}).value();
            while (!result.refused.empty()) {  // forgotten between ref_of() and append()
                for (size_t i = 0; i < refs.size(); ++i) refs[i] = ref(labels[i]);
                result =
                    database_->append({refs, {&time, 1}, values, {}, Durability::kSoon}).value();
            }
            written = scrape;
        }
    });
    std::jthread mover([&] {
        while (written < kScrapes - 1) EXPECT_TRUE(database_->upkeep().ok());
    });
    MemoryBudget budget(uint64_t{1} << 30);
    while (true) {
        const int64_t least = written;
        const auto selected =
            database_
                ->select({Matcher::equal("__name__", "a")}, TimeRange{}, {}, CancelToken(), budget)
                .value();
        SampleColumns columns;
        for (size_t i = 0; i < selected->size(); ++i) {
            ASSERT_TRUE(selected->read(i, columns).ok());
            ASSERT_GE(static_cast<int64_t>(columns.size()), least + 1);
            for (size_t s = 0; s < columns.size(); ++s)
                ASSERT_EQ(columns.values[s], static_cast<double>(s));
        }
        if (least == kScrapes - 1) break;
    }
}

// "a: 1@10 2@20;…", the exemplars of all series.
std::string exemplars_of(const Database& database) {
    std::string out;
    for (const ExemplarSeries& series : database.exemplars().select({{}}, {})) {
        out += std::string(series.labels.metric_name()) + ":";
        for (const Exemplar& one : series.exemplars)
            out += fmt::format(" {}@{}", one.value, one.timestamp.count);
        out += ";";
    }
    return out;
}

void append_exemplar(Database& database, std::string_view name, int64_t time) {
    ASSERT_TRUE(database.exemplars()
                    .append({{LabelSet{{"__name__", name}},
                              {{{{"trace_id", "t"}}, static_cast<double>(time), {time}, true}}}},
                            Durability::kAcked)
                    .ok());
}

TEST_F(DatabaseTest, ExemplarsAreThereAfterAReopenAndInACheckpoint) {
    options_.exemplars_max = 3;
    open();
    for (int64_t time = 1; time <= 4; ++time)
        append_exemplar(*database_, time == 3 ? "b" : "a", time);
    EXPECT_EQ(exemplars_of(*database_), "a: 2@2 4@4;b: 3@3;");
    open();
    EXPECT_EQ(exemplars_of(*database_), "a: 2@2 4@4;b: 3@3;");
    append_exemplar(*database_, "b", 5);
    EXPECT_EQ(exemplars_of(*database_), "a: 4@4;b: 3@3 5@5;");
    // A checkpoint: the log before it goes.
    append({ref({{"__name__", "up"}})}, {clock_.now().count}, {1});
    clock_.advance(3 * kHour);
    ASSERT_TRUE(database_->upkeep().ok());
    ASSERT_EQ(metrics_.counter("prometheus_tsdb_checkpoint_creations_total", "").value(), 1u);
    append_exemplar(*database_, "c", 6);
    const std::string want = "a: 4@4;b: 5@5;c: 6@6;";
    EXPECT_EQ(exemplars_of(*database_), want);
    open();
    EXPECT_EQ(exemplars_of(*database_), want);
    // Another bound at a start: the newest.
    options_.exemplars_max = 1;
    open();
    EXPECT_EQ(exemplars_of(*database_), "c: 6@6;");
    options_.exemplars_max = 0;
    open();
    EXPECT_EQ(exemplars_of(*database_), "");
}

TEST_F(DatabaseTest, ManyExemplarsInTheLogMakeACheckpointWithoutSamples) {
    options_.exemplar_log_bytes_max = 1000;
    options_.exemplars_max = 5;
    open();
    const Counter& checkpoints = metrics_.counter("prometheus_tsdb_checkpoint_creations_total", "");
    ASSERT_TRUE(database_->upkeep().ok());
    EXPECT_EQ(checkpoints.value(), 0u);
    for (int64_t time = 1; time <= 100; ++time) append_exemplar(*database_, "a", time);
    ASSERT_TRUE(database_->upkeep().ok());
    EXPECT_EQ(checkpoints.value(), 1u);
    ASSERT_TRUE(database_->upkeep().ok());
    EXPECT_EQ(checkpoints.value(), 1u);
    uint64_t bytes = 0;
    for (const fs::DirectoryEntry& entry : files_.list("data/metrics/wal").value())
        bytes += entry.size_bytes;
    EXPECT_LT(bytes, 1000u);
    open();
    EXPECT_EQ(exemplars_of(*database_), "a: 96@96 97@97 98@98 99@99 100@100;");
}

TEST_F(DatabaseTest, IsWritableWhileTheDiskTakesTheLog) {
    fs::FailingFileSystem disk;
    Environment env{clock_, disk, log_, metrics_, pool_};
    options_.background = false;
    database_ = Database::open(env, options_).value();
    const SeriesRef series = ref({{"__name__", "a"}});
    append({series}, {1000}, {1});
    EXPECT_TRUE(database_->is_writable());
    disk.inject({fs::Fault::kError, disk.operation_count() + 1, 1000});
    append({series}, {2000}, {2});  // nobody waits: in memory
    EXPECT_FALSE(database_->flush().ok());
    EXPECT_FALSE(database_->is_writable());
    disk.inject({});
    EXPECT_TRUE(database_->flush().ok());
    EXPECT_TRUE(database_->is_writable());
    database_.reset();
}

TEST_F(DatabaseTest, NamesAndValues) {
    open();
    append({ref({{"__name__", "a"}, {"x", "1"}}), ref({{"__name__", "b"}, {"y", "2"}})}, {1000},
           {1, 2});
    const CancelToken cancel;
    const std::vector<Matcher> a = {Matcher::equal("__name__", "a")};
    EXPECT_EQ(database_->label_names({}, {}, 0, cancel).value(),
              (std::vector<std::string>{"__name__", "x", "y"}));
    EXPECT_EQ(database_->label_names(a, {}, 0, cancel).value(),
              (std::vector<std::string>{"__name__", "x"}));
    EXPECT_EQ(database_->label_values("__name__", {}, {}, 0, cancel).value(),
              (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(database_->label_values("__name__", {}, {}, 1, cancel).value(),
              (std::vector<std::string>{"a"}));
    EXPECT_EQ(database_->label_values("y", a, {}, 0, cancel).value(), std::vector<std::string>());
    const StoreStats stats = database_->stats(1).value();
    EXPECT_EQ(stats.series_count, 2u);
    EXPECT_EQ(stats.label_pair_count, 4u);
    EXPECT_EQ(stats.series_by_metric.size(), 1u);
    EXPECT_EQ(stats.head_range, (TimeRange{Millis{1000}, Millis{1000}}));
}

}  // namespace
}  // namespace kw::tsdb
