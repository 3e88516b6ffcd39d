// The part of the profiler that the process has once: timers, the signal handler, and a ring for
// each thread.
//
//   timer of a thread's CPU time ──SIGPROF──▶ handler on that thread ──ring──▶ drain() on the
//   profiler's thread
//
// Slots are never freed, since a signal can arrive after its timer is gone; a handler writes only
// into the slot that bears its thread's id. After stop() the handler stays installed and does
// nothing. Threads: start(), stop(), look_for_threads() and drain() from one at a time;
// add_thread() from any.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>

namespace kilowatch::sampler {

struct Options {
    uint32_t hertz;
    uint32_t threads_max;
    bool all_threads;
};

// Empty: it runs. Else why not.
std::string start(const Options& options);
void stop();

// Gives new threads a timer, and takes the slots of ended ones back. How many threads found no
// slot or no timer.
uint64_t look_for_threads();

// Hands over what the rings hold (see stack_sample.h).
void drain(const std::function<void(std::span<const uint64_t>)>& take);

// Samples that found no room in their ring, since the last call.
uint64_t take_lost();

// Of the calling thread: its stack's bounds for the handler, and a timer at once where the sampler
// runs.
void register_this_thread();

}  // namespace kilowatch::sampler
