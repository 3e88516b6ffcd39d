#include "settings/values.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "model/labels.h"

namespace kw::settings {
namespace {

struct Unit {
    std::string_view name;
    int64_t factor;
};

constexpr Unit kSizeUnits[] = {
    {"B", 1},           {"KB", 1LL << 10}, {"KiB", 1LL << 10}, {"MB", 1LL << 20},
    {"MiB", 1LL << 20}, {"GB", 1LL << 30}, {"GiB", 1LL << 30}, {"TB", 1LL << 40},
    {"TiB", 1LL << 40}, {"PB", 1LL << 50}, {"PiB", 1LL << 50}, {"EB", 1LL << 60},
    {"EiB", 1LL << 60},
};

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// The magnitude of a Go-style integer.
std::optional<uint64_t> parse_magnitude(std::string_view text) {
    std::string digits;
    for (const char c : text) {
        if (c != '_') digits += c;
    }
    int base = 10;
    std::string_view rest = digits;
    if (rest.starts_with("0x") || rest.starts_with("0X")) base = 16;
    if (rest.starts_with("0o") || rest.starts_with("0O")) base = 8;
    if (rest.starts_with("0b") || rest.starts_with("0B")) base = 2;
    if (base != 10) rest.remove_prefix(2);
    uint64_t value = 0;
    const auto [end, code] = std::from_chars(rest.data(), rest.data() + rest.size(), value, base);
    if (rest.empty() || code != std::errc{} || end != rest.data() + rest.size())
        return std::nullopt;
    return value;
}

// Takes "12" or "1.5" from the front of `text`; nullopt when it does not begin with a number.
std::optional<std::string_view> take_number(std::string_view& text) {
    size_t end = 0;
    while (end < text.size() && (is_digit(text[end]) || text[end] == '.')) ++end;
    if (end == 0) return std::nullopt;
    const std::string_view number = text.substr(0, end);
    text.remove_prefix(end);
    return number;
}

std::string_view take_unit(std::string_view& text) {
    size_t end = 0;
    while (end < text.size() && is_letter(text[end])) ++end;
    const std::string_view unit = text.substr(0, end);
    text.remove_prefix(end);
    return unit;
}

bool is_port(std::string_view text) { return std::all_of(text.begin(), text.end(), is_digit); }

// "host", "host:port", "[v6]:port": the port is digits, brackets are closed.
bool is_valid_host(std::string_view host) {
    if (host.starts_with('[')) {
        const size_t close = host.rfind(']');
        if (close == std::string_view::npos) return false;
        const std::string_view rest = host.substr(close + 1);
        return rest.empty() || (rest.front() == ':' && is_port(rest.substr(1)));
    }
    const size_t colon = host.rfind(':');
    if (colon != std::string_view::npos && !is_port(host.substr(colon + 1))) return false;
    return host.find_first_of(" <>\"^`{}|\\") == std::string_view::npos;
}

bool has_broken_escape(std::string_view text) {
    const auto is_hex = [](char c) {
        return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    };
    for (size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') continue;
        if (i + 2 >= text.size() || !is_hex(text[i + 1]) || !is_hex(text[i + 2])) return true;
        i += 2;
    }
    return false;
}

// The scheme before the first colon: "" when there is none; nullopt when the text begins with the
// colon.
std::optional<std::string_view> scheme_of(std::string_view text) {
    for (size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (is_letter(c)) continue;
        if (is_digit(c) || c == '+' || c == '-' || c == '.') {
            if (i == 0) return "";
            continue;
        }
        if (c != ':') return "";
        if (i == 0) return std::nullopt;
        return text.substr(0, i);
    }
    return "";
}

}  // namespace

Result<bool> parse_flag(std::string_view text) {
    static constexpr std::string_view kTrue[] = {"true", "True", "TRUE", "yes", "Yes", "YES",
                                                 "on",   "On",   "ON",   "y",   "Y"};
    static constexpr std::string_view kFalse[] = {"false", "False", "FALSE", "no", "No", "NO",
                                                  "off",   "Off",   "OFF",   "n",  "N"};
    if (std::find(std::begin(kTrue), std::end(kTrue), text) != std::end(kTrue)) return true;
    if (std::find(std::begin(kFalse), std::end(kFalse), text) != std::end(kFalse)) return false;
    return invalid("{} is not true or false", quoted(text));
}

Result<int64_t> parse_integer(std::string_view text) {
    const bool negative = text.starts_with('-');
    std::string_view rest = text;
    if (negative || rest.starts_with('+')) rest.remove_prefix(1);
    const std::optional<uint64_t> magnitude = parse_magnitude(rest);
    constexpr auto kMax = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
    if (!magnitude || *magnitude > kMax) return invalid("{} is not a whole number", quoted(text));
    const auto value = static_cast<int64_t>(*magnitude);
    return negative ? -value : value;
}

Result<uint64_t> parse_count(std::string_view text) {
    std::string_view rest = text;
    if (rest.starts_with('+')) rest.remove_prefix(1);
    const std::optional<uint64_t> magnitude = parse_magnitude(rest);
    if (!magnitude) return invalid("{} is not a whole number of 0 or more", quoted(text));
    return *magnitude;
}

Result<double> parse_real(std::string_view text) {
    std::string_view rest = text;
    const bool negative = rest.starts_with('-');
    if (negative || rest.starts_with('+')) rest.remove_prefix(1);
    if (rest == ".inf" || rest == ".Inf" || rest == ".INF") {
        const double infinity = std::numeric_limits<double>::infinity();
        return negative ? -infinity : infinity;
    }
    if (text == ".nan" || text == ".NaN" || text == ".NAN") {
        return std::numeric_limits<double>::quiet_NaN();
    }
    double value = 0;
    const auto [end, code] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
    const bool starts_well = !rest.empty() && (is_digit(rest.front()) || rest.front() == '.');
    if (!starts_well || code != std::errc{} || end != rest.data() + rest.size()) {
        return invalid("{} is not a number", quoted(text));
    }
    return negative ? -value : value;
}

Result<int64_t> parse_size(std::string_view text) {
    const auto refuse = [&] {
        return invalid("{} is not a size; write it with a unit, like 512MB", quoted(text));
    };
    if (text == "0") return int64_t{0};
    if (text.empty()) return refuse();
    std::string_view rest = text;
    double total = 0;
    while (!rest.empty()) {
        const std::optional<std::string_view> number = take_number(rest);
        const std::string_view unit = take_unit(rest);
        const auto* found = std::find_if(std::begin(kSizeUnits), std::end(kSizeUnits),
                                         [&](const Unit& u) { return u.name == unit; });
        if (!number || found == std::end(kSizeUnits)) return refuse();
        const Result<double> value = parse_real(*number);
        if (!value.ok()) return refuse();
        total += *value * static_cast<double>(found->factor);
    }
    if (total >= 9.2e18) return invalid("size {} is too large", quoted(text));
    return static_cast<int64_t>(total);
}

std::string size_text(int64_t bytes) {
    static constexpr std::string_view kNames[] = {"EiB", "PiB", "TiB", "GiB", "MiB", "KiB", "B"};
    if (bytes == 0) return "0B";
    std::string out;
    for (size_t i = 0; i < std::size(kNames); ++i) {
        const int64_t factor = int64_t{1} << (10 * (std::size(kNames) - 1 - i));
        if (bytes >= factor) out += fmt::format("{}{}", bytes / factor, kNames[i]);
        bytes %= factor;
    }
    return out;
}

std::string real_text(double value) {
    if (std::isnan(value)) return ".nan";
    if (std::isinf(value)) return value < 0 ? "-.inf" : ".inf";
    char buffer[32];
    const auto [end, code] = std::to_chars(std::begin(buffer), std::end(buffer), value);
    return {buffer, end};
}

Result<UrlParts> parse_url(std::string_view text) {
    const auto refuse = [&](std::string_view why) {
        return invalid("{} is not a URL: {}", quoted(url_without_password(text)), why);
    };
    const auto is_control = [](char c) { return static_cast<uint8_t>(c) < 0x20 || c == 0x7f; };
    if (std::any_of(text.begin(), text.end(), is_control))
        return refuse("it has a control character");
    const std::string_view whole = text.substr(0, text.find('#'));
    const std::optional<std::string_view> scheme = scheme_of(whole);
    if (!scheme) return refuse("the scheme before : is missing");
    UrlParts parts;
    parts.scheme = std::string(*scheme);
    std::transform(parts.scheme.begin(), parts.scheme.end(), parts.scheme.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    std::string_view rest = scheme->empty() ? whole : whole.substr(scheme->size() + 1);
    rest = rest.substr(0, rest.find('?'));
    if (!rest.starts_with('/')) {
        parts.has_opaque_part = !scheme->empty();
        const std::string_view first = rest.substr(0, rest.find('/'));
        if (scheme->empty() && first.find(':') != std::string_view::npos) {
            return refuse("a colon before the first slash; write http:// in front");
        }
        return parts;
    }
    if (rest.starts_with("//")) {
        rest.remove_prefix(2);
        std::string_view authority = rest.substr(0, rest.find('/'));
        rest.remove_prefix(authority.size());
        if (const size_t at = authority.rfind('@'); at != std::string_view::npos) {
            authority.remove_prefix(at + 1);
        }
        if (!is_valid_host(authority)) return refuse("its host or port is not one");
        parts.host = std::string(authority);
    }
    if (has_broken_escape(rest)) return refuse("a % must be followed by two hexadecimal digits");
    return parts;
}

std::string url_without_password(std::string_view text) {
    const size_t start = text.find("//");
    if (start == std::string_view::npos) return std::string(text);
    const size_t end = std::min(text.find_first_of("/?#", start + 2), text.size());
    const size_t at = text.substr(0, end).rfind('@');
    if (at == std::string_view::npos || at < start) return std::string(text);
    const size_t colon = text.find(':', start + 2);
    if (colon == std::string_view::npos || colon > at) return std::string(text);
    return std::string(text.substr(0, colon)) + ":xxxxx" + std::string(text.substr(at));
}

bool is_last_segment_glob(std::string_view pattern) {
    const size_t star = pattern.find('*');
    return star == std::string_view::npos ||
           pattern.find_first_of("/", star + 1) == std::string_view::npos;
}

std::string expand_variables(std::string_view text,
                             const std::function<std::string(std::string_view)>& lookup) {
    const auto is_word = [](char c) { return c == '_' || is_digit(c) || is_letter(c); };
    std::string out;
    for (size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '$' || i + 1 == text.size()) {
            out += text[i];
        } else if (text[i + 1] == '$') {
            out += '$';
            ++i;
        } else if (text[i + 1] == '{') {
            const size_t close = text.find('}', i);
            if (close == std::string_view::npos) {
                ++i;  // an open brace is dropped with its dollar, as Go's os.Expand does
                continue;
            }
            const std::string_view name = text.substr(i + 2, close - i - 2);
            if (!name.empty()) out += name == "$" ? "$" : lookup(name);
            i = close;
        } else {
            size_t end = i + 1;
            while (end < text.size() && is_word(text[end])) ++end;
            if (end == i + 1) {
                out += '$';
            } else {
                out += lookup(text.substr(i + 1, end - i - 1));
                i = end - 1;
            }
        }
    }
    return out;
}

}  // namespace kw::settings
