#include <fmt/format.h>

#include <cmath>

#include "conformance/promqltest.h"
#include "model/native_histogram.h"
#include "promql/value.h"

namespace kw::conformance {
namespace {

// The label set of a classic histogram's series without suffix and `le`; nothing for other series.
std::optional<LabelSet> family_of(const LabelSet& labels, std::string_view suffix) {
    const std::string_view name = labels.metric_name();
    if (!name.ends_with(suffix) || name.size() == suffix.size()) return std::nullopt;
    LabelBuilder builder(labels);
    builder.set(kMetricName, name.substr(0, name.size() - suffix.size()));
    builder.remove("le");
    return builder.build();
}

// One classic histogram at one time.
struct Classic {
    std::map<double, double> buckets;  // bound to cumulative count
    std::optional<double> count;
    std::optional<double> sum;
    bool is_stale = false;
};

std::optional<Histogram> converted(const Classic& classic) {
    if (classic.buckets.empty()) return std::nullopt;
    NativeHistogram native;
    native.schema = kCustomBucketsSchema;
    native.sum = classic.sum.value_or(0);
    double before = 0;
    int32_t index = 0;
    const auto put = [&](double cumulative) {
        if (cumulative != before) {
            native.positive.indexes.push_back(index);
            native.positive.counts.push_back(cumulative - before);
        }
        ++index;
        const bool ascends = cumulative >= before || std::isnan(cumulative);
        before = cumulative;
        return ascends;
    };
    for (const auto& [bound, cumulative] : classic.buckets) {
        if (!put(cumulative)) return std::nullopt;
        if (!std::isinf(bound)) native.bounds.push_back(bound);
    }
    native.count = classic.count.value_or(before);
    if (!std::isinf(classic.buckets.rbegin()->first) && !put(native.count)) return std::nullopt;
    return to_stored(native);
}

}  // namespace

std::vector<SeriesLine> native_series_of(const std::map<LabelSet, SeriesLine>& lines) {
    std::map<LabelSet, std::map<size_t, Classic>> families;
    for (const auto& [labels, line] : lines) {
        for (const std::string_view suffix : {"_bucket", "_count", "_sum"}) {
            const std::optional<LabelSet> family = family_of(labels, suffix);
            const Result<double> bound = parse_value(labels.get("le"));
            if (!family || (suffix == "_bucket") != bound.ok()) continue;
            for (size_t i = 0; i < line.points.size(); ++i) {
                if (line.points[i].kind != ScriptPoint::Kind::kFloat) continue;
                Classic& classic = families[*family][i];
                const double value = line.points[i].value;
                classic.is_stale |= is_stale(value);
                if (suffix == "_bucket")
                    classic.buckets[*bound] = value;
                else if (suffix == "_count")
                    classic.count = value;
                else
                    classic.sum = value;
            }
        }
    }
    std::vector<SeriesLine> out;
    for (const auto& [labels, times] : families) {
        SeriesLine& line = out.emplace_back();
        line.labels = labels;
        line.points.resize(times.rbegin()->first + 1);
        for (const auto& [i, classic] : times) {
            if (classic.is_stale) {
                line.points[i] = {ScriptPoint::Kind::kFloat, kStaleMarker, nullptr};
            } else if (std::optional<Histogram> native = converted(classic)) {
                line.points[i] = {ScriptPoint::Kind::kHistogram, 0,
                                  std::make_shared<const Histogram>(std::move(*native))};
            }
        }
    }
    return out;
}

std::string point_text(const ScriptPoint& point) {
    switch (point.kind) {
        case ScriptPoint::Kind::kNone: return "absent";
        case ScriptPoint::Kind::kFloat: return format_value(point.value);
        case ScriptPoint::Kind::kHistogram: break;
    }
    const NativeHistogram native = from_stored(*point.histogram);
    std::string bounds;
    for (const double bound : native.bounds) bounds += " " + format_value(bound);
    return fmt::format("{} schema {} hint {} zero {} bounds{}", histogram_text(native),
                       native.schema, static_cast<int>(native.hint),
                       format_value(native.zero_threshold), bounds);
}

bool equal_enough(const ScriptPoint& want, const ScriptPoint& got) {
    if (want.kind != got.kind) return false;
    if (want.kind != ScriptPoint::Kind::kHistogram) return almost_equal(want.value, got.value);
    const NativeHistogram a = from_stored(*want.histogram);
    const NativeHistogram b = from_stored(*got.histogram);
    const auto same_side = [](const BucketSide& x, const BucketSide& y) {
        if (x.indexes != y.indexes) return false;
        for (size_t i = 0; i < x.counts.size(); ++i) {
            if (!almost_equal(x.counts[i], y.counts[i])) return false;
        }
        return true;
    };
    if (a.hint != CounterResetHint::kUnknown && a.hint != b.hint) return false;
    return a.schema == b.schema && a.bounds == b.bounds && almost_equal(a.count, b.count) &&
           almost_equal(a.sum, b.sum) && almost_equal(a.zero_threshold, b.zero_threshold) &&
           almost_equal(a.zero_count, b.zero_count) && same_side(a.positive, b.positive) &&
           same_side(a.negative, b.negative);
}

}  // namespace kw::conformance
