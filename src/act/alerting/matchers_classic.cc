// The classic syntax of matchers.
#include <algorithm>

#include "alerting/matcher_syntax.h"
#include "alerting/matchers.h"
#include "model/labels.h"

namespace kw::alerting {
namespace {

constexpr std::string_view kWhiteSpace = " \t\n\f\r";

std::string_view trimmed(std::string_view text) {
    const size_t begin = text.find_first_not_of(kWhiteSpace);
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(kWhiteSpace) + 1 - begin);
}

bool is_name_byte(char c, bool is_first) {
    const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':';
    return is_letter || (!is_first && c >= '0' && c <= '9');
}

struct Operator {
    std::string_view text;
    MatchOp op;
};
// In the order in which they are tried.
constexpr Operator kOperators[] = {
    {"=~", MatchOp::kRegex},
    {"=", MatchOp::kEqual},
    {"!=", MatchOp::kNotEqual},
    {"!~", MatchOp::kNotRegex},
};

// "b", with \n, \" and \\ undone; another backslash stands for itself.
Result<std::string> unescaped_value(std::string_view raw, std::string_view whole) {
    const bool is_quoted = raw.starts_with('"');
    if (is_quoted) raw.remove_prefix(1);
    bool wants_quote = is_quoted;
    std::string value;
    for (size_t i = 0; i < raw.size(); ++i) {
        const char c = raw[i];
        if (c == '\\' && i + 1 < raw.size()) {
            const char next = raw[++i];
            if (next == 'n') {
                value += '\n';
            } else {
                if (next != '"' && next != '\\') value += '\\';
                value += next;
            }
        } else if (c == '"') {
            if (!wants_quote || i + 1 < raw.size()) {
                return invalid("{}: a double quote inside of the value; write \\\"",
                               kw::quoted(whole));
            }
            wants_quote = false;
        } else {
            value += c;
        }
    }
    if (wants_quote) return invalid("{}: the value's closing quote is missing", kw::quoted(whole));
    return value;
}

Result<Matcher> parse_one(std::string_view text) {
    const std::string_view whole = text;
    text = trimmed(text);
    size_t name_bytes = 0;
    while (name_bytes < text.size() && is_name_byte(text[name_bytes], name_bytes == 0)) {
        ++name_bytes;
    }
    if (name_bytes == 0) {
        return invalid("{}: a matcher begins with a label name", kw::quoted(whole));
    }
    const std::string name(text.substr(0, name_bytes));
    std::string_view rest = trimmed(text.substr(name_bytes));
    for (const Operator& entry : kOperators) {
        if (!rest.starts_with(entry.text)) continue;
        rest.remove_prefix(entry.text.size());
        KW_TRY_ASSIGN(std::string value, unescaped_value(trimmed(rest), whole));
        return Matcher::make(entry.op, name, std::move(value));
    }
    return invalid("{}: after the name one of =, !=, =~, !~ is wanted", kw::quoted(whole));
}

// Cut at commas outside of quotes; a last part of nothing but white space is none.
std::vector<std::string_view> parts_of(std::string_view text) {
    std::vector<std::string_view> parts;
    bool is_inside = false;
    bool is_escaped = false;
    size_t begin = 0;
    for (size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c == ',' && !is_inside) {
            parts.push_back(text.substr(begin, i - begin));
            begin = i + 1;
            is_escaped = false;
            continue;
        }
        if (is_escaped) {
            is_escaped = false;
        } else if (c == '"') {
            is_inside = !is_inside;
        } else if (c == '\\') {
            is_escaped = true;
        }
    }
    const std::string_view last = text.substr(begin);
    if (!trimmed(last).empty()) parts.push_back(last);
    return parts;
}

}  // namespace

Result<Matchers> parse_classic_matchers(std::string_view text) {
    KW_TRY(check_matcher_text(text));
    if (text.starts_with('{')) text.remove_prefix(1);
    if (text.ends_with('}')) text.remove_suffix(1);
    const std::vector<std::string_view> parts = parts_of(text);
    if (parts.size() > kMatchersMax) {
        return exhausted("{} matchers, at most {} are read", parts.size(), kMatchersMax);
    }
    Matchers matchers;
    for (const std::string_view part : parts) {
        KW_TRY_ASSIGN(Matcher matcher, parse_one(part));
        matchers.push_back(std::move(matcher));
    }
    return matchers;
}

}  // namespace kw::alerting
