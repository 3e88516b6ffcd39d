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
    std::map<std::string, Fields, std::less<>> io;  // by device, "/dev/sda"
    Fields pressure;                                // microseconds by "cpu some", "io full", …

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

// "/dev/sda" of "8:0"; the numbers themselves where the kernel has no name for them.
std::string device_name(const Host& host, std::string_view numbers) {
    const Result<std::string> event = host.sys(fmt::format("dev/block/{}/uevent", numbers));
    if (event.ok()) {
        constexpr std::string_view kName = "DEVNAME=";
        for (const std::string_view line : lines_of(*event)) {
            if (line.starts_with(kName)) return fmt::format("/dev/{}", line.substr(kName.size()));
        }
    }
    return std::string(numbers);
}

// "8:0 rbytes=1 wbytes=2 …" a line.
std::map<std::string, Fields, std::less<>> io_fields(const Host& host, std::string_view text) {
    std::map<std::string, Fields, std::less<>> devices;
    for (const std::string_view line : lines_of(text)) {
        const std::vector<std::string_view> words = words_of(line);
        if (words.size() < 2) continue;
        Fields& fields = devices[device_name(host, words[0])];
        for (size_t i = 1; i < words.size(); ++i) {
            const size_t equals = words[i].find('=');
            if (equals == std::string_view::npos) continue;
            fields[std::string(words[i].substr(0, equals))] =
                number_of(words[i].substr(equals + 1)).value_or(0);
        }
    }
    return devices;
}

// "some avg10=0.00 avg60=0.00 avg300=0.00 total=5" a line.
void add_pressure(Fields& fields, std::string_view resource, std::string_view text) {
    constexpr std::string_view kTotal = "total=";
    for (const std::string_view line : lines_of(text)) {
        const std::vector<std::string_view> words = words_of(line);
        if (words.size() < 2 || !words.back().starts_with(kTotal)) continue;
        const Result<double> total = number_of(words.back().substr(kTotal.size()));
        if (total.ok()) fields[fmt::format("{} {}", resource, words[0])] = *total;
    }
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
    group.io = io_fields(host, line("io.stat"));
    for (const std::string_view resource : {"cpu", "memory", "io"}) {
        add_pressure(group.pressure, resource, line(fmt::format("{}.pressure", resource)));
    }
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
    std::array<LabelView, 2> labels{};  // beside `id`, as cAdvisor has them; empty ones are none
};
// Rows of one family stand together.
constexpr CgroupMetric kCgroupMetrics[] = {
    {"container_cpu_cfs_periods_total", "Number of elapsed enforcement period intervals.",
     "counter", [](const Cgroup& group) { return group.of(group.cpu, "nr_periods"); }},
    {"container_cpu_cfs_throttled_periods_total", "Number of throttled period intervals.",
     "counter", [](const Cgroup& group) { return group.of(group.cpu, "nr_throttled"); }},
    {"container_cpu_cfs_throttled_seconds_total",
     "Total time duration the container has been throttled.", "counter",
     [](const Cgroup& group) { return group.of(group.cpu, "throttled_usec", 1e6); }},
    {"container_cpu_system_seconds_total", "Cumulative system cpu time consumed in seconds.",
     "counter", [](const Cgroup& group) { return group.of(group.cpu, "system_usec", 1e6); }},
    {"container_cpu_usage_seconds_total",
     "Cumulative cpu time consumed in seconds.",
     "counter",
     [](const Cgroup& group) { return group.of(group.cpu, "usage_usec", 1e6); },
     {{{"cpu", "total"}, {}}}},
    {"container_cpu_user_seconds_total", "Cumulative user cpu time consumed in seconds.", "counter",
     [](const Cgroup& group) { return group.of(group.cpu, "user_usec", 1e6); }},
    {"container_memory_cache", "Number of bytes of page cache memory.", "gauge",
     [](const Cgroup& group) { return group.of(group.memory, "file"); }},
    {"container_memory_failures_total",
     "Cumulative count of memory allocation failures.",
     "counter",
     [](const Cgroup& group) { return group.of(group.memory, "pgfault"); },
     {{{"failure_type", "pgfault"}, {"scope", "container"}}}},
    {"container_memory_failures_total",
     "Cumulative count of memory allocation failures.",
     "counter",
     [](const Cgroup& group) { return group.of(group.memory, "pgfault"); },
     {{{"failure_type", "pgfault"}, {"scope", "hierarchy"}}}},
    {"container_memory_failures_total",
     "Cumulative count of memory allocation failures.",
     "counter",
     [](const Cgroup& group) { return group.of(group.memory, "pgmajfault"); },
     {{{"failure_type", "pgmajfault"}, {"scope", "container"}}}},
    {"container_memory_failures_total",
     "Cumulative count of memory allocation failures.",
     "counter",
     [](const Cgroup& group) { return group.of(group.memory, "pgmajfault"); },
     {{{"failure_type", "pgmajfault"}, {"scope", "hierarchy"}}}},
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
    {"container_pressure_cpu_stalled_seconds_total",
     "Total time duration all tasks in the container have stalled due to cpu congestion.",
     "counter", [](const Cgroup& group) { return group.of(group.pressure, "cpu full", 1e6); }},
    {"container_pressure_cpu_waiting_seconds_total",
     "Total time duration any of the tasks in the container have waited due to cpu congestion.",
     "counter", [](const Cgroup& group) { return group.of(group.pressure, "cpu some", 1e6); }},
    {"container_pressure_io_stalled_seconds_total",
     "Total time duration all tasks in the container have stalled due to io congestion.", "counter",
     [](const Cgroup& group) { return group.of(group.pressure, "io full", 1e6); }},
    {"container_pressure_io_waiting_seconds_total",
     "Total time duration any of the tasks in the container have waited due to io congestion.",
     "counter", [](const Cgroup& group) { return group.of(group.pressure, "io some", 1e6); }},
    {"container_pressure_memory_stalled_seconds_total",
     "Total time duration all tasks in the container have stalled due to memory congestion.",
     "counter", [](const Cgroup& group) { return group.of(group.pressure, "memory full", 1e6); }},
    {"container_pressure_memory_waiting_seconds_total",
     "Total time duration any of the tasks in the container have waited due to memory congestion.",
     "counter", [](const Cgroup& group) { return group.of(group.pressure, "memory some", 1e6); }},
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

struct DeviceMetric {
    std::string_view name;
    std::string_view help;
    std::string_view field;  // of io.stat
};
constexpr DeviceMetric kDeviceMetrics[] = {
    {"container_fs_reads_bytes_total", "Cumulative count of bytes read", "rbytes"},
    {"container_fs_reads_total", "Cumulative count of reads completed", "rios"},
    {"container_fs_writes_bytes_total", "Cumulative count of bytes written", "wbytes"},
    {"container_fs_writes_total", "Cumulative count of writes completed", "wios"},
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
    std::string_view family;
    for (const CgroupMetric& metric : kCgroupMetrics) {
        if (metric.name != family) out.family(metric.name, metric.help, metric.type);
        family = metric.name;
        for (const Cgroup& group : groups) {
            const std::optional<double> value = metric.value(group);
            if (!value) continue;
            std::vector<LabelView> labels = {{"id", group.id}};
            for (const LabelView& label : metric.labels) {
                if (!label.name.empty()) labels.push_back(label);
            }
            out.sample(labels, *value);
        }
    }
    for (const DeviceMetric& metric : kDeviceMetrics) {
        out.family(metric.name, metric.help, "counter");
        for (const Cgroup& group : groups) {
            for (const auto& [device, fields] : group.io) {
                if (const std::optional<double> value = group.of(fields, metric.field))
                    out.sample({{"id", group.id}, {"device", device}}, *value);
            }
        }
    }
    return {};
}

}  // namespace kw::collect
