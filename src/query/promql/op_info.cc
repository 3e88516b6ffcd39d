#include "promql/op_info.h"

#include <algorithm>
#include <map>
#include <unordered_map>

#include "promql/label_sets.h"
#include "promql/query_context.h"

namespace kw::promql {
namespace {

constexpr uint32_t kNoSeries = UINT32_MAX;

const LabelChoice& identity() {
    static const LabelChoice choice(LabelChoice::Kind::kOnly, {"instance", "job"});
    return choice;
}

// The info series of one metric that have one identity, and which of them counts at each step.
struct Source {
    std::vector<uint32_t> series_at;    // of each step; kNoSeries where there is none
    std::vector<int64_t> sample_at_ms;  // its sample's time
};

// By identity, then by metric name.
using Sources = std::unordered_map<LabelSet, std::map<std::string, Source>, LabelSetHash>;

Result<Sources> place_info_series(QueryContext& context, const SelectedSeries& series,
                                  const Windows& windows) {
    Sources sources;
    SampleColumns samples;
    for (uint32_t i = 0; i < series.size(); ++i) {
        KW_TRY(context.check());
        KW_TRY(series.read(i, samples));
        context.note_decoded(samples.size());
        const LabelSet& labels = series.labels(i);
        Source& source = sources[identity().of(labels)][std::string(labels.metric_name())];
        source.series_at.resize(windows.count, kNoSeries);
        source.sample_at_ms.resize(windows.count, INT64_MIN);
        size_t next = 0;
        for (size_t step = 0; step < windows.count; ++step) {
            while (next < samples.size() && samples.timestamps[next] <= windows.right(step).count)
                ++next;
            if (next == 0) continue;
            const int64_t t = samples.timestamps[next - 1];
            if (t <= windows.left(step).count || is_stale(samples.values[next - 1])) continue;
            if (!samples.histograms.empty() && samples.histograms[next - 1]) {
                return invalid("this should be an info metric, with float samples: {}",
                               labels.to_string());
            }
            if (t == source.sample_at_ms[step] && source.series_at[step] != kNoSeries) {
                return invalid(
                    "found duplicate series for info metric: existing {} @ {}, new {} @ {}",
                    series.labels(source.series_at[step]).to_string(), t, labels.to_string(), t);
            }
            if (t < source.sample_at_ms[step]) continue;
            source.series_at[step] = i;
            source.sample_at_ms[step] = t;
        }
    }
    return sources;
}

}  // namespace

InfoOperator::InfoOperator(QueryContext& context, const Windows& windows,
                           std::unique_ptr<VectorOperator> vector, std::vector<Matcher> matchers,
                           Span where)
    : windows_(windows), vector_(std::move(vector)) {
    bool names_one = false;
    for (Matcher& matcher : matchers) {
        if (matcher.name() != kMetricName) {
            label_matchers_.push_back(std::move(matcher));
            continue;
        }
        names_one |= matcher.op() == MatchOp::kEqual || matcher.op() == MatchOp::kRegex;
        name_matchers_.push_back(std::move(matcher));
    }
    if (!names_one)
        name_matchers_.push_back(Matcher::equal(std::string(kMetricName), "target_info"));
    std::vector<Matcher> all = name_matchers_;
    all.insert(all.end(), label_matchers_.begin(), label_matchers_.end());
    const TimeRange range = windows.count == 0
                                ? TimeRange{Millis{1}, Millis{0}}
                                : TimeRange{windows.left(0) + 1, windows.right(windows.count - 1)};
    SelectHints hints;
    hints.function = "info";
    fetch_ = context.plan_fetch(all, range, hints, where);
}

bool InfoOperator::is_info_metric(std::string_view name) const {
    return std::ranges::all_of(name_matchers_, [&](const Matcher& matcher) {
        const bool is_positive = matcher.op() == MatchOp::kEqual || matcher.op() == MatchOp::kRegex;
        return !is_positive || matcher.matches(name);
    });
}

Result<std::unique_ptr<SeriesStream>> InfoOperator::open(QueryContext& context,
                                                         const StepGrid& grid) const {
    KW_TRY_ASSIGN(const StepVector vector, collect(context, grid, *vector_));
    KW_TRY_ASSIGN(const SelectedSeries* info, context.fetch(fetch_));
    KW_TRY_ASSIGN(const Sources sources, place_info_series(context, *info, windows_));
    const bool keeps_unmatched = std::ranges::all_of(
        label_matchers_, [](const Matcher& matcher) { return matcher.matches_empty(); });
    const auto is_wanted = [&](std::string_view name) {
        if (name == kMetricName || name == "instance" || name == "job") return false;
        return label_matchers_.empty() ||
               std::ranges::any_of(label_matchers_,
                                   [&](const Matcher& matcher) { return matcher.name() == name; });
    };

    StepVector out;
    for (const StepSeries& base : vector.series) {
        KW_TRY(context.check());
        if (is_info_metric(base.labels.metric_name())) {
            out.series.push_back(base);
            continue;
        }
        const auto found = sources.find(identity().of(base.labels));
        std::map<std::vector<uint32_t>, size_t> outputs;  // chosen info series to the output series
        std::vector<uint32_t> chosen;
        for (size_t step = 0; step < grid.count; ++step) {
            if (is_absent(base.values[step])) continue;
            chosen.clear();
            if (found != sources.end()) {
                for (const auto& [name, source] : found->second) {
                    if (source.series_at[step] != kNoSeries)
                        chosen.push_back(source.series_at[step]);
                }
            }
            if (chosen.empty() && !keeps_unmatched) continue;
            const auto [it, is_new] = outputs.try_emplace(chosen, out.series.size());
            if (is_new) {
                LabelBuilder builder(base.labels);
                LabelBuilder added;
                for (const uint32_t i : chosen) {
                    for (const LabelView& label : info->labels(i)) {
                        if (!is_wanted(label.name)) continue;
                        const std::string_view there = added.get(label.name);
                        if (!there.empty() && there != label.value) {
                            return invalid("conflicting label: {}", label.name);
                        }
                        added.set(label.name, label.value);
                        if (!base.labels.has(label.name)) builder.set(label.name, label.value);
                    }
                }
                KW_TRY(context.keep(out.hold, 0, grid.count * sizeof(double)));
                out.series.push_back(
                    {builder.build(), base.drop_name, Column(grid.count, kAbsent)});
            }
            out.series[it->second].values[step] = base.values[step];
        }
    }
    KW_TRY(merge_same_labels(context, out));
    return stream_of(std::move(out));
}

}  // namespace kw::promql
