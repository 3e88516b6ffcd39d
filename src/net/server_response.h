// The way from a handler's thread to a connection: ServerResponse puts answers into the form of
// HTTP/1.1, the Outbox holds the bytes until the connection's coroutine has sent them.
//
//   handler ──write()──▶ ServerResponse ──chunks──▶ Outbox ──take()──▶ socket
//
// Invariant: a body either has its Content-Length, or is chunked and ends with the last chunk only
// when the handler finished without abort(): a client can always tell a whole answer.
// Threads: ServerResponse the handler's; Outbox both sides'.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "net/gzip.h"
#include "net/response_writer.h"

namespace kw::net {

class Outbox final {
 public:
    // `wake` tells the connection that there is something to take; called without the lock held.
    Outbox(uint64_t bytes_max, std::function<void()> wake);

    // Waits for room. False when the connection is gone.
    bool put(std::string_view bytes) KW_EXCLUDES(mutex_);
    // Nothing comes after this. `whole`: the answer is complete, and the connection may be used
    // again.
    void finish(bool whole) KW_EXCLUDES(mutex_);
    // The connection is gone: whoever waits for room is let go.
    void break_off() KW_EXCLUDES(mutex_);

    struct Taken {
        std::string bytes;
        bool finished = false;  // and nothing is left
        bool whole = false;
    };
    Taken take() KW_EXCLUDES(mutex_);

 private:
    const uint64_t bytes_max_;
    const std::function<void()> wake_;
    Mutex mutex_;
    CondVar room_;
    std::string bytes_ KW_GUARDED_BY(mutex_);
    bool finished_ KW_GUARDED_BY(mutex_) = false;
    bool whole_ KW_GUARDED_BY(mutex_) = false;
    bool broken_ KW_GUARDED_BY(mutex_) = false;
};

// What the request allows its answer to be.
struct ResponseForm {
    bool is_head = false;
    bool is_http_1_0 = false;
    bool keep_alive = true;
    bool accepts_gzip = false;
    std::string date;
    // Sent unless the handler sets them itself.
    const std::vector<std::pair<std::string, std::string>>* extra_headers = nullptr;
};

class ServerResponse final : public ResponseWriter {
 public:
    // `outbox` outlives this.
    ServerResponse(Outbox& outbox, const ResponseForm& form);

    void set_status(int status) override;
    void set_header(std::string_view name, std::string_view value) override;
    void add_header(std::string_view name, std::string_view value) override;
    bool committed() const override { return committed_; }
    Result<void> write(std::string_view bytes) override;
    Result<void> flush() override;
    void abort() override { aborted_ = true; }

    // Starts over: what was written and not sent is forgotten. Precondition: !committed().
    void reset();
    // Sends what is left and tells the outbox.
    void finish();

    int status() const { return status_; }
    uint64_t body_bytes() const { return body_bytes_; }
    bool closes_connection() const { return !form_.keep_alive; }

 private:
    bool may_have_body() const;
    bool is_compressible() const;
    void commit(bool body_is_whole);
    bool send_piece(bool is_last);

    Outbox& outbox_;
    ResponseForm form_;
    int status_ = 200;
    Headers headers_;
    std::string buffer_;   // written, not encoded yet
    std::string encoded_;  // ready for a chunk
    std::unique_ptr<GzipEncoder> gzip_;
    bool committed_ = false;
    bool chunked_ = false;
    bool aborted_ = false;
    bool gone_ = false;
    uint64_t body_bytes_ = 0;  // as written by the handler
};

}  // namespace kw::net
