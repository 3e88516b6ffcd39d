#include "net/gzip.h"

#include <gtest/gtest.h>

namespace kw::net {
namespace {

std::string packed(std::string_view text) {
    GzipEncoder encoder;
    std::string out;
    encoder.encode(text, out);
    encoder.finish(out);
    return out;
}

// The text, or the error after a !.
std::string unpacked(std::string_view bytes, uint64_t bytes_max, size_t piece_bytes) {
    GzipDecoder decoder(bytes_max);
    std::string out;
    while (!bytes.empty()) {
        const std::string_view piece = bytes.substr(0, piece_bytes);
        bytes.remove_prefix(piece.size());
        if (const Result<void> decoded = decoder.decode(piece, out); !decoded.ok()) {
            return "!" + decoded.error().message;
        }
    }
    if (const Result<void> whole = decoder.finish(); !whole.ok()) {
        return "!" + whole.error().message;
    }
    return out;
}

std::string sample_text() {
    std::string text;
    for (int i = 0; i < 5000; ++i) text += "line " + std::to_string(i * 7919 % 1000) + "\n";
    return text;
}

TEST(Gzip, GivesBackWhatWasPacked) {
    const std::string text = sample_text();
    for (const size_t piece : {size_t{1}, size_t{7}, size_t{1000}, text.size()}) {
        EXPECT_EQ(unpacked(packed(text), text.size(), piece), text) << piece;
    }
    EXPECT_EQ(unpacked(packed(""), 0, 100), "");
    EXPECT_EQ(unpacked(packed("a") + packed("b"), 2, 100), "ab");  // members follow each other
}

TEST(Gzip, ReadsWhatGzipWrites) {
    // printf hello | gzip -n
    const std::string bytes(
        "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xcb\x48\xcd\xc9\xc9\x07\x00\x86\xa6\x10\x36\x05"
        "\x00"
        "\x00\x00",
        25);
    EXPECT_EQ(unpacked(bytes, 100, 100), "hello");
    for (size_t size = 1; size < bytes.size(); ++size) {
        EXPECT_EQ(unpacked(bytes.substr(0, size), 100, 100), "!gzip stream is truncated") << size;
    }
}

TEST(Gzip, RefusesDamageAndGrowth) {
    const std::string text = sample_text();
    EXPECT_EQ(unpacked(packed(text), text.size() - 1, 1000),
              "!more than " + std::to_string(text.size() - 1) + " bytes after decompression");
    std::string damaged = packed(text);
    damaged[damaged.size() - 6] ^= 1;  // in the checksum
    EXPECT_EQ(unpacked(damaged, text.size(), 1000), "!not gzip: incorrect data check");
    EXPECT_EQ(unpacked("plain text", 100, 100), "!not gzip: incorrect header check");
    EXPECT_EQ(unpacked("", 100, 100), "!gzip stream is truncated");
}

TEST(Gzip, AFlushMakesAllReadable) {
    GzipEncoder encoder;
    std::string bytes;
    encoder.encode("first", bytes);
    encoder.flush(bytes);
    GzipDecoder decoder(100);
    std::string text;
    ASSERT_TRUE(decoder.decode(bytes, text).ok());
    EXPECT_EQ(text, "first");
}

TEST(AcceptsGzip, ReadsWeights) {
    struct Row {
        const char* field;
        bool accepted;
    };
    const Row rows[] = {
        {"", false},         {"gzip", true},           {"GZIP", true},       {"br, gzip", true},
        {"gzip;q=0", false}, {"gzip; q=0.000", false}, {"gzip;q=0.1", true}, {"*", true},
        {"*;q=0", false},    {"br;q=1", false},        {"identity", false},  {"*, gzip;q=0", false},
        {"x-gzip", true},    {"deflate,gzip ,", true}, {"gzipped", false},
    };
    for (const Row& row : rows) EXPECT_EQ(accepts_gzip(row.field), row.accepted) << row.field;
}

}  // namespace
}  // namespace kw::net
