// Records of the write-ahead log: series and samples, to bytes and back. Pure functions.
// Exemplars have a file of their own (wal_exemplars.h).
// Histograms, where there are some, are a column of their own behind the values (histogram_column.h).
//
// Samples are columns: serials and timestamps as runs, values each by what it is (an integer, a short
// decimal, a double with or without low zero bytes), some 4 bytes for what exporters send. Every record
// stands alone, so that a damaged one takes nothing else with it.
// Source: docs/formats/wal.md.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "model/labels.h"
#include "tsdb/head_shard.h"

namespace kw::tsdb {

enum class WalRecordKind : unsigned char {  // on disk: never renumber
    kSeries = 1,
    kSamples = 2,
    kMixedSamples = 3,  // with histograms among them
    kExemplars = 4,     // wal_exemplars.h
};

// Rows of one samples record, at most.
inline constexpr size_t kWalRowsMax = size_t{1} << 20;

// A series record of one series.
Bytes encode_series(uint64_t id, const LabelSet& labels);
// Appends a series to a record that begin_series_record() began for `count` of them.
void begin_series_record(uint64_t count, ByteWriter& out);
void append_series(uint64_t id, std::string_view encoded_labels, ByteWriter& out);

// The rows of `rows` without those that `skipped` names; there is at least one. Of kind kSamples when no histogram is
// among them.
Bytes encode_samples(const ShardRows& rows, const SkippedRows& skipped);

// The kind of a record. Errors: kCorrupt (empty), kUnsupported.
Result<WalRecordKind> wal_record_kind(ByteView record);

struct DecodedSeries {
    uint64_t id = 0;
    LabelSet labels;
};
// Errors: kCorrupt.
Result<std::vector<DecodedSeries>> decode_series(ByteView record);

// Columns of a samples record; capacity is kept between uses.
struct DecodedSamples {
    std::vector<SeriesRef> series;
    std::vector<Millis> timestamps;  // one, or one a row
    std::vector<double> values;
    std::vector<Millis> starts;            // none, or one a row
    std::vector<HistogramPtr> histograms;  // none, or one a row: null where it is a float

    ShardRows rows() const { return {series, timestamps, values, starts, histograms}; }
};
// Replaces `out`. Errors: kCorrupt.
Result<void> decode_samples(ByteView record, DecodedSamples& out);

}  // namespace kw::tsdb
