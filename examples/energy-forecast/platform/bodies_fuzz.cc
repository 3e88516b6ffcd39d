// Any bytes as the body of a request: refused with a reason, or values within their bounds.
#include <cmath>
#include <cstdint>

#include "base/check.h"
#include "platform/bodies.h"
#include "world/zone.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace energy;
    constexpr Slot kNow = 1'000'000;
    const std::string body(reinterpret_cast<const char*>(data), size);
    if (const auto login = parse_login(body); login.ok()) {
        KW_CHECK_FATAL(!login->user.empty() && login->user.size() <= 100);
        KW_CHECK_FATAL(login->password.size() <= 200);
    }
    if (const auto batch = parse_readings(body, kNow); batch.ok()) {
        KW_CHECK_FATAL(!batch->empty() && batch->size() <= 1000);
        for (const auto& [key, reading] : *batch) {
            KW_CHECK_FATAL(zone_index(key.first).has_value());
            KW_CHECK_FATAL(key.second >= 0 && key.second < kNow);
            KW_CHECK_FATAL(std::isfinite(reading.demand_mw) && reading.demand_mw >= 0);
        }
    }
    if (const auto request = parse_predict(body); request.ok()) {
        KW_CHECK_FATAL(request->history.zone < zones().size());
        KW_CHECK_FATAL(request->history.load_mw.size() <= 4 * kHistorySlots);
        // What is accepted can be asked for, at any slot.
        const FeatureRow row = feature_row(request->history, request->issued, 1, 20);
        KW_CHECK_FATAL(row.size() == kFeatureCount);
    }
    return 0;
}
