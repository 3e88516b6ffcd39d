// Child processes: each in a process group of its own (so that Ctrl-C reaches the supervisor alone), with its output
// in a file, ended by the kernel when the supervisor dies.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace energy {

struct SystemUser {
    uid_t uid = 0;
    gid_t gid = 0;
};
std::optional<SystemUser> system_user(const char* name);

class Child final {
 public:
    struct Options {
        std::vector<std::string> arguments;  // the first is the program's path
        std::string log_path;
        std::optional<SystemUser> user;  // to become, when we are root
        int end_signal;                  // how it is asked to stop
    };
    // Call from the main thread: the kernel's "parent died" means the thread that started it.
    kw::Result<void> start(const Options& options);
    bool running();                                 // reaps; false once it has ended
    int exit_code() const { return exit_code_; }    // of the last that ended; 128 + signal
    void stop(std::chrono::milliseconds patience);  // asks, then kills
    // Waits for it to end by itself; false when it does not in time.
    bool wait(std::chrono::milliseconds patience);
    pid_t pid() const { return pid_; }

 private:
    pid_t pid_ = 0;
    int exit_code_ = 0;
    int end_signal_ = 0;
};

}  // namespace energy
