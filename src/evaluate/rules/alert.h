// Alerts as values: what a rule says of one label set, and the sink that carries it to whoever notifies.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.h"
#include "model/labels.h"

namespace kw::rules {

enum class AlertState : unsigned char { kInactive, kPending, kFiring };
std::string_view alert_state_text(AlertState state);  // "inactive", "pending", "firing"

struct Alert {
    LabelSet labels;  // with alertname, and the rule's labels expanded
    std::vector<std::pair<std::string, std::string>> annotations;  // expanded, sorted by name
    AlertState state = AlertState::kPending;
    double value = 0;
    Millis active_at;
    std::optional<Millis> fired_at;
    std::optional<Millis> keep_firing_since;
    std::optional<Millis> resolved_at;
    std::optional<Millis> last_sent_at;
    Millis valid_until;  // when a receiver that hears no more may take it for resolved
    bool is_no_data =
        false;  // its series have no data: resolved (or kept, or fired) for that reason
};

// The value as Prometheus' API writes it: "1e+00".
std::string alert_value_text(double value);

// What is told of alerts: firing ones again and again, resolved ones for a quarter of an hour.
class AlertSink {
 public:
    virtual ~AlertSink() = default;
    // `expr` is the rule's expression. Called from the evaluating thread: hands over and returns.
    virtual void send(std::string_view expr, std::span<const Alert> alerts) = 0;
};

}  // namespace kw::rules
