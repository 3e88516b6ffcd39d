// One sample of a stack, as the signal handler writes it.
//
//   word 0      how many periods of CPU time it stands for
//   words 1, 2  the trace id of the current span, zero without one
//   then        frames, innermost first: an address, or with kScopeBit set the address of a
//   scope's name
#pragma once

#include <cstdint>

namespace kilowatch {

inline constexpr int kFramesMax = 64;
inline constexpr int kSampleHead = 3;
inline constexpr uint64_t kScopeBit = uint64_t{1} << 63;  // no address of a user has it

}  // namespace kilowatch
