// Numbers byte strings: the first inserted is 0, the next 1. Finds the number by the bytes.
//
// Open addressing with linear probing over 8-byte slots (32 bits of the hash, 32 of the number), at
// most 3/4 full; keys lie in blocks that never move, so key() stays valid until clear(). Equal
// hashes are told apart by the bytes. There is no erase: who wants fewer keys inserts those that
// stay into a new index. Threads: const members from any thread at once.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace kw::intake {

class ByteIndex final {
 public:
    static constexpr uint32_t kNone = ~uint32_t{0};

    // `hash` is hash64(key) throughout.
    uint32_t find(uint64_t hash, std::string_view key) const;
    // Hints the processor that find(hash, …) comes soon.
    void prefetch(uint64_t hash) const;
    // Copies `key`. Precondition: it is not here; size() < kNone.
    uint32_t insert(uint64_t hash, std::string_view key);
    void clear();

    size_t size() const { return keys_.size(); }
    std::string_view key(uint32_t number) const { return {keys_[number].data, keys_[number].size}; }
    uint64_t hash(uint32_t number) const { return keys_[number].hash; }
    // What it holds in memory.
    uint64_t bytes() const;

 private:
    struct Key {
        const char* data;
        uint32_t size;
        uint64_t hash;
    };
    struct Slot {
        uint32_t tag = 0;  // the hash's upper half
        uint32_t number = kNone;
    };
    const char* copy(std::string_view key);
    void place(uint64_t hash, uint32_t number);
    void grow();

    std::vector<Key> keys_;
    std::vector<Slot> slots_;  // a power of two of them, or none
    std::vector<std::unique_ptr<char[]>> blocks_;
    size_t block_free_bytes_ = 0;
    char* block_free_ = nullptr;
    uint64_t block_bytes_ = 0;
};

}  // namespace kw::intake
