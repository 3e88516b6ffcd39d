// What comes to the platform as JSON in the bodies of requests: bytes to checked values, for the API (logins,
// readings) and the model service (what to forecast). Bodies have at most 1 MiB (http.h).
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "forecast/features.h"
#include "world/slot.h"

namespace energy {

struct LoginBody {
    std::string user;  // 1 to 100 bytes
    std::string password;
};
// {"user","password"}. Errors: kInvalid.
kw::Result<LoginBody> parse_login(const std::string& body);

struct IncomingReading {
    double demand_mw = 0;  // 0 to 1e6
    int revision = 0;      // 0 to 100
};
// By zone's name and slot: of several the newest revision.
using ReadingBatch = std::map<std::pair<std::string, Slot>, IncomingReading>;
// {"readings":[{"zone","slot","demand_mw","revision"},…]}, 1 to 1000 of slots before `now`. Errors: kInvalid.
kw::Result<ReadingBatch> parse_readings(const std::string& body, Slot now);

struct PredictBody {
    History history;  // its scale is the model's affair
    Slot issued = 0;
    std::vector<float> temperatures_c;  // NaN: not known
};
// {"zone","issued","first","load":[…|null],"temperature":[…|null],"forecast":[…|null]}. Errors: kInvalid.
kw::Result<PredictBody> parse_predict(const std::string& body);

}  // namespace energy
