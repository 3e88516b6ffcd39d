// Which build this is: what `kilowatch version`, /api/v1/status/buildinfo and kilowatch_build_info tell.
#pragma once

#include <string_view>

namespace kw::app {

struct BuildInfo {
    std::string_view version;   // "0.1.0"
    std::string_view revision;  // of the source; "unknown" outside a git checkout
    std::string_view compiler;  // "clang 19.1.7"
};

const BuildInfo& build_info();

}  // namespace kw::app
