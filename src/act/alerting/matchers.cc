#include "alerting/matchers.h"

#include <fmt/core.h>

#include <algorithm>
#include <tuple>

#include "alerting/matcher_syntax.h"
#include "model/labels.h"

namespace kw::alerting {
namespace {

bool has_reserved(std::string_view text) {
    if (!is_valid_utf8(text)) return true;
    while (!text.empty()) {
        const Character character = first_character(text);
        if (is_reserved(character.code)) return true;
        text.remove_prefix(character.bytes);
    }
    return false;
}

std::string classic_escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '\n') {
            out += "\\n";
            continue;
        }
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out;
}

}  // namespace

Result<ParsedMatchers> parse_matchers(std::string_view text) {
    Result<Matchers> utf8 = parse_utf8_matchers(text);
    Result<Matchers> classic = parse_classic_matchers(text);
    if (!classic.ok()) {
        if (!utf8.ok()) return std::move(utf8).error();
        return ParsedMatchers{std::move(utf8).value(), ParsedMatchers::Agreement::kBoth};
    }
    ParsedMatchers parsed{std::move(classic).value(), ParsedMatchers::Agreement::kBoth};
    if (!utf8.ok()) {
        parsed.agreement = ParsedMatchers::Agreement::kClassicOnly;
    } else if (!(*utf8 == parsed.matchers)) {
        parsed.agreement = ParsedMatchers::Agreement::kDisagree;
    }
    return parsed;
}

Result<Matcher> parse_matcher(std::string_view text) {
    if (text.starts_with('{') || text.ends_with('}')) {
        return invalid("matcher {} has a brace; write one matcher without braces",
                       kw::quoted(text));
    }
    KW_TRY_ASSIGN(ParsedMatchers parsed, parse_matchers(text));
    if (parsed.matchers.size() != 1) {
        return invalid("{} is {} matchers, want one", kw::quoted(text), parsed.matchers.size());
    }
    return std::move(parsed.matchers.front());
}

void sort_matchers(Matchers& matchers) {
    std::sort(matchers.begin(), matchers.end(), [](const Matcher& a, const Matcher& b) {
        return std::tuple(std::string_view(a.name()), std::string_view(a.value()), a.op()) <
               std::tuple(std::string_view(b.name()), std::string_view(b.value()), b.op());
    });
}

std::string go_quoted(std::string_view text) {
    std::string out = "\"";
    while (!text.empty()) {
        const char c = text.front();
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (c == '\n') {
            out += "\\n";
        } else if (c == '\t') {
            out += "\\t";
        } else if (c == '\r') {
            out += "\\r";
        } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
            out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
        } else {
            out += c;
        }
        text.remove_prefix(1);
    }
    return out + '"';
}

std::string matcher_text(const Matcher& matcher) {
    const std::string_view op = match_op_text(matcher.op());
    if (has_reserved(matcher.name())) {
        return fmt::format("{}{}{}", go_quoted(matcher.name()), op, go_quoted(matcher.value()));
    }
    return fmt::format("{}{}\"{}\"", matcher.name(), op, classic_escaped(matcher.value()));
}

std::string matchers_text(const Matchers& matchers) {
    std::string out = "{";
    for (const Matcher& matcher : matchers) {
        if (out.size() > 1) out += ',';
        out += matcher_text(matcher);
    }
    return out + '}';
}

}  // namespace kw::alerting
