// Black-box probes: whether something answers, how fast, and for how long its certificate is good.
//
//   kind      target                   success is
//   http      http(s)://host/path      a status of those wanted, and a body that the expressions want
//   tcp       host:port                a connection; with `tls_config` a handshake too
//   tls       host:port                a handshake with a certificate that is verified
//   dns       host:port of a server    an answer with the wanted code and at least one record
//   postgres  connection string        connect and SELECT 1
//   redis     host:port                connect and PING
//
// Names are blackbox_exporter's. A probe that fails is a good scrape with `probe_success 0`, and its reason as label of
// probe_failure_info. With `component` the result is also health_component_status{service,component}, beside those
// that services tell of themselves.
// Threads: a source belongs to its worker.
#pragma once

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "collect/probe/dns_message.h"
#include "collect/redis/client.h"
#include "collect/remote/fetch.h"
#include "collect/remote/secret.h"
#include "collect/remote/worker.h"
#include "net/http_client.h"

namespace kw::collect {

class FamilySet;

struct HttpProbe {
    std::string url{};
    std::string method = "GET";
    net::HttpClientOptions client{};
    std::vector<int> statuses{};        // empty: 200 to 299
    std::vector<std::string> wanted{};  // regular expressions (RE2): each must be found in the body
    std::vector<std::string> not_wanted{};  // none may be found
    bool operator==(const HttpProbe&) const = default;
};
struct TcpProbe {
    HostPort where{};
    std::optional<net::TlsClientOptions> tls{};
    bool operator==(const TcpProbe&) const = default;
};
struct DnsProbe {
    HostPort server{};
    std::string name{};
    DnsType type = DnsType::kA;
    bool operator==(const DnsProbe&) const = default;
};
struct PostgresProbe {
    std::string dsn{};
    SecretSource password{};
    bool operator==(const PostgresProbe&) const = default;
};
struct RedisProbe {
    RedisServer server{};
    bool operator==(const RedisProbe&) const = default;
};

struct ProbeOptions {
    std::variant<HttpProbe, TcpProbe, DnsProbe, PostgresProbe, RedisProbe> what{};
    std::string service{};    // of health_component_status
    std::string component{};  // empty: no such series
    bool operator==(const ProbeOptions&) const = default;
};

inline constexpr size_t kProbeBodyBytesMax = 1 << 20;
inline constexpr size_t kProbeReasonBytesMax = 200;

// Each adds its families; the error is why the probe failed. By file: probe_http.cc, probe_tcp.cc, probe_dns.cc,
// probe_servers.cc.
Result<void> run_probe(const HttpProbe& probe, net::Fetcher& fetcher, const Deadline& deadline,
                       FamilySet& families);
Result<void> run_probe(const TcpProbe& probe, const Deadline& deadline, FamilySet& families);
Result<void> run_probe(const DnsProbe& probe, const Deadline& deadline, FamilySet& families);
Result<void> run_probe(const PostgresProbe& probe, const Deadline& deadline, FamilySet& families);
Result<void> run_probe(const RedisProbe& probe, const Deadline& deadline, FamilySet& families);

class ProbeSource final : public RemoteSource {
 public:
    // `fetcher` outlives it.
    ProbeSource(net::Fetcher& fetcher, ProbeOptions options);

    Result<void> collect(const Deadline& deadline, std::string& out) override;

 private:
    net::Fetcher& fetcher_;
    const ProbeOptions options_;
};

}  // namespace kw::collect
