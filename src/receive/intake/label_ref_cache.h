// Remote writers' series by the bytes of their label fields: known ones are found without a label
// set.
//
// Shards by hash, each with a reader/writer lock; find() takes each shard's lock once for a batch,
// so that requests look up side by side. When a shard is full, keys that were not found since the
// last time go, and if that is not enough, all. A key says nothing about the store: who learns that
// a ref is not known any more replaces it. Memory: at most Options::bytes_max and one block a
// shard. Threads: all members from any thread.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "contract/metric_store.h"
#include "intake/byte_index.h"

namespace kw::intake {

class LabelRefCache final {
 public:
    static constexpr size_t kShards = 16;

    // 256 MiB hold a million series with label fields of 150 bytes.
    explicit LabelRefCache(uint64_t bytes_max = 256 << 20)
        : shard_bytes_max_(bytes_max / kShards) {}

    // Buffers of find(), kept between uses.
    struct Scratch {
        std::vector<uint64_t> hashes;
        std::vector<uint32_t> order;  // keys' indexes, shard by shard
    };
    // Sets refs[i] to what stands under keys[i]; 0 where nothing does. Afterwards scratch.hashes
    // has the keys' hashes.
    void find(std::span<const std::string_view> keys, std::span<SeriesRef> refs,
              Scratch& scratch) const;
    // Puts `ref` under `key`, in place of what was there. `hash` is hash64(key).
    void put(uint64_t hash, std::string_view key, SeriesRef ref);

    size_t size() const;
    uint64_t bytes() const;

 private:
    struct Entry {
        uint64_t ref = 0;
        uint64_t was_found = 0;  // since the last eviction; readers set it, hence atomically
    };
    struct Shard {
        mutable SharedMutex mutex;
        ByteIndex keys KW_GUARDED_BY(mutex);
        mutable std::vector<Entry> entries KW_GUARDED_BY(mutex);
    };
    static size_t shard_of(uint64_t hash) { return (hash >> 24) % kShards; }
    static uint64_t bytes_of(const Shard& shard) KW_REQUIRES_SHARED(shard.mutex);
    static void evict(Shard& shard) KW_REQUIRES(shard.mutex);

    const uint64_t shard_bytes_max_;
    std::array<Shard, kShards> shards_;
};

}  // namespace kw::intake
