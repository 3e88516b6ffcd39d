// node_network_*: counters from /proc/net/dev, properties from /sys/class/net.
#include <fmt/format.h>

#include <array>
#include <optional>

#include "collect/collector.h"
#include "collect/writer.h"

namespace kw::collect {
namespace {

// The columns of /proc/net/dev, by name.
constexpr std::array<std::string_view, 16> kNetdevColumns = {
    "receive_bytes",  "receive_packets",  "receive_errs",       "receive_drop",
    "receive_fifo",   "receive_frame",    "receive_compressed", "receive_multicast",
    "transmit_bytes", "transmit_packets", "transmit_errs",      "transmit_drop",
    "transmit_fifo",  "transmit_colls",   "transmit_carrier",   "transmit_compressed",
};
// Not in that file: packets that nobody wanted.
constexpr size_t kNohandler = kNetdevColumns.size();
// The order of the output.
constexpr std::array<size_t, 17> kSorted = {0, 6,  3,  2,  4,  5,  7,  kNohandler, 1,
                                            8, 14, 13, 15, 11, 10, 12, 9};

struct Property {
    std::string_view file;  // in /sys/class/net/<device>
    std::string_view name;  // behind node_network_
    std::string_view type;
};
constexpr Property kProperties[] = {
    {"addr_assign_type", "address_assign_type", "gauge"},
    {"carrier", "carrier", "gauge"},
    {"carrier_changes", "carrier_changes_total", "counter"},
    {"carrier_down_count", "carrier_down_changes_total", "counter"},
    {"carrier_up_count", "carrier_up_changes_total", "counter"},
    {"dev_id", "device_id", "gauge"},
    {"dormant", "dormant", "gauge"},
    {"flags", "flags", "gauge"},
    {"ifindex", "iface_id", "gauge"},
    {"iflink", "iface_link", "gauge"},
    {"link_mode", "iface_link_mode", "gauge"},
    {"mtu", "mtu_bytes", "gauge"},
    {"name_assign_type", "name_assign_type", "gauge"},
    {"netdev_group", "net_dev_group", "gauge"},
    {"type", "protocol_type", "gauge"},
    {"tx_queue_len", "transmit_queue_length", "gauge"},
};

// Decimal or 0x….
std::optional<double> integer_of(std::string_view text) {
    if (text.starts_with("0x")) {
        double value = 0;
        for (const char c : text.substr(2)) {
            const char lower = static_cast<char>(c | 0x20);
            const bool digit = c >= '0' && c <= '9';
            if (!digit && !(lower >= 'a' && lower <= 'f')) return std::nullopt;
            value = value * 16 + (digit ? c - '0' : lower - 'a' + 10);
        }
        return value;
    }
    const Result<double> number = number_of(text);
    return number.ok() ? std::optional(*number) : std::nullopt;
}

using Devices = std::vector<std::pair<std::string_view, std::vector<std::string_view>>>;

void write_nohandler(const Host& host, const Devices& devices, ExpositionWriter& out) {
    out.family("node_network_receive_nohandler_total",
               "Network device statistic receive_nohandler.", "counter");
    for (const auto& [device, words] : devices) {
        const std::string text =
            host.sys_line(fmt::format("class/net/{}/statistics/rx_nohandler", device));
        if (const std::optional<double> value = integer_of(text))
            out.sample({{"device", device}}, *value);
    }
}

}  // namespace

Result<void> collect_netdev(const Host& host, HostMemory&, ExpositionWriter& out) {
    KW_TRY_ASSIGN(const std::string netdev, host.proc("net/dev"));
    Devices devices;
    for (const std::string_view line : lines_of(netdev)) {
        const size_t colon = line.rfind(':');  // a device's name may have one: eth0:1
        if (colon == std::string_view::npos) continue;
        const std::vector<std::string_view> words = words_of(line.substr(colon + 1));
        if (words.size() < kNetdevColumns.size())
            return invalid("net/dev has {} columns, want 16", words.size());
        devices.emplace_back(trimmed(line.substr(0, colon)), words);
    }
    for (const size_t column : kSorted) {
        if (column == kNohandler) {
            write_nohandler(host, devices, out);
            continue;
        }
        out.family(fmt::format("node_network_{}_total", kNetdevColumns[column]),
                   fmt::format("Network device statistic {}.", kNetdevColumns[column]), "counter");
        for (const auto& [device, words] : devices) {
            KW_TRY_ASSIGN(const double value, number_of(words[column]));
            out.sample({{"device", device}}, value);
        }
    }
    return {};
}

Result<void> collect_netclass(const Host& host, HostMemory&, ExpositionWriter& out) {
    KW_TRY_ASSIGN(const std::vector<std::string> entries, host.sys_list("class/net"));
    std::vector<std::string> devices;
    for (const std::string& entry : entries) {
        // bonding_masters is a file beside the devices.
        if (host.sys_exists(fmt::format("class/net/{}/ifindex", entry))) devices.push_back(entry);
    }
    const auto attribute = [&](std::string_view device, std::string_view file) {
        return host.sys_line(fmt::format("class/net/{}/{}", device, file));
    };
    for (const Property& property : kProperties) {
        out.family(fmt::format("node_network_{}", property.name),
                   fmt::format("Network device property: {}", property.name), property.type);
        for (const std::string& device : devices) {
            const std::optional<double> value = integer_of(attribute(device, property.file));
            if (value) out.sample({{"device", device}}, *value);
        }
    }
    out.family("node_network_info",
               "Non-numeric data from /sys/class/net/<iface>, value is always 1.", "gauge");
    for (const std::string& device : devices) {
        out.sample({{"address", attribute(device, "address")},
                    {"adminstate",
                     [&] {
                         const std::optional<double> flags = integer_of(attribute(device, "flags"));
                         return !flags                                     ? "unknown"
                                : (static_cast<uint64_t>(*flags) & 1) != 0 ? "up"
                                                                           : "down";
                     }()},
                    {"broadcast", attribute(device, "broadcast")},
                    {"device", device},
                    {"duplex", attribute(device, "duplex")},
                    {"ifalias", attribute(device, "ifalias")},
                    {"operstate", attribute(device, "operstate")}},
                   1);
    }
    out.family("node_network_speed_bytes", "Network device property: speed_bytes", "gauge");
    for (const std::string& device : devices) {
        // Megabits a second; -1, and so -125000, where there is no cable.
        const std::optional<double> megabits = integer_of(attribute(device, "speed"));
        if (megabits) out.sample({{"device", device}}, *megabits * 1e6 / 8);
    }
    out.family("node_network_up", "Value is 1 if operstate is 'up', 0 otherwise.", "gauge");
    for (const std::string& device : devices) {
        out.sample({{"device", device}}, attribute(device, "operstate") == "up" ? 1 : 0);
    }
    return {};
}

}  // namespace kw::collect
