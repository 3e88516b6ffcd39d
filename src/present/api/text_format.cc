#include "api/text_format.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>
#include <vector>

#include "model/labels.h"
#include "net/fields.h"

namespace kw::api {
namespace {

constexpr size_t kAcceptItemsMax = 64;  // of one header; further ones are passed over

constexpr std::array<std::pair<std::string_view, NameEscaping>, 4> kEscapings = {{
    {"allow-utf-8", NameEscaping::kAllowUtf8},
    {"underscores", NameEscaping::kUnderscores},
    {"dots", NameEscaping::kDots},
    {"values", NameEscaping::kValues},
}};

struct AcceptItem {
    std::string_view type;
    std::string_view version;
    std::optional<NameEscaping> escaping;
    double weight = 1;
};

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

// Cuts the text off up to `separator`.
std::string_view take_until(std::string_view& rest, char separator) {
    const size_t end = std::min(rest.find(separator), rest.size());
    const std::string_view part = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return trimmed(part);
}

AcceptItem read_accept_item(std::string_view text) {
    AcceptItem item;
    item.type = take_until(text, ';');
    while (!text.empty()) {
        std::string_view value = take_until(text, ';');
        const std::string_view name = take_until(value, '=');
        value = trimmed(value);
        if (name == "version") item.version = value;
        double weight = 0;
        if (name == "q" &&
            std::from_chars(value.data(), value.data() + value.size(), weight).ec == std::errc() &&
            weight >= 0 && weight <= 1) {
            item.weight = weight;
        }
        if (name != "escaping") continue;
        const auto found =
            std::ranges::find(kEscapings, value, &decltype(kEscapings)::value_type::first);
        if (found != kEscapings.end()) item.escaping = found->second;
    }
    return item;
}

bool is_classic_rune(uint32_t rune, bool is_first, bool is_metric) {
    return (rune >= 'a' && rune <= 'z') || (rune >= 'A' && rune <= 'Z') || rune == '_' ||
           (rune == ':' && is_metric) || (rune >= '0' && rune <= '9' && !is_first);
}

// Takes a code point off UTF-8; U+FFFD for a byte that begins none.
uint32_t take_rune(std::string_view& text) {
    const auto lead = static_cast<unsigned char>(text.front());
    const size_t size = lead < 0x80    ? 1
                        : lead >= 0xf0 ? 4
                        : lead >= 0xe0 ? 3
                        : lead >= 0xc0 ? 2
                                       : 0;
    if (size == 0 || size > text.size()) {
        text.remove_prefix(1);
        return 0xfffd;
    }
    uint32_t rune = size == 1 ? lead : lead & (0x7f >> size);
    for (size_t i = 1; i < size; ++i) {
        rune = (rune << 6) | (static_cast<unsigned char>(text[i]) & 0x3f);
    }
    text.remove_prefix(size);
    return rune;
}

}  // namespace

std::string TextFormat::content_type() const {
    std::string_view name;
    for (const auto& [text, value] : kEscapings) {
        if (value == escaping) name = text;
    }
    return fmt::format("text/plain; version={}; charset=utf-8; escaping={}",
                       is_version_1 ? "1.0.0" : "0.0.4", name);
}

TextFormat negotiate_text_format(std::string_view accept) {
    std::vector<AcceptItem> items;  // what is wanted most first, else in their order
    while (!accept.empty() && items.size() < kAcceptItemsMax) {
        const AcceptItem item = read_accept_item(take_until(accept, ','));
        items.insert(std::ranges::upper_bound(items, item.weight, std::ranges::greater(),
                                              &AcceptItem::weight),
                     item);
    }
    TextFormat format;
    for (const AcceptItem& item : items) {
        if (item.escaping) format.escaping = *item.escaping;
        if (!net::equals_ignoring_case(item.type, "text/plain")) continue;
        if (item.version == "1.0.0") format.is_version_1 = true;
        if (item.version.empty() || item.version == "0.0.4" || format.is_version_1) break;
    }
    return format;
}

std::string escape_name(std::string_view name, NameEscaping escaping, bool is_metric) {
    const bool is_classic = is_metric ? is_valid_metric_name(name, NameScheme::kLegacy)
                                      : is_valid_label_name(name, NameScheme::kLegacy);
    if (is_classic || escaping == NameEscaping::kAllowUtf8) return std::string(name);
    std::string out = escaping == NameEscaping::kValues ? "U__" : "";
    bool is_first = true;
    while (!name.empty()) {
        const uint32_t rune = take_rune(name);
        const bool fits = is_classic_rune(rune, is_first, is_metric);
        is_first = false;
        if (rune == '_' && escaping != NameEscaping::kUnderscores) {
            out += "__";
        } else if (fits) {
            out += static_cast<char>(rune);
        } else if (escaping == NameEscaping::kUnderscores) {
            out += '_';
        } else if (escaping == NameEscaping::kDots) {
            out += rune == '.' ? "_dot_" : "__";
        } else {
            out += fmt::format("_{:x}_", rune);
        }
    }
    return out;
}

}  // namespace kw::api
