// The SDK's version, as CMakeLists.txt has it.
#pragma once

namespace kilowatch {

inline constexpr const char* kVersion = KW_SDK_VERSION;

}  // namespace kilowatch
