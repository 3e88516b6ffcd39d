#include "tsdb/wal_record.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

namespace kw::tsdb {
namespace {

constexpr uint8_t kOneTimestamp = 1;
constexpr uint8_t kHasStarts = 2;

constexpr unsigned kIntegerBytesMax = 7;
constexpr unsigned kCodeOfHighBytes = 6;  // code − 6 bytes
constexpr unsigned kCodeDecimal = 15;
constexpr unsigned kValueBytesMax = 8;

constexpr double kPowersOfTen[] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                   1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
// Tried in this order: milliseconds, microseconds, nanoseconds; 3 covers percentages too.
constexpr unsigned kExponentsTried[] = {3, 6, 9};
// Integers of doubles are exact below 2^53.
constexpr double kExactMax = 9007199254740992.0;

unsigned bytes_of(uint64_t value) { return static_cast<unsigned>((std::bit_width(value) + 7) / 8); }

// Writes the bytes of `value` at `at`, which has room for kValueBytesMax + 1; returns the end.
uint8_t* put_value(double value, uint8_t* at, unsigned& code) {
    const auto bits = std::bit_cast<uint64_t>(value);
    if (std::fabs(value) < kExactMax) {
        const auto integer = static_cast<int64_t>(value);
        if (std::bit_cast<uint64_t>(static_cast<double>(integer)) == bits) {
            const uint64_t coded = zigzag(integer);
            code = bytes_of(coded);
            store_le(at, coded);
            return at + code;
        }
    }
    const unsigned high_bytes = 8 - static_cast<unsigned>(std::countr_zero(bits)) / 8;
    if (high_bytes > 4 && std::fabs(value) < kExactMax / 1e9) {
        for (const unsigned exponent : kExponentsTried) {
            const double scaled = value * kPowersOfTen[exponent];
            const auto integer = static_cast<int64_t>(std::nearbyint(scaled));
            if (static_cast<double>(integer) / kPowersOfTen[exponent] != value) continue;
            const uint64_t coded = zigzag(integer);
            const unsigned count = bytes_of(coded);
            if (count + 1 >= high_bytes) break;
            code = kCodeDecimal;
            *at = static_cast<uint8_t>(count | exponent << 4);
            store_le(at + 1, coded);
            return at + 1 + count;
        }
    }
    if (bits == kStaleBits) {
        code = kCodeDecimal;
        *at = 0;
        return at + 1;
    }
    const unsigned count = high_bytes < 2 ? 2 : high_bytes;
    code = kCodeOfHighBytes + count;
    store_le(at, bits >> (64 - 8 * count));
    return at + count;
}

Result<double> take_value(ByteReader& in, unsigned code) {
    uint64_t raw = 0;
    if (code <= kIntegerBytesMax) {
        KW_TRY_ASSIGN(const ByteView bytes, in.take(code));
        if (code != 0) std::memcpy(&raw, bytes.data(), code);
        return static_cast<double>(unzigzag(raw));
    }
    if (code < kCodeDecimal) {
        const unsigned count = code - kCodeOfHighBytes;
        KW_TRY_ASSIGN(const ByteView bytes, in.take(count));
        std::memcpy(&raw, bytes.data(), count);
        return std::bit_cast<double>(raw << (64 - 8 * count));
    }
    KW_TRY_ASSIGN(const uint8_t shape, in.u8());
    if (shape == 0) return kStaleMarker;
    const unsigned count = shape & 0xf;
    const unsigned exponent = shape >> 4;
    if (count > kIntegerBytesMax || exponent == 0) {
        return corrupt("value of shape {:#x} before byte {}", shape, in.offset());
    }
    KW_TRY_ASSIGN(const ByteView bytes, in.take(count));
    if (count != 0) std::memcpy(&raw, bytes.data(), count);
    return static_cast<double>(unzigzag(raw)) / kPowersOfTen[exponent];
}

// Runs of one number, as differences: of timestamps (step 0) and of serials (step 1: consecutive).
template <int64_t kStep>
class RunWriter {
 public:
    explicit RunWriter(ByteWriter& out) : out_(out) {}
    void add(int64_t value) {
        const auto distance =
            static_cast<int64_t>(static_cast<uint64_t>(value) - static_cast<uint64_t>(last_));
        if (length_ != 0 && distance == kStep) {
            last_ = value;
            ++length_;
            return;
        }
        finish();
        out_.varint_signed(distance);
        last_ = value;
        length_ = 1;
    }
    void finish() {
        if (length_ != 0) out_.varint(length_ - 1);
        length_ = 0;
    }

 private:
    ByteWriter& out_;
    int64_t last_ = 0;
    uint64_t length_ = 0;
};

// Calls add(value) `count` times.
template <int64_t kStep, typename Add>
Result<void> take_runs(ByteReader& in, uint64_t count, const Add& add) {
    int64_t value = 0;
    while (count > 0) {
        KW_TRY_ASSIGN(const int64_t distance, in.varint_signed());
        KW_TRY_ASSIGN(const uint64_t more, in.varint());
        if (more >= count)
            return corrupt("run of {} + 1 rows before byte {}, {} are left", more, in.offset(),
                           count);
        value =
            static_cast<int64_t>(static_cast<uint64_t>(value) + static_cast<uint64_t>(distance));
        add(value);
        for (uint64_t i = 0; i < more; ++i) {
            value = static_cast<int64_t>(static_cast<uint64_t>(value) + uint64_t{kStep});
            add(value);
        }
        count -= more + 1;
    }
    return {};
}

// Calls take(row) for each row that is not skipped.
template <typename Take>
void for_each_kept(const ShardRows& rows, const SkippedRows& skipped, const Take& take) {
    auto skip = skipped.begin();
    for (size_t i = 0; i < rows.size(); ++i) {
        if (skip != skipped.end() && skip->first == i) {
            ++skip;
        } else {
            take(i);
        }
    }
}

}  // namespace

void begin_series_record(uint64_t count, ByteWriter& out) {
    out.u8(static_cast<uint8_t>(WalRecordKind::kSeries));
    out.varint(count);
}

void append_series(uint64_t id, std::string_view encoded_labels, ByteWriter& out) {
    out.varint(id);
    out.text(encoded_labels);
}

Bytes encode_series(uint64_t id, const LabelSet& labels) {
    ByteWriter out;
    begin_series_record(1, out);
    append_series(id, labels.encoded(), out);
    return out.take();
}

Bytes encode_samples(const ShardRows& rows, const SkippedRows& skipped) {
    const size_t count = rows.size() - skipped.size();
    const bool one_timestamp = rows.timestamps.size() == 1;
    std::vector<HistogramPtr> histograms;  // of all rows, when there are any
    if (!rows.histograms.empty()) {
        for_each_kept(rows, skipped, [&](size_t i) { histograms.push_back(rows.histograms[i]); });
        if (std::ranges::all_of(histograms, [](const auto& one) { return one == nullptr; })) {
            histograms.clear();
        }
    }
    ByteWriter head;
    head.u8(static_cast<uint8_t>(histograms.empty() ? WalRecordKind::kSamples
                                                    : WalRecordKind::kMixedSamples));
    head.u8(static_cast<uint8_t>((one_timestamp ? kOneTimestamp : 0) |
                                 (rows.starts.empty() ? 0 : kHasStarts)));
    head.u8(static_cast<uint8_t>(shard_of_id(rows.series[0].id)));
    head.varint(count);
    RunWriter<1> serials(head);
    for_each_kept(rows, skipped, [&](size_t i) {
        serials.add(static_cast<int64_t>(serial_of_id(rows.series[i].id)));
    });
    serials.finish();
    if (one_timestamp) {
        head.varint_signed(rows.timestamps[0].count);
    } else {
        RunWriter<0> times(head);
        for_each_kept(rows, skipped, [&](size_t i) { times.add(rows.timestamps[i].count); });
        times.finish();
    }
    if (!rows.starts.empty()) {
        RunWriter<0> starts(head);
        for_each_kept(rows, skipped, [&](size_t i) { starts.add(rows.starts[i].count); });
        starts.finish();
    }

    Bytes out = head.take();
    const size_t codes = out.size();
    const size_t values = codes + (count + 1) / 2;
    out.resize(values + count * kValueBytesMax + kValueBytesMax + 1);
    uint8_t* at = out.data() + values;
    size_t row = 0;
    for_each_kept(rows, skipped, [&](size_t i) {
        unsigned code = 0;
        at = put_value(rows.is_histogram(i) ? 0 : rows.values[i], at, code);
        out[codes + row / 2] |= static_cast<uint8_t>(code << (row % 2 * 4));
        ++row;
    });
    out.resize(static_cast<size_t>(at - out.data()));
    if (!histograms.empty()) encode_histograms(histograms, out);
    return out;
}

Result<WalRecordKind> wal_record_kind(ByteView record) {
    if (record.empty()) return corrupt("empty record");
    if (record[0] < 1 || record[0] > static_cast<uint8_t>(WalRecordKind::kExemplars)) {
        return unsupported("record of kind {}", record[0]);
    }
    return static_cast<WalRecordKind>(record[0]);
}

Result<std::vector<DecodedSeries>> decode_series(ByteView record) {
    ByteReader in(record);
    KW_TRY(in.u8());
    KW_TRY_ASSIGN(const uint64_t count, in.varint());
    if (count > in.remaining()) return corrupt("{} series in {} bytes", count, in.remaining());
    std::vector<DecodedSeries> series;
    series.reserve(count);
    for (uint64_t i = 0; i < count; ++i) {
        DecodedSeries& one = series.emplace_back();
        KW_TRY_ASSIGN(one.id, in.varint());
        if (serial_of_id(one.id) == 0)
            return corrupt("series id {} before byte {}", one.id, in.offset());
        KW_TRY_ASSIGN(const std::string_view encoded, in.text());
        KW_TRY_ASSIGN(one.labels, LabelSet::decode(encoded));
    }
    if (!in.at_end()) return corrupt("{} bytes behind the series", in.remaining());
    return series;
}

Result<void> decode_samples(ByteView record, DecodedSamples& out) {
    ByteReader in(record);
    KW_TRY_ASSIGN(const uint8_t kind, in.u8());
    KW_TRY_ASSIGN(const uint8_t flags, in.u8());
    if (flags > (kOneTimestamp | kHasStarts)) return corrupt("flags {:#x}", flags);
    KW_TRY_ASSIGN(const uint8_t shard, in.u8());
    if (shard >= kShardCount) return corrupt("shard {}", shard);
    KW_TRY_ASSIGN(const uint64_t count, in.varint());
    if (count == 0 || count > kWalRowsMax) return corrupt("{} rows", count);
    out.series.clear();
    out.timestamps.clear();
    out.starts.clear();
    out.histograms.clear();
    out.series.reserve(count);
    bool good_serials = true;
    KW_TRY(take_runs<1>(in, count, [&](int64_t serial) {
        good_serials &= serial > 0 && serial < INT64_MAX >> kShardBits;
        out.series.push_back({make_series_id(static_cast<uint64_t>(serial), shard)});
    }));
    if (!good_serials) return corrupt("a serial number out of range");
    const auto add_to = [](std::vector<Millis>& times) {
        return [&times](int64_t time) { times.push_back({time}); };
    };
    if ((flags & kOneTimestamp) != 0) {
        KW_TRY_ASSIGN(const int64_t time, in.varint_signed());
        out.timestamps.push_back({time});
    } else {
        KW_TRY(take_runs<0>(in, count, add_to(out.timestamps)));
    }
    if ((flags & kHasStarts) != 0) KW_TRY(take_runs<0>(in, count, add_to(out.starts)));
    KW_TRY_ASSIGN(const ByteView codes, in.take((count + 1) / 2));
    out.values.resize(count);
    for (size_t i = 0; i < count; ++i) {
        KW_TRY_ASSIGN(out.values[i], take_value(in, codes[i / 2] >> (i % 2 * 4) & 0xf));
    }
    if (kind == static_cast<uint8_t>(WalRecordKind::kMixedSamples)) {
        out.histograms.resize(count);
        KW_TRY_ASSIGN(const size_t used,
                      decode_histograms(record.subspan(in.offset()), out.histograms));
        KW_TRY(in.take(used));
    }
    if (!in.at_end()) return corrupt("{} bytes behind the samples", in.remaining());
    return {};
}

}  // namespace kw::tsdb
