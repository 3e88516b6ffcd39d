#include "tsdb/block_tables.h"

#include <algorithm>

#include "base/check.h"
#include "base/checksum.h"
#include "codec/integers.h"
#include "codec/presence.h"
#include "codec/timestamps.h"

namespace kw::tsdb {
namespace {

Error too_big(std::string_view what) { return exhausted("a block's {} are over 4 GiB", what); }

uint64_t hash_of(std::span<const int64_t> numbers) {
    return hash64(ByteView(reinterpret_cast<const uint8_t*>(numbers.data()), numbers.size() * 8));
}

}  // namespace

uint32_t SymbolTable::id_of(std::string_view text) {
    if (const auto found = ids_.find(text); found != ids_.end()) return found->second;
    const auto id = static_cast<uint32_t>(texts_.size());
    ids_.emplace(texts_.emplace_back(text), id);
    return id;
}

Result<Bytes> SymbolTable::section() const {
    ByteWriter out;
    out.u32(static_cast<uint32_t>(texts_.size()));
    uint64_t offset = 0;
    for (const std::string& text : texts_) {
        out.u32(static_cast<uint32_t>(offset));
        offset += text.size();
        if (offset > UINT32_MAX) return too_big("symbols");
    }
    out.u32(static_cast<uint32_t>(offset));
    for (const std::string& text : texts_) out.append(as_bytes(text));
    return out.take();
}

Result<ColumnTable::Use> ColumnTable::use(std::span<const int64_t> timestamps, uint64_t group,
                                          int64_t window) {
    const uint64_t content = hash_of(timestamps);
    if (const auto found = by_content_.find(content);
        found != by_content_.end() && equals(found->second, timestamps)) {
        return Use{found->second, false};
    }
    const int64_t group_key[] = {static_cast<int64_t>(group), window};
    uint32_t& of_group = by_group_.try_emplace(hash_of(group_key), UINT32_MAX).first->second;
    if (of_group != UINT32_MAX && covers(of_group, timestamps)) return Use{of_group, true};

    const auto column = static_cast<uint32_t>(offsets_.size());
    if (bytes_.size() > UINT32_MAX / 2) return too_big("timestamp columns");
    offsets_.push_back(static_cast<uint32_t>(bytes_.size()));
    slot_counts_.push_back(static_cast<uint32_t>(timestamps.size()));
    ByteWriter head;
    head.varint(timestamps.size());
    head.varint_signed(timestamps.front());
    head.varint(static_cast<uint64_t>(timestamps.back()) -
                static_cast<uint64_t>(timestamps.front()));
    bytes_.insert(bytes_.end(), head.view().begin(), head.view().end());
    codec::encode_timestamps(timestamps, bytes_);
    by_content_.insert_or_assign(content, column);
    // The longest column of a group is the one that others are likely to be part of.
    if (of_group == UINT32_MAX || slot_counts_[of_group] < timestamps.size()) of_group = column;
    return Use{column, false};
}

void ColumnTable::decode(uint32_t column) {
    ByteReader in(ByteView(bytes_).subspan(offsets_[column]));
    decoded_.resize(slot_counts_[column]);
    const bool head = in.varint().ok() && in.varint_signed().ok() && in.varint().ok();
    KW_CHECK(head);
    const ByteView body = ByteView(bytes_).subspan(offsets_[column] + in.offset());
    KW_CHECK(codec::decode_timestamps(body, decoded_).ok());
}

bool ColumnTable::equals(uint32_t column, std::span<const int64_t> timestamps) {
    if (slot_counts_[column] != timestamps.size()) return false;
    decode(column);
    return std::equal(timestamps.begin(), timestamps.end(), decoded_.begin());
}

bool ColumnTable::covers(uint32_t column, std::span<const int64_t> timestamps) {
    // A series in less than half of the slots is cheaper with a column of its own.
    const size_t slots = slot_counts_[column];
    if (timestamps.size() >= slots || timestamps.size() < slots / 2) return false;
    decode(column);
    presence_.assign(codec::presence_words(slots), 0);
    size_t slot = 0;
    for (const int64_t timestamp : timestamps) {
        while (slot < slots && decoded_[slot] < timestamp) ++slot;
        if (slot == slots || decoded_[slot] != timestamp) return false;
        presence_[slot / 64] |= uint64_t{1} << (slot % 64);
    }
    return true;
}

Bytes ColumnTable::section() const {
    ByteWriter out;
    out.u32(static_cast<uint32_t>(offsets_.size()));
    for (const uint32_t offset : offsets_) out.u32(offset);
    out.u32(static_cast<uint32_t>(bytes_.size()));
    out.append(bytes_);
    return out.take();
}

void PairTable::add(uint32_t name_symbol, uint32_t value_symbol, uint32_t series_id) {
    const uint64_t key = uint64_t{name_symbol} << 32 | value_symbol;
    const auto [found, is_new] = index_of_.try_emplace(key, static_cast<uint32_t>(pairs_.size()));
    if (is_new) pairs_.push_back({name_symbol, value_symbol, {}});
    pairs_[found->second].series.push_back(series_id);
}

Result<PairTable::Sections> PairTable::sections(const SymbolTable& symbols) const {
    std::vector<const Pair*> sorted;
    sorted.reserve(pairs_.size());
    for (const Pair& pair : pairs_) sorted.push_back(&pair);
    std::sort(sorted.begin(), sorted.end(), [&](const Pair* lhs, const Pair* rhs) {
        if (lhs->name != rhs->name) return symbols.text(lhs->name) < symbols.text(rhs->name);
        return symbols.text(lhs->value) < symbols.text(rhs->value);
    });

    ByteWriter names, values, offsets;
    Bytes postings;
    uint32_t name_count = 0;
    std::vector<int64_t> ids;
    for (size_t at = 0; at < sorted.size();) {
        size_t end = at;
        for (; end < sorted.size() && sorted[end]->name == sorted[at]->name; ++end) {
            values.u32(sorted[end]->value);
            offsets.u32(static_cast<uint32_t>(postings.size()));
            ids.assign(sorted[end]->series.begin(), sorted[end]->series.end());
            ByteWriter count;
            count.varint(ids.size());
            postings.insert(postings.end(), count.view().begin(), count.view().end());
            codec::encode_integers(ids, postings);
            if (postings.size() > UINT32_MAX) return too_big("postings");
        }
        ++name_count;
        names.u32(sorted[at]->name);
        names.u32(static_cast<uint32_t>(at));
        names.u32(static_cast<uint32_t>(end - at));
        at = end;
    }
    offsets.u32(static_cast<uint32_t>(postings.size()));

    ByteWriter pairs;
    pairs.u32(name_count);
    pairs.append(names.view());
    pairs.u32(static_cast<uint32_t>(sorted.size()));
    pairs.append(values.view());
    pairs.append(offsets.view());
    return Sections{pairs.take(), std::move(postings)};
}

}  // namespace kw::tsdb
