// The `notifications` block: a fall-back receiver and a dead-man's switch, which alertmanager.yml knows nothing of.
#pragma once

#include <string>
#include <string_view>

#include "app/config/schema.h"
#include "base/result.h"

namespace kw::app {

struct Config;

struct NotificationOptions {
    std::string fallback_receiver;   // empty: nobody is told of what another could not be
    std::string heartbeat_receiver;  // empty: there is none
    int64_t heartbeat_interval_ms = 0;
    // Where the two receivers stand, for errors.
    std::string file;
    int fallback_line = 0;
    int heartbeat_line = 0;
};

NotificationOptions read_notifications(const Section& section);

// Puts them into the settings of `config.alertmanager`, which is there. Warns of a receiver that tells nobody.
// Errors: kInvalid, with its place, when it has no receiver of the name.
Result<void> add_notifications(Config& config);

}  // namespace kw::app
