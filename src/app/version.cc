#include "app/version.h"

namespace kw::app {

const BuildInfo& build_info() {
    static constexpr BuildInfo kInfo{KW_VERSION, KW_REVISION, KW_COMPILER};
    return kInfo;
}

}  // namespace kw::app
