// Sealed samples of the head: encoded, immutable, shared by the head and by its readers. In memory only; what is on
// disk are the log's records and blocks.
//
//   RowsChunk    some rows of a group: one column of timestamps, and one of values for each series
//   SeriesChunk  samples of one series with timestamps of its own
//
// A value costs some bits to two bytes instead of the eight that it has while its row is open.
// Threads: immutable.
#pragma once

#include <bit>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "contract/metric_store.h"

namespace kw::tsdb {

// The cell of a series that has no sample at its row's time: a NaN that is never stored as a value.
inline constexpr uint64_t kAbsentBits = 0x7ff4'6162'7365'6e74;
inline constexpr double kAbsent = std::bit_cast<double>(kAbsentBits);
inline bool is_absent(double cell) { return std::bit_cast<uint64_t>(cell) == kAbsentBits; }

// A row of a group while it is open.
struct HeadRow {
    int64_t time = 0;
    std::vector<double> cells;  // by column; short of columns that came later
};

class RowsChunk final {
 public:
    // `rows`: at least one, ascending in time.
    static std::shared_ptr<const RowsChunk> seal(std::span<const HeadRow> rows, size_t columns);

    int64_t first_time() const { return first_time_; }
    int64_t last_time() const { return last_time_; }
    size_t row_count() const { return row_count_; }
    size_t column_count() const { return offsets_.size() - 1; }
    bool has_samples(size_t column) const {
        return column < column_count() && offsets_[column] != offsets_[column + 1];
    }
    uint64_t bytes() const;

    // Appends row_count() timestamps. Errors: kCorrupt.
    Result<void> times(std::vector<int64_t>& out) const;
    // Fills `cells`, row_count() of them, kAbsent where the column has no sample. Errors: kCorrupt.
    Result<void> cells(size_t column, std::span<double> cells) const;

 private:
    RowsChunk() = default;

    int64_t first_time_ = 0;
    int64_t last_time_ = 0;
    size_t row_count_ = 0;
    std::vector<uint32_t> offsets_;  // of each column in bytes_, one more than there are columns
    Bytes bytes_;                    // timestamps, then columns: u8 1 and presence, or u8 0; values
};

class SeriesChunk final {
 public:
    // Of samples [begin, end) of `samples`, at least one.
    static std::shared_ptr<const SeriesChunk> seal(const SampleColumns& samples, size_t begin,
                                                   size_t end);

    int64_t first_time() const { return first_time_; }
    int64_t last_time() const { return last_time_; }
    size_t sample_count() const { return sample_count_; }
    uint64_t bytes() const { return sizeof(SeriesChunk) + bytes_.capacity(); }

    // Appends sample_count() timestamps. Errors: kCorrupt.
    Result<void> times(std::vector<int64_t>& out) const;
    // Replaces `out`. Errors: kCorrupt.
    Result<void> read(SampleColumns& out) const;

 private:
    SeriesChunk() = default;

    int64_t first_time_ = 0;
    int64_t last_time_ = 0;
    size_t sample_count_ = 0;
    bool has_starts_ = false;
    bool has_histograms_ = false;
    Bytes bytes_;  // timestamps, values, start timestamps, histograms
};

}  // namespace kw::tsdb
