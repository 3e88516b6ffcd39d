#include "wire/remote_write/write_request.h"

#include <gtest/gtest.h>
#include <snappy.h>

#include <bit>
#include <optional>
#include <string>
#include <vector>

#include "model/native_histogram.h"

namespace kw::wire {
namespace {

std::string field(uint8_t number, std::string_view content) {
    ByteWriter out;
    out.u8(static_cast<uint8_t>(number << 3 | 2));
    out.text(content);
    return std::string(as_text(out.view()));
}

std::string label(std::string_view name, std::string_view value) {
    return field(1, field(1, name) + field(2, value));
}

std::string sample(double value, int64_t timestamp) {
    ByteWriter out;
    out.u8(1 << 3 | 1);
    out.f64(value);
    out.u8(2 << 3);
    out.varint(static_cast<uint64_t>(timestamp));
    return field(2, as_text(out.view()));
}

void varint_field(ByteWriter& out, uint8_t number, uint64_t value) {
    out.varint(uint64_t{number} << 3);
    out.varint(value);
}
void double_field(ByteWriter& out, uint8_t number, double value) {
    out.varint(uint64_t{number} << 3 | 1);
    out.f64(value);
}

// The content of an integer histogram of schema 0 with 1 and 3 observations in buckets 0 and 1, 3 around zero; `count`
// is 7 where it is sound. Deltas are packed.
std::string histogram(uint64_t count) {
    ByteWriter out;
    varint_field(out, 1, count);
    double_field(out, 3, 2.5);
    varint_field(out, 4, zigzag(0));
    double_field(out, 5, 0.001);
    varint_field(out, 6, 3);
    std::string content(as_text(out.view()));
    out.clear();
    varint_field(out, 1, zigzag(0));
    varint_field(out, 2, 2);
    content += field(11, as_text(out.view()));
    out.clear();
    out.varint(zigzag(1));
    out.varint(zigzag(2));
    content += field(12, as_text(out.view()));
    out.clear();
    varint_field(out, 15, 3000);
    return content + std::string(as_text(out.view()));
}

std::string shown(const WriteRequest& request) {
    std::string out;
    for (const WriteSeries& series : request.series) {
        std::vector<LabelView> labels;
        const Result<void> read = read_label_fields(series.label_fields, labels);
        if (!read.ok()) return read.error().message;
        for (const LabelView& view : labels) out += fmt::format("{}={};", view.name, view.value);
        for (uint32_t i = 0; i < series.sample_count; ++i) {
            const size_t at = series.sample_begin + i;
            const bool is_float = request.histograms.empty() || !request.histograms[at];
            out += fmt::format(" {}@{}",
                               is_float ? fmt::format("{}", request.values[at])
                                        : histogram_text(from_stored(*request.histograms[at])),
                               request.timestamps[at].count);
        }
        out += '\n';
    }
    return out;
}

TEST(WriteRequest, DecodesSeriesAndCountsTheRest) {
    const std::string message =
        field(1,
              label("__name__", "up") + label("job", "a") + sample(1, 1000) + sample(-2.5, 2000)) +
        field(3, "metadata") +
        field(1, label("__name__", "h") + field(4, histogram(7)) +
                     field(3, field(1, field(1, "t") + field(2, "1"))) + field(9, "unknown")) +
        field(1, label("__name__", "n") + sample(0, -1));
    WriteRequest request;
    ASSERT_TRUE(decode_write_request(as_bytes(message), {}, request).ok());
    EXPECT_EQ(shown(request),
              "__name__=up;job=a; 1@1000 -2.5@2000\n__name__=h; {count:7, sum:2.5, "
              "[-0.001,0.001]:3, (0.5,1]:1, (1,2]:3}@3000\n__name__=n; 0@-1\n");
    EXPECT_EQ(request.metadata_count, 1U);
    EXPECT_EQ(request.bad_histograms, 0U);
    ASSERT_EQ(request.exemplars.size(), 1U);
    EXPECT_EQ(request.exemplars[0].label_fields, field(1, field(1, "t") + field(2, "1")));
    EXPECT_TRUE(request.gathered.empty());
}

TEST(WriteRequest, FloatHistogramsCustomBucketsAndMarkers) {
    ByteWriter out;
    double_field(out, 2, 1.5);
    double_field(out, 3, -1);
    varint_field(out, 4, zigzag(-53));
    varint_field(out, 14, 3);
    varint_field(out, 15, 5);
    std::string custom(as_text(out.view()));
    out.clear();
    varint_field(out, 2, 2);
    custom += field(11, as_text(out.view()));
    out.clear();
    double_field(out, 13, 0.5);  // not packed
    double_field(out, 13, 1);
    custom += std::string(as_text(out.view()));
    ByteWriter bounds;
    for (const double bound : {2.0, 4.0, 8.0}) bounds.f64(bound);
    ByteWriter tag;
    tag.varint(16 << 3 | 2);
    tag.text(as_text(bounds.view()));
    custom += std::string(as_text(tag.view()));
    ByteWriter marker;
    double_field(marker, 3, kStaleMarker);
    varint_field(marker, 15, 6);
    const std::string message = field(1, label("__name__", "h") + sample(1, 1) + field(4, custom) +
                                             field(4, as_text(marker.view())) + sample(2, 7)) +
                                field(1, label("__name__", "n") + sample(3, 8));
    WriteRequest request;
    ASSERT_TRUE(decode_write_request(as_bytes(message), {}, request).ok());
    ASSERT_EQ(request.histograms.size(), 5u);
    EXPECT_EQ(request.histograms[0], nullptr);
    ASSERT_NE(request.histograms[1], nullptr);
    const Histogram& got = *request.histograms[1];
    EXPECT_EQ(got.counter_reset_hint, CounterResetHint::kGauge);
    EXPECT_EQ(got.schema, kCustomBucketsSchema);
    EXPECT_EQ(got.custom_values, (std::vector<double>{2, 4, 8}));
    EXPECT_EQ(got.positive_buckets, (std::vector<double>{0.5, 1}));
    EXPECT_EQ(got.count, 1.5);
    ASSERT_NE(request.histograms[2], nullptr);
    EXPECT_TRUE(is_stale(request.histograms[2]->sum));
    EXPECT_EQ(request.histograms[3], nullptr);
    EXPECT_EQ(request.histograms[4], nullptr);
    EXPECT_EQ(request.series[0].sample_count, 4u);
    EXPECT_EQ(request.series[1].sample_begin, 4u);
}

TEST(WriteRequest, CountsHistogramsThatAreNotSound) {
    const std::string message =
        field(1, label("__name__", "a") + field(4, histogram(7))) +
        field(1, label("__name__", "b") + field(4, histogram(8)) + sample(1, 1));
    WriteRequest request;
    ASSERT_TRUE(decode_write_request(as_bytes(message), {}, request).ok());
    EXPECT_EQ(request.bad_histograms, 1u);
    EXPECT_EQ(request.bad_histogram.series, 1u);
    EXPECT_EQ(request.bad_histogram.timestamp, Millis{3000});
    EXPECT_NE(request.bad_histogram.why.find("7 observations found in buckets"), std::string::npos);
    EXPECT_EQ(request.values.size(), 2u);
}

TEST(WriteRequest, HistogramsAreBounded) {
    std::string many = label("__name__", "h");
    for (int i = 0; i < 20; ++i) many += field(4, histogram(7));
    WriteLimits limits;
    limits.histogram_parts_max = 100;
    WriteRequest request;
    const Result<void> decoded = decode_write_request(as_bytes(field(1, many)), limits, request);
    ASSERT_FALSE(decoded.ok());
    EXPECT_EQ(decoded.error().code, Code::kExhausted);
    // A single one with more deltas than are kept.
    std::string deltas(100'000, '\0');
    WriteRequest large;
    ASSERT_TRUE(
        decode_write_request(
            as_bytes(field(1, label("__name__", "h") + field(4, field(12, deltas)))), {}, large)
            .ok());
    EXPECT_EQ(large.bad_histograms, 1u);
}

TEST(WriteRequest, LabelsMayStandApart) {
    const std::string together = field(1, label("a", "1") + label("b", "2") + sample(1, 5));
    const std::string apart = field(1, label("a", "1") + sample(1, 5) + label("b", "2"));
    WriteRequest first;
    WriteRequest second;
    ASSERT_TRUE(decode_write_request(as_bytes(together), {}, first).ok());
    ASSERT_TRUE(decode_write_request(as_bytes(apart), {}, second).ok());
    EXPECT_EQ(first.series[0].label_fields, second.series[0].label_fields);
    EXPECT_EQ(shown(first), shown(second));
}

// The bytes that Prometheus' client sends, written out: {__name__="up"} 1 @1700000000000.
TEST(WriteRequest, GoldenBytes) {
    constexpr std::string_view kMessage(
        "\x0a\x22\x0a\x0e\x0a\x08__name__"
        "\x12\x02up\x12\x10\x09\x00\x00\x00\x00\x00\x00\xf0\x3f\x10\x80\xd0\x95\xff\xbc\x31",
        36);
    WriteRequest request;
    ASSERT_TRUE(decode_write_request(as_bytes(kMessage), {}, request).ok());
    EXPECT_EQ(shown(request), "__name__=up; 1@1700000000000\n");
}

TEST(WriteRequest, SaysWhichByteIsWrong) {
    struct Row {
        std::string message;
        std::string_view want;
    };
    const Row rows[] = {
        {std::string("\x0a\x05\x0a", 3), "byte 2: a field longer than what it stands in"},
        {std::string("\x0a\x80", 2), "byte 2: a varint that ends too early"},
        {std::string("\x0b", 1), "byte 1: a wire type that is not used"},
        {std::string("\x02\x00", 2), "byte 1: field number 0"},
        {std::string("\x0a\x04\x12\x02\x09\x00", 6), "byte 5: a fixed64 that ends too early"},
        {std::string("\x10") + std::string(11, '\xff'), "byte 1: a varint of more than 10 bytes"},
        {std::string("\x55\x00\x00", 3), "byte 1: a fixed32 that ends too early"},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.want);
        WriteRequest request;
        const Result<void> got = decode_write_request(as_bytes(row.message), {}, request);
        ASSERT_FALSE(got.ok());
        EXPECT_EQ(got.error().message, row.want);
    }
}

TEST(WriteRequest, IsBounded) {
    const std::string message =
        field(1, label("a", "1") + sample(1, 1) + sample(2, 2)) + field(1, label("a", "2"));
    WriteRequest request;
    EXPECT_TRUE(decode_write_request(as_bytes(message), {2, 2}, request).ok());
    EXPECT_EQ(decode_write_request(as_bytes(message), {1, 2}, request).error().message,
              "more than 1 series in one request");
    EXPECT_EQ(decode_write_request(as_bytes(message), {2, 1}, request).error().message,
              "more than 1 samples in one request");
}

TEST(WriteRequest, RefusesEveryTruncation) {
    const std::string message =
        field(1, label("__name__", "up") + label("job", "a") + sample(1, 1000));
    for (size_t length = 1; length < message.size(); ++length) {
        WriteRequest request;
        const std::string cut = message.substr(0, length);
        EXPECT_FALSE(decode_write_request(as_bytes(cut), {}, request).ok()) << length;
    }
}

TEST(Snappy, IsCapped) {
    const std::string plain(100'000, 'x');
    std::string block;
    snappy::Compress(plain.data(), plain.size(), &block);
    RawBuffer buffer;
    const Result<ByteView> fits = snappy_uncompress(as_bytes(block), plain.size(), buffer);
    ASSERT_TRUE(fits.ok());
    EXPECT_EQ(as_text(*fits), plain);
    EXPECT_EQ(snappy_uncompress(as_bytes(block), plain.size() - 1, buffer).error().code,
              Code::kExhausted);
    for (const size_t length : {size_t{0}, size_t{2}, block.size() - 1}) {
        const std::string cut = block.substr(0, length);
        EXPECT_EQ(snappy_uncompress(as_bytes(cut), plain.size(), buffer).error().code,
                  Code::kInvalid)
            << length;
    }
}

TEST(WriteHeaders, WantRemoteWrite1) {
    struct Row {
        std::string_view type;
        std::string_view encoding;
        bool want;
    };
    const Row rows[] = {
        {"application/x-protobuf", "snappy", true},
        {"application/x-protobuf;proto=prometheus.WriteRequest", "snappy", true},
        {"Application/X-Protobuf; proto=prometheus.WriteRequest", " Snappy ", true},
        {"application/x-protobuf;proto=io.prometheus.write.v2.Request", "snappy", false},
        {"application/json", "snappy", false},
        {"", "snappy", false},
        {"application/x-protobuf", "", false},
        {"application/x-protobuf", "gzip", false},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.type);
        EXPECT_EQ(check_write_headers(row.type, row.encoding).ok(), row.want);
    }
}

}  // namespace
}  // namespace kw::wire
