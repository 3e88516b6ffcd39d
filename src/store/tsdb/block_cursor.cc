// BlockCursor: one reader's position in a block. It keeps the series page and the chunk page last
// used, so that ids in ascending order decode each page once.
#include <algorithm>

#include "base/check.h"
#include "codec/presence.h"
#include "codec/timestamps.h"
#include "codec/values.h"
#include "contract/metric_store.h"
#include "tsdb/block_format.h"
#include "tsdb/block_index.h"
#include "tsdb/histogram_column.h"

namespace kw::tsdb {
namespace {

constexpr uint64_t kNoPage = UINT64_MAX;
constexpr size_t kLabelsMax = 1 << 16;  // of one series

struct ChunkEntry {
    uint64_t column;
    uint64_t page;
    uint64_t offset;
    uint64_t size;
};

struct SeriesEntry {
    size_t first_chunk;
    size_t chunk_count;
    ByteView labels;
};

}  // namespace

struct BlockCursor::State {
    explicit State(const BlockReader& reader_in) : reader(reader_in), index(*reader_in.index_) {}

    // Errors: kCorrupt.
    Result<const SeriesEntry*> series_at(uint32_t id);
    Result<void> load_series_page(uint64_t page);
    Result<ByteView> chunk_at(const ChunkEntry& chunk);
    // Appends the chunk's samples, all of them.
    Result<void> append_chunk(const ChunkEntry& chunk, const ColumnHead& column,
                              SampleColumns& out);

    // How many slots of a column lie in `range`. Errors: kCorrupt.
    Result<uint64_t> slots_in(uint64_t number, const ColumnHead& column, const TimeRange& range);

    const BlockReader& reader;
    const BlockReader::Index& index;

    uint64_t series_page = kNoPage;
    Bytes series_scratch;
    std::vector<SeriesEntry> series;
    std::vector<ChunkEntry> chunks;

    uint64_t chunk_page = kNoPage;
    Bytes chunk_scratch;
    ByteView chunk_bytes;

    std::vector<LabelView> labels;
    std::vector<uint64_t> presence;
    std::vector<int64_t> slots;

    // The answer of slots_in() last given: series of one scrape ask for the same.
    uint64_t counted_column = UINT64_MAX;
    TimeRange counted_range;
    uint64_t counted_slots = 0;
};

Result<void> BlockCursor::State::load_series_page(uint64_t page) {
    series_page = kNoPage;
    series.clear();
    chunks.clear();
    KW_TRY_ASSIGN(const ByteView bytes,
                  read_page(index.index_file->bytes(), index.series_pages[page], series_scratch));
    ByteReader in(bytes);
    KW_TRY_ASSIGN(const uint64_t count, in.varint());
    const uint64_t want =
        std::min<uint64_t>(kSeriesPerPage, reader.series_count() - page * kSeriesPerPage);
    if (count != want) return corrupt("page {} of {} series, want {}", page, count, want);
    ChunkEntry next{};
    KW_TRY_ASSIGN(next.page, in.varint());
    KW_TRY_ASSIGN(next.offset, in.varint());
    for (uint64_t i = 0; i < count; ++i) {
        KW_TRY_ASSIGN(const uint64_t chunk_count, in.varint());
        // An entry takes two bytes or more.
        if (chunk_count == 0 || chunk_count > in.remaining() / 2) {
            return corrupt("page {}: series {} with {} chunks", page, i, chunk_count);
        }
        series.push_back({chunks.size(), chunk_count, {}});
        for (uint64_t chunk = 0; chunk < chunk_count; ++chunk) {
            KW_TRY_ASSIGN(next.column, in.varint());
            KW_TRY_ASSIGN(const uint64_t size, in.varint());
            if ((size & 1) != 0) {
                ++next.page;
                next.offset = 0;
            }
            next.size = size >> 1;
            if (next.size > kPageBytesMax || next.offset > kPageBytesMax) {
                return corrupt("page {}: chunk of {} bytes at {}", page, next.size, next.offset);
            }
            chunks.push_back(next);
            next.offset += next.size;
        }
    }
    for (SeriesEntry& entry : series) {
        KW_TRY_ASSIGN(const uint64_t size, in.varint());
        if (size > in.remaining()) return corrupt("page {}: labels of {} bytes", page, size);
        KW_TRY_ASSIGN(entry.labels, in.take(size));
    }
    series_page = page;
    return {};
}

Result<const SeriesEntry*> BlockCursor::State::series_at(uint32_t id) {
    KW_CHECK(id < reader.series_count());
    const uint64_t page = id / kSeriesPerPage;
    if (page != series_page) {
        Result<void> loaded = load_series_page(page);
        if (!loaded.ok()) {
            return std::move(loaded).error().with_context(
                fmt::format("block {}: {}", reader.meta().name, kIndexFile));
        }
    }
    return &series[id % kSeriesPerPage];
}

Result<ByteView> BlockCursor::State::chunk_at(const ChunkEntry& chunk) {
    if (chunk.page != chunk_page) {
        chunk_page = kNoPage;
        if (chunk.page >= index.chunk_pages.size()) {
            return corrupt("page {} of {}", chunk.page, index.chunk_pages.size());
        }
        KW_TRY_ASSIGN(chunk_bytes, read_page(index.chunks_file->bytes(),
                                             index.chunk_pages[chunk.page], chunk_scratch));
        chunk_page = chunk.page;
    }
    if (chunk.offset > chunk_bytes.size() || chunk.size > chunk_bytes.size() - chunk.offset) {
        return corrupt("page {}: chunk of {} bytes at {} of {}", chunk.page, chunk.size,
                       chunk.offset, chunk_bytes.size());
    }
    return chunk_bytes.subspan(chunk.offset, chunk.size);
}

Result<void> BlockCursor::State::append_chunk(const ChunkEntry& chunk, const ColumnHead& column,
                                              SampleColumns& out) {
    KW_TRY_ASSIGN(const ByteView bytes, chunk_at(chunk));
    ByteReader in(bytes);
    KW_TRY_ASSIGN(const uint8_t flags, in.u8());
    if ((flags & kChunkFlagsUnused) != 0) return unsupported("chunk with flags {:#x}", flags);
    size_t offset = 1;
    const size_t before = out.timestamps.size();
    size_t count = column.slot_count;
    if ((flags & kChunkHasPresence) != 0) {
        presence.resize(codec::presence_words(column.slot_count));
        KW_TRY_ASSIGN(const size_t used,
                      codec::decode_presence(bytes.subspan(offset), column.slot_count, presence));
        offset += used;
        slots.resize(column.slot_count);
        KW_TRY(codec::decode_timestamps(column.body, slots));
        count = codec::presence_count(presence);
        if (count == 0) return corrupt("chunk without samples");
        out.timestamps.resize(before + count);
        codec::gather_present(slots, presence, std::span(out.timestamps).subspan(before));
    } else {
        out.timestamps.resize(before + count);
        KW_TRY(codec::decode_timestamps(column.body, std::span(out.timestamps).subspan(before)));
    }
    bool ascending = before == 0 || out.timestamps[before - 1] < out.timestamps[before];
    for (size_t i = before + 1; i < before + count; ++i) {
        ascending &= out.timestamps[i - 1] < out.timestamps[i];
    }
    if (!ascending || out.timestamps[before] < column.first ||
        out.timestamps.back() > column.last) {
        return corrupt("chunk from {} to {} with times out of order", column.first, column.last);
    }
    out.values.resize(before + count);
    KW_TRY_ASSIGN(
        const size_t values_used,
        codec::decode_values(bytes.subspan(offset), std::span(out.values).subspan(before)));
    offset += values_used;
    if ((flags & kChunkHasStarts) != 0) {
        out.starts.resize(before + count);  // those before had none
        KW_TRY_ASSIGN(
            const size_t starts_used,
            codec::decode_timestamps(bytes.subspan(offset), std::span(out.starts).subspan(before)));
        offset += starts_used;
    } else if (!out.starts.empty()) {
        out.starts.resize(before + count);
    }
    if ((flags & kChunkHasHistograms) != 0) {
        out.histograms.resize(before + count);
        KW_TRY_ASSIGN(
            const size_t histograms_used,
            decode_histograms(bytes.subspan(offset), std::span(out.histograms).subspan(before)));
        offset += histograms_used;
    } else if (!out.histograms.empty()) {
        out.histograms.resize(before + count);
    }
    if (offset != bytes.size()) {
        return corrupt("chunk of {} bytes with {} after its columns", bytes.size(),
                       bytes.size() - offset);
    }
    return {};
}

Result<uint64_t> BlockCursor::State::slots_in(uint64_t number, const ColumnHead& column,
                                              const TimeRange& range) {
    if (number == counted_column && range == counted_range) return counted_slots;
    slots.resize(column.slot_count);
    KW_TRY(codec::decode_timestamps(column.body, slots));
    counted_column = number;
    counted_range = range;
    counted_slots = static_cast<uint64_t>(std::count_if(
        slots.begin(), slots.end(), [&](int64_t time) { return range.contains(Millis{time}); }));
    return counted_slots;
}

BlockCursor::BlockCursor(const BlockReader& reader) : state_(std::make_unique<State>(reader)) {}
BlockCursor::~BlockCursor() = default;

Result<LabelSet> BlockCursor::labels(uint32_t id) {
    State& state = *state_;
    const auto read = [&]() -> Result<LabelSet> {
        KW_TRY_ASSIGN(const SeriesEntry* entry, state.series_at(id));
        state.labels.clear();
        ByteReader in(entry->labels);
        while (!in.at_end()) {
            KW_TRY_ASSIGN(const uint64_t name, in.varint());
            KW_TRY_ASSIGN(const uint64_t value, in.varint());
            const size_t symbols = state.index.symbols.size();
            if (name >= symbols || value >= symbols || state.labels.size() == kLabelsMax) {
                return corrupt("label with symbols {} and {} of {}", name, value, symbols);
            }
            state.labels.push_back({state.index.symbol(static_cast<uint32_t>(name)),
                                    state.index.symbol(static_cast<uint32_t>(value))});
        }
        Result<LabelSet> labels = LabelSet::from_sorted(state.labels);
        if (!labels.ok()) return corrupt("{}", labels.error().message);
        return labels;
    };
    Result<LabelSet> labels = read();
    if (labels.ok()) return labels;
    return std::move(labels).with_context(
        fmt::format("block {}: {}: series {}", state.reader.meta().name, kIndexFile, id));
}

Result<TimeRange> BlockCursor::range(uint32_t id) {
    KW_TRY_ASSIGN(const SeriesEntry* entry, state_->series_at(id));
    const ChunkEntry& first = state_->chunks[entry->first_chunk];
    const ChunkEntry& last = state_->chunks[entry->first_chunk + entry->chunk_count - 1];
    KW_TRY_ASSIGN(const ColumnHead first_column, state_->index.column(first.column));
    KW_TRY_ASSIGN(const ColumnHead last_column, state_->index.column(last.column));
    return TimeRange{Millis{first_column.first}, Millis{last_column.last}};
}

Result<uint64_t> BlockCursor::sample_count(uint32_t id, const TimeRange& range) {
    KW_TRY_ASSIGN(const SeriesEntry* entry, state_->series_at(id));
    uint64_t count = 0;
    for (size_t i = 0; i < entry->chunk_count; ++i) {
        const ChunkEntry& chunk = state_->chunks[entry->first_chunk + i];
        KW_TRY_ASSIGN(const ColumnHead column, state_->index.column(chunk.column));
        if (column.last < range.min.count || column.first > range.max.count) continue;
        if (column.first >= range.min.count && column.last <= range.max.count) {
            count += column.slot_count;
        } else {
            KW_TRY_ASSIGN(const uint64_t slots, state_->slots_in(chunk.column, column, range));
            count += slots;
        }
    }
    return count;
}

Result<void> BlockCursor::read(uint32_t id, const TimeRange& range, SampleColumns& out) {
    KW_TRY_ASSIGN(const SeriesEntry* entry, state_->series_at(id));
    const auto failed = [&](Error error) {
        return std::move(error).with_context(
            fmt::format("block {}: {}: series {}", state_->reader.meta().name, kChunksFile, id));
    };
    for (size_t i = 0; i < entry->chunk_count; ++i) {
        const ChunkEntry& chunk = state_->chunks[entry->first_chunk + i];
        Result<ColumnHead> column = state_->index.column(chunk.column);
        if (!column.ok()) return failed(std::move(column).error());
        if (column->last < range.min.count) continue;
        if (column->first > range.max.count) break;
        const size_t before = out.size();
        Result<void> appended = state_->append_chunk(chunk, column.value(), out);
        if (!appended.ok()) {
            out.timestamps.resize(before);
            out.values.resize(before);
            if (!out.starts.empty()) out.starts.resize(before);
            if (!out.histograms.empty()) out.histograms.resize(before);
            return failed(std::move(appended).error());
        }
        if (column->first >= range.min.count && column->last <= range.max.count) continue;
        const auto begin = out.timestamps.begin() + static_cast<ptrdiff_t>(before);
        const auto low = std::lower_bound(begin, out.timestamps.end(), range.min.count);
        const auto high = std::upper_bound(low, out.timestamps.end(), range.max.count);
        const auto cut = [&](auto& numbers) {
            if (numbers.empty()) return;
            const auto from = low - out.timestamps.begin();
            const auto to = high - out.timestamps.begin();
            numbers.erase(numbers.begin() + to, numbers.end());
            numbers.erase(numbers.begin() + static_cast<ptrdiff_t>(before), numbers.begin() + from);
        };
        cut(out.values);
        cut(out.starts);
        cut(out.histograms);
        out.timestamps.erase(high, out.timestamps.end());
        out.timestamps.erase(begin, low);
    }
    return {};
}

}  // namespace kw::tsdb
