#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "platform/api.h"
#include "platform/bodies.h"

namespace energy {
namespace {

constexpr Slot kRangeMax = 60 * kSlotsPerDay;
constexpr size_t kErrorsKept = 24;  // half-hours of one zone and horizon: half a day

struct Horizon {
    std::string_view name;
    int from, to;  // steps
};
constexpr Horizon kHorizons[] = {{"3h", 1, 6}, {"24h", 43, 48}};

// Slot of a parameter that is a slot's number or a time like 2026-01-31T13:30:00Z.
std::optional<Slot> parse_time(const std::string& text) {
    if (const std::optional<int64_t> seconds = parse_utc(text)) return slot_of(*seconds);
    Slot slot = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), slot);
    if (error != std::errc() || end != text.data() + text.size() || slot < 0 || slot > 10'000'000)
        return std::nullopt;
    return slot;
}

}  // namespace

ActualsDesk::ActualsDesk(Service& service, Database& database, Access& access)
    : service_(service),
      database_(database),
      access_(access),
      accuracy_(
          service.metrics().gauge_family("model_prediction_accuracy_percent",
                                         "100 minus the mean absolute percentage error of "
                                         "forecasts, over the newest 24 half-hours with an actual.",
                                         {"model", "zone", "horizon"})),
      received_(service.metrics().counter_family("actuals_received_total", "Readings received.",
                                                 {"kind"})),
      newest_(service.metrics().gauge_family("actuals_newest_timestamp_seconds",
                                             "Simulated time of the newest reading.", {"zone"})) {
    for (const std::string_view kind : {"first", "revised"}) received_.with({kind});
}

HttpResponse ActualsDesk::read(const HttpRequest& request) {
    const std::string zone = request.query_or("zone", "");
    if (!zone_index(zone)) return unknown_zone(zone);
    const Slot now = service_.clock().now_slot();
    const std::optional<Slot> to = parse_time(request.query_or("to", std::to_string(now)));
    if (!to)
        return error_response(400,
                              "to: want a time like 2026-01-31T13:30:00Z, or a half-hour's number");
    const std::optional<Slot> from =
        parse_time(request.query_or("from", std::to_string(*to - kSlotsPerDay)));
    if (!from)
        return error_response(
            400, "from: want a time like 2026-01-31T13:30:00Z, or a half-hour's number");
    if (*from > *to || *to - *from > kRangeMax)
        return error_response(400, "from, to: want a range of at most 60 days");
    const auto rows = database_.query(
        "select_actuals",
        "SELECT slot, demand_mw, revision FROM load_actual WHERE zone = $1 AND slot >= $2 AND "
        "slot < $3 ORDER BY slot",
        {zone, std::to_string(*from), std::to_string(*to)});
    if (!rows.ok()) return error_response(rows.error());
    access_.count_access("standard");
    std::string list;
    for (const Row& row : *rows)
        list += fmt::format(R"({}{{"time":"{}","demand_mw":{:.1f},"revision":{}}})",
                            list.empty() ? "" : ",", format_utc(integer(row[0]) * kSlotSeconds),
                            real(row[1]), integer(row[2]));
    return {
        200, "application/json", fmt::format(R"({{"zone":"{}","actuals":[{}]}})", zone, list), {}};
}

HttpResponse ActualsDesk::write(const Principal& who, const HttpRequest& request) {
    if (who.role != "operator") return error_response(403, "readings come from operators");
    const kw::Result<ReadingBatch> batch =
        parse_readings(request.body, service_.clock().now_slot());
    if (!batch.ok()) return error_response(batch.error());
    std::string columns[4] = {"{", "{", "{", "{"};
    for (const auto& [key, reading] : *batch) {
        const char* comma = columns[0].size() > 1 ? "," : "";
        columns[0] += comma + key.first;
        columns[1] += fmt::format("{}{}", comma, key.second);
        columns[2] += fmt::format("{}{:.3f}", comma, reading.demand_mw);
        columns[3] += fmt::format("{}{}", comma, reading.revision);
    }
    for (std::string& column : columns) column += "}";
    const auto stored = database_.query(
        "insert_actuals",
        "INSERT INTO load_actual (zone, slot, demand_mw, revision, arrived_at) SELECT *, "
        "$5::bigint FROM unnest($1::text[], "
        "$2::bigint[], $3::float8[], $4::int[]) ON CONFLICT (zone, slot) DO UPDATE SET demand_mw = "
        "excluded.demand_mw, "
        "revision = excluded.revision, arrived_at = excluded.arrived_at WHERE load_actual.revision "
        "< excluded.revision",
        {columns[0], columns[1], columns[2], columns[3], std::to_string(service_.clock().now_s())});
    if (!stored.ok()) return error_response(stored.error());
    for (const auto& [key, reading] : *batch) {
        received_.with({reading.revision == 0 ? "first" : "revised"}).increment();
        newest_.with({key.first})
            .set(std::max(newest_.with({key.first}).value(),
                          static_cast<double>(key.second * kSlotSeconds)));
        if (reading.revision > 0) continue;
        if (const kw::Result<void> scored = score(key.first, key.second, reading.demand_mw);
            !scored.ok())
            service_.log(kilowatch::LogLevel::kWarning, "forecast not scored",
                         {{"reason", scored.error().message}});
    }
    return {200, "application/json", fmt::format(R"({{"accepted":{}}})", batch->size()), {}};
}

kw::Result<void> ActualsDesk::score(const std::string& zone, Slot slot, double actual_mw) {
    if (actual_mw <= 0) return {};
    KW_TRY_ASSIGN(
        const Rows rows,
        database_.query(
            "select_scored",
            "SELECT target - issued, mean_mw FROM forecast WHERE zone = $1 AND target = $2",
            {zone, std::to_string(slot)}));
    const std::scoped_lock lock(mutex_);
    for (const Horizon& horizon : kHorizons) {
        double sum = 0;
        int count = 0;
        for (const Row& row : rows) {
            const int64_t step = integer(row[0]);
            if (step < horizon.from || step > horizon.to) continue;
            sum += std::abs(real(row[1]) - actual_mw) / actual_mw;
            ++count;
        }
        if (count == 0) continue;
        std::deque<double>& errors = errors_[{zone, std::string(horizon.name)}];
        errors.push_back(sum / count);
        if (errors.size() > kErrorsKept) errors.pop_front();
        double total = 0;
        for (const double error : errors) total += error;
        accuracy_.with({"load", zone, horizon.name})
            .set(std::max(0.0, 100 - 100 * total / static_cast<double>(errors.size())));
    }
    return {};
}

}  // namespace energy
