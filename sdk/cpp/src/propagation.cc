// W3C Trace Context and Baggage: headers to contexts and back.
//
// Source: https://www.w3.org/TR/trace-context-1/ (sections 3.2 and 3.3),
// https://www.w3.org/TR/baggage/.
#include <algorithm>
#include <array>
#include <set>

#include "kilowatch/trace.h"
#include "text.h"

namespace kilowatch {
namespace {

constexpr size_t kTraceparentBytes = 55;
constexpr size_t kTracestateMembersMax = 32;
constexpr size_t kTracestateBytesMax = 4096;
constexpr size_t kBaggageBytesMax = 8192;
constexpr size_t kBaggageMembersMax = 64;
constexpr size_t kTagBytesMax = 256;

// Lower-case hex only; -1 for anything else.
int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1;
}

template <size_t N>
bool read_hex(std::string_view text, std::array<uint8_t, N>& out) {
    if (text.size() != 2 * N) return false;
    for (size_t i = 0; i < N; ++i) {
        const int high = hex_digit(text[2 * i]);
        const int low = hex_digit(text[2 * i + 1]);
        if (high < 0 || low < 0) return false;
        out[i] = static_cast<uint8_t>(high << 4 | low);
    }
    return true;
}

std::string_view take_until(std::string_view& rest, char separator) {
    const size_t at = rest.find(separator);
    const std::string_view part = rest.substr(0, at);
    rest.remove_prefix(at == std::string_view::npos ? rest.size() : at + 1);
    return part;
}

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_key_char(char c) {
    return is_lower(c) || is_digit(c) || c == '_' || c == '-' || c == '*' || c == '/';
}
bool all_key_chars(std::string_view text) {
    return std::all_of(text.begin(), text.end(), is_key_char);
}

// simple-key, or tenant-id "@" system-id.
bool is_tracestate_key(std::string_view key) {
    const size_t at = key.find('@');
    if (at == std::string_view::npos)
        return !key.empty() && key.size() <= 256 && is_lower(key[0]) && all_key_chars(key);
    const std::string_view tenant = key.substr(0, at);
    const std::string_view system = key.substr(at + 1);
    return !tenant.empty() && tenant.size() <= 241 &&
           (is_lower(tenant[0]) || is_digit(tenant[0])) && all_key_chars(tenant) &&
           !system.empty() && system.size() <= 14 && is_lower(system[0]) && all_key_chars(system);
}

bool is_tracestate_value(std::string_view value) {
    return !value.empty() && value.size() <= 256 && value.back() != ' ' &&
           std::all_of(value.begin(), value.end(),
                       [](char c) { return c >= 0x20 && c <= 0x7e && c != ',' && c != '='; });
}

struct TagField {
    std::string_view name;
    std::string TraceTags::* field;
};
constexpr TagField kTagFields[] = {
    {"request_id", &TraceTags::request_id},       {"user_id", &TraceTags::user_id},
    {"model_version", &TraceTags::model_version}, {"data_version", &TraceTags::data_version},
    {"environment", &TraceTags::environment},
};

int any_case_hex_digit(char c) {
    return hex_digit(c >= 'A' && c <= 'F' ? static_cast<char>(c | 0x20) : c);
}

// A percent sign that begins no escape stands for itself.
std::string percent_decode(std::string_view text) {
    std::string out;
    for (size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%' && i + 2 < text.size()) {
            const int high = any_case_hex_digit(text[i + 1]);
            const int low = any_case_hex_digit(text[i + 2]);
            if (high >= 0 && low >= 0) {
                out += static_cast<char>(high << 4 | low);
                i += 2;
                continue;
            }
        }
        out += text[i];
    }
    return out;
}

// The tags among the members; others are not ours to carry on.
std::shared_ptr<const TraceTags> parse_baggage(std::string_view text) {
    if (text.size() > kBaggageBytesMax) return nullptr;
    TraceTags tags;
    bool found = false;
    for (size_t count = 0; !text.empty() && count < kBaggageMembersMax; ++count) {
        std::string_view member = take_until(text, ',');
        std::string_view pair = take_until(member, ';');  // what follows are properties
        const std::string_view key = trim_blank(take_until(pair, '='));
        for (const TagField& tag : kTagFields) {
            if (key != tag.name) continue;
            const std::string value = valid_utf8(percent_decode(trim_blank(pair)));
            if (value.empty() || value.size() > kTagBytesMax) continue;
            tags.*tag.field = value;
            found = true;
        }
    }
    return found ? std::make_shared<const TraceTags>(std::move(tags)) : nullptr;
}

std::string format_baggage(const TraceTags& tags) {
    std::string out;
    for (const TagField& tag : kTagFields) {
        const std::string& value = tags.*tag.field;
        if (value.empty()) continue;
        if (!out.empty()) out += ',';
        out.append(tag.name).append("=").append(percent_encode(value, ":/@"));
    }
    return out;
}

}  // namespace

std::optional<SpanContext> parse_traceparent(std::string_view text) {
    if (text.size() < kTraceparentBytes || text[2] != '-' || text[35] != '-' || text[52] != '-')
        return std::nullopt;
    std::array<uint8_t, 1> version{};
    std::array<uint8_t, 1> flags{};
    SpanContext span;
    if (!read_hex(text.substr(0, 2), version) ||
        !read_hex(text.substr(3, 32), span.trace_id.bytes) ||
        !read_hex(text.substr(36, 16), span.span_id.bytes) || !read_hex(text.substr(53, 2), flags))
        return std::nullopt;
    if (version[0] == 0xff || !span.valid()) return std::nullopt;
    // Later versions may say more, behind another dash.
    if (text.size() > kTraceparentBytes && (version[0] == 0 || text[kTraceparentBytes] != '-'))
        return std::nullopt;
    span.sampled = (flags[0] & 1) != 0;
    span.remote = true;
    return span;
}

std::string format_traceparent(const SpanContext& span) {
    std::string out = "00-";
    append_hex(out, span.trace_id.bytes.data(), span.trace_id.bytes.size());
    out += '-';
    append_hex(out, span.span_id.bytes.data(), span.span_id.bytes.size());
    out += span.sampled ? "-01" : "-00";
    return out;
}

std::optional<std::string> parse_tracestate(std::string_view text) {
    if (text.size() > kTracestateBytesMax) return std::nullopt;
    std::string out;
    std::set<std::string_view> keys;
    while (!text.empty()) {
        const std::string_view member = trim_blank(take_until(text, ','));
        if (member.empty()) continue;  // allowed, and not sent on
        std::string_view value = member;
        const size_t equals = member.find('=');
        if (equals == std::string_view::npos) return std::nullopt;
        const std::string_view key = take_until(value, '=');
        if (!is_tracestate_key(key) || !is_tracestate_value(value) || !keys.insert(key).second ||
            keys.size() > kTracestateMembersMax)
            return std::nullopt;
        if (!out.empty()) out += ',';
        out += member;
    }
    return out;
}

Context extract(const HeaderGetter& get, bool with_tags) {
    Context context;
    if (const auto traceparent = get("traceparent")) {
        if (const auto span = parse_traceparent(trim_blank(*traceparent))) {
            context.span = *span;
            if (const auto header = get("tracestate"))
                if (auto state = parse_tracestate(*header); state && !state->empty())
                    context.span.tracestate =
                        std::make_shared<const std::string>(std::move(*state));
        }
    }
    if (with_tags)
        if (const auto baggage = get("baggage")) context.tags = parse_baggage(*baggage);
    return context;
}

void inject(const Context& context, const HeaderSetter& set, bool with_tags) {
    if (!context.span.valid()) return;
    set("traceparent", format_traceparent(context.span));
    if (context.span.tracestate) set("tracestate", *context.span.tracestate);
    if (!with_tags || !context.tags) return;
    if (const std::string baggage = format_baggage(*context.tags); !baggage.empty())
        set("baggage", baggage);
}

}  // namespace kilowatch
