// A small HTTP server for what a process shows of itself: /metrics and /debug/pprof/profile. A host
// that has a server of its own calls answer() instead and mounts the paths there.
//
// Laws
//   1. GET and HEAD only, one request a connection; a request's head has at most 8 KiB and 5 s to
//      come; an answer at most 30 s to go. Four threads: a fifth client waits in the kernel's queue
//      of 64.
//   2. At most two profiles are taken at a time; more get 429.
//   3. It listens on loopback unless told otherwise; it has neither TLS nor passwords.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "kilowatch/metrics.h"
#include "kilowatch/profile.h"

namespace kilowatch {

struct EndpointAnswer {
    int status = 200;
    std::string content_type = "text/plain; charset=utf-8";
    std::string body = {};
};

// Answers a GET of `target` (path and query). Paths:
//   /metrics                        the registry, in the form that `accept` asks for
//   /debug/pprof/profile?seconds=N  N of 1…300, 30 by default; blocks for that time; `profiler`
//   null: 404.
//                                   &format=legacy for google-pprof
// Everything else is 404.
EndpointAnswer answer(std::string_view target, std::string_view accept, const Registry& registry,
                      CpuProfiler* profiler);

struct EndpointOptions {
    std::string address = "127.0.0.1";  // of IPv4 or IPv6, in numbers
    uint16_t port = 0;                  // 0: a free one, see Endpoint::port()
};

class Endpoint final {
 public:
    // Listens at once. Where that fails port() is 0, and set_diagnostics() has heard why.
    // `registry` and `profiler` (may be null) outlive it.
    Endpoint(const EndpointOptions& options, const Registry& registry, CpuProfiler* profiler);
    ~Endpoint();  // ends open connections
    Endpoint(const Endpoint&) = delete;
    Endpoint& operator=(const Endpoint&) = delete;

    uint16_t port() const;

 private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace kilowatch
