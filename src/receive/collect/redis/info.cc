#include "collect/redis/info.h"

#include <fmt/format.h>

#include <charconv>
#include <map>
#include <optional>
#include <string>

namespace kw::collect {
namespace {

constexpr size_t kPartsMax = 64;
constexpr size_t kDatabasesMax = 1024;

// "calls=21,usec=175": the parts of a value.
using InfoParts = std::map<std::string_view, std::string_view>;
InfoParts info_parts(std::string_view value) {
    InfoParts parts;
    while (!value.empty() && parts.size() < kPartsMax) {
        const size_t comma = value.find(',');
        const std::string_view part = value.substr(0, comma);
        value.remove_prefix(comma == std::string_view::npos ? value.size() : comma + 1);
        const size_t equals = part.find('=');
        if (equals != std::string_view::npos)
            parts[part.substr(0, equals)] = part.substr(equals + 1);
    }
    return parts;
}

std::optional<double> info_number(std::string_view text) {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || error != std::errc() || end != text.data() + text.size())
        return std::nullopt;
    return value;
}

std::optional<double> status_number(std::string_view text) {
    if (text == "ok" || text == "up" || text == "true") return 1;
    if (text == "fail" || text == "err" || text == "down" || text == "false") return 0;
    return info_number(text);
}

// The figures of one command.
struct Command {
    double calls = 0;
    double microseconds = 0;
};

class InfoReader {
 public:
    InfoReader(double now_seconds, FamilySet& families)
        : now_seconds_(now_seconds), families_(families) {}

    void take(const InfoLine& line) {
        values_[line.key] = line.value;
        if (line.section == "Commandstats") return take_command(line);
        if (line.section == "Errorstats") return take_error(line);
        if (line.section == "Latencystats") return take_latency(line);
        if (line.section == "Keyspace") return take_database(line);
        if (line.section == "Replication" && take_replica(line)) return;
        if (line.key == "uptime_in_seconds") {
            if (const std::optional<double> uptime = info_number(line.value)) {
                add("redis_start_time_seconds", "gauge", "When the server was started", {},
                    now_seconds_ - *uptime);
            }
        }
        if (line.key == "latest_fork_usec") {
            if (const std::optional<double> usec = info_number(line.value)) {
                add("redis_latest_fork_seconds", "gauge", "How long the latest fork took", {},
                    *usec / 1e6);
            }
        }
        take_field(line);
    }

    void finish(size_t database_count) {
        for (size_t i = 0; i < std::min(database_count, kDatabasesMax); ++i) {
            const std::string name = fmt::format("db{}", i);
            if (!databases_.contains(name)) add_database(name, 0, 0);
        }
        for (const auto& [name, quantiles] : latencies_) {
            const auto command = commands_.find(name);
            if (command == commands_.end()) continue;
            for (const auto& [quantile, value] : quantiles) {
                add(kLatency, "summary", kLatencyHelp,
                    {{"cmd", std::string(name)}, {"quantile", std::string(quantile)}}, value);
            }
            add(kLatency, "summary", kLatencyHelp, {{"cmd", std::string(name)}},
                command->second.microseconds, "_sum");
            add(kLatency, "summary", kLatencyHelp, {{"cmd", std::string(name)}},
                command->second.calls, "_count");
        }
        add("redis_instance_info", "gauge", "1 for what the server says of itself",
            labels_of({"role", "redis_version", "redis_build_id", "redis_mode", "os",
                       "maxmemory_policy", "tcp_port", "run_id", "process_id", "master_replid"}),
            1);
        if (values_["role"] == "slave") {
            add("redis_slave_info", "gauge", "1 for what a replica says of its primary",
                labels_of({"master_host", "master_port", "slave_read_only"}), 1);
        }
    }

 private:
    static constexpr std::string_view kLatency = "redis_latency_percentiles_usec";
    static constexpr std::string_view kLatencyHelp =
        "Quantiles of the latency of commands, in microseconds";

    void add(std::string_view name, std::string_view type, std::string_view help,
             FamilySet::Labels labels, double value, std::string_view suffix = {}) {
        families_.add(name, type, help, std::move(labels), value, suffix);
    }

    FamilySet::Labels labels_of(std::initializer_list<std::string_view> fields) {
        FamilySet::Labels labels;
        for (const std::string_view field : fields)
            labels.emplace_back(field, std::string(values_[field]));
        return labels;
    }

    void take_field(const InfoLine& line) {
        for (const InfoField& field : redis_info_fields()) {
            if (field.field != line.key) continue;
            if (const std::optional<double> value = status_number(line.value)) {
                add(fmt::format("redis_{}", field.metric), field.type,
                    fmt::format("{} of INFO", field.field), {}, *value);
            }
            return;
        }
    }

    // cmdstat_get:calls=21,usec=175,usec_per_call=8.33,rejected_calls=0,failed_calls=0
    void take_command(const InfoLine& line) {
        constexpr std::string_view kPrefix = "cmdstat_";
        if (!line.key.starts_with(kPrefix)) return;
        const std::string_view name = line.key.substr(kPrefix.size());
        const InfoParts parts = info_parts(line.value);
        const std::optional<double> calls = number_of(parts, "calls");
        const std::optional<double> usec = number_of(parts, "usec");
        if (!calls || !usec) return;
        commands_[name] = {*calls, *usec};
        const FamilySet::Labels labels = {{"cmd", std::string(name)}};
        add("redis_commands_total", "counter", "Calls of commands", labels, *calls);
        add("redis_commands_duration_seconds_total", "counter",
            "Time spent in commands, in seconds", labels, *usec / 1e6);
        if (const std::optional<double> rejected = number_of(parts, "rejected_calls")) {
            add("redis_commands_rejected_calls_total", "counter",
                "Calls that were refused before they began", labels, *rejected);
        }
        if (const std::optional<double> failed = number_of(parts, "failed_calls")) {
            add("redis_commands_failed_calls_total", "counter", "Calls that failed", labels,
                *failed);
        }
    }

    // errorstat_ERR:count=1
    void take_error(const InfoLine& line) {
        constexpr std::string_view kPrefix = "errorstat_";
        if (!line.key.starts_with(kPrefix)) return;
        if (const std::optional<double> count = number_of(info_parts(line.value), "count")) {
            add("redis_errors_total", "counter", "Errors by their first word",
                {{"err", std::string(line.key.substr(kPrefix.size()))}}, *count);
        }
    }

    // latency_percentiles_usec_get:p50=0.001,p99=1.003,p99.9=3.007
    void take_latency(const InfoLine& line) {
        constexpr std::string_view kPrefix = "latency_percentiles_usec_";
        if (!line.key.starts_with(kPrefix)) return;
        auto& quantiles = latencies_[line.key.substr(kPrefix.size())];
        for (const auto& [name, text] : info_parts(line.value)) {
            const std::optional<double> value = info_number(text);
            if (value && name.starts_with('p') && info_number(name.substr(1)))
                quantiles[name.substr(1)] = *value;
        }
    }

    // db0:keys=3,expires=0,avg_ttl=0
    void take_database(const InfoLine& line) {
        if (!line.key.starts_with("db")) return;
        const InfoParts parts = info_parts(line.value);
        const std::optional<double> keys = number_of(parts, "keys");
        const std::optional<double> expiring = number_of(parts, "expires");
        if (!keys || !expiring) return;
        const std::string name(line.key);
        if (!databases_.emplace(name, true).second) return;
        add_database(name, *keys, *expiring);
        if (const std::optional<double> ttl_ms = number_of(parts, "avg_ttl")) {
            add("redis_db_avg_ttl_seconds", "gauge",
                "Average time that keys have left, by database", {{"db", name}}, *ttl_ms / 1000);
        }
    }

    void add_database(const std::string& name, double keys, double expiring) {
        add("redis_db_keys", "gauge", "Keys by database", {{"db", name}}, keys);
        add("redis_db_keys_expiring", "gauge", "Keys that expire, by database", {{"db", name}},
            expiring);
    }

    // slave0:ip=10.0.0.1,port=6379,state=online,offset=17,lag=0; and what a replica says of its primary.
    bool take_replica(const InfoLine& line) {
        const auto primary = [&](std::string_view name, std::string_view help) {
            if (const std::optional<double> value = status_number(line.value)) {
                add(name, "gauge", help, labels_of({"master_host", "master_port"}), *value);
            }
            return true;
        };
        if (line.key == "master_link_status") {
            add("redis_master_link_up", "gauge", "Whether the link to the primary is up",
                labels_of({"master_host", "master_port"}), line.value == "up" ? 1 : 0);
            return true;
        }
        if (line.key == "master_last_io_seconds_ago")
            return primary("redis_master_last_io_seconds_ago",
                           "Seconds since the primary was heard");
        if (line.key == "master_sync_in_progress")
            return primary("redis_master_sync_in_progress",
                           "Whether the primary sends its data set");
        if (line.key == "slave_repl_offset")
            return primary("redis_slave_repl_offset", "How far the replica has read");
        if (!line.key.starts_with("slave") || !info_number(line.key.substr(5))) return false;
        const InfoParts parts = info_parts(line.value);
        const auto text_of = [&](std::string_view part) {
            const auto it = parts.find(part);
            return it == parts.end() ? std::string() : std::string(it->second);
        };
        const FamilySet::Labels labels = {{"slave_ip", text_of("ip")},
                                          {"slave_port", text_of("port")},
                                          {"slave_state", text_of("state")}};
        if (const std::optional<double> offset = number_of(parts, "offset")) {
            add("redis_connected_slave_offset_bytes", "gauge",
                "How far the replica has acknowledged", labels, *offset);
        }
        if (const std::optional<double> lag = number_of(parts, "lag")) {
            add("redis_connected_slave_lag_seconds", "gauge", "Seconds since the replica was heard",
                labels, *lag);
        }
        return true;
    }

    static std::optional<double> number_of(const InfoParts& parts, std::string_view part) {
        const auto it = parts.find(part);
        return it == parts.end() ? std::nullopt : info_number(it->second);
    }

    const double now_seconds_;
    FamilySet& families_;
    std::map<std::string_view, std::string_view> values_;
    std::map<std::string, bool> databases_;
    std::map<std::string_view, Command> commands_;
    std::map<std::string_view, std::map<std::string_view, double>> latencies_;
};

}  // namespace

std::vector<InfoLine> parse_redis_info(std::string_view text) {
    std::vector<InfoLine> lines;
    std::string_view section;
    while (!text.empty() && lines.size() < kInfoLinesMax) {
        const size_t end = text.find('\n');
        std::string_view line = text.substr(0, end);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (line.starts_with("# ")) {
            section = line.substr(2);
            continue;
        }
        // A command's name may have a colon; its figures begin behind the last.
        const bool has_parts =
            section == "Commandstats" || section == "Latencystats" || section == "Errorstats";
        const size_t colon = has_parts ? line.rfind(':') : line.find(':');
        if (colon == std::string_view::npos || colon == 0) continue;
        lines.push_back({section, line.substr(0, colon), line.substr(colon + 1)});
    }
    return lines;
}

void add_redis_info(std::span<const InfoLine> lines, double now_seconds, size_t database_count,
                    FamilySet& families) {
    InfoReader reader(now_seconds, families);
    for (const InfoLine& line : lines) reader.take(line);
    reader.finish(database_count);
}

}  // namespace kw::collect
