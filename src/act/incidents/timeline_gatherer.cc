#include "incidents/timeline_gatherer.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "base/result.h"
#include "incidents/departures.h"
#include "incidents/timeline_changes.h"
#include "incidents/timeline_queries.h"
#include "model/sample.h"
#include "promql/engine.h"

namespace kw::incidents {
namespace {

constexpr int64_t kWindowMsMax = 24 * 3'600'000LL;
constexpr int64_t kAfterMs = 15 * 60'000;
constexpr int64_t kStepMsMin = 1'000;
constexpr int64_t kWindowSteps = 1'800;
constexpr int64_t kBaselineMs = 3 * 3'600'000LL;
constexpr int64_t kBaselineSteps = 360;
constexpr size_t kChangesOfSeriesMax = 12;  // a series that flaps does not push out the others
constexpr int64_t kSliceMs = 30 * 60'000;
constexpr int64_t kNewTargetMs = 2 * 60'000;
constexpr size_t kDeparturesMax = 12;
constexpr size_t kComparisonsMax = 8;
constexpr double kOtherService = 0.5;

// How likely an entry of that kind has to do with an incident of its service.
constexpr double kOwnAlertScore = 1.0;
constexpr double kFaultScore = 0.95;
constexpr double kVersionScore = 0.9;
constexpr double kRestartScore = 0.8;
constexpr double kTargetDownScore = 0.75;
constexpr double kInfoScore = 0.6;
constexpr double kAlertScore = 0.6;
constexpr double kReloadScore = 0.5;
constexpr double kEndScore = 0.3;  // it ended, came up again

// Labels of an info series whose change is a deploy.
bool is_version_label(std::string_view name) {
    for (const std::string_view word :
         {"version", "revision", "commit", "build", "image", "tag", "release", "hash", "trained"}) {
        if (name.find(word) != std::string_view::npos) return true;
    }
    return false;
}

class Gatherer {
 public:
    Gatherer(const Incident& incident, const Settings& settings, const Timeline* former,
             promql::Engine& engine, Millis now, const CancelToken& cancel)
        : incident_(incident), settings_(settings), former_(former), queries_(engine, cancel) {
        Timeline& timeline = out_.timeline;
        timeline.gathered_at = now;
        timeline.from = incident.began_at - settings.timeline_before_ms;
        const Millis over = incident.resolved_at.value_or(now);
        timeline.to = std::min({now, over + kAfterMs, timeline.from + kWindowMsMax});
        timeline.to = std::max(timeline.to, timeline.from + 1000);
        step_ms_ = std::max(kStepMsMin, (timeline.to - timeline.from) / kWindowSteps);
    }

    Gathered gather() {
        add_own_alerts();
        add_pending_since();
        add_alerts();
        add_infos();
        add_restarts();
        add_targets();
        add_reloads();
        for (const std::string& metric : settings_.fault_metrics) add_faults(metric);
        add_departures();
        count_users();
        Timeline& timeline = out_.timeline;
        if (flapping_count_ > 0) {
            remark(
                fmt::format("{} series changed more than {} times: of each the changes nearest "
                            "to the beginning are shown",
                            flapping_count_, kChangesOfSeriesMax));
        }
        if (former_ != nullptr) keep_former(timeline, *former_, failed_kinds_);
        keep_best(timeline);
        return std::move(out_);
    }

 private:
    using Series = promql::ResultSeries;
    using Answer = std::optional<promql::QueryResult>;

    // nullopt with a remark: a query for entries of `kind` failed, or gave too much. What a former gathering had of
    // that kind then stays.
    Answer taken(std::string_view kind, Result<promql::QueryResult> answer) {
        if (answer.ok()) return std::move(answer).value();
        failed_kinds_.emplace(kind);
        remark(answer.error().message);
        return std::nullopt;
    }
    Answer ask(std::string_view kind, const std::string& query) {
        return taken(kind, queries_.range(query, out_.timeline.from, out_.timeline.to, step_ms_));
    }
    // Every sample of the window and of the lookback before it, which tells whether the first began in the window. When
    // those are too many for a query, steps.
    Answer ask_samples(std::string_view kind, const std::string& selector) {
        Result<promql::QueryResult> samples = queries_.samples(
            selector, out_.timeline.from - queries_.lookback_ms(), out_.timeline.to);
        if (samples.ok() || samples.error().code != Code::kExhausted) {
            return taken(kind, std::move(samples));
        }
        remark(fmt::format("{}: looked at in steps of {}, as its samples are too many", selector,
                           format_duration_ms(step_ms_)));
        return ask(kind, selector);
    }
    void count_users() {
        if (settings_.users_query.empty()) return;
        const Millis over = incident_.resolved_at.value_or(
            incident_.restored_at.value_or(out_.timeline.gathered_at));
        const Millis from = incident_.began_at;
        const Result<promql::QueryResult> users =
            queries_.range(settings_.users_query, from, std::max(over, from), step_ms_);
        if (!users.ok()) return remark(users.error().message);
        for (const Series& series : users->series) {
            users->each_point(series, [&](Millis, double value) {
                constexpr double kUsersMax = 1e15;
                if (!(value >= 0 && value <= kUsersMax)) return;
                const auto count = static_cast<int64_t>(std::llround(value));
                out_.users = std::max(out_.users.value_or(0), count);
            });
        }
    }
    void remark(std::string text) {
        out_.timeline.remarks.push_back(std::move(text).substr(0, kWordBytesMax));
    }

    bool is_own_service(const LabelSet& labels) const {
        const std::vector<std::string>& services = incident_.impact.services;
        return std::any_of(settings_.service_labels.begin(), settings_.service_labels.end(),
                           [&](const std::string& label) {
                               const std::string_view value = labels.get(label);
                               return std::find(services.begin(), services.end(), value) !=
                                      services.end();
                           });
    }
    double scored(double score, const LabelSet& labels) const {
        return incident_.impact.services.empty() || is_own_service(labels) ? score
                                                                           : score * kOtherService;
    }

    TimelineEntry& add(Millis at, std::string kind, std::string title, double score) {
        TimelineEntry entry;
        entry.at = at;
        entry.kind = std::move(kind);
        entry.title = std::move(title).substr(0, kWordBytesMax);
        entry.score = score;
        out_.timeline.entries.push_back(std::move(entry));
        return out_.timeline.entries.back();
    }
    // What an entry shows, with its values, thinned to the most that are kept; that at the time of the entry and the
    // one before it stay.
    void pin(TimelineEntry& entry, std::string query, const promql::QueryResult& result,
             const Series& series) {
        entry.query = std::move(query);
        std::vector<PinnedPoint> all;
        result.each_point(series, [&](Millis at, double value) {
            if (std::isfinite(value)) all.push_back({at, value});
        });
        const size_t stride = all.size() / (kPinnedPointsMax - 2) + 1;
        for (size_t i = 0; i < all.size(); ++i) {
            const bool is_last_before =
                i + 1 < all.size() && all[i].at < entry.at && all[i + 1].at >= entry.at;
            if (i % stride == 0 || is_last_before || all[i].at == entry.at)
                entry.points.push_back(all[i]);
        }
    }
    // Of the changes of a series, ascending, those nearest to the beginning.
    template <typename T, typename TimeOf>
    void keep_nearest(std::vector<T>& changes, TimeOf time_of) {
        if (changes.size() <= kChangesOfSeriesMax) return;
        ++flapping_count_;
        const auto distance = [&](const T& change) {
            return std::abs(time_of(change) - incident_.began_at);
        };
        std::nth_element(changes.begin(), changes.begin() + kChangesOfSeriesMax, changes.end(),
                         [&](const T& a, const T& b) { return distance(a) < distance(b); });
        changes.resize(kChangesOfSeriesMax);
    }
    std::vector<Millis> nearest(std::vector<Millis> changes) {
        keep_nearest(changes, [](Millis at) { return at; });
        return changes;
    }
    std::vector<Millis> begins_of(const promql::QueryResult& result, const Series& series) {
        return nearest(begins(result, series, out_.timeline.from, queries_.lookback_ms()));
    }

    void add_own_alerts() {
        for (const IncidentAlert& alert : incident_.alerts) {
            const std::string name(alert.labels.get("alertname"));
            TimelineEntry& fires = add(alert.starts_at, "alert", name + " fires", kOwnAlertScore);
            fires.detail = alert.summary.empty() ? alert.labels.to_string() : alert.summary;
            fires.query = fmt::format("ALERTS{{alertname={}}}", kw::quoted(name));
            if (alert.ended_at) {
                add(*alert.ended_at, "alert", name + " ended", kEndScore).detail =
                    alert.is_no_data ? "its series have no data: not the same as recovered" : "";
            }
        }
    }

    void add_pending_since() {
        for (const IncidentAlert& alert : incident_.alerts) {
            const std::string query = fmt::format("ALERTS_FOR_STATE{{alertname={}}}",
                                                  kw::quoted(alert.labels.get("alertname")));
            const Result<promql::QueryResult> result = queries_.instant(query, incident_.opened_at);
            if (!result.ok()) return remark(result.error().message);
            for (const Series& series : result->series) {
                LabelBuilder labels(series.labels);
                labels.remove(kMetricName);
                if (labels.build() != alert.labels) continue;
                result->each_point(series, [&](Millis, double seconds) {
                    const Millis at{static_cast<int64_t>(seconds * 1000)};
                    if (at.count <= 0 || at > incident_.opened_at) return;
                    if (!out_.pending_since || at < *out_.pending_since) out_.pending_since = at;
                });
            }
        }
    }

    bool is_own_alert(const LabelSet& labels) const {
        return std::any_of(
            incident_.alerts.begin(), incident_.alerts.end(), [&](const IncidentAlert& alert) {
                return std::all_of(
                    alert.labels.begin(), alert.labels.end(),
                    [&](const LabelView& label) { return labels.get(label.name) == label.value; });
            });
    }

    void add_alerts() {
        const Answer result =
            ask("alert", "ALERTS{alertstate=\"firing\",alertname!=\"IncidentOpen\"}");
        if (!result) return;
        for (const Series& series : result->series) {
            LabelBuilder labels(series.labels);
            labels.remove(kMetricName).remove("alertstate");
            const LabelSet alert = labels.build();
            if (is_own_alert(alert)) continue;
            for (const Millis at : begins_of(*result, series)) {
                TimelineEntry& entry =
                    add(at, "alert", fmt::format("{} fires", alert.get("alertname")),
                        scored(kAlertScore, alert));
                entry.detail = alert.to_string();
                pin(entry, fmt::format("ALERTS{}", alert.to_string()), *result, series);
            }
        }
    }

    // Info series carry what is known in their labels: where one of a process ends and another begins, what differs
    // is what changed.
    void add_infos() {
        const std::string selector = "{__name__=~\".+_info\"}";
        Answer result = ask("deploy", selector);
        if (!result) return;
        const std::optional<std::vector<Between>> between = ask_between(selector, *result);
        const Answer ups = ask("deploy", "up");
        if (!between || !ups) return;
        const std::map<std::string, Millis> targets = first_seen_targets(*ups);
        std::map<std::string, std::vector<Info>> processes;
        for (size_t i = 0; i < result->series.size(); ++i) {
            const Series& series = result->series[i];
            Info info{&series, &(*between)[i], begins_of(*result, series)};
            for (const auto& [cell, at] : *info.between) info.begins.push_back(at);
            std::sort(info.begins.begin(), info.begins.end());
            info.begins = nearest(std::move(info.begins));
            processes[fmt::format("{} {} {}", series.labels.metric_name(), series.labels.get("job"),
                                  series.labels.get("instance"))]
                .push_back(std::move(info));
        }
        for (const auto& [key, all] : processes) {
            for (const Info& info : all) {
                for (const Millis at : info.begins) {
                    const Series* const previous = before(*result, all, info, at);
                    const auto target = targets.find(target_of(info.series->labels));
                    // With its target all that a process has is new to us, not to it.
                    if (previous == nullptr && target != targets.end() &&
                        at.count - target->second.count < kNewTargetMs)
                        continue;
                    add_info_change(*result, *info.series, previous, at);
                }
            }
        }
    }
    struct Info {
        const Series* series;
        const Between* between;
        std::vector<Millis> begins;
    };
    // For each series of `result`, which is `selector` in steps, where it was between two of them only; series that no
    // step saw are added. Slice by slice, since all samples of a day are too many. nullopt: not known.
    std::optional<std::vector<Between>> ask_between(const std::string& selector,
                                                    promql::QueryResult& result) {
        const Timeline& timeline = out_.timeline;
        std::vector<Between> between(result.series.size());
        std::map<std::string, size_t> indexes;
        for (size_t i = 0; i < result.series.size(); ++i) {
            indexes.emplace(result.series[i].labels.to_string(), i);
        }
        for (Millis from = timeline.from; from < timeline.to; from = from + kSliceMs) {
            Result<promql::QueryResult> samples =
                queries_.samples(selector, from, std::min(from + kSliceMs, timeline.to));
            if (!samples.ok() && samples.error().code == Code::kExhausted) {
                remark(fmt::format("{}: looked at in steps of {}, as its samples are too many",
                                   selector, format_duration_ms(step_ms_)));
                return between;
            }
            const Answer slice = taken("deploy", std::move(samples));
            if (!slice) return std::nullopt;
            for (const Series& one : slice->series) {
                const auto [found, is_new] =
                    indexes.emplace(one.labels.to_string(), result.series.size());
                if (is_new) {
                    Series& added = result.series.emplace_back();
                    added.labels = one.labels;
                    added.values.assign(result.grid.count, promql::kAbsent);
                    between.emplace_back();
                }
                add_between(result, result.series[found->second], *slice, one,
                            between[found->second]);
            }
        }
        return between;
    }
    static std::string target_of(const LabelSet& labels) {
        return fmt::format("{} {}", labels.get("job"), labels.get("instance"));
    }
    // The targets that were not there from the start of the window on, and when they came.
    static std::map<std::string, Millis> first_seen_targets(const promql::QueryResult& ups) {
        std::map<std::string, Millis> first;
        for (const Series& series : ups.series) {
            if (!series.values.empty() && !promql::is_absent(series.values.front())) continue;
            ups.each_point(series,
                           [&](Millis at, double) { first.emplace(target_of(series.labels), at); });
        }
        return first;
    }
    // Of the same process, the series that was there last before `at`.
    const Series* before(const promql::QueryResult& result, const std::vector<Info>& all,
                         const Info& info, Millis at) const {
        const Series* last = nullptr;
        Millis last_at = Millis::min();
        for (const Info& other : all) {
            if (other.series == info.series) continue;
            const auto look = [&](Millis point) {
                if (point < at && point > last_at) {
                    last_at = point;
                    last = other.series;
                }
            };
            result.each_point(*other.series, [&](Millis point, double) { look(point); });
            for (const auto& [cell, point] : *other.between) look(point);
        }
        return last;
    }
    void add_info_change(const promql::QueryResult& result, const Series& series,
                         const Series* previous, Millis at) {
        std::string changes;
        bool is_version = false;
        for (const LabelView& label : series.labels) {
            const std::string_view old =
                previous == nullptr ? std::string_view() : previous->labels.get(label.name);
            if (previous == nullptr ? !is_version_label(label.name) : old == label.value) continue;
            if (!changes.empty()) changes += ", ";
            changes += old.empty() ? fmt::format("{} {}", label.name, label.value)
                                   : fmt::format("{} {} → {}", label.name, old, label.value);
            is_version = is_version || is_version_label(label.name);
        }
        const std::string_view name = series.labels.metric_name();
        const double score = previous == nullptr ? kEndScore
                             : is_version        ? kVersionScore
                                                 : kInfoScore;
        TimelineEntry& entry = add(
            at, "deploy",
            previous == nullptr ? fmt::format("{} appears", name) : fmt::format("{} changes", name),
            scored(score, series.labels));
        entry.detail = changes.empty() ? series.labels.to_string() : changes;
        pin(entry, series.labels.to_string(), result, series);
    }

    void add_restarts() {
        const Answer result = ask("restart", "process_start_time_seconds");
        if (!result) return;
        for (const Series& series : result->series) {
            for (const Millis at : nearest(time_changes(*result, series))) {
                TimelineEntry& entry =
                    add(at, "restart", fmt::format("{} restarted", series.labels.get("job")),
                        scored(kRestartScore, series.labels));
                entry.detail = std::string(series.labels.get("instance"));
                pin(entry, series.labels.to_string(), *result, series);
            }
        }
    }
    void add_targets() {
        const Answer result = ask_samples("target", "up");
        if (!result) return;
        for (const Series& series : result->series) {
            std::vector<Flip> all = flips(*result, series);
            keep_nearest(all, [](const Flip& flip) { return flip.at; });
            for (const Flip& flip : all) {
                TimelineEntry& entry =
                    add(flip.at, "target",
                        fmt::format("{} {}", series.labels.get("job"),
                                    flip.is_on ? "answers again" : "does not answer"),
                        scored(flip.is_on ? kEndScore : kTargetDownScore, series.labels));
                entry.detail = std::string(series.labels.get("instance"));
                pin(entry, series.labels.to_string(), *result, series);
            }
        }
    }
    void add_reloads() {
        const Answer result =
            ask("reload", "prometheus_config_last_reload_success_timestamp_seconds");
        if (!result) return;
        for (const Series& series : result->series) {
            for (const Millis at : nearest(time_changes(*result, series))) {
                TimelineEntry& entry =
                    add(at, "reload",
                        fmt::format("{}: configuration reloaded", series.labels.get("job")),
                        kReloadScore);
                entry.detail = std::string(series.labels.get("instance"));
                pin(entry, series.labels.to_string(), *result, series);
            }
        }
    }
    void add_faults(const std::string& metric) {
        const Answer result = ask_samples("fault", metric);
        if (!result) return;
        for (const Series& series : result->series) {
            const std::string_view fault = series.labels.get("fault");
            const std::string name(fault.empty() ? std::string_view(metric) : fault);
            for (const Millis at : begins_of(*result, series)) {
                TimelineEntry& entry = add(at, "fault", "fault " + name + " begins",
                                           scored(kFaultScore, series.labels));
                entry.detail = series.labels.to_string();
                pin(entry, series.labels.to_string(), *result, series);
            }
            std::vector<Flip> all = flips(*result, series);
            std::erase_if(all, [](const Flip& flip) { return flip.is_on; });
            keep_nearest(all, [](const Flip& flip) { return flip.at; });
            for (const Flip& flip : all) {
                add(flip.at, "fault", "fault " + name + " ends", kEndScore).detail =
                    series.labels.to_string();
            }
        }
    }

    // "a|b", each taken literally.
    std::string service_pattern() const {
        std::string pattern;
        for (const std::string& service : incident_.impact.services) {
            if (!pattern.empty()) pattern += '|';
            for (const char c : service) {
                if (std::string_view("\\.+*?()|[]{}^$").find(c) != std::string_view::npos) {
                    pattern += '\\';
                }
                pattern += c;
            }
        }
        return pattern;
    }

    void add_departures() {
        if (incident_.impact.services.empty()) {
            return remark("no service is known: no series are held against their usual band");
        }
        const Millis from = incident_.began_at - kBaselineMs;
        const int64_t step_ms = std::max(step_ms_, (out_.timeline.to - from) / kBaselineSteps);
        const DepartureWindow window{
            .baseline_to = incident_.began_at - settings_.timeline_before_ms / 3,
            .from = incident_.began_at - settings_.timeline_before_ms / 3,
            .began_at = incident_.began_at,
            .over_at = incident_.resolved_at ? incident_.resolved_at : incident_.restored_at,
        };
        std::vector<Departure> departures;
        for (const std::string& label : settings_.service_labels) {
            const std::string query = fmt::format(
                "{{{}=~{},__name__!~\".+_(bucket|sum|created|info|seconds_timestamp)|ALERTS.*|"
                "scrape_.+|up|process_start_time_seconds|{}\"}}",
                label, kw::quoted(service_pattern()), fault_pattern());
            const Answer result =
                taken("departure", queries_.range(query, from, out_.timeline.to, step_ms));
            if (!result) continue;
            for (const Series& series : result->series) {
                std::vector<PinnedPoint> points;
                result->each_point(series,
                                   [&](Millis at, double value) { points.push_back({at, value}); });
                std::optional<Departure> departure =
                    find_departure(series.labels, std::move(points), window);
                if (departure) departures.push_back(std::move(*departure));
            }
        }
        std::sort(departures.begin(), departures.end(), [](const Departure& a, const Departure& b) {
            return a.deviations > b.deviations;
        });
        // A series has a service and a job: it is found under both.
        const auto is_same = [](const Departure& a, const Departure& b) {
            return a.query == b.query;
        };
        departures.erase(std::unique(departures.begin(), departures.end(), is_same),
                         departures.end());
        if (departures.size() > kDeparturesMax) departures.resize(kDeparturesMax);
        for (size_t i = 0; i < departures.size(); ++i) {
            const Departure& departure = departures[i];
            TimelineEntry& entry =
                add(departure.at, "departure", departure.title, departure.score());
            entry.detail = departure.detail();
            entry.query = departure.query;
            entry.points = departure.points;
            if (i < kComparisonsMax) out_.timeline.comparisons.push_back(departure.comparison);
        }
    }
    std::string fault_pattern() const {
        std::string pattern = "fault";
        for (const std::string& metric : settings_.fault_metrics) pattern += "|" + metric;
        return pattern;
    }

    const Incident& incident_;
    const Settings& settings_;
    const Timeline* former_;
    TimelineQueries queries_;
    Gathered out_;
    std::set<std::string, std::less<>> failed_kinds_;
    size_t flapping_count_ = 0;
    int64_t step_ms_ = kStepMsMin;
};

}  // namespace

Gathered gather_timeline(const Incident& incident, const Settings& settings, const Timeline* former,
                         promql::Engine& engine, Millis now, const CancelToken& cancel) {
    return Gatherer(incident, settings, former, engine, now, cancel).gather();
}

}  // namespace kw::incidents
