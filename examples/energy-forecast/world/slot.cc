#include "world/slot.h"

#include <chrono>

namespace energy {

int64_t SimClock::now_s() const {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return seconds_at(std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
}

}  // namespace energy
