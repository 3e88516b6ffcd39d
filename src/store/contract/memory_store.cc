#include "contract/memory_store.h"

#include <algorithm>
#include <bit>
#include <set>

#include "model/stored_histogram.h"

namespace kw {
namespace {

class Snapshot final : public SelectedSeries {
 public:
    struct Entry {
        LabelSet labels;
        SampleColumns samples;
    };
    explicit Snapshot(std::vector<Entry> entries, uint64_t samples)
        : entries_(std::move(entries)), samples_(samples) {}

    size_t size() const override { return entries_.size(); }
    const LabelSet& labels(size_t index) const override { return entries_[index].labels; }
    Result<void> read(size_t index, SampleColumns& out) const override {
        out = entries_[index].samples;
        return {};
    }
    uint64_t samples_estimate() const override { return samples_; }

 private:
    const std::vector<Entry> entries_;
    const uint64_t samples_;
};

// `now` with the hint that it has right behind `before`, which may be null.
std::shared_ptr<const Histogram> with_hint(const std::shared_ptr<const Histogram>& now,
                                           const Histogram* before) {
    const CounterResetHint hint = hint_behind(*now, before);
    if (hint == now->counter_reset_hint) return now;
    Histogram copy = *now;
    copy.counter_reset_hint = hint;
    return std::make_shared<const Histogram>(std::move(copy));
}

std::vector<std::string> limited(const std::set<std::string>& all, uint64_t limit) {
    std::vector<std::string> out(all.begin(), all.end());
    if (limit != 0 && out.size() > limit) out.resize(limit);
    return out;
}

std::vector<NameCount> top(const std::map<std::string, uint64_t>& counts, uint64_t limit) {
    std::vector<NameCount> out;
    for (const auto& [name, count] : counts) out.push_back({name, count});
    std::ranges::sort(out, [](const NameCount& a, const NameCount& b) {
        return a.count != b.count ? a.count > b.count : a.name < b.name;
    });
    if (out.size() > limit) out.resize(limit);
    return out;
}

}  // namespace

SeriesRef MemoryStore::ref_locked(const LabelSet& labels) {
    const auto [it, is_new] = ids_.try_emplace(labels, series_.size() + 1);
    if (is_new) series_.emplace_back();
    return {it->second};
}

Result<SeriesRef> MemoryStore::ref_of(const LabelSet& labels) {
    MutexLock lock(mutex_);
    return ref_locked(labels);
}

RowVerdict MemoryStore::add_point(Points& points, Millis t, Point point) {
    const auto [it, is_new] = points.try_emplace(t, point);
    if (is_new) return RowVerdict::kStored;
    const Point& there = it->second;
    const bool same_histogram = there.histogram && point.histogram
                                    ? same_sample(*there.histogram, *point.histogram)
                                    : !there.histogram && !point.histogram;
    const bool same_value = point.histogram || std::bit_cast<uint64_t>(there.value) ==
                                                   std::bit_cast<uint64_t>(point.value);
    return same_histogram && same_value ? RowVerdict::kSameAgain : RowVerdict::kConflict;
}

Result<AppendResult> MemoryStore::append(const SampleBatch& batch) {
    AppendResult result;
    for (const auto& histogram : batch.histograms) {
        if (histogram) KW_TRY(check_histogram(*histogram));
    }
    MutexLock lock(mutex_);
    for (size_t row = 0; row < batch.series.size(); ++row) {
        const uint64_t id = batch.series[row].id;
        if (id == 0 || id > series_.size()) {
            result.refused.emplace_back(row, RowVerdict::kUnknownSeries);
            continue;
        }
        const Millis t = batch.timestamps[batch.timestamps.size() == 1 ? 0 : row];
        const Millis start = batch.starts.empty() ? kNoStart : batch.starts[row];
        const RowVerdict verdict = add_point(
            series_[id - 1], t,
            {batch.values[row], start, batch.histograms.empty() ? nullptr : batch.histograms[row]});
        if (verdict == RowVerdict::kStored)
            ++result.stored;
        else if (verdict == RowVerdict::kSameAgain)
            ++result.same_again;
        else
            result.refused.emplace_back(row, verdict);
    }
    return result;
}

RowVerdict MemoryStore::add(const LabelSet& labels, Millis t, double value, Millis start,
                            std::shared_ptr<const Histogram> histogram) {
    MutexLock lock(mutex_);
    return add_point(series_[ref_locked(labels).id - 1], t, {value, start, std::move(histogram)});
}

void MemoryStore::clear() {
    MutexLock lock(mutex_);
    ids_.clear();
    series_.clear();
}

std::vector<const std::pair<const LabelSet, uint64_t>*> MemoryStore::matching(
    const std::vector<Matcher>& matchers, const TimeRange& range) const {
    std::vector<const std::pair<const LabelSet, uint64_t>*> out;
    for (const auto& entry : ids_) {
        const Points& points = series_[entry.second - 1];
        const auto first = points.lower_bound(range.min);
        if (first == points.end() || first->first > range.max) continue;
        if (matches_all(matchers, entry.first)) out.push_back(&entry);
    }
    return out;
}

Result<std::unique_ptr<SelectedSeries>> MemoryStore::select(const std::vector<Matcher>& matchers,
                                                            const TimeRange& range,
                                                            const SelectHints& hints,
                                                            const CancelToken& cancel,
                                                            MemoryBudget&) {
    if (matchers.empty()) return invalid("a selection needs at least one matcher");
    KW_TRY(cancel.check());
    std::vector<Snapshot::Entry> entries;
    uint64_t sample_count = 0;
    MutexLock lock(mutex_);
    for (const auto* entry : matching(matchers, range)) {
        if (hints.series_limit != 0 && entries.size() >= hints.series_limit) {
            return exhausted("more than {} series match", hints.series_limit);
        }
        if (entries.size() % 32 == 0) KW_TRY(cancel.check());
        Snapshot::Entry& out = entries.emplace_back();
        out.labels = entry->first;
        const Points& points = series_[entry->second - 1];
        const auto last = points.upper_bound(range.max);
        bool has_start = false;
        bool has_histogram = false;
        for (auto it = points.lower_bound(range.min); it != last; ++it) {
            out.samples.timestamps.push_back(it->first.count);
            out.samples.values.push_back(it->second.value);
            has_start |= it->second.start != kNoStart;
            has_histogram |= it->second.histogram != nullptr;
        }
        for (auto it = points.lower_bound(range.min); it != last; ++it) {
            if (has_start) out.samples.starts.push_back(it->second.start.count);
            if (!has_histogram) continue;
            const Histogram* before =
                it == points.begin() ? nullptr : std::prev(it)->second.histogram.get();
            const auto& histogram = it->second.histogram;
            out.samples.histograms.push_back(histogram ? with_hint(histogram, before) : nullptr);
        }
        sample_count += out.samples.size();
    }
    return std::unique_ptr<SelectedSeries>(
        std::make_unique<Snapshot>(std::move(entries), sample_count));
}

Result<std::vector<std::string>> MemoryStore::label_names(const std::vector<Matcher>& matchers,
                                                          const TimeRange& range, uint64_t limit,
                                                          const CancelToken& cancel) {
    KW_TRY(cancel.check());
    std::set<std::string> names;
    MutexLock lock(mutex_);
    for (const auto* entry : matching(matchers, range)) {
        for (const LabelView& label : entry->first) names.emplace(label.name);
    }
    return limited(names, limit);
}

Result<std::vector<std::string>> MemoryStore::label_values(std::string_view name,
                                                           const std::vector<Matcher>& matchers,
                                                           const TimeRange& range, uint64_t limit,
                                                           const CancelToken& cancel) {
    KW_TRY(cancel.check());
    std::set<std::string> values;
    MutexLock lock(mutex_);
    for (const auto* entry : matching(matchers, range)) {
        if (const std::string_view value = entry->first.get(name); !value.empty())
            values.emplace(value);
    }
    return limited(values, limit);
}

Result<StoreStats> MemoryStore::stats(uint64_t limit) {
    StoreStats stats;
    std::map<std::string, uint64_t> by_metric;
    std::map<std::string, std::set<std::string>> values;
    std::map<std::string, uint64_t> by_pair;
    stats.head_range = {Millis::max(), Millis::min()};
    MutexLock lock(mutex_);
    for (const auto& [labels, id] : ids_) {
        ++by_metric[std::string(labels.metric_name())];
        for (const LabelView& label : labels) {
            values[std::string(label.name)].emplace(label.value);
            ++by_pair[std::string(label.name) + "=" + std::string(label.value)];
        }
        const Points& points = series_[id - 1];
        if (points.empty()) continue;
        stats.head_range.min = std::min(stats.head_range.min, points.begin()->first);
        stats.head_range.max = std::max(stats.head_range.max, points.rbegin()->first);
    }
    std::map<std::string, uint64_t> value_counts;
    std::map<std::string, uint64_t> value_bytes;
    for (const auto& [name, all] : values) {
        value_counts[name] = all.size();
        for (const std::string& value : all) value_bytes[name] += value.size();
    }
    stats.series_count = ids_.size();
    stats.chunk_count = ids_.size();
    stats.label_pair_count = by_pair.size();
    stats.series_by_metric = top(by_metric, limit);
    stats.values_by_label = top(value_counts, limit);
    stats.bytes_by_label = top(value_bytes, limit);
    stats.series_by_label_pair = top(by_pair, limit);
    return stats;
}

}  // namespace kw
