// A fixed number of threads that run tasks in the order they came. The queue is bounded: submit()
// says kExhausted when it is full, which is the caller's back pressure.
//
// parallel_for() splits an index range over the pool and the calling thread, which always takes
// part, so that it makes progress with a busy pool too; it never deadlocks when called from a pool
// thread. Threads: all members from any thread. The destructor runs what was queued and joins.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"

namespace kw {

class ThreadPool final {
 public:
    // `name` shows in ps and gdb, at most 12 characters of it.
    ThreadPool(std::string name, size_t thread_count, size_t queue_limit = 4096);
    ~ThreadPool();
    ThreadPool(const ThreadPool&) = delete;
    ThreadPool& operator=(const ThreadPool&) = delete;

    // Errors: kExhausted when `queue_limit` tasks wait.
    Result<void> submit(std::function<void()> task) KW_EXCLUDES(mutex_);

    // Calls body(i) once for every i < count, in any order, and returns when all are done. A body
    // that fails or throws stops the handing out of further indexes; the first error (or exception)
    // is returned (or rethrown) here.
    Result<void> parallel_for(size_t count, const std::function<Result<void>(size_t)>& body);

    size_t thread_count() const { return threads_.size(); }

 private:
    void run() KW_EXCLUDES(mutex_);

    const size_t queue_limit_;
    Mutex mutex_;
    CondVar wake_;
    std::deque<std::function<void()>> queue_ KW_GUARDED_BY(mutex_);
    bool stopping_ KW_GUARDED_BY(mutex_) = false;
    std::vector<std::jthread> threads_;
};

}  // namespace kw
