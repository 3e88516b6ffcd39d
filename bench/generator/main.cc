// kw_load: plays the fleet into a server.
//
//   kw_load push URL INSTANCES STEPS INTERVAL_S START_S [CHURN_EVERY]
//       sends STEPS steps by remote write 1.0, 2000 samples a request, timestamps from START_S on;
//       prints one JSON line
//       {"samples":…, "requests":…, "bytes":…, "last_timestamp_ms":…}. Retries 5xx and 429 ten
//       times; any other answer ends it.
//   kw_load serve PORT INSTANCES INTERVAL_S
//       answers GET /INSTANCE/metrics with that instance's scrape; the fleet moves on every
//       INTERVAL_S; ends when its standard input closes.
//   kw_load values INSTANCES STEPS INTERVAL_S
//       prints every value of the last step: what a server must hold.
#include <arpa/inet.h>
#include <curl/curl.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <snappy.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>
#include <thread>

#include "fleet.h"

namespace kw::bench {
namespace {

void put_varint(std::string& out, uint64_t value) {
    while (value >= 0x80) {
        out += static_cast<char>(value | 0x80);
        value >>= 7;
    }
    out += static_cast<char>(value);
}

void put_text(std::string& out, int field, std::string_view text) {
    put_varint(out, static_cast<uint64_t>(field) << 3 | 2);
    put_varint(out, text.size());
    out.append(text);
}

// prometheus.WriteRequest: timeseries = 1 {labels = 1 {name = 1, value = 2}, samples = 2 {value =
// 1, timestamp = 2}}
std::string encode_labels(const Fleet& fleet, size_t instance, size_t index) {
    const Fleet::Series& series = fleet.series(index);
    std::vector<std::pair<std::string, std::string>> labels = series.labels;
    labels.emplace_back("__name__", series.name);
    labels.emplace_back("instance", fleet.instance_name(instance));
    labels.emplace_back("job", std::string(fleet.job(index)));
    std::sort(labels.begin(), labels.end());
    std::string out;
    for (const auto& [name, value] : labels) {
        std::string label;
        put_text(label, 1, name);
        put_text(label, 2, value);
        put_text(out, 1, label);
    }
    return out;
}

void put_series(std::string& out, std::string_view labels, double value, int64_t timestamp_ms) {
    std::string sample;
    sample += '\x09';
    sample.append(reinterpret_cast<const char*>(&value), 8);
    sample += '\x10';
    put_varint(sample, static_cast<uint64_t>(timestamp_ms));
    std::string series(labels);
    put_text(series, 2, sample);
    put_text(out, 1, series);
}

size_t discard(char*, size_t size, size_t count, void*) { return size * count; }

class Sender {
 public:
    explicit Sender(const std::string& url) : curl_(curl_easy_init()) {
        headers_ = curl_slist_append(headers_, "Content-Encoding: snappy");
        headers_ = curl_slist_append(headers_, "Content-Type: application/x-protobuf");
        headers_ = curl_slist_append(headers_, "X-Prometheus-Remote-Write-Version: 0.1.0");
        headers_ = curl_slist_append(headers_, "Expect:");
        curl_easy_setopt(curl_, CURLOPT_URL, url.c_str());
        curl_easy_setopt(curl_, CURLOPT_HTTPHEADER, headers_);
        curl_easy_setopt(curl_, CURLOPT_WRITEFUNCTION, discard);
        curl_easy_setopt(curl_, CURLOPT_TIMEOUT, 60L);
    }
    ~Sender() {
        curl_slist_free_all(headers_);
        curl_easy_cleanup(curl_);
    }
    Sender(const Sender&) = delete;
    Sender& operator=(const Sender&) = delete;

    void send(const std::string& body) {
        std::string wire;
        snappy::Compress(body.data(), body.size(), &wire);
        curl_easy_setopt(curl_, CURLOPT_POSTFIELDS, wire.data());
        curl_easy_setopt(curl_, CURLOPT_POSTFIELDSIZE, static_cast<long>(wire.size()));
        for (int attempt = 0; attempt < 10; ++attempt) {
            long status = 0;
            const CURLcode code = curl_easy_perform(curl_);
            curl_easy_getinfo(curl_, CURLINFO_RESPONSE_CODE, &status);
            if (code == CURLE_OK && status / 100 == 2) {
                ++requests;
                bytes += wire.size();
                return;
            }
            if (code == CURLE_OK && status / 100 != 5 && status != 429) {
                std::fprintf(stderr, "kw_load: the server answered %ld\n", status);
                std::exit(1);
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(200));
        }
        std::fprintf(stderr, "kw_load: no success in ten attempts\n");
        std::exit(1);
    }

    uint64_t requests = 0;
    uint64_t bytes = 0;

 private:
    CURL* curl_;
    curl_slist* headers_ = nullptr;
};

int push(const std::string& node, const std::vector<std::string>& arguments) {
    FleetOptions options;
    options.instances = static_cast<uint32_t>(std::stoul(arguments[1]));
    options.churn_every =
        arguments.size() > 5 ? static_cast<uint32_t>(std::stoul(arguments[5])) : 0;
    Fleet fleet(node, options);
    const uint64_t steps = std::stoull(arguments[2]);
    const double interval_s = std::stod(arguments[3]);
    int64_t timestamp_ms = std::stoll(arguments[4]) * 1000;
    Sender sender(arguments[0]);
    constexpr size_t kSamplesPerRequest = 2000;  // Prometheus' max_samples_per_send

    std::vector<std::vector<std::string>> labels(fleet.instance_count());
    std::vector<std::string> names(fleet.instance_count());
    uint64_t samples = 0;
    for (uint64_t step = 0; step < steps; ++step) {
        fleet.advance(interval_s);
        std::string body;
        size_t in_body = 0;
        for (size_t instance = 0; instance < fleet.instance_count(); ++instance) {
            if (names[instance] != fleet.instance_name(instance)) {
                names[instance] = fleet.instance_name(instance);
                labels[instance].clear();
                for (size_t i = 0; i < fleet.series_per_instance(); ++i) {
                    labels[instance].push_back(encode_labels(fleet, instance, i));
                }
            }
            for (size_t i = 0; i < fleet.series_per_instance(); ++i) {
                put_series(body, labels[instance][i], fleet.values(instance)[i], timestamp_ms);
                ++samples;
                if (++in_body < kSamplesPerRequest) continue;
                sender.send(body);
                body.clear();
                in_body = 0;
            }
        }
        if (in_body > 0) sender.send(body);
        timestamp_ms += static_cast<int64_t>(interval_s * 1000);
    }
    std::printf("{\"samples\":%" PRIu64 ",\"series\":%zu,\"requests\":%" PRIu64
                ",\"bytes\":%" PRIu64 ",\"last_timestamp_ms\":%" PRId64 "}\n",
                samples, fleet.series_count(), sender.requests, sender.bytes,
                timestamp_ms - static_cast<int64_t>(interval_s * 1000));
    return 0;
}

// One thread, blocking writes: a scraper that reads slowly only slows itself and us.
int serve(const std::string& node, const std::vector<std::string>& arguments) {
    FleetOptions options;
    options.instances = static_cast<uint32_t>(std::stoul(arguments[1]));
    Fleet fleet(node, options);
    const auto interval = std::chrono::duration<double>(std::stod(arguments[2]));
    const int server = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int yes = 1;
    ::setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<uint16_t>(std::stoul(arguments[0])));
    if (::bind(server, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(server, 1024) != 0) {
        std::perror("kw_load: listen");
        return 1;
    }
    std::printf("ready\n");
    std::fflush(stdout);
    std::map<int, std::string> clients;
    auto next_step = std::chrono::steady_clock::now() + interval;
    for (;;) {
        if (std::chrono::steady_clock::now() >= next_step) {
            fleet.advance(interval.count());
            next_step += std::chrono::duration_cast<std::chrono::steady_clock::duration>(interval);
        }
        std::vector<pollfd> polled{{server, POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
        for (const auto& [client, text] : clients) polled.push_back({client, POLLIN, 0});
        ::poll(polled.data(), polled.size(), 100);
        if ((polled[1].revents & (POLLIN | POLLHUP)) != 0) return 0;
        if ((polled[0].revents & POLLIN) != 0) {
            const int client = ::accept4(server, nullptr, nullptr, SOCK_CLOEXEC);
            if (client >= 0) clients[client];
        }
        for (size_t i = 2; i < polled.size(); ++i) {
            if (polled[i].revents == 0) continue;
            const int client = polled[i].fd;
            char buffer[8192];
            const ssize_t count = ::read(client, buffer, sizeof buffer);
            std::string& request = clients[client];
            if (count <= 0) {
                ::close(client);
                clients.erase(client);
                continue;
            }
            request.append(buffer, static_cast<size_t>(count));
            const size_t end = request.find("\r\n\r\n");
            if (end == std::string::npos) continue;
            const size_t instance =
                std::strtoul(request.c_str() + std::strlen("GET /"), nullptr, 10);
            request.erase(0, end + 4);
            const std::string body =
                instance < fleet.instance_count() ? fleet.exposition(instance) : "";
            std::string answer =
                "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: " +
                std::to_string(body.size()) + "\r\n\r\n" + body;
            size_t done = 0;
            while (done < answer.size()) {
                const ssize_t written =
                    ::send(client, answer.data() + done, answer.size() - done, MSG_NOSIGNAL);
                if (written <= 0) break;
                done += static_cast<size_t>(written);
            }
        }
    }
}

int values(const std::string& node, const std::vector<std::string>& arguments) {
    FleetOptions options;
    options.instances = static_cast<uint32_t>(std::stoul(arguments[0]));
    Fleet fleet(node, options);
    const uint64_t steps = std::stoull(arguments[1]);
    for (uint64_t step = 0; step < steps; ++step) fleet.advance(std::stod(arguments[2]));
    for (size_t instance = 0; instance < fleet.instance_count(); ++instance) {
        std::printf("# %s\n%s", fleet.instance_name(instance).c_str(),
                    fleet.exposition(instance).c_str());
    }
    return 0;
}

}  // namespace
}  // namespace kw::bench

int main(int argc, char** argv) {
    const std::vector<std::string> arguments(argv + std::min(argc, 2), argv + argc);
    const std::string mode = argc > 1 ? argv[1] : "";
    std::ifstream file(KW_NODE_TEMPLATE);
    std::stringstream node;
    node << file.rdbuf();
    if (mode == "push" && arguments.size() >= 5) return kw::bench::push(node.str(), arguments);
    if (mode == "serve" && arguments.size() == 3) return kw::bench::serve(node.str(), arguments);
    if (mode == "values" && arguments.size() == 3) return kw::bench::values(node.str(), arguments);
    std::cerr << "kw_load push URL INSTANCES STEPS INTERVAL_S START_S [CHURN_EVERY]\n"
                 "kw_load serve PORT INSTANCES INTERVAL_S\n"
                 "kw_load values INSTANCES STEPS INTERVAL_S\n";
    return 2;
}
