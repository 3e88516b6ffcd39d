// The HTTP server of /metrics and profiles: four threads that accept, read one head, answer, and
// close.
//
// One request a connection, since scrapers come every few seconds: no connection holds a thread
// between them, and there is no pipelining and no body to read. Debian's cpp-httplib would bring a
// shared library with brotli, SO_REUSEPORT (two processes on one port without a word), and bodies
// and header counts without a bound. Stopping: an eventfd that every wait polls beside its socket,
// so that the destructor needs no time-out.
#include "kilowatch/endpoint.h"

#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <optional>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "diagnostics.h"
#include "endpoint_request.h"
#include "kilowatch/exposition.h"
#include "worker_thread.h"

namespace kilowatch {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr int kThreads = 4;
constexpr int kBacklog = 64;
constexpr milliseconds kHeadTimeout{5'000};
constexpr milliseconds kAnswerTimeout{30'000};
constexpr int kProfilesMax = 2;
constexpr int kProfileSecondsMax = 300;
constexpr int kProfileSeconds = 30;

EndpointAnswer plain(int status, std::string_view text) {
    EndpointAnswer answer;
    answer.status = status;
    answer.body = std::string(text) + "\n";
    return answer;
}

EndpointAnswer answer_profile(std::string_view query, CpuProfiler& profiler) {
    static std::atomic<int> running{0};
    int seconds = kProfileSeconds;
    if (const auto text = query_parameter(query, "seconds")) {
        const auto [end, error] =
            std::from_chars(text->data(), text->data() + text->size(), seconds);
        if (error != std::errc() || end != text->data() + text->size() || seconds < 1 ||
            seconds > kProfileSecondsMax)
            return plain(400, "seconds must be a whole number of 1 to 300");
    }
    if (running.fetch_add(1) >= kProfilesMax) {
        running.fetch_sub(1);
        return plain(429, "two profiles are being taken already");
    }
    EndpointAnswer answer;
    answer.content_type = "application/octet-stream";
    const milliseconds duration = std::chrono::seconds(seconds);
    answer.body = query_parameter(query, "format") == "legacy" ? profiler.profile_legacy(duration)
                                                               : profiler.profile(duration);
    running.fetch_sub(1);
    if (answer.body.empty()) return plain(503, "the profiler could not run; another one may");
    return answer;
}

std::string_view reason_of(int status) {
    switch (status) {
        case 200: return "OK";
        case 400: return "Bad Request";
        case 404: return "Not Found";
        case 405: return "Method Not Allowed";
        case 408: return "Request Timeout";
        case 429: return "Too Many Requests";
        case 431: return "Request Header Fields Too Large";
        case 503: return "Service Unavailable";
        default: return "Error";
    }
}

std::string to_bytes(const EndpointAnswer& answer, bool with_body) {
    std::string out = "HTTP/1.1 " + std::to_string(answer.status) + " ";
    out.append(reason_of(answer.status)).append("\r\nContent-Type: ").append(answer.content_type);
    out += "\r\nContent-Length: " + std::to_string(answer.body.size());
    if (answer.status == 405) out += "\r\nAllow: GET, HEAD";
    out += "\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n";
    if (with_body) out += answer.body;
    return out;
}

class Descriptor final {
 public:
    explicit Descriptor(int fd) : fd_(fd) {}
    ~Descriptor() {
        if (fd_ >= 0) close(fd_);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    int get() const { return fd_; }

 private:
    int fd_;
};

}  // namespace

EndpointAnswer answer(std::string_view target, std::string_view accept, const Registry& registry,
                      CpuProfiler* profiler) {
    const size_t mark = target.find('?');
    const std::string_view path = target.substr(0, mark);
    const std::string_view query =
        mark == std::string_view::npos ? std::string_view{} : target.substr(mark + 1);
    if (path == "/metrics") {
        Exposition exposition = expose(registry, accept);
        return {200, std::string(exposition.content_type), std::move(exposition.body)};
    }
    if (path == "/debug/pprof/profile" && profiler) return answer_profile(query, *profiler);
    return plain(404, "here are /metrics and /debug/pprof/profile");
}

struct Endpoint::State {
    State(const Registry& registry_, CpuProfiler* profiler_)
        : registry(registry_), profiler(profiler_) {}

    // False: stopping, the deadline, or an error of poll.
    bool wait(int fd, short events, steady_clock::time_point deadline) const {
        for (;;) {
            const auto left =
                std::chrono::ceil<milliseconds>(deadline - steady_clock::now()).count();
            if (left <= 0) return false;
            std::array<pollfd, 2> waits{{{fd, events, 0}, {stop.get(), POLLIN, 0}}};
            const int ready = poll(waits.data(), waits.size(), static_cast<int>(left));
            if (ready < 0 && errno == EINTR) continue;
            return ready > 0 && waits[1].revents == 0;
        }
    }
    bool stopping() const {
        pollfd one{stop.get(), POLLIN, 0};
        return poll(&one, 1, 0) != 0;
    }

    void accept_loop() {
        while (!stopping()) {
            if (!wait(listener->get(), POLLIN, steady_clock::now() + std::chrono::hours(1)))
                continue;
            const Descriptor client(
                accept4(listener->get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
            if (client.get() >= 0) {
                serving.fetch_add(1);
                serve(client.get());
                serving.fetch_sub(1);
            } else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM) {
                // Nothing can be accepted until the host closes something: do not spin meanwhile.
                wait(stop.get(), POLLIN, steady_clock::now() + milliseconds(100));
            }
        }
    }

    void serve(int client) const {
        const auto deadline = steady_clock::now() + kHeadTimeout;
        std::string head;
        for (;;) {
            if (find_head_end(head) != std::string::npos) break;
            if (head.size() > kHeadBytesMax) return send(client, plain(431, "too long"), true);
            if (!wait(client, POLLIN, deadline)) {
                if (!stopping() && !head.empty()) send(client, plain(408, "too slow"), true);
                return;
            }
            std::array<char, 4096> bytes;
            const ssize_t count = recv(client, bytes.data(), bytes.size(), 0);
            if (count == 0) return;
            if (count < 0 && (errno == EAGAIN || errno == EINTR)) continue;
            if (count < 0) return;
            head.append(bytes.data(), count);
        }
        const std::optional<EndpointRequest> request = parse_request(head);
        if (!request) return send(client, plain(400, "not HTTP/1.x"), true);
        if (request->method != "GET" && request->method != "HEAD")
            return send(client, plain(405, "GET and HEAD only"), true);
        send(client, answer(request->target, request->accept, registry, profiler),
             request->method == "GET");
    }

    void send(int client, const EndpointAnswer& what, bool with_body) const {
        const std::string bytes = to_bytes(what, with_body);
        const auto deadline = steady_clock::now() + kAnswerTimeout;
        size_t sent = 0;
        while (sent < bytes.size()) {
            const ssize_t count =
                ::send(client, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
            if (count > 0) {
                sent += count;
            } else if (count < 0 && errno == EINTR) {
                continue;
            } else if (count < 0 && errno == EAGAIN) {
                if (!wait(client, POLLOUT, deadline)) return;
            } else {
                return;
            }
        }
        shutdown(client, SHUT_WR);
    }

    const Registry& registry;
    CpuProfiler* profiler;
    uint16_t port = 0;
    std::atomic<int> serving{0};  // requests
    Descriptor stop{eventfd(0, EFD_CLOEXEC)};
    std::optional<Descriptor> listener;
    std::vector<std::jthread> threads;
};

namespace {

// The errno of what failed, 0 when it listens.
int listen_on(int fd, const EndpointOptions& options, uint16_t& port) {
    sockaddr_storage address{};
    socklen_t size = 0;
    if (auto* four = reinterpret_cast<sockaddr_in*>(&address);
        inet_pton(AF_INET, options.address.c_str(), &four->sin_addr) == 1) {
        four->sin_family = AF_INET;
        four->sin_port = htons(options.port);
        size = sizeof *four;
    } else if (auto* six = reinterpret_cast<sockaddr_in6*>(&address);
               inet_pton(AF_INET6, options.address.c_str(), &six->sin6_addr) == 1) {
        six->sin6_family = AF_INET6;
        six->sin6_port = htons(options.port);
        size = sizeof *six;
    } else {
        return EINVAL;
    }
    const int yes = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(fd, reinterpret_cast<sockaddr*>(&address), size) != 0) return errno;
    if (listen(fd, kBacklog) != 0) return errno;
    if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return errno;
    port =
        ntohs(address.ss_family == AF_INET ? reinterpret_cast<sockaddr_in*>(&address)->sin_port
                                           : reinterpret_cast<sockaddr_in6*>(&address)->sin6_port);
    return 0;
}

}  // namespace

Endpoint::Endpoint(const EndpointOptions& options, const Registry& registry, CpuProfiler* profiler)
    : state_(std::make_unique<State>(registry, profiler)) {
    const int family = options.address.find(':') == std::string::npos ? AF_INET : AF_INET6;
    state_->listener.emplace(socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const int fd = state_->listener->get();
    const int error =
        fd < 0 ? errno : (state_->stop.get() < 0 ? EMFILE : listen_on(fd, options, state_->port));
    if (error != 0) {
        state_->port = 0;
        diagnose("endpoint " + options.address + " port " + std::to_string(options.port) + ": " +
                 std::strerror(error) + "; choose another address or port");
        return;
    }
    try {
        for (int i = 0; i < kThreads; ++i)
            state_->threads.push_back(
                start_worker("kw-endpoint", [state = state_.get()] { state->accept_loop(); }));
    } catch (const std::exception& failure) {
        diagnose(std::string("endpoint: no thread: ") + failure.what());
    }
}

Endpoint::~Endpoint() {
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = write(state_->stop.get(), &one, sizeof one);
    // A thread that had its request already may begin a profile only now.
    while (state_->profiler && state_->serving.load() > 0) {
        state_->profiler->cancel_profiles();
        std::this_thread::sleep_for(milliseconds(1));
    }
}

uint16_t Endpoint::port() const { return state_->port; }

}  // namespace kilowatch
