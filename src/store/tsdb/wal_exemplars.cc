#include "tsdb/wal_exemplars.h"

#include <utility>

#include "base/check.h"
#include "tsdb/wal_record.h"

namespace kw::tsdb {
namespace {

// Some 300 exemplars: a damaged record should not take many.
constexpr size_t kRecordBytes = 64 << 10;

}  // namespace

ExemplarRecord::ExemplarRecord(uint64_t number) {
    out_.u8(static_cast<uint8_t>(WalRecordKind::kExemplars));
    out_.varint(number);
}

void ExemplarRecord::add(const LabelSet& series, const Exemplar& exemplar) {
    KW_CHECK_FATAL(!series.empty());  // it would read as the series before
    const bool same_series = count_ != 0 && series == series_;
    out_.text(same_series ? std::string_view() : series.encoded());
    if (!same_series) series_ = series;
    out_.text(exemplar.labels.encoded());
    out_.f64(exemplar.value);
    out_.varint_signed(static_cast<int64_t>(static_cast<uint64_t>(exemplar.timestamp.count) -
                                            static_cast<uint64_t>(timestamp_)));
    timestamp_ = exemplar.timestamp.count;
    ++count_;
}

bool ExemplarRecord::is_full() const { return out_.size() >= kRecordBytes; }

Result<void> decode_exemplars(ByteView record, DecodedExemplars& out) {
    out.series.clear();
    ByteReader in(record);
    KW_TRY(in.u8());
    KW_TRY_ASSIGN(out.number, in.varint());
    if (out.number > INT64_MAX) return corrupt("number of an exemplar {}", out.number);
    if (in.at_end()) return corrupt("no exemplars");
    int64_t timestamp = 0;
    while (!in.at_end()) {
        KW_TRY_ASSIGN(const std::string_view series, in.text());
        if (!series.empty()) {
            KW_TRY_ASSIGN(LabelSet labels, LabelSet::decode(series));
            out.series.push_back({std::move(labels), {}});
        } else if (out.series.empty()) {
            return corrupt("the first exemplar has no series");
        }
        Exemplar one;
        KW_TRY_ASSIGN(const std::string_view labels, in.text());
        KW_TRY_ASSIGN(one.labels, LabelSet::decode(labels));
        KW_TRY_ASSIGN(one.value, in.f64());
        KW_TRY_ASSIGN(const int64_t distance, in.varint_signed());
        timestamp = static_cast<int64_t>(static_cast<uint64_t>(timestamp) +
                                         static_cast<uint64_t>(distance));
        one.timestamp = Millis{timestamp};
        one.has_timestamp = true;
        out.series.back().exemplars.push_back(std::move(one));
    }
    return {};
}

}  // namespace kw::tsdb
