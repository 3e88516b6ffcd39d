// Runs a collector that asks another server, on a thread of its own: a server that is slow or dead costs its own
// scrape and no other, and neither the schedule's thread nor the pool ever waits for one.
//
//   begin(timeout, done) ──▶ thread: collect(deadline, out) ──▶ done(body, outcome)
//
// Bounded by the configuration: a thread per server, at most kRemoteCollectorsMax of them (app's configuration
// refuses more); one that waits costs its stack, some 20 kB.
// Threads: all members from any thread. The destructor stops and joins; it must not run on the worker's own thread,
// so whoever starts workers keeps them until they are idle and nobody else holds them.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/result.h"
#include "collect/remote/deadline.h"

namespace kw::collect {

inline constexpr size_t kRemoteCollectorsMax = 256;

// A server as a target: what to ask it.
class RemoteSource {
 public:
    virtual ~RemoteSource() = default;
    // Appends exposition text to `out`. With an error `out` may hold what is to be stored nevertheless, `pg_up 0`
    // say; the scrape counts as failed then. Called on one thread, once at a time; may keep connections.
    virtual Result<void> collect(const Deadline& deadline, std::string& out) = 0;
};

class Worker final {
 public:
    using Done = std::function<void(std::string body, Result<void> outcome)>;

    // `clock` outlives it. `name` shows in ps, 15 characters of it.
    Worker(const Clock& clock, std::string_view name, std::unique_ptr<RemoteSource> source);
    ~Worker();
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    // Starts a collection and returns at once. `done` is called exactly once, on the worker's thread; at once, with
    // kUnavailable, when a collection still runs, and with kCancelled after stop().
    void begin(std::chrono::milliseconds timeout, Done done) KW_EXCLUDES(mutex_);
    // Makes the collection that runs end with kCancelled, soon; none: nothing.
    void cancel() KW_EXCLUDES(mutex_);
    // Cancels, begins nothing more, and lets go of the source. Does not wait.
    void stop() KW_EXCLUDES(mutex_);
    // stop(), and waits until the thread has ended. Not from `done`.
    void join() KW_EXCLUDES(mutex_);
    // Nothing runs and nothing of `done` is left.
    bool is_idle() const KW_EXCLUDES(mutex_);

 private:
    struct Request {
        std::chrono::milliseconds timeout;
        Done done;
    };

    void run() KW_EXCLUDES(mutex_);
    void carry_out(const Request& request) KW_EXCLUDES(mutex_);
    Result<void> accept(std::chrono::milliseconds timeout, Done& done) KW_EXCLUDES(mutex_);

    const Clock& clock_;
    const std::string name_;
    std::unique_ptr<RemoteSource> source_;  // the thread's
    const Interrupt interrupt_;
    mutable Mutex mutex_;
    CondVar wake_;
    std::optional<Request> request_ KW_GUARDED_BY(mutex_);
    bool is_busy_ KW_GUARDED_BY(mutex_) = false;       // a collection runs, or is to
    bool is_answering_ KW_GUARDED_BY(mutex_) = false;  // something of `done` may be left
    bool is_stopped_ KW_GUARDED_BY(mutex_) = false;
    std::jthread thread_ KW_GUARDED_BY(mutex_);  // from the first begin() on
};

}  // namespace kw::collect
