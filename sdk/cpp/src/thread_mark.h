// What a signal handler may know of the thread that it interrupts: plain words in thread-local
// storage that exists from the thread's beginning (initial-exec), so that reading it calls nothing.
//
// Written by the thread itself, read by the handler on the same thread: compiler fences order the
// two.
#pragma once

#include <cstdint>

namespace kilowatch {

class ProfileScope;

struct ThreadMark {
    const ProfileScope* scope = nullptr;  // innermost, null outside of all
    uintptr_t stack_low = 0;              // bounds of the stack, of registered threads
    uintptr_t stack_high = 0;             // zero: not registered; written last
    uint64_t trace_id[2] = {0, 0};        // as in memory; zero: no current span
};

extern constinit thread_local ThreadMark thread_mark __attribute__((tls_model("initial-exec")));

}  // namespace kilowatch
