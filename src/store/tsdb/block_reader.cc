#include "tsdb/block_reader.h"

#include <roaring/roaring.hh>

#include <algorithm>

#include "codec/integers.h"
#include "contract/metric_store.h"
#include "tsdb/block_format.h"
#include "tsdb/block_index.h"

namespace kw::tsdb {
namespace {

constexpr uint64_t kMetaBytesMax = 16 << 20;

}  // namespace

BlockReader::BlockReader() = default;
BlockReader::~BlockReader() = default;

Result<std::shared_ptr<const BlockReader>> BlockReader::open(fs::FileSystem& files,
                                                             const fs::Path& directory,
                                                             const std::string& name) {
    const fs::Path path = fs::join(directory, name);
    const auto read = [&]() -> Result<std::shared_ptr<const BlockReader>> {
        const Result<std::string> text =
            fs::read_file(files, fs::join(path, kMetaFile), kMetaBytesMax);
        if (!text.ok()) return Error(text.error());
        Result<BlockMeta> meta = parse_block_meta(text.value());
        if (!meta.ok()) return std::move(meta).error().with_context(kMetaFile);
        if (meta->name != name) return corrupt("meta is of block {}", meta->name);
        KW_TRY_ASSIGN(auto index_file, files.map(fs::join(path, kIndexFile)));
        KW_TRY_ASSIGN(auto chunks_file, files.map(fs::join(path, kChunksFile)));
        std::shared_ptr<BlockReader> reader(new BlockReader());
        reader->meta_ = std::move(meta).value();
        KW_TRY_ASSIGN(reader->index_,
                      Index::open(std::move(index_file), std::move(chunks_file), reader->meta_));
        return std::shared_ptr<const BlockReader>(std::move(reader));
    };
    return read().with_context(path);
}

Result<void> BlockReader::add_all(Roaring& into) const {
    into.addRange(0, meta_.series_count);
    return {};
}

Result<void> BlockReader::add_pair(std::string_view name, std::string_view value,
                                   Roaring& into) const {
    const std::optional<size_t> pair = index_->find_pair(name, value);
    if (!pair) return {};
    return add_postings(*pair, into);
}

Result<void> BlockReader::add_values(std::string_view name, std::string_view prefix,
                                     const std::function<Result<bool>(std::string_view)>& accept,
                                     Roaring& into) const {
    const std::optional<size_t> found = index_->find_name(name);
    if (!found) return {};
    const size_t end = index_->first_pair(*found) + index_->pair_count(*found);
    for (size_t pair = index_->lower_bound(*found, prefix); pair < end; ++pair) {
        const std::string_view value = index_->pair_value(pair);
        if (!value.starts_with(prefix)) break;
        KW_TRY_ASSIGN(const bool accepted, accept(value));
        if (accepted) KW_TRY(add_postings(pair, into));
    }
    return {};
}

Result<void> BlockReader::add_postings(size_t pair, Roaring& into) const {
    const auto damaged = [&](const std::string& what) {
        return corrupt("block {}: index: postings of value {}: {}", meta_.name,
                       quoted(index_->pair_value(pair)), what);
    };
    const ByteView bytes = index_->pair_postings(pair);
    ByteReader in(bytes);
    const Result<uint64_t> count = in.varint();
    if (!count.ok()) return damaged(count.error().message);
    if (*count == 0 || *count > meta_.series_count)
        return damaged(fmt::format("{} series", *count));
    std::vector<int64_t> ids(*count);
    const Result<size_t> used = codec::decode_integers(bytes.subspan(in.offset()), ids);
    if (!used.ok()) return damaged(used.error().message);
    std::vector<uint32_t> narrow(ids.size());
    int64_t last = -1;
    for (size_t i = 0; i < ids.size(); ++i) {
        if (ids[i] <= last || static_cast<uint64_t>(ids[i]) >= meta_.series_count) {
            return damaged(fmt::format("series {} after {}", ids[i], last));
        }
        last = ids[i];
        narrow[i] = static_cast<uint32_t>(ids[i]);
    }
    if (narrow.back() - narrow.front() + 1 == narrow.size()) {
        into.addRange(narrow.front(), uint64_t{narrow.back()} + 1);
    } else {
        into.addMany(narrow.size(), narrow.data());
    }
    return {};
}

uint64_t BlockReader::pair_count(std::string_view name, std::string_view value) const {
    const std::optional<size_t> pair = index_->find_pair(name, value);
    if (!pair) return 0;
    ByteReader in(index_->pair_postings(*pair));
    return in.varint().value_or(meta_.series_count);
}

Result<void> BlockReader::visit_values(std::string_view name, std::string_view prefix,
                                       const std::function<bool(std::string_view)>& visit) const {
    const std::optional<size_t> found = index_->find_name(name);
    if (!found) return {};
    const size_t end = index_->first_pair(*found) + index_->pair_count(*found);
    for (size_t pair = index_->lower_bound(*found, prefix); pair < end; ++pair) {
        const std::string_view value = index_->pair_value(pair);
        if (!value.starts_with(prefix) || !visit(value)) break;
    }
    return {};
}

void BlockReader::visit_names(const std::function<void(std::string_view)>& visit) const {
    for (size_t name = 0; name < index_->names.size() / 3; ++name) {
        visit(index_->symbol(index_->name_symbol(name)));
    }
}

Result<void> BlockReader::verify() const {
    BlockCursor cursor(*this);
    SampleColumns samples;
    LabelSet last;
    uint64_t sample_count = 0;
    for (uint32_t id = 0; id < meta_.series_count; ++id) {
        KW_TRY_ASSIGN(LabelSet labels, cursor.labels(id));
        if (id > 0 && labels <= last) {
            return corrupt("block {}: series {} {} out of order", meta_.name, id,
                           labels.to_string());
        }
        samples.clear();
        KW_TRY(cursor.read(id, TimeRange{}, samples));
        if (samples.size() == 0 || samples.timestamps.front() < meta_.range.min.count ||
            samples.timestamps.back() > meta_.range.max.count) {
            return corrupt("block {}: series {} {} has samples outside the block", meta_.name, id,
                           labels.to_string());
        }
        for (const LabelView& label : labels) {
            Roaring postings;
            KW_TRY(add_pair(label.name, label.value, postings));
            if (!postings.contains(id)) {
                return corrupt("block {}: series {} is missing in the postings of {}={}",
                               meta_.name, id, label.name, quoted(label.value));
            }
        }
        sample_count += samples.size();
        last = std::move(labels);
    }
    if (sample_count != meta_.sample_count) {
        return corrupt("block {}: {} samples, want {}", meta_.name, sample_count,
                       meta_.sample_count);
    }
    return {};
}

}  // namespace kw::tsdb
