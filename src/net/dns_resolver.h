// Looks up records of DNS through c-ares: many at a time on one thread, with the servers and search domains of
// resolv.conf, which is read again whenever nothing is under way.
//
// A name that does not exist, or has no record of the type under any search domain, is an answer without records, not an
// error.
// Threads: lookup() from any; callbacks are called on the resolver's own.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"

namespace kw::net {

enum class DnsRecordType : unsigned char { kA, kAaaa, kMx, kNs, kSrv };

struct DnsRecord {
    std::string target;  // an address as text; of the other types a name with its final dot
    uint16_t port = 0;   // of kSrv
    bool operator==(const DnsRecord&) const = default;
};

class DnsResolver final {
 public:
    struct Options {
        std::string resolv_conf = "/etc/resolv.conf";
        std::string servers;  // "address:port,…" in place of those of resolv.conf
        int timeout_ms =
            5'000;  // of the first try; each round over the servers takes twice as long
        int tries = 2;
    };
    using Answer = Result<std::vector<DnsRecord>>;
    using Callback = std::function<void(Answer)>;

    DnsResolver();
    explicit DnsResolver(Options options);
    // Ends what is under way with kCancelled.
    ~DnsResolver();
    DnsResolver(const DnsResolver&) = delete;
    DnsResolver& operator=(const DnsResolver&) = delete;

    // `callback` is called once. Its errors: kInvalid (no name of DNS), kTimeout (no server answers in time),
    // kUnavailable (refused or of no use), kCancelled.
    void lookup(std::string name, DnsRecordType type, Callback callback);

 private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace kw::net
