#include "tsdb/wal_frame.h"

#include <gtest/gtest.h>

namespace kw::tsdb {
namespace {

Bytes text_bytes(std::string_view text) { return {text.begin(), text.end()}; }

// A file with a header and these records; `ends` gets where each record's frames end.
Bytes make_file(const std::vector<Bytes>& records, std::vector<uint64_t>* ends = nullptr) {
    Bytes file;
    append_wal_header({WalFileKind::kSegment, 7, 6, 1234}, file);
    for (const Bytes& record : records) {
        append_wal_record(record, file.size(), file);
        if (ends != nullptr) ends->push_back(file.size());
    }
    return file;
}

struct Walk {
    std::vector<Bytes> records;
    std::vector<std::pair<uint64_t, uint64_t>> damages;
    uint64_t tail_begin = 0;
    uint64_t tail_end = 0;
};

Walk walk(ByteView file) {
    Walk out;
    WalFrameReader reader(file);
    while (true) {
        const auto event = reader.next();
        if (event == WalFrameReader::Event::kRecord) {
            out.records.emplace_back(reader.record().begin(), reader.record().end());
        } else if (event == WalFrameReader::Event::kDamage) {
            out.damages.emplace_back(reader.begin(), reader.end());
        } else {
            out.tail_begin = reader.begin();
            out.tail_end = reader.end();
            return out;
        }
    }
}

std::vector<Bytes> varied_records() {
    std::vector<Bytes> records;
    uint32_t state = 1;
    for (const size_t size : {1u, 5u, 700u, 32000u, 32761u, 100000u, 3u, 65536u, 32640u, 40u}) {
        Bytes& record = records.emplace_back(size);
        for (uint8_t& byte : record)
            byte = static_cast<uint8_t>((state = state * 1664525 + 1013904223) >> 24);
    }
    return records;
}

TEST(WalHeader, RoundTripAndErrors) {
    Bytes file;
    append_wal_header({WalFileKind::kCheckpoint, 42, 41, 99}, file);
    ASSERT_EQ(file.size(), kWalHeaderBytes);
    const WalHeader header = parse_wal_header(file).value();
    EXPECT_EQ(header.kind, WalFileKind::kCheckpoint);
    EXPECT_EQ(header.number, 42u);
    EXPECT_EQ(header.follows_segment, 41u);
    EXPECT_EQ(header.follows_bytes, 99u);
    for (size_t i = 0; i < file.size(); ++i) {
        EXPECT_EQ(parse_wal_header(ByteView(file).first(i)).error().code, Code::kCorrupt);
        Bytes flipped = file;
        flipped[i] ^= 1;
        EXPECT_EQ(parse_wal_header(flipped).error().code, Code::kCorrupt) << i;
    }
}

TEST(WalFrame, GoldenBytes) {
    Bytes out;
    append_wal_record(text_bytes("abc"), kWalHeaderBytes, out);
    EXPECT_EQ(out, (Bytes{0x25, 0x81, 0xfc, 0xe8, 3, 0, 1, 'a', 'b', 'c'}));
}

TEST(WalFrame, RoundTrip) {
    const std::vector<Bytes> records = varied_records();
    const Bytes file = make_file(records);
    const Walk got = walk(file);
    EXPECT_EQ(got.records, records);
    EXPECT_TRUE(got.damages.empty());
    EXPECT_EQ(got.tail_begin, got.tail_end);
}

TEST(WalFrame, EveryTruncationGivesAPrefix) {
    const std::vector<Bytes> records = varied_records();
    std::vector<uint64_t> ends;
    const Bytes file = make_file(records, &ends);
    for (size_t size = kWalHeaderBytes; size <= file.size(); size += size % 32768 < 60 ? 1 : 4999) {
        const size_t want =
            static_cast<size_t>(std::upper_bound(ends.begin(), ends.end(), size) - ends.begin());
        const Walk got = walk(ByteView(file).first(size));
        ASSERT_EQ(got.records.size(), want) << size;
        EXPECT_TRUE(got.damages.empty());
        EXPECT_EQ(got.tail_end, size);
        if (want > 0) EXPECT_GE(got.tail_begin, ends[want - 1]);
        // What was torn and then filled with zeros, as some file systems do, is torn as well.
        Bytes zeros(file.begin(), file.begin() + static_cast<ptrdiff_t>(size));
        zeros.resize(file.size() + 100);
        EXPECT_EQ(walk(zeros).records.size(), want) << size;
    }
}

TEST(WalFrame, OneDamagedByteCostsOneRecord) {
    std::vector<Bytes> records(300, text_bytes("a record of some length, so that pages have many"));
    for (size_t i = 0; i < records.size(); ++i) records[i][0] = static_cast<uint8_t>(i);
    records.push_back(Bytes(100'000, 1));
    records.push_back(text_bytes("last"));
    std::vector<uint64_t> ends;
    const Bytes file = make_file(records, &ends);
    for (size_t at = kWalHeaderBytes; at < file.size() - 20; at += 131) {
        Bytes damaged = file;
        damaged[at] ^= 0x40;
        const Walk got = walk(damaged);
        // A damaged length hides the rest of its page; anything else one record.
        ASSERT_EQ(got.damages.size(), 1u) << at;
        EXPECT_LE(got.damages[0].first, at);
        EXPECT_GT(got.damages[0].second, at);
        EXPECT_EQ(got.records.back(), records.back());
        for (const Bytes& record : got.records) {
            EXPECT_NE(std::find(records.begin(), records.end(), record), records.end());
        }
    }
}

}  // namespace
}  // namespace kw::tsdb
