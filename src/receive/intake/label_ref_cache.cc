#include "intake/label_ref_cache.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "base/checksum.h"

namespace kw::intake {
namespace {

// How many keys ahead a slot is fetched: a miss of the last cache takes as long as some ten
// lookups.
constexpr uint32_t kPrefetchAhead = 8;

}  // namespace

void LabelRefCache::find(std::span<const std::string_view> keys, std::span<SeriesRef> refs,
                         Scratch& scratch) const {
    scratch.hashes.resize(keys.size());
    scratch.order.resize(keys.size());
    std::array<uint32_t, kShards + 1> begins{};
    for (size_t i = 0; i < keys.size(); ++i) {
        scratch.hashes[i] = hash64(keys[i]);
        ++begins[shard_of(scratch.hashes[i]) + 1];
    }
    for (size_t shard = 0; shard < kShards; ++shard) begins[shard + 1] += begins[shard];
    std::array<uint32_t, kShards + 1> next = begins;
    for (uint32_t i = 0; i < keys.size(); ++i)
        scratch.order[next[shard_of(scratch.hashes[i])]++] = i;

    for (size_t number = 0; number < kShards; ++number) {
        const uint32_t begin = begins[number];
        const uint32_t end = begins[number + 1];
        if (begin == end) continue;
        const Shard& shard = shards_[number];
        const ReaderLock lock(shard.mutex);
        for (uint32_t at = begin; at < end; ++at) {
            if (at + kPrefetchAhead < end) {
                shard.keys.prefetch(scratch.hashes[scratch.order[at + kPrefetchAhead]]);
            }
            const uint32_t i = scratch.order[at];
            const uint32_t key = shard.keys.find(scratch.hashes[i], keys[i]);
            if (key == ByteIndex::kNone) {
                refs[i] = SeriesRef{};
                continue;
            }
            Entry& entry = shard.entries[key];
            refs[i] = SeriesRef{entry.ref};
            const std::atomic_ref<uint64_t> was_found(entry.was_found);
            if (was_found.load(std::memory_order_relaxed) == 0)
                was_found.store(1, std::memory_order_relaxed);
        }
    }
}

void LabelRefCache::put(uint64_t hash, std::string_view key, SeriesRef ref) {
    Shard& shard = shards_[shard_of(hash)];
    const WriterLock lock(shard.mutex);
    const uint32_t known = shard.keys.find(hash, key);
    if (known != ByteIndex::kNone) {
        shard.entries[known].ref = ref.id;
        return;
    }
    const uint64_t room = shard_bytes_max_ - std::min<uint64_t>(shard_bytes_max_, key.size());
    if (bytes_of(shard) > room) evict(shard);
    if (bytes_of(shard) > room) {
        shard.keys.clear();
        shard.entries = {};
    }
    shard.keys.insert(hash, key);
    shard.entries.push_back({ref.id, 1});
}

uint64_t LabelRefCache::bytes_of(const Shard& shard) {
    return shard.keys.bytes() + shard.entries.capacity() * sizeof(Entry);
}

void LabelRefCache::evict(Shard& shard) {
    const ByteIndex old_keys = std::exchange(shard.keys, {});
    const std::vector<Entry> old_entries = std::exchange(shard.entries, {});
    for (uint32_t key = 0; key < old_entries.size(); ++key) {
        if (old_entries[key].was_found == 0) continue;
        shard.keys.insert(old_keys.hash(key), old_keys.key(key));
        shard.entries.push_back({old_entries[key].ref, 0});
    }
}

size_t LabelRefCache::size() const {
    size_t total = 0;
    for (const Shard& shard : shards_) {
        const ReaderLock lock(shard.mutex);
        total += shard.keys.size();
    }
    return total;
}

uint64_t LabelRefCache::bytes() const {
    uint64_t total = 0;
    for (const Shard& shard : shards_) {
        const ReaderLock lock(shard.mutex);
        total += bytes_of(shard);
    }
    return total;
}

}  // namespace kw::intake
