#include "diagnostics.h"

#include <chrono>
#include <cstdio>
#include <functional>
#include <mutex>
#include <string>

#include "kilowatch/metrics.h"

namespace kilowatch {
namespace {

constexpr int kLinesPerSecondMax = 10;

void write_to_stderr(std::string_view line) {
    std::fprintf(stderr, "kilowatch sdk: %.*s\n", static_cast<int>(line.size()), line.data());
}

// Process-wide by design: what goes wrong inside of a signal's SDK has no other way to its host.
struct Diagnostics {
    std::mutex mutex;
    std::function<void(std::string_view)> write = write_to_stderr;
    std::chrono::steady_clock::time_point second{};
    int lines = 0;
};

Diagnostics& diagnostics() {
    static Diagnostics* const instance = new Diagnostics();  // never destroyed: threads end late
    return *instance;
}

}  // namespace

void set_diagnostics(std::function<void(std::string_view line)> write) {
    const std::lock_guard lock(diagnostics().mutex);
    diagnostics().write = std::move(write);
    diagnostics().lines = 0;
}

void diagnose(std::string_view line) noexcept {
    Diagnostics& all = diagnostics();
    const std::lock_guard lock(all.mutex);
    const auto now = std::chrono::steady_clock::now();
    if (now - all.second >= std::chrono::seconds(1)) {
        all.second = now;
        all.lines = 0;
    }
    if (++all.lines > kLinesPerSecondMax || !all.write) return;
    try {
        all.write(line);
        // The host's own function threw; there is nobody to tell.
    } catch (...) {  // NOLINT(bugprone-empty-catch)
    }
}

}  // namespace kilowatch
