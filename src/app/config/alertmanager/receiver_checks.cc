// Checks that the tables of receivers share.
#include <charconv>
#include <cmath>
#include <string>

#include "app/config/alertmanager/schema.h"
#include "app/config/checks.h"
#include "model/labels.h"

namespace kw::app {
namespace {

struct GoUnit {
    std::string_view name;
    double ms;
};
// Longer names first: "ms" is not "m" and an s.
constexpr GoUnit kGoUnits[] = {{"ns", 1e-6}, {"us", 1e-3}, {"µs", 1e-3}, {"μs", 1e-3},
                               {"ms", 1},    {"s", 1000},  {"m", 60e3},  {"h", 3600e3}};
constexpr double kDurationMsMax = 9.2e12;  // some 292 years: what Go can hold

std::string file_key(std::string_view key) { return std::string(key) + "_file"; }

}  // namespace

Result<void> check_secret_url(const Section& section, std::string_view key) {
    if (section.text(key) == "<secret>") return {};
    return check_http_url(section, key);
}

Result<void> check_not_with_file(const Section& section, std::string_view key) {
    const std::string file = file_key(key);
    return check_at_most_one(section, {key, file});
}

Result<void> check_one_of_file(const Section& section, std::string_view key) {
    KW_TRY(check_not_with_file(section, key));
    if (!section.has(key) && !section.has(file_key(key))) {
        return section.error("", "{} is missing; add it, or {}", key, file_key(key));
    }
    return {};
}

Result<int64_t> parse_go_duration_ms(std::string_view text) {
    const auto wrong = [&] { return invalid("{} is not a duration as 1m30s", kw::quoted(text)); };
    std::string_view rest = text;
    if (rest.starts_with('+')) rest.remove_prefix(1);
    if (rest == "0") return int64_t{0};
    if (rest.empty() || rest.starts_with('-')) return wrong();
    double total = 0;
    while (!rest.empty()) {
        double number = 0;
        const auto [end, code] = std::from_chars(rest.data(), rest.data() + rest.size(), number,
                                                 std::chars_format::fixed);
        if (code != std::errc{} || rest.front() == '-') return wrong();
        rest.remove_prefix(static_cast<size_t>(end - rest.data()));
        bool has_unit = false;
        for (const GoUnit& unit : kGoUnits) {
            if (!rest.starts_with(unit.name)) continue;
            total += number * unit.ms;
            rest.remove_prefix(unit.name.size());
            has_unit = true;
            break;
        }
        if (!has_unit || !(total < kDurationMsMax)) return wrong();
    }
    return static_cast<int64_t>(std::ceil(total));
}

Result<void> check_go_duration(const Section& section, std::string_view key) {
    if (!section.has(key)) return {};
    const Result<int64_t> parsed = parse_go_duration_ms(section.text(key));
    if (!parsed.ok()) return section.error(key, "{}", parsed.error().message);
    return {};
}

Result<void> check_host_port(const Section& section, std::string_view key) {
    const std::string& address = section.text(key);
    if (address.empty()) return {};
    const size_t colon = address.rfind(':');
    const bool has_port = colon != std::string::npos && colon + 1 < address.size();
    const std::string host = address.substr(0, colon);
    const bool is_bracketed = host.starts_with('[') && host.ends_with(']');
    if (!has_port || (host.find(':') != std::string::npos && !is_bracketed)) {
        return section.error(key, "{} is not host:port; add the port, as in smtp.example.org:587",
                             kw::quoted(address));
    }
    return {};
}

}  // namespace kw::app
