#include "base/thread_pool.h"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <memory>

namespace kw {
namespace {

// What the workers of one parallel_for share. Workers that start after the end find no index left.
struct Shared {
    explicit Shared(size_t n, const std::function<Result<void>(size_t)>& b) : count(n), body(&b) {}

    const size_t count;
    const std::function<Result<void>(size_t)>* const body;  // valid while an index is left
    std::atomic<size_t> next{0};

    Mutex mutex;
    CondVar idle;
    size_t running KW_GUARDED_BY(mutex) = 0;
    bool failed KW_GUARDED_BY(mutex) = false;
    std::optional<Error> error KW_GUARDED_BY(mutex);
    std::exception_ptr exception KW_GUARDED_BY(mutex);

    void work() KW_EXCLUDES(mutex) {
        {
            MutexLock lock(mutex);
            ++running;
        }
        for (size_t i = next.fetch_add(1); i < count; i = next.fetch_add(1)) {
            try {
                if (Result<void> done = (*body)(i); !done.ok()) fail(std::move(done).error(), {});
            } catch (...) {
                fail({}, std::current_exception());
            }
        }
        MutexLock lock(mutex);
        if (--running == 0) idle.notify_all();
    }

    void fail(std::optional<Error> why, std::exception_ptr thrown) KW_EXCLUDES(mutex) {
        next.store(count);
        MutexLock lock(mutex);
        if (failed) return;
        failed = true;
        error = std::move(why);
        exception = std::move(thrown);
    }
};

}  // namespace

ThreadPool::ThreadPool(std::string name, size_t thread_count, size_t queue_limit)
    : queue_limit_(queue_limit) {
    name.resize(std::min<size_t>(name.size(), 12));
    threads_.reserve(thread_count);
    for (size_t i = 0; i < thread_count; ++i) {
        threads_.emplace_back([this] { run(); });
        pthread_setname_np(threads_.back().native_handle(), name.c_str());
    }
}

ThreadPool::~ThreadPool() {
    {
        MutexLock lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
}

Result<void> ThreadPool::submit(std::function<void()> task) {
    {
        MutexLock lock(mutex_);
        if (queue_.size() >= queue_limit_) {
            return exhausted("{} tasks wait already, the most allowed", queue_limit_);
        }
        queue_.push_back(std::move(task));
    }
    wake_.notify_one();
    return {};
}

Result<void> ThreadPool::parallel_for(size_t count,
                                      const std::function<Result<void>(size_t)>& body) {
    if (count == 0) return {};
    const auto shared = std::make_shared<Shared>(count, body);
    const size_t helper_count = std::min(thread_count(), count - 1);
    for (size_t i = 0; i < helper_count; ++i) {
        // A full queue only means fewer helpers.
        if (!submit([shared] { shared->work(); }).ok()) break;
    }
    shared->work();
    MutexLock lock(shared->mutex);
    while (shared->running > 0) shared->idle.wait(shared->mutex);
    if (shared->exception) std::rethrow_exception(shared->exception);
    if (shared->error) return *shared->error;
    return {};
}

void ThreadPool::run() {
    for (;;) {
        std::function<void()> task;
        {
            MutexLock lock(mutex_);
            while (queue_.empty() && !stopping_) wake_.wait(mutex_);
            if (queue_.empty()) return;
            task = std::move(queue_.front());
            queue_.pop_front();
        }
        task();
    }
}

}  // namespace kw
