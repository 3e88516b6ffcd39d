#include "platform/faults.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>

namespace energy {
namespace {

using enum FaultPlayer;
constexpr std::array kFaults{
    FaultKind{"errors", kApi, "a third of the forecasts is answered with 500",
              "http_requests_total{status=\"500\"}"},
    FaultKind{"latency", kApi, "forecasts take 0.3 to 0.9 s more", "http_request_duration_seconds"},
    FaultKind{"memory-growth", kApi, "8 MB/s more memory, up to 256 MB",
              "process_resident_memory_bytes"},
    FaultKind{"cpu-burn", kApi, "a thread computes without pause", "process_cpu_seconds_total"},
    FaultKind{"cache-flush", kApi, "the cache is emptied twice a second",
              "cache_operations_total{result=\"miss\"}"},
    FaultKind{"slow-query", kApi, "every query takes 0.4 s more",
              "database_query_duration_seconds"},
    FaultKind{"lock-contention", kApi, "a session holds the lock of table forecast, 1 s in 1.2 s",
              "database_lock_waiters"},
    FaultKind{"pool-exhaustion", kApi, "all connections of the API's pool are held",
              "database_pool_connections, database_pool_timeouts_total"},
    FaultKind{"log-storm", kApi, "500 warnings a second", "log_messages_total{level=\"WARNING\"}"},
    FaultKind{"database-down", kSupervisor, "PostgreSQL is stopped",
              "health_component_up{component=\"database\"}"},
    FaultKind{"model-down", kSupervisor, "the model service is stopped",
              "health_component_up{component=\"model\"}"},
    FaultKind{"bad-model", kModel,
              "a version trained on shuffled targets is promoted, and rolled back at the end",
              "model_version_info, model_prediction_accuracy_percent"},
    FaultKind{"input-drift", kWorld, "the weather service reports 12 degrees too much",
              "model_drift_score"},
    FaultKind{"weather-late", kWorld, "the weather service repeats its last run",
              "weather_feed_age_seconds"},
    FaultKind{"brute-force", kWorld, "somebody tries passwords of one user",
              "auth_login_failed_total, security_events_total"},
    FaultKind{"sensitive-access", kWorld, "an analyst reads customers' data of a zone in its night",
              "data_access_total{type=\"sensitive\"}, security_events_total"},
};

HttpResponse json_response(int status, std::string body) {
    return {status, "application/json", std::move(body), {}};
}

}  // namespace

std::span<const FaultKind> fault_kinds() { return kFaults; }

const FaultKind* find_fault(std::string_view name) {
    const auto found = std::find_if(kFaults.begin(), kFaults.end(),
                                    [&](const FaultKind& kind) { return kind.name == name; });
    return found == kFaults.end() ? nullptr : &*found;
}

std::optional<std::chrono::seconds> parse_fault_duration(std::string_view text) {
    int64_t total = 0, number = 0;
    bool digits = false, any = false;
    int64_t unit_before = INT64_MAX;
    const auto add = [&](int64_t unit) {
        total += number * unit;
        unit_before = unit;
        number = 0;
        digits = false;
        any = true;
    };
    for (const char c : text) {
        if (c >= '0' && c <= '9') {
            number = number * 10 + (c - '0');
            digits = true;
            if (number > kFaultMax.count()) return std::nullopt;
            continue;
        }
        const int64_t unit = c == 'h' ? 3600 : c == 'm' ? 60 : c == 's' ? 1 : 0;
        if (unit == 0 || !digits || unit >= unit_before) return std::nullopt;
        add(unit);
    }
    if (digits) {  // a bare number is seconds, and stands alone
        if (any) return std::nullopt;
        add(1);
    }
    if (total <= 0 || total > kFaultMax.count()) return std::nullopt;
    return std::chrono::seconds(total);
}

FaultSwitch::FaultSwitch(FaultPlayer player, kilowatch::Registry& registry) : player_(player) {
    collector_ = registry.add_collector([this](kilowatch::CollectorSink& sink) {
        for (const FaultKind& kind : kFaults)
            if (kind.player == player_)
                sink.gauge("fault_active", "1 while a fault on command is played.",
                           {{"fault", std::string(kind.name)}}, active(kind.name) ? 1 : 0);
    });
}

bool FaultSwitch::active(std::string_view name) const {
    const std::scoped_lock lock(mutex_);
    const auto found = until_.find(name);
    return found != until_.end() && std::chrono::steady_clock::now() < found->second;
}

bool FaultSwitch::start(std::string_view name, std::chrono::seconds duration) {
    const FaultKind* kind = find_fault(name);
    if (kind == nullptr || kind->player != player_) return false;
    const std::scoped_lock lock(mutex_);
    until_[std::string(name)] = std::chrono::steady_clock::now() + duration;
    return true;
}

bool FaultSwitch::end(std::string_view name) {
    const FaultKind* kind = find_fault(name);
    if (kind == nullptr || kind->player != player_) return false;
    const std::scoped_lock lock(mutex_);
    until_.erase(std::string(name));
    return true;
}

HttpResponse FaultSwitch::answer(const HttpRequest& request) {
    constexpr std::string_view kPrefix = "/faults";
    std::string_view name = std::string_view(request.path).substr(kPrefix.size());
    if (name.starts_with('/')) name.remove_prefix(1);
    if (request.method == "GET" && name.empty()) {
        std::string body = "[";
        for (const FaultKind& kind : kFaults) {
            if (kind.player != player_) continue;
            body += fmt::format("{}{{\"name\":\"{}\",\"active\":{}}}", body.size() > 1 ? "," : "",
                                kind.name, active(kind.name));
        }
        return json_response(200, body + "]");
    }
    if (request.method == "DELETE")
        return end(name) ? json_response(200, R"({"ended":true})")
                         : json_response(404, R"({"error":"no such fault here"})");
    const auto duration = parse_fault_duration(request.query_or("for", "5m"));
    if (!duration)
        return json_response(400, R"({"error":"'for' is not a time like 90s or 5m, at most 24h"})");
    if (!start(name, *duration)) return json_response(404, R"({"error":"no such fault here"})");
    return json_response(200,
                         fmt::format(R"({{"fault":"{}","seconds":{}}})", name, duration->count()));
}

}  // namespace energy
