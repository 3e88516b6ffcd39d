// Logger: formats in the caller's thread, writes in its own.
#include "kilowatch/log.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <thread>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "diagnostics.h"
#include "log_line.h"
#include "worker_thread.h"

namespace kilowatch {
namespace {

constexpr size_t kPieceBytes = 4096;  // POLLOUT of a pipe promises a page
constexpr std::chrono::milliseconds kPollInterval{50};
constexpr std::chrono::milliseconds kEndTimeout{2'000};  // for a reader that does not read

}  // namespace

struct Logger::State {
    State(LogOptions options_, Registry& registry_, LogSink* sink_)
        : options(std::move(options_)),
          to_stdout(options.path.empty() || options.path == "-"),
          level_min(options.level_min),
          registry(registry_),
          sink(sink_) {}

    void open_file() {
        if (file >= 0 && !to_stdout) close(file);
        file = to_stdout
                   ? STDOUT_FILENO
                   : open(options.path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
        if (file < 0)
            diagnose("log file " + options.path + ": " + std::strerror(errno) +
                     "; its lines are lost until it can be opened");
    }

    // False: an error, or nobody reads and the logger is to end. What is not a regular file (a
    // pipe) gets a page at a time, when it has room for one, so that the writer can always be
    // stopped.
    bool write_all(std::string_view bytes) {
        const size_t piece_max = is_regular ? bytes.size() : kPieceBytes;
        while (!bytes.empty()) {
            if (file < 0 || (!is_regular && !wait_for_room())) return false;
            const ssize_t count = ::write(file, bytes.data(), std::min(bytes.size(), piece_max));
            if (count < 0 && (errno == EINTR || errno == EAGAIN)) continue;
            if (count < 0) {
                diagnose(std::string("log: ") + std::strerror(errno));
                return false;
            }
            bytes.remove_prefix(count);
        }
        return true;
    }

    bool wait_for_room() {
        for (;;) {
            pollfd one{file, POLLOUT, 0};
            const int ready = poll(&one, 1, static_cast<int>(kPollInterval.count()));
            if (ready > 0) return true;  // or an error, which write() will tell
            if (ready < 0 && errno != EINTR) return true;
            const std::lock_guard lock(mutex);
            if (stopping && std::chrono::steady_clock::now() >= give_up_at) return false;
        }
    }

    void run() {
        std::unique_lock lock(mutex);
        for (;;) {
            wake.wait(lock, [&] { return stopping || reopening || !lines.empty(); });
            if (std::exchange(reopening, false)) {
                lock.unlock();
                open_file();
                lock.lock();
            }
            if (lines.empty()) {
                if (stopping) return;
                continue;
            }
            std::string batch = std::exchange(lines, {});
            const uint64_t count = std::exchange(line_count, 0);
            const uint64_t sequence = queued;
            lock.unlock();
            if (!write_all(batch)) registry.count_dropped("logs", "write_failed", count);
            lock.lock();
            written = sequence;
            flushed.notify_all();
        }
    }

    const LogOptions options;
    const bool to_stdout;
    std::atomic<LogLevel> level_min;
    Registry& registry;
    LogSink* const sink;

    std::mutex mutex;
    std::condition_variable wake;
    std::condition_variable flushed;
    std::string lines;  // one after the other, at most queue_bytes_max bytes
    uint64_t line_count = 0;
    uint64_t queued = 0;   // lines since the beginning
    uint64_t written = 0;  // of those; a lost one counts as written
    bool stopping = false;
    std::chrono::steady_clock::time_point give_up_at{};  // when stopping
    bool reopening = false;

    int file = -1;  // of the writing thread, and of the constructor before
    bool is_regular = false;
    std::jthread writer;
};

Logger::Logger(LogOptions options, Registry& registry, LogSink* sink)
    : state_(std::make_unique<State>(std::move(options), registry, sink)) {
    if (!state_->options.to_file) return;
    state_->open_file();
    try {
        state_->writer = start_worker("kw-log", [state = state_.get()] { state->run(); });
    } catch (const std::exception& failure) {
        diagnose(std::string("log: no thread: ") + failure.what());
    }
}

Logger::~Logger() {
    {
        const std::lock_guard lock(state_->mutex);
        state_->stopping = true;
        state_->give_up_at = std::chrono::steady_clock::now() + kEndTimeout;
    }
    state_->wake.notify_all();
    if (state_->writer.joinable()) state_->writer.join();
    if (state_->file >= 0 && !state_->to_stdout) close(state_->file);
}

bool Logger::enabled(LogLevel level) const {
    return level >= state_->level_min.load(std::memory_order_relaxed);
}
void Logger::set_level(LogLevel level_min) { state_->level_min = level_min; }

void Logger::log(LogLevel level, std::string_view message, Attributes details) {
    if (!enabled(level)) return;
    const Context& context = current_context();
    LogEntry entry;
    entry.time = std::chrono::system_clock::now();
    entry.level = level;
    entry.message = cut_message(message);
    entry.span = context.span;
    size_t left_out = 0;
    if (details.size() > kLogDetailsMax) {
        left_out = details.size() - kLogDetailsMax;
        details.resize(kLogDetailsMax);
    }
    entry.details = log_details(std::move(details), context.tags.get());

    if (state_->writer.joinable()) {
        const std::string line = format_log_line(entry, state_->options, left_out);
        bool first = false;
        bool full = false;
        {
            const std::lock_guard lock(state_->mutex);
            full = state_->lines.size() + line.size() > state_->options.queue_bytes_max;
            if (!full) {
                first = state_->lines.empty();
                state_->lines += line;
                ++state_->line_count;
                ++state_->queued;
            }
        }
        if (first) state_->wake.notify_one();
        if (full) state_->registry.count_dropped("logs", "file_queue_full");
    }
    if (state_->sink) state_->sink->take(std::move(entry));
}

bool Logger::flush(std::chrono::milliseconds timeout) {
    std::unique_lock lock(state_->mutex);
    const uint64_t sequence = state_->queued;
    return state_->flushed.wait_for(lock, timeout, [&] { return state_->written >= sequence; });
}

void Logger::reopen() {
    if (!state_->writer.joinable()) return;
    {
        const std::lock_guard lock(state_->mutex);
        state_->reopening = true;
    }
    state_->wake.notify_one();
}

}  // namespace kilowatch
