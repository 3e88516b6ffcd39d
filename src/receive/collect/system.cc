// What the kernel and the distribution say of the whole system: node_boot_time_seconds and its like, node_load*,
// node_filefd_*, node_entropy_*, node_time_*, node_uname_info, node_os_*.
#include <fmt/format.h>

#include <array>
#include <map>

#include "collect/collector.h"
#include "collect/writer.h"

namespace kw::collect {
namespace {

struct StatLine {
    std::string_view key;
    std::string_view name;
    std::string_view help;
    std::string_view type;
};
constexpr StatLine kStatLines[] = {
    {"btime", "node_boot_time_seconds", "Node boot time, in unixtime.", "gauge"},
    {"ctxt", "node_context_switches_total", "Total number of context switches.", "counter"},
    {"processes", "node_forks_total", "Total number of forks.", "counter"},
    {"intr", "node_intr_total", "Total number of interrupts serviced.", "counter"},
    {"procs_blocked", "node_procs_blocked",
     "Number of processes blocked waiting for I/O to complete.", "gauge"},
    {"procs_running", "node_procs_running", "Number of processes in runnable state.", "gauge"},
};

constexpr std::string_view kClocksource = "devices/system/clocksource";

// KEY=value lines, values perhaps in quotes.
std::map<std::string, std::string, std::less<>> os_release_of(std::string_view text) {
    std::map<std::string, std::string, std::less<>> fields;
    for (const std::string_view line : lines_of(text)) {
        const size_t equals = line.find('=');
        if (line.starts_with('#') || equals == std::string_view::npos) continue;
        std::string_view value = trimmed(line.substr(equals + 1));
        const bool quoted_value = value.size() >= 2 &&
                                  (value.front() == '"' || value.front() == '\'') &&
                                  value.back() == value.front();
        if (quoted_value) value = value.substr(1, value.size() - 2);
        fields[std::string(trimmed(line.substr(0, equals)))] = value;
    }
    return fields;
}

}  // namespace

Result<void> collect_stat(const Host& host, HostMemory&, ExpositionWriter& out) {
    KW_TRY_ASSIGN(const std::string stat, host.proc("stat"));
    for (const std::string_view line : lines_of(stat)) {
        const std::string_view key = line.substr(0, line.find(' '));
        for (const StatLine& known : kStatLines) {
            if (known.key != key) continue;
            const std::string_view rest = trimmed(line.substr(key.size()));
            KW_TRY_ASSIGN(const double value, number_of(rest.substr(0, rest.find(' '))));
            out.family(known.name, known.help, known.type);
            out.sample(value);
        }
    }
    return {};
}

Result<void> collect_loadavg(const Host& host, HostMemory&, ExpositionWriter& out) {
    KW_TRY_ASSIGN(const std::string loadavg, host.proc("loadavg"));
    const std::vector<std::string_view> words = words_of(loadavg);
    if (words.size() < 3) return invalid("loadavg has {} fields, want 3", words.size());
    constexpr std::array<std::string_view, 3> kMinutes = {"1", "5", "15"};
    for (size_t i = 0; i < kMinutes.size(); ++i) {
        KW_TRY_ASSIGN(const double load, number_of(words[i]));
        out.gauge(fmt::format("node_load{}", kMinutes[i]),
                  fmt::format("{}m load average.", kMinutes[i]), load);
    }
    return {};
}

Result<void> collect_filefd(const Host& host, HostMemory&, ExpositionWriter& out) {
    KW_TRY_ASSIGN(const std::string file_nr, host.proc("sys/fs/file-nr"));
    const std::vector<std::string_view> words = words_of(file_nr);
    if (words.size() != 3) return invalid("file-nr has {} fields, want 3", words.size());
    KW_TRY_ASSIGN(const double allocated, number_of(words[0]));
    KW_TRY_ASSIGN(const double maximum, number_of(words[2]));
    out.gauge("node_filefd_allocated", "File descriptor statistics: allocated.", allocated);
    out.gauge("node_filefd_maximum", "File descriptor statistics: maximum.", maximum);
    return {};
}

Result<void> collect_entropy(const Host& host, HostMemory&, ExpositionWriter& out) {
    KW_TRY_ASSIGN(const std::string available, host.proc("sys/kernel/random/entropy_avail"));
    KW_TRY_ASSIGN(const std::string pool, host.proc("sys/kernel/random/poolsize"));
    KW_TRY_ASSIGN(const double available_bits, number_of(trimmed(available)));
    KW_TRY_ASSIGN(const double pool_bits, number_of(trimmed(pool)));
    out.gauge("node_entropy_available_bits", "Bits of available entropy.", available_bits);
    out.gauge("node_entropy_pool_size_bits", "Bits of entropy pool.", pool_bits);
    return {};
}

Result<void> collect_time(const Host& host, HostMemory&, ExpositionWriter& out) {
    std::vector<std::string> devices;
    if (const Result<std::vector<std::string>> names =
            host.sys_list(fmt::format("{}", kClocksource));
        names.ok()) {
        for (const std::string& name : *names) {
            if (name.starts_with("clocksource")) devices.push_back(name);
        }
    }
    out.family("node_time_clocksource_available_info",
               "Available clocksources read from '/sys/devices/system/clocksource'.", "gauge");
    for (const std::string& device : devices) {
        const std::string available =
            host.sys_line(fmt::format("{}/{}/available_clocksource", kClocksource, device));
        for (const std::string_view source : words_of(available)) {
            out.sample({{"clocksource", source}, {"device", device.substr(11)}}, 1);
        }
    }
    out.family("node_time_clocksource_current_info",
               "Current clocksource read from '/sys/devices/system/clocksource'.", "gauge");
    for (const std::string& device : devices) {
        const std::string current =
            host.sys_line(fmt::format("{}/{}/current_clocksource", kClocksource, device));
        if (!current.empty())
            out.sample({{"clocksource", current}, {"device", device.substr(11)}}, 1);
    }
    out.gauge("node_time_seconds", "System time in seconds since epoch (1970).",
              static_cast<double>(host.clock().now().count) / 1000);
    const auto [zone, offset_seconds] = host.calls().time_zone();
    out.family("node_time_zone_offset_seconds", "System time zone offset in seconds.", "gauge");
    out.sample({{"time_zone", zone}}, offset_seconds);
    return {};
}

Result<void> collect_timex(const Host& host, HostMemory&, ExpositionWriter& out) {
    KW_TRY_ASSIGN(const ClockState state, host.calls().clock_state());
    const double fine = state.has_nanoseconds ? 1e9 : 1e6;
    constexpr double kMicro = 1e6;
    // Frequencies are parts per million, shifted left by 16.
    constexpr double kPpm16 = 65536;
    out.gauge("node_timex_estimated_error_seconds", "Estimated error in seconds.",
              state.esterror / kMicro);
    out.gauge("node_timex_frequency_adjustment_ratio", "Local clock frequency adjustment.",
              1 + state.frequency / kPpm16 / kMicro);
    out.gauge("node_timex_loop_time_constant", "Phase-locked loop time constant.", state.constant);
    out.gauge("node_timex_maxerror_seconds", "Maximum error in seconds.", state.maxerror / kMicro);
    out.gauge("node_timex_offset_seconds",
              "Time offset in between local system and reference clock.", state.offset / fine);
    out.counter("node_timex_pps_calibration_total",
                "Pulse per second count of calibration intervals.", state.calibration_count);
    out.counter("node_timex_pps_error_total", "Pulse per second count of calibration errors.",
                state.error_count);
    out.gauge("node_timex_pps_frequency_hertz", "Pulse per second frequency.",
              state.pps_frequency / kPpm16);
    out.gauge("node_timex_pps_jitter_seconds", "Pulse per second jitter.", state.jitter / fine);
    out.counter("node_timex_pps_jitter_total",
                "Pulse per second count of jitter limit exceeded events.", state.jitter_count);
    out.gauge("node_timex_pps_shift_seconds", "Pulse per second interval duration.", state.shift);
    out.counter("node_timex_pps_stability_exceeded_total",
                "Pulse per second count of stability limit exceeded events.",
                state.stability_count);
    out.gauge("node_timex_pps_stability_hertz",
              "Pulse per second stability, average of recent frequency changes.",
              state.stability / kPpm16);
    out.gauge("node_timex_status", "Value of the status array bits.", state.status);
    out.gauge("node_timex_sync_status",
              "Is clock synchronized to a reliable server (1 = yes, 0 = no).",
              state.is_synchronised ? 1 : 0);
    out.gauge("node_timex_tai_offset_seconds", "International Atomic Time (TAI) offset.",
              state.tai);
    out.gauge("node_timex_tick_seconds", "Seconds between clock ticks.", state.tick / kMicro);
    return {};
}

Result<void> collect_uname(const Host& host, HostMemory&, ExpositionWriter& out) {
    KW_TRY_ASSIGN(const SystemNames names, host.calls().system_names());
    out.family("node_uname_info",
               "Labeled system information as provided by the uname system call.", "gauge");
    out.sample({{"domainname", names.domainname},
                {"machine", names.machine},
                {"nodename", names.nodename},
                {"release", names.release},
                {"sysname", names.sysname},
                {"version", names.version}},
               1);
    return {};
}

Result<void> collect_os(const Host& host, HostMemory&, ExpositionWriter& out) {
    Result<std::string> text = host.root("etc/os-release");
    if (!text.ok()) text = host.root("usr/lib/os-release");
    KW_TRY_ASSIGN(const std::string os_release, std::move(text));
    std::map<std::string, std::string, std::less<>> fields = os_release_of(os_release);
    constexpr std::array<std::pair<std::string_view, std::string_view>, 12> kLabels = {
        {{"build_id", "BUILD_ID"},
         {"id", "ID"},
         {"id_like", "ID_LIKE"},
         {"image_id", "IMAGE_ID"},
         {"image_version", "IMAGE_VERSION"},
         {"name", "NAME"},
         {"pretty_name", "PRETTY_NAME"},
         {"variant", "VARIANT"},
         {"variant_id", "VARIANT_ID"},
         {"version", "VERSION"},
         {"version_codename", "VERSION_CODENAME"},
         {"version_id", "VERSION_ID"}}};
    std::vector<LabelView> labels;
    labels.reserve(kLabels.size());
    for (const auto& [label, field] : kLabels)
        labels.push_back({label, fields[std::string(field)]});
    out.family("node_os_info",
               "A metric with a constant '1' value labeled by build_id, id, id_like, image_id, "
               "image_version, name, "
               "pretty_name, variant, variant_id, version, version_codename, version_id.",
               "gauge");
    out.sample(labels, 1);
    // The major.minor part alone is a number.
    const std::string& version_id = fields["VERSION_ID"];
    const size_t second_dot =
        version_id.find('.', std::min(version_id.find('.'), version_id.size() - 1) + 1);
    if (const Result<double> version =
            number_of(std::string_view(version_id).substr(0, second_dot));
        version.ok()) {
        out.family("node_os_version", "Metric containing the major.minor part of the OS version.",
                   "gauge");
        out.sample({{"id", fields["ID"]}, {"id_like", fields["ID_LIKE"]}, {"name", fields["NAME"]}},
                   *version);
    }
    return {};
}

}  // namespace kw::collect
