// Structured logs: one JSON object a line, in the guide's form, with the trace of the thread's
// current span.
//
//     log.info("Request processed", {{"endpoint", "/forecast"}, {"duration_ms", 45}, {"status",
//     200}});
//
//     {"timestamp":"2024-12-08T17:57:01.123456Z","level":"INFO","service":"api",
//      "trace_id":"4bf9…","span_id":"00f0…","message":"Request processed",
//      "metadata":{"endpoint":"/forecast","duration_ms":45,"status":200}}   (all on one line)
//
// Laws
//   1. The caller neither blocks nor throws: it formats the line and hands it to a writing thread.
//      At most `queue_bytes_max` wait; what comes on top is dropped, newest first, and counted.
//   2. A line is valid UTF-8 JSON whatever is passed in, and at most 64 KiB: longer texts are cut
//      and end in "…".
//   3. flush() and the destructor write what waits (the destructor for 2 s at most where nobody
//      reads); a crash can lose the last lines (some milliseconds).
//   4. Of several details of one name the last stands; at most 64 are kept, and `left_out` tells
//      how many more there were.
// Threads: all.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "kilowatch/attributes.h"
#include "kilowatch/metrics.h"
#include "kilowatch/trace.h"

namespace kilowatch {

enum class LogLevel : uint8_t { kDebug, kInfo, kWarning, kError };
std::string_view to_string(LogLevel level);  // DEBUG, INFO, WARNING, ERROR

struct LogEntry {
    SystemTime time;
    LogLevel level = LogLevel::kInfo;
    std::string message;
    SpanContext span;    // invalid: outside of every span
    Attributes details;  // request_id and user_id of the tags first
};

// Where entries go beside the file; must neither block nor throw. False: it had no room, and has
// counted that.
class LogSink {
 public:
    virtual ~LogSink() = default;
    virtual bool take(LogEntry entry) = 0;
};

struct LogOptions {
    enum class Form : uint8_t {
        kDetails,   // the details stand under "details" (the guide's first form)
        kMetadata,  // under "metadata" (its second)
    };
    enum class TraceIdForm : uint8_t { kHex, kUuid };

    std::string service = "unknown_service";
    LogLevel level_min = LogLevel::kInfo;
    Form form = Form::kDetails;
    TraceIdForm trace_id_form = TraceIdForm::kHex;  // the guide says "uuid"; W3C and OTLP say hex
    // a file to append to; empty or "-": standard output
    std::string path = {};
    bool to_file = true;  // false: to the LogSink only
    size_t queue_bytes_max = 8 << 20;
};

class Logger final {
 public:
    // `registry` and `sink` (may be null) outlive the logger. A file that cannot be opened is said
    // through set_diagnostics(); its lines are then dropped and counted until reopen() succeeds.
    Logger(LogOptions options, Registry& registry, LogSink* sink = nullptr);
    ~Logger();
    Logger(const Logger&) = delete;
    Logger& operator=(const Logger&) = delete;

    bool enabled(LogLevel level) const;
    void set_level(LogLevel level_min);

    void log(LogLevel level, std::string_view message, Attributes details = {});
    void debug(std::string_view message, Attributes details = {}) {
        if (enabled(LogLevel::kDebug)) log(LogLevel::kDebug, message, std::move(details));
    }
    void info(std::string_view message, Attributes details = {}) {
        if (enabled(LogLevel::kInfo)) log(LogLevel::kInfo, message, std::move(details));
    }
    void warning(std::string_view message, Attributes details = {}) {
        if (enabled(LogLevel::kWarning)) log(LogLevel::kWarning, message, std::move(details));
    }
    void error(std::string_view message, Attributes details = {}) {
        if (enabled(LogLevel::kError)) log(LogLevel::kError, message, std::move(details));
    }

    // Waits until what was logged before is written. False: not within `timeout`.
    bool flush(std::chrono::milliseconds timeout);
    // Opens the file anew, after it was rotated.
    void reopen();

 private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace kilowatch
