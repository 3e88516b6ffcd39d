// The `incidents` block → what holds for incidents.
#pragma once

#include <memory>

#include "app/config/schema.h"
#include "base/result.h"

namespace kw::incidents {
struct Settings;
}

namespace kw::app {

// `section` null: nothing was written, the defaults. Errors: kInvalid, with its place.
Result<std::shared_ptr<const incidents::Settings>> read_incidents(const Section* section);

}  // namespace kw::app
