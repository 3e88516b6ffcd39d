#include "log_line.h"

#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>

#include "text.h"

namespace kilowatch {
namespace {

constexpr size_t kMessageBytesMax = 8 << 10;  // an escape is six bytes at most: 48 KiB of the line
constexpr size_t kDetailBytesMax = 2 << 10;
constexpr size_t kDetailNameBytesMax = 256;
constexpr std::string_view kCutMark = "…";

std::string cut(std::string_view text, size_t bytes_max) {
    if (text.size() <= bytes_max) return std::string(text);
    return std::string(cut_utf8(text, bytes_max)).append(kCutMark);
}

// ISO 8601 in UTC, to the microsecond.
void append_time(std::string& out, SystemTime time) {
    using namespace std::chrono;
    const auto day = floor<days>(time);
    const year_month_day date(day);
    const hh_mm_ss clock(floor<microseconds>(time - day));
    std::array<char, 64> text;
    const int size = std::snprintf(
        text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%06dZ",
        static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
        static_cast<unsigned>(date.day()), static_cast<int>(clock.hours().count()),
        static_cast<int>(clock.minutes().count()), static_cast<int>(clock.seconds().count()),
        static_cast<int>(clock.subseconds().count()));
    out.append(text.data(), size);
}

struct AppendJson {
    std::string& out;
    void operator()(const std::string& text) const { append_json_string(out, text); }
    void operator()(bool truth) const { out += truth ? "true" : "false"; }
    void operator()(int64_t number) const { append_number(out, number); }
    void operator()(double number) const {  // JSON has no NaN: as text
        if (!std::isfinite(number)) out += '"';
        append_number(out, number);
        if (!std::isfinite(number)) out += '"';
    }
};

void put(Attributes& all, std::string_view name, AttributeValue value) {
    for (Attribute& one : all) {
        if (one.name == name) {
            one.value = std::move(value);
            return;
        }
    }
    all.push_back({std::string(name), std::move(value)});
}

AttributeValue cut_value(AttributeValue value) {
    const auto* text = std::get_if<std::string>(&value.get());
    if (!text || text->size() <= kDetailBytesMax) return value;
    return cut(*text, kDetailBytesMax);
}

}  // namespace

std::string cut_message(std::string_view message) { return cut(message, kMessageBytesMax); }

std::string_view to_string(LogLevel level) {
    switch (level) {
        case LogLevel::kDebug: return "DEBUG";
        case LogLevel::kInfo: return "INFO";
        case LogLevel::kWarning: return "WARNING";
        case LogLevel::kError: return "ERROR";
    }
    return "INFO";
}

Attributes log_details(Attributes details, const TraceTags* tags) {
    Attributes all;
    all.reserve(details.size() + 2);
    if (tags && !tags->request_id.empty()) put(all, "request_id", tags->request_id);
    if (tags && !tags->user_id.empty()) put(all, "user_id", tags->user_id);
    for (Attribute& one : details)
        put(all, cut_utf8(one.name, kDetailNameBytesMax), cut_value(std::move(one.value)));
    return all;
}

std::string format_log_line(const LogEntry& entry, const LogOptions& options, size_t left_out) {
    std::string out;
    out.reserve(256);
    out += "{\"timestamp\":\"";
    append_time(out, entry.time);
    out.append("\",\"level\":\"").append(to_string(entry.level)).append("\",\"service\":");
    append_json_string(out, cut(options.service, kDetailNameBytesMax));
    if (entry.span.valid()) {
        const bool uuid = options.trace_id_form == LogOptions::TraceIdForm::kUuid;
        out += ",\"trace_id\":\"";
        out += uuid ? entry.span.trace_id.uuid() : entry.span.trace_id.hex();
        out.append("\",\"span_id\":\"").append(entry.span.span_id.hex()) += '"';
    }
    out += ",\"message\":";
    append_json_string(out, entry.message);
    out += options.form == LogOptions::Form::kDetails ? ",\"details\":{" : ",\"metadata\":{";
    bool first = true;
    for (const Attribute& one : entry.details) {
        const size_t before = out.size();
        if (!first) out += ',';
        append_json_string(out, one.name);
        out += ':';
        std::visit(AppendJson{out}, one.value.get());
        if (out.size() > kLogLineBytesMax - 64) {  // what follows needs less than 64 bytes
            out.resize(before);
            ++left_out;
            continue;
        }
        first = false;
    }
    if (left_out > 0) {
        out += first ? "\"left_out\":" : ",\"left_out\":";
        append_number(out, static_cast<uint64_t>(left_out));
    }
    out += "}}\n";
    return out;
}

}  // namespace kilowatch
