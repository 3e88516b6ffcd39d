// HeadIndex: which series the head has, found by their labels.
//
// A label pair is stored once and has a number; a series is the list of its pairs' numbers, 4 bytes a
// label. Postings are by pair. Series ids are 64 bits and never reused; postings hold their distance to
// base(), 32 bits, which lasts for 2^31 series made in one run of the process.
// Memory: about 4 bytes a label, 4 a posting, 40 of tables a series, and the strings once.
// Threads: none of its own; Head's index lock.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <boost/unordered/unordered_flat_set.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <roaring/roaring.hh>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/labels.h"
#include "tsdb/head_table.h"
#include "tsdb/postings.h"

namespace kw {
struct StoreStats;
}

namespace kw::tsdb {

// Series ids of one label pair: a sorted vector while few, a bitmap when many.
class PairPostings final {
 public:
    void add(uint32_t id);
    void remove(uint32_t id);
    void add_to(Roaring& into) const;
    uint64_t size() const { return many_ != nullptr ? many_->cardinality() : few_.size(); }
    uint64_t bytes() const;

 private:
    // A Roaring costs some 200 bytes before its first entry; 32 entries of a vector cost 128.
    static constexpr size_t kFew = 32;
    std::vector<uint32_t> few_;
    std::unique_ptr<Roaring> many_;
};

class HeadIndex final : public PostingsSource {
 public:
    HeadIndex();
    ~HeadIndex() override;

    // 0 when there is none. `hash` is labels.hash().
    uint64_t find(const LabelSet& labels, uint64_t hash) const;
    // Neither `id` nor `labels` are there yet. False when `id` is too far from base().
    bool add(uint64_t id, const LabelSet& labels, uint64_t hash);
    // `id` is there.
    void remove(uint64_t id);
    bool has(uint64_t id) const { return series_of(id) != nullptr; }

    // `id` is there.
    LabelSet labels(uint64_t id) const;
    // Views that live until a series is removed. Replaces `out`.
    void label_views(uint64_t id, std::vector<LabelView>& out) const;

    uint64_t series_count() const { return series_count_; }
    uint64_t pair_count() const { return pairs_.size() - free_pairs_.size(); }
    uint64_t id_of(uint32_t posting) const { return base_ + posting; }

    Result<void> add_all(Roaring& into) const override;
    Result<void> add_pair(std::string_view name, std::string_view value,
                          Roaring& into) const override;
    uint64_t pair_count(std::string_view name, std::string_view value) const override;
    Result<void> visit_values(std::string_view name, std::string_view prefix,
                              const std::function<bool(std::string_view)>& visit) const override;
    // Names that some series has, sorted.
    std::vector<std::string> names() const;

    // Fills the counts and lists that come of labels; `limit` bounds each list.
    void fill_stats(StoreStats& stats, uint64_t limit) const;

 private:
    struct Pair {
        uint32_t name = 0;
        uint32_t position = 0;  // in its name's pairs
        std::string value;
        PairPostings series;
    };
    struct Name {
        std::string text;
        std::vector<uint32_t> pairs;
        uint64_t series_count = 0;
    };
    // pairs[0] is the count, then the pairs' numbers in label order.
    struct SeriesPairs {
        std::unique_ptr<uint32_t[]> pairs;
        explicit operator bool() const { return pairs != nullptr; }
    };
    struct PairKey {
        uint32_t name;
        std::string_view value;
    };
    struct PairHash {
        using is_transparent = void;
        const std::vector<Pair>* pairs;
        size_t operator()(uint32_t pair) const;
        size_t operator()(const PairKey& key) const;
    };
    struct PairEqual {
        using is_transparent = void;
        const std::vector<Pair>* pairs;
        bool operator()(uint32_t a, uint32_t b) const { return a == b; }
        bool operator()(uint32_t a, const PairKey& b) const {
            return (*pairs)[a].name == b.name && (*pairs)[a].value == b.value;
        }
        bool operator()(const PairKey& a, uint32_t b) const { return (*this)(b, a); }
    };

    const uint32_t* series_of(uint64_t id) const;
    const Pair* find_pair(std::string_view name, std::string_view value) const;
    uint32_t pair_of(const LabelView& label);
    bool same_labels(const uint32_t* series, const LabelSet& labels) const;

    uint64_t base_ = 0;
    bool has_base_ = false;
    uint64_t series_count_ = 0;
    std::vector<Pair> pairs_;
    std::vector<uint32_t> free_pairs_;
    std::vector<Name> names_;
    std::map<std::string, uint32_t, std::less<>> name_numbers_;
    boost::unordered_flat_set<uint32_t, PairHash, PairEqual> pair_numbers_;
    SerialTable<SeriesPairs> series_[kShardCount];
    // Hash of the labels to the id; the few whose hash is taken stand in `same_hash_`.
    boost::unordered_flat_map<uint64_t, uint64_t> by_hash_;
    std::multimap<uint64_t, uint64_t> same_hash_;
    Roaring all_;
};

}  // namespace kw::tsdb
