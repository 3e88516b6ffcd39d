// Workers with sources that wait: what the caller sees of slow, cancelled and broken collections.
#include "collect/remote/worker.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <future>
#include <stdexcept>

namespace kw::collect {
namespace {

using namespace std::chrono_literals;

struct Answer {
    std::string body;
    Result<void> outcome;
};

// Waits for a pipe that nobody writes to before it answers.
class SilentServer final : public RemoteSource {
 public:
    SilentServer() { EXPECT_EQ(::pipe(pipe_), 0); }
    ~SilentServer() override {
        ::close(pipe_[0]);
        ::close(pipe_[1]);
    }
    Result<void> collect(const Deadline& deadline, std::string& out) override {
        out = "server_up 0\n";
        return deadline.wait_ready(pipe_[0], POLLIN);
    }

 private:
    int pipe_[2] = {-1, -1};
};

class QuickServer final : public RemoteSource {
 public:
    Result<void> collect(const Deadline&, std::string& out) override {
        out = "server_up 1\n";
        return {};
    }
};

// Tells when it goes.
class LeavingServer final : public RemoteSource {
 public:
    explicit LeavingServer(std::promise<void>& gone) : gone_(gone) {}
    ~LeavingServer() override { gone_.set_value(); }
    Result<void> collect(const Deadline&, std::string&) override { return {}; }

 private:
    std::promise<void>& gone_;
};

class BrokenServer final : public RemoteSource {
 public:
    Result<void> collect(const Deadline&, std::string& out) override {
        out = "half a li";
        throw std::runtime_error("out of order");
    }
};

class WorkerTest : public testing::Test {
 protected:
    std::future<Answer> begin(Worker& worker, std::chrono::milliseconds timeout) {
        auto promise = std::make_shared<std::promise<Answer>>();
        std::future<Answer> answer = promise->get_future();
        worker.begin(timeout, [promise](std::string body, Result<void> outcome) {
            promise->set_value({std::move(body), std::move(outcome)});
        });
        return answer;
    }

    RealClock clock_;
};

TEST_F(WorkerTest, AnswersAgainAndAgain) {
    Worker worker(clock_, "quick", std::make_unique<QuickServer>());
    for (int i = 0; i < 1000; ++i) {
        const Answer answer = begin(worker, 10s).get();
        EXPECT_TRUE(answer.outcome.ok());
        EXPECT_EQ(answer.body, "server_up 1\n");
    }
}

TEST_F(WorkerTest, ASilentServerFailsAloneAtItsDeadline) {
    Worker silent(clock_, "silent", std::make_unique<SilentServer>());
    Worker quick(clock_, "quick", std::make_unique<QuickServer>());
    std::future<Answer> late = begin(silent, 200ms);
    EXPECT_TRUE(begin(quick, 10s).get().outcome.ok());
    EXPECT_EQ(late.wait_for(0ms), std::future_status::timeout)
        << "the quick one waited for the silent one";
    const Answer answer = late.get();
    EXPECT_EQ(answer.outcome.error().code, Code::kTimeout);
    EXPECT_EQ(answer.outcome.error().message, "no answer within 200 ms");
    EXPECT_EQ(answer.body, "server_up 0\n");
}

TEST_F(WorkerTest, CancelEndsTheWaitAndTheNextOneIsNotCancelled) {
    Worker worker(clock_, "silent", std::make_unique<SilentServer>());
    worker.cancel();  // nothing runs: nothing happens
    std::future<Answer> first = begin(worker, 1h);
    EXPECT_EQ(begin(worker, 1h).get().outcome.error().code, Code::kUnavailable);
    worker.cancel();
    EXPECT_EQ(first.get().outcome.error().code, Code::kCancelled);
    EXPECT_EQ(begin(worker, 1ms).get().outcome.error().code, Code::kTimeout);
}

TEST_F(WorkerTest, StopEndsWhatRunsAndBeginsNothingMore) {
    Worker worker(clock_, "silent", std::make_unique<SilentServer>());
    std::future<Answer> first = begin(worker, 1h);
    worker.stop();
    EXPECT_EQ(first.get().outcome.error().code, Code::kCancelled);
    EXPECT_EQ(begin(worker, 1h).get().outcome.error().code, Code::kCancelled);
}

TEST_F(WorkerTest, StopLetsGoOfTheSourceThoughTheWorkerIsHeld) {
    std::promise<void> gone;
    Worker worker(clock_, "leaving", std::make_unique<LeavingServer>(gone));
    EXPECT_TRUE(begin(worker, 10s).get().outcome.ok());
    worker.stop();
    EXPECT_EQ(gone.get_future().wait_for(10s), std::future_status::ready);
}

TEST_F(WorkerTest, IsIdleOnceNothingOfTheAnswerIsLeft) {
    Worker worker(clock_, "quick", std::make_unique<QuickServer>());
    auto held = std::make_shared<int>(0);
    const std::weak_ptr<int> watched = held;
    worker.begin(10s,
                 [held = std::move(held)](const std::string&, const Result<void>&) { ++*held; });
    while (!worker.is_idle()) std::this_thread::yield();
    EXPECT_TRUE(watched.expired());
}

TEST_F(WorkerTest, DestructionWaitsForNoServer) {
    std::future<Answer> answer;
    {
        Worker worker(clock_, "silent", std::make_unique<SilentServer>());
        answer = begin(worker, 1h);
    }
    EXPECT_EQ(answer.get().outcome.error().code, Code::kCancelled);
}

TEST_F(WorkerTest, AnExceptionIsAFailedScrapeWithoutABody) {
    Worker worker(clock_, "broken", std::make_unique<BrokenServer>());
    const Answer answer = begin(worker, 10s).get();
    EXPECT_EQ(answer.outcome.error().code, Code::kInternal);
    EXPECT_EQ(answer.body, "");
}

}  // namespace
}  // namespace kw::collect
