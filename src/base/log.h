// The server's own log: a line a happening, to standard error, as logfmt or JSON.
//
//   log.info("block written", {{"ulid", id}, {"samples", fmt::to_string(count)}});
//
// A message is a constant; what varies stands in the fields. Log an error or return it, not both.
// Threads: all members from any thread; a line is written whole.
#pragma once

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace kw {

enum class LogLevel : unsigned char { kDebug, kInfo, kWarn, kError };
enum class LogFormat : unsigned char { kLogfmt, kJson };

// "debug", "info", "warn" or "error". Errors: kInvalid, naming the four.
Result<LogLevel> parse_log_level(std::string_view text);
// "logfmt" or "json". Errors: kInvalid, naming the two.
Result<LogFormat> parse_log_format(std::string_view text);

struct LogField {
    std::string_view key;
    std::string_view value;
};

class Log final {
 public:
    Log(LogLevel level, LogFormat format);
    // Writes nowhere: for tests.
    static Log silent();
    ~Log();
    Log(Log&&) noexcept;

    using Fields = std::initializer_list<LogField>;
    void debug(std::string_view message, Fields fields = {}) const;
    void info(std::string_view message, Fields fields = {}) const;
    void warn(std::string_view message, Fields fields = {}) const;
    void error(std::string_view message, Fields fields = {}) const;

    bool enabled(LogLevel level) const;

 private:
    Log();
    void write(LogLevel level, std::string_view message, Fields fields) const;
    struct Sink;
    std::unique_ptr<Sink> sink_;
};

// One line as Log writes it, without the newline. `time` is RFC 3339.
std::string format_log_line(LogFormat format, std::string_view time, LogLevel level,
                            std::string_view message, Log::Fields fields);

}  // namespace kw
