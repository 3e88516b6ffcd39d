#include "kilowatch/process_metrics.h"

#include <charconv>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include <sys/resource.h>
#include <unistd.h>

namespace kilowatch {
namespace {

std::string read_file(const char* path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

double number(const std::string& text) {
    double value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

// The number after `key` at a line's beginning; 0 where there is none.
double number_of_line(const std::string& text, std::string_view key) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        if (!line.starts_with(key)) continue;
        const size_t at = line.find_first_of("0123456789", key.size());
        return at == std::string::npos ? 0 : number(line.substr(at));
    }
    return 0;
}

// Source: proc(5), /proc/[pid]/stat; fields are counted from 1, the command's name may contain
// blanks and brackets.
void collect_stat(CollectorSink& sink) {
    const std::string text = read_file("/proc/self/stat");
    const size_t name_end = text.rfind(')');
    if (name_end == std::string::npos) return;
    std::istringstream rest(text.substr(name_end + 1));
    const std::vector<std::string> fields{std::istream_iterator<std::string>(rest), {}};
    const auto field = [&](size_t index) {  // as in proc(5): 3 is the state
        return index - 3 < fields.size() ? number(fields[index - 3]) : 0;
    };
    const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
    sink.counter("process_cpu_seconds_total", "User and system CPU time in seconds.", {},
                 (field(14) + field(15)) / ticks);
    sink.gauge("process_threads", "Threads of the process.", {}, field(20));
    sink.gauge("process_virtual_memory_bytes", "Virtual memory size in bytes.", {}, field(23));
    sink.gauge("process_resident_memory_bytes", "Resident memory size in bytes.", {},
               field(24) * static_cast<double>(sysconf(_SC_PAGESIZE)));
    const double boot = number_of_line(read_file("/proc/stat"), "btime ");
    sink.gauge("process_start_time_seconds",
               "Start time of the process since the Unix epoch in seconds.", {},
               boot + field(22) / ticks);
}

void collect_files(CollectorSink& sink) {
    std::error_code error;
    int64_t open = 0;
    for (std::filesystem::directory_iterator it("/proc/self/fd", error), end; !error && it != end;
         it.increment(error))
        ++open;
    // One of them is the directory itself.
    sink.gauge("process_open_fds", "Open file descriptors.", {},
               static_cast<double>(open > 0 ? open - 1 : 0));
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        sink.gauge("process_max_fds", "The most file descriptors that may be open.", {},
                   static_cast<double>(limit.rlim_cur));
    if (getrlimit(RLIMIT_AS, &limit) == 0)
        sink.gauge("process_virtual_memory_max_bytes",
                   "The most virtual memory that there may be, in bytes; -1 without a limit.", {},
                   limit.rlim_cur == RLIM_INFINITY ? -1.0 : static_cast<double>(limit.rlim_cur));
}

// Source: proc(5), /proc/net/dev: two lines of heading, then `name: 16 numbers`, bytes received
// first, sent ninth.
void collect_network(CollectorSink& sink) {
    std::istringstream lines(read_file("/proc/self/net/dev"));
    double received = 0;
    double sent = 0;
    for (std::string line; std::getline(lines, line);) {
        const size_t colon = line.find(':');
        if (colon == std::string::npos) continue;
        std::istringstream rest(line.substr(colon + 1));
        const std::vector<std::string> fields{std::istream_iterator<std::string>(rest), {}};
        if (fields.size() < 9) continue;
        received += number(fields[0]);
        sent += number(fields[8]);
    }
    sink.counter("process_network_receive_bytes_total",
                 "Bytes received by the process's network namespace.", {}, received);
    sink.counter("process_network_transmit_bytes_total",
                 "Bytes sent by the process's network namespace.", {}, sent);
}

}  // namespace

CollectorHandle add_process_metrics(Registry& registry) {
    return registry.add_collector([](CollectorSink& sink) {
        collect_stat(sink);
        collect_files(sink);
        collect_network(sink);
    });
}

}  // namespace kilowatch
