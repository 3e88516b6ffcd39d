#include "tsdb/block_writer.h"

#include <algorithm>
#include <optional>

#include "base/cancel.h"
#include "base/checksum.h"
#include "codec/presence.h"
#include "codec/timestamps.h"
#include "codec/values.h"
#include "contract/metric_store.h"
#include "model/stored_histogram.h"
#include "tsdb/block_format.h"
#include "tsdb/block_tables.h"
#include "tsdb/histogram_column.h"

namespace kw::tsdb {
namespace {

constexpr uint64_t kSeriesPerCheck = 64;  // between two looks at the CancelToken

// A file that is written once, front to back, in large pieces.
class FileSink final {
 public:
    static Result<FileSink> create(fs::FileSystem& files, const fs::Path& path) {
        KW_TRY_ASSIGN(std::unique_ptr<fs::File> file, files.open(path, fs::OpenMode::kCreateNew));
        return FileSink(std::move(file));
    }

    uint64_t offset() const { return flushed_ + buffer_.size(); }
    Bytes& buffer() { return buffer_; }
    Result<void> append(ByteView bytes) {
        buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
        return flush_over(kBufferBytes);
    }
    // Writes out what buffer() has grown to when it is over `limit`.
    Result<void> flush_over(size_t limit) {
        if (buffer_.size() <= limit) return {};
        KW_TRY(file_->append(buffer_));
        flushed_ += buffer_.size();
        buffer_.clear();
        return {};
    }
    Result<void> finish() {
        KW_TRY(flush_over(0));
        return file_->sync();
    }

    static constexpr size_t kBufferBytes = 256 << 10;

 private:
    explicit FileSink(std::unique_ptr<fs::File> file) : file_(std::move(file)) {}
    std::unique_ptr<fs::File> file_;
    Bytes buffer_;
    uint64_t flushed_ = 0;
};

// The two-hour window of the epoch that a time lies in, by its number.
int64_t window_of(int64_t timestamp) {
    const int64_t quotient = timestamp / kChunkSpanMs;
    return timestamp % kChunkSpanMs < 0 ? quotient - 1 : quotient;
}

// What is written together: series of one scrape have these two labels in common.
uint64_t group_of(const LabelSet& labels) {
    return hash64(labels.get("job")) * 31 + hash64(labels.get("instance"));
}

class BlockBuilder final {
 public:
    BlockBuilder(FileSink chunks, FileSink index, const BlockWriteOptions& options)
        : options_(options), chunks_(std::move(chunks)), index_(std::move(index)) {
        meta_.range = {Millis::max(), Millis::min()};  // empty: grows with every series
    }

    Result<void> begin() {
        ByteWriter header;
        header.u32(kChunksMagic);
        header.u32(kBlockVersion);
        KW_TRY(chunks_.append(header.view()));
        header.clear();
        header.u32(kIndexMagic);
        header.u32(kBlockVersion);
        return index_.append(header.view());
    }

    Result<void> add(const LabelSet& labels, const SampleColumns& samples) {
        if (samples.size() == 0) return {};
        KW_TRY(check_order(labels, samples));
        if (meta_.series_count == UINT32_MAX) return exhausted("a block of 2^32 series");
        const auto id = static_cast<uint32_t>(meta_.series_count++);
        if (page_series_ == 0) {
            page_first_chunk_page_ = static_cast<uint32_t>(chunk_pages_.size());
            page_first_chunk_offset_ = chunk_page_.size();
        }
        KW_TRY(add_chunks(group_of(labels), samples));

        ByteWriter pairs;
        for (const LabelView& label : labels) {
            const uint32_t name = symbols_.id_of(label.name);
            const uint32_t value = symbols_.id_of(label.value);
            pairs.varint(name);
            pairs.varint(value);
            pairs_.add(name, value, id);
        }
        page_labels_.varint(pairs.size());
        page_labels_.append(pairs.view());
        if (++page_series_ == kSeriesPerPage) KW_TRY(end_series_page());

        meta_.sample_count += samples.size();
        meta_.range.min = std::min(meta_.range.min, Millis{samples.timestamps.front()});
        meta_.range.max = std::max(meta_.range.max, Millis{samples.timestamps.back()});
        last_labels_ = labels;
        return {};
    }

    // Writes what is left and the sections; the two files are durable then.
    Result<BlockMeta> finish() {
        if (page_series_ > 0) KW_TRY(end_series_page());
        if (!chunk_page_.empty()) KW_TRY(end_chunk_page());
        KW_TRY(chunks_.finish());
        KW_TRY(write_sections());
        KW_TRY(index_.finish());

        meta_.name = options_.name;
        meta_.level = options_.level;
        meta_.generation = options_.generation;
        meta_.sources = options_.sources;
        meta_.parents = options_.parents;
        if (meta_.sources.empty()) meta_.sources.push_back(options_.name);
        std::sort(meta_.sources.begin(), meta_.sources.end());
        std::sort(meta_.parents.begin(), meta_.parents.end());
        meta_.index_bytes = index_.offset();
        meta_.chunks_bytes = chunks_.offset();
        return meta_;
    }

    bool empty() const { return meta_.series_count == 0; }

 private:
    Result<void> check_order(const LabelSet& labels, const SampleColumns& samples) const {
        if (meta_.series_count > 0 && labels <= last_labels_) {
            return invalid("series {} after {}", labels.to_string(), last_labels_.to_string());
        }
        if (samples.values.size() != samples.size() ||
            (!samples.starts.empty() && samples.starts.size() != samples.size()) ||
            (!samples.histograms.empty() && samples.histograms.size() != samples.size())) {
            return invalid("series {} with {} timestamps, {} values, {} starts, {} histograms",
                           labels.to_string(), samples.size(), samples.values.size(),
                           samples.starts.size(), samples.histograms.size());
        }
        const auto& timestamps = samples.timestamps;
        const auto wrong = std::adjacent_find(timestamps.begin(), timestamps.end(),
                                              [](int64_t lhs, int64_t rhs) { return lhs >= rhs; });
        if (wrong != timestamps.end()) {
            return invalid("series {}: time {} after {}", labels.to_string(), wrong[1], wrong[0]);
        }
        return {};
    }

    // How many samples from `at` on are one chunk.
    static size_t chunk_size(const SampleColumns& samples, size_t at) {
        const std::span<const int64_t> timestamps = samples.timestamps;
        const int64_t window = window_of(timestamps[at]);
        const auto parts_of = [&](size_t i) {
            const bool is_float = samples.histograms.empty() || samples.histograms[i] == nullptr;
            return is_float ? 0 : histogram_parts(*samples.histograms[i]);
        };
        uint64_t parts = parts_of(at);
        size_t size = 1;
        while (size < kChunkSamplesMax && at + size < timestamps.size() &&
               window_of(timestamps[at + size]) == window) {
            parts += parts_of(at + size);
            if (parts > kChunkPartsMax) break;
            ++size;
        }
        return size;
    }

    Result<void> add_chunks(uint64_t group, const SampleColumns& samples) {
        const std::span<const int64_t> timestamps = samples.timestamps;
        ByteWriter entries;
        uint64_t count = 0;
        for (size_t at = 0; at < timestamps.size(); ++count) {
            const size_t size = chunk_size(samples, at);
            KW_TRY_ASSIGN(
                const ColumnTable::Use use,
                columns_.use(timestamps.subspan(at, size), group, window_of(timestamps[at])));
            encode_chunk(use, samples, at, size);
            const bool new_page =
                !chunk_page_.empty() && chunk_page_.size() + chunk_.size() > kChunkPageBytes;
            if (new_page) KW_TRY(end_chunk_page());
            chunk_page_.insert(chunk_page_.end(), chunk_.begin(), chunk_.end());
            entries.varint(use.column);
            entries.varint(chunk_.size() << 1 | (new_page ? 1 : 0));
            at += size;
        }
        page_chunks_.varint(count);
        page_chunks_.append(entries.view());
        meta_.chunk_count += count;
        return {};
    }

    // Of samples [at, at + size).
    void encode_chunk(const ColumnTable::Use& use, const SampleColumns& samples, size_t at,
                      size_t size) {
        const auto part = [&](const auto& column) {
            return column.empty() ? std::span(column) : std::span(column).subspan(at, size);
        };
        const auto starts = part(samples.starts);
        const auto histograms = part(samples.histograms);
        const bool with_starts = std::any_of(starts.begin(), starts.end(),
                                             [](int64_t start) { return start != kNoStart.count; });
        const auto histogram_count = static_cast<uint64_t>(std::ranges::count_if(
            histograms, [](const HistogramPtr& one) { return one != nullptr; }));
        meta_.histogram_count += histogram_count;
        chunk_.clear();
        chunk_.push_back(static_cast<uint8_t>((with_starts ? kChunkHasStarts : 0) |
                                              (use.partial ? kChunkHasPresence : 0) |
                                              (histogram_count > 0 ? kChunkHasHistograms : 0)));
        if (use.partial) {
            codec::encode_presence(columns_.presence(), columns_.slot_count(use.column), chunk_);
        }
        codec::encode_values(part(samples.values), chunk_);
        if (with_starts) codec::encode_timestamps(starts, chunk_);
        if (histogram_count > 0) encode_histograms(histograms, chunk_);
    }

    Result<void> end_chunk_page() {
        chunk_pages_.push_back(chunks_.offset());
        KW_TRY(append_page(chunk_page_, options_.compression_level, chunks_.buffer()));
        chunk_page_.clear();
        return chunks_.flush_over(FileSink::kBufferBytes);
    }

    Result<void> end_series_page() {
        ByteWriter page;
        page.varint(page_series_);
        page.varint(page_first_chunk_page_);
        page.varint(page_first_chunk_offset_);
        page.append(page_chunks_.view());
        page.append(page_labels_.view());
        series_pages_.push_back(index_.offset());
        KW_TRY(append_page(page.view(), options_.compression_level, index_.buffer()));
        page_chunks_.clear();
        page_labels_.clear();
        page_series_ = 0;
        return index_.flush_over(FileSink::kBufferBytes);
    }

    static Bytes offsets_section(const std::vector<uint64_t>& offsets) {
        ByteWriter out;
        out.u32(static_cast<uint32_t>(offsets.size()));
        for (const uint64_t offset : offsets) out.u64(offset);
        return out.take();
    }

    Result<void> write_sections() {
        KW_TRY_ASSIGN(const Bytes symbols, symbols_.section());
        KW_TRY_ASSIGN(const PairTable::Sections pairs, pairs_.sections(symbols_));
        const Bytes columns = columns_.section();
        const Bytes series_pages = offsets_section(series_pages_);
        const Bytes chunk_pages = offsets_section(chunk_pages_);
        const std::pair<Section, const Bytes*> sections[] = {
            {Section::kSymbols, &symbols},          {Section::kColumns, &columns},
            {Section::kSeriesPages, &series_pages}, {Section::kChunkPages, &chunk_pages},
            {Section::kPairs, &pairs.pairs},        {Section::kPostings, &pairs.postings},
        };
        ByteWriter footer;
        for (const auto& [kind, bytes] : sections) {
            footer.u32(static_cast<uint32_t>(kind));
            footer.u32(crc32c(*bytes));
            footer.u64(index_.offset());
            footer.u64(bytes->size());
            KW_TRY(index_.append(*bytes));
        }
        footer.u32(kSectionCount);
        footer.u32(crc32c(footer.view()));
        footer.u32(kBlockVersion);
        footer.u32(kIndexMagic);
        return index_.append(footer.view());
    }

    const BlockWriteOptions& options_;
    FileSink chunks_;
    FileSink index_;
    SymbolTable symbols_;
    ColumnTable columns_;
    PairTable pairs_;
    BlockMeta meta_;
    LabelSet last_labels_;
    Bytes chunk_;
    Bytes chunk_page_;
    std::vector<uint64_t> chunk_pages_;
    std::vector<uint64_t> series_pages_;
    // The series page being filled.
    size_t page_series_ = 0;
    uint32_t page_first_chunk_page_ = 0;
    size_t page_first_chunk_offset_ = 0;
    ByteWriter page_chunks_;
    ByteWriter page_labels_;
};

// Writes the three files into `temporary`. Nullopt when the source has no samples.
Result<std::optional<BlockMeta>> write_files(fs::FileSystem& files, const fs::Path& temporary,
                                             SeriesSource& source, const BlockWriteOptions& options,
                                             const CancelToken& cancel) {
    KW_TRY(files.create_directories(temporary));
    KW_TRY_ASSIGN(FileSink chunks, FileSink::create(files, fs::join(temporary, kChunksFile)));
    KW_TRY_ASSIGN(FileSink index, FileSink::create(files, fs::join(temporary, kIndexFile)));
    BlockBuilder builder(std::move(chunks), std::move(index), options);
    KW_TRY(builder.begin());
    LabelSet labels;
    SampleColumns samples;
    for (uint64_t read = 0;; ++read) {
        if (read % kSeriesPerCheck == 0) KW_TRY(cancel.check());
        KW_TRY_ASSIGN(const bool more, source.next(labels, samples));
        if (!more) break;
        KW_TRY(builder.add(labels, samples));
    }
    if (builder.empty()) return std::optional<BlockMeta>();
    KW_TRY_ASSIGN(const BlockMeta meta, builder.finish());
    KW_TRY_ASSIGN(FileSink text, FileSink::create(files, fs::join(temporary, kMetaFile)));
    KW_TRY(text.append(as_bytes(format_block_meta(meta))));
    KW_TRY(text.finish());
    KW_TRY(files.sync_directory(temporary));
    return std::optional(meta);
}

}  // namespace

Result<std::optional<BlockMeta>> write_block(fs::FileSystem& files, const fs::Path& directory,
                                             SeriesSource& source, const BlockWriteOptions& options,
                                             const CancelToken& cancel) {
    if (!is_block_name(options.name)) return invalid("\"{}\" is no block name", options.name);
    const fs::Path path = fs::join(directory, options.name);
    const fs::Path temporary = path + std::string(kTemporarySuffix);
    Result<std::optional<BlockMeta>> written =
        write_files(files, temporary, source, options, cancel);
    Result<void> done;
    bool removable = true;
    if (written.ok() && written->has_value()) {
        done = files.rename(temporary, path);
        if (done.ok()) {
            done = files.sync_directory(directory);
            if (done.ok()) return written;
            // Nobody may rely on a name that is perhaps not durable. Its files go only when the name
            // surely went before: else a crash could leave the name without them.
            removable = files.rename(path, temporary).ok() && files.sync_directory(directory).ok();
        }
    }
    // What cannot be removed now goes at the next start.
    if (removable) (void)files.remove_directory(temporary);
    const std::string context = fmt::format("writing block {}", path);
    if (!written.ok()) return std::move(written).with_context(context);
    if (!done.ok()) return std::move(done).error().with_context(context);
    return std::optional<BlockMeta>();
}

Result<void> remove_block_leftovers(fs::FileSystem& files, const fs::Path& directory) {
    KW_TRY_ASSIGN(const std::vector<fs::DirectoryEntry> entries, files.list(directory));
    bool removed = false;
    for (const fs::DirectoryEntry& entry : entries) {
        const std::string_view name = entry.name;
        for (const std::string_view suffix : {kTemporarySuffix, kDeletedSuffix}) {
            if (!entry.is_directory || !name.ends_with(suffix) ||
                !is_block_name(name.substr(0, name.size() - suffix.size()))) {
                continue;
            }
            KW_TRY(files.remove_directory(fs::join(directory, name)));
            removed = true;
        }
    }
    if (removed) KW_TRY(files.sync_directory(directory));
    return {};
}

Result<void> delete_block(fs::FileSystem& files, const fs::Path& directory,
                          const std::string& name) {
    const fs::Path path = fs::join(directory, name);
    const fs::Path doomed = path + std::string(kDeletedSuffix);
    KW_TRY(files.rename(path, doomed));
    KW_TRY(files.sync_directory(directory));
    KW_TRY(files.remove_directory(doomed));
    return files.sync_directory(directory);
}

}  // namespace kw::tsdb
