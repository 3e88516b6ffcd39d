// Where a handler writes its answer: to a connection, or into memory (RecordedResponse) in a test.
//
//   response.set_header("Content-Type", "text/plain; charset=utf-8");
//   KW_TRY(response.write("one part"));     // as often as there is something to say
//
// Status and headers may be set until the first 64 KiB are written (or flush() is called), after
// which they are on their way. A body that fits in these 64 KiB goes out with a Content-Length, a
// longer one in chunks. Content-Length, Transfer-Encoding, Connection, Date and Content-Encoding
// are the server's: it compresses by itself when the client accepts that. For HEAD the body is
// dropped.
// Threads: the handler's thread only.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "net/fields.h"

namespace kw::net {

class ResponseWriter {
 public:
    virtual ~ResponseWriter() = default;

    // 200 when not called. Without effect once headers are on their way.
    virtual void set_status(int status) = 0;
    virtual void set_header(std::string_view name, std::string_view value) = 0;
    // Adds a further field of the same name.
    virtual void add_header(std::string_view name, std::string_view value) = 0;
    // True once headers are on their way: the status cannot be changed any more.
    virtual bool committed() const = 0;

    // Copies `bytes` and returns when the connection has room for more, which is the back pressure.
    // Errors: kCancelled when the client has gone; further calls then do nothing.
    virtual Result<void> write(std::string_view bytes) = 0;
    // Sends what was written so far on its way.
    virtual Result<void> flush() = 0;
    // Ends the connection in the middle of the body, so that the client knows it is not whole: for
    // an error after committed().
    virtual void abort() = 0;

    // A whole answer.
    Result<void> send(int status, std::string_view content_type, std::string_view body);
};

// Keeps what was written.
class RecordedResponse final : public ResponseWriter {
 public:
    void set_status(int status) override { status_ = status; }
    void set_header(std::string_view name, std::string_view value) override {
        headers_.set(name, value);
    }
    void add_header(std::string_view name, std::string_view value) override {
        headers_.add(name, value);
    }
    bool committed() const override { return false; }
    Result<void> write(std::string_view bytes) override;
    Result<void> flush() override { return {}; }
    void abort() override { aborted_ = true; }

    int status() const { return status_; }
    const Headers& headers() const { return headers_; }
    const std::string& body() const { return body_; }
    bool aborted() const { return aborted_; }

 private:
    int status_ = 200;
    Headers headers_;
    std::string body_;
    bool aborted_ = false;
};

// "Not Found" for 404; empty when unknown.
std::string_view status_text(int status);

}  // namespace kw::net
