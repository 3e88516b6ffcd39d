#include "net/zstd_decoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zstd.h>

namespace kw::net {
namespace {

using testing::HasSubstr;

std::string packed(const std::string& text, int window_log = 0) {
    ZSTD_CCtx* const context = ZSTD_createCCtx();
    if (window_log > 0) {
        ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, window_log);
        ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0);
    }
    std::string out(ZSTD_compressBound(text.size()) + 64, '\0');
    ZSTD_outBuffer to{out.data(), out.size(), 0};
    ZSTD_inBuffer from{text.data(), text.size(), 0};
    // Two calls: with one the frame would need no more window than the text is long.
    if (window_log > 0) ZSTD_compressStream2(context, &to, &from, ZSTD_e_flush);
    EXPECT_EQ(ZSTD_compressStream2(context, &to, &from, ZSTD_e_end), 0U);
    ZSTD_freeCCtx(context);
    out.resize(to.pos);
    return out;
}

Result<std::string> unpacked(std::string_view bytes, size_t step, uint64_t max) {
    ZstdDecoder decoder(max);
    std::string out;
    while (!bytes.empty()) {
        const std::string_view piece = bytes.substr(0, step);
        bytes.remove_prefix(piece.size());
        KW_TRY(decoder.decode(piece, out));
    }
    KW_TRY(decoder.finish());
    return out;
}

TEST(ZstdDecoder, ReadsFramesInPieces) {
    std::string text;
    for (int i = 0; i < 50'000; ++i) text += "line " + std::to_string(i) + "\n";
    const std::string bytes = packed(text);
    for (const size_t step : {size_t{1}, size_t{7}, size_t{4096}, bytes.size()}) {
        SCOPED_TRACE(step);
        const Result<std::string> got = unpacked(bytes, step, text.size());
        ASSERT_TRUE(got.ok()) << got.error().message;
        EXPECT_EQ(*got, text);
    }
    EXPECT_EQ(unpacked(packed("one ") + packed("") + packed("two"), 3, 100).value(), "one two");
}

TEST(ZstdDecoder, StopsAtTheLimit) {
    const std::string bomb = packed(std::string(64 << 20, '0'));
    ASSERT_LT(bomb.size(), 10'000U);
    const Result<std::string> got = unpacked(bomb, bomb.size(), 1 << 20);
    ASSERT_FALSE(got.ok());
    EXPECT_EQ(got.error().code, Code::kExhausted);
}

TEST(ZstdDecoder, RefusesALargeWindow) {
    EXPECT_TRUE(unpacked(packed("text", ZstdDecoder::kWindowLogMax), 100, 100).ok());
    const Result<std::string> got =
        unpacked(packed("text", ZstdDecoder::kWindowLogMax + 1), 100, 100);
    ASSERT_FALSE(got.ok());
    EXPECT_EQ(got.error().code, Code::kInvalid);
    EXPECT_THAT(got.error().message, HasSubstr("not zstd"));
}

TEST(ZstdDecoder, EveryTruncationAndOtherBytesAreErrors) {
    const std::string bytes = packed("some text, some text, some other text");
    for (size_t size = 0; size < bytes.size(); ++size) {
        EXPECT_FALSE(unpacked(std::string_view(bytes).substr(0, size), 5, 1000).ok()) << size;
    }
    EXPECT_FALSE(unpacked("plain text, not compressed", 100, 1000).ok());
}

}  // namespace
}  // namespace kw::net
