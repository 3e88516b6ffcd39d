#include "kilowatch/exposition.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <protozero/pbf_reader.hpp>

#include <cmath>

#include "kilowatch/trace.h"

namespace kilowatch {
namespace {

using testing::HasSubstr;

// The registry's own family of losses stands in none of these: it is exposed once it has counted
// something.
std::string expose_as(const Registry& registry, ExpositionFormat format) {
    return render(registry.snapshot(), format);
}

TEST(NegotiateExposition, TakesWhatTheScraperLikesBest) {
    const std::string proto =
        "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily";
    struct Row {
        std::string accept;
        ExpositionFormat want;
    };
    const Row rows[] = {
        {"", ExpositionFormat::kText},
        {"*/*", ExpositionFormat::kText},
        {"text/html, */*;q=0.8", ExpositionFormat::kText},
        {"application/openmetrics-text", ExpositionFormat::kOpenMetrics},
        {"APPLICATION/OpenMetrics-Text; Version=1.0.0", ExpositionFormat::kOpenMetrics},
        {"application/openmetrics-text; version=0.0.1", ExpositionFormat::kText},
        {"application/openmetrics-text;q=0", ExpositionFormat::kText},
        {"application/openmetrics-text;version=1.0.0;q=0.4,text/plain;version=0.0.4;q=0.5",
         ExpositionFormat::kText},
        {"application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4",
         ExpositionFormat::kOpenMetrics},
        {proto + ";encoding=delimited;q=0.6,application/openmetrics-text;version=1.0.0;q=0.5,"
                 "text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
         ExpositionFormat::kProtobuf},
        {proto + ";encoding=text", ExpositionFormat::kText},
        {"application/vnd.google.protobuf;proto=other.Family;encoding=delimited",
         ExpositionFormat::kText},
        {"application/openmetrics-text;version=\"1.0.0\";q=\"0.7\",text/plain;q=0.6",
         ExpositionFormat::kOpenMetrics},
        {"application/openmetrics-text;q=2,text/plain;q=0.1", ExpositionFormat::kText},
        {";;,=,\"", ExpositionFormat::kText},
        {std::string(5000, ',') + "application/openmetrics-text", ExpositionFormat::kText},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.accept);
        EXPECT_EQ(negotiate_exposition(row.accept), row.want);
    }
}

TEST(Render, TextHasEveryKindAndEscapes) {
    Registry registry;
    registry.counter("a_total", "Says \"hi\"\\\n.").increment(3);
    registry.gauge_family("b", "B.", {"path", "x"}).with({"C:\\\"\n", "é"}).set(-INFINITY);
    registry.gauge("c", "C.").set(0.1);
    Histogram& histogram = registry.histogram("d", "D.", {.bounds = {0.5, 1}});
    histogram.observe(0.5);
    histogram.observe(7);
    EXPECT_EQ(expose_as(registry, ExpositionFormat::kText),
              "# HELP a_total Says \"hi\"\\\\\\n.\n"
              "# TYPE a_total counter\n"
              "a_total 3\n"
              "# HELP b B.\n"
              "# TYPE b gauge\n"
              "b{path=\"C:\\\\\\\"\\n\",x=\"é\"} -Inf\n"
              "# HELP c C.\n"
              "# TYPE c gauge\n"
              "c 0.1\n"
              "# HELP d D.\n"
              "# TYPE d histogram\n"
              "d_bucket{le=\"0.5\"} 1\n"
              "d_bucket{le=\"1\"} 1\n"
              "d_bucket{le=\"+Inf\"} 2\n"
              "d_sum 7.5\n"
              "d_count 2\n");
}

TEST(Render, OpenMetricsHasExemplarsOfSampledSpans) {
    Registry registry;
    registry.counter("a_total", "A \"quoted\" help.").increment();
    Histogram& histogram =
        registry.histogram_family("d_seconds", "D.", {"path"}, {.bounds = {1}}).with({"/f"});
    SpanContext span =
        *parse_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    {
        const ContextScope scope({span, nullptr});
        histogram.observe(0.25);
    }
    span.sampled = false;
    {
        const ContextScope scope({span, nullptr});
        histogram.observe(3);
    }
    const std::string text = expose_as(registry, ExpositionFormat::kOpenMetrics);
    EXPECT_THAT(text, HasSubstr("# HELP a A \\\"quoted\\\" help.\n# TYPE a counter\na_total 1\n"));
    EXPECT_THAT(text,
                testing::ContainsRegex("d_seconds_bucket\\{path=\"/f\",le=\"1.0\"\\} 1 # "
                                       "\\{trace_id=\"0af7651916cd43dd8448eb211c80319c\",span_id="
                                       "\"b7ad6b7169203331\"\\} 0.25 [0-9]{10}\\.[0-9]{3}\n"));
    EXPECT_THAT(text, HasSubstr("d_seconds_bucket{path=\"/f\",le=\"+Inf\"} 2\n"));
    EXPECT_TRUE(text.ends_with("# EOF\n"));
    EXPECT_THAT(expose_as(registry, ExpositionFormat::kText), testing::Not(HasSubstr("trace_id")));
}

TEST(Render, NativeOnlyHistogramsAreStillValidText) {
    Registry registry;
    registry.histogram("d", "D.", {.bounds = {}, .native = NativeOptions{}}).observe(2);
    EXPECT_EQ(expose_as(registry, ExpositionFormat::kText),
              "# HELP d D.\n# TYPE d histogram\nd_bucket{le=\"+Inf\"} 1\nd_sum 2\nd_count 1\n");
}

// Reads the delimited messages of a body by hand and finds what was observed.
TEST(Render, ProtobufCarriesNativeAndClassicForms) {
    Registry registry;
    Histogram& histogram =
        registry.histogram("d", "D.", {.bounds = {1, 4}, .native = NativeOptions{.schema = 0}});
    for (const double value : {0.0, 1.0, 3.0, 3.0, 100.0, -2.0}) histogram.observe(value);
    const std::string body = expose_as(registry, ExpositionFormat::kProtobuf);

    const char* at = body.data();
    const char* const end = body.data() + body.size();
    const uint64_t size = protozero::decode_varint(&at, end);
    ASSERT_EQ(size, static_cast<uint64_t>(end - at));
    protozero::pbf_reader family(at, size);
    ASSERT_TRUE(family.next(1));
    EXPECT_EQ(family.get_string(), "d");
    ASSERT_TRUE(family.next(3));
    EXPECT_EQ(family.get_enum(), 4);
    ASSERT_TRUE(family.next(4));
    protozero::pbf_reader metric = family.get_message();
    ASSERT_TRUE(metric.next(7));
    protozero::pbf_reader out = metric.get_message();
    std::vector<uint64_t> cumulative;
    std::vector<std::pair<int32_t, uint32_t>> spans;
    std::vector<int64_t> deltas;
    std::vector<std::pair<int32_t, uint32_t>> negative_spans;
    while (out.next()) {
        switch (out.tag()) {
            case 1: EXPECT_EQ(out.get_uint64(), 6u); break;
            case 2: EXPECT_EQ(out.get_double(), 105); break;
            case 3: {
                protozero::pbf_reader bucket = out.get_message();
                ASSERT_TRUE(bucket.next(1));
                cumulative.push_back(bucket.get_uint64());
                break;
            }
            case 5: EXPECT_EQ(out.get_sint32(), 0); break;
            case 7: EXPECT_EQ(out.get_uint64(), 1u); break;
            case 9:
            case 12: {
                auto& list = out.tag() == 9 ? negative_spans : spans;
                protozero::pbf_reader span = out.get_message();
                ASSERT_TRUE(span.next(1));
                const int32_t offset = span.get_sint32();
                ASSERT_TRUE(span.next(2));
                list.emplace_back(offset, span.get_uint32());
                break;
            }
            case 13:
                for (const int64_t delta : out.get_packed_sint64()) deltas.push_back(delta);
                break;
            default: out.skip();
        }
    }
    EXPECT_THAT(cumulative, testing::ElementsAre(3, 5));
    // 1 in bucket 0 (0.5, 1], 3 twice in bucket 2 (2, 4], 100 in bucket 7 (64, 128].
    EXPECT_THAT(spans, testing::ElementsAre(testing::Pair(0, 3), testing::Pair(4, 1)));
    EXPECT_THAT(deltas, testing::ElementsAre(1, -1, 2, -1));
    EXPECT_THAT(negative_spans, testing::ElementsAre(testing::Pair(1, 1)));
}

TEST(Expose, AnswersWithTheTypeThatItWrites) {
    Registry registry;
    registry.gauge("g", "G.").set(1);
    EXPECT_EQ(expose(registry, "").content_type, "text/plain; version=0.0.4; charset=utf-8");
    const Exposition open = expose(registry, "application/openmetrics-text");
    EXPECT_EQ(open.content_type, "application/openmetrics-text; version=1.0.0; charset=utf-8");
    EXPECT_TRUE(open.body.ends_with("# EOF\n"));
}

}  // namespace
}  // namespace kilowatch
