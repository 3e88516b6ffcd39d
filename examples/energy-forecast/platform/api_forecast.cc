#include <fmt/core.h>

#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "platform/api.h"

namespace energy {
namespace {

using nlohmann::json;
constexpr Slot kStaleSlots = 12;  // a forecast of the last six hours is better than none

std::string cache_key(size_t zone, Slot issued) {
    return fmt::format("forecast:{}:{}", zones()[zone].name, issued);
}

std::optional<int> parse_horizon(const std::string& text) {
    int value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || value < 1 || value > kSteps)
        return std::nullopt;
    return value;
}

}  // namespace

ForecastDesk::ForecastDesk(Service& service, Database& database, Cache& cache,
                           const WeatherFeed& weather, int model_port)
    : service_(service),
      database_(database),
      cache_(cache),
      weather_(weather),
      model_("127.0.0.1", model_port, std::chrono::milliseconds(3000)),
      model_probe_("127.0.0.1", model_port, std::chrono::milliseconds(1000)),
      zone_mutexes_(zones().size()),
      sources_(service.metrics().counter_family("forecasts_served_total",
                                                "Forecasts by where they came from.", {"source"})) {
    for (const std::string_view source : {"cache", "database", "model", "stale"})
        sources_.with({source});
}

bool ForecastDesk::model_alive() {
    const kw::Result<HttpResponse> answer = model_probe_.call("GET", "/health");
    return answer.ok() && answer->status == 200;
}

std::string ForecastDesk::to_text(const Forecast& forecast) {
    json points = json::array();
    for (const auto& [mean, low, high] : forecast.points) points.push_back({mean, low, high});
    return json{{"model_version", forecast.model_version},
                {"data_version", forecast.data_version},
                {"issued", forecast.issued},
                {"points", points}}
        .dump();
}

std::optional<ForecastDesk::Forecast> ForecastDesk::from_cache(size_t zone, Slot issued) {
    const std::optional<std::string> text = cache_.get(cache_key(zone, issued));
    if (!text) return std::nullopt;
    try {
        const json in = json::parse(*text);
        Forecast forecast{in.at("model_version"), in.at("data_version"), in.at("issued"),
                          in.at("points"), false};
        if (forecast.points.size() == kSteps) return forecast;
    } catch (const json::exception& error) {
        service_.log(kilowatch::LogLevel::kWarning, "the cache holds something else",
                     {{"reason", error.what()}});
    }
    return std::nullopt;
}

kw::Result<std::optional<ForecastDesk::Forecast>> ForecastDesk::from_database(size_t zone,
                                                                              Slot from, Slot to) {
    KW_TRY_ASSIGN(const Rows rows,
                  database_.query(
                      "select_forecast",
                      "SELECT issued, target, mean_mw, low_mw, high_mw, model_version, "
                      "data_version FROM forecast "
                      "WHERE zone = $1 AND issued = (SELECT max(issued) FROM forecast WHERE zone = "
                      "$1 AND issued "
                      "BETWEEN $2 AND $3) ORDER BY target",
                      {std::string(zones()[zone].name), std::to_string(from), std::to_string(to)}));
    if (rows.size() != kSteps) return std::optional<Forecast>();
    Forecast forecast;
    forecast.issued = integer(rows[0][0]);
    forecast.model_version = rows[0][5].value_or("");
    forecast.data_version = rows[0][6].value_or("");
    for (const Row& row : rows)
        forecast.points.push_back({real(row[2]), real(row[3]), real(row[4])});
    return std::optional(std::move(forecast));
}

kw::Result<ForecastDesk::Forecast> ForecastDesk::from_model(size_t zone, Slot issued) {
    KW_TRY_ASSIGN(const std::vector<float> weather, weather_.forecast(zone, issued));
    const Slot first = issued - kHistorySlots;
    const std::string name(zones()[zone].name);
    KW_TRY_ASSIGN(
        const Rows rows,
        database_.query("select_history",
                        "SELECT w.slot, a.demand_mw, w.temperature_c FROM weather_observation w "
                        "LEFT JOIN load_actual a "
                        "USING (zone, slot) WHERE w.zone = $1 AND w.slot >= $2 AND w.slot < $3",
                        {name, std::to_string(first), std::to_string(issued)}));
    json load = json::array(), temperature = json::array();
    for (Slot i = 0; i < kHistorySlots; ++i) {
        load.push_back(nullptr);
        temperature.push_back(nullptr);
    }
    for (const Row& row : rows) {
        const auto at = static_cast<size_t>(integer(row[0]) - first);
        if (row[1]) load[at] = real(row[1]);
        temperature[at] = real(row[2]);
    }
    const std::string body = json{
        {"zone", name},
        {"issued", issued},
        {"first", first},
        {"load", std::move(load)},
        {"temperature", std::move(temperature)},
        {"forecast", weather}}.dump();
    KW_TRY_ASSIGN(const HttpResponse answer,
                  service_.call(model_, "model-service", "POST", "/predict", body));
    if (answer.status != 200) return kw::unavailable("the model service answers {}", answer.status);
    Forecast forecast;
    forecast.issued = issued;
    try {
        const json in = json::parse(answer.body);
        in.at("model_version").get_to(forecast.model_version);
        in.at("data_version").get_to(forecast.data_version);
        for (const json& point : in.at("points"))
            forecast.points.push_back(
                {point.at("mean_mw"), point.at("low_mw"), point.at("high_mw")});
    } catch (const json::exception& error) {
        return kw::unavailable("the model service answers something else: {}", error.what());
    }
    if (forecast.points.size() != kSteps)
        return kw::unavailable("the model gave {} half-hours", forecast.points.size());
    return forecast;
}

void ForecastDesk::store(size_t zone, const Forecast& forecast) {
    std::string columns[3] = {"{", "{", "{"};
    for (size_t i = 0; i < forecast.points.size(); ++i)
        for (size_t c = 0; c < 3; ++c)
            columns[c] += fmt::format("{}{:.1f}", i == 0 ? "" : ",", forecast.points[i][c]);
    for (std::string& column : columns) column += "}";
    const auto stored = database_.query(
        "insert_forecast",
        "INSERT INTO forecast (zone, issued, target, mean_mw, low_mw, high_mw, model_version, "
        "data_version) SELECT $1, "
        "$2::bigint, $2::bigint + t.n, t.mean, t.low, t.high, $6, $7 FROM unnest($3::float8[], "
        "$4::float8[], $5::float8[]) "
        "WITH ORDINALITY AS t(mean, low, high, n) ON CONFLICT DO NOTHING",
        {std::string(zones()[zone].name), std::to_string(forecast.issued), columns[0], columns[1],
         columns[2], forecast.model_version, forecast.data_version});
    if (!stored.ok())
        service_.log(kilowatch::LogLevel::kError, "forecast not stored",
                     {{"reason", stored.error().message}});
}

kw::Result<ForecastDesk::Forecast> ForecastDesk::find(size_t zone, Slot issued,
                                                      const char*& source) {
    // A cached forecast serves until the half-hour ends; the key names the half-hour, the life time only frees memory.
    const double speed = std::max(1.0, service_.clock().speed);
    const std::chrono::seconds lifetime(1 + static_cast<int64_t>(std::ceil(kSlotSeconds / speed)));
    source = "cache";
    if (std::optional<Forecast> cached = from_cache(zone, issued)) return std::move(*cached);
    const std::scoped_lock lock(zone_mutexes_[zone]);
    source = "database";
    KW_TRY_ASSIGN(std::optional<Forecast> kept, from_database(zone, issued, issued));
    if (kept) {
        cache_.set(cache_key(zone, issued), to_text(*kept), lifetime);
        return std::move(*kept);
    }
    source = "model";
    kw::Result<Forecast> fresh = from_model(zone, issued);
    if (fresh.ok()) {
        store(zone, *fresh);
        cache_.set(cache_key(zone, issued), to_text(*fresh), lifetime);
        return fresh;
    }
    service_.log(kilowatch::LogLevel::kError, "no inference",
                 {{"zone", zones()[zone].name}, {"reason", fresh.error().message}});
    source = "stale";
    KW_TRY_ASSIGN(std::optional<Forecast> older,
                  from_database(zone, issued - kStaleSlots, issued - 1));
    if (!older) return fresh;
    older->stale = true;
    older->points.erase(older->points.begin(), older->points.begin() + (issued - older->issued));
    older->issued = issued;
    return std::move(*older);
}

HttpResponse ForecastDesk::answer(const HttpRequest& request, kilowatch::ScopedSpan& span) {
    const std::string zone = request.query_or("zone", "");
    const std::optional<size_t> index = zone_index(zone);
    if (!index) return unknown_zone(zone);
    const std::optional<int> horizon = parse_horizon(request.query_or("horizon", "48"));
    if (!horizon) return error_response(400, "horizon: want a number of half-hours from 1 to 48");
    const Slot issued = service_.clock().now_slot();
    const char* source = "";
    const kw::Result<Forecast> found = find(*index, issued, source);
    if (!found.ok()) return error_response(503, found.error().message);
    sources_.with({source}).increment();
    service_.set_versions(found->model_version, found->data_version);
    span.set_tags(service_.version_tags());
    span->set_attribute("forecast.source", source);
    std::string points;
    for (size_t i = 0; i < static_cast<size_t>(*horizon) && i < found->points.size(); ++i) {
        const auto& [mean, low, high] = found->points[i];
        points += fmt::format(
            R"({}{{"time":"{}","mean_mw":{:.1f},"p10_mw":{:.1f},"p90_mw":{:.1f}}})",
            i == 0 ? "" : ",", format_utc((issued + 1 + static_cast<Slot>(i)) * kSlotSeconds), mean,
            low, high);
    }
    return {
        200,
        "application/json",
        fmt::format(
            R"({{"zone":"{}","issued":"{}","model_version":{},"data_version":{},"source":"{}","stale":{},"points":[{}]}})",
            zone, format_utc(issued * kSlotSeconds), json_text(found->model_version),
            json_text(found->data_version), source, found->stale, points),
        {{"X-Model-Version", found->model_version},
         {"X-Data-Version", found->data_version},
         {"X-Forecast-Source", source}}};
}

}  // namespace energy
