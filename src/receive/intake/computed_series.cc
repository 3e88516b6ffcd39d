#include "intake/computed_series.h"

#include "model/sample.h"
#include "model/stored_histogram.h"

namespace kw::intake {

// The rows of one append(), with the entries that own their refs.
struct ComputedSeries::Batch {
    std::vector<Series::value_type*> entries;
    std::vector<SeriesRef> refs;
    std::vector<double> values;
    std::vector<std::shared_ptr<const Histogram>> histograms;  // one a row

    void add(Series::value_type& entry, double value,
             std::shared_ptr<const Histogram> histogram = nullptr) {
        entries.push_back(&entry);
        refs.push_back(entry.second.ref);
        values.push_back(value);
        has_histograms |= histogram != nullptr;
        histograms.push_back(std::move(histogram));
    }
    bool has_histograms = false;
};

Result<void> ComputedSeries::append(Millis time, Batch& batch, ComputedReport& report) {
    const auto note = [&](const LabelSet& labels, std::string_view why) {
        ++report.refused;
        if (report.first_error.empty())
            report.first_error = fmt::format("{}: {}", labels.to_string(), why);
    };
    // A series that the store has dropped is asked for again, once.
    for (int attempt = 0; !batch.refs.empty(); ++attempt) {
        SampleBatch rows;
        rows.series = batch.refs;
        rows.timestamps = {&time, 1};
        rows.values = batch.values;
        if (batch.has_histograms) rows.histograms = batch.histograms;
        rows.durability = Durability::kSoon;
        KW_TRY_ASSIGN(const AppendResult result, store_.append(rows));
        report.stored += result.stored + result.same_again;
        Batch again;
        for (const auto& [row, verdict] : result.refused) {
            Series::value_type& entry = *batch.entries[row];
            switch (verdict) {
                case RowVerdict::kConflict: ++report.conflicts; break;
                case RowVerdict::kTooOld: ++report.too_old; break;
                case RowVerdict::kUnknownSeries: {
                    const Result<SeriesRef> ref = store_.ref_of(entry.first);
                    if (attempt > 0 || !ref.ok()) {
                        note(entry.first,
                             ref.ok() ? "the store does not keep it" : ref.error().message);
                        break;
                    }
                    entry.second.ref = *ref;
                    again.add(entry, batch.values[row], std::move(batch.histograms[row]));
                    break;
                }
                default: note(entry.first, "too far ahead of the store's clock");
            }
        }
        batch = std::move(again);
    }
    return {};
}

Result<ComputedReport> ComputedSeries::write(Millis time, const std::vector<ComputedRow>& rows) {
    ComputedReport report;
    Batch batch;
    ++round_;
    for (const ComputedRow& row : rows) {
        auto found = series_.find(row.labels);
        if (found == series_.end()) {
            const Result<void> within = check_limits(row.labels, kLimits);
            const Result<SeriesRef> ref =
                within.ok() ? store_.ref_of(row.labels) : Result<SeriesRef>(within.error());
            if (!ref.ok()) {
                if (ref.error().code == Code::kUnavailable) return ref.error();
                ++report.refused;
                if (report.first_error.empty()) report.first_error = ref.error().message;
                continue;
            }
            found = series_.emplace(row.labels, Entry{*ref, 0}).first;
        }
        found->second.round = round_;
        if (row.histogram != nullptr) {
            // A calculation may leave counts below 0, which no store takes.
            if (const Result<void> sound = check_histogram(*row.histogram); !sound.ok()) {
                ++report.refused;
                if (report.first_error.empty()) {
                    report.first_error =
                        fmt::format("{}: {}", row.labels.to_string(), sound.error().message);
                }
                continue;
            }
        }
        batch.add(*found, row.value, row.histogram);
    }
    for (Series::value_type& entry : series_) {
        if (entry.second.round != round_) batch.add(entry, kStaleMarker);
    }
    KW_TRY(append(time, batch, report));
    std::erase_if(series_, [&](const auto& entry) { return entry.second.round != round_; });
    return report;
}

Result<void> ComputedSeries::end(Millis time, const std::function<bool(const LabelSet&)>& is_kept) {
    Batch batch;
    for (Series::value_type& entry : series_) {
        if (!is_kept || !is_kept(entry.first)) batch.add(entry, kStaleMarker);
    }
    ComputedReport report;
    KW_TRY(append(time, batch, report));
    series_.clear();
    return {};
}

}  // namespace kw::intake
