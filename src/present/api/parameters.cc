#include "api/parameters.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <limits>

#include "api/envelope.h"
#include "base/utf8.h"
#include "model/labels.h"
#include "net/request.h"
#include "promql/parser.h"

namespace kw::api {
namespace {

// The earliest and the latest time that Prometheus' clients write for "unbounded".
constexpr std::string_view kMinTimeText = "-292273086-05-16T16:47:06Z";
constexpr std::string_view kMaxTimeText = "292277025-08-18T07:12:54.999999999Z";

// The number that is all of `text`.
std::optional<double> whole_number(std::string_view text) {
    const Result<double> value = parse_value(text);
    if (!value.ok()) return std::nullopt;
    return *value;
}

std::optional<int> digits(std::string_view text, size_t at, size_t count) {
    if (at + count > text.size()) return std::nullopt;
    int value = 0;
    for (size_t i = at; i < at + count; ++i) {
        if (text[i] < '0' || text[i] > '9') return std::nullopt;
        value = value * 10 + (text[i] - '0');
    }
    return value;
}

// 2006-01-02T15:04:05[.999…](Z|+07:00)
std::optional<Millis> parse_rfc3339(std::string_view text) {
    const auto has = [&](size_t at, char c) { return at < text.size() && text[at] == c; };
    const auto year = digits(text, 0, 4);
    const auto month = digits(text, 5, 2);
    const auto day = digits(text, 8, 2);
    const auto hour = digits(text, 11, 2);
    const auto minute = digits(text, 14, 2);
    const auto second = digits(text, 17, 2);
    const bool separated = has(4, '-') && has(7, '-') && (has(10, 'T') || has(10, 't')) &&
                           has(13, ':') && has(16, ':');
    if (!year || !month || !day || !hour || !minute || !second || !separated) return std::nullopt;
    if (*hour > 23 || *minute > 59 || *second > 59) return std::nullopt;
    const std::chrono::year_month_day date{std::chrono::year{*year},
                                           std::chrono::month{static_cast<unsigned>(*month)},
                                           std::chrono::day{static_cast<unsigned>(*day)}};
    if (!date.ok()) return std::nullopt;

    size_t at = 19;
    int64_t fraction_ms = 0;
    if (has(at, '.')) {
        const size_t first = ++at;
        for (int64_t weight = 100; at < text.size() && text[at] >= '0' && text[at] <= '9';
             ++at, weight /= 10) {
            fraction_ms += (text[at] - '0') * weight;
        }
        if (at == first) return std::nullopt;
    }
    int64_t offset_minutes = 0;
    if (has(at, 'Z') || has(at, 'z')) {
        ++at;
    } else if (has(at, '+') || has(at, '-')) {
        const auto offset_hour = digits(text, at + 1, 2);
        const auto offset_minute = digits(text, at + 4, 2);
        if (!offset_hour || !offset_minute || !has(at + 3, ':')) return std::nullopt;
        if (*offset_hour > 23 || *offset_minute > 59) return std::nullopt;
        offset_minutes = (*offset_hour * 60 + *offset_minute) * (has(at, '-') ? -1 : 1);
        at += 6;
    } else {
        return std::nullopt;
    }
    if (at != text.size()) return std::nullopt;
    const int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
    const int64_t seconds = ((days * 24 + *hour) * 60 + *minute - offset_minutes) * 60 + *second;
    return Millis{seconds * 1000 + fraction_ms};
}

int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

bool append_rune(std::string& out, uint32_t rune) {
    if (rune > 0x10ffff || (rune >= 0xd800 && rune < 0xe000)) return false;
    append_utf8(out, rune);
    return true;
}

}  // namespace

Result<Millis> parse_time(std::string_view text) {
    if (const std::optional<double> seconds = whole_number(text)) {
        const double ms = std::round(*seconds * 1000);
        if (ms > -0x1p63 && ms < 0x1p63) return Millis{static_cast<int64_t>(ms)};
    } else if (const std::optional<Millis> time = parse_rfc3339(text)) {
        return *time;
    } else if (text == kMinTimeText) {
        return Millis::min();
    } else if (text == kMaxTimeText) {
        return Millis::max();
    }
    return invalid("cannot parse {} to a valid timestamp", kw::quoted(text));
}

Result<int64_t> parse_duration_parameter_ms(std::string_view text) {
    // As Go's time.Duration: nanoseconds in 63 bits.
    constexpr double kSecondsMax = 0x1p63 / 1e9;
    if (const std::optional<double> seconds = whole_number(text)) {
        if (!(std::fabs(*seconds) < kSecondsMax)) {
            return invalid("cannot parse {} to a valid duration. It overflows int64",
                           kw::quoted(text));
        }
        if (*seconds > 0 && *seconds < 0.001) return 1;  // what is not nothing does not become it
        return static_cast<int64_t>(std::round(*seconds * 1000));
    }
    const Result<int64_t> ms = parse_duration_ms(text);
    if (!ms.ok() || static_cast<double>(*ms) / 1000 >= kSecondsMax) {
        return invalid("cannot parse {} to a valid duration", kw::quoted(text));
    }
    return *ms;
}

Result<Millis> time_parameter(const net::Request& request, std::string_view name, Millis fallback) {
    const std::string_view text = request.params.get(name);
    if (text.empty()) return fallback;
    const Result<Millis> time = parse_time(text);
    if (!time.ok()) return invalid_parameter(name, time.error().message);
    return *time;
}

Result<std::optional<int64_t>> duration_parameter_ms(const net::Request& request,
                                                     std::string_view name) {
    const std::string_view text = request.params.get(name);
    if (text.empty()) return std::optional<int64_t>();
    const Result<int64_t> ms = parse_duration_parameter_ms(text);
    if (!ms.ok()) return invalid_parameter(name, ms.error().message);
    return std::optional<int64_t>(*ms);
}

Result<uint64_t> limit_parameter(const net::Request& request, std::string_view name) {
    const std::string_view text = request.params.get(name);
    if (text.empty()) return uint64_t{0};
    int64_t limit = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), limit);
    if (failure != std::errc() || end != text.data() + text.size()) {
        return invalid_parameter(
            name, fmt::format("cannot parse {} to a whole number", kw::quoted(text)));
    }
    if (limit < 0) return invalid_parameter(name, "limit must be non-negative");
    return static_cast<uint64_t>(limit);
}

Result<int64_t> integer_parameter(const net::Request& request, std::string_view name,
                                  int64_t fallback, int64_t min, int64_t max) {
    const std::string_view text = request.params.get(name);
    if (text.empty()) return fallback;
    int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || value < min || value > max) {
        return invalid_parameter(name, fmt::format("{} is not a whole number from {} to {}",
                                                   kw::quoted(text), min, max));
    }
    return value;
}

Result<TimeRange> range_parameters(const net::Request& request) {
    KW_TRY_ASSIGN(const Millis start, time_parameter(request, "start", Millis::min()));
    KW_TRY_ASSIGN(const Millis end, time_parameter(request, "end", Millis::max()));
    return TimeRange{start, end};
}

Result<std::vector<std::vector<Matcher>>> selector_parameters(const net::Request& request,
                                                              const promql::ParseOptions& options) {
    // Far above what clients send; each is a selection of its own.
    constexpr size_t kSelectorsMax = 1000;
    std::vector<std::vector<Matcher>> selectors;
    for (const std::string_view text : request.params.all("match[]")) {
        if (selectors.size() == kSelectorsMax) {
            return invalid_parameter("match[]",
                                     fmt::format("more than {} selectors", kSelectorsMax));
        }
        Result<std::vector<Matcher>> matchers = promql::parse_selector(text, options);
        if (!matchers.ok()) return invalid_parameter("match[]", matchers.error().message);
        const bool selects =
            std::any_of(matchers->begin(), matchers->end(),
                        [](const Matcher& matcher) { return !matcher.matches_empty(); });
        if (!selects) {
            return invalid_parameter("match[]",
                                     "match[] must contain at least one non-empty matcher");
        }
        selectors.push_back(std::move(matchers).value());
    }
    return selectors;
}

std::string format_rfc3339(Millis time) {
    const std::chrono::sys_time<std::chrono::milliseconds> point{
        std::chrono::milliseconds(time.count)};
    const auto day = std::chrono::floor<std::chrono::days>(point);
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss clock(point - day);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                       static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                       clock.hours().count(), clock.minutes().count(), clock.seconds().count(),
                       clock.subseconds().count());
}

std::string unescape_name(std::string_view name) {
    if (!name.starts_with("U__")) return std::string(name);
    std::string out;
    const std::string_view escaped = name.substr(3);
    for (size_t at = 0; at < escaped.size();) {
        if (escaped[at] != '_') {
            out += escaped[at++];
            continue;
        }
        if (escaped.substr(at).starts_with("__")) {
            out += '_';
            at += 2;
            continue;
        }
        // _hex_: a code point.
        const size_t close = escaped.find('_', at + 1);
        constexpr size_t kHexDigitsMax = 6;
        if (close == std::string_view::npos || close == at + 1 || close - at - 1 > kHexDigitsMax) {
            return std::string(name);
        }
        uint32_t rune = 0;
        for (size_t i = at + 1; i < close; ++i) {
            const int digit = hex_value(escaped[i]);
            if (digit < 0) return std::string(name);
            rune = rune * 16 + static_cast<uint32_t>(digit);
        }
        if (!append_rune(out, rune)) return std::string(name);
        at = close + 1;
    }
    return out;
}

}  // namespace kw::api
