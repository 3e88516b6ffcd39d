#include "incidents/webhook.h"

#include <simdjson.h>

#include <algorithm>
#include <chrono>

#include "incidents/incident.h"

namespace kw::incidents {
namespace {

using simdjson::dom::array;
using simdjson::dom::element;
using simdjson::dom::object;

constexpr Millis kNoTime{-62'135'596'800'000};  // Go's zero time: none was told

// "" when it is not there.
Result<std::string> text_member(element from, const char* key, size_t bytes_max) {
    const auto found = from[key];
    if (found.error() == simdjson::NO_SUCH_FIELD || found.value_unsafe().is_null()) {
        return std::string();
    }
    std::string_view text;
    if (found.get(text) != simdjson::SUCCESS) return invalid("{} is no text", key);
    if (text.size() > bytes_max) {
        return exhausted("{} has {} bytes, at most {} are read", key, text.size(), bytes_max);
    }
    return std::string(text);
}

// nullopt: not told.
Result<std::optional<Millis>> time_member(element from, const char* key) {
    KW_TRY_ASSIGN(const std::string text, text_member(from, key, kWordBytesMax));
    if (text.empty()) return std::optional<Millis>();
    const std::optional<Millis> time = parse_rfc3339(text);
    if (!time) return invalid("{} {} is no time of RFC 3339", key, kw::quoted(text));
    return *time <= kNoTime ? std::optional<Millis>() : time;
}

Result<LabelSet> labels_member(element from, const char* key) {
    object members;
    const auto found = from[key];
    if (found.error() == simdjson::NO_SUCH_FIELD) return LabelSet();
    if (found.get(members) != simdjson::SUCCESS) return invalid("{} is no object", key);
    LabelBuilder builder;
    for (const auto member : members) {
        std::string_view value;
        if (member.value.get(value) != simdjson::SUCCESS) {
            return invalid("{}.{} is no text", key, member.key);
        }
        if (member.key.empty() || member.key.size() + value.size() > kTextBytesMax) {
            return invalid("{} has a member without a name, or one over {} bytes", key,
                           kTextBytesMax);
        }
        builder.set(member.key, value);
    }
    return builder.build();
}

// Whether `status` says that it is over. Errors: another word than the two.
Result<bool> is_resolved(element from) {
    KW_TRY_ASSIGN(const std::string status, text_member(from, "status", kWordBytesMax));
    if (status == "resolved") return true;
    if (status.empty() || status == "firing") return false;
    return invalid("status {} is neither firing nor resolved", kw::quoted(status));
}

Result<SeenAlert> read_alert(element from, Millis now) {
    if (!from.is_object()) return invalid("is no object");
    SeenAlert alert;
    KW_TRY_ASSIGN(alert.labels, labels_member(from, "labels"));
    if (alert.labels.empty()) return invalid("labels is empty");
    KW_TRY_ASSIGN(const LabelSet annotations, labels_member(from, "annotations"));
    alert.summary = std::string(annotations.get("summary"));
    if (alert.summary.empty()) alert.summary = std::string(annotations.get("description"));
    KW_TRY_ASSIGN(alert.link, text_member(from, "generatorURL", kTextBytesMax));
    KW_TRY_ASSIGN(const std::optional<Millis> starts_at, time_member(from, "startsAt"));
    alert.starts_at = std::min(starts_at.value_or(now), now);
    KW_TRY_ASSIGN(const bool is_over, is_resolved(from));
    if (is_over) {
        KW_TRY_ASSIGN(const std::optional<Millis> ended_at, time_member(from, "endsAt"));
        alert.ended_at = std::min(ended_at.value_or(now), now);
    }
    alert.is_external = true;
    return alert;
}

Result<SeenAlert> read_plain(element from, Millis now) {
    KW_TRY_ASSIGN(const std::string title, text_member(from, "title", kWordBytesMax));
    if (title.empty()) {
        return invalid("the body has neither alerts, as Alertmanager and Grafana send, nor title");
    }
    SeenAlert alert;
    LabelBuilder labels;
    labels.set("alertname", title);
    for (const char* const key : {"severity", "service", "zone", "key"}) {
        KW_TRY_ASSIGN(const std::string value, text_member(from, key, kWordBytesMax));
        labels.set(key, value);
    }
    alert.labels = labels.build();
    KW_TRY_ASSIGN(alert.summary, text_member(from, "text", kTextBytesMax));
    KW_TRY_ASSIGN(alert.link, text_member(from, "url", kTextBytesMax));
    alert.starts_at = now;
    KW_TRY_ASSIGN(const bool is_over, is_resolved(from));
    if (is_over) alert.ended_at = now;
    alert.is_external = true;
    return alert;
}

}  // namespace

std::optional<Millis> parse_rfc3339(std::string_view text) {
    // 2026-01-02T03:04:05
    constexpr std::string_view kShape = "dddd-dd-ddTdd:dd:dd";
    if (text.size() <= kShape.size()) return std::nullopt;
    for (size_t i = 0; i < kShape.size(); ++i) {
        const bool is_digit = text[i] >= '0' && text[i] <= '9';
        if (kShape[i] == 'd' ? !is_digit : text[i] != kShape[i]) return std::nullopt;
    }
    const auto number = [&](size_t at, size_t length) {
        int value = 0;
        for (const char c : text.substr(at, length)) value = value * 10 + (c - '0');
        return value;
    };
    const std::chrono::year_month_day date{std::chrono::year(number(0, 4)),
                                           std::chrono::month(static_cast<unsigned>(number(5, 2))),
                                           std::chrono::day(static_cast<unsigned>(number(8, 2)))};
    const int hour = number(11, 2);
    const int minute = number(14, 2);
    const int second = number(17, 2);
    if (!date.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
    const int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
    int64_t ms = ((days * 24 + hour) * 60 + minute) * 60'000 + second * 1000;
    std::string_view rest = text.substr(kShape.size());
    if (rest.starts_with('.')) {
        rest.remove_prefix(1);
        int64_t unit = 100;
        size_t digits = 0;
        for (; digits < rest.size() && rest[digits] >= '0' && rest[digits] <= '9'; ++digits) {
            ms += unit * (rest[digits] - '0');
            unit /= 10;
        }
        if (digits == 0) return std::nullopt;
        rest.remove_prefix(digits);
    }
    if (rest == "Z" || rest == "z") return Millis{ms};
    if (rest.size() != 6 || (rest[0] != '+' && rest[0] != '-') || rest[3] != ':') {
        return std::nullopt;
    }
    for (const size_t i : {1U, 2U, 4U, 5U}) {
        if (rest[i] < '0' || rest[i] > '9') return std::nullopt;
    }
    const int64_t offset_ms = ((rest[1] - '0') * 10 + (rest[2] - '0')) * 3'600'000LL +
                              ((rest[4] - '0') * 10 + (rest[5] - '0')) * 60'000LL;
    return Millis{rest[0] == '+' ? ms - offset_ms : ms + offset_ms};
}

Result<std::vector<SeenAlert>> parse_webhook(std::string_view body, Millis now) {
    if (body.size() > kWebhookBytesMax) {
        return exhausted("the body has {} bytes, at most {} are read", body.size(),
                         kWebhookBytesMax);
    }
    simdjson::dom::parser parser;
    element root;
    if (parser.parse(body.data(), body.size()).get(root) != simdjson::SUCCESS ||
        !root.is_object()) {
        return invalid("the body is no JSON object");
    }
    std::vector<SeenAlert> alerts;
    array list;
    if (root["alerts"].get(list) != simdjson::SUCCESS) {
        KW_TRY_ASSIGN(SeenAlert alert, read_plain(root, now));
        alerts.push_back(std::move(alert));
        return alerts;
    }
    for (const element one : list) {
        if (alerts.size() >= kWebhookAlertsMax) {
            return exhausted("alerts has more than the {} that are read", kWebhookAlertsMax);
        }
        KW_TRY_ASSIGN(SeenAlert alert,
                      read_alert(one, now).with_context(fmt::format("alerts[{}]", alerts.size())));
        alerts.push_back(std::move(alert));
    }
    return alerts;
}

}  // namespace kw::incidents
