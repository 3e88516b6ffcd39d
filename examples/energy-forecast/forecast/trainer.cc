#include "forecast/trainer.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/checksum.h"

namespace energy {
namespace {

constexpr Slot kPastMin = 6 * kSlotsPerWeek;

struct Examples {
    std::vector<FeatureRow> rows;
    std::vector<float> loads;  // in units of the zone's scale

    // What is learnt: the load as a multiple of the baseline.
    std::vector<float> targets() const {
        std::vector<float> result(loads.size());
        for (size_t i = 0; i < loads.size(); ++i) result[i] = loads[i] / baseline(rows[i]);
        return result;
    }
};

// Forecasts issued in [from, to − kSteps) of one zone, whose targets are known.
void add_examples(const History& history, Slot from, Slot to, Slot every,
                  const WeatherForecast& weather, Examples& examples) {
    for (Slot issued = from; issued + kSteps < to; issued += every) {
        for (int step = 1; step <= kSteps; ++step) {
            const float load = history.load_at(issued + step);
            if (std::isnan(load)) continue;
            examples.rows.push_back(
                feature_row(history, issued, step, weather(history.zone, issued, issued + step)));
            examples.loads.push_back(load / static_cast<float>(history.scale_mw));
        }
    }
}

void shuffle(std::vector<float>& values, uint64_t seed) {
    for (size_t i = values.size(); i > 1; --i) std::swap(values[i - 1], values[mix(seed, i) % i]);
}

double quantile(std::vector<double>& values, double share) {
    if (values.empty()) return 0;
    const auto at =
        values.begin() + static_cast<ptrdiff_t>(share * static_cast<double>(values.size() - 1));
    std::nth_element(values.begin(), at, values.end());
    return *at;
}

std::array<Band, kBands> bands_of(const Examples& examples, std::span<const float> forecasts) {
    const std::vector<float> targets = examples.targets();
    std::array<std::vector<double>, kBands> residuals;
    for (size_t i = 0; i < forecasts.size(); ++i) {
        if (forecasts[i] <= 0) continue;
        const auto step = static_cast<size_t>(examples.rows[i][0]) - 1;
        residuals[step * kBands / kSteps].push_back(targets[i] / forecasts[i] - 1);
    }
    std::array<Band, kBands> bands;
    for (size_t i = 0; i < kBands; ++i)
        bands[i] = {quantile(residuals[i], 0.1), quantile(residuals[i], 0.9)};
    return bands;
}

// 100 − mean absolute percentage error.
double accuracy(std::span<const float> forecasts, std::span<const float> targets) {
    double sum = 0;
    size_t count = 0;
    for (size_t i = 0; i < forecasts.size(); ++i) {
        if (std::isnan(forecasts[i]) || targets[i] <= 0) continue;
        sum += std::abs(forecasts[i] - targets[i]) / targets[i];
        ++count;
    }
    return count == 0 ? 0 : std::max(0.0, 100 - 100 * sum / static_cast<double>(count));
}

std::vector<float> column(std::span<const FeatureRow> rows, size_t feature) {
    std::vector<float> values;
    values.reserve(rows.size());
    for (const FeatureRow& row : rows) values.push_back(row[feature]);
    return values;
}

size_t feature_index(std::string_view name) {
    return static_cast<size_t>(std::find(kFeatureNames.begin(), kFeatureNames.end(), name) -
                               kFeatureNames.begin());
}

std::string data_version(std::span<const History> histories, Slot end) {
    uint64_t sum = 0;
    for (const History& history : histories)
        sum = mix(sum, kw::crc32c({reinterpret_cast<const uint8_t*>(history.load_mw.data()),
                                   history.load_mw.size() * sizeof(float)}));
    const std::string day = format_utc((end - 1) * kSlotSeconds).substr(0, 10);
    return fmt::format("{}-{:08x}", day, static_cast<uint32_t>(sum));
}

}  // namespace

double load_scale(std::span<const float> load_mw) {
    double sum = 0;
    size_t count = 0;
    for (const float load : load_mw) {
        if (std::isnan(load)) continue;
        sum += load;
        ++count;
    }
    return count == 0 || sum <= 0 ? 1 : sum / static_cast<double>(count);
}

kw::Result<Model> train(std::span<const History> histories, const WeatherForecast& weather,
                        const TrainingOptions& options, const std::function<bool(int)>& on_round) {
    if (histories.empty()) return kw::invalid("no zone to train on");
    const Slot first = histories.front().first;
    const Slot end = first + static_cast<Slot>(histories.front().load_mw.size());
    if (end - first < kPastMin)
        return kw::invalid("{} half-hours of load, want six weeks ({})", end - first, kPastMin);
    const Slot judged_from = end - kSlotsPerWeek, bands_from = judged_from - kSlotsPerWeek;
    Examples trees, bands, judged;
    for (const History& history : histories) {
        add_examples(history, first + kHistorySlots, bands_from, options.issue_every, weather,
                     trees);
        add_examples(history, bands_from, judged_from, options.issue_every, weather, bands);
        add_examples(history, judged_from, end, options.issue_every, weather, judged);
    }
    if (options.shuffle_targets) shuffle(trees.loads, options.booster.seed);
    KW_TRY_ASSIGN(Booster booster,
                  Booster::train(trees.rows, trees.targets(), options.booster, on_round));
    ModelMetadata metadata;
    KW_TRY_ASSIGN(const std::vector<float> band_forecasts, booster.predict(bands.rows));
    metadata.bands = bands_of(bands, band_forecasts);
    KW_TRY_ASSIGN(const std::vector<float> judged_forecasts, booster.predict(judged.rows));
    metadata.accuracy_percent = accuracy(judged_forecasts, judged.targets());
    metadata.naive_accuracy_percent =
        accuracy(column(judged.rows, feature_index("load_last_week")), judged.loads);
    for (const History& history : histories) metadata.scales_mw.push_back(history.scale_mw);
    for (size_t i = 0; i < kFeatureCount; ++i)
        metadata.drift[i] = drift_reference(column(trees.rows, i));
    KW_TRY_ASSIGN(metadata.importance, booster.importance());
    metadata.rows = trees.rows.size();
    metadata.shuffled = options.shuffle_targets;
    metadata.data_version = data_version(histories, end);
    return Model{std::move(metadata), std::move(booster), 0};
}

}  // namespace energy
