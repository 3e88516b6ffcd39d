// Series ids, and SerialTable: entries by an ascending serial number that is never reused, in pages, so that what was
// erased long ago costs nothing and what is live is found by two loads.
//
// T has an empty state: default-constructed, and false as a bool.
// Threads: none of its own; the owner's lock.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

namespace kw::tsdb {

// The low bits of a series id say in which shard it lives.
inline constexpr unsigned kShardBits = 4;
inline constexpr uint64_t kShardCount = uint64_t{1} << kShardBits;
inline uint64_t shard_of_id(uint64_t id) { return id & (kShardCount - 1); }
inline uint64_t serial_of_id(uint64_t id) { return id >> kShardBits; }
inline uint64_t make_series_id(uint64_t serial, uint64_t shard) {
    return serial << kShardBits | shard;
}

template <typename T>
class SerialTable final {
 public:
    // Null when `serial` has no entry.
    T* find(uint64_t serial) const {
        const uint64_t page = serial / kPageEntries;
        if (page < first_page_ || page - first_page_ >= pages_.size()) return nullptr;
        Page* const at = pages_[page - first_page_].get();
        if (at == nullptr) return nullptr;
        T& entry = at->entries[serial % kPageEntries];
        return entry ? &entry : nullptr;
    }

    // `serial` has no entry.
    void insert(uint64_t serial, T entry) {
        const uint64_t page = serial / kPageEntries;
        if (pages_.empty()) first_page_ = page;
        if (page < first_page_) {
            std::vector<std::unique_ptr<Page>> grown(first_page_ - page);
            for (auto& old : pages_) grown.push_back(std::move(old));
            pages_ = std::move(grown);
            first_page_ = page;
        }
        if (page - first_page_ >= pages_.size()) pages_.resize(page - first_page_ + 1);
        std::unique_ptr<Page>& at = pages_[page - first_page_];
        if (at == nullptr) at = std::make_unique<Page>();
        at->entries[serial % kPageEntries] = std::move(entry);
        ++at->live;
    }

    // `serial` has an entry.
    void erase(uint64_t serial) {
        std::unique_ptr<Page>& at = pages_[serial / kPageEntries - first_page_];
        at->entries[serial % kPageEntries] = T();
        if (--at->live == 0) at.reset();
    }

    // Calls visit(serial, entry) for each, ascending.
    template <typename Visit>
    void for_each(const Visit& visit) const {
        for (size_t p = 0; p < pages_.size(); ++p) {
            if (pages_[p] == nullptr) continue;
            for (size_t i = 0; i < kPageEntries; ++i) {
                T& entry = pages_[p]->entries[i];
                if (entry) visit((first_page_ + p) * kPageEntries + i, entry);
            }
        }
    }

 private:
    // 1024: a page of places is 12 KiB, and a burst of short-lived series frees whole pages.
    static constexpr uint64_t kPageEntries = 1024;
    struct Page {
        uint32_t live = 0;
        std::array<T, kPageEntries> entries;
    };
    uint64_t first_page_ = 0;
    std::vector<std::unique_ptr<Page>> pages_;
};

}  // namespace kw::tsdb
