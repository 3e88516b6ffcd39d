// What collectors read of a host: files under /proc, /sys and /, and a few answers of the kernel. A test owns
// all of it: other roots, other answers.
// Threads: const members from any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace kw::collect {

struct FilesystemStats {
    double size_bytes = 0;
    double free_bytes = 0;
    double available_bytes = 0;  // to others than root
    double files = 0;
    double files_free = 0;
};

struct SystemNames {
    std::string sysname;
    std::string release;
    std::string version;
    std::string machine;
    std::string nodename;
    std::string domainname;
};

// What adjtimex(2) says of the clock, in its own units.
struct ClockState {
    double offset = 0;
    double frequency = 0;
    double maxerror = 0;
    double esterror = 0;
    double status = 0;
    double constant = 0;
    double tick = 0;
    double pps_frequency = 0;
    double jitter = 0;
    double shift = 0;
    double stability = 0;
    double jitter_count = 0;
    double calibration_count = 0;
    double error_count = 0;
    double stability_count = 0;
    double tai = 0;
    bool is_synchronised = false;
    bool has_nanoseconds = false;  // offset and jitter are nanoseconds, else microseconds
};

struct HostOptions {
    std::string proc = "/proc";
    std::string sys = "/sys";
    std::string root = "/";          // where mount points and /etc are looked up
    std::string textfile_directory;  // of *.prom files; empty: none
};

class Host final {
 public:
    static constexpr size_t kFileBytesMax = 4 << 20;

    // Answers of the kernel, asked through here so that tests give their own.
    struct Calls {
        std::function<Result<FilesystemStats>(const std::string& path)> filesystem_stats;
        std::function<Result<SystemNames>()> system_names;
        std::function<double()> clock_ticks_per_second;
        std::function<double()> page_bytes;
        std::function<std::pair<std::string, double>()> time_zone;  // name and seconds east of UTC
        std::function<Result<double>(const std::string& path)> modified_seconds;
        std::function<Result<ClockState>()> clock_state;
    };
    static Calls kernel_calls();

    Host(const Clock& clock, HostOptions options, Calls calls = kernel_calls());

    // The content of a file under /proc (`proc("net/dev")`), /sys or /.
    // Errors: kNotFound, kExhausted over kFileBytesMax, kUnavailable; the message has the path.
    Result<std::string> proc(std::string_view path) const {
        return read(options_.proc + "/" + std::string(path));
    }
    Result<std::string> sys(std::string_view path) const {
        return read(options_.sys + "/" + std::string(path));
    }
    Result<std::string> root(std::string_view path) const {
        return read(options_.root + "/" + std::string(path));
    }
    // Without the white space at its end, empty where it cannot be read.
    std::string sys_line(std::string_view path) const;
    // Names in a directory, sorted. Errors: as above.
    Result<std::vector<std::string>> proc_list(std::string_view path) const;
    Result<std::vector<std::string>> sys_list(std::string_view path) const;
    bool sys_exists(std::string_view path) const;
    static Result<std::string> read(const std::string& path);
    static Result<std::vector<std::string>> list(const std::string& path);

    const HostOptions& options() const { return options_; }
    const Calls& calls() const { return calls_; }
    const Clock& clock() const { return clock_; }

 private:
    const Clock& clock_;
    const HostOptions options_;
    const Calls calls_;
};

// The pieces between blanks and tabs; empty ones do not count.
std::vector<std::string_view> words_of(std::string_view text);
// The pieces between newlines, without an empty one at the end.
std::vector<std::string_view> lines_of(std::string_view text);
std::string_view trimmed(std::string_view text);
// Errors: kInvalid, with the text.
Result<double> number_of(std::string_view text);

}  // namespace kw::collect
