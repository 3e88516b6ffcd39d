// OAuth2 tokens by the settings they were fetched with, until shortly before they expire; and what
// was learnt of their endpoints. The settings are compared whole, the secret's text included, so a
// file with a new secret is a new source.
// Bounds: kSourcesMax sources; the one not used for longest is forgotten first.
// Threads: all members from any thread. Times are nanoseconds of a steady clock.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "net/oauth2.h"

namespace kw::net {

class TokenCache final {
 public:
    static constexpr size_t kSourcesMax = 1024;
    // A token is not sent in its last seconds, since it is still under way then.
    static constexpr int64_t kMarginNs = 10'000'000'000;

    struct Found {
        uint64_t source = 0;        // for the members below
        std::string authorization;  // empty: none that holds
        ClientAuth auth = ClientAuth::kUnknown;
        std::optional<Error> failure;  // of a fetch at most `retry_ns` ago
    };

    TokenCache(int64_t retry_ns, int64_t renewal_ns)
        : retry_ns_(retry_ns), renewal_ns_(renewal_ns) {}

    // Makes a source where there is none.
    Found find(const OAuth2Options& options, std::string_view secret, int64_t now_ns)
        KW_EXCLUDES(mutex_);
    // A fetch succeeded, with the secret at `auth`. An unknown source is fine.
    void keep(uint64_t source, const Token& token, ClientAuth auth, int64_t now_ns)
        KW_EXCLUDES(mutex_);
    // A fetch failed.
    void fail(uint64_t source, const Error& error, int64_t now_ns) KW_EXCLUDES(mutex_);
    // A request with this token was answered with 401: it may have been revoked. It is forgotten
    // when it is `renewal_ns` old, so that a server that refuses us always costs few tokens.
    void reject(uint64_t source, std::string_view authorization, int64_t now_ns)
        KW_EXCLUDES(mutex_);

 private:
    struct Source {
        uint64_t id = 0;
        OAuth2Options options;
        std::string secret;
        std::string authorization;
        int64_t fetched_ns = 0;
        int64_t valid_until_ns = 0;
        ClientAuth auth = ClientAuth::kUnknown;
        std::optional<Error> failure;
        int64_t failed_ns = 0;
        int64_t used_ns = 0;
    };
    Source* source(uint64_t id) KW_REQUIRES(mutex_);

    const int64_t retry_ns_;
    const int64_t renewal_ns_;
    Mutex mutex_;
    uint64_t next_id_ KW_GUARDED_BY(mutex_) = 1;
    std::vector<Source> sources_ KW_GUARDED_BY(mutex_);
};

}  // namespace kw::net
