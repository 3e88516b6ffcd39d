// An alert as the Alertmanager side knows it: what somebody reported of one label set, from when to when.
//
//   rules, POST /api/v2/alerts ──Alert──▶ store ─▶ dispatcher ──Notification──▶ notifiers
//
// Two reports of one label set are one alert (merged where their times overlap). A stored alert always has
// an end: one whose sender named none ends a resolve_timeout after its last report (`ends_by_timeout`).
// Source: Alertmanager's alert model, https://prometheus.io/docs/alerting/latest/alerts_api/
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"
#include "model/labels.h"

namespace kw::alerting {

// Sorted by name; a value may be empty, unlike a label's.
using Annotations = std::vector<std::pair<std::string, std::string>>;

struct Alert {
    LabelSet labels;
    Annotations annotations;
    Millis starts_at;
    Millis ends_at;     // resolved from this instant on
    Millis updated_at;  // when it was last reported
    std::string generator_url;
    bool ends_by_timeout = false;
    bool is_no_data = false;  // resolved because its series have no data: not the same as recovered

    bool is_resolved_at(Millis now) const { return ends_at <= now; }
    bool operator==(const Alert&) const = default;
};

using AlertPtr = std::shared_ptr<const Alert>;

// FNV-1a of names and values, a 0xff byte after each: the identity that Alertmanager's API and templates
// show.
uint64_t fingerprint(const LabelSet& labels);
// Sixteen hexadecimal digits.
std::string fingerprint_text(uint64_t fingerprint);
std::string fingerprint_text(const LabelSet& labels);

// Of both: where times overlap the later report says what it says, and the alert reaches from the earlier
// start to the later end. Precondition: equal labels.
Alert merge_alerts(const Alert& older, const Alert& newer);
// Whether the times of the two touch, so that they are one alert.
bool alerts_overlap(const Alert& a, const Alert& b);

// The order in which notifications list alerts: by job, then by instance, then by all labels.
bool comes_before(const Alert& a, const Alert& b);

}  // namespace kw::alerting
