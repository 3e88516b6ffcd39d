// A server of DNS for tests, on a port of 127.0.0.1: it answers what it was told to, NXDOMAIN to everything else.
#pragma once

#include <arpa/inet.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "net/dns_resolver.h"

namespace kw::net {

class FakeDns final {
 public:
    enum class Manner : unsigned char { kAnswers, kIsSilent, kRefuses, kTalksNonsense };

    FakeDns() : socket_(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        if (bind(socket_, reinterpret_cast<sockaddr*>(&address), size) != 0) std::abort();
        getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size);
        port_ = ntohs(address.sin_port);
        resolv_conf_ = fmt::format("/tmp/kw-resolv-{}-{}.conf", getpid(), port_);
        std::ofstream(resolv_conf_) << "search near.test\n";
        thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
    }
    ~FakeDns() {
        thread_.request_stop();
        shutdown(socket_, SHUT_RDWR);
        thread_.join();
        close(socket_);
        unlink(resolv_conf_.c_str());
    }
    FakeDns(const FakeDns&) = delete;
    FakeDns& operator=(const FakeDns&) = delete;

    // It alone, with the search domain near.test.
    DnsResolver::Options options() const {
        return {.resolv_conf = resolv_conf_, .servers = fmt::format("127.0.0.1:{}", port_)};
    }
    void behave(Manner manner) {
        const MutexLock lock(mutex_);
        manner_ = manner;
    }

    // `rdata` is what stands in the record, see below. `name` has no final dot.
    void add(std::string name, uint16_t type, std::string rdata) {
        const MutexLock lock(mutex_);
        records_[{std::move(name), type}].push_back(std::move(rdata));
    }
    void clear() {
        const MutexLock lock(mutex_);
        records_.clear();
    }
    static std::string number(uint16_t value) {
        return {static_cast<char>(value >> 8), static_cast<char>(value)};
    }
    static std::string name(std::string_view text) {
        std::string bytes;
        while (!text.empty()) {
            const size_t dot = std::min(text.find('.'), text.size());
            bytes += static_cast<char>(dot);
            bytes += text.substr(0, dot);
            text.remove_prefix(std::min(dot + 1, text.size()));
        }
        return bytes + '\0';
    }
    static std::string address(const char* text) {
        char bytes[16];
        if (inet_pton(AF_INET, text, bytes) == 1) return {bytes, 4};
        if (inet_pton(AF_INET6, text, bytes) == 1) return {bytes, 16};
        std::abort();
    }
    static std::string srv(uint16_t port, std::string_view target) {
        return number(0) + number(0) + number(port) + name(target);
    }

 private:
    void run(const std::stop_token& stop) {
        while (!stop.stop_requested()) {
            char buffer[512];
            sockaddr_in from{};
            socklen_t size = sizeof from;
            timeval wait{0, 50'000};
            setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
            const ssize_t got = recvfrom(socket_, buffer, sizeof buffer, 0,
                                         reinterpret_cast<sockaddr*>(&from), &size);
            if (got < 12) continue;
            const std::string answer = answer_to({buffer, static_cast<size_t>(got)});
            if (!answer.empty())
                sendto(socket_, answer.data(), answer.size(), 0, reinterpret_cast<sockaddr*>(&from),
                       size);
        }
    }

    std::string answer_to(const std::string& question) {
        std::string asked;
        size_t at = 12;
        while (at < question.size() && question[at] != 0) {
            const auto length = static_cast<unsigned char>(question[at]);
            if (!asked.empty()) asked += '.';
            asked += question.substr(at + 1, length);
            at += 1 + length;
        }
        if (at + 5 > question.size()) return {};
        const auto type = static_cast<uint16_t>(static_cast<unsigned char>(question[at + 1]) << 8 |
                                                static_cast<unsigned char>(question[at + 2]));
        const MutexLock lock(mutex_);
        if (manner_ == Manner::kIsSilent) return {};
        const auto found = records_.find({asked, type});
        const size_t count = found == records_.end() ? 0 : found->second.size();
        const char code = manner_ == Manner::kRefuses ? 5 : count == 0 ? 3 : 0;
        std::string answer = question.substr(0, 2) + '\x81' + static_cast<char>(0x80 | code) +
                             number(1) + number(static_cast<uint16_t>(count)) + number(0) +
                             number(0) + question.substr(12, at + 5 - 12);
        if (manner_ == Manner::kTalksNonsense) return answer + "\xc0\xff\xff";
        for (size_t i = 0; i < count; ++i) {
            const std::string& rdata = found->second[i];
            answer += std::string("\xc0\x0c", 2) + number(type) + number(1) + number(0) +
                      number(60) + number(static_cast<uint16_t>(rdata.size())) + rdata;
        }
        return answer;
    }

    const int socket_;
    uint16_t port_ = 0;
    std::string resolv_conf_;
    Mutex mutex_;
    Manner manner_ KW_GUARDED_BY(mutex_) = Manner::kAnswers;
    std::map<std::pair<std::string, uint16_t>, std::vector<std::string>> records_
        KW_GUARDED_BY(mutex_);
    std::jthread thread_;
};

}  // namespace kw::net
