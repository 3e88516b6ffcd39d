// What notification templates work on: the data of a group, as Alertmanager's templates see it.
// Source: https://prometheus.io/docs/alerting/latest/notifications/
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "alerting/alert.h"
#include "alerting/notification.h"
#include "templates/template.h"

namespace kw::alerting {

// Labels that all of `alerts` have alike.
LabelSet common_labels(std::span<const AlertPtr> alerts);
Annotations common_annotations(std::span<const AlertPtr> alerts);

// "firing" as soon as one of them fires at `now`.
std::string_view status_of(std::span<const AlertPtr> alerts, Millis now);
// Whether all are resolved, and none of them recovered: their series have no data.
bool is_no_data(std::span<const AlertPtr> alerts, Millis now);

// `alerts` are those of `notification` that the receiver is told of.
templates::Value template_data(const Notification& notification, const Receiver& receiver,
                               std::span<const AlertPtr> alerts, std::string_view external_url);

// The functions of Alertmanager's templates, beside Go's. `since` counts to `now`.
templates::Functions notify_functions(Millis now);

// "2024-05-01T10:00:00.25Z"; of a firing alert's end "0001-01-01T00:00:00Z".
std::string rfc3339(Millis time);
inline constexpr Millis kZeroTime{-62'135'596'800'000};

}  // namespace kw::alerting
