#include "intake/scrape_target.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "intake/recording_exemplars.h"
#include "intake/recording_store.h"
#include "intake/test_environment.h"
#include "wire/exposition/protobuf_testing.h"

namespace kw::intake {
namespace {

using Rows = std::vector<std::string>;
using wire::ExpositionFormat;

RelabelRule rule(RelabelConfig config) {
    Result<RelabelRule> made = RelabelRule::make(std::move(config));
    EXPECT_TRUE(made.ok());
    return std::move(made).value();
}

class ScrapeTargetTest : public testing::Test {
 protected:
    ScrapeTarget& target(ScrapeRules rules = {}) {
        if (rules.target_labels.empty())
            rules.target_labels = LabelSet{{"instance", "i"}, {"job", "j"}};
        target_.emplace(intake_, std::move(rules));
        return *target_;
    }
    ScrapeReport scrape(std::string_view body, ExpositionFormat format = ExpositionFormat::kText) {
        now_ += 15;
        return target_->ingest(body, format, {Millis{now_}, environment_.clock.steady_ns()});
    }
    uint64_t count(std::string_view counter) {
        return environment_.metrics.counter(counter, "").value();
    }

    TestEnvironment environment_;
    RecordingStore store_;
    RecordingExemplars exemplars_;
    ScrapeIntake intake_{environment_.env, store_, &exemplars_};
    std::optional<ScrapeTarget> target_;
    int64_t now_ = 0;
};

TEST_F(ScrapeTargetTest, StoresSamplesAndTheReportInOneBatch) {
    target();
    const ScrapeReport report = scrape("# TYPE a counter\na{x=\"1\"} 1\na{x=\"2\"} 2.5\n");
    EXPECT_TRUE(report.outcome.ok());
    EXPECT_EQ(report.samples_scraped, 2U);
    EXPECT_EQ(report.samples_kept, 2U);
    EXPECT_EQ(report.series_added, 2U);
    EXPECT_EQ(store_.append_calls, 1U);
    const Rows want = {
        "a{instance=\"i\", job=\"j\", x=\"1\"} 1 @15",
        "a{instance=\"i\", job=\"j\", x=\"2\"} 2.5 @15",
        "scrape_duration_seconds{instance=\"i\", job=\"j\"} 0 @15",
        "scrape_samples_post_metric_relabeling{instance=\"i\", job=\"j\"} 2 @15",
        "scrape_samples_scraped{instance=\"i\", job=\"j\"} 2 @15",
        "scrape_series_added{instance=\"i\", job=\"j\"} 2 @15",
        "up{instance=\"i\", job=\"j\"} 1 @15",
    };
    EXPECT_EQ(store_.take_rows(true), want);
}

TEST_F(ScrapeTargetTest, StoresExemplarsUnderTheLabelsThatTheirSeriesEndsUpWith) {
    target();
    constexpr std::string_view kBody =
        "# TYPE a counter\na_total{x=\"1\"} 1 # {t=\"b\"} 0.5 7.123\na_total 2 # {t=\"c\"} 1\n"
        "b_total 3 9 # {t=\"d\"} 2\nc 4\n# EOF\n";
    EXPECT_TRUE(scrape(kBody, ExpositionFormat::kOpenMetrics).outcome.ok());
    const Rows want = {
        "a_total{instance=\"i\", job=\"j\", x=\"1\"} # {t=\"b\"} 0.5 @7123",
        "a_total{instance=\"i\", job=\"j\"} # {t=\"c\"} 1 @15",    // as its scrape
        "b_total{instance=\"i\", job=\"j\"} # {t=\"d\"} 2 @9000",  // as its sample
    };
    EXPECT_EQ(exemplars_.taken, want);
    exemplars_.taken.clear();
    exemplars_.verdict = ExemplarVerdict::kOutOfOrder;
    EXPECT_TRUE(scrape(kBody, ExpositionFormat::kOpenMetrics).outcome.ok());
    EXPECT_EQ(exemplars_.taken.size(), 3U);
    EXPECT_EQ(count("prometheus_target_scrapes_exemplar_out_of_order_total"), 3U);
}

TEST_F(ScrapeTargetTest, StoresExemplarsOfHistogramsByTheirTimes) {
    target({.histograms = {.convert = true}});
    constexpr std::string_view kBody =
        "# TYPE h histogram\nh_bucket{le=\"1.0\"} 1 # {t=\"b\"} 0.5 8\n"
        "h_bucket{le=\"2.0\"} 2 # {t=\"a\"} 1.5 7\nh_bucket{le=\"+Inf\"} 3 # {t=\"c\"} 3\n"
        "h_count 3\nh_sum 5\n# TYPE c counter\nc_total 1 # {t=\"d\"} 1\n# EOF\n";
    EXPECT_TRUE(scrape(kBody, ExpositionFormat::kOpenMetrics).outcome.ok());
    EXPECT_EQ(exemplars_.taken, (Rows{
                                    "h{instance=\"i\", job=\"j\"} # {t=\"a\"} 1.5 @7000",
                                    "h{instance=\"i\", job=\"j\"} # {t=\"b\"} 0.5 @8000",
                                    "c_total{instance=\"i\", job=\"j\"} # {t=\"d\"} 1 @15",
                                }));
    EXPECT_EQ(count("kilowatch_scrape_exemplars_ignored_total"), 1U);  // the one without a time
}

TEST_F(ScrapeTargetTest, StoresExemplarsOfProtobuf) {
    using wire::testing::label;
    using wire::testing::Message;
    target();
    const Message exemplar = Message().message(1, label("t", "a")).number(2, 0.5);
    const Message counter = Message().message(3, Message().number(1, 2).message(2, exemplar));
    const std::string body =
        wire::testing::delimited(Message().text(1, "c_total").varint(3, 0).message(4, counter));
    EXPECT_TRUE(scrape(body, ExpositionFormat::kProtobuf).outcome.ok());
    EXPECT_EQ(exemplars_.taken, (Rows{"c_total{instance=\"i\", job=\"j\"} # {t=\"a\"} 0.5 @15"}));
}

TEST_F(ScrapeTargetTest, AFailedScrapeAndADroppedSeriesLeaveNoExemplars) {
    target();
    EXPECT_FALSE(scrape("a_total 1 # {t=\"b\"} 1\nb x\n# EOF\n", ExpositionFormat::kOpenMetrics)
                     .outcome.ok());
    EXPECT_TRUE(exemplars_.taken.empty());
    ScrapeRules rules;
    rules.metric_relabel = std::make_shared<const std::vector<RelabelRule>>(std::vector{
        rule({.source_labels = {"__name__"}, .regex = "a_total", .action = RelabelAction::kDrop})});
    target(std::move(rules));
    EXPECT_TRUE(scrape("a_total 1 # {t=\"b\"} 1\nc_total 1 # {t=\"b\",t=\"c\"} 1\n# EOF\n",
                       ExpositionFormat::kOpenMetrics)
                    .outcome.ok());
    EXPECT_TRUE(exemplars_.taken.empty());
}

TEST_F(ScrapeTargetTest, AsksTheStoreOnlyForWhatIsNew) {
    target();
    constexpr std::string_view kBody = "a 1\nb{x=\"1\"} 2\nc 3\n";
    scrape(kBody);
    const size_t calls = store_.ref_of_calls;
    EXPECT_EQ(scrape(kBody).series_added, 0U);
    EXPECT_EQ(scrape("c 3\na 1\nb{x=\"1\"} 2\n").series_added, 0U);  // another order
    EXPECT_EQ(store_.ref_of_calls, calls);
    EXPECT_EQ(scrape("a 1\nnew 7\nb{x=\"1\"} 2\nc 3\n").series_added, 1U);
    EXPECT_EQ(store_.ref_of_calls, calls + 1);
}

TEST_F(ScrapeTargetTest, MarksWhatVanished) {
    target();
    scrape("a 1\nb 2\nc 3\n");
    store_.take_rows();
    scrape("a 1\nc 3\n");
    EXPECT_EQ(store_.take_rows(),
              (Rows{"a{instance=\"i\", job=\"j\"} 1 @30", "b{instance=\"i\", job=\"j\"} stale @30",
                    "c{instance=\"i\", job=\"j\"} 3 @30"}));
    scrape("a 1\nc 3\n");
    EXPECT_EQ(store_.take_rows().size(), 2U);  // once is enough
    scrape("a 1\nb 2\nc 3\n");
    EXPECT_EQ(store_.take_rows().size(), 3U);
    scrape("");
    EXPECT_EQ(store_.take_rows(), (Rows{"a{instance=\"i\", job=\"j\"} stale @75",
                                        "b{instance=\"i\", job=\"j\"} stale @75",
                                        "c{instance=\"i\", job=\"j\"} stale @75"}));
}

TEST_F(ScrapeTargetTest, AFailedScrapeStoresMarkersAndUpOnly) {
    struct Row {
        std::string_view body;
        std::string_view want;
    };
    const Row rows[] = {
        {"a 1\nnew 2\nb x\n", "line 3: expected a value, found \"x\""},
        {"a 1\nnew{x=\"1\",x=\"2\"} 2\n", "line 2: label x is there twice"},
        {"a 1\nnew{x=y} 2\n", "line 2: expected '\"' at byte 7 of the series"},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.body);
        target();
        scrape("a 1\n");
        store_.take_rows();
        const size_t refs = store_.ref_of_calls;
        const ScrapeReport report = scrape(row.body);
        ASSERT_FALSE(report.outcome.ok());
        EXPECT_EQ(report.outcome.error().message, row.want);
        const Rows got = store_.take_rows(true);
        EXPECT_EQ(got.front(), fmt::format("a{{instance=\"i\", job=\"j\"}} stale @{}", now_));
        EXPECT_EQ(got.back(), fmt::format("up{{instance=\"i\", job=\"j\"}} 0 @{}", now_));
        EXPECT_EQ(got.size(), 6U);
        EXPECT_EQ(store_.ref_of_calls, refs);
        EXPECT_TRUE(scrape("a 1\n").outcome.ok());
        EXPECT_EQ(store_.take_rows().size(), 1U);
    }
    EXPECT_EQ(count("kilowatch_scrape_malformed_total"), 3U);
}

TEST_F(ScrapeTargetTest, AFailedFetchStoresMarkersAndUp) {
    target();
    scrape("a 1\n");
    store_.take_rows();
    const ScrapeReport report = target_->fail(timed_out("no answer within 10s"), {Millis{30}, 0});
    EXPECT_EQ(report.outcome.error().code, Code::kTimeout);
    EXPECT_EQ(report.duration_seconds, 1000);
    const Rows got = store_.take_rows(true);
    EXPECT_EQ(got.front(), "a{instance=\"i\", job=\"j\"} stale @30");
    EXPECT_EQ(got.back(), "up{instance=\"i\", job=\"j\"} 0 @30");
}

TEST_F(ScrapeTargetTest, EndMarksEverything) {
    target();
    scrape("a 1\n");
    store_.take_rows();
    EXPECT_TRUE(target_->end(Millis{99}).ok());
    const Rows got = store_.take_rows(true);
    EXPECT_EQ(got.size(), 6U);
    for (const std::string& row : got) EXPECT_TRUE(row.ends_with(" stale @99")) << row;
}

TEST_F(ScrapeTargetTest, TargetLabelsWinUnlessHonored) {
    constexpr std::string_view kBody = "a{job=\"x\",exported_job=\"y\",b=\"c\"} 1\n";
    target();
    scrape(kBody);
    EXPECT_EQ(store_.take_rows(), Rows{"a{b=\"c\", exported_exported_job=\"x\", "
                                       "exported_job=\"y\", instance=\"i\", job=\"j\"} 1 @15"});
    target({.honor_labels = true});
    scrape(kBody);
    EXPECT_EQ(store_.take_rows(),
              Rows{"a{b=\"c\", exported_job=\"y\", instance=\"i\", job=\"x\"} 1 @30"});
}

// A Pushgateway exposes instance="" where a pushed group has none.
TEST_F(ScrapeTargetTest, AnEmptyLabelIsHonoredToo) {
    target({.honor_labels = true});
    scrape("a{job=\"x\",instance=\"\"} 1\nb 2\n");
    EXPECT_EQ(store_.take_rows(),
              (Rows{"a{job=\"x\"} 1 @15", "b{instance=\"i\", job=\"j\"} 2 @15"}));
    target();
    scrape("a{instance=\"\"} 1\n");
    EXPECT_EQ(store_.take_rows(), Rows{"a{instance=\"i\", job=\"j\"} 1 @30"});
}

TEST_F(ScrapeTargetTest, CountsSeriesThatCameBackAsAdded) {
    target();
    EXPECT_EQ(scrape("a 1\nb 2\n").series_added, 2U);
    EXPECT_EQ(scrape("a 1\n").series_added, 0U);
    EXPECT_EQ(scrape("b 2\na 1\nb 2\n").series_added, 1U);
    EXPECT_EQ(scrape("b 2\na 1\nx\n").series_added, 0U);  // malformed
    EXPECT_EQ(scrape("a 1\nb 2\n").series_added, 0U);     // since the last good scrape
}

TEST_F(ScrapeTargetTest, RelabelsAndDrops) {
    ScrapeRules rules;
    rules.metric_relabel = std::make_shared<const std::vector<RelabelRule>>(std::vector{
        rule({.source_labels = {"__name__"}, .regex = "drop_.*", .action = RelabelAction::kDrop}),
        rule({.regex = "secret", .action = RelabelAction::kLabelDrop}),
    });
    target(rules);
    const ScrapeReport report = scrape("drop_me 1\na{secret=\"1\"} 2\na{secret=\"2\"} 3\nb 4\n");
    EXPECT_EQ(report.samples_scraped, 4U);
    EXPECT_EQ(report.samples_kept, 3U);
    // Two lines became one series: the first value counts.
    EXPECT_EQ(report.rows_refused, 1U);
    const Rows want = {"a{instance=\"i\", job=\"j\"} 2 @15", "b{instance=\"i\", job=\"j\"} 4 @15"};
    EXPECT_EQ(store_.take_rows(), want);
    EXPECT_EQ(scrape("drop_me 1\na{secret=\"1\"} 2\na{secret=\"2\"} 3\nb 4\n").samples_kept, 3U);
    EXPECT_EQ(store_.take_rows().size(), 2U);
    EXPECT_EQ(count("prometheus_target_scrapes_sample_duplicate_timestamp_total"), 2U);
}

TEST_F(ScrapeTargetTest, LimitsFailTheScrape) {
    struct Row {
        ScrapeRules rules;
        std::string_view body;
        std::string_view want;
        std::string_view counter;
    };
    const Row rows[] = {
        {{.samples_max = 2},
         "a 1\nb 2\nc 3\nd x 4\n",
         "line 4: expected a value, found \"x 4\"",
         ""},
        {{.samples_max = 2},
         "a 1\nb 2\nc 3\nd 4\n",
         "over the sample limit of 2",
         "prometheus_target_scrapes_exceeded_sample_limit_total"},
        {{.series_limits = {.labels_max = 3}},
         "a 1\nb{x=\"1\"} 2\n",
         "line 2: b{instance=\"i\", job=\"j\", x=\"1\"} has 4 labels, over the limit of 3",
         "prometheus_target_scrape_pool_exceeded_label_limits_total"},
        {{.series_limits = {.label_name_bytes_max = 8}},
         "a{long_name_=\"1\"} 2\n",
         "line 1: a: the name of label long_name_ has 10 bytes, over the limit of 8",
         "prometheus_target_scrape_pool_exceeded_label_limits_total"},
        {{.series_limits = {.label_value_bytes_max = 3}},
         "a{x=\"1234\"} 2\n",
         "line 1: a: the value of label x has 4 bytes, over the limit of 3",
         "prometheus_target_scrape_pool_exceeded_label_limits_total"},
        {{.name_scheme = NameScheme::kLegacy},
         "{\"a.b\"} 2\n",
         "line 1: \"a.b\" is no valid metric name",
         "kilowatch_scrape_malformed_total"},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.want);
        target(row.rules);
        const uint64_t before = row.counter.empty() ? 0 : count(row.counter);
        const ScrapeReport report = scrape(row.body);
        ASSERT_FALSE(report.outcome.ok());
        EXPECT_EQ(report.outcome.error().message, row.want);
        EXPECT_EQ(store_.take_rows(), Rows{});
        if (!row.counter.empty()) {
            EXPECT_EQ(count(row.counter), before + 1);
        }
    }
    target({.samples_max = 2});
    const ScrapeReport report = scrape("a 1\nb 2\nc 3\nd 4\n");
    EXPECT_EQ(report.samples_scraped, 4U);
    EXPECT_EQ(report.samples_kept, 4U);
}

TEST_F(ScrapeTargetTest, ExplicitTimestamps) {
    target();
    scrape("a 1 5\nb 2\na 3 6\n");
    EXPECT_EQ(store_.take_rows(),
              (Rows{"a{instance=\"i\", job=\"j\"} 1 @5", "a{instance=\"i\", job=\"j\"} 3 @6",
                    "b{instance=\"i\", job=\"j\"} 2 @15"}));
    scrape("b 2\n");  // a has timestamps of its own: no marker
    EXPECT_EQ(store_.take_rows(), Rows{"b{instance=\"i\", job=\"j\"} 2 @30"});

    target({.track_timestamps_staleness = true});
    scrape("a 1 7\n");
    scrape("");
    EXPECT_EQ(store_.take_rows(), (Rows{"a{instance=\"i\", job=\"j\"} 1 @7",
                                        "a{instance=\"i\", job=\"j\"} stale @60"}));

    target({.honor_timestamps = false});
    scrape("a 1 8\n");
    EXPECT_EQ(store_.take_rows(), Rows{"a{instance=\"i\", job=\"j\"} 1 @75"});
}

TEST_F(ScrapeTargetTest, CountsWhatTheStoreRefuses) {
    target();
    store_.too_old_before = Millis{10};
    EXPECT_EQ(scrape("a 1 5\nb 2\n").rows_refused, 1U);
    EXPECT_EQ(count("prometheus_target_scrapes_sample_out_of_bounds_total"), 1U);
    scrape("c 1 20\n");
    EXPECT_EQ(scrape("c 2 20\n").rows_refused, 1U);
    EXPECT_EQ(count("prometheus_target_scrapes_sample_duplicate_timestamp_total"), 1U);

    store_.series_max = 9;  // the report's five, a, b and c are there
    const ScrapeReport report = scrape("a 1\nd 1\ne 1\nf 1\n");
    EXPECT_TRUE(report.outcome.ok());
    EXPECT_EQ(report.rows_refused, 2U);
    EXPECT_EQ(count("kilowatch_scrape_series_refused_total"), 2U);
    store_.series_max = 100;
    EXPECT_EQ(scrape("a 1\nd 1\ne 1\nf 1\n").rows_refused, 0U);
}

TEST_F(ScrapeTargetTest, AsksAgainForSeriesThatTheStoreForgot) {
    target();
    scrape("a 1\nb 2\n");
    store_.take_rows();
    store_.forget(LabelSet{{"__name__", "a"}, {"instance", "i"}, {"job", "j"}});
    store_.forget(LabelSet{{"__name__", "up"}, {"instance", "i"}, {"job", "j"}});
    EXPECT_EQ(scrape("a 1\nb 2\n").rows_refused, 0U);
    EXPECT_EQ(store_.take_rows(true).size(), 7U);
    const size_t calls = store_.append_calls;
    scrape("b 2\n");
    EXPECT_EQ(store_.append_calls, calls + 1);
    EXPECT_EQ(store_.take_rows(), (Rows{"a{instance=\"i\", job=\"j\"} stale @45",
                                        "b{instance=\"i\", job=\"j\"} 2 @45"}));
}

TEST_F(ScrapeTargetTest, SaysWhenTheStoreFails) {
    target();
    store_.fails = true;
    const ScrapeReport report = scrape("a 1\n");
    ASSERT_FALSE(report.outcome.ok());
    EXPECT_EQ(report.outcome.error().code, Code::kUnavailable);
    store_.fails = false;
    EXPECT_TRUE(scrape("a 1\n").outcome.ok());
}

TEST_F(ScrapeTargetTest, KeepsMetadata) {
    target();
    scrape("# HELP a Some\\ntext.\n# TYPE a counter\na 1\n# TYPE b gauge\nb 1\n");
    scrape("# HELP a Other.\n# TYPE a counter\na 1\n# TYPE b gauge\nb 1\n");
    const auto all = target_->metadata("");
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(all[0].first, "a");
    EXPECT_EQ(all[0].second, (Metadata{MetricType::kCounter, "Other.", ""}));
    EXPECT_EQ(all[1].second.type, MetricType::kGauge);
    EXPECT_EQ(target_->metadata("b").size(), 1U);
    EXPECT_TRUE(target_->metadata("c").empty());

    scrape("# TYPE a_s gauge\n# UNIT a_s s\na_s 1\n# EOF\n", ExpositionFormat::kOpenMetrics);
    EXPECT_EQ(target_->metadata("a_s").front().second, (Metadata{MetricType::kGauge, "", "s"}));
}

// A family with one histogram of `buckets` buckets with one observation each, in protobuf.
std::string histogram_family(std::string_view name, uint32_t buckets, int32_t schema) {
    using wire::testing::Message;
    std::vector<int64_t> deltas(buckets, 0);
    deltas[0] = 1;
    const Message histogram = Message()
                                  .varint(1, buckets)
                                  .number(2, 1)
                                  .message(3, wire::testing::bucket(1, buckets))
                                  .sint(5, schema)
                                  .message(12, wire::testing::span(1, buckets))
                                  .sints(13, deltas);
    return wire::testing::delimited(Message()
                                        .text(1, name)
                                        .text(2, "Help.")
                                        .varint(3, 4)
                                        .message(4, Message().message(7, histogram)));
}

TEST_F(ScrapeTargetTest, StoresNativeHistograms) {
    target({.histograms = {.native = true}});
    const std::string body = histogram_family("h", 2, 0);
    EXPECT_EQ(scrape(body, ExpositionFormat::kProtobuf).series_added, 1U);
    const size_t calls = store_.ref_of_calls;
    EXPECT_TRUE(scrape(body, ExpositionFormat::kProtobuf).outcome.ok());
    EXPECT_EQ(store_.ref_of_calls, calls);
    EXPECT_TRUE(scrape("", ExpositionFormat::kProtobuf).outcome.ok());
    const std::string series = "h{instance=\"i\", job=\"j\"}";
    const std::string text = " {count:2, sum:1, (1,2]:1, (2,4]:1} @";
    EXPECT_EQ(store_.take_rows(),
              (Rows{series + " stale @45", series + text + "15", series + text + "30"}));
    EXPECT_EQ(target_->metadata("h").front().second,
              (Metadata{MetricType::kHistogram, "Help.", ""}));
}

TEST_F(ScrapeTargetTest, HoldsHistogramsToTheirLimits) {
    target({.histograms = {.native = true}, .histogram_limits = {.buckets_max = 4}});
    EXPECT_TRUE(scrape(histogram_family("h", 16, 3), ExpositionFormat::kProtobuf).outcome.ok());
    EXPECT_EQ(store_.take_rows(),
              (Rows{"h{instance=\"i\", job=\"j\"} {count:16, sum:1, "
                    "(1,1.4142135623730951]:4, (1.4142135623730951,2]:4, "
                    "(2,2.8284271247461903]:4, (2.8284271247461903,4]:4} @15"}));
    // At the coarsest, 100 buckets of schema -4 are still 100.
    const ScrapeReport report = scrape(histogram_family("h", 100, -4), ExpositionFormat::kProtobuf);
    ASSERT_FALSE(report.outcome.ok());
    EXPECT_EQ(report.outcome.error().code, Code::kExhausted);
    EXPECT_EQ(count("kilowatch_target_scrapes_exceeded_bucket_limit_total"), 1U);

    target({.histograms = {.native = true}, .histogram_limits = {.bucket_factor_min = 4}});
    store_.take_rows();
    scrape(histogram_family("g", 4, 0), ExpositionFormat::kProtobuf);
    EXPECT_EQ(store_.take_rows(),
              (Rows{"g{instance=\"i\", job=\"j\"} {count:4, sum:1, (1,4]:2, (4,16]:2} @45"}));
}

TEST_F(ScrapeTargetTest, ConvertsClassicHistograms) {
    target({.histograms = {.convert = true}});
    const std::string_view body =
        "# TYPE h histogram\nh_bucket{le=\"1\"} 2\nh_bucket{le=\"+Inf\"} 3\nh_sum 4\nh_count "
        "3\na 1\n";
    scrape(body);
    EXPECT_EQ(scrape(body).series_added, 0U);
    const std::string text =
        "h{instance=\"i\", job=\"j\"} {count:3, sum:4, [-Inf,1]:2, (1,+Inf]:1} @";
    EXPECT_EQ(store_.take_rows(),
              (Rows{"a{instance=\"i\", job=\"j\"} 1 @15", "a{instance=\"i\", job=\"j\"} 1 @30",
                    text + "15", text + "30"}));
    EXPECT_TRUE(scrape("# TYPE h histogram\nh_bucket{le=\"1\"} 2\nh_count 1\n").outcome.ok());
    EXPECT_EQ(count("kilowatch_scrape_histograms_not_converted_total"), 1U);
}

TEST(HistogramLimits, SchemaOfAFactor) {
    EXPECT_EQ(schema_of_factor(1), 8);
    EXPECT_EQ(schema_of_factor(1.002), 8);
    EXPECT_EQ(schema_of_factor(1.1), 2);
    EXPECT_EQ(schema_of_factor(2), 0);
    EXPECT_EQ(schema_of_factor(4), -1);
    EXPECT_EQ(schema_of_factor(1e9), -4);
}

TEST_F(ScrapeTargetTest, ExtraScrapeMetrics) {
    target({.samples_max = 10, .extra_scrape_metrics = true, .timeout_ms = 2500});
    scrape("a 1\n");
    const Rows got = store_.take_rows(true);
    EXPECT_EQ(got.size(), 9U);
    EXPECT_TRUE(
        std::ranges::count(got, "scrape_timeout_seconds{instance=\"i\", job=\"j\"} 2.5 @15"));
    EXPECT_TRUE(std::ranges::count(got, "scrape_sample_limit{instance=\"i\", job=\"j\"} 10 @15"));
    EXPECT_TRUE(std::ranges::count(got, "scrape_body_size_bytes{instance=\"i\", job=\"j\"} 4 @15"));
}

// Lines that come and go for ever: the cache stays in proportion to what a scrape has, markers are
// written, and metadata of families that are gone goes.
TEST_F(ScrapeTargetTest, ChurnIsBounded) {
    target();
    for (int round = 0; round < 60; ++round) {
        std::string body = fmt::format("# TYPE family_{} gauge\nstays 1\n", round);
        for (int i = 0; i < 100; ++i)
            body += fmt::format("moves{{round=\"{}\",i=\"{}\"}} {}\n", round, i, i);
        EXPECT_TRUE(scrape(body).outcome.ok());
        EXPECT_EQ(store_.take_rows().size(), round == 0 ? 101U : 201U);
    }
    EXPECT_LT(target_->metadata("").size(), 30U);
    EXPECT_EQ(scrape("stays 1\n").series_added, 0U);
    EXPECT_EQ(store_.take_rows().size(), 101U);
}

TEST_F(ScrapeTargetTest, ChurnOfFailingScrapesIsBounded) {
    target();
    scrape("stays 1\n");
    for (int round = 0; round < 40; ++round) {
        std::string body;
        for (int i = 0; i < 100; ++i)
            body += fmt::format("moves{{round=\"{}\",i=\"{}\"}} {}\n", round, i, i);
        EXPECT_FALSE(scrape(body + "x\n").outcome.ok());
    }
    EXPECT_GT(count("prometheus_target_scrapes_cache_flush_forced_total"), 0U);
    EXPECT_EQ(scrape("stays 1\n").series_added, 0U);
}

}  // namespace
}  // namespace kw::intake
