// Redis as a cache: what it has not, or cannot say in 300 ms, is a miss, never an error of the request.
//
// Exposed: cache_operations_total{operation,result} (get: hit, miss, error; set, flush, ping: ok, error),
// cache_operation_duration_seconds{operation}. After a failed connection it is left alone for 500 ms.
// Threads: all.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kilowatch/metrics.h"
#include "kilowatch/trace.h"

namespace energy {

class Cache final {
 public:
    Cache(int port, std::string password, kilowatch::Registry& registry, kilowatch::Tracer& tracer);
    ~Cache();

    std::optional<std::string> get(const std::string& key);
    void set(const std::string& key, std::string_view value, std::chrono::seconds lifetime);
    bool flush();
    bool ping();

 private:
    struct Link;  // one connection
    struct Answer {
        bool ok = false;
        std::optional<std::string> text;
    };
    Answer command(const char* operation, const std::vector<std::string_view>& words);
    Answer send(const std::vector<std::string_view>& words);

    const int port_;
    const std::string password_;
    kilowatch::Tracer& tracer_;
    kilowatch::CounterFamily& operations_;
    kilowatch::HistogramFamily& seconds_;
    std::mutex mutex_;
    std::vector<std::unique_ptr<Link>> idle_;
    std::chrono::steady_clock::time_point quiet_until_{};
};

}  // namespace energy
