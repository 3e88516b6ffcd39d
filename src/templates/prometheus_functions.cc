#include "templates/prometheus_functions.h"

#include <fmt/core.h>
#include <re2/re2.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <optional>

#include "model/matcher.h"
#include "model/sample.h"
#include "templates/go_format.h"

namespace kw::templates {
namespace {

using Arguments = std::span<const Value>;

Result<void> want(Arguments arguments, size_t count) {
    if (arguments.size() == count) return {};
    return invalid("wrong number of args: want {} got {}", count, arguments.size());
}

Result<std::string> text_at(Arguments arguments, size_t index) {
    const std::string* const text = arguments[index].as_string();
    if (text != nullptr) return *text;
    return invalid("wrong type for value; expected string; got {}", arguments[index].type_name());
}

Result<double> number_of(const Value& value) {
    if (const double* const real = value.as<double>()) return *real;
    if (const int64_t* const whole = value.as<int64_t>()) return static_cast<double>(*whole);
    if (const std::string* const text = value.as_string()) return parse_value(*text);
    double number = 0;
    if (const Object* const object = value.as_object();
        object != nullptr && object->number(number)) {
        return number;
    }
    return invalid("can't convert {} to float", value.type_name());
}

// ---- times and durations

constexpr std::string_view kMonths[] = {"January",   "February", "March",    "April",
                                        "May",       "June",     "July",     "August",
                                        "September", "October",  "November", "December"};
constexpr std::string_view kDays[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                      "Thursday", "Friday", "Saturday"};

// A time as Go's time.Time shows and formats it.
class TimeObject final : public Object {
 public:
    explicit TimeObject(double seconds, int64_t offset_s = 0, std::string zone = "UTC")
        : millis_(std::llround(seconds * 1e3)), offset_s_(offset_s), zone_(std::move(zone)) {
        int64_t whole = millis_ / 1000;
        fraction_ns_ = millis_ % 1000 * 1'000'000;
        if (fraction_ns_ < 0) {
            fraction_ns_ += 1'000'000'000;
            --whole;
        }
        const std::time_t time = whole + offset_s_;
        ::gmtime_r(&time, &fields_);
    }

    std::string type_name() const override { return "*time.Time"; }
    std::string text() const override {
        return formatted("2006-01-02 15:04:05.999999999 -0700 MST");
    }
    bool number(double& out) const override {
        out = static_cast<double>(millis_) / 1e3;
        return true;
    }
    Result<Value> member(std::string_view name, std::span<const Value> arguments) const override {
        if (name == "Format") {
            KW_TRY(want(arguments, 1));
            KW_TRY_ASSIGN(const std::string layout, text_at(arguments, 0));
            return Value(formatted(layout));
        }
        KW_TRY(want(arguments, 0));
        if (name == "Unix") return Value(millis_ / 1000);
        if (name == "UnixMilli") return Value(millis_);
        if (name == "UnixNano")
            return Value(static_cast<int64_t>(static_cast<uint64_t>(millis_) * 1'000'000));
        if (name == "Year") return Value(int64_t{fields_.tm_year} + 1900);
        if (name == "Month")
            return Value(std::string(kMonths[static_cast<size_t>(fields_.tm_mon)]));
        if (name == "Day") return Value(int64_t{fields_.tm_mday});
        if (name == "Hour") return Value(int64_t{fields_.tm_hour});
        if (name == "Minute") return Value(int64_t{fields_.tm_min});
        if (name == "Second") return Value(int64_t{fields_.tm_sec});
        if (name == "Nanosecond") return Value(fraction_ns_);
        if (name == "Weekday")
            return Value(std::string(kDays[static_cast<size_t>(fields_.tm_wday)]));
        if (name == "YearDay") return Value(int64_t{fields_.tm_yday} + 1);
        if (name == "UTC" || name == "Local")
            return Value(std::make_shared<const TimeObject>(static_cast<double>(millis_) / 1e3));
        if (name == "String") return Value(text());
        return invalid("can't evaluate field {} in type *time.Time", name);
    }

 private:
    // One element of a layout; longest first, so that "January" is not "Jan" and "uary".
    std::string element(std::string_view name) const {
        const auto two = [](int value) { return fmt::format("{:02}", value); };
        const int hour12 = fields_.tm_hour % 12 == 0 ? 12 : fields_.tm_hour % 12;
        const std::string_view month = kMonths[static_cast<size_t>(fields_.tm_mon)];
        const std::string_view day = kDays[static_cast<size_t>(fields_.tm_wday)];
        if (name == "2006") return fmt::format("{:04}", fields_.tm_year + 1900);
        if (name == "06") return two((fields_.tm_year + 1900) % 100);
        if (name == "January") return std::string(month);
        if (name == "Jan") return std::string(month.substr(0, 3));
        if (name == "01") return two(fields_.tm_mon + 1);
        if (name == "1") return std::to_string(fields_.tm_mon + 1);
        if (name == "Monday") return std::string(day);
        if (name == "Mon") return std::string(day.substr(0, 3));
        if (name == "02") return two(fields_.tm_mday);
        if (name == "_2") return fmt::format("{:>2}", fields_.tm_mday);
        if (name == "2") return std::to_string(fields_.tm_mday);
        if (name == "002") return fmt::format("{:03}", fields_.tm_yday + 1);
        if (name == "15") return two(fields_.tm_hour);
        if (name == "03") return two(hour12);
        if (name == "3") return std::to_string(hour12);
        if (name == "04") return two(fields_.tm_min);
        if (name == "4") return std::to_string(fields_.tm_min);
        if (name == "05") return two(fields_.tm_sec);
        if (name == "5") return std::to_string(fields_.tm_sec);
        if (name == "PM") return fields_.tm_hour < 12 ? "AM" : "PM";
        if (name == "pm") return fields_.tm_hour < 12 ? "am" : "pm";
        if (name == "MST") return zone_;
        if (name.starts_with('Z') && offset_s_ == 0) return "Z";  // Z0700, Z07:00
        const int64_t minutes = std::abs(offset_s_) / 60;
        const char sign = offset_s_ < 0 ? '-' : '+';
        if (name == "-07") return fmt::format("{}{:02}", sign, minutes / 60);
        const bool has_colon = name.find(':') != std::string_view::npos;
        return fmt::format("{}{:02}{}{:02}", sign, minutes / 60, has_colon ? ":" : "",
                           minutes % 60);
    }

    // ".000" has its digits always, ".999" without trailing zeros.
    std::string fraction(std::string_view digits) const {
        std::string text =
            fmt::format("{:09}", fraction_ns_).substr(0, std::min<size_t>(digits.size() - 1, 9));
        if (digits[1] == '9') {
            while (text.ends_with('0')) text.pop_back();
            if (text.empty()) return {};
        }
        return digits[0] + text;
    }

    std::string formatted(std::string_view layout) const {
        static constexpr std::string_view kElements[] = {
            "January", "Monday", "-07:00", "Z07:00", "-0700", "Z0700", "2006", "002", "Jan",
            "Mon",     "MST",    "-07",    "01",     "02",    "03",    "04",   "05",  "06",
            "15",      "_2",     "PM",     "pm",     "1",     "2",     "3",    "4",   "5"};
        std::string out;
        while (!layout.empty()) {
            if ((layout[0] == '.' || layout[0] == ',') && layout.size() > 1 &&
                (layout[1] == '0' || layout[1] == '9')) {
                const size_t end = std::min(layout.find_first_not_of(layout[1], 1), layout.size());
                if (end == layout.size() || layout[end] < '0' || layout[end] > '9') {
                    out += fraction(layout.substr(0, end));
                    layout.remove_prefix(end);
                    continue;
                }
            }
            const auto found =
                std::find_if(std::begin(kElements), std::end(kElements),
                             [&](std::string_view e) { return layout.starts_with(e); });
            if (found == std::end(kElements)) {
                out += layout[0];
                layout.remove_prefix(1);
            } else {
                out += element(*found);
                layout.remove_prefix(found->size());
            }
        }
        return out;
    }

    int64_t millis_;  // nanoseconds would not reach year 1
    int64_t offset_s_;
    std::string zone_;
    int64_t fraction_ns_ = 0;
    std::tm fields_{};
};

// A time.Duration: "1h30m0s".
class DurationObject final : public Object {
 public:
    explicit DurationObject(double seconds) : seconds_(seconds) {}
    std::string type_name() const override { return "time.Duration"; }
    bool number(double& out) const override {
        out = seconds_;
        return true;
    }
    std::string text() const override {
        const double size = std::abs(seconds_);
        const std::string sign = seconds_ < 0 ? "-" : "";
        if (size == 0) return "0s";
        if (size < 1e-6) return fmt::format("{}{}ns", sign, format_float(size * 1e9, 'f', -1));
        if (size < 1e-3) return fmt::format("{}{}\u00b5s", sign, format_float(size * 1e6, 'f', -1));
        if (size < 1) return fmt::format("{}{}ms", sign, format_float(size * 1e3, 'f', -1));
        const auto whole = static_cast<int64_t>(size);
        const double rest = static_cast<double>(whole % 60) + (size - static_cast<double>(whole));
        const std::string seconds = format_float(rest, 'f', -1) + "s";
        if (whole < 60) return sign + seconds;
        if (whole < 3600) return fmt::format("{}{}m{}", sign, whole / 60, seconds);
        return fmt::format("{}{}h{}m{}", sign, whole / 3600, whole / 60 % 60, seconds);
    }
    Result<Value> member(std::string_view name, std::span<const Value> arguments) const override {
        KW_TRY(want(arguments, 0));
        if (name == "Hours") return Value(seconds_ / 3600);
        if (name == "Minutes") return Value(seconds_ / 60);
        if (name == "Seconds") return Value(seconds_);
        if (name == "Milliseconds") return Value(static_cast<int64_t>(seconds_ * 1e3));
        if (name == "String") return Value(text());
        return invalid("can't evaluate field {} in type time.Duration", name);
    }

 private:
    const double seconds_;
};

// Seconds that fit the range of times that people mean: the years 1 to 9999.
bool is_showable_time(double seconds) {
    return std::isfinite(seconds) && seconds > -62'135'596'800.0 && seconds < 253'402'300'800.0;
}

// ---- numbers for people

// %.4g with a prefix of `prefixes`, each a step of `factor`.
std::string scaled_up(double value, double factor, std::span<const std::string_view> prefixes) {
    std::string_view prefix;
    for (const std::string_view next : prefixes) {
        if (std::abs(value) < factor) break;
        prefix = next;
        value /= factor;
    }
    return format_float(value, 'g', 4) + std::string(prefix);
}

std::string scaled_down(double value, std::string_view unit) {
    static constexpr std::string_view kPrefixes[] = {"m", "u", "n", "p", "f", "a", "z", "y"};
    std::string_view prefix;
    for (const std::string_view next : kPrefixes) {
        if (std::abs(value) >= 1) break;
        prefix = next;
        value *= 1000;
    }
    return fmt::format("{}{}{}", format_float(value, 'g', 4), prefix, unit);
}

std::string humanize_1024(double value) {
    static constexpr std::string_view kPrefixes[] = {"ki", "Mi", "Gi", "Ti",
                                                     "Pi", "Ei", "Zi", "Yi"};
    if (std::abs(value) <= 1 || !std::isfinite(value)) return format_float(value, 'g', 4);
    return scaled_up(value, 1024, kPrefixes);
}

std::string humanize_percentage(double value) { return format_float(value * 100, 'g', 4) + "%"; }

std::string humanize_timestamp(double seconds) {
    if (!is_showable_time(seconds)) return format_float(seconds, 'g', 4);
    return TimeObject(seconds).text();
}

template <std::string (*Show)(double)>
Result<Value> of_number(Arguments arguments) {
    KW_TRY(want(arguments, 1));
    KW_TRY_ASSIGN(const double number, number_of(arguments[0]));
    return Value(Show(number));
}

Result<Value> to_time(Arguments arguments) {
    KW_TRY(want(arguments, 1));
    KW_TRY_ASSIGN(const double seconds, number_of(arguments[0]));
    if (!is_showable_time(seconds))
        return invalid("value is NaN or Inf, or no time of the years 1 to 9999");
    return Value(std::make_shared<const TimeObject>(seconds));
}

Result<Value> to_duration(Arguments arguments) {
    KW_TRY(want(arguments, 1));
    KW_TRY_ASSIGN(const double seconds, number_of(arguments[0]));
    if (!std::isfinite(seconds) || std::abs(seconds) > 9.2e9)
        return invalid("value is no duration");
    return Value(std::make_shared<const DurationObject>(seconds));
}

Result<Value> parse_duration(Arguments arguments) {
    KW_TRY(want(arguments, 1));
    KW_TRY_ASSIGN(const std::string text, text_at(arguments, 0));
    KW_TRY_ASSIGN(const int64_t ms, parse_duration_ms(text));
    return Value(static_cast<double>(ms) / 1000);
}

// ---- texts

template <char (*Change)(char, char)>
Result<Value> changed(Arguments arguments) {
    KW_TRY(want(arguments, 1));
    KW_TRY_ASSIGN(std::string text, text_at(arguments, 0));
    char before = ' ';
    for (char& c : text) {
        const char now = c;
        c = Change(c, before);
        before = now;
    }
    return Value(std::move(text));
}
char upper(char c, char) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }
char lower(char c, char) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
// A letter behind what is no letter, digit, underscore or apostrophe begins a word.
char title(char c, char before) {
    const bool inside = (before >= 'a' && before <= 'z') || (before >= 'A' && before <= 'Z') ||
                        (before >= '0' && before <= '9') || before == '_' || before == '\'' ||
                        static_cast<unsigned char>(before) >= 0x80;
    return inside ? c : upper(c, ' ');
}

Result<std::shared_ptr<const RE2>> compiled(const std::string& pattern) {
    if (pattern.size() > AnchoredRegex::kPatternBytesMax) {
        return exhausted("a regular expression of {} bytes", pattern.size());
    }
    RE2::Options options;
    options.set_log_errors(false);
    options.set_max_mem(AnchoredRegex::kProgramBytesMax);
    auto regex = std::make_shared<const RE2>(pattern, options);
    if (!regex->ok()) return invalid("error parsing regexp: {}", regex->error());
    return std::shared_ptr<const RE2>(regex);
}

Result<Value> match(Arguments arguments) {
    KW_TRY(want(arguments, 2));
    KW_TRY_ASSIGN(const std::string pattern, text_at(arguments, 0));
    KW_TRY_ASSIGN(const std::string text, text_at(arguments, 1));
    KW_TRY_ASSIGN(const std::shared_ptr<const RE2> regex, compiled(pattern));
    return Value(RE2::PartialMatch(text, *regex));
}

// Appends `replacement` with $1, ${1}, $name, ${name} and $$ expanded, as Go's regexp does.
void expand(std::string_view replacement, const RE2& regex,
            std::span<const re2::StringPiece> groups, std::string& out) {
    for (size_t i = 0; i < replacement.size(); ++i) {
        if (replacement[i] != '$' || i + 1 == replacement.size()) {
            out += replacement[i];
            continue;
        }
        if (replacement[i + 1] == '$') {
            out += '$';
            ++i;
            continue;
        }
        const bool braced = replacement[i + 1] == '{';
        size_t end = i + 1 + braced;
        const size_t start = end;
        const auto is_word = [](char c) {
            return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                   (c >= 'A' && c <= 'Z');
        };
        while (end < replacement.size() && is_word(replacement[end])) ++end;
        if (end == start || (braced && (end == replacement.size() || replacement[end] != '}'))) {
            out += '$';
            continue;
        }
        const std::string name(replacement.substr(start, end - start));
        size_t group = SIZE_MAX;
        if (name.find_first_not_of("0123456789") == std::string::npos) {
            group = name.size() > 4 ? SIZE_MAX : static_cast<size_t>(std::stoul(name));
        } else if (const auto found = regex.NamedCapturingGroups().find(name);
                   found != regex.NamedCapturingGroups().end()) {
            group = static_cast<size_t>(found->second);
        }
        if (group < groups.size()) out.append(groups[group].data(), groups[group].size());
        i = braced ? end : end - 1;
    }
}

Result<Value> replace_all(Arguments arguments) {
    constexpr size_t kBytesMax = 1 << 20;
    KW_TRY(want(arguments, 3));
    KW_TRY_ASSIGN(const std::string pattern, text_at(arguments, 0));
    KW_TRY_ASSIGN(const std::string replacement, text_at(arguments, 1));
    KW_TRY_ASSIGN(const std::string text, text_at(arguments, 2));
    KW_TRY_ASSIGN(const std::shared_ptr<const RE2> regex, compiled(pattern));
    std::vector<re2::StringPiece> groups(static_cast<size_t>(regex->NumberOfCapturingGroups()) + 1);
    std::string out;
    size_t at = 0;
    while (at <= text.size()) {
        if (!regex->Match(text, at, text.size(), RE2::UNANCHORED, groups.data(),
                          static_cast<int>(groups.size()))) {
            break;
        }
        const auto start = static_cast<size_t>(groups[0].data() - text.data());
        out.append(text, at, start - at);
        expand(replacement, *regex, groups, out);
        at = start + groups[0].size();
        if (groups[0].empty()) {
            if (at < text.size()) out += text[at];
            ++at;
        }
        if (out.size() > kBytesMax) return exhausted("a text of more than {} bytes", kBytesMax);
    }
    if (at < text.size()) out.append(text, at, std::string::npos);
    return Value(std::move(out));
}

// host:port, [host]:port; nullopt when there is no port.
std::optional<std::pair<std::string, std::string>> split_host_port(const std::string& text) {
    const size_t colon = text.rfind(':');
    if (colon == std::string::npos) return std::nullopt;
    std::string host = text.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']')) {
        host = host.substr(1, host.size() - 2);
    } else if (host.find(':') != std::string::npos) {
        return std::nullopt;
    }
    return std::pair(host, text.substr(colon + 1));
}

bool is_ip_address(const std::string& host) {
    if (host.find(':') != std::string::npos) return true;
    return !host.empty() && host.find_first_not_of("0123456789.") == std::string::npos &&
           std::count(host.begin(), host.end(), '.') == 3;
}

Result<Value> strip_port(Arguments arguments) {
    KW_TRY(want(arguments, 1));
    KW_TRY_ASSIGN(std::string text, text_at(arguments, 0));
    const auto parts = split_host_port(text);
    return Value(parts ? parts->first : text);
}

Result<Value> strip_domain(Arguments arguments) {
    KW_TRY(want(arguments, 1));
    KW_TRY_ASSIGN(const std::string text, text_at(arguments, 0));
    const auto parts = split_host_port(text);
    const std::string host = parts ? parts->first : text;
    if (is_ip_address(host)) return Value(text);
    const std::string name = host.substr(0, host.find('.'));
    return Value(parts ? name + ":" + parts->second : name);
}

Result<Value> query_escape(Arguments arguments) {
    KW_TRY(want(arguments, 1));
    KW_TRY_ASSIGN(const std::string text, text_at(arguments, 0));
    return Value(url_query_escaped(text));
}

template <int Tab>
Result<Value> link(Arguments arguments) {
    KW_TRY(want(arguments, 1));
    KW_TRY_ASSIGN(const std::string expression, text_at(arguments, 0));
    return Value(fmt::format("/graph?g0.expr={}&g0.tab={}", url_query_escaped(expression), Tab));
}

Result<Value> safe_html(Arguments arguments) {
    KW_TRY(want(arguments, 1));
    return arguments[0];
}

// ---- samples

Result<const Map*> sample_at(Arguments arguments, size_t index) {
    const Map* const map = arguments[index].as_map();
    if (map == nullptr || !map->entries.contains("Labels") || !map->entries.contains("Value")) {
        return invalid("wrong type for value; expected a sample; got {}",
                       arguments[index].type_name());
    }
    return map;
}

std::string label_of(const Map& sample, const std::string& name) {
    const Map* const labels = sample.entries.find("Labels")->second.as_map();
    const auto found = labels->entries.find(name);
    return found == labels->entries.end() ? std::string() : found->second.text();
}

Result<Value> first(Arguments arguments) {
    KW_TRY(want(arguments, 1));
    const List* const list = arguments[0].as_list();
    if (list == nullptr)
        return invalid("wrong type for value; expected a query's result; got {}",
                       arguments[0].type_name());
    if (list->empty()) return invalid("first() called on vector with no elements");
    return list->front();
}

Result<Value> label(Arguments arguments) {
    KW_TRY(want(arguments, 2));
    KW_TRY_ASSIGN(const std::string name, text_at(arguments, 0));
    KW_TRY_ASSIGN(const Map* const sample, sample_at(arguments, 1));
    return Value(label_of(*sample, name));
}

Result<Value> value(Arguments arguments) {
    KW_TRY(want(arguments, 1));
    KW_TRY_ASSIGN(const Map* const sample, sample_at(arguments, 0));
    return sample->entries.find("Value")->second;
}

Result<Value> strvalue(Arguments arguments) {
    KW_TRY(want(arguments, 1));
    KW_TRY_ASSIGN(const Map* const sample, sample_at(arguments, 0));
    return Value(label_of(*sample, "__value__"));
}

Result<Value> sort_by_label(Arguments arguments) {
    KW_TRY(want(arguments, 2));
    KW_TRY_ASSIGN(const std::string name, text_at(arguments, 0));
    const List* const list = arguments[1].as_list();
    if (list == nullptr)
        return invalid("wrong type for value; expected a query's result; got {}",
                       arguments[1].type_name());
    std::vector<std::pair<std::string, size_t>> keyed;  // by label, then as they came
    for (size_t i = 0; i < list->size(); ++i) {
        KW_TRY_ASSIGN(const Map* const sample, sample_at(*list, i));
        keyed.emplace_back(label_of(*sample, name), i);
    }
    std::sort(keyed.begin(), keyed.end());
    List sorted;
    for (const auto& [key, at] : keyed) sorted.push_back((*list)[at]);
    return Value::list(std::move(sorted));
}

Result<Value> args(Arguments arguments) {
    Map map;
    for (size_t i = 0; i < arguments.size(); ++i)
        map.entries[fmt::format("arg{}", i)] = arguments[i];
    return Value::map(std::move(map));
}

std::string path_of(const std::string& url) {
    const size_t scheme = url.find("://");
    if (scheme == std::string::npos) return url;
    const size_t slash = url.find('/', scheme + 3);
    if (slash == std::string::npos) return {};
    return url.substr(slash, url.find_first_of("?#", slash) - slash);
}

}  // namespace

Value labels_value(const LabelSet& labels) {
    Map map;
    map.kind = Map::Kind::kStrings;
    for (const LabelView& label : labels) map.entries.emplace(label.name, std::string(label.value));
    return Value::map(std::move(map));
}

Value time_value(double unix_seconds, int64_t offset_s, std::string zone) {
    return Value(std::make_shared<const TimeObject>(unix_seconds, offset_s, std::move(zone)));
}

Value duration_value(double seconds) {
    return Value(std::make_shared<const DurationObject>(seconds));
}

Value sample_value(const LabelSet& labels, double value) {
    Map map;
    map.kind = Map::Kind::kStruct;
    map.entries.emplace("Labels", labels_value(labels));
    map.entries.emplace("Value", Value(value));
    return Value::map(std::move(map));
}

std::string humanize(double value) {
    static constexpr std::string_view kPrefixes[] = {"k", "M", "G", "T", "P", "E", "Z", "Y"};
    if (value == 0 || !std::isfinite(value)) return format_float(value, 'g', 4);
    return std::abs(value) >= 1 ? scaled_up(value, 1000, kPrefixes) : scaled_down(value, "");
}

std::string humanize_duration(double seconds) {
    if (!std::isfinite(seconds)) return format_float(seconds, 'g', 4);
    if (seconds == 0) return "0s";
    if (std::abs(seconds) < 1) return scaled_down(seconds, "s");
    const std::string sign = seconds < 0 ? "-" : "";
    const double size = std::abs(seconds);
    if (size >= 9.2e18) return sign + format_float(size, 'g', 4) + "s";
    const auto whole = static_cast<int64_t>(size);
    const int64_t s = whole % 60;
    const int64_t m = whole / 60 % 60;
    const int64_t h = whole / 3600 % 24;
    const int64_t d = whole / 86'400;
    if (d != 0) return fmt::format("{}{}d {}h {}m {}s", sign, d, h, m, s);
    if (h != 0) return fmt::format("{}{}h {}m {}s", sign, h, m, s);
    if (m != 0) return fmt::format("{}{}m {}s", sign, m, s);
    return fmt::format("{}{}s", sign, format_float(size, 'g', 4));
}

std::string url_query_escaped(std::string_view text) {
    const Value argument{std::string(text)};
    return *call_builtin("urlquery", {&argument, 1}, SIZE_MAX).value().as_string();
}

Functions prometheus_functions(PrometheusContext context) {
    const std::string url = context.external_url;
    const Millis now = context.now;
    return {
        {"query",
         [query = std::move(context.query)](Arguments arguments) -> Result<Value> {
             KW_TRY(want(arguments, 1));
             KW_TRY_ASSIGN(const std::string text, text_at(arguments, 0));
             if (!query) return unsupported("there is nothing to query here");
             KW_TRY_ASSIGN(List samples, query(text));
             return Value::list(std::move(samples));
         }},
        {"first", first},
        {"label", label},
        {"value", value},
        {"strvalue", strvalue},
        {"sortByLabel", sort_by_label},
        {"args", args},
        {"humanize", of_number<humanize>},
        {"humanize1024", of_number<humanize_1024>},
        {"humanizeDuration", of_number<humanize_duration>},
        {"humanizePercentage", of_number<humanize_percentage>},
        {"humanizeTimestamp", of_number<humanize_timestamp>},
        {"toTime", to_time},
        {"toDuration", to_duration},
        {"parseDuration", parse_duration},
        {"now",
         [now](Arguments arguments) -> Result<Value> {
             KW_TRY(want(arguments, 0));
             return Value(static_cast<double>(now.count) / 1000);
         }},
        {"title", changed<title>},
        {"toUpper", changed<upper>},
        {"toLower", changed<lower>},
        {"match", match},
        {"reReplaceAll", replace_all},
        {"stripPort", strip_port},
        {"stripDomain", strip_domain},
        {"urlQueryEscape", query_escape},
        {"graphLink", link<0>},
        {"tableLink", link<1>},
        {"safeHtml", safe_html},
        {"externalURL",
         [url](Arguments arguments) -> Result<Value> {
             KW_TRY(want(arguments, 0));
             return Value(url);
         }},
        {"pathPrefix",
         [url](Arguments arguments) -> Result<Value> {
             KW_TRY(want(arguments, 0));
             return Value(path_of(url));
         }},
    };
}

const Functions& prometheus_function_names() {
    static const Functions kFunctions = prometheus_functions({});
    return kFunctions;
}

}  // namespace kw::templates
