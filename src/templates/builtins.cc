// The functions that Go gives every template. `and`, `or` and `tmpl` are the executor's, since they do not
// evaluate all of their arguments, or run templates.
#include <fmt/core.h>

#include <algorithm>
#include <functional>

#include "templates/go_format.h"
#include "templates/template.h"

namespace kw::templates {
namespace {

using Arguments = std::span<const Value>;

Result<void> want_count(Arguments arguments, size_t least, size_t most) {
    if (arguments.size() >= least && arguments.size() <= most) return {};
    if (least == most)
        return invalid("wrong number of args: want {} got {}", least, arguments.size());
    return invalid("wrong number of args: want at least {} got {}", least, arguments.size());
}

enum class Basic : unsigned char { kBool, kInt, kFloat, kString, kNil, kOther };
Basic basic_kind(const Value& value) {
    if (value.is_nil()) return Basic::kNil;
    if (value.as<bool>() != nullptr) return Basic::kBool;
    if (value.as<int64_t>() != nullptr) return Basic::kInt;
    if (value.as<double>() != nullptr) return Basic::kFloat;
    return value.as_string() != nullptr ? Basic::kString : Basic::kOther;
}

Result<bool> equal(const Value& lhs, const Value& rhs) {
    const Basic kind = basic_kind(lhs);
    if (kind == Basic::kOther || basic_kind(rhs) == Basic::kOther) {
        return invalid("non-comparable type {}",
                       kind == Basic::kOther ? lhs.type_name() : rhs.type_name());
    }
    if (kind == Basic::kNil || basic_kind(rhs) == Basic::kNil) return kind == basic_kind(rhs);
    if (kind != basic_kind(rhs)) return invalid("incompatible types for comparison");
    return lhs.data() == rhs.data();
}

Result<bool> less(const Value& lhs, const Value& rhs) {
    if (basic_kind(lhs) != basic_kind(rhs)) return invalid("incompatible types for comparison");
    switch (basic_kind(lhs)) {
        case Basic::kInt: return *lhs.as<int64_t>() < *rhs.as<int64_t>();
        case Basic::kFloat: return *lhs.as<double>() < *rhs.as<double>();
        case Basic::kString: return *lhs.as_string() < *rhs.as_string();
        default: return invalid("invalid type for comparison");
    }
}

// eq takes several: whether the first equals any of the others.
Result<Value> eq(Arguments arguments, size_t) {
    KW_TRY(want_count(arguments, 2, SIZE_MAX));
    for (size_t i = 1; i < arguments.size(); ++i) {
        KW_TRY_ASSIGN(const bool is_equal, equal(arguments[0], arguments[i]));
        if (is_equal) return Value(true);
    }
    return Value(false);
}
Result<Value> ne(Arguments arguments, size_t) {
    KW_TRY(want_count(arguments, 2, 2));
    KW_TRY_ASSIGN(const bool is_equal, equal(arguments[0], arguments[1]));
    return Value(!is_equal);
}
Result<Value> lt(Arguments arguments, size_t) {
    KW_TRY(want_count(arguments, 2, 2));
    KW_TRY_ASSIGN(const bool is_less, less(arguments[0], arguments[1]));
    return Value(is_less);
}
Result<Value> le(Arguments arguments, size_t) {
    KW_TRY_ASSIGN(const Value is_less, lt(arguments, 0));
    if (is_less.truth()) return Value(true);
    KW_TRY_ASSIGN(const bool is_equal, equal(arguments[0], arguments[1]));
    return Value(is_equal);
}
Result<Value> gt(Arguments arguments, size_t) {
    KW_TRY_ASSIGN(const Value is_at_most, le(arguments, 0));
    return Value(!is_at_most.truth());
}
Result<Value> ge(Arguments arguments, size_t) {
    KW_TRY_ASSIGN(const Value is_less, lt(arguments, 0));
    return Value(!is_less.truth());
}

Result<Value> negation(Arguments arguments, size_t) {
    KW_TRY(want_count(arguments, 1, 1));
    return Value(!arguments[0].truth());
}

Result<Value> length(Arguments arguments, size_t) {
    KW_TRY(want_count(arguments, 1, 1));
    size_t size = 0;
    if (const std::string* const text = arguments[0].as_string()) {
        size = text->size();
    } else if (const List* const list = arguments[0].as_list()) {
        size = list->size();
    } else if (const Map* const map = arguments[0].as_map();
               map != nullptr && map->kind != Map::Kind::kStruct) {
        size = map->entries.size();
    } else {
        return invalid("len of type {}", arguments[0].type_name());
    }
    return Value(static_cast<int64_t>(size));
}

Result<size_t> index_of(const Value& value, size_t size) {
    const int64_t* const at = value.as<int64_t>();
    if (at == nullptr) return invalid("cannot index slice/array with type {}", value.type_name());
    if (*at < 0 || static_cast<uint64_t>(*at) >= size)
        return invalid("index out of range: {}", *at);
    return static_cast<size_t>(*at);
}

Result<Value> index(Arguments arguments, size_t) {
    KW_TRY(want_count(arguments, 1, SIZE_MAX));
    Value item = arguments[0];
    for (size_t i = 1; i < arguments.size(); ++i) {
        if (const List* const list = item.as_list()) {
            KW_TRY_ASSIGN(const size_t at, index_of(arguments[i], list->size()));
            Value next = (*list)[at];
            item = std::move(next);
        } else if (const Map* const map = item.as_map()) {
            const std::string* const name = arguments[i].as_string();
            if (name == nullptr)
                return invalid("value has type {}; should be string", arguments[i].type_name());
            const auto found = map->entries.find(*name);
            Value next;
            if (found != map->entries.end()) {
                next = found->second;
            } else if (map->kind == Map::Kind::kStrings) {
                next = Value("");
            }
            item = std::move(next);
        } else if (const std::string* const text = item.as_string()) {
            KW_TRY_ASSIGN(const size_t at, index_of(arguments[i], text->size()));
            item = Value(static_cast<int64_t>(static_cast<unsigned char>((*text)[at])));
        } else {
            return invalid("can't index item of type {}", item.type_name());
        }
    }
    return item;
}

Result<Value> slice(Arguments arguments, size_t) {
    KW_TRY(want_count(arguments, 1, 4));
    const std::string* const text = arguments[0].as_string();
    const List* const list = arguments[0].as_list();
    if (text == nullptr && list == nullptr)
        return invalid("can't slice item of type {}", arguments[0].type_name());
    if (text != nullptr && arguments.size() == 4) return invalid("cannot 3-index slice a string");
    const size_t size = text != nullptr ? text->size() : list->size();
    size_t bounds[3] = {0, size, size};
    for (size_t i = 1; i < arguments.size(); ++i) {
        KW_TRY_ASSIGN(bounds[i - 1], index_of(arguments[i], size + 1));
    }
    if (bounds[0] > bounds[1] || bounds[1] > bounds[2]) {
        return invalid("invalid slice index: {} > {}", bounds[0], bounds[1]);
    }
    if (text != nullptr) return Value(text->substr(bounds[0], bounds[1] - bounds[0]));
    return Value::list(List(list->begin() + static_cast<std::ptrdiff_t>(bounds[0]),
                            list->begin() + static_cast<std::ptrdiff_t>(bounds[1])));
}

Result<Value> print(Arguments arguments, size_t) { return Value(go_print(arguments)); }

Result<Value> println(Arguments arguments, size_t) {
    std::string out;
    for (const Value& argument : arguments) {
        if (!out.empty()) out += ' ';
        out += argument.text();
    }
    return Value(out + "\n");
}

Result<Value> printf(Arguments arguments, size_t bytes_max) {
    KW_TRY(want_count(arguments, 1, SIZE_MAX));
    const std::string* const format = arguments[0].as_string();
    if (format == nullptr)
        return invalid("wrong type for value; expected string; got {}", arguments[0].type_name());
    KW_TRY_ASSIGN(std::string text, go_printf(*format, arguments.subspan(1), bytes_max));
    return Value(std::move(text));
}

Result<Value> html(Arguments arguments, size_t) {
    std::string out;
    for (const char c : go_print(arguments)) {
        switch (c) {
            case '"': out += "&#34;"; break;
            case '\'': out += "&#39;"; break;
            case '&': out += "&amp;"; break;
            case '<': out += "&lt;"; break;
            case '>': out += "&gt;"; break;
            case '\0': out += "\xef\xbf\xbd"; break;
            default: out += c;
        }
    }
    return Value(std::move(out));
}

Result<Value> js(Arguments arguments, size_t) {
    std::string out;
    for (const char c : go_print(arguments)) {
        switch (c) {
            case '\\': out += "\\\\"; break;
            case '\'': out += "\\'"; break;
            case '"': out += "\\\""; break;
            case '<':
            case '>':
            case '&':
            case '=': out += fmt::format("\\u{:04X}", static_cast<unsigned char>(c)); break;
            default:
                if (static_cast<unsigned char>(c) < 0x20) {
                    out += fmt::format("\\u{:04X}", static_cast<unsigned char>(c));
                } else {
                    out += c;
                }
        }
    }
    return Value(std::move(out));
}

Result<Value> urlquery(Arguments arguments, size_t) {
    std::string out;
    for (const char c : go_print(arguments)) {
        const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                              (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' ||
                              c == '~';
        if (is_plain) {
            out += c;
        } else if (c == ' ') {
            out += '+';
        } else {
            out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
        }
    }
    return Value(std::move(out));
}

struct Builtin {
    std::string_view name;
    Result<Value> (*call)(Arguments, size_t bytes_max);  // null: the executor's
};
constexpr Builtin kBuiltins[] = {
    {"and", nullptr},  {"or", nullptr},    {"tmpl", nullptr},
    {"not", negation}, {"eq", eq},         {"ne", ne},
    {"lt", lt},        {"le", le},         {"gt", gt},
    {"ge", ge},        {"len", length},    {"index", index},
    {"slice", slice},  {"print", print},   {"println", println},
    {"html", html},    {"printf", printf}, {"urlquery", urlquery},
    {"js", js},
};

}  // namespace

bool is_builtin(std::string_view name) {
    return std::any_of(std::begin(kBuiltins), std::end(kBuiltins),
                       [&](const Builtin& builtin) { return builtin.name == name; });
}

Result<Value> call_builtin(std::string_view name, std::span<const Value> arguments,
                           size_t bytes_max) {
    for (const Builtin& builtin : kBuiltins) {
        if (builtin.name == name && builtin.call != nullptr)
            return builtin.call(arguments, bytes_max);
    }
    return invalid("function {} not defined", go_quoted(name));
}

}  // namespace kw::templates
