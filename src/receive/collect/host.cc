#include "collect/host.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <ctime>
#include <memory>

namespace kw::collect {
namespace {

Error io_error(const std::string& path, int number) {
    if (number == ENOENT || number == ENOTDIR)
        return not_found("{}: {}", path, std::strerror(number));
    return unavailable("{}: {}", path, std::strerror(number));
}

struct Descriptor {
    explicit Descriptor(int number) : fd(number) {}
    ~Descriptor() {
        if (fd >= 0) ::close(fd);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    const int fd;
};

Result<FilesystemStats> statvfs_of(const std::string& path) {
    struct statvfs stats{};
    if (::statvfs(path.c_str(), &stats) != 0) return io_error(path, errno);
    const auto block = static_cast<double>(stats.f_frsize);
    return FilesystemStats{static_cast<double>(stats.f_blocks) * block,
                           static_cast<double>(stats.f_bfree) * block,
                           static_cast<double>(stats.f_bavail) * block,
                           static_cast<double>(stats.f_files), static_cast<double>(stats.f_ffree)};
}

Result<SystemNames> uname_names() {
    struct utsname names{};
    if (::uname(&names) != 0) return unavailable("uname: {}", std::strerror(errno));
    return SystemNames{names.sysname, names.release,  names.version,
                       names.machine, names.nodename, names.domainname};
}

std::pair<std::string, double> local_time_zone() {
    const std::time_t now = std::time(nullptr);
    std::tm local{};
    ::localtime_r(&now, &local);
    return {local.tm_zone == nullptr ? "UTC" : local.tm_zone, static_cast<double>(local.tm_gmtoff)};
}

Result<double> stat_modified_seconds(const std::string& path) {
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0) return io_error(path, errno);
    return static_cast<double>(status.st_mtim.tv_sec) +
           static_cast<double>(status.st_mtim.tv_nsec) / 1e9;
}

Result<ClockState> adjtimex_state() {
    struct timex state{};
    const int verdict = ::adjtimex(&state);
    if (verdict < 0) return unavailable("adjtimex: {}", std::strerror(errno));
    return ClockState{
        .offset = static_cast<double>(state.offset),
        .frequency = static_cast<double>(state.freq),
        .maxerror = static_cast<double>(state.maxerror),
        .esterror = static_cast<double>(state.esterror),
        .status = static_cast<double>(state.status),
        .constant = static_cast<double>(state.constant),
        .tick = static_cast<double>(state.tick),
        .pps_frequency = static_cast<double>(state.ppsfreq),
        .jitter = static_cast<double>(state.jitter),
        .shift = static_cast<double>(state.shift),
        .stability = static_cast<double>(state.stabil),
        .jitter_count = static_cast<double>(state.jitcnt),
        .calibration_count = static_cast<double>(state.calcnt),
        .error_count = static_cast<double>(state.errcnt),
        .stability_count = static_cast<double>(state.stbcnt),
        .tai = static_cast<double>(state.tai),
        .is_synchronised = verdict != TIME_ERROR,
        .has_nanoseconds = (state.status & STA_NANO) != 0,
    };
}

}  // namespace

Host::Calls Host::kernel_calls() {
    return {
        .filesystem_stats = statvfs_of,
        .system_names = uname_names,
        .clock_ticks_per_second = [] { return static_cast<double>(::sysconf(_SC_CLK_TCK)); },
        .page_bytes = [] { return static_cast<double>(::sysconf(_SC_PAGESIZE)); },
        .time_zone = local_time_zone,
        .modified_seconds = stat_modified_seconds,
        .clock_state = adjtimex_state,
    };
}

Host::Host(const Clock& clock, HostOptions options, Calls calls)
    : clock_(clock), options_(std::move(options)), calls_(std::move(calls)) {}

Result<std::string> Host::read(const std::string& path) {
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (file.fd < 0) return io_error(path, errno);
    std::string content;
    char buffer[16 << 10];
    for (;;) {
        const ssize_t got = ::read(file.fd, buffer, sizeof buffer);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return io_error(path, errno);
        if (got == 0) return content;
        content.append(buffer, static_cast<size_t>(got));
        if (content.size() > kFileBytesMax)
            return exhausted("{}: more than {} bytes", path, kFileBytesMax);
    }
}

Result<std::vector<std::string>> Host::list(const std::string& path) {
    const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(path.c_str()), ::closedir);
    if (directory == nullptr) return io_error(path, errno);
    std::vector<std::string> names;
    while (const dirent* const entry = ::readdir(directory.get())) {
        const std::string_view name = entry->d_name;
        if (name != "." && name != "..") names.emplace_back(name);
    }
    std::ranges::sort(names);
    return names;
}

Result<std::vector<std::string>> Host::proc_list(std::string_view path) const {
    return list(options_.proc + "/" + std::string(path));
}

Result<std::vector<std::string>> Host::sys_list(std::string_view path) const {
    return list(options_.sys + "/" + std::string(path));
}

bool Host::sys_exists(std::string_view path) const {
    return ::access((options_.sys + "/" + std::string(path)).c_str(), F_OK) == 0;
}

std::string Host::sys_line(std::string_view path) const {
    const Result<std::string> content = sys(path);
    return content.ok() ? std::string(trimmed(*content)) : std::string();
}

std::vector<std::string_view> words_of(std::string_view text) {
    std::vector<std::string_view> words;
    for (size_t at = 0; (at = text.find_first_not_of(" \t\n", at)) != std::string_view::npos;) {
        const size_t end = std::min(text.find_first_of(" \t\n", at), text.size());
        words.push_back(text.substr(at, end - at));
        at = end;
    }
    return words;
}

std::vector<std::string_view> lines_of(std::string_view text) {
    std::vector<std::string_view> lines;
    while (!text.empty()) {
        const size_t end = std::min(text.find('\n'), text.size());
        lines.push_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return lines;
}

std::string_view trimmed(std::string_view text) {
    const size_t begin = text.find_first_not_of(" \t\r\n");
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

Result<double> number_of(std::string_view text) {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size())
        return invalid("\"{}\" is no number", text);
    return value;
}

}  // namespace kw::collect
