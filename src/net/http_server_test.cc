// The server against raw sockets: what is said on the wire, for well-behaved and other clients.
#include "net/http_server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <latch>
#include <thread>

#include "base/clock.h"
#include "base/fs/memory.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/thread_pool.h"
#include "net/gzip.h"
#include "net/request.h"
#include "net/response_writer.h"
#include "net/router.h"

namespace kw::net {
namespace {

using std::chrono::milliseconds;

// A client that says exactly what it is told.
class RawClient {
 public:
    explicit RawClient(const std::string& address) {
        const size_t colon = address.rfind(':');
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(static_cast<uint16_t>(std::stoi(address.substr(colon + 1))));
        inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
        socket_ = socket(AF_INET, SOCK_STREAM, 0);
        EXPECT_EQ(connect(socket_, reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
    }
    ~RawClient() { hang_up(); }
    RawClient(const RawClient&) = delete;
    RawClient& operator=(const RawClient&) = delete;

    void say(std::string_view text) const {
        while (!text.empty()) {
            const ssize_t sent = send(socket_, text.data(), text.size(), MSG_NOSIGNAL);
            if (sent <= 0) return;
            text.remove_prefix(static_cast<size_t>(sent));
        }
    }
    void hang_up() {
        if (socket_ >= 0) close(socket_);
        socket_ = -1;
    }
    void finish_sending() const { shutdown(socket_, SHUT_WR); }

    // Reads until `end` has come, or the connection has ended.
    std::string hear(std::string_view end) {
        std::string text;
        while (end.empty() || text.find(end) == std::string::npos) {
            char piece[4096];
            pollfd ready{socket_, POLLIN, 0};
            if (poll(&ready, 1, 10'000) <= 0) return text + "<silence>";
            const ssize_t got = recv(socket_, piece, sizeof piece, 0);
            if (got <= 0) {
                ended_ = true;
                break;
            }
            text.append(piece, static_cast<size_t>(got));
        }
        return text;
    }
    std::string hear_all() { return hear(""); }
    bool ended() const { return ended_; }

 private:
    int socket_ = -1;
    bool ended_ = false;
};

class HttpServerTest : public testing::Test {
 protected:
    HttpServerTest() {
        options_.listen_addresses = {"127.0.0.1:0"};
        options_.handler_threads = 4;
        routes_.add("GET", "/hello", [](const Request& request, ResponseWriter& response) {
            std::string text = "hello";
            for (const auto& [name, value] : request.params) text += " " + name + "=" + value;
            (void)response.send(200, "text/plain", text);
        });
        RouteOptions echo;
        echo.body_bytes_max = 1000;
        routes_.add(
            "POST", "/echo",
            [](const Request& request, ResponseWriter& response) {
                (void)response.send(200, "text/plain", request.body);
            },
            echo);
        routes_.add("POST", "/form", [](const Request& request, ResponseWriter& response) {
            std::string text;
            for (const std::string_view value : request.params.all("a"))
                text += std::string(value) + ",";
            (void)response.send(200, "text/plain", text);
        });
        routes_.add("GET", "/long", [](const Request&, ResponseWriter& response) {
            response.set_header("Content-Type", "text/plain");
            const std::string line(999, 'x');
            for (int i = 0; i < 1000; ++i) {
                if (!response.write(line + "\n").ok()) return;
            }
        });
        routes_.add("GET", "/label/:name/values",
                    [](const Request& request, ResponseWriter& response) {
                        (void)response.send(200, "text/plain", request.path_params.get("name"));
                    });
        routes_.add("GET", "/throws", [](const Request&, ResponseWriter& response) {
            (void)response.write("lost");
            throw std::runtime_error("on purpose");
        });
        routes_.add("GET", "/breaks", [](const Request&, ResponseWriter& response) {
            (void)response.write("a part");
            (void)response.flush();
            response.abort();
        });
    }

    HttpServer& start() {
        Result<std::unique_ptr<HttpServer>> started = HttpServer::start(env_, routes_, options_);
        EXPECT_TRUE(started.ok()) << (started.ok() ? "" : started.error().message);
        server_ = std::move(started).value();
        return *server_;
    }
    std::string ask(std::string_view text) {
        RawClient client(server_->addresses()[0]);
        client.say(text);
        return client.hear_all();
    }

    RealClock clock_;
    fs::MemoryFileSystem files_;
    Log log_ = Log::silent();
    MetricRegistry metrics_;
    ThreadPool pool_{"test", 1};
    Environment env_{clock_, files_, log_, metrics_, pool_};
    Router routes_;
    HttpServer::Options options_;
    std::unique_ptr<HttpServer> server_;
};

std::string status_line(const std::string& answer) { return answer.substr(0, answer.find('\r')); }
std::string body_of(const std::string& answer) {
    const size_t end = answer.find("\r\n\r\n");
    return end == std::string::npos ? "" : answer.substr(end + 4);
}

TEST_F(HttpServerTest, AnswersAndRefuses) {
    start();
    struct Row {
        const char* name;
        std::string request;
        std::string status;
        std::string body;
    };
    const std::string end = "Host: localhost\r\nConnection: close\r\n\r\n";
    const std::string gzipped = [] {
        GzipEncoder encoder;
        std::string out;
        encoder.encode(std::string(5000, 'z'), out);
        encoder.finish(out);
        return out;
    }();
    const auto post = [&](const std::string& headers, const std::string& body) {
        return "POST /echo HTTP/1.1\r\n" + headers + end + body;
    };
    const Row rows[] = {
        {"get", "GET /hello HTTP/1.1\r\n" + end, "200 OK", "hello"},
        {"query", "GET /hello?a=1%202&a=x+y HTTP/1.1\r\n" + end, "200 OK", "hello a=1 2 a=x y"},
        {"absolute form", "GET http://localhost/hello HTTP/1.1\r\n" + end, "200 OK", "hello"},
        {"path parameter", "GET /label/a%2Fb/values HTTP/1.1\r\n" + end, "200 OK", "a/b"},
        {"body", post("Content-Length: 3\r\n", "abc"), "200 OK", "abc"},
        {"chunked",
         post("Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: 1\r\n\r\n"),
         "200 OK", "abcde"},
        {"form",
         "POST /form?a=q HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\n"
         "Content-Length: 7\r\n" +
             end + "a=1&a=2",
         "200 OK", "1,2,q,"},
        {"head", "HEAD /hello HTTP/1.1\r\n" + end, "200 OK", ""},
        {"options", "OPTIONS /hello HTTP/1.1\r\n" + end, "204 No Content", ""},
        {"1.0", "GET /hello HTTP/1.0\r\n\r\n", "200 OK", "hello"},
        {"nowhere", "GET /nowhere HTTP/1.1\r\n" + end, "404 Not Found", "nothing is here\n"},
        {"method", "DELETE /hello HTTP/1.1\r\n" + end, "405 Method Not Allowed",
         "this path does not take DELETE\n"},
        {"throws", "GET /throws HTTP/1.1\r\n" + end, "500 Internal Server Error",
         "internal error\n"},
        {"no host", "GET /hello HTTP/1.1\r\n\r\n", "400 Bad Request", "no Host field\n"},
        {"two hosts", "GET /hello HTTP/1.1\r\nHost: a\r\n" + end, "400 Bad Request",
         "several Host fields\n"},
        {"not http", "\x16\x03\x01\x02 what\r\n\r\n", "400 Bad Request",
         "malformed request: bad method\n"},
        {"version", "GET /hello HTTP/3.7\r\n" + end, "400 Bad Request",
         "malformed request line or HTTP version\n"},
        {"space in a name", "GET /hello HTTP/1.1\r\nA b: c\r\n" + end, "400 Bad Request",
         "malformed request: bad field\n"},
        {"two lengths", post("Content-Length: 3\r\nContent-Length: 4\r\n", "abc"),
         "400 Bad Request", "malformed request: multiple Content-Length\n"},
        {"length and chunked",
         post("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
         "400 Bad Request", "malformed request: bad Transfer-Encoding\n"},
        {"odd coding", post("Transfer-Encoding: chunked, gzip\r\n", "0\r\n\r\n"),
         "501 Not Implemented", "a transfer coding other than chunked\n"},
        {"bad chunk", post("Transfer-Encoding: chunked\r\n", "zz\r\nabc"), "400 Bad Request",
         "malformed request: bad chunk\n"},
        {"too long", post("Content-Length: 1001\r\n", ""), "413 Content Too Large",
         "body is longer than 1000 bytes, the most taken here\n"},
        {"too long in chunks",
         post("Transfer-Encoding: chunked\r\n",
              "3e9\r\n" + std::string(1001, 'x') + "\r\n0\r\n\r\n"),
         "413 Content Too Large", "body is longer than 1000 bytes, the most taken here\n"},
        {"grows in decompression",
         post(
             "Content-Encoding: gzip\r\nContent-Length: " + std::to_string(gzipped.size()) + "\r\n",
             gzipped),
         "413 Content Too Large", "body is longer than 1000 bytes, the most taken here\n"},
        {"not gzip", post("Content-Encoding: gzip\r\nContent-Length: 3\r\n", "abc"),
         "400 Bad Request", "body: not gzip: incorrect header check\n"},
        {"other encoding", post("Content-Encoding: br\r\nContent-Length: 3\r\n", "abc"),
         "415 Unsupported Media Type", "a Content-Encoding other than gzip and zstd\n"},
        {"bad escape", "GET /hello?a=%zz HTTP/1.1\r\n" + end, "400 Bad Request",
         "bad % escape at byte 0\n"},
        {"header too long", "GET /hello HTTP/1.1\r\nA: " + std::string(70'000, 'a') + "\r\n" + end,
         "431 Request Header Fields Too Large", "header is longer than 65536 bytes\n"},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.name);
        const std::string answer = ask(row.request);
        EXPECT_EQ(status_line(answer), "HTTP/1.1 " + row.status);
        EXPECT_EQ(body_of(answer), row.body);
    }
}

TEST_F(HttpServerTest, EveryTruncationIsNoRequest) {
    start();
    const std::string request =
        "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nabcde";
    for (size_t size = 0; size < request.size(); ++size) {
        RawClient client(server_->addresses()[0]);
        client.say(request.substr(0, size));
        client.finish_sending();
        EXPECT_EQ(client.hear_all(), "") << size;
    }
}

TEST_F(HttpServerTest, ServesPipelinedRequestsInOrder) {
    start();
    RawClient client(server_->addresses()[0]);
    std::string requests;
    for (int i = 0; i < 50; ++i) {
        requests += "GET /hello?i=" + std::to_string(i) + " HTTP/1.1\r\nHost: localhost\r\n\r\n";
    }
    requests +=
        "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nConnection: "
        "close\r\n\r\nlast";
    client.say(requests);
    const std::string answers = client.hear_all();
    size_t at = 0;
    for (int i = 0; i < 50; ++i) {
        at = answers.find("hello i=" + std::to_string(i), at);
        ASSERT_NE(at, std::string::npos) << i;
    }
    EXPECT_NE(answers.find("\r\n\r\nlast", at), std::string::npos);
}

TEST_F(HttpServerTest, StreamsALongAnswerInChunksAndCompressed) {
    start();
    const std::string plain =
        ask("GET /long HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    EXPECT_NE(plain.find("Transfer-Encoding: chunked\r\n"), std::string::npos);
    EXPECT_TRUE(plain.ends_with("\r\n0\r\n\r\n"));
    EXPECT_GT(plain.size(), 1'000'000U);

    const std::string packed = ask("GET /long HTTP/1.0\r\nAccept-Encoding: br, gzip;q=0.5\r\n\r\n");
    EXPECT_NE(packed.find("Content-Encoding: gzip\r\n"), std::string::npos);
    EXPECT_LT(packed.size(), 20'000U);
    GzipDecoder decoder(2'000'000);
    std::string unpacked;
    ASSERT_TRUE(decoder.decode(body_of(packed), unpacked).ok());
    EXPECT_TRUE(decoder.finish().ok());
    EXPECT_EQ(unpacked.size(), 1'000'000U);
}

TEST_F(HttpServerTest, AnAbortedAnswerIsNotWhole) {
    start();
    const std::string answer = ask("GET /breaks HTTP/1.1\r\nHost: localhost\r\n\r\n");
    EXPECT_TRUE(answer.ends_with("6\r\na part\r\n")) << answer;  // the last chunk is missing
}

TEST_F(HttpServerTest, SaysContinueWhenAsked) {
    start();
    RawClient client(server_->addresses()[0]);
    client.say(
        "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nExpect: "
        "100-continue\r\n\r\n");
    EXPECT_EQ(client.hear("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
    client.say("ok");
    EXPECT_EQ(body_of(client.hear("\r\n\r\nok")), "ok");
}

TEST_F(HttpServerTest, ASlowClientIsToldAndLetGo) {
    options_.header_timeout = milliseconds(50);
    options_.body_timeout = milliseconds(50);
    start();
    RawClient slow_header(server_->addresses()[0]);
    slow_header.say("GET /hello HT");
    EXPECT_EQ(status_line(slow_header.hear_all()), "HTTP/1.1 408 Request Timeout");
    RawClient slow_body(server_->addresses()[0]);
    slow_body.say("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nab");
    EXPECT_EQ(status_line(slow_body.hear_all()), "HTTP/1.1 408 Request Timeout");
}

TEST_F(HttpServerTest, AnIdleConnectionIsClosed) {
    options_.idle_timeout = milliseconds(50);
    start();
    RawClient client(server_->addresses()[0]);
    client.say("GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n");
    EXPECT_EQ(body_of(client.hear_all()), "hello");
    EXPECT_TRUE(client.ended());
}

TEST_F(HttpServerTest, AReaderThatTakesNothingIsLetGo) {
    options_.write_timeout = milliseconds(100);
    options_.write_buffer_bytes = 64 << 10;
    std::latch ended(1);
    routes_.add("GET", "/endless", [&](const Request&, ResponseWriter& response) {
        const std::string piece(64 << 10, 'x');
        while (response.write(piece).ok()) {
        }
        ended.count_down();
    });
    start();
    RawClient client(server_->addresses()[0]);
    client.say("GET /endless HTTP/1.1\r\nHost: localhost\r\n\r\n");
    ended.wait();
}

TEST_F(HttpServerTest, AClientThatGoesCancelsItsRequest) {
    std::latch started(1);
    std::latch cancelled(1);
    routes_.add("GET", "/wait", [&](const Request& request, ResponseWriter&) {
        started.count_down();
        while (request.cancel.check().ok()) std::this_thread::yield();
        cancelled.count_down();
    });
    start();
    RawClient client(server_->addresses()[0]);
    client.say("GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n");
    started.wait();
    client.hang_up();
    cancelled.wait();
}

TEST_F(HttpServerTest, AFullPoolAnswers503) {
    options_.handler_threads = 1;
    options_.handler_queue = 1;
    std::latch started(1);
    std::latch release(1);
    routes_.add("GET", "/busy", [&](const Request&, ResponseWriter&) {
        started.count_down();
        release.wait();
    });
    start();
    RawClient busy(server_->addresses()[0]);
    busy.say("GET /busy HTTP/1.1\r\nHost: localhost\r\n\r\n");
    started.wait();
    RawClient first(server_->addresses()[0]);
    RawClient second(server_->addresses()[0]);
    const std::string request =
        "GET /hello HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    first.say(request);
    second.say(request);
    // One of the two waits in the queue and the other finds it full, whichever came first.
    std::thread letter([&] {
        while (metrics_
                   .counter("prometheus_http_requests_total", "",
                            {{"code", "503"}, {"handler", "/hello"}})
                   .value() == 0) {
            std::this_thread::yield();
        }
        release.count_down();
    });
    const std::string answers = first.hear_all() + second.hear_all();
    letter.join();
    EXPECT_NE(answers.find("503 Service Unavailable"), std::string::npos);
    EXPECT_NE(answers.find("200 OK"), std::string::npos);
}

TEST_F(HttpServerTest, TheConnectionIdleLongestGivesWay) {
    options_.connections_max = 2;
    start();
    const std::string request = "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n";
    RawClient first(server_->addresses()[0]);
    first.say(request);
    EXPECT_EQ(body_of(first.hear("hello")), "hello");
    RawClient second(server_->addresses()[0]);
    second.say(request);
    EXPECT_EQ(body_of(second.hear("hello")), "hello");
    RawClient third(server_->addresses()[0]);
    third.say(request);
    EXPECT_EQ(body_of(third.hear("hello")), "hello");
    EXPECT_EQ(first.hear_all(), "");
    EXPECT_TRUE(first.ended());
}

TEST_F(HttpServerTest, AsksForPasswordsAndRemembersThem) {
    // "test" with cost 4
    options_.web.basic_auth_users = {
        {"ann", "$2b$04$abcdefghijklmnopqrstuuJz3bG1Q0AeBqkVqQnS0kq2X6cPqYQ5K"}};
    RouteOptions health;
    health.is_public = true;
    routes_.add(
        "GET", "/health",
        [](const Request&, ResponseWriter& response) {
            (void)response.send(200, "text/plain", "fine");
        },
        health);
    options_.web.headers = {{"X-Frame-Options", "deny"}};
    start();
    const std::string end = "Host: localhost\r\nConnection: close\r\n\r\n";
    for (int i = 0; i < 2; ++i) {
        const std::string none = ask("GET /hello HTTP/1.1\r\n" + end);
        EXPECT_EQ(status_line(none), "HTTP/1.1 401 Unauthorized");
        EXPECT_NE(none.find("WWW-Authenticate: Basic\r\n"), std::string::npos);
        EXPECT_NE(none.find("X-Frame-Options: deny\r\n"), std::string::npos);
        // ann:wrong
        EXPECT_EQ(
            status_line(ask("GET /hello HTTP/1.1\r\nAuthorization: Basic YW5uOndyb25n\r\n" + end)),
            "HTTP/1.1 401 Unauthorized");
        EXPECT_EQ(status_line(ask("GET /health HTTP/1.1\r\n" + end)), "HTTP/1.1 200 OK");
        EXPECT_EQ(status_line(ask("GET /nowhere HTTP/1.1\r\n" + end)), "HTTP/1.1 401 Unauthorized");
    }
}

TEST_F(HttpServerTest, ServesBelowItsPrefixOnly) {
    options_.path_prefix = "/kw";
    start();
    const std::string end = "Host: localhost\r\nConnection: close\r\n\r\n";
    EXPECT_EQ(body_of(ask("GET /kw/hello HTTP/1.1\r\n" + end)), "hello");
    EXPECT_EQ(status_line(ask("GET /hello HTTP/1.1\r\n" + end)), "HTTP/1.1 404 Not Found");
    EXPECT_EQ(status_line(ask("GET /kwhello HTTP/1.1\r\n" + end)), "HTTP/1.1 404 Not Found");
    const std::string redirect = ask("GET / HTTP/1.1\r\n" + end);
    EXPECT_EQ(status_line(redirect), "HTTP/1.1 302 Found");
    EXPECT_NE(redirect.find("Location: /kw/\r\n"), std::string::npos);
}

TEST_F(HttpServerTest, PagesOfOtherSitesChangeNothing) {
    options_.allowed_hosts = {"ops.example.org"};
    start();
    const std::string end = "Content-Length: 0\r\nConnection: close\r\n\r\n";
    struct Row {
        std::string headers;
        std::string_view status;
    };
    const Row rows[] = {
        {"Host: localhost:9090\r\n", "HTTP/1.1 200 OK"},
        {"Host: 127.0.0.1\r\nOrigin: http://127.0.0.1\r\n", "HTTP/1.1 200 OK"},
        {"Host: ops.example.org\r\nOrigin: https://ops.example.org\r\n", "HTTP/1.1 200 OK"},
        {"Host: localhost\r\nOrigin: https://evil.example\r\n", "HTTP/1.1 403 Forbidden"},
        {"Host: localhost\r\nOrigin: null\r\n", "HTTP/1.1 403 Forbidden"},
        {"Host: localhost\r\nSec-Fetch-Site: cross-site\r\n", "HTTP/1.1 403 Forbidden"},
        {"Host: evil.example:9090\r\nOrigin: http://evil.example:9090\r\n",
         "HTTP/1.1 403 Forbidden"},
        {"Host: evil.example\r\n", "HTTP/1.1 403 Forbidden"},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.headers);
        EXPECT_EQ(status_line(ask("POST /echo HTTP/1.1\r\n" + row.headers + end)), row.status);
    }
}

TEST_F(HttpServerTest, StopLetsRunningRequestsEnd) {
    std::latch started(1);
    std::latch release(1);
    routes_.add("GET", "/slow", [&](const Request&, ResponseWriter& response) {
        started.count_down();
        release.wait();
        (void)response.send(200, "text/plain", "ended");
    });
    start();
    RawClient idle(server_->addresses()[0]);
    RawClient client(server_->addresses()[0]);
    client.say("GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n");
    started.wait();
    std::thread stopper([&] { server_->stop(); });
    EXPECT_EQ(idle.hear_all(), "");  // closed at once
    release.count_down();
    EXPECT_EQ(body_of(client.hear_all()), "ended");
    stopper.join();
}

TEST_F(HttpServerTest, StopCancelsWhatDoesNotEnd) {
    options_.drain_timeout = milliseconds(50);
    std::latch started(1);
    routes_.add("GET", "/wait", [&](const Request& request, ResponseWriter&) {
        started.count_down();
        while (request.cancel.check().ok()) std::this_thread::yield();
    });
    start();
    RawClient client(server_->addresses()[0]);
    client.say("GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n");
    started.wait();
    server_.reset();
    EXPECT_EQ(client.hear_all(), "");
}

TEST_F(HttpServerTest, APortThatIsTakenIsSaid) {
    start();
    options_.listen_addresses = {server_->addresses()[0]};
    const auto second = HttpServer::start(env_, routes_, options_);
    ASSERT_FALSE(second.ok());
    EXPECT_EQ(second.error().code, Code::kConflict);
}

}  // namespace
}  // namespace kw::net
