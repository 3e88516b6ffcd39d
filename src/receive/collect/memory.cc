// node_memory_*: /proc/meminfo. node_vmstat_*: /proc/vmstat. node_pressure_*: /proc/pressure.
#include <array>

#include <fmt/format.h>

#include "collect/collector.h"
#include "collect/writer.h"

namespace kw::collect {
namespace {

// "Active(anon)" is Active_anon.
std::string meminfo_name(std::string_view field) {
    std::string name;
    for (const char c : field) {
        if (c == '(') {
            name += '_';
        } else if (c != ')') {
            name += c;
        }
    }
    return name;
}

// node_exporter's default filter: ^(oom_kill|pgpg|pswp|pg.*fault).*
bool is_vmstat_wanted(std::string_view field) {
    return field.starts_with("oom_kill") || field.starts_with("pgpg") ||
           field.starts_with("pswp") ||
           (field.starts_with("pg") && field.find("fault", 2) != std::string_view::npos);
}

struct Pressure {
    std::string_view resource;
    std::string_view line;  // "some" or "full"
    std::string_view name;
    std::string_view help;
};
constexpr Pressure kPressures[] = {
    {"cpu", "some", "node_pressure_cpu_waiting_seconds_total",
     "Total time in seconds that processes have waited for CPU time"},
    {"io", "full", "node_pressure_io_stalled_seconds_total",
     "Total time in seconds no process could make progress due to IO congestion"},
    {"io", "some", "node_pressure_io_waiting_seconds_total",
     "Total time in seconds that processes have waited due to IO congestion"},
    {"irq", "full", "node_pressure_irq_stalled_seconds_total",
     "Total time in seconds no process could make progress due to IRQ congestion"},
    {"memory", "full", "node_pressure_memory_stalled_seconds_total",
     "Total time in seconds no process could make progress due to memory congestion"},
    {"memory", "some", "node_pressure_memory_waiting_seconds_total",
     "Total time in seconds that processes have waited for memory"},
};

// The total of "some avg10=0.00 … total=1234", seconds.
Result<double> pressure_seconds(std::string_view content, std::string_view line_name) {
    for (const std::string_view line : lines_of(content)) {
        if (!line.starts_with(line_name)) continue;
        const size_t at = line.find("total=");
        if (at == std::string_view::npos) break;
        KW_TRY_ASSIGN(const double microseconds, number_of(trimmed(line.substr(at + 6))));
        return microseconds / 1e6;
    }
    return not_found("no total of {}", line_name);
}

}  // namespace

Result<void> collect_meminfo(const Host& host, HostMemory&, ExpositionWriter& out) {
    KW_TRY_ASSIGN(const std::string meminfo, host.proc("meminfo"));
    for (const std::string_view line : lines_of(meminfo)) {
        const std::vector<std::string_view> words = words_of(line);
        if (words.size() < 2 || !words[0].ends_with(':')) continue;
        KW_TRY_ASSIGN(double value, number_of(words[1]));
        std::string field = meminfo_name(words[0].substr(0, words[0].size() - 1));
        if (words.size() > 2 && words[2] == "kB") {
            value *= 1024;
            field += "_bytes";
        }
        out.gauge("node_memory_" + field, fmt::format("Memory information field {}.", field),
                  value);
    }
    return {};
}

Result<void> collect_vmstat(const Host& host, HostMemory&, ExpositionWriter& out) {
    KW_TRY_ASSIGN(const std::string vmstat, host.proc("vmstat"));
    for (const std::string_view line : lines_of(vmstat)) {
        const std::vector<std::string_view> words = words_of(line);
        if (words.size() != 2 || !is_vmstat_wanted(words[0])) continue;
        KW_TRY_ASSIGN(const double value, number_of(words[1]));
        out.family(fmt::format("node_vmstat_{}", words[0]),
                   fmt::format("/proc/vmstat information field {}.", words[0]), "untyped");
        out.sample(value);
    }
    return {};
}

Result<void> collect_pressure(const Host& host, HostMemory&, ExpositionWriter& out) {
    KW_TRY(host.proc("pressure/cpu"));  // without it the kernel has no pressure information
    for (const Pressure& pressure : kPressures) {
        const Result<std::string> content =
            host.proc(fmt::format("pressure/{}", pressure.resource));
        if (!content.ok()) continue;  // irq is newer than the others
        KW_TRY_ASSIGN(const double seconds, pressure_seconds(*content, pressure.line));
        out.counter(pressure.name, pressure.help, seconds);
    }
    return {};
}

}  // namespace kw::collect
