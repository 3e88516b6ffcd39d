#include "worker_thread.h"

#include <csignal>

#include <pthread.h>

namespace kilowatch {

std::jthread start_worker(const char* name, std::function<void()> run) {
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    for (const int fault : {SIGPROF, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP})
        sigdelset(&all, fault);
    pthread_sigmask(SIG_SETMASK, &all, &before);  // the new thread inherits it
    struct Restore {
        const sigset_t& mask;
        ~Restore() { pthread_sigmask(SIG_SETMASK, &mask, nullptr); }
    } const restore{before};
    return std::jthread([name, run = std::move(run)] {
        pthread_setname_np(pthread_self(), name);  // at most 15 bytes
        run();
    });
}

}  // namespace kilowatch
