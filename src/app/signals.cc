#include "app/signals.h"

#include <unistd.h>

#include <csignal>

namespace kw::app {
namespace {

sigset_t watched() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    return set;
}

}  // namespace

Signals::Signals() {
    const sigset_t set = watched();
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    // A connection or a file that takes no more is an ordinary error of the call.
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGXFSZ, SIG_IGN);
}

SignalEvent Signals::wait() const {
    const sigset_t set = watched();
    int number = 0;
    while (sigwait(&set, &number) != 0) {
    }
    return number == SIGHUP ? SignalEvent::kReload : SignalEvent::kStop;
}

void Signals::request_stop() const { ::kill(::getpid(), SIGTERM); }

}  // namespace kw::app
