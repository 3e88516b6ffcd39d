#include "platform/bodies.h"

#include <limits>
#include <nlohmann/json.hpp>

#include "world/zone.h"

namespace energy {
namespace {

using nlohmann::json;

constexpr size_t kReadingsMax = 1000;
constexpr double kDemandMax = 1e6;
constexpr Slot kSlotMax = 10'000'000;  // the year 2540
constexpr size_t kHistoryMax = 4 * kHistorySlots;
constexpr size_t kForecastMax = 10 * kSlotsPerDay;

kw::Result<std::vector<float>> floats(const json& in, const char* key, size_t count_max) {
    const json& array = in.at(key);
    if (!array.is_array()) return kw::invalid("{}: want a list", key);
    if (array.size() > count_max) return kw::invalid("{}: over {} half-hours", key, count_max);
    std::vector<float> values;
    values.reserve(array.size());
    for (const json& value : array)
        values.push_back(value.is_null() ? std::numeric_limits<float>::quiet_NaN()
                                         : value.get<float>());
    return values;
}

// Runs `parse` on the body's document; what the library throws becomes an error.
template <typename Parse>
auto parsed(const std::string& body, const Parse& parse) -> decltype(parse(json())) {
    try {
        return parse(json::parse(body));
    } catch (const json::exception& error) {
        return kw::invalid("body: {}", error.what());
    }
}

}  // namespace

// What the library says quotes the text, and a password may stand in it.
kw::Result<LoginBody> parse_login(const std::string& body) {
    LoginBody login;
    try {
        const json in = json::parse(body);
        in.at("user").get_to(login.user);
        in.at("password").get_to(login.password);
    } catch (const json::exception&) {
        return kw::invalid(R"(want {{"user": ..., "password": ...}})");
    }
    if (login.user.empty() || login.user.size() > 100 || login.password.size() > 200)
        return kw::invalid("user: want 1 to 100 bytes, password: at most 200");
    return login;
}

kw::Result<ReadingBatch> parse_readings(const std::string& body, Slot now) {
    return parsed(body, [now](const json& in) -> kw::Result<ReadingBatch> {
        const json& list = in.at("readings");
        if (!list.is_array() || list.empty() || list.size() > kReadingsMax)
            return kw::invalid("readings: want a list of 1 to {}", kReadingsMax);
        ReadingBatch batch;
        for (const json& reading : list) {
            const std::string zone = reading.at("zone");
            const Slot slot = reading.at("slot").get<Slot>();
            const IncomingReading incoming{reading.at("demand_mw").get<double>(),
                                           reading.value("revision", 0)};
            if (!zone_index(zone)) return kw::invalid("zone '{}' is unknown", zone.substr(0, 40));
            if (slot < 0 || slot >= now) return kw::invalid("slot {}: is not in the past", slot);
            if (!(incoming.demand_mw >= 0 && incoming.demand_mw <= kDemandMax))
                return kw::invalid("demand_mw {}: want 0 to {}", incoming.demand_mw, kDemandMax);
            if (incoming.revision < 0 || incoming.revision > 100)
                return kw::invalid("revision {}: want 0 to 100", incoming.revision);
            IncomingReading& kept = batch.try_emplace({zone, slot}, incoming).first->second;
            if (incoming.revision > kept.revision) kept = incoming;
        }
        return batch;
    });
}

kw::Result<PredictBody> parse_predict(const std::string& body) {
    return parsed(body, [](const json& in) -> kw::Result<PredictBody> {
        PredictBody request;
        const std::optional<size_t> zone = zone_index(in.at("zone").get<std::string>());
        if (!zone) return kw::invalid("there is no such zone");
        request.history.zone = *zone;
        in.at("issued").get_to(request.issued);
        in.at("first").get_to(request.history.first);
        if (request.issued < 0 || request.issued > kSlotMax || request.history.first < 0 ||
            request.history.first > kSlotMax)
            return kw::invalid("issued and first: want 0 to {}", kSlotMax);
        KW_TRY_ASSIGN(request.history.load_mw, floats(in, "load", kHistoryMax));
        KW_TRY_ASSIGN(request.history.temperature_c, floats(in, "temperature", kHistoryMax));
        KW_TRY_ASSIGN(request.temperatures_c, floats(in, "forecast", kForecastMax));
        return request;
    });
}

}  // namespace energy
