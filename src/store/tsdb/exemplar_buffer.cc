#include "tsdb/exemplar_buffer.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace kw::tsdb {
namespace {

// Code points: every byte that does not go on with one.
size_t characters(std::string_view text) {
    return static_cast<size_t>(std::ranges::count_if(
        text, [](char byte) { return (static_cast<unsigned char>(byte) & 0xc0) != 0x80; }));
}

bool labels_too_long(const LabelSet& labels) {
    size_t count = 0;
    for (const LabelView& label : labels) count += characters(label.name) + characters(label.value);
    return count > kExemplarLabelCharsMax;
}

// NaN is itself, so that one that comes again is known.
bool is_same(const Exemplar& a, const Exemplar& b) {
    return a.timestamp == b.timestamp && a.labels == b.labels &&
           std::bit_cast<uint64_t>(a.value) == std::bit_cast<uint64_t>(b.value);
}

bool is_before(const Exemplar& a, const Exemplar& b) {
    if (a.timestamp != b.timestamp) return a.timestamp < b.timestamp;
    return a.value < b.value || (a.value == b.value && a.labels < b.labels);
}

}  // namespace

ExemplarBuffer::ExemplarBuffer(Environment& env, uint64_t exemplars_max)
    : appended_(env.metrics.counter("prometheus_tsdb_exemplar_exemplars_appended_total",
                                    "Total number of appended exemplars.")),
      out_of_order_(
          env.metrics.counter("prometheus_tsdb_exemplar_out_of_order_exemplars_total",
                              "Total number of out of order exemplar ingestion failed attempts.")),
      in_storage_(env.metrics.gauge("prometheus_tsdb_exemplar_exemplars_in_storage",
                                    "Number of exemplars currently in circular storage.")),
      series_in_storage_(
          env.metrics.gauge("prometheus_tsdb_exemplar_series_with_exemplars_in_storage",
                            "Number of series with exemplars currently in circular storage.")),
      oldest_timestamp_(
          env.metrics.gauge("prometheus_tsdb_exemplar_last_exemplars_timestamp_seconds",
                            "The timestamp of the oldest exemplar stored in circular storage.")),
      max_(env.metrics.gauge(
          "prometheus_tsdb_exemplar_max_exemplars",
          "Total number of exemplars the exemplar storage can store, resizeable.")),
      exemplars_max_(exemplars_max) {
    max_.set(static_cast<double>(exemplars_max));
}

ExemplarVerdict ExemplarBuffer::append(const LabelSet& series, Exemplar exemplar) {
    if (labels_too_long(exemplar.labels)) return ExemplarVerdict::kLabelsTooLong;
    MutexLock lock(mutex_);
    if (exemplars_max_ == 0) return ExemplarVerdict::kDisabled;
    const auto found = series_.find(series);
    if (found != series_.end()) {
        const Exemplar& newest = at(found->second.back());
        if (is_same(exemplar, newest)) return ExemplarVerdict::kSameAgain;
        if (is_before(exemplar, newest)) {
            out_of_order_.add();
            return ExemplarVerdict::kOutOfOrder;
        }
    }
    // The series' last one may be what goes: its place is looked up afterwards.
    if (entries_.size() == exemplars_max_) push_out_first();
    const auto place = series_.try_emplace(series).first;
    place->second.push_back(first_number_ + entries_.size());
    entries_.push_back({std::move(exemplar), place});
    appended_.add();
    show_counts();
    return ExemplarVerdict::kStored;
}

std::vector<ExemplarSeries> ExemplarBuffer::select(
    const std::vector<std::vector<Matcher>>& selectors, const TimeRange& range) const {
    std::vector<ExemplarSeries> selected;
    MutexLock lock(mutex_);
    for (const auto& [key, numbers] : series_) {
        const LabelSet& labels = key;
        if (at(numbers.back()).timestamp < range.min || range.max < at(numbers.front()).timestamp)
            continue;
        if (std::ranges::none_of(
                selectors, [&](const auto& matchers) { return matches_all(matchers, labels); })) {
            continue;
        }
        ExemplarSeries one;
        for (const uint64_t number : numbers) {
            if (range.contains(at(number).timestamp)) one.exemplars.push_back(at(number));
        }
        if (one.exemplars.empty()) continue;
        one.labels = labels;
        selected.push_back(std::move(one));
    }
    return selected;
}

void ExemplarBuffer::resize(uint64_t exemplars_max) {
    MutexLock lock(mutex_);
    exemplars_max_ = exemplars_max;
    while (entries_.size() > exemplars_max) push_out_first();
    max_.set(static_cast<double>(exemplars_max));
    show_counts();
}

void ExemplarBuffer::push_out_first() {
    const auto series = entries_.front().series;
    series->second.pop_front();
    if (series->second.empty()) series_.erase(series);
    entries_.pop_front();
    ++first_number_;
}

void ExemplarBuffer::show_counts() {
    in_storage_.set(static_cast<double>(entries_.size()));
    series_in_storage_.set(static_cast<double>(series_.size()));
    oldest_timestamp_.set(
        entries_.empty() ? 0
                         : static_cast<double>(entries_.front().exemplar.timestamp.count) / 1000);
}

}  // namespace kw::tsdb
