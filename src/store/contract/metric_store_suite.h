// The laws of MetricStore (metric_store.h) as tests. An implementation's test program includes this header in
// one file and instantiates it:
//
//   INSTANTIATE_TEST_SUITE_P(Memory, MetricStoreSuite, testing::Values(StoreCase{"memory", make_memory_store}));
//
// Each test gets a store of its own, empty. Times are near StoreCase::now, since a store may refuse what is
// before its retention.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <bit>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "contract/metric_store.h"
#include "model/stored_histogram.h"

namespace kw {

// A store and what it needs to live, under one owner.
struct OpenStore {
    virtual ~OpenStore() = default;
    virtual MetricStore& store() = 0;
};

struct StoreCase {
    std::string name;
    std::function<std::unique_ptr<OpenStore>()> open;
    Millis now{1'700'000'000'000};  // times around it are taken
};
inline void PrintTo(const StoreCase& one, std::ostream* out) { *out << one.name; }

class MetricStoreSuite : public testing::TestWithParam<StoreCase> {
 protected:
    using Points = std::vector<std::pair<int64_t, double>>;  // milliseconds after now()

    Millis now() const { return GetParam().now; }
    MetricStore& store() { return opened_->store(); }

    SeriesRef ref(const LabelSet& labels) {
        const Result<SeriesRef> got = store().ref_of(labels);
        EXPECT_TRUE(got.ok());
        return got.ok() ? *got : SeriesRef{};
    }
    // One row for each of `series` at `after` milliseconds after now().
    AppendResult append(const std::vector<SeriesRef>& series, int64_t after,
                        const std::vector<double>& values) {
        const Millis time = now() + after;
        const Result<AppendResult> got =
            store().append({series, {&time, 1}, values, {}, Durability::kSoon});
        EXPECT_TRUE(got.ok()) << (got.ok() ? "" : got.error().message);
        return got.ok() ? *got : AppendResult{};
    }
    // One row of a histogram, or of a float where it is null.
    AppendResult append_histogram(SeriesRef series, int64_t after,
                                  std::shared_ptr<const Histogram> histogram, double value = 0,
                                  Millis start = kNoStart) {
        const Millis time = now() + after;
        SampleBatch batch;
        batch.series = {&series, 1};
        batch.timestamps = {&time, 1};
        batch.values = {&value, 1};
        batch.histograms = {&histogram, 1};
        if (start != kNoStart) batch.starts = {&start, 1};
        const Result<AppendResult> got = store().append(batch);
        EXPECT_TRUE(got.ok()) << (got.ok() ? "" : got.error().message);
        return got.ok() ? *got : AppendResult{};
    }
    // `count` observations in each of the buckets from -1 to 2, all but those of bucket 0.
    static std::shared_ptr<const Histogram> histogram(double count, double sum = 1.5) {
        Histogram made;
        made.schema = 3;
        made.zero_threshold = 0.001;
        made.zero_count = count;
        made.count = 5 * count;
        made.sum = sum;
        made.positive_spans = {{-1, 1}, {1, 2}};
        made.positive_buckets = {count, count, count};
        made.negative_spans = {{2, 1}};
        made.negative_buckets = {count};
        return std::make_shared<const Histogram>(std::move(made));
    }
    std::unique_ptr<SelectedSeries> select(const std::vector<Matcher>& matchers, int64_t min,
                                           int64_t max) {
        const CancelToken cancel;
        auto got = store().select(matchers, {now() + min, now() + max}, {}, cancel, budget_);
        EXPECT_TRUE(got.ok()) << (got.ok() ? "" : got.error().message);
        return got.ok() ? std::move(got).value() : nullptr;
    }
    Points points(const SelectedSeries& selected, size_t index) {
        SampleColumns samples;
        EXPECT_TRUE(selected.read(index, samples).ok());
        Points out;
        for (size_t i = 0; i < samples.size(); ++i) {
            out.emplace_back(samples.timestamps[i] - now().count, samples.values[i]);
        }
        return out;
    }
    static Matcher regex(std::string name, std::string pattern) {
        return std::move(Matcher::make(MatchOp::kRegex, std::move(name), std::move(pattern)))
            .value();
    }
    static Matcher name_is(std::string name) { return Matcher::equal("__name__", std::move(name)); }

    std::unique_ptr<OpenStore> opened_ = GetParam().open();
    MemoryBudget budget_{uint64_t{1} << 30};
};

TEST_P(MetricStoreSuite, ReadsBackWhatWasAppended) {
    const SeriesRef a = ref({{"__name__", "x"}, {"job", "j"}});
    EXPECT_EQ(ref({{"__name__", "x"}, {"job", "j"}}), a);
    EXPECT_EQ(append({a}, 0, {1}).stored, 1u);
    EXPECT_EQ(append({a}, 1000, {2}).stored, 1u);
    const auto selected = select({name_is("x")}, 0, 1000);
    ASSERT_EQ(selected->size(), 1u);
    EXPECT_EQ(selected->labels(0), (LabelSet{{"__name__", "x"}, {"job", "j"}}));
    EXPECT_EQ(points(*selected, 0), (Points{{0, 1}, {1000, 2}}));
    EXPECT_GE(selected->samples_estimate(), 2u);
}

TEST_P(MetricStoreSuite, RangesIncludeBothEnds) {
    const SeriesRef a = ref({{"__name__", "x"}});
    for (int64_t t = 0; t <= 50; t += 10) append({a}, t, {static_cast<double>(t)});
    EXPECT_EQ(points(*select({name_is("x")}, 10, 30), 0), (Points{{10, 10}, {20, 20}, {30, 30}}));
    EXPECT_EQ(select({name_is("x")}, 51, 60)->size(), 0u);
    EXPECT_EQ(select({name_is("x")}, 11, 19)->size(), 0u);
}

TEST_P(MetricStoreSuite, MatchesAndSortsByLabels) {
    const SeriesRef a = ref({{"__name__", "x"}, {"host", "b"}});
    const SeriesRef b = ref({{"__name__", "x"}, {"host", "a"}, {"zone", "1"}});
    const SeriesRef c = ref({{"__name__", "y"}, {"host", "a"}});
    append({a, b, c}, 0, {1, 2, 3});
    struct Row {
        std::vector<Matcher> matchers;
        std::vector<std::string> want;
    };
    const Row rows[] = {
        {{name_is("x")}, {"x{host=\"a\", zone=\"1\"}", "x{host=\"b\"}"}},
        {{Matcher::equal("host", "a")}, {"x{host=\"a\", zone=\"1\"}", "y{host=\"a\"}"}},
        {{name_is("x"), Matcher::equal("zone", "")}, {"x{host=\"b\"}"}},
        {{name_is("x"), Matcher::not_equal("host", "a")}, {"x{host=\"b\"}"}},
        {{regex("__name__", "x|y"), regex("host", "[a]")},
         {"x{host=\"a\", zone=\"1\"}", "y{host=\"a\"}"}},
        {{regex("__name__", ".+")},
         {"x{host=\"a\", zone=\"1\"}", "x{host=\"b\"}", "y{host=\"a\"}"}},
        {{name_is("z")}, {}},
    };
    for (const Row& row : rows) {
        const auto selected = select(row.matchers, 0, 0);
        std::vector<std::string> got;
        for (size_t i = 0; i < selected->size(); ++i)
            got.push_back(selected->labels(i).to_string());
        EXPECT_EQ(got, row.want) << row.matchers[0].to_string();
    }
}

TEST_P(MetricStoreSuite, FirstValueOfATimeWins) {
    const SeriesRef a = ref({{"__name__", "x"}});
    append({a}, 0, {1});
    EXPECT_EQ(append({a}, 0, {1}).same_again, 1u);
    const AppendResult again = append({a}, 0, {2});
    EXPECT_EQ(again.stored, 0u);
    if (!again.refused.empty()) EXPECT_EQ(again.refused[0].second, RowVerdict::kConflict);
    EXPECT_EQ(points(*select({name_is("x")}, 0, 0), 0), (Points{{0, 1}}));
}

TEST_P(MetricStoreSuite, LateSamplesTakeTheirPlace) {
    const SeriesRef a = ref({{"__name__", "x"}});
    for (const int64_t t : {5000, 1000, 3000, 4000, 2000}) {
        EXPECT_EQ(append({a}, t, {static_cast<double>(t)}).stored, 1u);
    }
    EXPECT_EQ(points(*select({name_is("x")}, 0, 9000), 0),
              (Points{{1000, 1000}, {2000, 2000}, {3000, 3000}, {4000, 4000}, {5000, 5000}}));
}

TEST_P(MetricStoreSuite, KeepsEveryBitOfAValue) {
    const double values[] = {0.0,
                             -0.0,
                             kStaleMarker,
                             kNormalNan,
                             5e-324,
                             1.7976931348623157e308,
                             std::numeric_limits<double>::infinity(),
                             -std::numeric_limits<double>::infinity(),
                             0.1,
                             -123456.789};
    const SeriesRef a = ref({{"__name__", "x"}});
    int64_t t = 0;
    for (const double value : values) append({a}, t++, {value});
    SampleColumns samples;
    ASSERT_TRUE(select({name_is("x")}, 0, t)->read(0, samples).ok());
    ASSERT_EQ(samples.size(), std::size(values));
    for (size_t i = 0; i < samples.size(); ++i) {
        EXPECT_EQ(std::bit_cast<uint64_t>(samples.values[i]), std::bit_cast<uint64_t>(values[i]))
            << i;
    }
}

TEST_P(MetricStoreSuite, KeepsHistogramsBetweenFloats) {
    const SeriesRef a = ref({{"__name__", "x"}});
    Histogram custom;
    custom.schema = kCustomBucketsSchema;
    custom.count = 7.5;
    custom.sum = -0.0;
    custom.positive_spans = {{0, 2}, {1, 1}};
    custom.positive_buckets = {1, 2.5, 4};
    custom.custom_values = {0.1, 0.25, 5};
    const std::vector<std::shared_ptr<const Histogram>> sent = {
        histogram(1),   nullptr,
        histogram(2),   std::make_shared<const Histogram>(custom),
        histogram(1e9), histogram(0, kStaleMarker),
    };
    for (size_t i = 0; i < sent.size(); ++i) {
        EXPECT_EQ(append_histogram(a, static_cast<int64_t>(i) * 1000, sent[i], 42).stored, 1u) << i;
    }
    const auto selected = select({name_is("x")}, 0, 9000);
    SampleColumns samples;
    ASSERT_TRUE(selected->read(0, samples).ok());
    ASSERT_EQ(samples.size(), sent.size());
    ASSERT_EQ(samples.histograms.size(), sent.size());
    for (size_t i = 0; i < sent.size(); ++i) {
        ASSERT_EQ(samples.histograms[i] == nullptr, sent[i] == nullptr) << i;
        if (sent[i] == nullptr) {
            EXPECT_EQ(samples.values[i], 42);
            continue;
        }
        Histogram got = *samples.histograms[i];
        got.counter_reset_hint = sent[i]->counter_reset_hint;
        EXPECT_TRUE(same_sample(got, *sent[i])) << i;
    }
}

TEST_P(MetricStoreSuite, FirstHistogramOfATimeWins) {
    const SeriesRef a = ref({{"__name__", "x"}});
    EXPECT_EQ(append_histogram(a, 0, histogram(1)).stored, 1u);
    EXPECT_EQ(append_histogram(a, 0, histogram(1)).same_again, 1u);
    EXPECT_EQ(append_histogram(a, 0, histogram(2)).stored, 0u);
    EXPECT_EQ(append_histogram(a, 0, nullptr, 1).stored, 0u);
    EXPECT_EQ(append({a}, 1000, {5}).stored, 1u);
    EXPECT_EQ(append_histogram(a, 1000, histogram(1)).stored, 0u);
    SampleColumns samples;
    ASSERT_TRUE(select({name_is("x")}, 0, 1000)->read(0, samples).ok());
    ASSERT_EQ(samples.size(), 2u);
    ASSERT_NE(samples.histograms[0], nullptr);
    EXPECT_EQ(samples.histograms[0]->count, 5);
    EXPECT_EQ(samples.histograms[1], nullptr);
}

TEST_P(MetricStoreSuite, LateHistogramsTakeTheirPlaceAndTellResets) {
    const SeriesRef a = ref({{"__name__", "x"}});
    for (const int64_t t : {5, 1, 3, 4, 2}) {
        // The counter restarts at 4.
        const double count = t < 4 ? static_cast<double>(10 * t) : static_cast<double>(t);
        EXPECT_EQ(append_histogram(a, t * 1000, histogram(count), 0, now() - 5).stored, 1u);
    }
    SampleColumns samples;
    ASSERT_TRUE(select({name_is("x")}, 0, 9000)->read(0, samples).ok());
    ASSERT_EQ(samples.size(), 5u);
    ASSERT_EQ(samples.histograms.size(), 5u);
    ASSERT_EQ(samples.starts.size(), 5u);
    using Hint = CounterResetHint;
    const Hint want[] = {Hint::kUnknown, Hint::kNotReset, Hint::kNotReset, Hint::kReset,
                         Hint::kNotReset};
    for (size_t i = 0; i < 5; ++i) {
        EXPECT_EQ(samples.timestamps[i], (now() + static_cast<int64_t>(i + 1) * 1000).count);
        EXPECT_EQ(samples.histograms[i]->count,
                  i < 3 ? 50.0 * static_cast<double>(i + 1) : 5.0 * static_cast<double>(i + 1));
        EXPECT_EQ(samples.starts[i], (now() - 5).count);
        if (i > 0) EXPECT_EQ(samples.histograms[i]->counter_reset_hint, want[i]) << i;
    }
}

TEST_P(MetricStoreSuite, KeepsManyHistogramsOfManyLayouts) {
    const SeriesRef a = ref({{"__name__", "x"}});
    std::vector<std::shared_ptr<const Histogram>> sent;
    for (int i = 0; i < 300; ++i) {
        Histogram one = *histogram(i);
        one.counter_reset_hint = i < 200 ? CounterResetHint::kGauge : CounterResetHint::kReset;
        if (i % 50 == 49) one.positive_spans[0].offset = -i;
        if (i % 70 == 69) one.schema = -4;
        sent.push_back(std::make_shared<const Histogram>(one));
        EXPECT_EQ(append_histogram(a, i * 1000, sent.back()).stored, 1u);
    }
    SampleColumns samples;
    ASSERT_TRUE(select({name_is("x")}, 0, 300'000)->read(0, samples).ok());
    ASSERT_EQ(samples.histograms.size(), sent.size());
    for (size_t i = 0; i < sent.size(); ++i)
        EXPECT_TRUE(same_sample(*samples.histograms[i], *sent[i])) << i;
}

TEST_P(MetricStoreSuite, RefusesAHistogramThatIsNotSound) {
    const SeriesRef a = ref({{"__name__", "x"}});
    Histogram bad = *histogram(1);
    bad.positive_buckets.pop_back();
    const auto made = std::make_shared<const Histogram>(bad);
    const Millis time = now();
    const double value = 0;
    SampleBatch batch;
    batch.series = {&a, 1};
    batch.timestamps = {&time, 1};
    batch.values = {&value, 1};
    batch.histograms = {&made, 1};
    const Result<AppendResult> got = store().append(batch);
    ASSERT_FALSE(got.ok());
    EXPECT_EQ(got.error().code, Code::kInvalid);
}

TEST_P(MetricStoreSuite, ASelectionIsASnapshot) {
    const SeriesRef a = ref({{"__name__", "x"}});
    append({a}, 0, {1});
    const auto selected = select({name_is("x")}, 0, 9000);
    append({a}, 1000, {2});
    EXPECT_EQ(points(*selected, 0), (Points{{0, 1}}));
}

TEST_P(MetricStoreSuite, NamesRowsThatItRefuses) {
    const SeriesRef a = ref({{"__name__", "x"}});
    const AppendResult result =
        append({SeriesRef{0}, a, SeriesRef{uint64_t{1} << 62}}, 0, {1, 2, 3});
    EXPECT_EQ(result.stored, 1u);
    ASSERT_EQ(result.refused.size(), 2u);
    EXPECT_EQ(result.refused[0], (std::pair<uint32_t, RowVerdict>{0, RowVerdict::kUnknownSeries}));
    EXPECT_EQ(result.refused[1], (std::pair<uint32_t, RowVerdict>{2, RowVerdict::kUnknownSeries}));
}

TEST_P(MetricStoreSuite, ListsNamesAndValues) {
    append({ref({{"__name__", "x"}, {"host", "b"}}),
            ref({{"__name__", "y"}, {"host", "a"}, {"zone", "1"}})},
           0, {1, 2});
    const CancelToken cancel;
    const TimeRange range{now(), now()};
    using Texts = std::vector<std::string>;
    EXPECT_EQ(*store().label_names({}, range, 0, cancel), (Texts{"__name__", "host", "zone"}));
    EXPECT_EQ(*store().label_names({name_is("x")}, range, 0, cancel), (Texts{"__name__", "host"}));
    EXPECT_EQ(*store().label_names({}, range, 2, cancel), (Texts{"__name__", "host"}));
    EXPECT_EQ(*store().label_values("host", {}, range, 0, cancel), (Texts{"a", "b"}));
    EXPECT_EQ(*store().label_values("host", {name_is("y")}, range, 0, cancel), (Texts{"a"}));
    EXPECT_EQ(*store().label_values("host", {}, range, 1, cancel), (Texts{"a"}));
    EXPECT_EQ(*store().label_values("none", {}, range, 0, cancel), Texts{});
}

TEST_P(MetricStoreSuite, SelectionsAreBounded) {
    append({ref({{"__name__", "x"}, {"i", "1"}}), ref({{"__name__", "x"}, {"i", "2"}})}, 0, {1, 2});
    const TimeRange range{now(), now()};
    const CancelToken going;
    SelectHints hints;
    hints.series_limit = 1;
    const auto many = store().select({name_is("x")}, range, hints, going, budget_);
    ASSERT_FALSE(many.ok());
    EXPECT_EQ(many.error().code, Code::kExhausted);

    CancelToken gone;
    gone.cancel();
    const auto stopped = store().select({name_is("x")}, range, {}, gone, budget_);
    ASSERT_FALSE(stopped.ok());
    EXPECT_EQ(stopped.error().code, Code::kCancelled);
}

TEST_P(MetricStoreSuite, AScrapeBecomesVisibleWhole) {
    std::vector<SeriesRef> refs;
    for (int i = 0; i < 20; ++i) {
        const std::string number = std::to_string(i);
        refs.push_back(ref({{"__name__", "x"}, {"i", number}, {"instance", "a"}, {"job", "j"}}));
    }
    constexpr int kScrapes = 200;
    std::atomic<bool> done = false;
    std::jthread writer([&] {
        for (int i = 0; i < kScrapes; ++i) {
            append(refs, i, std::vector<double>(refs.size(), static_cast<double>(i)));
        }
        done = true;
    });
    bool last_look = false;
    while (true) {
        const auto selected = select({name_is("x")}, 0, kScrapes);
        if (selected->size() > 0) {
            ASSERT_EQ(selected->size(), refs.size());
            const Points first = points(*selected, 0);
            for (size_t i = 1; i < selected->size(); ++i) ASSERT_EQ(points(*selected, i), first);
            if (last_look) EXPECT_EQ(first.size(), static_cast<size_t>(kScrapes));
        }
        if (last_look) break;
        last_look = done;
    }
}

}  // namespace kw
