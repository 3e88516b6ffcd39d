#include "collect/remote/worker.h"

#include <pthread.h>

#include <exception>
#include <utility>

namespace kw::collect {

Worker::Worker(const Clock& clock, std::string_view name, std::unique_ptr<RemoteSource> source)
    : clock_(clock), name_(name.substr(0, 15)), source_(std::move(source)) {}

Worker::~Worker() { join(); }

void Worker::join() {
    stop();
    std::jthread thread;
    {
        MutexLock lock(mutex_);
        thread = std::move(thread_);
    }
}

void Worker::begin(std::chrono::milliseconds timeout, Done done) {
    const Result<void> accepted = accept(timeout, done);
    if (!accepted.ok()) return done("", accepted);
    wake_.notify_all();
}

// Takes `done` when the collection is to run.
Result<void> Worker::accept(std::chrono::milliseconds timeout, Done& done) {
    MutexLock lock(mutex_);
    if (is_stopped_) return cancelled("no longer wanted");
    if (is_busy_) return unavailable("the collection before still runs");
    is_busy_ = true;
    interrupt_.lower();
    request_ = Request{timeout, std::move(done)};
    if (!thread_.joinable()) thread_ = std::jthread([this] { run(); });
    return {};
}

void Worker::cancel() {
    MutexLock lock(mutex_);
    if (is_busy_) interrupt_.raise();
}

void Worker::stop() {
    {
        MutexLock lock(mutex_);
        is_stopped_ = true;
        interrupt_.raise();
    }
    wake_.notify_all();
}

bool Worker::is_idle() const {
    MutexLock lock(mutex_);
    return !is_busy_ && !is_answering_;
}

void Worker::run() {
    ::pthread_setname_np(::pthread_self(), name_.c_str());
    for (;;) {
        std::optional<Request> request;
        {
            MutexLock lock(mutex_);
            is_answering_ = false;
            while (!request_ && !is_stopped_) wake_.wait(mutex_);
            request = std::exchange(request_, std::nullopt);
        }
        if (!request) break;
        carry_out(*request);
    }
    source_.reset();  // with its connections, however long somebody still holds the worker
}

void Worker::carry_out(const Request& request) {
    const Deadline deadline(clock_, request.timeout, interrupt_);
    std::string body;
    Result<void> outcome;
    try {
        outcome = source_->collect(deadline, body);
    } catch (const std::exception& e) {
        outcome = internal_error("the collector failed: {}", e.what());
        body.clear();
    }
    {
        // Whoever gets the answer may begin the next one at once.
        MutexLock lock(mutex_);
        is_busy_ = false;
        is_answering_ = true;
    }
    request.done(std::move(body), std::move(outcome));
}

}  // namespace kw::collect
