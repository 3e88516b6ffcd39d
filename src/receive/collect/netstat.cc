// The network stack's counters: /proc/net/{netstat,snmp,snmp6,sockstat,sockstat6,softnet_stat,arp,udp,udp6},
// node_nf_conntrack_*.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>

#include "collect/collector.h"
#include "collect/writer.h"

namespace kw::collect {
namespace {

bool is_one_of(std::string_view text, std::initializer_list<std::string_view> list) {
    return std::ranges::find(list, text) != list.end();
}

// node_exporter's default filter of Protocol_Field.
bool is_netstat_wanted(std::string_view protocol, std::string_view field) {
    if (field.ends_with("InErrors") || field.ends_with("InErrs")) return true;
    if (protocol == "Ip") return field == "Forwarding";
    if (protocol == "Ip6" || protocol == "IpExt")
        return is_one_of(field, {"InOctets", "OutOctets"});
    if (protocol == "Icmp" || protocol == "Icmp6") return is_one_of(field, {"InMsgs", "OutMsgs"});
    if (protocol == "TcpExt") {
        return field.starts_with("Listen") || field.starts_with("Syncookies") ||
               is_one_of(field, {"TCPSynRetrans", "TCPTimeouts", "TCPOFOQueue", "TCPRcvQDrop"});
    }
    if (protocol == "Tcp") {
        return is_one_of(field, {"ActiveOpens", "InSegs", "OutSegs", "OutRsts", "PassiveOpens",
                                 "RetransSegs", "CurrEstab"});
    }
    if (protocol == "Udp" || protocol == "Udp6") {
        return is_one_of(
            field, {"InDatagrams", "OutDatagrams", "NoPorts", "RcvbufErrors", "SndbufErrors"});
    }
    return false;
}

using Statistics = std::map<std::string, std::string, std::less<>>;  // "Tcp_CurrEstab" to its value

// Pairs of lines, "Tcp: name name" and "Tcp: value value".
Result<void> read_pairs(std::string_view text, Statistics& into) {
    const std::vector<std::string_view> lines = lines_of(text);
    for (size_t i = 0; i + 1 < lines.size(); i += 2) {
        const std::vector<std::string_view> names = words_of(lines[i]);
        const std::vector<std::string_view> values = words_of(lines[i + 1]);
        if (names.empty() || names.size() != values.size() || names[0] != values[0]) {
            return invalid("names and values of {} do not belong together",
                           names.empty() ? "" : names[0]);
        }
        const std::string_view protocol = names[0].substr(0, names[0].size() - 1);
        for (size_t n = 1; n < names.size(); ++n) {
            if (is_netstat_wanted(protocol, names[n]))
                into[fmt::format("{}_{}", protocol, names[n])] = values[n];
        }
    }
    return {};
}

// "Ip6InOctets  128" a line.
void read_snmp6(std::string_view text, Statistics& into) {
    for (const std::string_view line : lines_of(text)) {
        const std::vector<std::string_view> words = words_of(line);
        if (words.size() < 2) continue;
        const size_t six = words[0].find('6');
        if (six == std::string_view::npos) continue;
        const std::string_view protocol = words[0].substr(0, six + 1);
        const std::string_view field = words[0].substr(six + 1);
        if (is_netstat_wanted(protocol, field))
            into[fmt::format("{}_{}", protocol, field)] = words[1];
    }
}

struct ConntrackColumn {
    size_t column;
    std::string_view name;
    std::string_view help;
};
constexpr ConntrackColumn kConntrackColumns[] = {
    {10, "drop", "Number of packets dropped due to conntrack failure."},
    {11, "early_drop",
     "Number of dropped conntrack entries to make room for new ones, if maximum table size was "
     "reached."},
    {2, "found", "Number of searched entries which were successful."},
    {5, "ignore", "Number of packets seen which are already connected to a conntrack entry."},
    {8, "insert", "Number of entries inserted into the list."},
    {9, "insert_failed", "Number of entries for which list insertion was attempted but failed."},
    {4, "invalid", "Number of packets seen which can not be tracked."},
    {16, "search_restart",
     "Number of conntrack table lookups which had to be restarted due to hashtable resizes."},
};

std::optional<double> hexadecimal_of(std::string_view text) {
    double value = 0;
    for (const char c : text) {
        const char lower = static_cast<char>(c | 0x20);
        const bool digit = c >= '0' && c <= '9';
        if (!digit && !(lower >= 'a' && lower <= 'f')) return std::nullopt;
        value = value * 16 + (digit ? c - '0' : lower - 'a' + 10);
    }
    return text.empty() ? std::nullopt : std::optional(value);
}

struct SoftnetColumn {
    size_t column;
    std::string_view name;
    std::string_view help;
    std::string_view type;
};
constexpr SoftnetColumn kSoftnetColumns[] = {
    {11, "node_softnet_backlog_len", "Softnet backlog status", "gauge"},
    {8, "node_softnet_cpu_collision_total",
     "Number of collision occur while obtaining device lock while transmitting", "counter"},
    {1, "node_softnet_dropped_total", "Number of dropped packets", "counter"},
    {10, "node_softnet_flow_limit_count_total", "Number of times flow limit has been reached",
     "counter"},
    {0, "node_softnet_processed_total", "Number of processed packets", "counter"},
    {9, "node_softnet_received_rps_total", "Number of times cpu woken up received_rps", "counter"},
    {2, "node_softnet_times_squeezed_total", "Number of times processing packets ran out of quota",
     "counter"},
};
constexpr size_t kSoftnetCpuColumn = 12;

}  // namespace

Result<void> collect_netstat(const Host& host, HostMemory&, ExpositionWriter& out) {
    KW_TRY_ASSIGN(const std::string netstat, host.proc("net/netstat"));
    KW_TRY_ASSIGN(const std::string snmp, host.proc("net/snmp"));
    Statistics statistics;
    KW_TRY(read_pairs(netstat, statistics));
    KW_TRY(read_pairs(snmp, statistics));
    if (const Result<std::string> snmp6 = host.proc("net/snmp6"); snmp6.ok())
        read_snmp6(*snmp6, statistics);
    for (const auto& [name, text] : statistics) {
        KW_TRY_ASSIGN(const double value, number_of(text));
        std::string joined = name;
        joined.erase(joined.find('_'), 1);
        out.family("node_netstat_" + name, fmt::format("Statistic {}.", joined), "untyped");
        out.sample(value);
    }
    return {};
}

Result<void> collect_sockstat(const Host& host, HostMemory&, ExpositionWriter& out) {
    KW_TRY_ASSIGN(std::string text, host.proc("net/sockstat"));
    if (const Result<std::string> six = host.proc("net/sockstat6"); six.ok()) text += *six;
    for (const std::string_view line : lines_of(text)) {
        const std::vector<std::string_view> words = words_of(line);
        if (words.size() < 3) continue;
        const std::string_view protocol = words[0].substr(0, words[0].size() - 1);
        for (size_t i = 1; i + 1 < words.size(); i += 2) {
            KW_TRY_ASSIGN(const double value, number_of(words[i + 1]));
            if (protocol == "sockets") {
                out.gauge("node_sockstat_sockets_used", "Number of IPv4 sockets in use.", value);
                continue;
            }
            const auto write = [&](std::string_view field, double number) {
                out.gauge(fmt::format("node_sockstat_{}_{}", protocol, field),
                          fmt::format("Number of {} sockets in state {}.", protocol, field),
                          number);
            };
            write(words[i], value);
            if (words[i] == "mem") write("mem_bytes", value * host.calls().page_bytes());
        }
    }
    return {};
}

Result<void> collect_softnet(const Host& host, HostMemory&, ExpositionWriter& out) {
    KW_TRY_ASSIGN(const std::string softnet, host.proc("net/softnet_stat"));
    std::vector<std::vector<double>> cpus;
    for (const std::string_view line : lines_of(softnet)) {
        std::vector<double>& columns = cpus.emplace_back();
        for (const std::string_view word : words_of(line)) {
            const std::optional<double> value = hexadecimal_of(word);
            if (!value) return invalid("\"{}\" in softnet_stat is no number", word);
            columns.push_back(*value);
        }
    }
    for (const SoftnetColumn& column : kSoftnetColumns) {
        out.family(column.name, column.help, column.type);
        for (size_t i = 0; i < cpus.size(); ++i) {
            if (column.column >= cpus[i].size()) continue;  // an older kernel
            const double cpu = cpus[i].size() > kSoftnetCpuColumn ? cpus[i][kSoftnetCpuColumn]
                                                                  : static_cast<double>(i);
            out.sample({{"cpu", fmt::format("{}", cpu)}}, cpus[i][column.column]);
        }
    }
    return {};
}

Result<void> collect_arp(const Host& host, HostMemory&, ExpositionWriter& out) {
    KW_TRY_ASSIGN(const std::string arp, host.proc("net/arp"));
    std::map<std::string_view, double> entries;
    const std::vector<std::string_view> lines = lines_of(arp);
    for (size_t i = 1; i < lines.size(); ++i) {
        const std::vector<std::string_view> words = words_of(lines[i]);
        if (words.size() >= 6) entries[words[5]] += 1;
    }
    out.family("node_arp_entries", "ARP entries by device", "gauge");
    for (const auto& [device, count] : entries) out.sample({{"device", device}}, count);
    return {};
}

Result<void> collect_udp_queues(const Host& host, HostMemory&, ExpositionWriter& out) {
    out.family("node_udp_queues",
               "Number of allocated memory in the kernel for UDP datagrams in bytes.", "gauge");
    bool any = false;
    for (const auto& [file, version] :
         {std::pair<std::string_view, std::string_view>{"net/udp", "v4"},
          std::pair<std::string_view, std::string_view>{"net/udp6", "v6"}}) {
        const Result<std::string> text = host.proc(file);
        if (!text.ok()) continue;
        any = true;
        double received = 0;
        double sent = 0;
        const std::vector<std::string_view> lines = lines_of(*text);
        for (size_t i = 1; i < lines.size(); ++i) {
            const std::vector<std::string_view> words = words_of(lines[i]);
            if (words.size() < 5) continue;
            const size_t colon = words[4].find(':');  // tx_queue:rx_queue
            if (colon == std::string_view::npos) continue;
            sent += hexadecimal_of(words[4].substr(0, colon)).value_or(0);
            received += hexadecimal_of(words[4].substr(colon + 1)).value_or(0);
        }
        out.sample({{"ip", version}, {"queue", "rx"}}, received);
        out.sample({{"ip", version}, {"queue", "tx"}}, sent);
    }
    if (!any) return not_found("neither net/udp nor net/udp6");
    return {};
}

Result<void> collect_conntrack(const Host& host, HostMemory&, ExpositionWriter& out) {
    KW_TRY_ASSIGN(const std::string count, host.proc("sys/net/netfilter/nf_conntrack_count"));
    KW_TRY_ASSIGN(const std::string limit, host.proc("sys/net/netfilter/nf_conntrack_max"));
    KW_TRY_ASSIGN(const double entries, number_of(trimmed(count)));
    KW_TRY_ASSIGN(const double entries_limit, number_of(trimmed(limit)));
    out.gauge("node_nf_conntrack_entries",
              "Number of currently allocated flow entries for connection tracking.", entries);
    out.gauge("node_nf_conntrack_entries_limit", "Maximum size of connection tracking table.",
              entries_limit);
    const Result<std::string> statistics = host.proc("net/stat/nf_conntrack");
    if (!statistics.ok()) return {};
    std::map<size_t, double> sums;  // over the CPUs, a line each
    const std::vector<std::string_view> lines = lines_of(*statistics);
    for (size_t i = 1; i < lines.size(); ++i) {
        const std::vector<std::string_view> words = words_of(lines[i]);
        for (size_t column = 0; column < words.size(); ++column)
            sums[column] += hexadecimal_of(words[column]).value_or(0);
    }
    for (const ConntrackColumn& column : kConntrackColumns) {
        if (!sums.contains(column.column)) continue;
        out.gauge(fmt::format("node_nf_conntrack_stat_{}", column.name), column.help,
                  sums[column.column]);
    }
    return {};
}

}  // namespace kw::collect
