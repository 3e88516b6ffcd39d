#include "tsdb/wal_frame.h"

#include <algorithm>

#include "base/checksum.h"

namespace kw::tsdb {
namespace {

constexpr std::string_view kSegmentMagic = "KWWALSEG";
constexpr std::string_view kCheckpointMagic = "KWWALCKP";
constexpr uint64_t kFrameHeaderBytes = 7;
constexpr uint64_t kFrameBytesMin = kFrameHeaderBytes + 1;

enum FrameType : unsigned { kNone = 0, kWhole = 1, kFirst = 2, kMiddle = 3, kLast = 4 };

bool begins_record(unsigned type) { return type == kWhole || type == kFirst; }

}  // namespace

void append_wal_header(const WalHeader& header, Bytes& out) {
    ByteWriter writer;
    writer.append(
        as_bytes(header.kind == WalFileKind::kSegment ? kSegmentMagic : kCheckpointMagic));
    writer.u32(kWalVersion);
    writer.u32(0);
    writer.u64(header.number);
    writer.u64(header.follows_segment);
    writer.u64(header.follows_bytes);
    writer.u32(0);
    writer.u32(crc32c(writer.view()));
    out.insert(out.end(), writer.view().begin(), writer.view().end());
}

Result<WalHeader> parse_wal_header(ByteView file) {
    if (file.size() < kWalHeaderBytes) {
        return corrupt("header: {} bytes, want {}", file.size(), kWalHeaderBytes);
    }
    WalHeader header;
    const std::string_view magic = as_text(file.first(8));
    if (magic == kCheckpointMagic) {
        header.kind = WalFileKind::kCheckpoint;
    } else if (magic != kSegmentMagic) {
        return corrupt("header: no magic");
    }
    const auto want = load_le<uint32_t>(file.data() + 44);
    const uint32_t got = crc32c(file.first(44));
    if (got != want) return corrupt("header: crc {:08x}, want {:08x}", got, want);
    const auto version = load_le<uint32_t>(file.data() + 8);
    if (version != kWalVersion) return unsupported("version {} of the log", version);
    header.number = load_le<uint64_t>(file.data() + 16);
    header.follows_segment = load_le<uint64_t>(file.data() + 24);
    header.follows_bytes = load_le<uint64_t>(file.data() + 32);
    return header;
}

void append_wal_record(ByteView record, uint64_t file_offset, Bytes& out) {
    bool first = true;
    do {
        uint64_t room = kWalPageBytes - file_offset % kWalPageBytes;
        if (room < kFrameBytesMin) {
            out.resize(out.size() + room);
            file_offset += room;
            room = kWalPageBytes;
        }
        const uint64_t length = std::min<uint64_t>(record.size(), room - kFrameHeaderBytes);
        const bool last = length == record.size();
        const unsigned type = first ? (last ? kWhole : kFirst) : (last ? kLast : kMiddle);
        const size_t at = out.size();
        out.resize(at + kFrameHeaderBytes + length);
        store_le(out.data() + at + 4, static_cast<uint16_t>(length));
        out[at + 6] = static_cast<uint8_t>(type);
        std::copy_n(record.begin(), length,
                    out.begin() + static_cast<ptrdiff_t>(at + kFrameHeaderBytes));
        store_le(out.data() + at, crc32c(ByteView(out).subspan(at + 4)));
        file_offset += kFrameHeaderBytes + length;
        record = record.subspan(length);
        first = false;
    } while (!record.empty());
}

WalFrameReader::WalFrameReader(ByteView file) : file_(file) {}

uint64_t WalFrameReader::skip_padding(uint64_t offset) {
    const uint64_t room = kWalPageBytes - offset % kWalPageBytes;
    return room < kFrameBytesMin ? offset + room : offset;
}

bool WalFrameReader::frame_at(uint64_t offset, Frame& frame) const {
    const uint64_t page_end =
        std::min<uint64_t>(file_.size(), (offset / kWalPageBytes + 1) * kWalPageBytes);
    if (offset + kFrameBytesMin > page_end) return false;
    const uint8_t* const at = file_.data() + offset;
    const auto length = load_le<uint16_t>(at + 4);
    frame.type = at[6];
    if (frame.type == kNone) {
        frame.end = page_end;
        return std::all_of(at, file_.data() + page_end, [](uint8_t byte) { return byte == 0; });
    }
    if (frame.type > kLast || length == 0 || offset + kFrameHeaderBytes + length > page_end)
        return false;
    frame.payload = file_.subspan(offset + kFrameHeaderBytes, length);
    frame.end = offset + kFrameHeaderBytes + length;
    return crc32c(file_.subspan(offset + 4, 3u + length)) == load_le<uint32_t>(at);
}

uint64_t WalFrameReader::resync(uint64_t offset) const {
    Frame frame;
    // Only the payload may be damaged: the length then leads to the next frame of the page.
    if (offset + kFrameBytesMin <= file_.size()) {
        const auto length = load_le<uint16_t>(file_.data() + offset + 4);
        const uint64_t next = skip_padding(offset + kFrameHeaderBytes + length);
        if (next / kWalPageBytes == offset / kWalPageBytes && frame_at(next, frame) &&
            frame.type != kNone) {
            return next;
        }
    }
    return (offset / kWalPageBytes + 1) * kWalPageBytes;
}

WalFrameReader::Event WalFrameReader::next() {
    begin_ = offset_;
    uint64_t at = offset_;
    bool damaged = false;
    bool inside = false;  // a record has begun
    Frame frame;
    while (true) {
        at = skip_padding(at);
        if (at >= file_.size()) break;
        if (!frame_at(at, frame)) {
            damaged = true;
            inside = false;
            at = resync(at);
            continue;
        }
        if (frame.type == kNone) {
            if (inside) damaged = true, inside = false;
            at = frame.end;
            continue;
        }
        if (begins_record(frame.type)) {
            if (damaged || inside) {
                end_ = offset_ = at;
                return Event::kDamage;
            }
            if (frame.type == kWhole) {
                record_ = frame.payload;
                begin_ = at;
                end_ = offset_ = frame.end;
                return Event::kRecord;
            }
            begin_ = at;
            inside = true;
            assembled_.assign(frame.payload.begin(), frame.payload.end());
        } else if (!inside || assembled_.size() + frame.payload.size() > kWalRecordBytesMax) {
            damaged = true;  // the end of a record whose beginning is damaged
            inside = false;
        } else {
            assembled_.insert(assembled_.end(), frame.payload.begin(), frame.payload.end());
            if (frame.type == kLast) {
                record_ = assembled_;
                end_ = offset_ = frame.end;
                return Event::kRecord;
            }
        }
        at = frame.end;
    }
    // Zeros at the end were never records, whatever their number.
    if (!damaged && !inside) begin_ = file_.size();
    end_ = offset_ = file_.size();
    return Event::kEnd;
}

}  // namespace kw::tsdb
