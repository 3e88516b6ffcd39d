#include "tsdb/exemplar_buffer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "tsdb/database_fixture.h"

namespace kw::tsdb {
namespace {

class ExemplarBufferTest : public DatabaseTest {
 protected:
    // An exemplar with trace_id `trace`.
    ExemplarVerdict add(const LabelSet& series, std::string_view trace, double value,
                        int64_t time) {
        return buffer_.append(series, {{{"trace_id", trace}}, value, {time}, true});
    }

    // "a: t1=1@10 t2=2@20; b: …"
    std::string found(const std::string& name, TimeRange range = {}) const {
        std::string out;
        const std::vector<Matcher> by_name = {
            Matcher::make(MatchOp::kRegex, std::string(kMetricName), name).value()};
        for (const ExemplarSeries& series : buffer_.select({by_name}, range)) {
            out += std::string(series.labels.get(kMetricName)) + ":";
            for (const Exemplar& one : series.exemplars) {
                out += fmt::format(" {}={}@{}", one.labels.get("trace_id"), one.value,
                                   one.timestamp.count);
            }
            out += ";";
        }
        return out;
    }
    double gauge(const std::string& name) { return metrics_.gauge(name, "").value(); }

    const LabelSet a_{{kMetricName, "a"}};
    const LabelSet b_{{kMetricName, "b"}};
    ExemplarBuffer buffer_{env_, 3};
};

TEST_F(ExemplarBufferTest, KeepsTheNewestOverAllSeries) {
    EXPECT_EQ(add(b_, "t1", 1, 10), ExemplarVerdict::kStored);
    EXPECT_EQ(add(a_, "t2", 2, 20), ExemplarVerdict::kStored);
    EXPECT_EQ(add(a_, "t3", 3, 30), ExemplarVerdict::kStored);
    EXPECT_EQ(found(".*"), "a: t2=2@20 t3=3@30;b: t1=1@10;");
    EXPECT_EQ(gauge("prometheus_tsdb_exemplar_series_with_exemplars_in_storage"), 2);
    EXPECT_EQ(gauge("prometheus_tsdb_exemplar_last_exemplars_timestamp_seconds"), 0.01);
    EXPECT_EQ(add(a_, "t4", 4, 40), ExemplarVerdict::kStored);
    EXPECT_EQ(found(".*"), "a: t2=2@20 t3=3@30 t4=4@40;");
    EXPECT_EQ(gauge("prometheus_tsdb_exemplar_series_with_exemplars_in_storage"), 1);
    EXPECT_EQ(gauge("prometheus_tsdb_exemplar_exemplars_in_storage"), 3);
    EXPECT_EQ(gauge("prometheus_tsdb_exemplar_last_exemplars_timestamp_seconds"), 0.02);
}

TEST_F(ExemplarBufferTest, AnswersWhatIsInTheRangeAndMatches) {
    add(a_, "t1", 1, 10);
    add(a_, "t2", 2, 20);
    add(b_, "t3", 3, 30);
    EXPECT_EQ(found("a"), "a: t1=1@10 t2=2@20;");
    EXPECT_EQ(found(".*", {{20}, {30}}), "a: t2=2@20;b: t3=3@30;");
    EXPECT_EQ(found(".*", {{11}, {19}}), "");
}

TEST_F(ExemplarBufferTest, RefusesWhatIsNoNewerThanTheNewest) {
    EXPECT_EQ(add(a_, "t2", 2, 20), ExemplarVerdict::kStored);
    EXPECT_EQ(add(a_, "t2", 2, 20), ExemplarVerdict::kSameAgain);
    EXPECT_EQ(add(a_, "t1", 1, 10), ExemplarVerdict::kOutOfOrder);
    EXPECT_EQ(add(a_, "t2", 1, 20), ExemplarVerdict::kOutOfOrder);
    EXPECT_EQ(add(a_, "t1", 2, 20), ExemplarVerdict::kOutOfOrder);
    EXPECT_EQ(add(a_, "t2", 3, 20), ExemplarVerdict::kStored);
    EXPECT_EQ(found("a"), "a: t2=2@20 t2=3@20;");
    EXPECT_EQ(metrics_.counter("prometheus_tsdb_exemplar_out_of_order_exemplars_total", "").value(),
              3U);
    EXPECT_EQ(metrics_.counter("prometheus_tsdb_exemplar_exemplars_appended_total", "").value(),
              2U);
    EXPECT_EQ(add(b_, "n", NAN, 5), ExemplarVerdict::kStored);
    EXPECT_EQ(add(b_, "n", NAN, 5), ExemplarVerdict::kSameAgain);
}

TEST_F(ExemplarBufferTest, CountsTheCharactersOfLabelsNotTheirBytes) {
    const size_t name = std::string("trace_id").size();
    std::string wide;
    for (size_t i = 0; i < kExemplarLabelCharsMax - name; ++i) wide += "é";
    EXPECT_EQ(add(a_, wide, 1, 10), ExemplarVerdict::kStored);
    EXPECT_EQ(add(a_, wide + "x", 1, 20), ExemplarVerdict::kLabelsTooLong);
}

TEST_F(ExemplarBufferTest, ALowerBoundKeepsTheNewestAndZeroNone) {
    add(a_, "t1", 1, 10);
    add(b_, "t2", 2, 20);
    buffer_.resize(1);
    EXPECT_EQ(found(".*"), "b: t2=2@20;");
    EXPECT_EQ(gauge("prometheus_tsdb_exemplar_max_exemplars"), 1);
    // The series' only one is what goes.
    EXPECT_EQ(add(b_, "t3", 3, 30), ExemplarVerdict::kStored);
    EXPECT_EQ(found(".*"), "b: t3=3@30;");
    buffer_.resize(0);
    EXPECT_EQ(found(".*"), "");
    EXPECT_EQ(add(b_, "t4", 4, 40), ExemplarVerdict::kDisabled);
}

}  // namespace
}  // namespace kw::tsdb
