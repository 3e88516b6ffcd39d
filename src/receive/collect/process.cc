// process_* of this process: /proc/self, as Prometheus' client libraries have it.
#include <fmt/format.h>

#include <limits>

#include "collect/collector.h"
#include "collect/writer.h"

namespace kw::collect {
namespace {

// Fields of /proc/self/stat, counted from 0 behind the command in its parentheses.
enum StatField : size_t {
    kUserTicks = 11,
    kSystemTicks = 12,
    kThreads = 17,
    kStartTicks = 19,
    kVirtualBytes = 20,
    kResidentPages = 21,
    kStatFields = 22
};

// Of "Max open files            1024                 1048576              files", the soft limit.
double limit_of(std::string_view limits, std::string_view name) {
    for (const std::string_view line : lines_of(limits)) {
        if (!line.starts_with(name)) continue;
        const std::vector<std::string_view> words = words_of(line.substr(name.size()));
        const Result<double> number =
            words.empty() ? Result<double>(invalid("none")) : number_of(words[0]);
        return number.ok() ? *number : std::numeric_limits<double>::infinity();
    }
    return std::numeric_limits<double>::infinity();
}

// Without a limit Go's client says the largest unsigned number.
double shown_limit(double limit) {
    return limit == std::numeric_limits<double>::infinity() ? 18446744073709551615.0 : limit;
}

}  // namespace

Result<void> collect_process(const Host& host, ExpositionWriter& out) {
    KW_TRY_ASSIGN(const std::string stat, host.proc("self/stat"));
    const size_t command_end = stat.rfind(')');
    if (command_end == std::string::npos) return invalid("self/stat has no command");
    const std::vector<std::string_view> words =
        words_of(std::string_view(stat).substr(command_end + 1));
    if (words.size() < kStatFields) return invalid("self/stat has {} fields", words.size());
    std::vector<double> fields;
    fields.reserve(kStatFields);
    for (size_t i = 0; i < kStatFields; ++i) fields.push_back(number_of(words[i]).value_or(0));

    const double ticks = host.calls().clock_ticks_per_second();
    out.counter("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.",
                (fields[kUserTicks] + fields[kSystemTicks]) / ticks);
    const Result<std::string> limits = host.proc("self/limits");
    if (limits.ok()) {
        out.gauge("process_max_fds", "Maximum number of open file descriptors.",
                  shown_limit(limit_of(*limits, "Max open files")));
    }
    // The network name space's, without the loopback device.
    if (const Result<std::string> netstat = host.proc("self/net/netstat"); netstat.ok()) {
        const std::vector<std::string_view> lines = lines_of(*netstat);
        for (size_t i = 0; i + 1 < lines.size(); i += 2) {
            const std::vector<std::string_view> names = words_of(lines[i]);
            const std::vector<std::string_view> values = words_of(lines[i + 1]);
            for (size_t n = 0; n < names.size() && n < values.size() && names[0] == "IpExt:"; ++n) {
                if (names[n] == "InOctets") {
                    out.counter("process_network_receive_bytes_total",
                                "Number of bytes received by the process over the network.",
                                number_of(values[n]).value_or(0));
                } else if (names[n] == "OutOctets") {
                    out.counter("process_network_transmit_bytes_total",
                                "Number of bytes sent by the process over the network.",
                                number_of(values[n]).value_or(0));
                }
            }
        }
    }
    if (const Result<std::vector<std::string>> fds = host.proc_list("self/fd"); fds.ok()) {
        out.gauge("process_open_fds", "Number of open file descriptors.",
                  static_cast<double>(fds->size()));
    }
    out.gauge("process_resident_memory_bytes", "Resident memory size in bytes.",
              fields[kResidentPages] * host.calls().page_bytes());
    if (const Result<std::string> system = host.proc("stat"); system.ok()) {
        for (const std::string_view line : lines_of(*system)) {
            if (!line.starts_with("btime ")) continue;
            KW_TRY_ASSIGN(const double boot_seconds, number_of(trimmed(line.substr(6))));
            out.gauge("process_start_time_seconds",
                      "Start time of the process since unix epoch in seconds.",
                      boot_seconds + fields[kStartTicks] / ticks);
        }
    }
    out.gauge("process_threads", "Number of OS threads in the process.", fields[kThreads]);
    out.gauge("process_virtual_memory_bytes", "Virtual memory size in bytes.",
              fields[kVirtualBytes]);
    if (limits.ok()) {
        out.gauge("process_virtual_memory_max_bytes",
                  "Maximum amount of virtual memory available in bytes.",
                  shown_limit(limit_of(*limits, "Max address space")));
    }
    return {};
}

}  // namespace kw::collect
