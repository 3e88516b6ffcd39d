#include "platform/http.h"

#define CPPHTTPLIB_FORM_URL_ENCODED_PAYLOAD_MAX_LENGTH (1 << 20)
#include <httplib.h>

#include <algorithm>
#include <mutex>
#include <thread>
#include <vector>

namespace energy {
namespace {

constexpr size_t kThreads = 32;
constexpr size_t kBodyBytesMax = 1 << 20;
constexpr size_t kIdleClientsMax = 6;

std::string lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return text;
}

std::string find_or(const std::map<std::string, std::string>& map, const std::string& name,
                    std::string_view otherwise) {
    const auto found = map.find(name);
    return found == map.end() ? std::string(otherwise) : found->second;
}

HttpRequest from_library(const httplib::Request& in) {
    HttpRequest request;
    request.method = in.method;
    request.path = in.path;
    request.target = in.target;
    for (const auto& [name, value] : in.params) request.query.emplace(name, value);
    for (const auto& [name, value] : in.headers) request.headers.emplace(lower(name), value);
    request.body = in.body;
    return request;
}

}  // namespace

std::string HttpRequest::query_or(const std::string& name, std::string_view otherwise) const {
    return find_or(query, name, otherwise);
}
std::string HttpRequest::header_or(const std::string& name, std::string_view otherwise) const {
    return find_or(headers, name, otherwise);
}

struct HttpServer::State {
    httplib::Server server;
    Handler handler;
    std::jthread thread;
};

HttpServer::HttpServer(Handler handler) : state_(std::make_unique<State>()) {
    state_->handler = std::move(handler);
    httplib::Server& server = state_->server;
    server.new_task_queue = [] { return new httplib::ThreadPool(kThreads); };
    server.set_payload_max_length(kBodyBytesMax);
    server.set_keep_alive_timeout(5);
    server.set_keep_alive_max_count(10'000);
    server.set_tcp_nodelay(true);
    server.set_socket_options([](socket_t socket) {
        const int yes =
            1;  // REUSEADDR alone: the library's default of REUSEPORT would share a taken port
        setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    });
    const auto answer = [this](const httplib::Request& in, httplib::Response& out) {
        HttpResponse response = state_->handler(from_library(in));
        out.status = response.status;
        for (const auto& [name, value] : response.headers) out.set_header(name, value);
        out.set_content(std::move(response.body), response.content_type);
    };
    server.Get(".*", answer).Post(".*", answer).Delete(".*", answer).Put(".*", answer);
}

HttpServer::~HttpServer() { stop(); }

kw::Result<int> HttpServer::start(int port) {
    const int bound = port == 0 ? state_->server.bind_to_any_port("127.0.0.1")
                                : (state_->server.bind_to_port("127.0.0.1", port) ? port : -1);
    if (bound < 0) return kw::unavailable("port {} of 127.0.0.1 is taken", port);
    state_->thread = std::jthread([this] { state_->server.listen_after_bind(); });
    while (!state_->server.is_running())  // stop() before that would be lost
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return bound;
}

void HttpServer::stop() {
    state_->server.stop();
    if (state_->thread.joinable()) state_->thread.join();
}

struct HttpClient::State {
    std::string host;
    int port;
    std::chrono::milliseconds timeout;
    std::mutex mutex;
    std::vector<std::unique_ptr<httplib::Client>> idle;

    std::unique_ptr<httplib::Client> take() {
        {
            const std::scoped_lock lock(mutex);
            if (!idle.empty()) {
                auto client = std::move(idle.back());
                idle.pop_back();
                return client;
            }
        }
        auto client = std::make_unique<httplib::Client>(host, port);
        client->set_keep_alive(true);
        client->set_tcp_nodelay(true);
        client->set_connection_timeout(timeout);
        client->set_read_timeout(timeout);
        client->set_write_timeout(timeout);
        return client;
    }
    void give_back(std::unique_ptr<httplib::Client> client) {
        const std::scoped_lock lock(mutex);
        if (idle.size() < kIdleClientsMax) idle.push_back(std::move(client));
    }
};

HttpClient::HttpClient(std::string host, int port, std::chrono::milliseconds timeout)
    : state_(new State{std::move(host), port, timeout, {}, {}}) {}
HttpClient::~HttpClient() = default;

kw::Result<HttpResponse> HttpClient::call(const std::string& method, const std::string& target,
                                          const std::map<std::string, std::string>& headers,
                                          const std::string& body) const {
    std::unique_ptr<httplib::Client> client = state_->take();
    httplib::Request request;
    request.method = method;
    request.path = target;
    request.headers.insert(headers.begin(), headers.end());
    if (!body.empty() || method == "POST") {
        request.body = body;
        request.headers.emplace("Content-Type", "application/json");
    }
    const httplib::Result result = client->send(request);
    if (!result) {
        const std::string where =
            fmt::format("{} http://{}:{}{}: {}", method, state_->host, state_->port,
                        target.substr(0, 200), httplib::to_string(result.error()));
        if (result.error() == httplib::Error::Read) return kw::timed_out("{}", where);
        return kw::unavailable("{}", where);
    }
    HttpResponse response;
    response.status = result->status;
    response.body = result->body;
    response.content_type = result->get_header_value("Content-Type");
    for (const auto& [name, value] : result->headers) response.headers.emplace(lower(name), value);
    state_->give_back(std::move(client));
    return response;
}

}  // namespace energy
