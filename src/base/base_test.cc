// Bytes, checksums, cancelling, budgets, the log line and the metrics registry.
#include <gtest/gtest.h>

#include "base/bytes.h"
#include "base/cancel.h"
#include "base/check.h"
#include "base/checksum.h"
#include "base/log.h"
#include "base/memory_budget.h"
#include "base/metrics.h"
#include "base/result.h"

namespace kw {
namespace {

Result<int> half(int value) {
    if (value % 2 != 0) return invalid("{} is odd", value);
    return value / 2;
}

Result<int> quarter(int value) {
    KW_TRY_ASSIGN(const int once, half(value));
    KW_TRY(half(once));
    return half(once).with_context("second");
}

TEST(Result, CarriesValueOrErrorWithContext) {
    EXPECT_EQ(quarter(8).value(), 2);
    EXPECT_EQ(quarter(3).error().message, "3 is odd");
    EXPECT_EQ(half(3).with_context("file x").error().message, "file x: 3 is odd");
    EXPECT_EQ(half(3).error().code, Code::kInvalid);
}

TEST(Check, ThrowsWhatBroke) {
    EXPECT_NO_THROW(KW_CHECK(true));
    EXPECT_THROW(KW_CHECK(1 == 2), BrokenInvariant);
    EXPECT_DEATH(KW_CHECK_FATAL(1 == 2), "broken invariant.*1 == 2");
}

TEST(Bytes, VarintsRoundTripAndRefuseWhatIsNoVarint) {
    for (const uint64_t value : {uint64_t{0}, uint64_t{127}, uint64_t{128}, uint64_t{300},
                                 uint64_t{1} << 63, UINT64_MAX}) {
        ByteWriter out;
        out.varint(value);
        ByteReader in(out.view());
        EXPECT_EQ(in.varint().value(), value);
        EXPECT_TRUE(in.at_end());
        for (size_t cut = 0; cut < out.size(); ++cut) {
            EXPECT_FALSE(ByteReader(out.view().first(cut)).varint().ok());
        }
    }
    EXPECT_FALSE(ByteReader(as_bytes("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02")).varint().ok());
    for (const int64_t value : {int64_t{0}, int64_t{-1}, INT64_MIN, INT64_MAX}) {
        EXPECT_EQ(unzigzag(zigzag(value)), value);
    }
}

TEST(Bytes, ReaderNeverLeavesItsView) {
    ByteReader in(as_bytes("abc"));
    EXPECT_EQ(in.u32().error().code, Code::kCorrupt);
    EXPECT_EQ(in.u16().value(), 0x6261);
    EXPECT_FALSE(in.take(2).ok());
    EXPECT_EQ(as_text(in.take(1).value()), "c");
    EXPECT_FALSE(in.seek(4).ok());
    EXPECT_TRUE(in.seek(3).ok());
    EXPECT_FALSE(ByteReader(as_bytes("\x05"
                                     "abc"))
                     .text()
                     .ok());
    EXPECT_EQ(ByteReader(as_bytes("\x03"
                                  "abc"))
                  .text()
                  .value(),
              "abc");
}

TEST(Crc32c, AgreesWithTheRfcAndItsPlainForm) {
    // RFC 3720, appendix B.4.
    EXPECT_EQ(crc32c(Bytes(32, 0)), 0x8a9136aau);
    EXPECT_EQ(crc32c(Bytes(32, 0xff)), 0x62a8ab43u);
    EXPECT_EQ(crc32c(as_bytes("123456789")), 0xe3069283u);
    Bytes bytes;
    for (int i = 0; i < 300; ++i) {
        EXPECT_EQ(crc32c(bytes), crc32c_plain(bytes)) << i;
        const ByteView view = bytes;
        EXPECT_EQ(crc32c(view.subspan(view.size() / 3), crc32c(view.first(view.size() / 3))),
                  crc32c(view));
        bytes.push_back(static_cast<uint8_t>(i * 7));
    }
}

TEST(CancelToken, StopsOnceCancelledOrLate) {
    CancelToken token;
    EXPECT_TRUE(token.check().ok());
    token.cancel();
    EXPECT_EQ(token.check().error().code, Code::kCancelled);
    CancelToken late;
    late.set_timeout(std::chrono::milliseconds(-1));
    EXPECT_EQ(late.check().error().code, Code::kTimeout);
    EXPECT_EQ(late.check().error().code, Code::kTimeout);
}

TEST(MemoryBudget, CountsAgainstItselfAndItsParent) {
    MemoryBudget server(100);
    {
        MemoryBudget query(80, &server);
        MemoryReservation held(query);
        EXPECT_TRUE(held.grow(60).ok());
        EXPECT_EQ(held.grow(30).error().code, Code::kExhausted);
        EXPECT_EQ(query.used_bytes(), 60u);
        MemoryBudget other(80, &server);
        EXPECT_FALSE(other.reserve(50).ok());
        EXPECT_EQ(other.used_bytes(), 0u);
        EXPECT_EQ(server.used_bytes(), 60u);
    }
    EXPECT_EQ(server.used_bytes(), 0u);
    EXPECT_EQ(server.peak_bytes(), 60u);
}

TEST(Log, WritesLogfmtAndJson) {
    const auto line = [](LogFormat format) {
        return format_log_line(format, "2026-01-02T03:04:05.678Z", LogLevel::kWarn, "disk \"full\"",
                               {{"path", "/data"}, {"why", "a=b\nc"}});
    };
    EXPECT_EQ(
        line(LogFormat::kLogfmt),
        R"(time=2026-01-02T03:04:05.678Z level=warn msg="disk \"full\"" path=/data why="a=b\nc")");
    EXPECT_EQ(
        line(LogFormat::kJson),
        R"({"time":"2026-01-02T03:04:05.678Z","level":"warn","msg":"disk \"full\"","path":"/data","why":"a=b\nc"})");
    EXPECT_FALSE(parse_log_level("loud").ok());
    EXPECT_EQ(parse_log_level("error").value(), LogLevel::kError);
}

TEST(MetricRegistry, RendersWhatWasCounted) {
    MetricRegistry registry;
    registry.counter("b_total", "Things.", {{"kind", "a\"b"}}).add(3);
    registry.counter("b_total", "Things.", {{"kind", "a\"b"}}).add(1);
    registry.gauge("a", "Now.").set(1.5);
    registry.histogram("h", "Sizes.", {1, 2}).observe(2);
    registry.callback("c", "Read.", false, {}, [] { return 7.0; });
    EXPECT_THROW(registry.gauge("b_total", "Things."), BrokenInvariant);
    std::string text;
    registry.render(text);
    EXPECT_EQ(text,
              "# HELP a Now.\n# TYPE a gauge\na 1.5\n"
              "# HELP b_total Things.\n# TYPE b_total counter\nb_total{kind=\"a\\\"b\"} 4\n"
              "# HELP c Read.\n# TYPE c gauge\nc 7\n"
              "# HELP h Sizes.\n# TYPE h histogram\nh_bucket{le=\"1\"} 0\nh_bucket{le=\"2\"} 1\n"
              "h_bucket{le=\"+Inf\"} 1\nh_sum 2\nh_count 1\n");
}

}  // namespace
}  // namespace kw
