// Mutex, SharedMutex and CondVar with Clang's thread-safety annotations: -Wthread-safety proves at
// compile time that what is KW_GUARDED_BY a mutex is touched only with it held. A lock is held for
// one batch of memory work, never over I/O, a callback or a suspension.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <shared_mutex>

#define KW_CAPABILITY(x) __attribute__((capability(x)))
#define KW_SCOPED_CAPABILITY __attribute__((scoped_lockable))
#define KW_GUARDED_BY(x) __attribute__((guarded_by(x)))
#define KW_REQUIRES(...) __attribute__((requires_capability(__VA_ARGS__)))
#define KW_REQUIRES_SHARED(...) __attribute__((requires_shared_capability(__VA_ARGS__)))
#define KW_EXCLUDES(...) __attribute__((locks_excluded(__VA_ARGS__)))
#define KW_ACQUIRE(...) __attribute__((acquire_capability(__VA_ARGS__)))
#define KW_ACQUIRE_SHARED(...) __attribute__((acquire_shared_capability(__VA_ARGS__)))
#define KW_RELEASE(...) __attribute__((release_capability(__VA_ARGS__)))
#define KW_RELEASE_GENERIC(...) __attribute__((release_generic_capability(__VA_ARGS__)))
#define KW_NO_THREAD_SAFETY_ANALYSIS __attribute__((no_thread_safety_analysis))

namespace kw {

class KW_CAPABILITY("mutex") Mutex final {
 public:
    void lock() KW_ACQUIRE() { mutex_.lock(); }
    void unlock() KW_RELEASE() { mutex_.unlock(); }

 private:
    friend class CondVar;
    std::mutex mutex_;
};

class KW_SCOPED_CAPABILITY MutexLock final {
 public:
    explicit MutexLock(Mutex& mutex) KW_ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
    ~MutexLock() KW_RELEASE() { mutex_.unlock(); }
    MutexLock(const MutexLock&) = delete;
    MutexLock& operator=(const MutexLock&) = delete;

 private:
    Mutex& mutex_;
};

class KW_CAPABILITY("mutex") SharedMutex final {
 public:
    void lock() KW_ACQUIRE() { mutex_.lock(); }
    void unlock() KW_RELEASE() { mutex_.unlock(); }
    void lock_shared() KW_ACQUIRE_SHARED() { mutex_.lock_shared(); }
    void unlock_shared() KW_RELEASE_GENERIC() { mutex_.unlock_shared(); }

 private:
    std::shared_mutex mutex_;
};

class KW_SCOPED_CAPABILITY WriterLock final {
 public:
    explicit WriterLock(SharedMutex& mutex) KW_ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
    ~WriterLock() KW_RELEASE() { mutex_.unlock(); }
    WriterLock(const WriterLock&) = delete;
    WriterLock& operator=(const WriterLock&) = delete;

 private:
    SharedMutex& mutex_;
};

class KW_SCOPED_CAPABILITY ReaderLock final {
 public:
    explicit ReaderLock(SharedMutex& mutex) KW_ACQUIRE_SHARED(mutex) : mutex_(mutex) {
        mutex_.lock_shared();
    }
    ~ReaderLock() KW_RELEASE_GENERIC() { mutex_.unlock_shared(); }
    ReaderLock(const ReaderLock&) = delete;
    ReaderLock& operator=(const ReaderLock&) = delete;

 private:
    SharedMutex& mutex_;
};

// Waits are written as a loop around wait(), with the condition checked under the lock.
class CondVar final {
 public:
    void wait(Mutex& mutex) KW_REQUIRES(mutex) {
        std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
        condition_.wait(lock);
        lock.release();
    }
    // Returns false when `timeout` passed without a notification.
    bool wait_for(Mutex& mutex, std::chrono::nanoseconds timeout) KW_REQUIRES(mutex) {
        std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
        const bool notified = condition_.wait_for(lock, timeout) == std::cv_status::no_timeout;
        lock.release();
        return notified;
    }
    void notify_one() { condition_.notify_one(); }
    void notify_all() { condition_.notify_all(); }

 private:
    std::condition_variable condition_;
};

}  // namespace kw
