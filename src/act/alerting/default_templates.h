// The templates that receivers' defaults name ("slack.default.title"), and that a user's files may redefine.
// Source: https://prometheus.io/docs/alerting/latest/notification_examples/
#pragma once

#include <string_view>

namespace kw::alerting {

std::string_view default_templates();

}  // namespace kw::alerting
