#include "tsdb/head_index.h"

#include <algorithm>

#include "base/checksum.h"
#include "contract/metric_store.h"

namespace kw::tsdb {

void PairPostings::add(uint32_t id) {
    if (many_ != nullptr) {
        many_->add(id);
        return;
    }
    if (few_.empty() || few_.back() < id) {
        few_.push_back(id);
    } else {
        few_.insert(std::lower_bound(few_.begin(), few_.end(), id), id);
    }
    if (few_.size() > kFew) {
        many_ = std::make_unique<Roaring>(few_.size(), few_.data());
        few_ = {};
    }
}

void PairPostings::remove(uint32_t id) {
    if (many_ != nullptr) {
        many_->remove(id);
        return;
    }
    const auto at = std::lower_bound(few_.begin(), few_.end(), id);
    if (at != few_.end() && *at == id) few_.erase(at);
}

void PairPostings::add_to(Roaring& into) const {
    if (many_ != nullptr) {
        into |= *many_;
    } else {
        into.addMany(few_.size(), few_.data());
    }
}

uint64_t PairPostings::bytes() const {
    return many_ != nullptr ? many_->getSizeInBytes() : few_.capacity() * sizeof(uint32_t);
}

size_t HeadIndex::PairHash::operator()(uint32_t pair) const {
    return (*this)(PairKey{(*pairs)[pair].name, (*pairs)[pair].value});
}

size_t HeadIndex::PairHash::operator()(const PairKey& key) const {
    return hash64(key.value) ^ (key.name * 0x9e3779b97f4a7c15u);
}

HeadIndex::HeadIndex() : pair_numbers_(0, PairHash{&pairs_}, PairEqual{&pairs_}) {}
HeadIndex::~HeadIndex() = default;

const uint32_t* HeadIndex::series_of(uint64_t id) const {
    const SeriesPairs* const entry = series_[shard_of_id(id)].find(serial_of_id(id));
    return entry != nullptr ? entry->pairs.get() : nullptr;
}

const HeadIndex::Pair* HeadIndex::find_pair(std::string_view name, std::string_view value) const {
    const auto number = name_numbers_.find(name);
    if (number == name_numbers_.end()) return nullptr;
    const auto pair = pair_numbers_.find(PairKey{number->second, value});
    return pair == pair_numbers_.end() ? nullptr : &pairs_[*pair];
}

uint32_t HeadIndex::pair_of(const LabelView& label) {
    auto name = name_numbers_.find(label.name);
    if (name == name_numbers_.end()) {
        name = name_numbers_.emplace(label.name, static_cast<uint32_t>(names_.size())).first;
        names_.push_back({std::string(label.name), {}, 0});
    }
    const auto known = pair_numbers_.find(PairKey{name->second, label.value});
    if (known != pair_numbers_.end()) return *known;
    uint32_t number = static_cast<uint32_t>(pairs_.size());
    if (free_pairs_.empty()) {
        pairs_.emplace_back();
    } else {
        number = free_pairs_.back();
        free_pairs_.pop_back();
    }
    pairs_[number].name = name->second;
    pairs_[number].position = static_cast<uint32_t>(names_[name->second].pairs.size());
    pairs_[number].value = label.value;
    pair_numbers_.insert(number);
    names_[name->second].pairs.push_back(number);
    return number;
}

bool HeadIndex::same_labels(const uint32_t* series, const LabelSet& labels) const {
    uint32_t i = 0;
    for (const LabelView& label : labels) {
        if (i == series[0]) return false;
        const Pair& pair = pairs_[series[++i]];
        if (pair.value != label.value || names_[pair.name].text != label.name) return false;
    }
    return i == series[0];
}

uint64_t HeadIndex::find(const LabelSet& labels, uint64_t hash) const {
    const auto at = by_hash_.find(hash);
    if (at == by_hash_.end()) return 0;
    if (same_labels(series_of(at->second), labels)) return at->second;
    for (auto [other, last] = same_hash_.equal_range(hash); other != last; ++other) {
        if (same_labels(series_of(other->second), labels)) return other->second;
    }
    return 0;
}

bool HeadIndex::add(uint64_t id, const LabelSet& labels, uint64_t hash) {
    constexpr uint64_t kReach = uint64_t{1} << 31;
    if (!has_base_) {
        base_ = id > kReach ? id - kReach : 0;
        has_base_ = true;
    }
    if (id < base_ || id - base_ > UINT32_MAX) return false;
    const uint32_t posting = static_cast<uint32_t>(id - base_);
    const size_t count = labels.size();
    SeriesPairs entry{std::make_unique<uint32_t[]>(count + 1)};
    entry.pairs[0] = static_cast<uint32_t>(count);
    size_t i = 0;
    for (const LabelView& label : labels) {
        const uint32_t pair = pair_of(label);
        entry.pairs[++i] = pair;
        pairs_[pair].series.add(posting);
        ++names_[pairs_[pair].name].series_count;
    }
    series_[shard_of_id(id)].insert(serial_of_id(id), std::move(entry));
    if (!by_hash_.emplace(hash, id).second) same_hash_.emplace(hash, id);
    all_.add(posting);
    ++series_count_;
    return true;
}

void HeadIndex::remove(uint64_t id) {
    const uint32_t posting = static_cast<uint32_t>(id - base_);
    const uint64_t hash = labels(id).hash();
    const uint32_t* const series = series_of(id);
    for (uint32_t i = 1; i <= series[0]; ++i) {
        const uint32_t number = series[i];
        Pair& pair = pairs_[number];
        pair.series.remove(posting);
        Name& name = names_[pair.name];
        --name.series_count;
        if (pair.series.size() != 0) continue;
        pair_numbers_.erase(pair_numbers_.find(PairKey{pair.name, pair.value}));
        pairs_[name.pairs.back()].position = pair.position;
        name.pairs[pair.position] = name.pairs.back();
        name.pairs.pop_back();
        pair = Pair();
        free_pairs_.push_back(number);
    }
    series_[shard_of_id(id)].erase(serial_of_id(id));
    for (auto [other, last] = same_hash_.equal_range(hash); other != last; ++other) {
        if (other->second != id) continue;
        same_hash_.erase(other);
        break;
    }
    if (const auto at = by_hash_.find(hash); at != by_hash_.end() && at->second == id) {
        by_hash_.erase(at);
        if (const auto other = same_hash_.find(hash); other != same_hash_.end()) {
            by_hash_.emplace(hash, other->second);
            same_hash_.erase(other);
        }
    }
    all_.remove(posting);
    --series_count_;
}

void HeadIndex::label_views(uint64_t id, std::vector<LabelView>& out) const {
    const uint32_t* const series = series_of(id);
    out.clear();
    for (uint32_t i = 1; i <= series[0]; ++i) {
        const Pair& pair = pairs_[series[i]];
        out.push_back({names_[pair.name].text, pair.value});
    }
}

LabelSet HeadIndex::labels(uint64_t id) const {
    std::vector<LabelView> views;
    label_views(id, views);
    return LabelSet::from_sorted(views).value();
}

Result<void> HeadIndex::add_all(Roaring& into) const {
    into |= all_;
    return {};
}

Result<void> HeadIndex::add_pair(std::string_view name, std::string_view value,
                                 Roaring& into) const {
    if (const Pair* const pair = find_pair(name, value)) pair->series.add_to(into);
    return {};
}

uint64_t HeadIndex::pair_count(std::string_view name, std::string_view value) const {
    const Pair* const pair = find_pair(name, value);
    return pair != nullptr ? pair->series.size() : 0;
}

Result<void> HeadIndex::visit_values(std::string_view name, std::string_view prefix,
                                     const std::function<bool(std::string_view)>& visit) const {
    const auto number = name_numbers_.find(name);
    if (number == name_numbers_.end()) return {};
    for (const uint32_t pair : names_[number->second].pairs) {
        const std::string& value = pairs_[pair].value;
        if (value.starts_with(prefix) && !visit(value)) break;
    }
    return {};
}

std::vector<std::string> HeadIndex::names() const {
    std::vector<std::string> out;
    for (const auto& [text, number] : name_numbers_) {
        if (names_[number].series_count != 0) out.push_back(text);
    }
    return out;
}

namespace {

void keep_top(std::vector<NameCount>& list, uint64_t limit) {
    const auto more = [](const NameCount& a, const NameCount& b) {
        return a.count != b.count ? a.count > b.count : a.name < b.name;
    };
    const size_t count = std::min<uint64_t>(limit, list.size());
    std::partial_sort(list.begin(), list.begin() + static_cast<ptrdiff_t>(count), list.end(), more);
    list.resize(count);
}

}  // namespace

void HeadIndex::fill_stats(StoreStats& stats, uint64_t limit) const {
    stats.series_count = series_count_;
    stats.label_pair_count = pair_count();
    for (const Name& name : names_) {
        if (name.series_count == 0) continue;
        uint64_t bytes = 0;
        for (const uint32_t number : name.pairs) {
            const Pair& pair = pairs_[number];
            const uint64_t count = pair.series.size();
            bytes += count * pair.value.size();
            if (name.text == kMetricName) stats.series_by_metric.push_back({pair.value, count});
            stats.series_by_label_pair.push_back({name.text + '=' + pair.value, count});
        }
        stats.values_by_label.push_back({name.text, name.pairs.size()});
        stats.bytes_by_label.push_back({name.text, bytes});
    }
    for (auto* list : {&stats.series_by_metric, &stats.values_by_label, &stats.bytes_by_label,
                       &stats.series_by_label_pair}) {
        keep_top(*list, limit);
    }
}

}  // namespace kw::tsdb
