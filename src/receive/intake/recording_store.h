// A MetricStore for this module's tests: gives out refs, writes down what is appended, and refuses
// on command. Threads: one.
#pragma once

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "contract/metric_store.h"
#include "model/native_histogram.h"

namespace kw::intake {

class RecordingStore final : public MetricStore {
 public:
    Result<SeriesRef> ref_of(const LabelSet& labels) override {
        ++ref_of_calls;
        if (const auto it = ids_.find(labels); it != ids_.end()) return SeriesRef{it->second};
        if (ids_.size() >= series_max) return exhausted("{} series", series_max);
        labels_.push_back(labels);
        ids_[labels] = labels_.size();
        return SeriesRef{labels_.size()};
    }

    Result<AppendResult> append(const SampleBatch& batch) override {
        ++append_calls;
        if (fails) return unavailable("the disk is full");
        AppendResult result;
        for (uint32_t row = 0; row < batch.series.size(); ++row) {
            const uint64_t id = batch.series[row].id;
            const Millis time = batch.timestamps[batch.timestamps.size() == 1 ? 0 : row];
            if (id == 0 || id > labels_.size() || !ids_.contains(labels_[id - 1]) ||
                ids_[labels_[id - 1]] != id) {
                result.refused.emplace_back(row, RowVerdict::kUnknownSeries);
                continue;
            }
            if (time < too_old_before) {
                result.refused.emplace_back(row, RowVerdict::kTooOld);
                continue;
            }
            const double value = batch.values[row];
            const auto [it, is_new] =
                values_.try_emplace({id, time}, std::bit_cast<uint64_t>(value));
            if (!is_new) {
                if (it->second == std::bit_cast<uint64_t>(value)) {
                    ++result.same_again;
                } else {
                    result.refused.emplace_back(row, RowVerdict::kConflict);
                }
                continue;
            }
            ++result.stored;
            const Histogram* const histogram =
                batch.histograms.empty() ? nullptr : batch.histograms[row].get();
            const std::string text = histogram != nullptr ? histogram_text(from_stored(*histogram))
                                     : is_stale(value)    ? "stale"
                                                          : format_value(value);
            rows.push_back(fmt::format("{} {} @{}", labels_[id - 1].to_string(), text, time.count));
        }
        return result;
    }

    // As if the series had been idle for long: its ref is not known any more.
    void forget(const LabelSet& labels) { ids_.erase(labels); }

    // The rows since the last call, sorted, those of scrape_… and up left out unless asked for.
    std::vector<std::string> take_rows(bool with_report = false) {
        std::vector<std::string> taken = std::exchange(rows, {});
        std::erase_if(taken, [&](const std::string& row) {
            return !with_report &&
                   (row.starts_with("scrape_") || row.starts_with("up{") || row.starts_with("up "));
        });
        std::ranges::sort(taken);
        return taken;
    }

    Result<std::unique_ptr<SelectedSeries>> select(const std::vector<Matcher>&, const TimeRange&,
                                                   const SelectHints&, const CancelToken&,
                                                   MemoryBudget&) override {
        return unsupported("write only");
    }
    Result<std::vector<std::string>> label_names(const std::vector<Matcher>&, const TimeRange&,
                                                 uint64_t, const CancelToken&) override {
        return unsupported("write only");
    }
    Result<std::vector<std::string>> label_values(std::string_view, const std::vector<Matcher>&,
                                                  const TimeRange&, uint64_t,
                                                  const CancelToken&) override {
        return unsupported("write only");
    }
    Result<StoreStats> stats(uint64_t) override { return unsupported("write only"); }

    size_t series_max = ~size_t{0};
    bool fails = false;
    Millis too_old_before = Millis::min();
    size_t ref_of_calls = 0;
    size_t append_calls = 0;
    std::vector<std::string> rows;

 private:
    std::map<LabelSet, uint64_t> ids_;
    std::vector<LabelSet> labels_;
    std::map<std::pair<uint64_t, Millis>, uint64_t> values_;
};

}  // namespace kw::intake
