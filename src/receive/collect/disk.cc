// node_disk_*: /proc/diskstats and /sys/block. Sectors are of 512 bytes whatever the device's are.
#include <fmt/format.h>

#include <array>

#include "collect/collector.h"
#include "collect/writer.h"

namespace kw::collect {
namespace {

constexpr double kSectorBytes = 512;

// A column of /proc/diskstats behind the device's name, and what it is multiplied with.
struct DiskColumn {
    size_t column;
    double factor;
    std::string_view name;
    std::string_view help;
    std::string_view type;
};
constexpr DiskColumn kDiskColumns[] = {
    {14, 0.001, "node_disk_discard_time_seconds_total",
     "This is the total number of seconds spent by all discards.", "counter"},
    {13, 1, "node_disk_discarded_sectors_total",
     "The total number of sectors discarded successfully.", "counter"},
    {11, 1, "node_disk_discards_completed_total",
     "The total number of discards completed successfully.", "counter"},
    {12, 1, "node_disk_discards_merged_total", "The total number of discards merged.", "counter"},
    {16, 0.001, "node_disk_flush_requests_time_seconds_total",
     "This is the total number of seconds spent by all flush requests.", "counter"},
    {15, 1, "node_disk_flush_requests_total",
     "The total number of flush requests completed successfully", "counter"},
    {8, 1, "node_disk_io_now", "The number of I/Os currently in progress.", "gauge"},
    {9, 0.001, "node_disk_io_time_seconds_total", "Total seconds spent doing I/Os.", "counter"},
    {10, 0.001, "node_disk_io_time_weighted_seconds_total",
     "The weighted # of seconds spent doing I/Os.", "counter"},
    {2, kSectorBytes, "node_disk_read_bytes_total", "The total number of bytes read successfully.",
     "counter"},
    {3, 0.001, "node_disk_read_time_seconds_total",
     "The total number of seconds spent by all reads.", "counter"},
    {0, 1, "node_disk_reads_completed_total", "The total number of reads completed successfully.",
     "counter"},
    {1, 1, "node_disk_reads_merged_total", "The total number of reads merged.", "counter"},
    {7, 0.001, "node_disk_write_time_seconds_total",
     "This is the total number of seconds spent by all writes.", "counter"},
    {4, 1, "node_disk_writes_completed_total", "The total number of writes completed successfully.",
     "counter"},
    {5, 1, "node_disk_writes_merged_total", "The number of writes merged.", "counter"},
    {6, kSectorBytes, "node_disk_written_bytes_total",
     "The total number of bytes written successfully.", "counter"},
};

bool all_digits(std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// node_exporter's default: ^(z?ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\d+n\d+p)\d+$ — memory, floppies, partitions.
bool is_device_left_out(std::string_view device) {
    for (const std::string_view prefix : {"ram", "zram", "loop", "fd"}) {
        if (device.starts_with(prefix) && all_digits(device.substr(prefix.size()))) return true;
    }
    for (const std::string_view prefix : {"hd", "sd", "vd", "xvd"}) {
        if (device.starts_with(prefix) && device.size() > prefix.size() + 1 &&
            device[prefix.size()] >= 'a' && device[prefix.size()] <= 'z' &&
            all_digits(device.substr(prefix.size() + 1))) {
            return true;
        }
    }
    const size_t n = device.find('n', 4);
    const size_t p = device.find('p', 4);
    return device.starts_with("nvme") && n != std::string_view::npos &&
           p != std::string_view::npos && n < p && all_digits(device.substr(4, n - 4)) &&
           all_digits(device.substr(n + 1, p - n - 1)) && all_digits(device.substr(p + 1));
}

struct Disk {
    std::string_view major;
    std::string_view minor;
    std::string_view device;
    std::vector<double> columns;
};

void write_info(const Host& host, const std::vector<Disk>& disks, ExpositionWriter& out) {
    out.family("node_disk_info", "Info of /sys/block/<block_device>.", "gauge");
    for (const Disk& disk : disks) {
        const auto attribute = [&](std::string_view path) {
            return host.sys_line(fmt::format("block/{}/{}", disk.device, path));
        };
        // What udev adds (path, wwn and so on) is not read: its data base is not the kernel's.
        out.sample({{"device", disk.device},
                    {"major", disk.major},
                    {"minor", disk.minor},
                    {"model", attribute("device/model")},
                    {"path", ""},
                    {"revision", attribute("device/firmware_rev")},
                    {"rotational", attribute("queue/rotational")},
                    {"serial", attribute("device/serial")},
                    {"wwn", attribute("wwid")}},
                   1);
    }
}

}  // namespace

Result<void> collect_disk(const Host& host, HostMemory&, ExpositionWriter& out) {
    KW_TRY_ASSIGN(const std::string diskstats, host.proc("diskstats"));
    std::vector<Disk> disks;
    for (const std::string_view line : lines_of(diskstats)) {
        const std::vector<std::string_view> words = words_of(line);
        if (words.size() < 14 || is_device_left_out(words[2])) continue;
        Disk& disk = disks.emplace_back(Disk{words[0], words[1], words[2], {}});
        for (size_t i = 3; i < words.size(); ++i) {
            KW_TRY_ASSIGN(const double value, number_of(words[i]));
            disk.columns.push_back(value);
        }
    }
    for (const DiskColumn& column : kDiskColumns) {
        out.family(column.name, column.help, column.type);
        for (const Disk& disk : disks) {
            if (column.column >= disk.columns.size()) continue;  // an older kernel
            // Divided, since 0.001 is not exact.
            const double value = disk.columns[column.column];
            out.sample({{"device", disk.device}},
                       column.factor == 0.001 ? value / 1000 : value * column.factor);
        }
    }
    write_info(host, disks, out);
    return {};
}

}  // namespace kw::collect
