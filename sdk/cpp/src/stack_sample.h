// One sample of a stack, as the signal handler writes it.
//
//   word 0      how many periods of CPU time it stands for
//   words 1, 2  the trace id of the current span, zero without one
//   then        frames, innermost first: an address; or two words for a scope: the address of its
//               name with kScopeBit, and an address within the function that has it with kOwnerBit:
//               where that function's own frame is not to be seen from a callee that has no frame
//               pointer (sin() of Debian's libm), it is known all the same.
#pragma once

#include <cstdint>

namespace kilowatch {

inline constexpr int kFramesMax = 64;
inline constexpr int kSampleHead = 3;
// No address of a user's code has these.
inline constexpr uint64_t kScopeBit = uint64_t{1} << 63;
inline constexpr uint64_t kOwnerBit = uint64_t{1} << 62;

}  // namespace kilowatch
