// A connection to a Redis server: commands and their replies, one at a time.
//
// Our own rather than libhiredis: Debian's 0.14 knows no TLS and no version 3 of the protocol, and its blocking calls
// have time-outs of their own instead of one deadline; what is needed of it is a reader of replies (resp.h) over a
// Stream.
// Threads: belongs to one.
#pragma once

#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "collect/redis/resp.h"
#include "collect/remote/secret.h"
#include "collect/remote/stream.h"
#include "net/tls_options.h"

namespace kw::collect {

struct RedisServer {
    HostPort where{};
    std::optional<net::TlsClientOptions> tls{};
    std::string username{};  // of an ACL; empty: the default user
    SecretSource password{};
    bool operator==(const RedisServer&) const = default;
};

class RedisClient final {
 public:
    // Connects and authenticates. Errors: kUnavailable, kDenied (the server's words), kTimeout, kCancelled; those of
    // the password's file.
    static Result<std::unique_ptr<RedisClient>> open(const RedisServer& server,
                                                     const Deadline& deadline);

    // The reply; an error reply is kInvalid with the server's words, and leaves the connection as it was.
    // Errors: kUnavailable, kExhausted (a reply over its bounds), kTimeout, kCancelled: all of them break it.
    Result<RespValue> command(std::initializer_list<std::string_view> words,
                              const Deadline& deadline);

 private:
    explicit RedisClient(std::unique_ptr<Stream> stream) : stream_(std::move(stream)) {}

    const std::unique_ptr<Stream> stream_;
    std::string unread_;
};

}  // namespace kw::collect
