#include "intake/byte_index.h"

#include <algorithm>
#include <cstring>

namespace kw::intake {
namespace {

constexpr size_t kSlotsMin = 16;
// Blocks grow with the index, so that a target with ten series does not hold 64 KiB.
constexpr size_t kBlockBytesMin = 1 << 10;
constexpr size_t kBlockBytesMax = 64 << 10;

}  // namespace

uint32_t ByteIndex::find(uint64_t hash, std::string_view key) const {
    if (slots_.empty()) return kNone;
    const size_t mask = slots_.size() - 1;
    const auto tag = static_cast<uint32_t>(hash >> 32);
    for (size_t at = hash & mask;; at = (at + 1) & mask) {
        const Slot slot = slots_[at];
        if (slot.number == kNone) return kNone;
        if (slot.tag != tag) continue;
        const Key& candidate = keys_[slot.number];
        if (candidate.hash == hash && candidate.size == key.size() &&
            std::memcmp(candidate.data, key.data(), key.size()) == 0) {
            return slot.number;
        }
    }
}

void ByteIndex::prefetch(uint64_t hash) const {
    if (!slots_.empty()) __builtin_prefetch(&slots_[hash & (slots_.size() - 1)]);
}

uint32_t ByteIndex::insert(uint64_t hash, std::string_view key) {
    if ((keys_.size() + 1) * 4 > slots_.size() * 3) grow();
    const auto number = static_cast<uint32_t>(keys_.size());
    keys_.push_back({copy(key), static_cast<uint32_t>(key.size()), hash});
    place(hash, number);
    return number;
}

void ByteIndex::place(uint64_t hash, uint32_t number) {
    const size_t mask = slots_.size() - 1;
    size_t at = hash & mask;
    while (slots_[at].number != kNone) at = (at + 1) & mask;
    slots_[at] = {static_cast<uint32_t>(hash >> 32), number};
}

void ByteIndex::grow() {
    slots_.assign(std::max(kSlotsMin, slots_.size() * 2), Slot{});
    for (uint32_t number = 0; number < keys_.size(); ++number) place(keys_[number].hash, number);
}

const char* ByteIndex::copy(std::string_view key) {
    if (block_free_bytes_ < key.size() || block_free_ == nullptr) {
        const size_t usual = std::clamp<size_t>(block_bytes_, kBlockBytesMin, kBlockBytesMax);
        const size_t bytes = std::max(usual, key.size());
        blocks_.push_back(std::make_unique_for_overwrite<char[]>(bytes));
        block_free_ = blocks_.back().get();
        block_free_bytes_ = bytes;
        block_bytes_ += bytes;
    }
    char* const at = block_free_;
    std::memcpy(at, key.data(), key.size());
    block_free_ += key.size();
    block_free_bytes_ -= key.size();
    return at;
}

void ByteIndex::clear() { *this = ByteIndex(); }

uint64_t ByteIndex::bytes() const {
    return keys_.capacity() * sizeof(Key) + slots_.capacity() * sizeof(Slot) + block_bytes_;
}

}  // namespace kw::intake
