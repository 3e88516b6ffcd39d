// Matchers as Alertmanager writes them, in its two syntaxes.
//
//   classic   team="db", up to 0.26: classic names, values with or without quotes, \n \" \\ escaped
//   UTF-8     since 0.27: any text in quotes with Go's escapes, reserved characters only in quotes
//
// By default both are tried, as upstream's fallback mode does: where only one reads a text, that one counts;
// where both do and disagree, the classic reading, which is what the text used to mean.
// Source: https://prometheus.io/docs/alerting/latest/configuration/#label-matchers
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/matcher.h"

namespace kw::alerting {

using Matchers = std::vector<Matcher>;

// The most that one text may have.
inline constexpr size_t kMatcherBytesMax = 64 << 10;
inline constexpr size_t kMatchersMax = 1000;

// Errors of all: kInvalid, with the place in the text (bytes from 0); kExhausted over the limits.

// Braces are optional, and may be left out on one side only.
Result<Matchers> parse_classic_matchers(std::string_view text);
// Braces are optional, on both sides or none.
Result<Matchers> parse_utf8_matchers(std::string_view text);

struct ParsedMatchers {
    enum class Agreement : unsigned char {
        kBoth,         // both read the same, or only the UTF-8 parser reads it
        kClassicOnly,  // the UTF-8 parser refuses it
        kDisagree,     // both read it, each something else; these are the classic ones
    };
    Matchers matchers;
    Agreement agreement = Agreement::kBoth;
};
Result<ParsedMatchers> parse_matchers(std::string_view text);
// Likewise of one matcher, without braces: a filter of the API. Errors also: none, or several.
Result<Matcher> parse_matcher(std::string_view text);

// By name, then value, then operator.
void sort_matchers(Matchers& matchers);
// a="b", with the name in quotes where it has reserved characters.
std::string matcher_text(const Matcher& matcher);
// {a="b",c=~"d"}, in the order given.
std::string matchers_text(const Matchers& matchers);
// Text in double quotes with Go's escapes, as strconv.Quote prints it.
std::string go_quoted(std::string_view text);

}  // namespace kw::alerting
