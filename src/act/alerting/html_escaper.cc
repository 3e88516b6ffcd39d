#include "alerting/html_escaper.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>

namespace kw::alerting {
namespace {

constexpr std::string_view kRefused = "ZgotmplZ";  // what html/template writes in its place
constexpr size_t kLastBytes = 12;                  // holds "</textarea>"

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
bool is_letter(char c) { return lower(c) >= 'a' && lower(c) <= 'z'; }
bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f'; }

std::string escaped_text(std::string_view text, bool is_quoted) {
    std::string out;
    for (const char c : text) {
        switch (c) {
            case '"': out += "&#34;"; break;
            case '\'': out += "&#39;"; break;
            case '&': out += "&amp;"; break;
            case '<': out += "&lt;"; break;
            case '>': out += "&gt;"; break;
            case '+': out += "&#43;"; break;
            case '\0': out += "\xef\xbf\xbd"; break;
            default:
                // A value without quotes ends at these.
                if (!is_quoted && (is_space(c) || c == '=' || c == '`')) {
                    out += fmt::format("&#{};", static_cast<int>(c));
                } else {
                    out += c;
                }
        }
    }
    return out;
}

bool has_safe_scheme(std::string_view url) {
    const size_t colon = url.find(':');
    if (colon == std::string_view::npos || url.substr(0, colon).find('/') != std::string_view::npos)
        return true;
    std::string scheme(url.substr(0, colon));
    std::transform(scheme.begin(), scheme.end(), scheme.begin(), lower);
    return scheme == "http" || scheme == "https" || scheme == "mailto";
}

// In a query everything but plain characters is %XX; before it what is a part of URLs stays.
std::string escaped_url(std::string_view text, bool in_query) {
    constexpr std::string_view kParts = "!#$&*+,/:;=?@[]";
    std::string out;
    for (size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        const bool is_plain = is_letter(c) || (c >= '0' && c <= '9') ||
                              std::string_view("-._~").find(c) != std::string_view::npos;
        const bool is_part =
            !in_query && (kParts.find(c) != std::string_view::npos ||
                          (c == '%' && i + 2 < text.size() && isxdigit(text[i + 1]) != 0 &&
                           isxdigit(text[i + 2]) != 0));
        if (is_plain || is_part) {
            out += c;
        } else {
            out += fmt::format("%{:02x}", static_cast<unsigned char>(c));
        }
    }
    return out;
}

bool is_harmless_word(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) {
        return is_letter(c) || (c >= '0' && c <= '9') ||
               std::string_view(" #%.,-_").find(c) != std::string_view::npos;
    });
}

}  // namespace

bool HtmlEscaper::is_code() const {
    return place_ == Place::kRaw ||
           (place_ == Place::kValue && (attribute_ == "style" || attribute_.starts_with("on")));
}

bool HtmlEscaper::is_url() const {
    static constexpr std::array<std::string_view, 12> kUrls = {
        "href", "src",        "action",   "background", "cite",       "data",
        "icon", "formaction", "longdesc", "poster",     "xlink:href", "usemap"};
    return place_ == Place::kValue &&
           std::find(kUrls.begin(), kUrls.end(), attribute_) != kUrls.end();
}

std::string HtmlEscaper::escape(const templates::Value& value, std::string_view before) {
    follow(before.substr(seen_));
    seen_ = before.size();
    if (place_ == Place::kBefore) {  // the value begins here, without quotes
        place_ = Place::kValue;
        quote_ = 0;
        value_.clear();
    }
    const std::string text = value.is_nil() ? "" : value.text();
    const templates::Object* const object = value.as_object();
    const std::string type = object == nullptr ? "" : object->type_name();
    if (place_ == Place::kComment) return "";
    if (is_code() || place_ == Place::kTag || place_ == Place::kName)
        return is_harmless_word(text) ? text : std::string(kRefused);
    if (is_url()) {
        const bool in_query = value_.find_first_of("?#") != std::string::npos;
        if (value_.empty() && type != "template.URL" && !has_safe_scheme(text))
            return "#" + std::string(kRefused);
        return escaped_text(escaped_url(text, in_query), quote_ != 0);
    }
    if (place_ == Place::kText && type == "template.HTML") return text;
    return escaped_text(text, place_ != Place::kValue || quote_ != 0);
}

void HtmlEscaper::follow_tag(char c) {
    switch (place_) {
        case Place::kTag:
            if (in_tag_name_ && (is_letter(c) || c == '/' || (c >= '0' && c <= '9'))) {
                tag_ += lower(c);
            } else if (!is_space(c) && c != '/') {
                place_ = Place::kName;
                attribute_ = lower(c);
            }
            if (is_space(c)) in_tag_name_ = false;
            break;
        case Place::kName:
            if (c == '=') {
                place_ = Place::kBefore;
            } else if (is_space(c)) {
                place_ = Place::kTag;
            } else {
                attribute_ += lower(c);
            }
            break;
        case Place::kBefore:
            if (is_space(c)) break;
            place_ = Place::kValue;
            quote_ = c == '"' || c == '\'' ? c : '\0';
            value_.clear();
            if (quote_ == 0) value_ += c;
            break;
        default: value_ += c;
    }
}

void HtmlEscaper::follow(std::string_view text) {
    for (const char c : text) {
        last_ += lower(c);
        if (last_.size() > kLastBytes) last_.erase(0, 1);
        if (place_ == Place::kText) {
            if (last_.ends_with("<!--")) {
                place_ = Place::kComment;
            } else if (last_.size() >= 2 && last_[last_.size() - 2] == '<' &&
                       (is_letter(c) || c == '/')) {
                place_ = Place::kTag;
                in_tag_name_ = true;
                tag_ = lower(c);
            }
        } else if (place_ == Place::kComment) {
            if (last_.ends_with("-->")) place_ = Place::kText;
        } else if (place_ == Place::kRaw) {
            if (last_.ends_with("</" + tag_)) {
                place_ = Place::kTag;
                tag_ = "/" + tag_;
                in_tag_name_ = false;
            }
        } else if (place_ == Place::kValue && quote_ != 0 && c == quote_) {
            place_ = Place::kTag;
        } else if (place_ == Place::kValue && quote_ == 0 && is_space(c)) {
            place_ = Place::kTag;
        } else if (c == '>' && (place_ != Place::kValue || quote_ == 0)) {
            place_ = tag_ == "script" || tag_ == "style" ? Place::kRaw : Place::kText;
        } else {
            follow_tag(c);
        }
    }
}

}  // namespace kw::alerting
