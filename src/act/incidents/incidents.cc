#include "incidents/incidents.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "incidents/incident_json.h"
#include "promql/engine.h"

namespace kw::incidents {
namespace {

constexpr int64_t kCheckTimeoutMs = 10'000;

// What a check gave: green when it has a value and none of them is 0 or NaN.
Check check_result(const std::string& query, const Result<promql::QueryResult>& result,
                   Millis now) {
    Check check;
    check.query = query;
    check.checked_at = now;
    if (!result.ok()) {
        check.answer = result.error().message.substr(0, kWordBytesMax);
        return check;
    }
    size_t count = 0;
    size_t bad_count = 0;
    const auto look = [&](double value) {
        ++count;
        if (value == 0 || std::isnan(value)) ++bad_count;
    };
    if (result->type == promql::ValueType::kScalar) look(result->scalar);
    for (const promql::ResultSeries& series : result->series) {
        result->each_point(series, [&](Millis, double value) { look(value); });
    }
    check.is_green = count > 0 && bad_count == 0;
    if (count == 0) {
        check.answer = "no series answers";
    } else if (bad_count > 0) {
        check.answer = fmt::format("{} of {} series are 0 or not a number", bad_count, count);
    } else {
        check.answer = fmt::format("{} series, none of them 0", count);
    }
    return check;
}

}  // namespace

Result<std::unique_ptr<Incidents>> Incidents::open(Environment& env, state::Store& store,
                                                   alerting::Alertmanager& alerts,
                                                   promql::Engine& engine, const Options& options) {
    KW_TRY_ASSIGN(std::unique_ptr<IncidentTable> table, IncidentTable::open(store));
    std::unique_ptr<Incidents> incidents(
        new Incidents(env, alerts, engine, std::move(table), options));
    KW_TRY(incidents->load());
    return incidents;
}

Incidents::Incidents(Environment& env, alerting::Alertmanager& alerts, promql::Engine& engine,
                     std::unique_ptr<IncidentTable> table, const Options& options)
    : env_(env),
      alerts_(alerts),
      engine_(engine),
      table_(std::move(table)),
      options_(options),
      limited_counter_(env.metrics.counter(
          "kilowatch_incidents_limited_total",
          "Alerts that opened no incident since there are too many open already.")),
      started_at_(env.clock.now()),
      settings_(std::make_shared<const Settings>()) {}

Incidents::~Incidents() { stop(); }

Result<void> Incidents::load() {
    KW_TRY_ASSIGN(IncidentTable::Loaded loaded, table_->load());
    for (const std::string& damage : loaded.damaged) {
        env_.log.error("an incident cannot be read; it stays in the state's database",
                       {{"err", damage}});
    }
    MutexLock one_at_a_time(change_mutex_);
    last_id_ = loaded.last_id;
    MutexLock lock(mutex_);
    for (Incident& incident : loaded.incidents) {
        last_id_ = std::max(last_id_, incident.id);
        // Those that still fire are seen again, and counted again.
        incident.alerts_left_out = 0;
        for (const IncidentAlert& alert : incident.alerts) {
            if (alert.ended_at) continue;
            known_.insert_or_assign(alert.labels, incident.id);
            last_seen_.insert_or_assign(alert.labels, started_at_);
        }
        const int64_t id = incident.id;
        incidents_.emplace(id, std::make_shared<const Incident>(std::move(incident)));
    }
    return {};
}

void Incidents::apply(std::shared_ptr<const Settings> settings) {
    MutexLock lock(mutex_);
    settings_ = std::move(settings);
}

std::shared_ptr<const Settings> Incidents::settings() const {
    MutexLock lock(mutex_);
    return settings_;
}

std::vector<IncidentPtr> Incidents::list() const {
    std::vector<IncidentPtr> all;
    MutexLock lock(mutex_);
    all.reserve(incidents_.size());
    for (auto at = incidents_.rbegin(); at != incidents_.rend(); ++at) all.push_back(at->second);
    return all;
}

IncidentPtr Incidents::find(int64_t id) const {
    MutexLock lock(mutex_);
    const auto found = incidents_.find(id);
    return found == incidents_.end() ? nullptr : found->second;
}

Result<std::optional<Timeline>> Incidents::timeline(int64_t id) const {
    if (find(id) == nullptr) return not_found("there is no incident {}", incident_name(id));
    return table_->timeline(id);
}

size_t Incidents::open_count() const {
    MutexLock lock(mutex_);
    return static_cast<size_t>(std::count_if(incidents_.begin(), incidents_.end(),
                                             [](const auto& e) { return e.second->is_open(); }));
}

Result<void> Incidents::make_room(size_t new_count) {
    while (true) {
        int64_t oldest_closed = 0;
        {
            MutexLock lock(mutex_);
            if (incidents_.size() + new_count <= options_.incidents_max) return {};
            for (const auto& [id, incident] : incidents_) {
                if (incident->status != Status::kClosed) continue;
                oldest_closed = id;
                break;
            }
        }
        if (oldest_closed == 0) {
            return exhausted("there are {} incidents that are not closed, the most that are kept",
                             options_.incidents_max);
        }
        KW_TRY(table_->remove(oldest_closed, {"limit", "incidents"}, env_.clock.now()));
        MutexLock lock(mutex_);
        incidents_.erase(oldest_closed);
    }
}

Result<void> Incidents::put(std::vector<Write> writes) {
    if (writes.empty()) return {};
    size_t new_count = 0;
    for (const Write& write : writes) new_count += write.before == nullptr ? 1 : 0;
    if (new_count > 0) KW_TRY(make_room(new_count));
    KW_TRY(table_->put(writes, env_.clock.now()));
    for (const Write& write : writes) {
        if (write.before != nullptr) continue;
        env_.metrics
            .counter("kilowatch_incidents_opened_total", "Incidents that were opened.",
                     {{"severity", std::string(severity_text(write.after->severity))},
                      {"source", write.after->source}})
            .add();
    }
    MutexLock lock(mutex_);
    for (Write& write : writes) {
        const int64_t id = write.after->id;
        incidents_.insert_or_assign(id, std::move(write.after));
    }
    is_woken_ = true;
    wake_.notify_all();
    return {};
}

Result<IncidentPtr> Incidents::create(const Draft& draft, const Actor& actor) {
    MutexLock one_at_a_time(change_mutex_);
    if (open_count() >= options_.open_max) {
        return exhausted("there are {} open incidents, the most that there may be; resolve some",
                         options_.open_max);
    }
    const Millis now = env_.clock.now();
    auto incident = std::make_shared<Incident>();
    incident->id = last_id_ + 1;
    incident->opened_at = now;
    incident->updated_at = now;
    Edit edit;
    edit.title = draft.title;
    edit.severity = draft.severity;
    if (!draft.summary.empty()) edit.summary = draft.summary;
    if (!draft.services.empty()) edit.services = draft.services;
    if (!draft.zones.empty()) edit.zones = draft.zones;
    incident->began_at = now;
    if (draft.began_at) edit.began_at = draft.began_at;
    KW_TRY(incidents::edit(*incident, edit));
    incident->source = "manual";
    incident->phases.push_back({Phase::kDetection, now, actor.name, ""});
    const std::string text =
        fmt::format("{} opened by hand: {}", severity_text(draft.severity), draft.title);
    incident->notes.push_back({now, actor.name, "open", text});
    const IncidentPtr made = std::move(incident);
    KW_TRY(put({{nullptr, made, actor, "open", text}}));
    last_id_ = made->id;
    return made;
}

Result<IncidentPtr> Incidents::change(int64_t id, std::string_view action, const Actor& actor,
                                      const Change& change) {
    MutexLock one_at_a_time(change_mutex_);
    IncidentPtr before = find(id);
    if (before == nullptr) return not_found("there is no incident {}", incident_name(id));
    auto changed = std::make_shared<Incident>(*before);
    const Moment moment{env_.clock.now(), actor.name};
    KW_TRY_ASSIGN(const std::string text, change(*changed, moment));
    changed->updated_at = moment.now;
    changed->notes.push_back({moment.now, actor.name, std::string(action), text});
    IncidentPtr after = std::move(changed);
    KW_TRY(put(
        {{std::move(before), after, actor, std::string(action), text.substr(0, kTextBytesMax)}}));
    return after;
}

std::vector<Check> Incidents::checked(const Incident& incident, const CancelToken& cancel) {
    std::vector<Check> results;
    promql::QueryOptions options;
    options.timeout_ms = kCheckTimeoutMs;
    const Millis now = env_.clock.now();
    for (const Check& check : incident.checks) {
        results.push_back(
            check_result(check.query, engine_.instant(check.query, now, options, cancel), now));
    }
    return results;
}

namespace {

// Results go to the checks that ask the same: others may have come or gone meanwhile.
void keep_results(Incident& incident, const std::vector<Check>& results) {
    for (Check& check : incident.checks) {
        for (const Check& result : results) {
            if (result.query == check.query) check = result;
        }
    }
}

}  // namespace

Result<IncidentPtr> Incidents::run_checks(int64_t id, const Actor& actor,
                                          const CancelToken& cancel) {
    const IncidentPtr incident = find(id);
    if (incident == nullptr) return not_found("there is no incident {}", incident_name(id));
    if (incident->checks.empty()) return invalid("{} has no checks", incident_name(id));
    const std::vector<Check> results = checked(*incident, cancel);
    return change(id, "check", actor, [&](Incident& changed, const Moment&) -> Done {
        keep_results(changed, results);
        const auto green = std::count_if(results.begin(), results.end(),
                                         [](const Check& check) { return check.is_green; });
        return fmt::format("{} of {} checks are green", green, results.size());
    });
}

Result<IncidentPtr> Incidents::resolve(int64_t id, const std::string& reason, const Actor& actor,
                                       const CancelToken& cancel) {
    const IncidentPtr incident = find(id);
    if (incident == nullptr) return not_found("there is no incident {}", incident_name(id));
    const std::vector<Check> results = checked(*incident, cancel);
    return change(id, "resolve", actor, [&](Incident& changed, const Moment& moment) {
        keep_results(changed, results);
        return incidents::resolve(changed, reason, moment);
    });
}

}  // namespace kw::incidents
