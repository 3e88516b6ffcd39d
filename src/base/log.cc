#include "base/log.h"

#include <fmt/core.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <ctime>
#include <iterator>

namespace kw {
namespace {

constexpr std::string_view kLevelNames[] = {"debug", "info", "warn", "error"};

std::string_view level_name(LogLevel level) { return kLevelNames[static_cast<size_t>(level)]; }

void append_quoted(std::string& out, std::string_view text) {
    out += '"';
    for (const char c : text) {
        switch (c) {
            case '"': out += "\\\""; break;
            case '\\': out += "\\\\"; break;
            case '\n': out += "\\n"; break;
            case '\r': out += "\\r"; break;
            case '\t': out += "\\t"; break;
            default:
                if (static_cast<unsigned char>(c) < 0x20) {
                    fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(c));
                } else {
                    out += c;
                }
        }
    }
    out += '"';
}

bool is_bare(std::string_view text) {
    if (text.empty()) return false;
    for (const char c : text) {
        if (static_cast<unsigned char>(c) <= ' ' || c == '"' || c == '=' || c == '\\') return false;
    }
    return true;
}

void append_pair(std::string& out, LogFormat format, std::string_view key, std::string_view value) {
    if (format == LogFormat::kJson) {
        out += out.empty() ? '{' : ',';
        append_quoted(out, key);
        out += ':';
        append_quoted(out, value);
        return;
    }
    if (!out.empty()) out += ' ';
    out.append(key);
    out += '=';
    if (is_bare(value)) {
        out.append(value);
    } else {
        append_quoted(out, value);
    }
}

std::string now_text() {
    using namespace std::chrono;
    const auto now = system_clock::now();
    const std::time_t seconds = system_clock::to_time_t(now);
    const auto ms = duration_cast<milliseconds>(now.time_since_epoch()).count() % 1000;
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", parts.tm_year + 1900,
                       parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                       ms);
}

}  // namespace

struct Log::Sink {
    spdlog::logger logger;
    LogLevel level;
    LogFormat format;
};

Result<LogLevel> parse_log_level(std::string_view text) {
    for (size_t i = 0; i < std::size(kLevelNames); ++i) {
        if (text == kLevelNames[i]) return static_cast<LogLevel>(i);
    }
    return invalid("log level '{}', want debug, info, warn or error", text);
}

Result<LogFormat> parse_log_format(std::string_view text) {
    if (text == "logfmt") return LogFormat::kLogfmt;
    if (text == "json") return LogFormat::kJson;
    return invalid("log format '{}', want logfmt or json", text);
}

std::string format_log_line(LogFormat format, std::string_view time, LogLevel level,
                            std::string_view message, Log::Fields fields) {
    std::string line;
    append_pair(line, format, "time", time);
    append_pair(line, format, "level", level_name(level));
    append_pair(line, format, "msg", message);
    for (const LogField& field : fields) append_pair(line, format, field.key, field.value);
    if (format == LogFormat::kJson) line += '}';
    return line;
}

Log::Log(LogLevel level, LogFormat format)
    : sink_(new Sink{spdlog::logger("kilowatch", std::make_shared<spdlog::sinks::stderr_sink_mt>()),
                     level, format}) {
    sink_->logger.set_pattern("%v");
    sink_->logger.set_level(spdlog::level::trace);
    sink_->logger.flush_on(spdlog::level::trace);
}

Log::Log() = default;
Log Log::silent() { return Log(); }
Log::~Log() = default;
Log::Log(Log&&) noexcept = default;

bool Log::enabled(LogLevel level) const { return sink_ && level >= sink_->level; }

void Log::write(LogLevel level, std::string_view message, Fields fields) const {
    if (!enabled(level)) return;
    sink_->logger.info(format_log_line(sink_->format, now_text(), level, message, fields));
}

void Log::debug(std::string_view message, Fields fields) const {
    write(LogLevel::kDebug, message, fields);
}
void Log::info(std::string_view message, Fields fields) const {
    write(LogLevel::kInfo, message, fields);
}
void Log::warn(std::string_view message, Fields fields) const {
    write(LogLevel::kWarn, message, fields);
}
void Log::error(std::string_view message, Fields fields) const {
    write(LogLevel::kError, message, fields);
}

}  // namespace kw
