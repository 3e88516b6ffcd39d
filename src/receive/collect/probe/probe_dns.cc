// One question to one name server, over UDP.
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <random>
#include <utility>

#include "collect/family_set.h"
#include "collect/probe/probe.h"

namespace kw::collect {
namespace {

constexpr size_t kDatagramBytesMax = 4096;

// A connected UDP socket: the kernel drops what others send.
class DatagramSocket final {
 public:
    static Result<DatagramSocket> connect(const HostPort& where) {
        addrinfo hints = {};
        hints.ai_socktype = SOCK_DGRAM;
        addrinfo* found = nullptr;
        if (const int error = ::getaddrinfo(where.host.c_str(), where.port.c_str(), &hints, &found);
            error != 0) {
            return unavailable("cannot resolve {}: {}", where.host, ::gai_strerror(error));
        }
        const std::unique_ptr<addrinfo, void (*)(addrinfo*)> addresses(found, ::freeaddrinfo);
        DatagramSocket made(
            ::socket(found->ai_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0),
            found->ai_family == AF_INET6 ? 6 : 4);
        if (made.fd_ < 0 || ::connect(made.fd_, found->ai_addr, found->ai_addrlen) != 0) {
            return unavailable("cannot reach {}: errno {}", where.host, errno);
        }
        return made;
    }
    DatagramSocket(DatagramSocket&& other) noexcept
        : fd_(std::exchange(other.fd_, -1)), ip_protocol_(other.ip_protocol_) {}
    DatagramSocket& operator=(DatagramSocket&&) = delete;
    ~DatagramSocket() {
        if (fd_ >= 0) ::close(fd_);
    }

    Result<void> send(std::string_view bytes) const {
        if (::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0)
            return unavailable("send: errno {}", errno);
        return {};
    }
    Result<std::string> receive(const Deadline& deadline) const {
        std::string bytes(kDatagramBytesMax, '\0');
        for (;;) {
            KW_TRY(deadline.wait_ready(fd_, POLLIN));
            const ssize_t size = ::recv(fd_, bytes.data(), bytes.size(), 0);
            if (size < 0 && (errno == EAGAIN || errno == EINTR)) continue;
            if (size < 0) return unavailable("recv: errno {}", errno);
            bytes.resize(static_cast<size_t>(size));
            return bytes;
        }
    }
    int ip_protocol() const { return ip_protocol_; }

 private:
    DatagramSocket(int fd, int ip_protocol) : fd_(fd), ip_protocol_(ip_protocol) {}
    int fd_;
    int ip_protocol_;
};

// Asks, and adds how long each phase took.
Result<DnsAnswer> ask(const DnsProbe& probe, const Deadline& deadline, FamilySet& families) {
    const auto phase = [&](std::string_view name, double seconds) {
        families.add("probe_dns_duration_seconds", "gauge", "Duration of the phases",
                     {{"phase", std::string(name)}}, seconds);
    };
    KW_TRY_ASSIGN(const DatagramSocket socket, DatagramSocket::connect(probe.server));
    const double resolved = deadline.elapsed_seconds();
    phase("resolve", resolved);
    families.add("probe_dns_lookup_time_seconds", "gauge",
                 "How long the server's name was looked up", {}, resolved);
    families.add("probe_ip_protocol", "gauge", "Version of IP: 4 or 6", {}, socket.ip_protocol());
    // What cannot be guessed: an answer to another question, or a forged one, is not ours.
    const auto id = static_cast<uint16_t>(std::random_device()());
    KW_TRY_ASSIGN(const std::string question, dns_question(id, probe.name, probe.type));
    KW_TRY(socket.send(question));
    const double sent = deadline.elapsed_seconds();
    phase("connect", sent - resolved);
    for (;;) {
        KW_TRY_ASSIGN(const std::string bytes, socket.receive(deadline));
        Result<DnsAnswer> answer = parse_dns_answer(bytes, probe.type);
        if (answer.ok() && answer->id != id) continue;
        phase("request", deadline.elapsed_seconds() - sent);
        return answer;
    }
}

}  // namespace

Result<void> run_probe(const DnsProbe& probe, const Deadline& deadline, FamilySet& families) {
    const auto gauge = [&](std::string_view name, std::string_view help, double value) {
        families.add(name, "gauge", help, {}, value);
    };
    const Result<DnsAnswer> answer = ask(probe, deadline, families);
    gauge("probe_dns_query_succeeded", "Whether an answer came", answer.ok() ? 1 : 0);
    KW_TRY(answer);
    gauge("probe_dns_answer_rrs", "Records of the answer", answer->answer_count);
    gauge("probe_dns_authority_rrs", "Records of the authority", answer->authority_count);
    gauge("probe_dns_additional_rrs", "Additional records", answer->additional_count);
    if (answer->code != 0) return unavailable("the answer is {}", dns_code_name(answer->code));
    // An answer that did not fit a datagram has records.
    if (!answer->is_truncated && answer->matching_count == 0)
        return unavailable("the answer has no such record");
    return {};
}

}  // namespace kw::collect
