// Segments and frames of the write-ahead log: records to bytes and back.
//
// A record is cut into frames that do not cross pages of 32 KiB; every frame has its checksum. A reader
// that meets damage goes on at the next frame that is whole and begins a record.
// Threads: none of its own.
// Source: docs/formats/wal.md.
#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "base/result.h"

namespace kw::tsdb {

inline constexpr uint32_t kWalVersion = 1;
inline constexpr uint64_t kWalPageBytes = 32 << 10;
inline constexpr uint64_t kWalHeaderBytes = 48;
// Of a batch of 2^20 rows at the most that a row can take.
inline constexpr uint64_t kWalRecordBytesMax = 64 << 20;

enum class WalFileKind : unsigned char { kSegment, kCheckpoint };

struct WalHeader {
    WalFileKind kind = WalFileKind::kSegment;
    uint64_t number = 0;
    uint64_t follows_segment = 0;  // 0: none
    uint64_t follows_bytes = 0;
};

void append_wal_header(const WalHeader& header, Bytes& out);
// Errors: kCorrupt, kUnsupported (a newer version).
Result<WalHeader> parse_wal_header(ByteView file);

// Appends the frames of `record` to `out`, whose first byte will stand at `file_offset` of the file.
void append_wal_record(ByteView record, uint64_t file_offset, Bytes& out);

// Walks over the records of a file.
class WalFrameReader final {
 public:
    enum class Event : unsigned char {
        kRecord,  // record() is one
        kDamage,  // bytes [begin(), end()) are damaged; whole records follow
        kEnd,  // no more; bytes [begin(), end()) at the end are not whole records, none when equal
    };

    // `file` with its header, which is not looked at.
    explicit WalFrameReader(ByteView file);
    Event next();

    // Valid until the next call of next().
    ByteView record() const { return record_; }
    uint64_t begin() const { return begin_; }
    uint64_t end() const { return end_; }

 private:
    struct Frame {
        unsigned type = 0;  // 0: none here, the page has no more
        ByteView payload;
        uint64_t end = 0;
    };
    // False when the bytes at `offset` are not a frame.
    bool frame_at(uint64_t offset, Frame& frame) const;
    // The next place at or after `offset` where a frame can begin.
    static uint64_t skip_padding(uint64_t offset);
    // The first whole frame that begins a record at or after what follows the bad one at `offset`.
    uint64_t resync(uint64_t offset) const;

    ByteView file_;
    uint64_t offset_ = kWalHeaderBytes;
    uint64_t begin_ = 0;
    uint64_t end_ = 0;
    ByteView record_;
    Bytes assembled_;
};

}  // namespace kw::tsdb
