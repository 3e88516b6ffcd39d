#include "wire/exposition/protobuf_parser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "model/native_histogram.h"
#include "wire/exposition/protobuf_testing.h"

namespace kw::wire {
namespace {

using testing::bucket;
using testing::delimited;
using ::testing::HasSubstr;
using testing::label;
using testing::Message;
using testing::span;

constexpr HistogramChoice kNative{.native = true};

// What the parser hands out, a line a step.
std::string read(std::string_view body, const HistogramChoice& choice = {}) {
    ProtobufParser parser(body, choice);
    std::string out;
    for (;;) {
        const Step step = parser.next();
        if (step == Step::kEnd) return out;
        if (step == Step::kError) return out + parser.error().message;
        if (step != Step::kSample) {
            out += std::string(parser.line_text()) + "\n";
            continue;
        }
        out += std::string(parser.series()) + " " +
               (parser.histogram() ? histogram_text(from_stored(*parser.histogram()))
                                   : format_value(parser.value()));
        if (parser.has_timestamp()) out += fmt::format(" @{}", parser.timestamp().count);
        for (const Exemplar& one : parser.exemplars()) {
            out += " # " + one.labels.to_string() + " " + format_value(one.value);
            if (one.has_timestamp) out += fmt::format(" @{}", one.timestamp.count);
        }
        out += "\n";
        SeriesLabels labels;
        EXPECT_TRUE(labels.read(parser.series(), ProtobufParser::kTextFormat).ok());
    }
}

Message counter(std::string_view path, double value) {
    return Message()
        .message(1, label("path", path))
        .message(3, Message().number(1, value))
        .varint(6, 5000);
}

// The classic and the native form of 6 observations.
Message histogram() {
    return Message()
        .varint(1, 6)
        .number(2, 12.5)
        .message(3, bucket(0.5, 1))
        .message(3, bucket(2, 4))
        .sint(5, 0)
        .number(6, 0.001)
        .varint(7, 1)
        .message(12, span(0, 2))
        .sints(13, {2, 1});
}

Message family(std::string_view name, uint64_t type, const Message& metric) {
    return Message().text(1, name).varint(3, type).message(4, metric);
}

TEST(ProtobufParser, CountersWithHelpUnitAndTime) {
    const std::string body =
        delimited(Message()
                      .text(1, "wait_seconds")
                      .text(2, "How \"long\"\nit took.")
                      .varint(3, 0)
                      .message(4, counter("/a\"\n", 1.5))
                      .message(4, counter("/b", 2))
                      .text(5, "seconds")) +
        delimited(family("täg", 1, Message().message(2, Message().number(1, -1))));
    EXPECT_EQ(read(body),
              "# TYPE wait_seconds counter\n"
              "# HELP wait_seconds How \\\"long\\\"\\nit took.\n"
              "# UNIT wait_seconds seconds\n"
              "{\"wait_seconds\",\"path\"=\"/a\\\"\\n\"} 1.5 @5000\n"
              "{\"wait_seconds\",\"path\"=\"/b\"} 2 @5000\n"
              "# TYPE \"täg\" gauge\n"
              "{\"täg\"} -1\n");
}

TEST(ProtobufParser, SummariesAndUntyped) {
    const Message summary = Message()
                                .varint(1, 10)
                                .number(2, 5)
                                .message(3, Message().number(1, 0.5).number(2, 0.25))
                                .message(3, Message().number(1, 1).number(2, NAN));
    EXPECT_EQ(read(delimited(family("s", 2, Message().message(4, summary))) +
                   delimited(family("u", 3, Message().message(5, Message().number(1, 3))))),
              "# TYPE s summary\n{\"s_count\"} 10\n{\"s_sum\"} 5\n"
              "{\"s\",\"quantile\"=\"0.5\"} 0.25\n{\"s\",\"quantile\"=\"1.0\"} NaN\n"
              "# TYPE u unknown\n{\"u\"} 3\n");
}

TEST(ProtobufParser, GivesTheFormsThatWereChosen) {
    const std::string body =
        delimited(family("h", 4, Message().message(1, label("a", "b")).message(7, histogram())));
    const std::string type = "# TYPE h histogram\n";
    const std::string native =
        "{\"h\",\"a\"=\"b\"} {count:6, sum:12.5, [-0.001,0.001]:1, (0.5,1]:2, (1,2]:3}\n";
    const std::string classic =
        "{\"h_count\",\"a\"=\"b\"} 6\n{\"h_sum\",\"a\"=\"b\"} 12.5\n"
        "{\"h_bucket\",\"a\"=\"b\",\"le\"=\"0.5\"} 1\n{\"h_bucket\",\"a\"=\"b\",\"le\"=\"2.0\"} 4\n"
        "{\"h_bucket\",\"a\"=\"b\",\"le\"=\"+Inf\"} 6\n";
    const std::string custom =
        "{\"h\",\"a\"=\"b\"} {count:6, sum:12.5, [-Inf,0.5]:1, (0.5,2]:3, (2,+Inf]:2}\n";
    EXPECT_EQ(read(body), type + classic);
    EXPECT_EQ(read(body, kNative), type + native);
    EXPECT_EQ(read(body, {.native = true, .always_classic = true}), type + native + classic);
    EXPECT_EQ(read(body, {.native = true, .convert = true}), type + native);
    EXPECT_EQ(read(body, {.convert = true}), type + custom);
    EXPECT_EQ(read(body, {.always_classic = true, .convert = true}), type + custom + classic);
}

TEST(ProtobufParser, FloatAndGaugeHistograms) {
    const Message floats =
        Message().number(4, 2.5).number(2, 1).sint(5, 3).message(9, span(1, 1)).numbers(11, {2.5});
    const std::string body = delimited(family("g", 5, Message().message(7, floats)));
    ProtobufParser parser(body, kNative);
    ASSERT_EQ(parser.next(), Step::kType);
    EXPECT_EQ(parser.type(), MetricType::kGaugeHistogram);
    ASSERT_EQ(parser.next(), Step::kSample);
    ASSERT_NE(parser.histogram(), nullptr);
    EXPECT_EQ(parser.histogram()->counter_reset_hint, CounterResetHint::kGauge);
    EXPECT_EQ(parser.histogram()->negative_buckets, (std::vector<double>{2.5}));
    EXPECT_EQ(parser.next("x"), Step::kEnd);
    // A native histogram without observations has a span of no buckets.
    EXPECT_EQ(read(delimited(family(
                       "e", 4, Message().message(7, Message().sint(5, 3).message(12, span(0, 0))))),
                   kNative),
              "# TYPE e histogram\n{\"e\"} {count:0, sum:0}\n");
}

TEST(ProtobufParser, FinerThanEightIsReduced) {
    const Message fine =
        Message().varint(1, 3).sint(5, 10).message(12, span(1, 3)).sints(13, {1, 0, 0});
    const std::string body = delimited(family("f", 4, Message().message(7, fine)));
    ProtobufParser parser(body, kNative);
    parser.next();
    ASSERT_EQ(parser.next(), Step::kSample);
    EXPECT_EQ(parser.histogram()->schema, 8);
    EXPECT_EQ(parser.histogram()->positive_buckets, (std::vector<double>{3}));
}

TEST(ProtobufParser, KnowsWhatWasExpected) {
    const std::string body = delimited(family("c", 0, counter("/", 1)));
    ProtobufParser parser(body, {});
    parser.next();
    ASSERT_EQ(parser.next("{\"c\",\"path\"=\"/\"}"), Step::kSample);
    EXPECT_TRUE(parser.was_expected());
}

TEST(ProtobufParser, SaysWhatIsWrong) {
    const std::string good = delimited(family("c", 0, counter("/", 1)));
    for (size_t size = 1; size < good.size(); ++size) {
        EXPECT_THAT(read(std::string_view(good).substr(0, size)), HasSubstr("byte")) << size;
    }
    EXPECT_THAT(read(delimited(Message().varint(3, 0))), HasSubstr("a family without a name"));
    EXPECT_THAT(read(delimited(Message().text(1, "x").varint(3, 9))),
                HasSubstr("a type that is not known"));
    EXPECT_THAT(read(delimited(family("x", 1, counter("/", 1)))),
                HasSubstr("metric 1 of the body, family \"x\": a metric of type gauge without the "
                          "value of one"));
    Message unsound = histogram();
    unsound.varint(1, 7);
    EXPECT_THAT(read(delimited(family("h", 4, Message().message(7, unsound))), kNative),
                HasSubstr("6 observations found in buckets, but the Count field is 7"));
}

Message exemplar(std::string_view trace, double value) {
    return Message().message(1, label("t", trace)).number(2, value);
}
Message exemplar(std::string_view trace, double value, uint64_t seconds, uint64_t nanos) {
    return exemplar(trace, value).message(3, Message().varint(1, seconds).varint(2, nanos));
}

TEST(ProtobufParser, ExemplarsOfCountersAndBuckets) {
    const Message counted = Message().number(1, 2).message(2, exemplar("a", 1.5, 7, 123'999'999));
    EXPECT_EQ(read(delimited(family("c", 0, Message().message(3, counted)))),
              "# TYPE c counter\n{\"c\"} 2 # {t=\"a\"} 1.5 @7123\n");
    // A gauge has none.
    EXPECT_EQ(read(delimited(family("g", 1, Message().message(2, counted)))),
              "# TYPE g gauge\n{\"g\"} 2\n");
    const Message classic = Message()
                                .varint(1, 3)
                                .message(3, bucket(1, 2).message(3, exemplar("x", 0.5)))
                                .message(3, bucket(2, 3).message(3, exemplar("y", 1.5, 9, 0)));
    EXPECT_EQ(read(delimited(family("h", 4, Message().message(7, classic)))),
              "# TYPE h histogram\n{\"h_count\"} 3\n{\"h_sum\"} 0\n"
              "{\"h_bucket\",\"le\"=\"1.0\"} 2 # {t=\"x\"} 0.5\n"
              "{\"h_bucket\",\"le\"=\"2.0\"} 3 # {t=\"y\"} 1.5 @9000\n"
              "{\"h_bucket\",\"le\"=\"+Inf\"} 3\n");
    EXPECT_EQ(read(delimited(family("h", 4, Message().message(7, classic))), {.convert = true}),
              "# TYPE h histogram\n{\"h\"} {count:3, sum:0, [-Inf,1]:2, (1,2]:1}"
              " # {t=\"x\"} 0.5 # {t=\"y\"} 1.5 @9000\n");
}

TEST(ProtobufParser, ExemplarsOfNativeHistograms) {
    const auto native = [] {
        return Message().varint(1, 1).sint(5, 0).message(12, span(0, 1)).sints(13, {1});
    };
    const auto text = [](const Message& one) {
        return read(delimited(family("n", 4, Message().message(7, one))), kNative);
    };
    const std::string histogram = "# TYPE n histogram\n{\"n\"} {count:1, sum:0, (0.5,1]:1}";
    EXPECT_EQ(text(native().message(16, exemplar("a", 1, 5, 0)).message(16, exemplar("b", 2))),
              histogram + " # {t=\"a\"} 1 @5000 # {t=\"b\"} 2\n");
    // Without its own it has those of its classic buckets.
    EXPECT_EQ(text(native().message(3, bucket(1, 1).message(3, exemplar("c", 3, 6, 0)))),
              histogram + " # {t=\"c\"} 3 @6000\n");
    EXPECT_EQ(text(native()
                       .message(3, bucket(1, 1).message(3, exemplar("c", 3, 6, 0)))
                       .message(16, exemplar("a", 1, 5, 0))),
              histogram + " # {t=\"a\"} 1 @5000\n");
}

TEST(ProtobufParser, ExemplarsThatAreNoneAreLeftOutAndMalformedOnesAreErrors) {
    const auto text = [](const Message& one) {
        return read(delimited(
            family("c", 0, Message().message(3, Message().number(1, 2).message(2, one)))));
    };
    const std::string without = "# TYPE c counter\n{\"c\"} 2\n";
    EXPECT_EQ(text(exemplar("\xff", 1)), without);
    EXPECT_EQ(text(exemplar("a", 1).message(1, label("t", "b"))), without);
    EXPECT_EQ(text(exemplar("a", 1, uint64_t{1} << 62, 0)), without);
    EXPECT_EQ(text(exemplar("a", 1, static_cast<uint64_t>(-1), 0)),
              "# TYPE c counter\n{\"c\"} 2 # {t=\"a\"} 1 @-1000\n");
    EXPECT_EQ(text(Message()), "# TYPE c counter\n{\"c\"} 2 # {} 0\n");
    EXPECT_THAT(text(Message().text(1, "\x0a\x09")), HasSubstr("longer than what it stands in"));
    EXPECT_THAT(text(Message().text(3, "\x08")), HasSubstr("a varint that ends too early"));
}

TEST(ProtobufParser, CountsWhatCannotBeConverted) {
    const Message falls = Message().varint(1, 6).message(3, bucket(1, 5)).message(3, bucket(2, 4));
    const std::string body = delimited(family("h", 4, Message().message(7, falls)));
    ProtobufParser parser(body, {.convert = true});
    EXPECT_EQ(parser.next(), Step::kType);
    EXPECT_EQ(parser.next(), Step::kEnd);
    EXPECT_EQ(parser.not_converted(), 1u);
}

}  // namespace
}  // namespace kw::wire
