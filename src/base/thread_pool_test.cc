// Every task runs once, errors and exceptions come back, a full queue says so.
#include "base/thread_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>

namespace kw {
namespace {

TEST(ThreadPool, RunsEveryIndexOnceAlsoWhenNested) {
    ThreadPool pool("test", 3);
    std::vector<std::atomic<int>> seen(100);
    const auto done = pool.parallel_for(10, [&](size_t outer) {
        return pool.parallel_for(10, [&](size_t inner) -> Result<void> {
            seen[outer * 10 + inner].fetch_add(1);
            return {};
        });
    });
    EXPECT_TRUE(done.ok());
    for (const auto& count : seen) EXPECT_EQ(count.load(), 1);
}

TEST(ThreadPool, ReturnsTheErrorAndRethrows) {
    ThreadPool pool("test", 2);
    const auto failed = pool.parallel_for(1000, [](size_t i) -> Result<void> {
        if (i == 7) return invalid("seven");
        return {};
    });
    EXPECT_EQ(failed.error().message, "seven");
    EXPECT_THROW((void)pool.parallel_for(
                     5, [](size_t) -> Result<void> { throw std::runtime_error("thrown"); }),
                 std::runtime_error);
}

TEST(ThreadPool, AFullQueueIsAnError) {
    Mutex gate;
    std::atomic<int> ran{0};
    {
        ThreadPool pool("test", 1, 2);
        gate.lock();
        std::atomic<bool> started{false};
        const auto waits = pool.submit([&] {
            started = true;
            MutexLock wait(gate);
            ++ran;
        });
        EXPECT_TRUE(waits.ok());
        while (!started) std::this_thread::yield();
        EXPECT_TRUE(pool.submit([&] { ++ran; }).ok());
        EXPECT_TRUE(pool.submit([&] { ++ran; }).ok());
        EXPECT_EQ(pool.submit([&] { ++ran; }).error().code, Code::kExhausted);
        gate.unlock();
    }
    EXPECT_EQ(ran.load(), 3);  // the destructor runs what was queued
}

}  // namespace
}  // namespace kw
