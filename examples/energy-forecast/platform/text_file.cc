#include "platform/text_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace energy {
namespace {

constexpr size_t kBytesMax = 256 << 20;

struct FileClose {
    int fd;
    ~FileClose() { close(fd); }
};

}  // namespace

kw::Result<std::string> read_file(const std::string& path) {
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        if (errno == ENOENT) return kw::not_found("{} does not exist", path);
        return kw::unavailable("{}: {}", path, strerror(errno));
    }
    const FileClose closing{fd};
    std::string content;
    char piece[65536];
    while (true) {
        const ssize_t count = read(fd, piece, sizeof(piece));
        if (count < 0) return kw::unavailable("{}: {}", path, strerror(errno));
        if (count == 0) return content;
        content.append(piece, static_cast<size_t>(count));
        if (content.size() > kBytesMax) return kw::exhausted("{}: over {} bytes", path, kBytesMax);
    }
}

kw::Result<void> write_file(const std::string& path, std::string_view content) {
    const std::string fresh = path + ".new";
    const int fd = open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) return kw::unavailable("{}: {}", fresh, strerror(errno));
    {
        const FileClose closing{fd};
        while (!content.empty()) {
            const ssize_t count = write(fd, content.data(), content.size());
            if (count < 0) return kw::unavailable("{}: {}", fresh, strerror(errno));
            content.remove_prefix(static_cast<size_t>(count));
        }
    }
    if (std::rename(fresh.c_str(), path.c_str()) != 0)
        return kw::unavailable("{}: {}", path, strerror(errno));
    return {};
}

}  // namespace energy
