// Bytes of a connection -> one request after the other: Beast's parser behind our own read loop.
//
//   RequestReader reader(limits);
//   reader.feed(bytes)  …until header_done()   // request() has method, target, headers
//   reader.begin_body(limit, decode)  // the route is known now, and so is the body's limit
//   reader.feed(bytes)  …until done()          // request().body
//   reader.next()                              // bytes that were fed beyond are kept: pipelining
//
// Refused, since two readers could disagree about where such a request ends or whom it is for:
// Content-Length beside Transfer-Encoding, several different lengths, a transfer coding other than
// chunked, several Host fields or (in HTTP/1.1) none, a version other than 1.0 and 1.1.
// Threads: one at a time. Source: RFC 9112.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/fields.h"

namespace kw::net {

// What an error says to the client.
struct RequestError {
    int status = 400;
    std::string message;
};

class RequestReader final {
 public:
    explicit RequestReader(uint32_t header_bytes_max);
    ~RequestReader();
    RequestReader(const RequestReader&) = delete;
    RequestReader& operator=(const RequestReader&) = delete;

    struct Head {
        std::string method;
        std::string target;  // origin form; the authority of an absolute form is in Host
        Headers headers;
        bool keep_alive = true;
        bool is_http_1_0 = false;
        bool expects_continue = false;
        bool has_body = false;
    };

    // Takes bytes and reads as far as they go: to the end of the header, or after begin_body() to
    // the request's end. After an error the connection is of no use.
    std::optional<RequestError> feed(std::string_view bytes);
    // The header is complete: head() may be read, and begin_body() is awaited.
    bool header_done() const;
    const Head& head() const;
    // True once any byte of the request has come.
    bool started() const;

    // `body_bytes_max` counts what the handler will get: after decompression when `decode`.
    std::optional<RequestError> begin_body(uint64_t body_bytes_max, bool decode);
    bool done() const;
    uint64_t body_bytes() const;  // so far
    std::string take_body();

    // Starts over with what is left of the bytes fed. Precondition: done().
    std::optional<RequestError> next();
    // Bytes fed and not used yet.
    size_t buffered_bytes() const;

 private:
    struct State;
    std::optional<RequestError> advance();
    std::unique_ptr<State> state_;
};

}  // namespace kw::net
