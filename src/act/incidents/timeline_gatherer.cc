#include "incidents/timeline_gatherer.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <tuple>
#include <utility>

#include "base/result.h"
#include "incidents/departures.h"
#include "model/sample.h"
#include "promql/engine.h"

namespace kw::incidents {
namespace {

constexpr int64_t kWindowMsMax = 24 * 3'600'000LL;
constexpr int64_t kAfterMs = 15 * 60'000;
constexpr int64_t kStepMsMin = 5'000;
constexpr int64_t kWindowSteps = 480;
constexpr int64_t kBaselineMs = 3 * 3'600'000LL;
constexpr int64_t kBaselineSteps = 360;
constexpr size_t kSeriesMax = 2'000;  // of one query
constexpr int64_t kNewTargetMs = 2 * 60'000;
constexpr int64_t kQueryTimeoutMs = 10'000;
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
    Gatherer(const Incident& incident, const Settings& settings, promql::Engine& engine, Millis now,
             const CancelToken& cancel)
        : incident_(incident), settings_(settings), engine_(engine), cancel_(cancel) {
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
        keep_best();
        return std::move(out_);
    }

 private:
    using Series = promql::ResultSeries;

    // nullopt with a remark: the query failed, or gave too much.
    std::optional<promql::QueryResult> ask(const std::string& query, Millis from, Millis to,
                                           int64_t step_ms) {
        promql::QueryOptions options;
        options.timeout_ms = kQueryTimeoutMs;
        Result<promql::QueryResult> result =
            engine_.range(query, from, to, step_ms, options, cancel_);
        if (!result.ok()) {
            remark(fmt::format("{}: {}", query, result.error().message));
            return std::nullopt;
        }
        if (result->series.size() > kSeriesMax) {
            remark(fmt::format("{}: {} series, at most {} are looked at", query,
                               result->series.size(), kSeriesMax));
            return std::nullopt;
        }
        return std::move(result).value();
    }
    std::optional<promql::QueryResult> ask(const std::string& query) {
        return ask(query, out_.timeline.from, out_.timeline.to, step_ms_);
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
    // What an entry shows, with its values, thinned to the most that are kept.
    void pin(TimelineEntry& entry, std::string query, const promql::QueryResult& result,
             const Series& series) {
        entry.query = std::move(query);
        std::vector<PinnedPoint> all;
        result.each_point(series, [&](Millis at, double value) {
            if (std::isfinite(value)) all.push_back({at, value});
        });
        const size_t stride = all.size() / kPinnedPointsMax + 1;
        for (size_t i = 0; i < all.size(); i += stride) entry.points.push_back(all[i]);
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
            promql::QueryOptions options;
            options.timeout_ms = kQueryTimeoutMs;
            const Result<promql::QueryResult> result =
                engine_.instant(query, incident_.opened_at, options, cancel_);
            if (!result.ok()) return remark(fmt::format("{}: {}", query, result.error().message));
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

    // Calls f(at) for each step where a series has a value after one where it has none (or less than `above`).
    template <typename F>
    static void each_begin(const promql::QueryResult& result, const Series& series, double above,
                           F f) {
        bool was_on = true;  // what holds from the start of the window did not begin in it
        for (size_t i = 0; i < series.values.size(); ++i) {
            const double value = series.values[i];
            const bool is_on = !promql::is_absent(value) && value > above;
            if (is_on && !was_on) f(series.time_of(i, result.grid));
            was_on = is_on;
        }
    }

    void add_alerts() {
        const std::optional<promql::QueryResult> result =
            ask("ALERTS{alertstate=\"firing\",alertname!=\"IncidentOpen\"}");
        if (!result) return;
        for (const Series& series : result->series) {
            LabelBuilder labels(series.labels);
            labels.remove(kMetricName).remove("alertstate");
            const LabelSet alert = labels.build();
            if (is_own_alert(alert)) continue;
            each_begin(*result, series, 0, [&](Millis at) {
                TimelineEntry& entry =
                    add(at, "alert", fmt::format("{} fires", alert.get("alertname")),
                        scored(kAlertScore, alert));
                entry.detail = alert.to_string();
                pin(entry, fmt::format("ALERTS{}", alert.to_string()), *result, series);
            });
        }
    }

    // Info series carry what is known in their labels: where one of a process ends and another begins, what differs
    // is what changed.
    void add_infos() {
        const std::optional<promql::QueryResult> result = ask("{__name__=~\".+_info\"}");
        if (!result) return;
        const std::map<std::string, Millis> targets = first_seen_targets();
        std::map<std::string, std::vector<const Series*>> processes;
        for (const Series& series : result->series) {
            processes[fmt::format("{} {} {}", series.labels.metric_name(), series.labels.get("job"),
                                  series.labels.get("instance"))]
                .push_back(&series);
        }
        for (const auto& [key, all] : processes) {
            for (const Series* const series : all) {
                each_begin(*result, *series, 0, [&](Millis at) {
                    const Series* const previous = before(*result, all, *series, at);
                    const auto target = targets.find(target_of(series->labels));
                    // With its target all that a process has is new to us, not to it.
                    if (previous == nullptr && target != targets.end() &&
                        at.count - target->second.count < kNewTargetMs)
                        return;
                    add_info_change(*result, *series, previous, at);
                });
            }
        }
    }
    static std::string target_of(const LabelSet& labels) {
        return fmt::format("{} {}", labels.get("job"), labels.get("instance"));
    }
    // The targets that were not there from the start of the window on, and when they came.
    std::map<std::string, Millis> first_seen_targets() {
        std::map<std::string, Millis> first;
        const std::optional<promql::QueryResult> result = ask("up");
        if (!result) return first;
        for (const Series& series : result->series) {
            if (!series.values.empty() && !promql::is_absent(series.values.front())) continue;
            result->each_point(
                series, [&](Millis at, double) { first.emplace(target_of(series.labels), at); });
        }
        return first;
    }
    // Of the same process, the series that was there last before `at`.
    const Series* before(const promql::QueryResult& result, const std::vector<const Series*>& all,
                         const Series& series, Millis at) const {
        const Series* last = nullptr;
        Millis last_at = Millis::min();
        for (const Series* const other : all) {
            if (other == &series) continue;
            result.each_point(*other, [&](Millis point, double) {
                if (point < at && point > last_at) {
                    last_at = point;
                    last = other;
                }
            });
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

    // A gauge that holds a time in seconds: each new value is an event at that time.
    template <typename F>
    void each_time_change(const promql::QueryResult& result, const Series& series, F f) const {
        double last = std::nan("");
        result.each_point(series, [&](Millis, double value) {
            if (!std::isnan(last) && value > last) {
                f(Millis{static_cast<int64_t>(value * 1000)});
            }
            last = value;
        });
    }
    void add_restarts() {
        const std::string query = "process_start_time_seconds";
        const std::optional<promql::QueryResult> result = ask(query);
        if (!result) return;
        for (const Series& series : result->series) {
            each_time_change(*result, series, [&](Millis at) {
                TimelineEntry& entry =
                    add(at, "restart", fmt::format("{} restarted", series.labels.get("job")),
                        scored(kRestartScore, series.labels));
                entry.detail = std::string(series.labels.get("instance"));
                pin(entry, series.labels.to_string(), *result, series);
            });
        }
    }
    void add_targets() {
        const std::optional<promql::QueryResult> result = ask("up");
        if (!result) return;
        for (const Series& series : result->series) {
            double last = std::nan("");
            result->each_point(series, [&](Millis at, double value) {
                const bool is_change = !std::isnan(last) && (value > 0) != (last > 0);
                last = value;
                if (!is_change) return;
                const bool is_up = value > 0;
                TimelineEntry& entry =
                    add(at, "target",
                        fmt::format("{} {}", series.labels.get("job"),
                                    is_up ? "answers again" : "does not answer"),
                        scored(is_up ? kEndScore : kTargetDownScore, series.labels));
                entry.detail = std::string(series.labels.get("instance"));
                pin(entry, series.labels.to_string(), *result, series);
            });
        }
    }
    void add_reloads() {
        const std::optional<promql::QueryResult> result =
            ask("prometheus_config_last_reload_success_timestamp_seconds");
        if (!result) return;
        for (const Series& series : result->series) {
            each_time_change(*result, series, [&](Millis at) {
                TimelineEntry& entry =
                    add(at, "reload",
                        fmt::format("{}: configuration reloaded", series.labels.get("job")),
                        kReloadScore);
                entry.detail = std::string(series.labels.get("instance"));
                pin(entry, series.labels.to_string(), *result, series);
            });
        }
    }
    void add_faults(const std::string& metric) {
        const std::optional<promql::QueryResult> result = ask(metric);
        if (!result) return;
        for (const Series& series : result->series) {
            const std::string_view fault = series.labels.get("fault");
            const std::string name(fault.empty() ? std::string_view(metric) : fault);
            each_begin(*result, series, 0, [&](Millis at) {
                TimelineEntry& entry = add(at, "fault", "fault " + name + " begins",
                                           scored(kFaultScore, series.labels));
                entry.detail = series.labels.to_string();
                pin(entry, series.labels.to_string(), *result, series);
            });
            double last = 0;
            result->each_point(series, [&](Millis at, double value) {
                if (last > 0 && value <= 0) {
                    add(at, "fault", "fault " + name + " ends", kEndScore).detail =
                        series.labels.to_string();
                }
                last = value;
            });
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
            const std::optional<promql::QueryResult> result =
                ask(query, from, out_.timeline.to, step_ms);
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

    // The highest scores stay; then in the order of time.
    void keep_best() {
        std::vector<TimelineEntry>& entries = out_.timeline.entries;
        std::erase_if(entries, [&](const TimelineEntry& entry) {
            return entry.at < out_.timeline.from || entry.at > out_.timeline.gathered_at;
        });
        std::sort(entries.begin(), entries.end(),
                  [](const TimelineEntry& a, const TimelineEntry& b) {
                      return std::tie(b.score, a.at, a.title, a.detail) <
                             std::tie(a.score, b.at, b.title, b.detail);
                  });
        if (entries.size() > kTimelineEntriesMax) {
            remark(fmt::format("{} entries of lower scores are left out",
                               entries.size() - kTimelineEntriesMax));
            entries.resize(kTimelineEntriesMax);
        }
        std::sort(entries.begin(), entries.end(),
                  [](const TimelineEntry& a, const TimelineEntry& b) {
                      return std::tie(a.at, a.title, a.detail) < std::tie(b.at, b.title, b.detail);
                  });
    }

    const Incident& incident_;
    const Settings& settings_;
    promql::Engine& engine_;
    const CancelToken& cancel_;
    Gathered out_;
    int64_t step_ms_ = kStepMsMin;
};

}  // namespace

Gathered gather_timeline(const Incident& incident, const Settings& settings, promql::Engine& engine,
                         Millis now, const CancelToken& cancel) {
    return Gatherer(incident, settings, engine, now, cancel).gather();
}

}  // namespace kw::incidents
