// What others tell of trouble, as alerts: the webhook of Alertmanager and of Grafana (a list `alerts`), or one
// plain object {"title", "severity", "service", "zone", "key", "status", "text", "url"}.
// Source: https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "model/labels.h"

namespace kw::incidents {

// An alert that somebody told of.
struct SeenAlert {
    LabelSet labels;
    std::string summary;
    std::string link;
    Millis starts_at;
    std::optional<Millis> ended_at;  // nullopt: it fires
    bool is_no_data = false;
    bool is_external = false;
};

inline constexpr size_t kWebhookBytesMax = 1 << 20;
inline constexpr size_t kWebhookAlertsMax = 1000;

// `now` stands for times that are not told. Errors: kInvalid, naming the member; kExhausted.
Result<std::vector<SeenAlert>> parse_webhook(std::string_view body, Millis now);

// 2026-01-02T03:04:05.678Z, or with an offset. nullopt: it is no time.
std::optional<Millis> parse_rfc3339(std::string_view text);

}  // namespace kw::incidents
