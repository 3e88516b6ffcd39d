// A sampling CPU profiler that can run all the time, and the scope that names what the CPU works
// for.
//
//     Forecast model_inference(const Features& features) {
//         KW_PROFILE_CPU("model_inference");
//         …
//     }
//
// Every thread has a timer on its own CPU clock (so that a thread that sleeps costs nothing); when
// it fires, a signal handler walks the frame pointers within the thread's stack and puts the
// addresses into the thread's ring. A thread of the profiler empties the rings, adds up equal
// stacks, looks for new threads every 200 ms, and, when somebody asks, finds the names.
// Laws
//   1. The handler allocates nothing, locks nothing, makes no call but gettid(), and reads only
//      memory between the stack pointer and the end of the thread's stack. A stack that the profiler does not know
//      (a fiber's) gives its innermost frame only.
//   2. A scope is a frame of its own name in the flame graph (unless its function bears the same
//      name) and the label `scope` of the sample; a current span gives the label `trace_id`.
//   3. Code compiled without -fno-omit-frame-pointer is skipped or ends the stack; it never faults.
//   4. Memory is bounded: 64 frames a stack, 32 KiB of ring a thread, `threads_max` threads,
//      `stacks_max` different stacks a profile. What does not fit is counted
//      (kilowatch_sdk_dropped_total{kind="profiles"}).
// One profiler runs in a process; it refuses to start where SIGPROF has a handler already, and its
// own stays installed, idle, after stop(), since a late signal would end the process otherwise. Timers restart system calls (SA_RESTART); those that the kernel
// never restarts (poll, epoll_wait, nanosleep) may return EINTR, as under every signal, but a timer
// of CPU time fires while the thread computes, hardly ever there. fork(): POSIX timers are not
// inherited, so the child is not sampled; do not start a profiler there before exec().
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "kilowatch/metrics.h"

namespace kilowatch {

struct CpuProfilerOptions {
    uint32_t hertz = 100;  // 1…1000, of CPU time
    uint32_t threads_max = 512;
    uint32_t stacks_max = 20'000;
    // Samples of threads that nobody named: all threads, or only those that called
    // register_thread() or have had a KW_PROFILE_CPU scope.
    bool all_threads = true;
};

class CpuProfiler final {
 public:
    // `registry` outlives the profiler. Does not start it.
    CpuProfiler(const CpuProfilerOptions& options, Registry& registry);
    ~CpuProfiler();
    CpuProfiler(const CpuProfiler&) = delete;
    CpuProfiler& operator=(const CpuProfiler&) = delete;

    // False, and a line through set_diagnostics(), where another profiler owns SIGPROF. Once
    // started it runs until stop().
    bool start();
    void stop();
    bool running() const;

    // Blocks for `duration` and gives the samples of that time as gzipped pprof; runs the profiler
    // for that time where it does not run. Several may be taken at once. Empty where the profiler
    // cannot start.
    std::string profile(std::chrono::milliseconds duration);
    // The same in the format of gperftools, which google-pprof reads: addresses, and the process's
    // mappings.
    std::string profile_legacy(std::chrono::milliseconds duration);

    // Ends the profiles that are being taken: each gives what it has so far.
    void cancel_profiles();

    // The samples since the last call, or since start(), as gzipped pprof, for pushing. Empty where
    // it does not run.
    std::string take_continuous();

 private:
    struct State;
    std::unique_ptr<State> state_;
};

// Samples of this thread are taken from now on, without waiting for the profiler to find it. Cheap
// to repeat.
void register_thread();

// Names what this thread works for as long as it lives; scopes nest. `name` outlives the process (a
// literal).
class ProfileScope final {
 public:
    [[gnu::noinline]] explicit ProfileScope(const char* name,
                                            const void* frame = __builtin_frame_address(0));
    ~ProfileScope();
    ProfileScope(const ProfileScope&) = delete;
    ProfileScope& operator=(const ProfileScope&) = delete;

 private:
    friend struct ScopeChain;
    const char* name_;
    const void* frame_;  // of the function that has the scope
    const void* owner_;  // an address within its code
    const ProfileScope* outer_;
};

#define KW_PROFILE_CONCAT_(a, b) a##b
#define KW_PROFILE_NAME_(line) KW_PROFILE_CONCAT_(kw_profile_scope_, line)
#define KW_PROFILE_CPU(name) const ::kilowatch::ProfileScope KW_PROFILE_NAME_(__LINE__)(name)

}  // namespace kilowatch
