// The thread of a NotifyPipeline: what is ready, and timers; and the callbacks that are still to come.
#include <algorithm>
#include <chrono>

#include "alerting/notify_pipeline_impl.h"
#include "base/clock.h"

namespace kw::alerting {
namespace {

// Timers look at the clock at least this often, since a test's clock moves without telling.
constexpr std::chrono::milliseconds kClockLook{50};

}  // namespace

void NotifyPipeline::Impl::run() {
    while (std::function<void()> task = next_task()) task();
}

std::function<void()> NotifyPipeline::Impl::next_task() {
    const MutexLock lock(mutex_);
    while (!stopping_) {
        const int64_t now_ns = env_.clock.steady_ns();
        while (!timers_.empty() && timers_.begin()->first <= now_ns) {
            ready_.push_back(std::move(timers_.begin()->second));
            timers_.erase(timers_.begin());
        }
        if (!ready_.empty()) {
            std::function<void()> task = std::move(ready_.front());
            ready_.pop_front();
            return task;
        }
        // Those that nobody uses any more; destroyed here, since a notifier may join threads of its own.
        std::erase_if(retired_, [](const auto& one) { return one.use_count() == 1; });
        if (timers_.empty()) {
            wake_.wait(mutex_);
        } else {
            wake_.wait_for(
                mutex_, std::min<std::chrono::nanoseconds>(
                            kClockLook, std::chrono::nanoseconds(timers_.begin()->first - now_ns)));
        }
    }
    return {};
}

void NotifyPipeline::Impl::push_ready(std::function<void()> task) {
    const MutexLock lock(mutex_);
    ready_.push_back(std::move(task));
    wake_.notify_all();
}

void NotifyPipeline::Impl::begin_outstanding() {
    const MutexLock lock(mutex_);
    ++outstanding_;
}

void NotifyPipeline::Impl::end_outstanding() {
    const MutexLock lock(mutex_);
    --outstanding_;
    idle_.notify_all();
}

void NotifyPipeline::Impl::cancel_fetches() {
    std::vector<net::Fetcher::FetchId> ids;
    std::vector<std::shared_ptr<Integration>> integrations;
    {
        const MutexLock lock(mutex_);
        for (const JobPtr& job : jobs_) {
            if (job->fetch != 0) ids.push_back(job->fetch);
            integrations.push_back(job->integration);
        }
    }
    for (const net::Fetcher::FetchId id : ids) fetcher_.cancel(id);
    for (const auto& integration : integrations) integration->notifier->stop();
}

}  // namespace kw::alerting
