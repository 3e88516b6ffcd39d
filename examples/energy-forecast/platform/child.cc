#include "platform/child.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <thread>

namespace energy {

std::optional<SystemUser> system_user(const char* name) {
    const passwd* entry = getpwnam(name);
    if (entry == nullptr) return std::nullopt;
    return SystemUser{entry->pw_uid, entry->pw_gid};
}

kw::Result<void> Child::start(const Options& options) {
    std::vector<char*> arguments;
    for (const std::string& argument : options.arguments)
        arguments.push_back(const_cast<char*>(argument.c_str()));
    arguments.push_back(nullptr);
    const int log = open(options.log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (log < 0) return kw::unavailable("{}: {}", options.log_path, strerror(errno));
    const pid_t parent = getpid();
    const pid_t pid = fork();
    if (pid < 0) {
        close(log);
        return kw::unavailable("fork: {}", strerror(errno));
    }
    if (pid == 0) {  // between fork and exec: only what is safe there
        setpgid(0, 0);
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, nullptr);
        dup2(open("/dev/null", O_RDONLY), STDIN_FILENO);
        dup2(log, STDOUT_FILENO);
        dup2(log, STDERR_FILENO);
        if (options.user && getuid() == 0) {
            if (setgroups(0, nullptr) != 0 || setgid(options.user->gid) != 0 ||
                setuid(options.user->uid) != 0)
                _exit(126);
            if (chdir("/") != 0) _exit(126);
        }
        prctl(PR_SET_PDEATHSIG, options.end_signal);  // after setuid, which clears it
        if (getppid() != parent) _exit(125);
        execv(arguments[0], arguments.data());
        _exit(127);
    }
    close(log);
    pid_ = pid;
    end_signal_ = options.end_signal;
    return {};
}

bool Child::running() {
    if (pid_ == 0) return false;
    int status = 0;
    if (waitpid(pid_, &status, WNOHANG) == 0) return true;
    exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    pid_ = 0;
    return false;
}

bool Child::wait(std::chrono::milliseconds patience) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (running()) {
        if (std::chrono::steady_clock::now() > deadline) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return true;
}

void Child::stop(std::chrono::milliseconds patience) {
    if (!running()) return;
    kill(pid_, end_signal_);
    if (wait(patience)) return;
    kill(pid_, SIGKILL);
    wait(std::chrono::seconds(5));
}

}  // namespace energy
