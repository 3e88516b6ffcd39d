#include "rules/backfill.h"

#include <algorithm>
#include <memory>

#include "base/memory_budget.h"
#include "intake/computed_series.h"
#include "model/sample.h"
#include "promql/engine.h"
#include "rules/expressions.h"

namespace kw::rules {
namespace {

constexpr size_t kBatchRows = 20'000;
constexpr uint64_t kExistingBytesMax = 256 << 20;
// Before it is known how many series a rule gives.
constexpr uint64_t kSeriesExpected = 10'000;

// Whether a rule reads what it or a later one writes: then each evaluation depends on the one before.
bool feeds_back(const std::vector<const Rule*>& rules, const promql::ParseOptions& features) {
    for (size_t reader = 0; reader < rules.size(); ++reader) {
        const Result<promql::ExprPtr> parsed = promql::parse(rules[reader]->expr, features);
        if (!parsed.ok()) continue;
        const ReadNames read = read_names(**parsed);
        if (read.reads_any) return true;
        for (size_t writer = reader; writer < rules.size(); ++writer) {
            if (std::binary_search(read.names.begin(), read.names.end(), rules[writer]->name))
                return true;
        }
    }
    return false;
}

// A failed query that fails the same for each of its evaluations alone, or that is not the query's fault.
bool ends_the_work(const Error& error) {
    return error.code == Code::kCancelled || error.code == Code::kUnavailable ||
           error.code == Code::kCorrupt;
}

}  // namespace

// Rows of one rule that go to the store together.
struct Backfill::Rows {
    std::vector<SeriesRef> refs;
    std::vector<Millis> times;
    std::vector<double> values;
    std::vector<const LabelSet*> labels;

    void add(SeriesRef ref, Millis time, double value, const LabelSet& of) {
        refs.push_back(ref);
        times.push_back(time);
        values.push_back(value);
        labels.push_back(&of);
    }
    void clear() {
        refs.clear();
        times.clear();
        values.clear();
        labels.clear();
    }
};

// The times at which the series of a rule have samples already.
struct Backfill::Existing {
    MemoryBudget budget{kExistingBytesMax};
    std::unique_ptr<SelectedSeries> selected;
    std::unordered_map<LabelSet, size_t, LabelSetHash> index;
    SampleColumns samples;

    Result<void> read(MetricStore& store, const std::string& name, const TimeRange& range,
                      const CancelToken& cancel) {
        KW_TRY_ASSIGN(selected, store.select({Matcher::equal(std::string(kMetricName), name)},
                                             range, {}, cancel, budget));
        for (size_t i = 0; i < selected->size(); ++i) index.emplace(selected->labels(i), i);
        return {};
    }
    // Sorted; valid until the next call.
    Result<std::span<const int64_t>> times_of(const LabelSet& labels) {
        samples.clear();
        if (const auto found = index.find(labels); found != index.end()) {
            KW_TRY(selected->read(found->second, samples));
        }
        return std::span<const int64_t>(samples.timestamps);
    }
};

Backfill::Backfill(promql::Engine& engine, MetricStore& store, BackfillSpec spec,
                   const GroupDefaults& defaults)
    : engine_(engine), store_(store), spec_(std::move(spec)), position_(spec_.start) {
    std::vector<const Rule*> recording;
    int64_t interval_ms_min = 0;
    for (const Group& group : spec_.groups) {
        for (const Rule& rule : group.rules) {
            if (rule.kind != Rule::Kind::kRecording) continue;
            RuleState state;
            state.group = &group;
            state.rule = &rule;
            state.interval_ms =
                spec_.step_ms.value_or(group.interval_ms.value_or(defaults.interval_ms));
            state.offset_ms = group.query_offset_ms.value_or(defaults.query_offset_ms);
            if (interval_ms_min == 0 || state.interval_ms < interval_ms_min)
                interval_ms_min = state.interval_ms;
            recording.push_back(&rule);
            rules_.push_back(std::move(state));
        }
    }
    const bool is_stepwise = feeds_back(recording, engine_.options().features);
    window_ms_ = std::max<int64_t>(interval_ms_min, 1) * (is_stepwise ? 1 : kWindowSlots);
}

double Backfill::fraction() const {
    const auto all = static_cast<double>(spec_.end - spec_.start + 1);
    return all <= 0 ? 1 : std::min(1.0, static_cast<double>(position_ - spec_.start) / all);
}

void Backfill::note(uint64_t& count, uint64_t by, std::string_view why) {
    count += by;
    if (counts_.first_error.empty()) counts_.first_error = std::string(why);
}

Backfill::Slots Backfill::slots_within(const RuleState& rule, Millis from, Millis to) const {
    const Millis slot =
        next_slot(rule.group->file, rule.group->name, rule.interval_ms, from + rule.offset_ms);
    Slots slots{slot - rule.offset_ms, rule.interval_ms, 0};
    if (slots.first <= to)
        slots.count = static_cast<size_t>((to - slots.first) / rule.interval_ms) + 1;
    return slots;
}

Result<bool> Backfill::next(const CancelToken& cancel) {
    if (position_ > spec_.end || rules_.empty()) {
        position_ = spec_.end + 1;
        return false;
    }
    const Millis to = std::min(position_ + (window_ms_ - 1), spec_.end);
    for (RuleState& rule : rules_) {
        const Slots slots = slots_within(rule, position_, to);
        if (slots.count > 0) KW_TRY(run(rule, slots, cancel));
    }
    position_ = to + 1;
    return position_ <= spec_.end;
}

Result<void> Backfill::run(RuleState& rule, Slots slots, const CancelToken& cancel) {
    if (!rule.is_begun) {
        rule.is_begun = true;
        // Which series there were right before: only to know which of them end.
        if (spec_.continues) {
            const Slots lead{slots.first - rule.interval_ms, rule.interval_ms, 1};
            KW_TRY(run_chunk(rule, lead, true, cancel));
        }
    }
    while (slots.count > 0) {
        const uint64_t series = rule.series_last == 0 ? kSeriesExpected : rule.series_last;
        Slots chunk = slots;
        chunk.count = std::min(slots.count, std::max<size_t>(kPointsMax / series, 1));
        KW_TRY(run_chunk(rule, chunk, false, cancel));
        slots.first += static_cast<int64_t>(chunk.count) * slots.interval_ms;
        slots.count -= chunk.count;
    }
    return {};
}

Result<void> Backfill::run_chunk(RuleState& rule, const Slots& slots, bool is_lead,
                                 const CancelToken& cancel) {
    KW_TRY(cancel.check());
    Result<promql::QueryResult> result =
        engine_.range(rule.rule->expr, slots.first, slots.last(), slots.interval_ms, {}, cancel);
    Result<void> done;
    if (result.ok()) {
        done = write(rule, slots, *result, is_lead, cancel);
    } else {
        done = std::move(result).error();
    }
    if (done.ok() || ends_the_work(done.error())) return done;
    if (slots.count == 1) {
        if (!is_lead) {
            note(counts_.failures, 1,
                 fmt::format("{} at {}: {}", rule.rule->name, slots.first.count,
                             done.error().message));
        }
        return {};
    }
    const size_t half = slots.count / 2;
    KW_TRY(run_chunk(rule, {slots.first, slots.interval_ms, half}, is_lead, cancel));
    return run_chunk(rule, {slots.at(half), slots.interval_ms, slots.count - half}, is_lead,
                     cancel);
}

Result<void> Backfill::write(RuleState& rule, const Slots& slots, const promql::QueryResult& result,
                             bool is_lead, const CancelToken& cancel) {
    rule.series_last = std::max<uint64_t>(result.series.size(), 1);
    // Each series of the answer under the labels that it is written with.
    std::unordered_map<LabelSet, const promql::ResultSeries*, LabelSetHash> columns;
    std::vector<uint32_t> counts(slots.count, 0);
    LabelBuilder builder;
    for (const promql::ResultSeries& series : result.series) {
        if (!series.histograms.empty()) {
            return unsupported("{} is a native histogram, which is not backfilled",
                               series.labels.to_string());
        }
        builder.reset(series.labels);
        builder.set(kMetricName, rule.rule->name);
        for (const auto& [name, value] : rule.rule->labels) builder.set(name, value);
        if (!columns.emplace(builder.build(), &series).second) {
            // Perhaps not at the same time: alone, each evaluation tells.
            return invalid(
                "vector contains metrics with the same labelset after applying rule labels: {}",
                builder.build().to_string());
        }
        for (size_t i = 0; i < slots.count; ++i) counts[i] += !promql::is_absent(series.values[i]);
    }
    const uint64_t limit = rule.group->limit;
    const auto most = std::max_element(counts.begin(), counts.end());
    if (limit > 0 && *most > limit)
        return exhausted("exceeded limit of {} with {} series", limit, *most);

    Existing existing;
    if (!is_lead) {
        KW_TRY(existing.read(store_, rule.rule->name, {slots.first, slots.last()}, cancel));
    }
    Rows rows;
    const auto write_series = [&](const LabelSet& labels, ActiveSeries& entry,
                                  const promql::ResultSeries* column) -> Result<void> {
        const auto is_there = [&](size_t i) {
            return column != nullptr && !promql::is_absent(column->values[i]);
        };
        if (is_lead) {
            entry.is_present = is_there(slots.count - 1);
            return {};
        }
        KW_TRY_ASSIGN(const std::span<const int64_t> known, existing.times_of(labels));
        auto at = known.begin();
        for (size_t i = 0; i < slots.count; ++i) {
            const bool was_present = std::exchange(entry.is_present, is_there(i));
            if (!entry.is_present && !was_present) continue;
            const Millis time = slots.at(i);
            at = std::lower_bound(at, known.end(), time.count);
            if (at != known.end() && *at == time.count) {
                if (entry.is_present) ++counts_.kept;
                continue;
            }
            rows.add(entry.ref, time, entry.is_present ? column->values[i] : kStaleMarker, labels);
            if (rows.refs.size() >= kBatchRows) KW_TRY(append(rule, rows));
        }
        return {};
    };
    for (const auto& [labels, column] : columns) {
        auto found = rule.series.find(labels);
        if (found == rule.series.end()) {
            const Result<void> within =
                intake::check_limits(labels, intake::ComputedSeries::kLimits);
            const Result<SeriesRef> ref =
                within.ok() ? store_.ref_of(labels) : Result<SeriesRef>(within.error());
            if (!ref.ok()) {
                if (ends_the_work(ref.error())) return ref.error();
                note(counts_.refused, 1, ref.error().message);
                continue;
            }
            found = rule.series.emplace(labels, ActiveSeries{*ref, false}).first;
        }
        KW_TRY(write_series(found->first, found->second, column));
    }
    for (auto& [labels, entry] : rule.series) {
        if (entry.is_present && !columns.contains(labels))
            KW_TRY(write_series(labels, entry, nullptr));
    }
    KW_TRY(append(rule, rows));
    std::erase_if(rule.series, [](const auto& entry) { return !entry.second.is_present; });
    return {};
}

Result<void> Backfill::append(RuleState& rule, Rows& rows) {
    for (int attempt = 0; !rows.refs.empty(); ++attempt) {
        SampleBatch batch;
        batch.series = rows.refs;
        batch.timestamps = rows.times;
        batch.values = rows.values;
        batch.durability = Durability::kSoon;
        KW_TRY_ASSIGN(const AppendResult result, store_.append(batch));
        counts_.stored += result.stored;
        counts_.kept += result.same_again;
        Rows again;
        for (const auto& [row, verdict] : result.refused) {
            const LabelSet& labels = *rows.labels[row];
            switch (verdict) {
                case RowVerdict::kConflict: ++counts_.kept; break;
                case RowVerdict::kTooOld: ++counts_.too_old; break;
                case RowVerdict::kUnknownSeries: {
                    const Result<SeriesRef> ref = store_.ref_of(labels);
                    if (attempt > 0 || !ref.ok()) {
                        note(counts_.refused, 1,
                             ref.ok() ? "the store does not keep it" : ref.error().message);
                        break;
                    }
                    if (const auto found = rule.series.find(labels); found != rule.series.end())
                        found->second.ref = *ref;
                    again.add(*ref, rows.times[row], rows.values[row], labels);
                    break;
                }
                default: note(counts_.refused, 1, "too far ahead of the store's clock");
            }
        }
        rows = std::move(again);
    }
    rows.clear();
    return {};
}

}  // namespace kw::rules
