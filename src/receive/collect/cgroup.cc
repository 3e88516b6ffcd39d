// container_*: the cgroups of version 2 under /sys/fs/cgroup, named as cAdvisor names them, with the cgroup's path
// as `id`. Bounded: kCgroupsMax groups, kDepthMax deep, nearest to the root first.
#include <fmt/format.h>

#include <array>
#include <limits>
#include <map>
#include <optional>

#include "collect/collector.h"
#include "collect/writer.h"

namespace kw::collect {
namespace {

constexpr size_t kCgroupsMax = 500;
constexpr size_t kDepthMax = 5;
constexpr std::string_view kBase = "fs/cgroup";

using Fields = std::map<std::string, double, std::less<>>;

struct Cgroup {
    std::string id;  // "/system.slice/ssh.service"
    Fields cpu;      // cpu.stat
    Fields memory;   // memory.stat
    Fields events;   // memory.events
    std::optional<double> memory_bytes;
    std::optional<double> memory_limit_bytes;
    std::optional<double> memory_peak_bytes;
    std::optional<double> swap_bytes;
    std::optional<double> processes;
    std::optional<double> threads_max;
    std::optional<double> cpu_quota;
    std::optional<double> cpu_period;
    Fields io;  // summed over the devices

    std::optional<double> of(const Fields& fields, std::string_view name,
                             double divisor = 1) const {
        const auto it = fields.find(name);
        return it == fields.end() ? std::nullopt : std::optional(it->second / divisor);
    }
};

// "name value" a line.
Fields flat_fields(std::string_view text) {
    Fields fields;
    for (const std::string_view line : lines_of(text)) {
        const std::vector<std::string_view> words = words_of(line);
        if (words.size() == 2) fields[std::string(words[0])] = number_of(words[1]).value_or(0);
    }
    return fields;
}

// "8:0 rbytes=1 wbytes=2 …" a line, summed.
Fields io_fields(std::string_view text) {
    Fields fields;
    for (const std::string_view line : lines_of(text)) {
        for (const std::string_view word : words_of(line)) {
            const size_t equals = word.find('=');
            if (equals == std::string_view::npos) continue;
            fields[std::string(word.substr(0, equals))] +=
                number_of(word.substr(equals + 1)).value_or(0);
        }
    }
    return fields;
}

// "max" is no limit.
std::optional<double> limit_of(std::string_view text) {
    if (text == "max") return std::numeric_limits<double>::infinity();
    const Result<double> number = number_of(text);
    return number.ok() ? std::optional(*number) : std::nullopt;
}

Cgroup read_cgroup(const Host& host, const std::string& path, std::string id) {
    const auto line = [&](std::string_view file) {
        return host.sys_line(fmt::format("{}/{}", path, file));
    };
    Cgroup group;
    group.id = std::move(id);
    group.cpu = flat_fields(line("cpu.stat"));
    group.memory = flat_fields(line("memory.stat"));
    group.events = flat_fields(line("memory.events"));
    group.io = io_fields(line("io.stat"));
    group.memory_bytes = limit_of(line("memory.current"));
    group.memory_limit_bytes = limit_of(line("memory.max"));
    group.memory_peak_bytes = limit_of(line("memory.peak"));
    group.swap_bytes = limit_of(line("memory.swap.current"));
    group.processes = limit_of(line("pids.current"));
    group.threads_max = limit_of(line("pids.max"));
    const std::string cpu_max = line("cpu.max");
    if (const std::vector<std::string_view> words = words_of(cpu_max);
        words.size() == 2 && words[0] != "max") {
        group.cpu_quota = limit_of(words[0]);
        group.cpu_period = limit_of(words[1]);
    }
    return group;
}

struct CgroupMetric {
    std::string_view name;
    std::string_view help;
    std::string_view type;
    std::optional<double> (*value)(const Cgroup& group);
};
constexpr CgroupMetric kMetrics[] = {
    {"container_cpu_cfs_periods_total", "Number of elapsed enforcement period intervals.",
     "counter", [](const Cgroup& group) { return group.of(group.cpu, "nr_periods"); }},
    {"container_cpu_cfs_throttled_periods_total", "Number of throttled period intervals.",
     "counter", [](const Cgroup& group) { return group.of(group.cpu, "nr_throttled"); }},
    {"container_cpu_cfs_throttled_seconds_total",
     "Total time duration the container has been throttled.", "counter",
     [](const Cgroup& group) { return group.of(group.cpu, "throttled_usec", 1e6); }},
    {"container_cpu_system_seconds_total", "Cumulative system cpu time consumed in seconds.",
     "counter", [](const Cgroup& group) { return group.of(group.cpu, "system_usec", 1e6); }},
    {"container_cpu_usage_seconds_total", "Cumulative cpu time consumed in seconds.", "counter",
     [](const Cgroup& group) { return group.of(group.cpu, "usage_usec", 1e6); }},
    {"container_cpu_user_seconds_total", "Cumulative user cpu time consumed in seconds.", "counter",
     [](const Cgroup& group) { return group.of(group.cpu, "user_usec", 1e6); }},
    {"container_fs_reads_bytes_total", "Cumulative count of bytes read", "counter",
     [](const Cgroup& group) { return group.of(group.io, "rbytes"); }},
    {"container_fs_reads_total", "Cumulative count of reads completed", "counter",
     [](const Cgroup& group) { return group.of(group.io, "rios"); }},
    {"container_fs_writes_bytes_total", "Cumulative count of bytes written", "counter",
     [](const Cgroup& group) { return group.of(group.io, "wbytes"); }},
    {"container_fs_writes_total", "Cumulative count of writes completed", "counter",
     [](const Cgroup& group) { return group.of(group.io, "wios"); }},
    {"container_memory_cache", "Number of bytes of page cache memory.", "gauge",
     [](const Cgroup& group) { return group.of(group.memory, "file"); }},
    {"container_memory_kernel_usage", "Size of kernel memory allocated in bytes.", "gauge",
     [](const Cgroup& group) { return group.of(group.memory, "kernel"); }},
    {"container_memory_mapped_file", "Size of memory mapped files in bytes.", "gauge",
     [](const Cgroup& group) { return group.of(group.memory, "file_mapped"); }},
    {"container_memory_max_usage_bytes", "Maximum memory usage recorded in bytes", "gauge",
     [](const Cgroup& group) { return group.memory_peak_bytes; }},
    {"container_memory_rss", "Size of RSS in bytes.", "gauge",
     [](const Cgroup& group) { return group.of(group.memory, "anon"); }},
    {"container_memory_swap", "Container swap usage in bytes.", "gauge",
     [](const Cgroup& group) { return group.swap_bytes; }},
    {"container_memory_usage_bytes",
     "Current memory usage in bytes, including all memory regardless of when it was accessed",
     "gauge", [](const Cgroup& group) { return group.memory_bytes; }},
    {"container_memory_working_set_bytes", "Current working set in bytes.", "gauge",
     [](const Cgroup& group) -> std::optional<double> {
         if (!group.memory_bytes) return std::nullopt;
         // What the kernel could take back at once does not count.
         return std::max(0.0,
                         *group.memory_bytes - group.of(group.memory, "inactive_file").value_or(0));
     }},
    {"container_oom_events_total", "Count of out of memory events observed for the container",
     "counter", [](const Cgroup& group) { return group.of(group.events, "oom_kill"); }},
    {"container_spec_cpu_period", "CPU period of the container.", "gauge",
     [](const Cgroup& group) { return group.cpu_period; }},
    {"container_spec_cpu_quota", "CPU quota of the container.", "gauge",
     [](const Cgroup& group) { return group.cpu_quota; }},
    {"container_spec_memory_limit_bytes", "Memory limit for the container.", "gauge",
     [](const Cgroup& group) -> std::optional<double> {
         if (!group.memory_limit_bytes) return std::nullopt;
         const bool unlimited =
             *group.memory_limit_bytes == std::numeric_limits<double>::infinity();
         return unlimited ? 0 : *group.memory_limit_bytes;
     }},
    {"container_threads", "Number of threads running inside the container", "gauge",
     [](const Cgroup& group) { return group.processes; }},  // pids.current counts threads
    {"container_threads_max",
     "Maximum number of threads allowed inside the container, infinity if value is zero", "gauge",
     [](const Cgroup& group) -> std::optional<double> {
         if (!group.threads_max) return std::nullopt;
         return *group.threads_max == std::numeric_limits<double>::infinity() ? 0
                                                                              : *group.threads_max;
     }},
};

}  // namespace

Result<void> collect_cgroups(const Host& host, ExpositionWriter& out) {
    // Version 1 and the hybrid of both have no such file here.
    KW_TRY(host.sys(fmt::format("{}/cgroup.controllers", kBase)));
    struct Folder {
        std::string id;
        size_t depth;
    };
    std::vector<Folder> folders = {{"/", 0}};
    std::vector<Cgroup> groups;
    for (size_t i = 0; i < folders.size() && groups.size() < kCgroupsMax; ++i) {
        const Folder folder = folders[i];
        const std::string path = fmt::format("{}{}", kBase, folder.id == "/" ? "" : folder.id);
        groups.push_back(read_cgroup(host, path, folder.id));
        if (folder.depth == kDepthMax) continue;
        const Result<std::vector<std::string>> names = host.sys_list(path);
        if (!names.ok()) continue;
        for (const std::string& name : *names) {
            if (folders.size() >= kCgroupsMax) break;
            if (!host.sys_exists(fmt::format("{}/{}/cgroup.procs", path, name))) continue;
            folders.push_back(
                {fmt::format("{}/{}", folder.id == "/" ? "" : folder.id, name), folder.depth + 1});
        }
    }
    for (const CgroupMetric& metric : kMetrics) {
        out.family(metric.name, metric.help, metric.type);
        for (const Cgroup& group : groups) {
            if (const std::optional<double> value = metric.value(group))
                out.sample({{"id", group.id}}, *value);
        }
    }
    return {};
}

}  // namespace kw::collect
