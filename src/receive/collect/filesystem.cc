// node_filesystem_*: the mounts of process 1 (or of this one), asked with statvfs.
//
// File systems of the network are left out: a server that does not answer would hold up the scrape, and the
// kernel does not let go of the thread.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "collect/collector.h"
#include "collect/writer.h"

namespace kw::collect {
namespace {

// node_exporter's defaults for mount points and types.
constexpr std::string_view kTypesLeftOut[] = {
    "autofs",    "binfmt_misc", "bpf",   "cgroup",  "cgroup2",   "configfs",   "debugfs",
    "devpts",    "devtmpfs",    "erofs", "fusectl", "hugetlbfs", "iso9660",    "mqueue",
    "nsfs",      "overlay",     "proc",  "procfs",  "pstore",    "rpc_pipefs", "securityfs",
    "selinuxfs", "squashfs",    "sysfs", "tracefs",
};
constexpr std::string_view kNetworkTypes[] = {
    "9p",        "afs",    "ceph", "cifs", "fuse.glusterfs", "fuse.sshfs",
    "glusterfs", "lustre", "nfs",  "nfs4", "smb3",           "smbfs",
};

bool is_under(std::string_view path, std::string_view folder) {
    return path == folder || (path.starts_with(folder) && path[folder.size()] == '/');
}

// ^/(dev|proc|run/credentials/.+|sys|var/lib/docker/.+|var/lib/containers/storage/.+)($|/)
bool is_mount_point_left_out(std::string_view mount_point) {
    for (const std::string_view folder : {"/dev", "/proc", "/sys"}) {
        if (is_under(mount_point, folder)) return true;
    }
    for (const std::string_view inside :
         {"/run/credentials/", "/var/lib/docker/", "/var/lib/containers/storage/"}) {
        if (mount_point.starts_with(inside) && mount_point.size() > inside.size()) return true;
    }
    return false;
}

// In mountinfo \040 is a space, \011 a tab, \012 a newline, \134 a backslash.
std::string unescaped(std::string_view text) {
    std::string out;
    for (size_t i = 0; i < text.size(); ++i) {
        const auto is_octal = [&](size_t at) {
            return at < text.size() && text[at] >= '0' && text[at] <= '7';
        };
        if (text[i] == '\\' && is_octal(i + 1) && is_octal(i + 2) && is_octal(i + 3)) {
            out += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                                     (text[i + 3] - '0'));
            i += 3;
        } else {
            out += text[i];
        }
    }
    return out;
}

struct Mount {
    std::string device;
    std::string mount_point;
    std::string type;
    std::string major;
    std::string minor;
    bool is_readonly = false;
    std::string error;  // of statvfs; empty: fine
    FilesystemStats stats;
};

struct FilesystemMetric {
    std::string_view name;
    std::string_view help;
    double (*value)(const Mount& mount);
};
constexpr FilesystemMetric kFilesystemMetrics[] = {
    {"node_filesystem_avail_bytes", "Filesystem space available to non-root users in bytes.",
     [](const Mount& mount) { return mount.stats.available_bytes; }},
    {"node_filesystem_files", "Filesystem total file nodes.",
     [](const Mount& mount) { return mount.stats.files; }},
    {"node_filesystem_files_free", "Filesystem total free file nodes.",
     [](const Mount& mount) { return mount.stats.files_free; }},
    {"node_filesystem_free_bytes", "Filesystem free space in bytes.",
     [](const Mount& mount) { return mount.stats.free_bytes; }},
    {"node_filesystem_readonly", "Filesystem read-only status.",
     [](const Mount& mount) { return mount.is_readonly ? 1.0 : 0.0; }},
    {"node_filesystem_size_bytes", "Filesystem size in bytes.",
     [](const Mount& mount) { return mount.stats.size_bytes; }},
};

void write(const Mount& mount, double value, ExpositionWriter& out) {
    out.sample({{"device", mount.device},
                {"device_error", mount.error},
                {"fstype", mount.type},
                {"mountpoint", mount.mount_point}},
               value);
}

// "36 35 98:0 /root /mount/point rw,noatime master:1 - ext4 /dev/root rw,errors=continue"
Result<Mount> read_mount(std::string_view line) {
    const std::vector<std::string_view> words = words_of(line);
    const auto dash = std::ranges::find(words, "-");
    if (words.size() < 7 || words.end() - dash < 4)
        return invalid("a mount with {} fields", words.size());
    const size_t colon = words[2].find(':');
    if (colon == std::string_view::npos) return invalid("a mount without a device number");
    Mount mount;
    mount.device = unescaped(dash[2]);
    mount.mount_point = unescaped(words[4]);
    mount.type = dash[1];
    mount.major = words[2].substr(0, colon);
    mount.minor = words[2].substr(colon + 1);
    mount.is_readonly = fmt::format(",{},{},", words[5], dash[3]).find(",ro,") != std::string::npos;
    return mount;
}

}  // namespace

Result<void> collect_filesystem(const Host& host, HostMemory&, ExpositionWriter& out) {
    Result<std::string> text = host.proc("1/mountinfo");
    if (!text.ok()) text = host.proc("self/mountinfo");
    KW_TRY_ASSIGN(const std::string mount_info, std::move(text));
    std::vector<Mount> mounts;
    std::set<std::string> seen;
    for (const std::string_view line : lines_of(mount_info)) {
        KW_TRY_ASSIGN(Mount mount, read_mount(line));
        if (is_mount_point_left_out(mount.mount_point) ||
            std::ranges::count(kTypesLeftOut, mount.type) != 0 ||
            std::ranges::count(kNetworkTypes, mount.type) != 0) {
            continue;
        }
        if (!seen.insert(mount.device + '\0' + mount.mount_point).second) continue;
        const std::string& root = host.options().root;
        const std::string path = root == "/" ? mount.mount_point : root + mount.mount_point;
        Result<FilesystemStats> stats = host.calls().filesystem_stats(path);
        if (stats.ok()) {
            mount.stats = *stats;
        } else {
            const std::string& message = stats.error().message;
            mount.error = message.substr(std::min(message.rfind(": "), message.size() - 2) + 2);
        }
        mounts.push_back(std::move(mount));
    }
    out.family("node_filesystem_device_error",
               "Whether an error occurred while getting statistics for the given device.", "gauge");
    for (const Mount& mount : mounts) write(mount, mount.error.empty() ? 0 : 1, out);
    out.family("node_filesystem_mount_info", "Filesystem mount information.", "gauge");
    for (const Mount& mount : mounts) {
        out.sample({{"device", mount.device},
                    {"major", mount.major},
                    {"minor", mount.minor},
                    {"mountpoint", mount.mount_point}},
                   1);
    }
    for (const FilesystemMetric& metric : kFilesystemMetrics) {
        out.family(metric.name, metric.help, "gauge");
        for (const Mount& mount : mounts) {
            if (mount.error.empty()) write(mount, metric.value(mount), out);
        }
    }
    return {};
}

}  // namespace kw::collect
