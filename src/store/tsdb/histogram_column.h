// Columns of native histograms, some of which may be missing: what is equal stands once, and each bucket of
// histograms that share their layout is a column of its own, in which a counter is a few bits a sample.
//
// Layout (on disk: never renumber)
//     presence column (codec/presence.h): which samples are histograms
//     runs of histograms of one layout, until all are covered:
//         varint   histograms of the run, at least 1
//         u8       0: buckets by row (one value column: all of the first histogram, then of the second, …)
//                  1: buckets by column (one value column for each bucket)
//         varint   schema, zigzag
//         u8       zero threshold: 0 none, 1 2^-128, 2: 8 bytes follow
//         spans    positive, then negative: varint count; for each: varint offset, zigzag; varint length
//         bounds   varint count; value column
//         u8       hint of all (0 unknown, 1 reset, 2 not reset, 3 gauge), or 4: one byte for each follows
//         value columns of counts, of sums, of zero counts
//         buckets  positive, then negative
// Value columns are those of codec/values.h. The number of samples is not stored: who stores the column knows it.
#pragma once

#include <memory>
#include <span>

#include "base/bytes.h"
#include "base/result.h"
#include "model/sample.h"

namespace kw::tsdb {

using HistogramPtr = std::shared_ptr<const Histogram>;

// Spans, buckets and bounds of all histograms of a column, at most: 32 MiB when decoded.
inline constexpr uint64_t kColumnPartsMax = uint64_t{1} << 22;

// Appends the column. Null: the sample is no histogram. They are sound (check_histogram).
void encode_histograms(std::span<const HistogramPtr> histograms, Bytes& out);

// Fills all of `out`; returns the bytes used, at most in.size().
// Errors: kCorrupt.
Result<size_t> decode_histograms(ByteView in, std::span<HistogramPtr> out);

}  // namespace kw::tsdb
