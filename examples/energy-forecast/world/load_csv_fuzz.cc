// Any bytes as a CSV of load: refused with a line, or two weeks and more of finite numbers that a world can play. The
// corpus has a good fortnight, which mutations alone would not find.
#include <cmath>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "world/world.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace energy;
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    auto series = parse_load_csv(bytes);
    if (!series.ok()) return 0;
    KW_CHECK_FATAL(series->demand_mw.size() == series->temperature_c.size());
    KW_CHECK_FATAL(series->demand_mw.size() >= 14 * kSlotsPerDay);
    const Slot first = series->first;
    World world(1);
    world.replace_zone(0, std::move(series).value());
    for (const Slot slot : {first - 1, first, first + 1'000'000}) {
        KW_CHECK_FATAL(std::isfinite(world.demand_mw(0, slot)));
        KW_CHECK_FATAL(std::isfinite(world.temperature_c(0, slot)));
    }
    return 0;
}
