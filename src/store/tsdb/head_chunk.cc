#include "tsdb/head_chunk.h"

#include <algorithm>

#include "codec/presence.h"
#include "codec/timestamps.h"
#include "codec/values.h"
#include "tsdb/histogram_column.h"

namespace kw::tsdb {

std::shared_ptr<const RowsChunk> RowsChunk::seal(std::span<const HeadRow> rows, size_t columns) {
    std::shared_ptr<RowsChunk> chunk(new RowsChunk());
    chunk->first_time_ = rows.front().time;
    chunk->last_time_ = rows.back().time;
    chunk->row_count_ = rows.size();
    std::vector<int64_t> times;
    for (const HeadRow& row : rows) times.push_back(row.time);
    // Encoded aside, so that what is kept has no spare capacity.
    thread_local Bytes encoded;
    thread_local std::vector<double> values;
    thread_local std::vector<uint64_t> presence;
    encoded.clear();
    codec::encode_timestamps(times, encoded);
    chunk->offsets_.reserve(columns + 1);
    for (size_t column = 0; column < columns; ++column) {
        chunk->offsets_.push_back(static_cast<uint32_t>(encoded.size()));
        values.clear();
        presence.assign(codec::presence_words(rows.size()), 0);
        for (size_t r = 0; r < rows.size(); ++r) {
            const std::vector<double>& cells = rows[r].cells;
            if (column >= cells.size() || is_absent(cells[column])) continue;
            values.push_back(cells[column]);
            presence[r / 64] |= uint64_t{1} << (r % 64);
        }
        if (values.empty()) continue;
        const bool partial = values.size() != rows.size();
        encoded.push_back(partial ? 1 : 0);
        if (partial) codec::encode_presence(presence, rows.size(), encoded);
        codec::encode_values(values, encoded);
    }
    chunk->offsets_.push_back(static_cast<uint32_t>(encoded.size()));
    chunk->bytes_.assign(encoded.begin(), encoded.end());
    return chunk;
}

uint64_t RowsChunk::bytes() const {
    return sizeof(RowsChunk) + bytes_.capacity() + offsets_.capacity() * sizeof(uint32_t);
}

Result<void> RowsChunk::times(std::vector<int64_t>& out) const {
    const size_t before = out.size();
    out.resize(before + row_count_);
    KW_TRY(codec::decode_timestamps(ByteView(bytes_).first(offsets_.front()),
                                    std::span(out).subspan(before)));
    return {};
}

Result<void> RowsChunk::cells(size_t column, std::span<double> cells) const {
    if (!has_samples(column)) {
        std::fill(cells.begin(), cells.end(), kAbsent);
        return {};
    }
    ByteView in =
        ByteView(bytes_).subspan(offsets_[column], offsets_[column + 1] - offsets_[column]);
    const bool partial = in[0] != 0;
    in = in.subspan(1);
    if (!partial) {
        KW_TRY(codec::decode_values(in, cells));
        return {};
    }
    thread_local std::vector<uint64_t> presence;
    thread_local std::vector<double> values;
    presence.resize(codec::presence_words(row_count_));
    KW_TRY_ASSIGN(const size_t used, codec::decode_presence(in, row_count_, presence));
    values.resize(codec::presence_count(presence));
    KW_TRY(codec::decode_values(in.subspan(used), values));
    size_t next = 0;
    for (size_t r = 0; r < row_count_; ++r) {
        const bool present = (presence[r / 64] >> (r % 64) & 1) != 0;
        cells[r] = present ? values[next++] : kAbsent;
    }
    return {};
}

std::shared_ptr<const SeriesChunk> SeriesChunk::seal(const SampleColumns& samples, size_t begin,
                                                     size_t end) {
    std::shared_ptr<SeriesChunk> chunk(new SeriesChunk());
    const std::span times = std::span(samples.timestamps).subspan(begin, end - begin);
    chunk->first_time_ = times.front();
    chunk->last_time_ = times.back();
    chunk->sample_count_ = times.size();
    Bytes encoded;
    codec::encode_timestamps(times, encoded);
    codec::encode_values(std::span(samples.values).subspan(begin, end - begin), encoded);
    if (!samples.starts.empty()) {
        const std::span starts = std::span(samples.starts).subspan(begin, end - begin);
        chunk->has_starts_ = std::any_of(starts.begin(), starts.end(),
                                         [](int64_t start) { return start != kNoStart.count; });
        if (chunk->has_starts_) codec::encode_timestamps(starts, encoded);
    }
    if (!samples.histograms.empty()) {
        const std::span histograms = std::span(samples.histograms).subspan(begin, end - begin);
        chunk->has_histograms_ = std::ranges::any_of(
            histograms, [](const HistogramPtr& histogram) { return histogram != nullptr; });
        if (chunk->has_histograms_) encode_histograms(histograms, encoded);
    }
    chunk->bytes_.assign(encoded.begin(), encoded.end());
    return chunk;
}

Result<void> SeriesChunk::times(std::vector<int64_t>& out) const {
    const size_t before = out.size();
    out.resize(before + sample_count_);
    KW_TRY(codec::decode_timestamps(bytes_, std::span(out).subspan(before)));
    return {};
}

Result<void> SeriesChunk::read(SampleColumns& out) const {
    out.clear();
    out.timestamps.resize(sample_count_);
    out.values.resize(sample_count_);
    ByteView in(bytes_);
    KW_TRY_ASSIGN(const size_t times_used, codec::decode_timestamps(in, out.timestamps));
    in = in.subspan(times_used);
    KW_TRY_ASSIGN(const size_t values_used, codec::decode_values(in, out.values));
    in = in.subspan(values_used);
    if (has_starts_) {
        out.starts.resize(sample_count_);
        KW_TRY_ASSIGN(const size_t starts_used, codec::decode_timestamps(in, out.starts));
        in = in.subspan(starts_used);
    }
    if (!has_histograms_) return {};
    out.histograms.resize(sample_count_);
    KW_TRY(decode_histograms(in, out.histograms));
    return {};
}

}  // namespace kw::tsdb
