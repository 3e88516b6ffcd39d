// Name/value lists of HTTP: header fields (names in any case) and parameters (query, form, path).
// Both keep the order in which the values came, and a name may be there several times.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace kw::net {

// Header fields. Lookups are linear: a message has some ten of them.
class Headers {
 public:
    Headers() = default;
    Headers(std::initializer_list<std::pair<std::string_view, std::string_view>> fields);

    void add(std::string_view name, std::string_view value);
    // Replaces every value of `name` by this one.
    void set(std::string_view name, std::string_view value);
    void remove(std::string_view name);
    bool has(std::string_view name) const { return find(name).has_value(); }
    // The first value, empty when absent. Valid until the next change.
    std::string_view get(std::string_view name) const { return find(name).value_or(""); }
    std::optional<std::string_view> find(std::string_view name) const;

    auto begin() const { return fields_.begin(); }
    auto end() const { return fields_.end(); }
    size_t size() const { return fields_.size(); }
    bool empty() const { return fields_.empty(); }
    bool operator==(const Headers&) const = default;

 private:
    std::vector<std::pair<std::string, std::string>> fields_;
};

// Parameters, names and values decoded.
class Params {
 public:
    void add(std::string name, std::string value);
    bool has(std::string_view name) const { return find(name).has_value(); }
    // The first value, empty when absent. Valid until the next change.
    std::string_view get(std::string_view name) const { return find(name).value_or(""); }
    std::optional<std::string_view> find(std::string_view name) const;
    // All values of `name` in their order.
    std::vector<std::string_view> all(std::string_view name) const;

    auto begin() const { return fields_.begin(); }
    auto end() const { return fields_.end(); }
    size_t size() const { return fields_.size(); }
    bool empty() const { return fields_.empty(); }
    bool operator==(const Params&) const = default;

 private:
    std::vector<std::pair<std::string, std::string>> fields_;
};

bool equals_ignoring_case(std::string_view a, std::string_view b);
// RFC 9110, 5.6.2: what a method or a field name may consist of.
bool is_token(std::string_view text);
// No control character other than tab: what may stand in a field value.
bool is_field_value(std::string_view text);

// %41 -> A; with `plus_is_space` + -> space too. Errors: kInvalid for a % without two hexadecimal
// digits.
Result<std::string> percent_decode(std::string_view text, bool plus_is_space);
// Everything but letters, digits and -._~ becomes %XX.
std::string percent_encode(std::string_view text);
// Appends the pairs of `a=1&b=2` (application/x-www-form-urlencoded) to `into`.
// Errors: kInvalid (a bad escape), kExhausted (more than 10,000 pairs).
Result<void> parse_form(std::string_view text, Params& into);
// a=1&b=2
std::string encode_form(const Params& params);

}  // namespace kw::net
