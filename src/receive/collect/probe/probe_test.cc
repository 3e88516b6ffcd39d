// Probes against small servers of the test's own on loopback, and the bytes of DNS.
#include "collect/probe/probe.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <thread>

#include "collect/family_set.h"
#include "collect/probe/dns_message.h"

namespace kw::collect {
namespace {

// A socket on a free port of 127.0.0.1, and a thread that serves one client.
class LoopbackServer final {
 public:
    LoopbackServer(int type, const std::function<void(int)>& serve)
        : fd_(::socket(AF_INET, type, 0)) {
        sockaddr_in address = {};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        EXPECT_EQ(::bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
        socklen_t size = sizeof address;
        EXPECT_EQ(::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size), 0);
        port_ = ntohs(address.sin_port);
        if (type == SOCK_STREAM) EXPECT_EQ(::listen(fd_, 4), 0);
        thread_ = std::jthread([this, type, serve] {
            const int client = type == SOCK_STREAM ? ::accept(fd_, nullptr, nullptr) : fd_;
            if (client < 0) return;
            serve(client);
            if (client != fd_) ::close(client);
        });
    }
    ~LoopbackServer() {
        ::shutdown(fd_, SHUT_RDWR);
        thread_.join();
        ::close(fd_);
    }
    HostPort where() const { return {"127.0.0.1", std::to_string(port_)}; }

 private:
    int fd_;
    uint16_t port_ = 0;
    std::jthread thread_;
};

class ProbeTest : public testing::Test {
 protected:
    // What `options` wrote; the lines of samples.
    std::string probe(ProbeOptions options,
                      std::chrono::milliseconds timeout = std::chrono::seconds(10)) {
        ProbeSource source(fetcher_, std::move(options));
        std::string text;
        outcome_ = source.collect(Deadline(clock_, timeout, interrupt_), text);
        std::string samples = "\n";
        for (size_t begin = 0; begin < text.size();) {
            const size_t end = text.find('\n', begin) + 1;
            if (text[begin] != '#') samples += text.substr(begin, end - begin);
            begin = end;
        }
        return samples;
    }
    static bool has(const std::string& samples, const std::string& line) {
        return samples.find("\n" + line + "\n") != std::string::npos;
    }

    // Answers at once with what the test says.
    class OneAnswer final : public net::Fetcher {
     public:
        FetchId fetch(net::FetchRequest request, net::FetchCallback callback) override {
            EXPECT_TRUE(request.measures);
            callback(answer);
            return 1;
        }
        void cancel(FetchId) override {}
        Result<net::FetchResponse> answer = unavailable("connection refused");
    };

    OneAnswer fetcher_;
    const RealClock clock_;
    const Interrupt interrupt_;
    Result<void> outcome_;
};

TEST_F(ProbeTest, HttpHoldsStatusAndBodyAgainstWhatWasWanted) {
    struct Row {
        int status;
        std::string body;
        HttpProbe probe;
        bool want_success;
        bool want_regex_failure;
    };
    const Row rows[] = {
        {200, "", {}, true, false},
        {299, "", {}, true, false},
        {301, "", {}, false, false},
        {503, "", {}, false, false},
        {404, "", {.statuses = {200, 404}}, true, false},
        {200, "all is well", {.wanted = {"all", "is w[e]ll"}}, true, false},
        {200, "all is lost", {.wanted = {"all", "is w[e]ll"}}, false, true},
        {200, "out of order", {.not_wanted = {"order"}}, false, true},
        {200, "in good shape", {.not_wanted = {"order"}}, true, false},
        {500, "all is lost", {.wanted = {"well"}}, false, true},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(fmt::format("{} {}", row.status, row.body));
        net::FetchResponse response;
        response.status = row.status;
        response.body = row.body;
        response.measured.emplace().resolve = 0.25;
        fetcher_.answer = response;
        const std::string samples = probe({.what = row.probe});
        EXPECT_TRUE(has(samples, row.want_success ? "probe_success 1" : "probe_success 0"))
            << samples;
        EXPECT_TRUE(
            has(samples, fmt::format("probe_failed_due_to_regex {:d}", row.want_regex_failure)))
            << samples;
        EXPECT_TRUE(has(samples, fmt::format("probe_http_status_code {}", row.status))) << samples;
        EXPECT_TRUE(has(samples, "probe_http_duration_seconds{phase=\"resolve\"} 0.25")) << samples;
        EXPECT_TRUE(has(samples, "probe_http_ssl 0")) << samples;
        EXPECT_TRUE(outcome_.ok());
    }
}

TEST_F(ProbeTest, AFailureIsAGoodScrapeThatSaysWhyAndAComponent) {
    const std::string samples = probe({.what = HttpProbe{.url = "http://localhost:1/"},
                                       .service = "api",
                                       .component = "external_api"});
    EXPECT_TRUE(outcome_.ok());
    EXPECT_TRUE(has(samples, "probe_success 0")) << samples;
    EXPECT_TRUE(has(samples, "probe_failure_info{reason=\"connection refused\"} 1")) << samples;
    EXPECT_TRUE(
        has(samples, "health_component_status{service=\"api\",component=\"external_api\"} 0"))
        << samples;
}

TEST_F(ProbeTest, WhatNobodyWantsAnyMoreSaysNothingOfTheTarget) {
    interrupt_.raise();
    EXPECT_EQ(probe({.what = TcpProbe{.where = {"127.0.0.1", "1"}}, .component = "db"}), "\n");
    EXPECT_EQ(outcome_.error().code, Code::kCancelled);
}

TEST_F(ProbeTest, TcpConnects) {
    const LoopbackServer server(SOCK_STREAM, [](int) {});
    const std::string up = probe({.what = TcpProbe{.where = server.where()}});
    EXPECT_TRUE(has(up, "probe_success 1")) << up;
    EXPECT_TRUE(has(up, "probe_ip_protocol 4")) << up;
    const std::string down = probe({.what = TcpProbe{.where = {"127.0.0.1", "1"}}});
    EXPECT_TRUE(has(down, "probe_failure_info{reason=\"connect: Connection refused\"} 1")) << down;
}

TEST_F(ProbeTest, TlsWithAServerThatSpeaksSomethingElseFails) {
    const LoopbackServer server(
        SOCK_STREAM, [](int client) { (void)!::write(client, "220 mail.example.org\r\n", 22); });
    net::TlsClientOptions tls;
    tls.insecure_skip_verify = true;
    const std::string samples = probe({.what = TcpProbe{.where = server.where(), .tls = tls}});
    EXPECT_TRUE(has(samples, "probe_success 0")) << samples;
    EXPECT_NE(samples.find("reason=\"TLS: "), std::string::npos) << samples;
}

TEST_F(ProbeTest, RedisThatIsNoneAndOneThatClosesFail) {
    struct Row {
        std::string bytes;
        std::string want;
    };
    const Row rows[] = {
        {"+PONG\r\n", "probe_success 1"},
        {"-NOAUTH Authentication required.\r\n",
         "probe_failure_info{reason=\"NOAUTH Authentication required.\"} 1"},
        {"+PING\r\n", "probe_failure_info{reason=\"PING answered PING\"} 1"},
        {"HTTP/1.1 400 Bad Request\r\n", "probe_success 0"},
        {"", "probe_failure_info{reason=\"the server closed the connection\"} 1"},
    };
    for (const Row& row : rows) {
        const LoopbackServer server(SOCK_STREAM, [&](int client) {
            char request[64];
            (void)!::read(client, request, sizeof request);
            (void)!::write(client, row.bytes.data(), row.bytes.size());
        });
        const std::string samples =
            probe({.what = RedisProbe{.server = {.where = server.where()}}});
        EXPECT_TRUE(has(samples, row.want)) << samples;
    }
}

TEST_F(ProbeTest, DnsAsksAndJudgesTheAnswer) {
    struct Row {
        std::string name;
        unsigned code;
        bool has_record;
        std::string want;
    };
    const Row rows[] = {
        {"there", 0, true, "probe_success 1"},
        {"empty", 0, false, "probe_failure_info{reason=\"the answer has no such record\"} 1"},
        {"unknown", 3, false, "probe_failure_info{reason=\"the answer is NXDOMAIN\"} 1"},
    };
    for (const Row& row : rows) {
        const LoopbackServer server(SOCK_DGRAM, [&](int fd) {
            char bytes[512];
            sockaddr_in from = {};
            socklen_t size = sizeof from;
            const ssize_t got =
                ::recvfrom(fd, bytes, sizeof bytes, 0, reinterpret_cast<sockaddr*>(&from), &size);
            if (got < 12) return;
            std::string answer(bytes, static_cast<size_t>(got));
            answer[2] = '\x81';
            answer[3] = static_cast<char>(row.code);
            answer[7] = row.has_record ? 1 : 0;
            // A pointer to the question's name, A, IN, 60 s, 4 bytes.
            if (row.has_record)
                answer += std::string("\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\x7f\0\0\1", 16);
            // What somebody else might send first: another id.
            std::string other = answer;
            other[0] = static_cast<char>(other[0] ^ 1);
            ::sendto(fd, other.data(), other.size(), 0, reinterpret_cast<sockaddr*>(&from), size);
            ::sendto(fd, answer.data(), answer.size(), 0, reinterpret_cast<sockaddr*>(&from), size);
        });
        const std::string samples =
            probe({.what = DnsProbe{.server = server.where(), .name = "a.example.org"}});
        EXPECT_TRUE(has(samples, row.want)) << samples;
        EXPECT_TRUE(has(samples, "probe_dns_query_succeeded 1")) << samples;
        EXPECT_TRUE(
            has(samples, row.has_record ? "probe_dns_answer_rrs 1" : "probe_dns_answer_rrs 0"))
            << samples;
    }
    const LoopbackServer silent(SOCK_DGRAM, [](int) {});
    const std::string samples =
        probe({.what = DnsProbe{.server = silent.where(), .name = "a.example.org"}},
              std::chrono::milliseconds(50));
    EXPECT_TRUE(has(samples, "probe_dns_query_succeeded 0")) << samples;
    EXPECT_TRUE(has(samples, "probe_failure_info{reason=\"no answer within 50 ms\"} 1")) << samples;
}

TEST(DnsMessage, QuestionsHaveBounds) {
    EXPECT_EQ(dns_question(0x1234, "ab.c", DnsType::kMx).value(),
              std::string("\x12\x34\1\0\0\1\0\0\0\0\0\0\2ab\1c\0\0\x0f\0\1", 22));
    EXPECT_EQ(dns_question(1, "ab.c.", DnsType::kA).value(),
              dns_question(1, "ab.c", DnsType::kA).value());
    EXPECT_TRUE(dns_question(1, ".", DnsType::kNs).ok()) << "the root";
    for (const std::string& bad :
         {std::string("a..b"), std::string(".a"), std::string(64, 'x'), std::string(300, 'x')}) {
        EXPECT_FALSE(dns_question(1, bad, DnsType::kA).ok()) << bad;
    }
}

TEST(DnsMessage, AnswersThatAreCutOffAreRefused) {
    const std::string whole(
        "\x12\x34\x81\x80\0\1\0\1\0\0\0\0\1a\0\0\1\0\1\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\x7f\0\0\1",
        35);
    const Result<DnsAnswer> answer = parse_dns_answer(whole, DnsType::kA);
    ASSERT_TRUE(answer.ok());
    EXPECT_EQ(answer->matching_count, 1U);
    EXPECT_EQ(parse_dns_answer(whole, DnsType::kAaaa)->matching_count, 0U);
    for (size_t size = 0; size < whole.size(); ++size) {
        EXPECT_FALSE(parse_dns_answer(whole.substr(0, size), DnsType::kA).ok()) << size;
    }
}

}  // namespace
}  // namespace kw::collect
