// node_cpu_*: /proc/stat's lines per CPU, /sys/devices/system/cpu.
#include <algorithm>
#include <array>
#include <set>

#include "collect/collector.h"
#include "collect/writer.h"

namespace kw::collect {
namespace {

// The columns of /proc/stat, in its order; the last two are guests', which user and nice contain.
constexpr std::array<std::string_view, 8> kModes = {"user",   "nice", "system",  "idle",
                                                    "iowait", "irq",  "softirq", "steal"};
constexpr size_t kIdle = 3;
constexpr size_t kCpuColumns = 10;
// Idle that goes back by more is a CPU that was taken out and came back: its counters begin anew.
constexpr double kResetSeconds = 3;

// Replaces what went back by what it was.
void keep_ascending(std::vector<double>& now, std::vector<double>& before) {
    const bool same_shape = before.size() == now.size();
    if (same_shape && now[kIdle] + kResetSeconds >= before[kIdle]) {
        for (size_t i = 0; i < now.size(); ++i) now[i] = std::max(now[i], before[i]);
    }
    before = now;
}

// "0-3,5" as numbers.
std::set<int> numbers_of_list(std::string_view text) {
    constexpr int kCpusMax = 8192;
    std::set<int> numbers;
    while (!text.empty()) {
        const size_t end = std::min(text.find(','), text.size());
        const std::string_view part = trimmed(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
        const size_t dash = part.find('-');
        const Result<double> first = number_of(part.substr(0, dash));
        const Result<double> last =
            dash == std::string_view::npos ? first : number_of(part.substr(dash + 1));
        if (!first.ok() || !last.ok() || *first < 0 || *last >= kCpusMax) continue;
        for (int n = static_cast<int>(*first); n <= static_cast<int>(*last); ++n) numbers.insert(n);
    }
    return numbers;
}

void write_online(const Host& host, ExpositionWriter& out) {
    const std::string online = host.sys_line("devices/system/cpu/online");
    const std::string present = host.sys_line("devices/system/cpu/present");
    if (online.empty() || present.empty()) return;
    const std::set<int> online_cpus = numbers_of_list(online);
    out.family("node_cpu_online", "CPUs that are online and being scheduled.", "gauge");
    for (const int cpu : numbers_of_list(present)) {
        out.sample({{"cpu", std::to_string(cpu)}}, online_cpus.contains(cpu) ? 1 : 0);
    }
}

}  // namespace

Result<void> collect_cpu(const Host& host, HostMemory& memory, ExpositionWriter& out) {
    KW_TRY_ASSIGN(const std::string stat, host.proc("stat"));
    const double ticks = host.calls().clock_ticks_per_second();
    std::vector<std::pair<std::string, std::vector<double>>> cpus;
    for (const std::string_view line : lines_of(stat)) {
        const std::vector<std::string_view> words = words_of(line);
        if (words.size() < 2 || !words[0].starts_with("cpu") || words[0] == "cpu") continue;
        std::vector<double> seconds(kCpuColumns, 0);
        for (size_t i = 0; i < kCpuColumns && i + 1 < words.size(); ++i) {
            KW_TRY_ASSIGN(const double jiffies, number_of(words[i + 1]));
            seconds[i] = jiffies / ticks;
        }
        std::string cpu(words[0].substr(3));
        keep_ascending(seconds, memory.cpu_seconds[cpu]);
        cpus.emplace_back(std::move(cpu), std::move(seconds));
    }
    out.family("node_cpu_guest_seconds_total",
               "Seconds the CPUs spent in guests (VMs) for each mode.", "counter");
    for (const auto& [cpu, seconds] : cpus) {
        out.sample({{"cpu", cpu}, {"mode", "nice"}}, seconds[kModes.size() + 1]);
        out.sample({{"cpu", cpu}, {"mode", "user"}}, seconds[kModes.size()]);
    }
    write_online(host, out);
    out.family("node_cpu_seconds_total", "Seconds the CPUs spent in each mode.", "counter");
    for (const auto& [cpu, seconds] : cpus) {
        for (size_t i = 0; i < kModes.size(); ++i)
            out.sample({{"cpu", cpu}, {"mode", kModes[i]}}, seconds[i]);
    }
    return {};
}

}  // namespace kw::collect
