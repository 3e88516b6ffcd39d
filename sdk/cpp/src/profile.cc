// CpuProfiler: the thread that empties the sampler's rings, and the profiles that are being taken.
#include "kilowatch/profile.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "cpu_sampler.h"
#include "diagnostics.h"
#include "pprof.h"
#include "scope_chain.h"
#include "thread_mark.h"
#include "worker_thread.h"

namespace kilowatch {
namespace {

constexpr std::chrono::milliseconds kDrainInterval{200};

}  // namespace

void register_thread() { sampler::register_this_thread(); }

// The handler runs on this thread and may see any moment of this: the scope is whole before the
// thread names it.
ProfileScope::ProfileScope(const char* name, const void* frame)
    : name_(name), frame_(frame), owner_(__builtin_return_address(0)), outer_(thread_mark.scope) {
    if (thread_mark.stack_high == 0) sampler::register_this_thread();
    std::atomic_signal_fence(std::memory_order_release);
    thread_mark.scope = this;
}

ProfileScope::~ProfileScope() {
    thread_mark.scope = outer_;
    std::atomic_signal_fence(std::memory_order_release);
}

struct CpuProfiler::State {
    State(const CpuProfilerOptions& options_, Registry& registry_)
        : options(options_), registry(registry_), continuous(options.stacks_max) {
        options.hertz = std::clamp(options.hertz, 1u, 1000u);
        options.threads_max = std::clamp(options.threads_max, 1u, 100'000u);
    }

    std::chrono::nanoseconds period() const {
        return std::chrono::nanoseconds(1'000'000'000 / options.hertz);
    }

    void drain_once() {
        const uint64_t without = sampler::look_for_threads();
        uint64_t given_up = 0;
        {
            const std::lock_guard lock(mutex);
            sampler::drain([&](std::span<const uint64_t> sample) {
                if (keep_continuous && !continuous.add(sample)) ++given_up;
                for (StackCounts* one : profiles)
                    if (!one->add(sample)) ++given_up;
            });
        }
        if (without) registry.count_dropped("profiles", "threads_max", without);
        if (given_up) registry.count_dropped("profiles", "stacks_max", given_up);
        if (const uint64_t lost = sampler::take_lost())
            registry.count_dropped("profiles", "ring_full", lost);
    }

    void run() {
        std::unique_lock lock(mutex);
        for (;;) {
            lock.unlock();
            drain_once();
            lock.lock();
            ++drains;
            drained.notify_all();
            if (stopping) return;
            wake.wait_for(lock, kDrainInterval, [&] { return stopping || hurry; });
            hurry = false;
        }
    }

    // With one more user the profiler runs. `life` guards starting and stopping as a whole.
    bool acquire() {
        const std::lock_guard one(life);
        if (users++ > 0) return true;
        const std::string wrong =
            sampler::start({options.hertz, options.threads_max, options.all_threads});
        if (wrong.empty()) {
            try {
                {
                    const std::lock_guard lock(mutex);
                    stopping = false;
                    started = std::chrono::system_clock::now();
                }
                thread = start_worker("kw-profile", [this] { run(); });
                return true;
            } catch (const std::exception& failure) {
                diagnose(std::string("profiler: no thread: ") + failure.what());
                sampler::stop();
            }
        } else {
            diagnose("profiler: " + wrong);
        }
        --users;
        registry.count_dropped("profiles", "not_started");
        return false;
    }
    void release() {
        const std::lock_guard one(life);
        if (--users > 0) return;
        sampler::stop();
        {
            const std::lock_guard lock(mutex);
            stopping = true;
        }
        wake.notify_all();
        if (thread.joinable()) thread.join();
    }

    // Until a drain has run that began after this moment.
    void wait_for_drain(std::unique_lock<std::mutex>& lock) {
        const uint64_t wanted = drains + 2;
        while (drains < wanted && !stopping) {
            hurry = true;
            wake.notify_all();
            drained.wait_for(lock, kDrainInterval);
        }
    }

    // The samples of `duration`, and when it began. Nothing where the profiler cannot run.
    std::optional<std::pair<StackCounts, ProfileTime>> collect(std::chrono::milliseconds duration) {
        if (!acquire()) return std::nullopt;
        StackCounts counts(options.stacks_max);
        const SystemTime start = std::chrono::system_clock::now();
        {
            std::unique_lock lock(mutex);
            wait_for_drain(lock);  // what was sampled before does not belong to it
            profiles.push_back(&counts);
            const uint64_t round = cancel_round;
            cancelled.wait_for(lock, duration, [&] { return cancel_round != round; });
            wait_for_drain(lock);
            std::erase(profiles, &counts);
        }
        release();
        const auto took = std::chrono::system_clock::now() - start;
        return std::pair(std::move(counts), ProfileTime{start, took, period()});
    }

    CpuProfilerOptions options;
    Registry& registry;

    std::mutex life;
    int users = 0;  // start() counts as one, each profile as one

    std::mutex mutex;
    std::condition_variable wake;
    std::condition_variable drained;
    std::condition_variable cancelled;
    bool stopping = false;
    bool hurry = false;
    uint64_t drains = 0;
    uint64_t cancel_round = 0;
    bool keep_continuous = false;
    StackCounts continuous;
    SystemTime started;  // of what `continuous` holds
    std::vector<StackCounts*> profiles;
    std::jthread thread;
};

CpuProfiler::CpuProfiler(const CpuProfilerOptions& options, Registry& registry)
    : state_(std::make_unique<State>(options, registry)) {}

CpuProfiler::~CpuProfiler() {
    cancel_profiles();
    stop();
}

bool CpuProfiler::start() {
    if (running()) return true;
    if (!state_->acquire()) return false;
    const std::lock_guard lock(state_->mutex);
    state_->keep_continuous = true;
    state_->started = std::chrono::system_clock::now();
    return true;
}

void CpuProfiler::stop() {
    {
        const std::lock_guard lock(state_->mutex);
        if (!std::exchange(state_->keep_continuous, false)) return;
        state_->continuous = StackCounts(state_->options.stacks_max);
    }
    state_->release();
}

bool CpuProfiler::running() const {
    const std::lock_guard lock(state_->mutex);
    return state_->keep_continuous;
}

void CpuProfiler::cancel_profiles() {
    {
        const std::lock_guard lock(state_->mutex);
        ++state_->cancel_round;
    }
    state_->cancelled.notify_all();
}

std::string CpuProfiler::profile(std::chrono::milliseconds duration) {
    const auto taken = state_->collect(duration);
    return taken ? encode_pprof(taken->first, taken->second) : std::string();
}

std::string CpuProfiler::profile_legacy(std::chrono::milliseconds duration) {
    const auto taken = state_->collect(duration);
    return taken ? encode_legacy(taken->first, taken->second) : std::string();
}

std::string CpuProfiler::take_continuous() {
    StackCounts counts(state_->options.stacks_max);
    ProfileTime time{};
    {
        const std::lock_guard lock(state_->mutex);
        if (!state_->keep_continuous) return {};
        std::swap(counts, state_->continuous);
        time.start = std::exchange(state_->started, std::chrono::system_clock::now());
        time.duration = state_->started - time.start;
        time.period = state_->period();
    }
    return encode_pprof(counts, time);
}

}  // namespace kilowatch
