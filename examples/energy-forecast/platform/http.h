// HTTP/1.1 as the example's processes speak it: the one adapter around cpp-httplib, which is slow to compile and
// therefore included by http.cc alone.
//
// Limits: 1 MiB a body, 8 KiB a head (the library's), 32 requests at a time; the rest wait. Connections are kept for
// 5 s. Loopback only.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace energy {

struct HttpRequest {
    std::string method;
    std::string path;
    std::string target;                          // path and query as they came
    std::map<std::string, std::string> query;    // the first of each name
    std::map<std::string, std::string> headers;  // names in lower case
    std::string body;

    std::string query_or(const std::string& name, std::string_view otherwise) const;
    std::string header_or(const std::string& name, std::string_view otherwise) const;
};

struct HttpResponse {
    int status = 200;
    std::string content_type = "application/json";
    std::string body;
    std::map<std::string, std::string> headers;
};

class HttpServer final {
 public:
    using Handler = std::function<HttpResponse(const HttpRequest&)>;

    // `handler` answers every request, on the server's threads.
    explicit HttpServer(Handler handler);
    ~HttpServer();  // stops

    // Listens on 127.0.0.1:`port` (0: a free one) and answers in the background; gives the port.
    // Errors: kUnavailable when the port is taken.
    kw::Result<int> start(int port);
    void stop();

 private:
    struct State;
    std::unique_ptr<State> state_;
};

// Calls to one server; keeps a few connections. Threads: all.
class HttpClient final {
 public:
    HttpClient(std::string host, int port, std::chrono::milliseconds timeout);
    ~HttpClient();

    // Errors: kTimeout, kUnavailable (no connection, or it broke); the message names method, address and path.
    kw::Result<HttpResponse> call(const std::string& method, const std::string& target,
                                  const std::map<std::string, std::string>& headers = {},
                                  const std::string& body = {}) const;

 private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace energy
