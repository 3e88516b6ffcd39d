#include "templates/go_format.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>

#include "base/utf8.h"

namespace kw::templates {
namespace {

constexpr int kWidthMax =
    10'000;  // as Go's fmt refuses more than 1e6: here a template's output is bounded

// One verb of a format: %[flags][width][.precision]verb.
struct Verb {
    bool plus = false;
    bool minus = false;
    bool sharp = false;
    bool space = false;
    bool zero = false;
    int width = -1;
    int precision = -1;
    char32_t letter = 0;
    std::string_view letter_text;
};

size_t code_points(std::string_view text) {
    return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
    }));
}

std::string padded(std::string text, const Verb& verb, bool is_number) {
    const size_t length = code_points(text);
    if (verb.width < 0 || length >= static_cast<size_t>(verb.width)) return text;
    const size_t missing = static_cast<size_t>(verb.width) - length;
    if (verb.minus) return text + std::string(missing, ' ');
    if (!verb.zero) return std::string(missing, ' ') + text;
    const bool has_sign = is_number && !text.empty() && (text[0] == '-' || text[0] == '+');
    return text.substr(0, has_sign) + std::string(missing, '0') + text.substr(has_sign);
}

std::string signed_text(std::string text, const Verb& verb) {
    if (text.starts_with('-') || text.starts_with('+')) return text;
    if (verb.plus) return "+" + text;
    return verb.space ? " " + text : text;
}

// As Go's utf8.AppendRune: what is no character becomes U+FFFD.
void append_rune(std::string& out, uint32_t point) {
    append_utf8(out, point > 0x10ffff || (point >= 0xd800 && point < 0xe000) ? 0xfffd : point);
}

std::string bad_verb(const Verb& verb, const Value& value) {
    if (value.is_nil()) return fmt::format("%!{}(<nil>)", verb.letter_text);
    return fmt::format("%!{}({}={})", verb.letter_text, value.type_name(), value.text());
}

std::string integer_text(int64_t value, int base, bool upper) {
    std::array<char, 72> buffer{};
    const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, base).ptr;
    std::string text(buffer.data(), end);
    if (upper)
        std::transform(text.begin(), text.end(), text.begin(), [](char c) {
            return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
        });
    return text;
}

std::string format_integer(const Verb& verb, int64_t value) {
    int base = 10;
    std::string prefix;
    switch (verb.letter) {
        case 'v':
        case 'd': break;
        case 'b':
            base = 2;
            prefix = "0b";
            break;
        case 'o':
            base = 8;
            prefix = "0";
            break;
        case 'O':
            base = 8;
            prefix = "0o";
            break;
        case 'x':
            base = 16;
            prefix = "0x";
            break;
        case 'X':
            base = 16;
            prefix = "0X";
            break;
        case 'c': {
            std::string text;
            append_rune(text, static_cast<uint32_t>(std::clamp<int64_t>(value, -1, 0x110000)));
            return padded(std::move(text), verb, false);
        }
        case 'q': {
            std::string text = "'";
            append_rune(text, static_cast<uint32_t>(std::clamp<int64_t>(value, -1, 0x110000)));
            return padded(text + "'", verb, false);
        }
        case 'U': return padded(fmt::format("U+{:04X}", static_cast<uint64_t>(value)), verb, false);
        default: return bad_verb(verb, Value(value));
    }
    std::string digits = integer_text(value, base, verb.letter == 'X');
    const bool is_negative = digits.starts_with('-');
    if (is_negative) digits.erase(0, 1);
    if (verb.precision > static_cast<int>(digits.size())) {
        digits.insert(0, static_cast<size_t>(verb.precision) - digits.size(), '0');
    }
    if (verb.sharp || verb.letter == 'O') digits.insert(0, prefix);
    Verb layout = verb;
    if (verb.precision >= 0) layout.zero = false;
    return padded(signed_text((is_negative ? "-" : "") + digits, verb), layout, true);
}

std::string format_real(const Verb& verb, double value) {
    char letter = 'g';
    int precision = verb.precision;
    switch (verb.letter) {
        case 'v': break;
        case 'e':
        case 'E':
        case 'f':
        case 'F':
            letter = verb.letter == 'F' ? 'f' : static_cast<char>(verb.letter);
            if (precision < 0) precision = 6;
            break;
        case 'g':
        case 'G': letter = static_cast<char>(verb.letter); break;
        default: return bad_verb(verb, Value(value));
    }
    Verb layout = verb;
    if (!std::isfinite(value)) layout.zero = false;
    std::string text = format_float(value, letter, precision);
    return padded(signed_text(std::move(text), verb), layout, true);
}

std::string hex_text(std::string_view text, bool upper) {
    std::string out;
    for (const char c : text) {
        out += upper ? fmt::format("{:02X}", static_cast<unsigned char>(c))
                     : fmt::format("{:02x}", static_cast<unsigned char>(c));
    }
    return out;
}

std::string cut_to(const std::string& text, int precision) {
    if (precision < 0) return text;
    size_t at = 0;
    for (int i = 0; i < precision && at < text.size(); ++i) {
        ++at;
        while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80) ++at;
    }
    return text.substr(0, at);
}

std::string format_text(const Verb& verb, const std::string& value, const Value& original) {
    switch (verb.letter) {
        case 'v':
            if (verb.sharp) return padded(go_quoted(value), verb, false);
            return padded(cut_to(value, verb.precision), verb, false);
        case 's': return padded(cut_to(value, verb.precision), verb, false);
        case 'q': return padded(go_quoted(cut_to(value, verb.precision)), verb, false);
        case 'x':
        case 'X': return padded(hex_text(value, verb.letter == 'X'), verb, false);
        default: return bad_verb(verb, original);
    }
}

std::string format_value(const Verb& verb, const Value& value) {
    if (verb.letter == 'T') return padded(value.type_name(), verb, false);
    if (value.is_nil()) {
        return verb.letter == 'v' ? padded("<nil>", verb, false) : bad_verb(verb, value);
    }
    if (const bool* const flag = value.as<bool>()) {
        if (verb.letter != 't' && verb.letter != 'v') return bad_verb(verb, value);
        return padded(*flag ? "true" : "false", verb, false);
    }
    if (const int64_t* const whole = value.as<int64_t>()) return format_integer(verb, *whole);
    if (const double* const real = value.as<double>()) return format_real(verb, *real);
    if (const std::string* const text = value.as_string()) return format_text(verb, *text, value);
    if (const List* const list = value.as_list()) {
        std::string out = "[";
        for (const Value& item : *list) {
            if (out.size() > 1) out += ' ';
            out += format_value(verb, item);
        }
        return out + "]";
    }
    if (verb.letter == 'v' || verb.letter == 's') return padded(value.text(), verb, false);
    return bad_verb(verb, value);
}

// Walks a format string; the arguments are consumed in order, or by their index: %[2]d.
class Printer {
 public:
    Printer(std::string_view format, std::span<const Value> arguments)
        : format_(format), arguments_(arguments) {}

    Result<std::string> run(size_t bytes_max) {
        while (at_ < format_.size()) {
            if (format_[at_] != '%') {
                out_ += format_[at_++];
            } else {
                ++at_;
                directive();
            }
            if (out_.size() > bytes_max) return exhausted("printf: more than {} bytes", bytes_max);
        }
        if (!reordered_ && next_ < arguments_.size()) {
            out_ += "%!(EXTRA ";
            for (size_t i = next_; i < arguments_.size(); ++i) {
                if (i > next_) out_ += ", ";
                out_ += arguments_[i].is_nil()
                            ? std::string("<nil>")
                            : fmt::format("{}={}", arguments_[i].type_name(), arguments_[i].text());
            }
            out_ += ")";
        }
        if (out_.size() > bytes_max) return exhausted("printf: more than {} bytes", bytes_max);
        return std::move(out_);
    }

 private:
    void flags(Verb& verb) {
        for (; at_ < format_.size(); ++at_) {
            switch (format_[at_]) {
                case '+': verb.plus = true; break;
                case '-': verb.minus = true; break;
                case '#': verb.sharp = true; break;
                case ' ': verb.space = true; break;
                case '0': verb.zero = true; break;
                default: return;
            }
        }
    }

    // -1: no number here.
    int number() {
        int value = -1;
        for (; at_ < format_.size() && format_[at_] >= '0' && format_[at_] <= '9'; ++at_) {
            value = std::min(std::max(value, 0) * 10 + (format_[at_] - '0'), kWidthMax);
        }
        return value;
    }

    // [n]
    void index() {
        if (at_ >= format_.size() || format_[at_] != '[') return;
        const size_t close = format_.find(']', at_);
        if (close == std::string_view::npos) {
            bad_index_ = true;
            return;
        }
        reordered_ = true;
        size_t number = 0;
        const auto [end, error] =
            std::from_chars(format_.data() + at_ + 1, format_.data() + close, number);
        at_ = close + 1;
        if (error != std::errc() || end != format_.data() + close || number == 0 ||
            number > arguments_.size()) {
            bad_index_ = true;
        } else {
            next_ = number - 1;
        }
    }

    int star() {
        ++at_;
        if (next_ >= arguments_.size()) return -1;
        const int64_t* const whole = arguments_[next_++].as<int64_t>();
        if (whole == nullptr) {
            out_ += "%!(BADWIDTH)";
            return -1;
        }
        return static_cast<int>(std::clamp<int64_t>(*whole, -kWidthMax, kWidthMax));
    }

    void directive() {
        Verb verb;
        bad_index_ = false;
        flags(verb);
        index();
        if (at_ < format_.size() && format_[at_] == '*') {
            verb.width = star();
            if (verb.width < -1) {
                verb.minus = true;
                verb.width = -verb.width;
            }
        } else {
            verb.width = number();
        }
        if (at_ < format_.size() && format_[at_] == '.') {
            ++at_;
            index();
            if (at_ < format_.size() && format_[at_] == '*') {
                verb.precision = std::max(star(), -1);
            } else {
                verb.precision = std::max(number(), 0);
            }
        }
        index();
        if (at_ >= format_.size()) {
            out_ += "%!(NOVERB)";
            return;
        }
        const size_t start = at_++;
        while (at_ < format_.size() && (static_cast<unsigned char>(format_[at_]) & 0xc0) == 0x80)
            ++at_;
        verb.letter_text = format_.substr(start, at_ - start);
        verb.letter =
            verb.letter_text.size() == 1 ? static_cast<char32_t>(verb.letter_text[0]) : 0xfffd;
        if (verb.minus) verb.zero = false;
        if (verb.letter == '%') {
            out_ += '%';
        } else if (bad_index_) {
            out_ += fmt::format("%!{}(BADINDEX)", verb.letter_text);
        } else if (next_ >= arguments_.size()) {
            out_ += fmt::format("%!{}(MISSING)", verb.letter_text);
        } else {
            out_ += format_value(verb, arguments_[next_++]);
        }
    }

    const std::string_view format_;
    const std::span<const Value> arguments_;
    std::string out_;
    size_t at_ = 0;
    size_t next_ = 0;
    bool reordered_ = false;
    bool bad_index_ = false;
};

// "1.5e+06" has at least two digits of exponent in C and Go alike.
std::string scientific(double value, int precision, bool upper) {
    if (precision >= 0) {
        return upper ? fmt::format("{:.{}E}", value, precision)
                     : fmt::format("{:.{}e}", value, precision);
    }
    std::array<char, 64> buffer{};
    const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                   std::chars_format::scientific)
                         .ptr;
    std::string text(buffer.data(), end);
    if (upper) std::replace(text.begin(), text.end(), 'e', 'E');
    return text;
}

std::string fixed(double value, int precision) {
    if (precision >= 0) return fmt::format("{:.{}f}", value, precision);
    std::array<char, 400> buffer{};
    const auto end =
        std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::fixed)
            .ptr;
    return {buffer.data(), end};
}

// Trailing zeros of the fraction go, as %g has it.
std::string without_zeros(std::string text) {
    const size_t e = text.find_first_of("eE");
    std::string exponent = e == std::string::npos ? std::string() : text.substr(e);
    text.resize(std::min(text.size(), e));
    if (text.find('.') != std::string::npos) {
        while (text.ends_with('0')) text.pop_back();
        if (text.ends_with('.')) text.pop_back();
    }
    return text + exponent;
}

}  // namespace

std::string format_float(double value, char verb, int precision) {
    if (std::isnan(value)) return "NaN";
    if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
    const bool upper = verb == 'E' || verb == 'G';
    if (verb == 'e' || verb == 'E') return scientific(value, precision, upper);
    if (verb == 'f' || verb == 'F') return fixed(value, precision);
    if (precision == 0) precision = 1;
    const std::string wide = scientific(value, precision < 0 ? -1 : precision - 1, upper);
    const int exponent = std::atoi(wide.c_str() + wide.find_first_of("eE") + 1);
    // The shortest form has an exponent from 1e+06 on, as if six digits were asked for.
    const int limit = precision < 0 ? 6 : precision;
    if (exponent < -4 || exponent >= limit) return without_zeros(wide);
    return without_zeros(fixed(value, precision < 0 ? -1 : std::max(precision - 1 - exponent, 0)));
}

std::string go_quoted(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        switch (c) {
            case '"': out += "\\\""; break;
            case '\\': out += "\\\\"; break;
            case '\n': out += "\\n"; break;
            case '\r': out += "\\r"; break;
            case '\t': out += "\\t"; break;
            case '\a': out += "\\a"; break;
            case '\b': out += "\\b"; break;
            case '\f': out += "\\f"; break;
            case '\v': out += "\\v"; break;
            default:
                if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
                    out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
                } else {
                    out += c;
                }
        }
    }
    return out + "\"";
}

Result<std::string> go_printf(std::string_view format, std::span<const Value> arguments,
                              size_t bytes_max) {
    return Printer(format, arguments).run(bytes_max);
}

std::string go_print(std::span<const Value> arguments) {
    std::string out;
    for (size_t i = 0; i < arguments.size(); ++i) {
        const bool is_text = arguments[i].as_string() != nullptr;
        if (i > 0 && !is_text && arguments[i - 1].as_string() == nullptr) out += ' ';
        out += arguments[i].text();
    }
    return out;
}

}  // namespace kw::templates
