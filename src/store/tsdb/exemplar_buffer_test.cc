#include "tsdb/exemplar_buffer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>
#include <string>

#include "tsdb/database_fixture.h"

namespace kw::tsdb {
namespace {

constexpr ExemplarVerdict kVerdicts[] = {
    ExemplarVerdict::kStored, ExemplarVerdict::kSameAgain, ExemplarVerdict::kOutOfOrder,
    ExemplarVerdict::kLabelsTooLong, ExemplarVerdict::kDisabled};

class ExemplarBufferTest : public DatabaseTest {
 protected:
    // An exemplar with trace_id `trace`.
    ExemplarVerdict add(const LabelSet& series, std::string_view trace, double value,
                        int64_t time) {
        const Result<ExemplarCounts> counts = buffer_.append(
            {{series, {{{{"trace_id", trace}}, value, {time}, true}}}}, Durability::kSoon);
        for (const ExemplarVerdict verdict : kVerdicts) {
            if ((*counts)[verdict] == 1) return verdict;
        }
        throw std::logic_error("no verdict");
    }

    // "a: t1=1@10 t2=2@20; b: …"
    std::string found(const std::string& name, TimeRange range = {}) const {
        return found_in(buffer_, name, range);
    }
    static std::string found_in(const ExemplarBuffer& buffer, const std::string& name,
                                TimeRange range = {}) {
        std::string out;
        const std::vector<Matcher> by_name = {
            Matcher::make(MatchOp::kRegex, std::string(kMetricName), name).value()};
        for (const ExemplarSeries& series : buffer.select({by_name}, range)) {
            out += std::string(series.labels.get(kMetricName)) + ":";
            for (const Exemplar& one : series.exemplars) {
                out += fmt::format(" {}={}@{}", one.labels.get("trace_id"), one.value,
                                   one.timestamp.count);
            }
            out += ";";
        }
        return out;
    }
    // What state() gives.
    static std::vector<Bytes> records(const ExemplarBuffer& buffer) {
        std::vector<Bytes> records;
        EXPECT_TRUE(buffer
                        .state([&](ByteView record) {
                            records.emplace_back(record.begin(), record.end());
                            return Result<void>();
                        })
                        .ok());
        return records;
    }
    static void restore(ExemplarBuffer& buffer, ByteView record) {
        DecodedExemplars exemplars;
        ASSERT_TRUE(decode_exemplars(record, exemplars).ok());
        buffer.restore(exemplars);
    }
    // As append() logs it.
    static Bytes record_of(uint64_t number, const LabelSet& series, std::string_view trace,
                           double value, int64_t time) {
        ExemplarRecord record(number);
        record.add(series, {{{"trace_id", trace}}, value, {time}, true});
        return record.take();
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

TEST_F(ExemplarBufferTest, ItsStateMakesItAgain) {
    for (int i = 0; i < 5; ++i) add(i % 2 == 0 ? a_ : b_, "t" + std::to_string(i), i, 10 + i);
    ASSERT_EQ(found(".*"), "a: t2=2@12 t4=4@14;b: t3=3@13;");
    ExemplarBuffer again(env_, 3);
    for (const Bytes& record : records(buffer_)) restore(again, record);
    EXPECT_EQ(found_in(again, ".*"), found(".*"));
    EXPECT_EQ(gauge("prometheus_tsdb_exemplar_exemplars_in_storage"), 3);
    // It goes on with the next number.
    EXPECT_EQ(records(again), records(buffer_));
    DecodedExemplars decoded;
    ASSERT_TRUE(decode_exemplars(records(again).front(), decoded).ok());
    EXPECT_EQ(decoded.number, 2u);
    ExemplarBuffer smaller(env_, 1);
    for (const Bytes& record : records(buffer_)) restore(smaller, record);
    EXPECT_EQ(found_in(smaller, ".*"), "a: t4=4@14;");
}

// The log repeats what came between the beginning of its segment and the state: had it been pushed out by then, it
// must not come back in the place of a newer one.
TEST_F(ExemplarBufferTest, WhatTheStateStandsForIsNotRestoredFromTheLogBehindIt) {
    std::vector<Bytes> log;
    for (int i = 0; i < 6; ++i) {
        const LabelSet series{{kMetricName, "s" + std::to_string(i)}};
        add(series, "t", i, 10 + i);
        log.push_back(record_of(static_cast<uint64_t>(i), series, "t", i, 10 + i));
    }
    const std::string want = found(".*");
    ExemplarBuffer again(env_, 3);
    for (const Bytes& record : records(buffer_)) restore(again, record);
    for (const Bytes& record : log) restore(again, record);
    EXPECT_EQ(found_in(again, ".*"), want);
    restore(again, record_of(6, a_, "t", 6, 16));
    EXPECT_EQ(found_in(again, "a|s4|s5"), "a: t=6@16;s4: t=4@14;s5: t=5@15;");
}

TEST_F(ExemplarBufferTest, AGapOfNumbersIsKept) {
    ExemplarBuffer buffer(env_, 3);
    restore(buffer, record_of(1, a_, "t1", 1, 10));
    restore(buffer, record_of(7, a_, "t2", 2, 20));
    EXPECT_EQ(found_in(buffer, "a"), "a: t1=1@10 t2=2@20;");
    EXPECT_EQ(records(buffer),
              (std::vector{record_of(1, a_, "t1", 1, 10), record_of(7, a_, "t2", 2, 20)}));
}

TEST_F(ExemplarBufferTest, ALargeStateIsSeveralRecords) {
    ExemplarBuffer buffer(env_, 10'000);
    for (int i = 0; i < 10'000; ++i) {
        ASSERT_TRUE(buffer
                        .append({{a_, {{{{"trace_id", "0123456789abcdef"}}, 1.0 * i, {i}, true}}}},
                                Durability::kSoon)
                        .ok());
    }
    EXPECT_GT(records(buffer).size(), 4u);
    ExemplarBuffer again(env_, 10'000);
    for (const Bytes& record : records(buffer)) restore(again, record);
    EXPECT_EQ(found_in(again, "a"), found_in(buffer, "a"));
}

}  // namespace
}  // namespace kw::tsdb
