#include "collect/redis/source.h"

#include <algorithm>
#include <set>

#include "collect/redis/info.h"
#include "model/labels.h"

namespace kw::collect {
namespace {

// How the size of a key of a type is asked for.
struct SizeCommand {
    std::string_view type;
    std::string_view command;
};
constexpr SizeCommand kSizeCommands[] = {
    {"string", "STRLEN"}, {"list", "LLEN"}, {"set", "SCARD"},
    {"zset", "ZCARD"},    {"hash", "HLEN"}, {"stream", "XLEN"},
};

std::string database_label(const RedisKeys& keys) { return "db" + keys.database; }

}  // namespace

Result<RedisKeys> parse_redis_keys(std::string_view text) {
    RedisKeys keys{.database = "0", .pattern = std::string(text)};
    const size_t equals = text.find('=');
    if (text.starts_with("db") && equals != std::string_view::npos) {
        keys.database = text.substr(2, equals - 2);
        keys.pattern = text.substr(equals + 1);
    }
    const bool is_number = !keys.database.empty() && keys.database.size() <= 5 &&
                           std::all_of(keys.database.begin(), keys.database.end(),
                                       [](char c) { return c >= '0' && c <= '9'; });
    if (!is_number)
        return invalid("{} is no database; write db0=pattern", kw::quoted(keys.database));
    if (keys.pattern.empty())
        return invalid("{} has no pattern; write db0=pattern", kw::quoted(text));
    return keys;
}

RedisSource::RedisSource(const Clock& clock, RedisOptions options)
    : clock_(clock), options_(std::move(options)) {}

Result<void> RedisSource::collect(const Deadline& deadline, std::string& out) {
    FamilySet families;
    Result<void> outcome;
    // The kept one may have been closed by the server meanwhile.
    if (client_ && !client_->command({"PING"}, deadline).ok()) client_.reset();
    if (!client_) {
        Result<std::unique_ptr<RedisClient>> opened = RedisClient::open(options_.server, deadline);
        if (opened.ok()) {
            client_ = std::move(opened).value();
        } else {
            outcome = std::move(opened).error();
        }
    }
    if (outcome.ok()) outcome = collect_connected(deadline, families);
    ExpositionWriter writer(out);
    writer.gauge("redis_up", "Whether the server could be asked", outcome.ok() ? 1 : 0);
    if (outcome.ok()) {
        families.write(writer);
    } else {
        client_.reset();
    }
    return outcome;
}

Result<void> RedisSource::collect_connected(const Deadline& deadline, FamilySet& families) {
    KW_TRY_ASSIGN(const size_t databases, collect_settings(deadline, families));
    KW_TRY_ASSIGN(const RespValue info, client_->command({"INFO", "ALL"}, deadline));
    const double now_seconds = static_cast<double>(clock_.now().count) / 1000;
    add_redis_info(parse_redis_info(info.text), now_seconds, databases, families);
    KW_TRY(collect_slow_log(deadline, families));
    KW_TRY(collect_latency(deadline, families));
    KW_TRY(collect_counts(deadline, families));
    return collect_checks(deadline, families);
}

Result<std::optional<RespValue>> RedisSource::ask(std::initializer_list<std::string_view> words,
                                                  const Deadline& deadline) {
    Result<RespValue> reply = client_->command(words, deadline);
    if (reply.ok()) return std::optional(std::move(reply).value());
    if (reply.error().code == Code::kInvalid) return std::optional<RespValue>();
    return std::move(reply).error();
}

// Returns how many databases there are; 0 where CONFIG is not allowed, as with most hosted servers.
Result<size_t> RedisSource::collect_settings(const Deadline& deadline, FamilySet& families) {
    size_t databases = 0;
    for (const std::string_view name : {"databases", "io-threads", "maxclients", "maxmemory"}) {
        KW_TRY_ASSIGN(const std::optional<RespValue> reply, ask({"CONFIG", "GET", name}, deadline));
        if (!reply || reply->items.size() != 2) continue;
        const std::optional<double> value = reply->items[1].number();
        if (!value || *value < 0) continue;
        if (name == "databases") {
            databases = static_cast<size_t>(std::min(*value, 1e6));
            continue;
        }
        std::string metric = fmt::format("redis_config_{}", name);
        std::replace(metric.begin(), metric.end(), '-', '_');
        families.add(metric, "gauge", fmt::format("{} of CONFIG", name), {}, *value);
    }
    return databases;
}

Result<void> RedisSource::collect_slow_log(const Deadline& deadline, FamilySet& families) {
    KW_TRY_ASSIGN(const std::optional<RespValue> length, ask({"SLOWLOG", "LEN"}, deadline));
    if (length && length->number()) {
        families.add("redis_slowlog_length", "gauge", "Entries of the slow log", {},
                     *length->number());
    }
    KW_TRY_ASSIGN(const std::optional<RespValue> last, ask({"SLOWLOG", "GET", "1"}, deadline));
    if (!last) return {};
    double id = 0;
    double usec = 0;
    // [[id, time, microseconds, arguments, …]]
    if (!last->items.empty() && last->items[0].items.size() >= 3) {
        id = last->items[0].items[0].number().value_or(0);
        usec = last->items[0].items[2].number().value_or(0);
    }
    families.add("redis_slowlog_last_id", "gauge", "Number of the slow log's last entry", {}, id);
    families.add("redis_last_slow_execution_duration_seconds", "gauge",
                 "How long the slow log's last entry took", {}, usec / 1e6);
    return {};
}

Result<void> RedisSource::collect_latency(const Deadline& deadline, FamilySet& families) {
    KW_TRY_ASSIGN(const std::optional<RespValue> events, ask({"LATENCY", "LATEST"}, deadline));
    if (!events) return {};
    // [[event, time, milliseconds, longest], …]
    for (const RespValue& event : events->items) {
        if (event.items.size() < 4) continue;
        const FamilySet::Labels labels = {{"event_name", event.items[0].text}};
        families.add("redis_latency_spike_last", "gauge",
                     "When the latency of this kind was last high", labels,
                     event.items[1].number().value_or(0));
        families.add("redis_latency_spike_duration_seconds", "gauge", "How long it was", labels,
                     event.items[2].number().value_or(0) / 1000);
    }
    return {};
}

Result<std::optional<RedisSource::Scan>> RedisSource::scan(const RedisKeys& keys, size_t kept_max,
                                                           const Deadline& deadline) {
    KW_TRY_ASSIGN(const std::optional<RespValue> selected,
                  ask({"SELECT", keys.database}, deadline));
    if (!selected) return std::optional<Scan>();
    Scan found;
    // SCAN may give a key twice while the table is resized.
    std::set<std::string> seen;
    std::string cursor = "0";
    for (size_t looked = 0; looked < kScannedKeysMax; looked += 1000) {
        // What follows needs its time too.
        if (static_cast<double>(deadline.remaining().count()) / 1000 < deadline.elapsed_seconds())
            break;
        KW_TRY_ASSIGN(std::optional<RespValue> page,
                      ask({"SCAN", cursor, "MATCH", keys.pattern, "COUNT", "1000"}, deadline));
        if (!page || page->items.size() != 2) return std::optional<Scan>();
        for (RespValue& key : page->items[1].items) seen.insert(std::move(key.text));
        cursor = page->items[0].text;
        if (cursor != "0") continue;
        found.count = seen.size();
        found.keys.assign(
            seen.begin(),
            std::next(seen.begin(), static_cast<std::ptrdiff_t>(std::min(kept_max, seen.size()))));
        return std::optional(std::move(found));
    }
    return std::optional<Scan>();
}

Result<void> RedisSource::collect_counts(const Deadline& deadline, FamilySet& families) {
    for (const RedisKeys& keys : options_.count_keys) {
        KW_TRY_ASSIGN(const std::optional<Scan> found, scan(keys, 0, deadline));
        if (!found) continue;
        families.add("redis_keys_count", "gauge", "Keys that match",
                     {{"db", database_label(keys)}, {"key", keys.pattern}},
                     static_cast<double>(found->count));
    }
    return {};
}

Result<void> RedisSource::collect_checks(const Deadline& deadline, FamilySet& families) {
    for (const RedisKeys& keys : options_.check_keys) {
        std::vector<std::string> names = {keys.pattern};
        if (keys.is_pattern()) {
            KW_TRY_ASSIGN(std::optional<Scan> found, scan(keys, kCheckedKeysMax, deadline));
            if (!found) continue;
            names = std::move(found->keys);
        } else {
            KW_TRY_ASSIGN(const std::optional<RespValue> selected,
                          ask({"SELECT", keys.database}, deadline));
            if (!selected) continue;
        }
        for (const std::string& name : names) KW_TRY(check_key(keys, name, deadline, families));
    }
    return {};
}

Result<void> RedisSource::check_key(const RedisKeys& keys, const std::string& key,
                                    const Deadline& deadline, FamilySet& families) {
    const FamilySet::Labels labels = {{"db", database_label(keys)}, {"key", key}};
    KW_TRY_ASSIGN(const std::optional<RespValue> type, ask({"TYPE", key}, deadline));
    if (!type || type->text == "none") return {};
    std::optional<double> size;
    for (const SizeCommand& entry : kSizeCommands) {
        if (entry.type != type->text) continue;
        KW_TRY_ASSIGN(const std::optional<RespValue> reply, ask({entry.command, key}, deadline));
        if (reply) size = reply->number();
    }
    if (size) families.add("redis_key_size", "gauge", "Length or size of the key", labels, *size);
    KW_TRY_ASSIGN(const std::optional<RespValue> memory, ask({"MEMORY", "USAGE", key}, deadline));
    if (memory && memory->number()) {
        families.add("redis_key_memory_usage_bytes", "gauge", "Memory of the key", labels,
                     *memory->number());
    }
    if (type->text != "string" || !size || *size > kNumericValueBytesMax) return {};
    KW_TRY_ASSIGN(const std::optional<RespValue> value, ask({"GET", key}, deadline));
    if (value && value->number()) {
        families.add("redis_key_value", "gauge", "Value of the key, where it is a number", labels,
                     *value->number());
    }
    return {};
}

}  // namespace kw::collect
