#include "platform/bodies.h"

#include <cmath>
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

// The library converts numbers without a look at their range.
kw::Result<int64_t> whole(const json& value, const char* what, int64_t max) {
    if (!value.is_number_integer() ||
        (value.is_number_unsigned() && value.get<uint64_t>() > INT64_MAX))
        return kw::invalid("{}: want a whole number", what);
    const int64_t number = value.get<int64_t>();
    if (number < 0 || number > max) return kw::invalid("{} {}: want 0 to {}", what, number, max);
    return number;
}

kw::Result<std::vector<float>> floats(const json& in, const char* key, size_t count_max) {
    const json& array = in.at(key);
    if (!array.is_array()) return kw::invalid("{}: want a list", key);
    if (array.size() > count_max) return kw::invalid("{}: over {} half-hours", key, count_max);
    std::vector<float> values;
    values.reserve(array.size());
    for (const json& value : array) {
        if (value.is_null()) {
            values.push_back(std::numeric_limits<float>::quiet_NaN());
            continue;
        }
        const double number = value.get<double>();
        if (!(std::abs(number) <= kDemandMax))
            return kw::invalid("{}: {} is out of range", key, number);
        values.push_back(static_cast<float>(number));
    }
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
            if (!zone_index(zone)) return kw::invalid("zone '{}' is unknown", zone.substr(0, 40));
            KW_TRY_ASSIGN(const Slot slot, whole(reading.at("slot"), "slot", kSlotMax));
            if (slot >= now) return kw::invalid("slot {}: is not in the past", slot);
            IncomingReading incoming;
            reading.at("demand_mw").get_to(incoming.demand_mw);
            if (!(incoming.demand_mw >= 0 && incoming.demand_mw <= kDemandMax))
                return kw::invalid("demand_mw {}: want 0 to {}", incoming.demand_mw, kDemandMax);
            if (reading.contains("revision")) {
                KW_TRY_ASSIGN(const int64_t revision, whole(reading["revision"], "revision", 100));
                incoming.revision = static_cast<int>(revision);
            }
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
        KW_TRY_ASSIGN(request.issued, whole(in.at("issued"), "issued", kSlotMax));
        KW_TRY_ASSIGN(request.history.first, whole(in.at("first"), "first", kSlotMax));
        KW_TRY_ASSIGN(request.history.load_mw, floats(in, "load", kHistoryMax));
        KW_TRY_ASSIGN(request.history.temperature_c, floats(in, "temperature", kHistoryMax));
        KW_TRY_ASSIGN(request.temperatures_c, floats(in, "forecast", kForecastMax));
        return request;
    });
}

}  // namespace energy
