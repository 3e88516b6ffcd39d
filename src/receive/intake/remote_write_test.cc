#include "intake/remote_write.h"

#include <gtest/gtest.h>
#include <snappy.h>

#include <string>
#include <thread>
#include <vector>

#include "base/bytes.h"
#include "base/checksum.h"
#include "intake/label_ref_cache.h"
#include "intake/pipeline.h"
#include "intake/recording_exemplars.h"
#include "intake/recording_store.h"
#include "intake/test_environment.h"

namespace kw::intake {
namespace {

using Rows = std::vector<std::string>;

struct Sample {
    double value;
    int64_t time_ms;
};

std::string field(uint8_t number, std::string_view content) {
    ByteWriter out;
    out.u8(static_cast<uint8_t>(number << 3 | 2));
    out.text(content);
    return std::string(as_text(out.view()));
}

std::string series(const std::vector<LabelView>& labels, const std::vector<Sample>& samples) {
    std::string content;
    for (const LabelView& label : labels)
        content += field(1, field(1, label.name) + field(2, label.value));
    for (const Sample& sample : samples) {
        ByteWriter out;
        out.u8(1 << 3 | 1);
        out.f64(sample.value);
        out.u8(2 << 3);
        out.varint(static_cast<uint64_t>(sample.time_ms));
        content += field(2, as_text(out.view()));
    }
    return field(1, content);
}

std::string packed(std::string_view message) {
    std::string block;
    snappy::Compress(message.data(), message.size(), &block);
    return block;
}

class RemoteWriteTest : public testing::Test {
 protected:
    RemoteWriteIntake::Answer write(std::string_view message) {
        return pipeline_.remote_write().write(packed(message));
    }

    TestEnvironment environment_;
    RecordingStore store_;
    Pipeline pipeline_{environment_.env, store_, {}};
};

TEST_F(RemoteWriteTest, StoresAndRemembers) {
    const std::string message = series({{"__name__", "up"}, {"job", "a"}}, {{1, 10}, {2, 20}}) +
                                series({{"__name__", "up"}, {"job", "b"}}, {{3, 10}});
    const RemoteWriteIntake::Answer answer = write(message);
    EXPECT_EQ(answer.status, 204);
    EXPECT_EQ(answer.message, "");
    EXPECT_EQ(answer.samples_stored, 3U);
    const Rows want = {"up{job=\"a\"} 1 @10", "up{job=\"a\"} 2 @20", "up{job=\"b\"} 3 @10"};
    EXPECT_EQ(store_.take_rows(true), want);
    EXPECT_EQ(store_.ref_of_calls, 2U);
    EXPECT_EQ(write(message).status, 204);  // the same again
    EXPECT_EQ(store_.ref_of_calls, 2U);
    EXPECT_EQ(store_.append_calls, 2U);
}

TEST_F(RemoteWriteTest, LabelsMayComeUnsorted) {
    EXPECT_EQ(write(series({{"job", "a"}, {"__name__", "up"}, {"empty", ""}}, {{1, 10}})).status,
              204);
    EXPECT_EQ(store_.take_rows(true), Rows{"up{job=\"a\"} 1 @10"});
}

TEST_F(RemoteWriteTest, RefusesInvalidSeriesAndStoresTheRest) {
    struct Row {
        std::string bad;
        std::string_view want;
    };
    const Row rows[] = {
        {series({{"job", "a"}}, {{1, 10}, {1, 11}}),
         "2 of 3 samples refused, 1 stored; the first: {job=\"a\"} has no metric name"},
        {series({{"__name__", "up"}, {"a", "1"}, {"a", "2"}}, {{1, 10}}),
         "1 of 2 samples refused, 1 stored; the first: label a is there twice"},
        {series({{"__name__", "up"}, {"", "1"}}, {{1, 10}}),
         "1 of 2 samples refused, 1 stored; the first: a label with an empty name"},
        {series({{"__name__", "up"}, {"a", "\xff"}}, {{1, 10}}),
         "1 of 2 samples refused, 1 stored; the first: the value of label \"a\" is not valid "
         "UTF-8"},
        {series({}, {{1, 10}}),
         "1 of 2 samples refused, 1 stored; the first: {} has no metric name"},
        {series({{"__name__", "up"}, {std::string(2000, 'x'), "1"}}, {{1, 10}}), ""},
    };
    int64_t time = 0;
    for (const Row& row : rows) {
        SCOPED_TRACE(row.want);
        const RemoteWriteIntake::Answer answer =
            write(row.bad + series({{"__name__", "good"}}, {{7, ++time}}));
        EXPECT_EQ(answer.status, 400);
        EXPECT_EQ(answer.samples_stored, 1U);
        if (!row.want.empty()) {
            EXPECT_EQ(answer.message, row.want);
        }
        EXPECT_EQ(store_.take_rows(true), Rows{fmt::format("good 7 @{}", time)});
    }
}

TEST_F(RemoteWriteTest, SaysWhatTheStoreRefused) {
    write(series({{"__name__", "a"}}, {{1, 10}}));
    const RemoteWriteIntake::Answer conflict =
        write(series({{"__name__", "a"}}, {{2, 10}, {2, 11}}));
    EXPECT_EQ(conflict.status, 400);
    EXPECT_EQ(
        conflict.message,
        "1 of 2 samples refused, 1 stored; the first: duplicate sample for timestamp: a at 10 ms");
    store_.too_old_before = Millis{100};
    EXPECT_EQ(write(series({{"__name__", "a"}}, {{2, 12}})).message,
              "1 of 1 samples refused, 0 stored; the first: too old sample: a at 12 ms");
    store_.series_max = 1;
    EXPECT_EQ(write(series({{"__name__", "b"}}, {{2, 120}})).message,
              "1 of 1 samples refused, 0 stored; the first: 1 series");
}

TEST_F(RemoteWriteTest, AsksAgainForSeriesThatTheStoreForgot) {
    const LabelSet labels{{"__name__", "a"}};
    write(series({{"__name__", "a"}}, {{1, 10}}) + series({{"__name__", "b"}}, {{1, 10}}));
    store_.take_rows();
    store_.forget(labels);
    const RemoteWriteIntake::Answer answer = write(series({{"__name__", "a"}}, {{2, 20}, {3, 30}}) +
                                                   series({{"__name__", "b"}}, {{4, 20}}));
    EXPECT_EQ(answer.status, 204);
    EXPECT_EQ(answer.samples_stored, 3U);
    EXPECT_EQ(store_.ref_of_calls, 3U);
    write(series({{"__name__", "a"}}, {{2, 40}}));
    EXPECT_EQ(store_.ref_of_calls, 3U);
}

TEST_F(RemoteWriteTest, AnswersByKindOfFailure) {
    EXPECT_EQ(pipeline_.remote_write().write("not snappy").status, 400);
    EXPECT_EQ(pipeline_.remote_write().write("").status, 400);
    EXPECT_EQ(write(std::string("\x0a\x05\x0a", 3)).message,
              "byte 2: a field longer than what it stands in");
    EXPECT_EQ(write("").status, 204);
    store_.fails = true;
    const RemoteWriteIntake::Answer failed = write(series({{"__name__", "a"}}, {{1, 10}}));
    EXPECT_EQ(failed.status, 503);
    EXPECT_EQ(failed.message, "the disk is full");

    RemoteWriteIntake::Options small;
    small.message_bytes_max = 100;
    RemoteWriteIntake tight(environment_.env, store_, small);
    EXPECT_EQ(tight.write(packed(std::string(101, 'x'))).status, 413);
    small.messages_bytes_max = 10;
    RemoteWriteIntake tiny(environment_.env, store_, small);
    EXPECT_EQ(tiny.write(packed(series({{"__name__", "a"}}, {{1, 10}}))).status, 503);
}

TEST_F(RemoteWriteTest, StoresHistogramsAndRefusesThoseThatAreNotSound) {
    const auto histogram = [](uint64_t count, uint8_t time_ms) {
        // count; one span of one bucket with three observations; the time.
        const std::string span("\x10\x01", 2);
        const std::string deltas("\x06", 1);
        std::string content;
        content += '\x08';
        content += static_cast<char>(count);
        content += field(11, span) + field(12, deltas);
        content += '\x78';
        content += static_cast<char>(time_ms);
        return field(4, content);
    };
    const auto name = [](std::string_view text) {
        return field(1, field(1, "__name__") + field(2, text));
    };
    EXPECT_EQ(write(field(1, name("a") + histogram(3, 10))).status, 204);
    EXPECT_EQ(store_.take_rows(), (Rows{"a {count:3, sum:0, (0.5,1]:3} @10"}));
    const RemoteWriteIntake::Answer answer =
        write(series({{"", "bad"}}, {{1, 10}}) +
              field(1, name("a") + histogram(4, 20) + histogram(3, 30)) +
              series({{"__name__", "b"}}, {{1, 10}}));
    EXPECT_EQ(answer.status, 400);
    EXPECT_EQ(answer.samples_stored, 2u);
    EXPECT_EQ(answer.samples_refused, 2u);
    EXPECT_EQ(store_.take_rows(), (Rows{"a {count:3, sum:0, (0.5,1]:3} @30", "b 1 @10"}));
    const RemoteWriteIntake::Answer alone = write(field(1, name("a") + histogram(4, 40)));
    EXPECT_EQ(alone.status, 400);
    EXPECT_EQ(
        alone.message,
        "1 of 1 samples refused, 0 stored; the first: invalid histogram: 3 observations found "
        "in buckets, but the Count field is 4: histogram's observation count should equal the "
        "number of observations found in the buckets: a at 40 ms");
}

TEST_F(RemoteWriteTest, StoresExemplarsAndFailsNoRequestWhereTheyAreRefused) {
    RecordingExemplars exemplars;
    RemoteWriteIntake intake(environment_.env, store_, {}, &exemplars);
    ByteWriter numbers;
    numbers.u8(2 << 3 | 1);
    numbers.f64(1.5);
    numbers.u8(3 << 3);
    numbers.varint(70);
    const std::string label = field(1, field(1, "t") + field(2, "x"));
    const std::string name = field(1, field(1, "__name__") + field(2, "a"));
    // The second one's labels are no valid UTF-8; the second series has an invalid name.
    const std::string message =
        field(1, name + field(3, label + std::string(as_text(numbers.view()))) +
                     field(3, field(1, field(1, "t") + field(2, "\xff")))) +
        field(1, field(1, field(1, "") + field(2, "a")) + field(3, label));
    EXPECT_EQ(intake.write(packed(message)).status, 204);
    EXPECT_EQ(exemplars.taken, (Rows{"a # {t=\"x\"} 1.5 @70"}));
    Counter& ignored = environment_.metrics.counter("kilowatch_remote_write_ignored_total", "",
                                                    {{"kind", "exemplar"}});
    EXPECT_EQ(ignored.value(), 2U);
    exemplars.verdict = ExemplarVerdict::kOutOfOrder;
    EXPECT_EQ(intake.write(packed(message)).status, 204);
    EXPECT_EQ(ignored.value(), 5U);
}

TEST_F(RemoteWriteTest, AcknowledgesExemplarsWithTheSamplesOrByThemselves) {
    RecordingExemplars exemplars;
    RemoteWriteIntake intake(environment_.env, store_, {}, &exemplars);
    const std::string name = field(1, field(1, "__name__") + field(2, "a"));
    const std::string exemplar = field(3, field(1, field(1, "t") + field(2, "x")));
    const std::string sample = field(2, std::string("\x10\x0a"));  // 0 at 10 ms
    EXPECT_EQ(intake.write(packed(field(1, name + exemplar))).status, 204);
    EXPECT_EQ(exemplars.last_durability, Durability::kAcked);
    EXPECT_EQ(intake.write(packed(field(1, name + sample + exemplar))).status, 204);
    EXPECT_EQ(exemplars.last_durability, Durability::kSoon);
    store_.take_rows();
    exemplars.is_broken = true;
    EXPECT_EQ(intake.write(packed(field(1, name + sample + exemplar))).status, 503);
    EXPECT_EQ(store_.take_rows(), Rows());
}

TEST_F(RemoteWriteTest, StoresExemplarsOfSeveralBatches) {
    RecordingExemplars exemplars;
    RemoteWriteIntake intake(environment_.env, store_, {}, &exemplars);
    std::string series = field(1, field(1, "__name__") + field(2, "a"));
    for (int i = 0; i < 10'000; ++i)
        series += field(3, field(1, field(1, "t") + field(2, std::to_string(i))));
    EXPECT_EQ(intake.write(packed(field(1, series))).status, 204);
    ASSERT_EQ(exemplars.taken.size(), 10'000U);
    EXPECT_EQ(exemplars.taken.back(), "a # {t=\"9999\"} 0 @0");
    EXPECT_EQ(exemplars.last_durability, Durability::kAcked);
}

TEST_F(RemoteWriteTest, CountsWhatItDoesNotStore) {
    const std::string message =
        field(1, field(1, field(1, "__name__") + field(2, "a")) + field(3, "")) + field(3, "m");
    EXPECT_EQ(write(message).status, 204);
    for (const char* kind : {"exemplar", "metadata"}) {
        EXPECT_EQ(environment_.metrics
                      .counter("kilowatch_remote_write_ignored_total", "", {{"kind", kind}})
                      .value(),
                  1U);
    }
}

TEST(LabelRefCache, FindsReplacesAndEvicts) {
    LabelRefCache cache(64 << 10);
    LabelRefCache::Scratch scratch;
    std::vector<std::string> keys;
    for (int i = 0; i < 5000; ++i) keys.push_back(fmt::format("series number {}", i));
    for (size_t i = 0; i < keys.size(); ++i) {
        cache.put(hash64(keys[i]), keys[i], SeriesRef{i + 1});
        const std::string_view key = keys[i];
        SeriesRef ref;
        cache.find({&key, 1}, {&ref, 1}, scratch);
        ASSERT_EQ(ref.id, i + 1);
    }
    EXPECT_LT(cache.bytes(), 200U << 10);
    EXPECT_LT(cache.size(), keys.size());
    EXPECT_GT(cache.size(), 50U);

    const std::vector<std::string_view> views(keys.begin(), keys.end());
    std::vector<SeriesRef> refs(keys.size());
    cache.find(views, refs, scratch);
    for (size_t i = 0; i < keys.size(); ++i) EXPECT_TRUE(!refs[i] || refs[i].id == i + 1);
    cache.put(hash64(keys.back()), keys.back(), SeriesRef{7});
    cache.find(views, refs, scratch);
    EXPECT_EQ(refs.back().id, 7U);
}

// For TSan: finders and putters side by side, with evictions.
TEST(LabelRefCache, IsSafeFromManyThreads) {
    LabelRefCache cache(256 << 10);
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&cache, t] {
            LabelRefCache::Scratch scratch;
            for (int round = 0; round < 50; ++round) {
                std::vector<std::string> keys;
                for (int i = 0; i < 100; ++i)
                    keys.push_back(fmt::format("{}-{}", (round + t) % 10, i));
                const std::vector<std::string_view> views(keys.begin(), keys.end());
                std::vector<SeriesRef> refs(keys.size());
                cache.find(views, refs, scratch);
                for (size_t i = 0; i < keys.size(); ++i) {
                    const uint64_t want = hash64(keys[i]) | 1;
                    ASSERT_TRUE(!refs[i] || refs[i].id == want);
                    if (!refs[i]) cache.put(hash64(keys[i]), keys[i], SeriesRef{want});
                }
            }
        });
    }
}

}  // namespace
}  // namespace kw::intake
