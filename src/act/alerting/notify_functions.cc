// The functions of Alertmanager's templates. Those that Prometheus' templates have too are theirs.
#include <date/tz.h>
#include <fmt/core.h>

#include <chrono>
#include <stdexcept>

#include "alerting/json_text.h"
#include "alerting/template_data.h"
#include "net/fields.h"
#include "templates/prometheus_functions.h"

namespace kw::alerting {
namespace {

using templates::Functions;
using templates::List;
using templates::Map;
using templates::Object;
using templates::Value;
using Arguments = std::span<const Value>;

constexpr size_t kJsonDepthMax = 50;

Result<void> want(Arguments arguments, size_t count) {
    if (arguments.size() == count) return {};
    return invalid("wrong number of args: want {} got {}", count, arguments.size());
}

Result<std::string> text_at(Arguments arguments, size_t index) {
    if (const std::string* const text = arguments[index].as_string()) return *text;
    return invalid("wrong type for value; expected string; got {}", arguments[index].type_name());
}

// A text that stands in HTML or in a URL as it is.
class SafeText final : public Object {
 public:
    SafeText(std::string text, std::string type) : text_(std::move(text)), type_(std::move(type)) {}
    std::string type_name() const override { return type_; }
    std::string text() const override { return text_; }
    Result<Value> member(std::string_view name, Arguments) const override {
        return invalid("can't evaluate field {} in type {}", name, type_);
    }

 private:
    std::string text_;
    std::string type_;
};

Result<Value> safe(Arguments arguments, const char* type) {
    KW_TRY(want(arguments, 1));
    return Value(std::make_shared<const SafeText>(arguments[0].text(), type));
}

Result<Value> join(Arguments arguments) {
    KW_TRY(want(arguments, 2));
    KW_TRY_ASSIGN(const std::string separator, text_at(arguments, 0));
    const List* const list = arguments[1].as_list();
    if (list == nullptr)
        return invalid("wrong type for value; expected []string; got {}", arguments[1].type_name());
    std::string out;
    for (size_t i = 0; i < list->size(); ++i) out += (i == 0 ? "" : separator) + (*list)[i].text();
    return Value(std::move(out));
}

Result<Value> trim_space(Arguments arguments) {
    KW_TRY(want(arguments, 1));
    KW_TRY_ASSIGN(const std::string text, text_at(arguments, 0));
    constexpr std::string_view kWhite = " \t\r\n\v\f";
    const size_t start = text.find_first_not_of(kWhite);
    if (start == std::string::npos) return Value("");
    return Value(text.substr(start, text.find_last_not_of(kWhite) - start + 1));
}

Result<Value> to_list(Arguments arguments) {
    return Value::list(List(arguments.begin(), arguments.end()));
}

Result<Value> url_unescape(Arguments arguments) {
    KW_TRY(want(arguments, 1));
    KW_TRY_ASSIGN(const std::string text, text_at(arguments, 0));
    KW_TRY_ASSIGN(std::string decoded, net::percent_decode(text, true));
    return Value(std::move(decoded));
}

Result<double> unix_seconds(const Value& value) {
    double seconds = 0;
    if (const Object* const object = value.as_object();
        object != nullptr && object->number(seconds))
        return seconds;
    return invalid("wrong type for value; expected time.Time; got {}", value.type_name());
}

// date "2006-01-02" .StartsAt
Result<Value> go_date(Arguments arguments) {
    KW_TRY(want(arguments, 2));
    KW_TRY(unix_seconds(arguments[1]));
    return arguments[1].as_object()->member("Format", arguments.subspan(0, 1));
}

// tz "Europe/Paris" .StartsAt
Result<Value> in_zone(Arguments arguments) {
    KW_TRY(want(arguments, 2));
    KW_TRY_ASSIGN(const std::string name, text_at(arguments, 0));
    KW_TRY_ASSIGN(const double seconds, unix_seconds(arguments[1]));
    try {
        const date::time_zone* const zone = date::locate_zone(name.empty() ? "Etc/UTC" : name);
        const date::sys_info info =
            zone->get_info(date::sys_seconds(std::chrono::seconds(static_cast<int64_t>(seconds))));
        return templates::time_value(seconds, info.offset.count(), info.abbrev);
    } catch (const std::runtime_error&) {
        return invalid("unknown time zone {}", name);
    }
}

Result<void> append_json(JsonText& json, const Value& value, size_t depth) {
    if (depth > kJsonDepthMax) return exhausted("a value nested more than {} deep", kJsonDepthMax);
    if (const List* const list = value.as_list()) {
        json.begin_array();
        for (const Value& item : *list) KW_TRY(append_json(json, item, depth + 1));
        json.end_array();
    } else if (const Map* const map = value.as_map()) {
        json.begin_object();
        for (const auto& [name, item] : map->entries) {
            json.key(name);
            KW_TRY(append_json(json, item, depth + 1));
        }
        json.end_object();
    } else if (value.is_nil()) {
        json.null();
    } else if (value.as<bool>() != nullptr || value.as<int64_t>() != nullptr ||
               value.as<double>() != nullptr) {
        json.raw(value.text());
    } else if (const Object* const object = value.as_object();
               object != nullptr && object->type_name() == "*time.Time") {
        const Value layout("2006-01-02T15:04:05.999999999Z07:00");
        KW_TRY_ASSIGN(const Value text, object->member("Format", std::span(&layout, 1)));
        json.text(text.text());
    } else {
        json.text(value.text());
    }
    return {};
}

Result<Value> to_json(Arguments arguments) {
    KW_TRY(want(arguments, 1));
    JsonText json;
    KW_TRY(append_json(json, arguments[0], 0));
    return Value(json.take());
}

}  // namespace

Functions notify_functions(Millis now) {
    const Functions& prometheus = templates::prometheus_function_names();
    Functions functions;
    for (const char* name :
         {"toUpper", "toLower", "title", "match", "reReplaceAll", "humanizeDuration"})
        functions.emplace(name, prometheus.at(name));
    functions.emplace("join", join);
    functions.emplace("trimSpace", trim_space);
    functions.emplace("stringSlice", to_list);
    functions.emplace("list", to_list);
    functions.emplace("urlUnescape", url_unescape);
    functions.emplace("date", go_date);
    functions.emplace("tz", in_zone);
    functions.emplace("toJson", to_json);
    functions.emplace("safeHtml", [](Arguments args) { return safe(args, "template.HTML"); });
    functions.emplace("safeUrl", [](Arguments args) { return safe(args, "template.URL"); });
    functions.emplace("since", [now](Arguments arguments) -> Result<Value> {
        KW_TRY(want(arguments, 1));
        KW_TRY_ASSIGN(const double seconds, unix_seconds(arguments[0]));
        return templates::duration_value(static_cast<double>(now.count) / 1000 - seconds);
    });
    return functions;
}

}  // namespace kw::alerting
