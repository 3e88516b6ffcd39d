#include "kilowatch/endpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "endpoint_request.h"

namespace kilowatch {
namespace {

using testing::HasSubstr;

// Sends `bytes`, and reads until the server closes.
std::string exchange(uint16_t port, std::string_view bytes) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
    std::string out;
    char buffer[4096];
    for (ssize_t got; (got = recv(fd, buffer, sizeof buffer, 0)) > 0;) out.append(buffer, got);
    close(fd);
    return out;
}

TEST(ParseRequest, TakesWholeHeadsOnly) {
    struct Row {
        std::string head;
        std::optional<EndpointRequest> want;
    };
    const std::string end = "\r\n\r\n";
    const Row rows[] = {
        {"GET / HTTP/1.1" + end, EndpointRequest{"GET", "/", ""}},
        {"GET /a?b=c HTTP/1.0\r\nHost: x\r\nACCEPT:  text/plain \r\naccept: */*" + end,
         EndpointRequest{"GET", "/a?b=c", "text/plain, */*"}},
        {"GET / HTTP/1.1\r\n", {}},
        {"GET  HTTP/1.1" + end, {}},
        {"GET /a b HTTP/1.1" + end, {}},
        {"GET / HTTP/2" + end, {}},
        {"G(T / HTTP/1.1" + end, {}},
        {"GET http://x/ HTTP/1.1" + end, {}},
        {"GET /\x01 HTTP/1.1" + end, {}},
        {"GET / HTTP/1.1\r\nno header" + end, {}},
        {"GET / HTTP/1.1\r\n: x" + end, {}},
        {"GET / HTTP/1.1\r\n folded: x" + end, {}},
        {end, {}},
        {"GET / HTTP/1.1\r\nA: " + std::string(9000, 'a') + end, {}},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.head.substr(0, 60));
        const auto got = parse_request(row.head);
        ASSERT_EQ(got.has_value(), row.want.has_value());
        if (!got) continue;
        EXPECT_EQ(got->method, row.want->method);
        EXPECT_EQ(got->target, row.want->target);
        EXPECT_EQ(got->accept, row.want->accept);
    }
}

TEST(QueryParameter, IsTheFirstOfItsName) {
    EXPECT_EQ(query_parameter("a=1&b=2&b=3", "b"), "2");
    EXPECT_EQ(query_parameter("ab=1", "a"), std::nullopt);
    EXPECT_EQ(query_parameter("a", "a"), "");
    EXPECT_EQ(query_parameter("", "a"), std::nullopt);
}

TEST(Answer, KnowsItsPaths) {
    Registry registry;
    registry.gauge("g", "G.").set(1);
    CpuProfiler profiler({}, registry);
    struct Row {
        const char* target;
        int status;
    };
    const Row rows[] = {{"/metrics", 200},
                        {"/metrics?x=y", 200},
                        {"/", 404},
                        {"/metricsx", 404},
                        {"/debug/pprof/profile?seconds=0", 400},
                        {"/debug/pprof/profile?seconds=301", 400},
                        {"/debug/pprof/profile?seconds=1x", 400},
                        {"/debug/pprof/profile?seconds=", 400}};
    for (const Row& row : rows) {
        SCOPED_TRACE(row.target);
        EXPECT_EQ(answer(row.target, "", registry, &profiler).status, row.status);
    }
    EXPECT_EQ(answer("/debug/pprof/profile?seconds=1", "", registry, nullptr).status, 404);
    EXPECT_THAT(answer("/metrics", "application/openmetrics-text", registry, nullptr).body,
                HasSubstr("# EOF"));
}

TEST(Endpoint, ServesOverTheSocket) {
    Registry registry;
    registry.gauge("answer", "A.").set(42);
    const Endpoint endpoint({}, registry, nullptr);
    ASSERT_NE(endpoint.port(), 0);
    const std::string got =
        exchange(endpoint.port(), "GET /metrics HTTP/1.1\r\nHost: x\r\nAccept: text/plain\r\n\r\n");
    EXPECT_TRUE(got.starts_with("HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4"));
    EXPECT_THAT(got, HasSubstr("Connection: close\r\n\r\n# HELP answer A.\n"));
    EXPECT_TRUE(got.ends_with("answer 42\n"));
    const std::string head = exchange(endpoint.port(), "HEAD /metrics HTTP/1.1\r\n\r\n");
    EXPECT_TRUE(head.ends_with("\r\n\r\n"));
    EXPECT_THAT(exchange(endpoint.port(), "POST /metrics HTTP/1.1\r\n\r\n"),
                HasSubstr("405 Method Not Allowed"));
    EXPECT_THAT(exchange(endpoint.port(), "nonsense\r\n\r\n"), HasSubstr("400 Bad Request"));
    EXPECT_THAT(exchange(endpoint.port(), "GET /" + std::string(8500, 'a')), HasSubstr(" 431 "));
}

TEST(Endpoint, StopsWhileClientsHangOn) {
    Registry registry;
    CpuProfiler profiler({}, registry);
    std::vector<int> clients;
    const auto begin = std::chrono::steady_clock::now();
    {
        const Endpoint endpoint({}, registry, &profiler);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(endpoint.port());
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        // more than there are threads; the first takes a long profile
        for (int i = 0; i < 6; ++i) {
            const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
            ASSERT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
            const std::string bytes =
                i == 0 ? "GET /debug/pprof/profile?seconds=300 HTTP/1.1\r\n\r\n" : "GET /met";
            EXPECT_EQ(send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL),
                      static_cast<ssize_t>(bytes.size()));
            clients.push_back(fd);
        }
    }
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
    for (const int fd : clients) close(fd);
}

TEST(Endpoint, SaysWhenItCannotListen) {
    Registry registry;
    const Endpoint first({}, registry, nullptr);
    for (const EndpointOptions& options :
         {EndpointOptions{.port = first.port()}, EndpointOptions{.address = "no address"},
          EndpointOptions{.address = "203.0.113.1", .port = 1}}) {
        std::vector<std::string> said;
        set_diagnostics([&](std::string_view line) { said.emplace_back(line); });
        const Endpoint second(options, registry, nullptr);
        set_diagnostics({});
        EXPECT_EQ(second.port(), 0);
        ASSERT_EQ(said.size(), 1u);
        EXPECT_THAT(said[0], HasSubstr(options.address));
    }
}

}  // namespace
}  // namespace kilowatch
