#include "net/server_response.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"

namespace kw::net {
namespace {

constexpr size_t kChunkBytes =
    64 << 10;  // a chunk, and what is kept back in the hope of a Content-Length
constexpr size_t kGzipBytesMin = 1024;  // below, the saving is less than a packet

// The server's own, whoever sets them.
constexpr std::string_view kReserved[] = {"Content-Length", "Transfer-Encoding", "Connection",
                                          "Date"};

bool is_reserved(std::string_view name) {
    return std::ranges::any_of(
        kReserved, [&](std::string_view own) { return equals_ignoring_case(own, name); });
}

}  // namespace

Outbox::Outbox(uint64_t bytes_max, std::function<void()> wake)
    : bytes_max_(bytes_max), wake_(std::move(wake)) {}

bool Outbox::put(std::string_view bytes) {
    {
        MutexLock lock(mutex_);
        while (!broken_ && bytes_.size() >= bytes_max_) room_.wait(mutex_);
        if (broken_) return false;
        bytes_ += bytes;
    }
    wake_();
    return true;
}

void Outbox::finish(bool whole) {
    {
        MutexLock lock(mutex_);
        finished_ = true;
        whole_ = whole;
    }
    wake_();
}

void Outbox::break_off() {
    MutexLock lock(mutex_);
    broken_ = true;
    bytes_.clear();
    room_.notify_all();
}

Outbox::Taken Outbox::take() {
    Taken taken;
    MutexLock lock(mutex_);
    taken.bytes.swap(bytes_);
    taken.finished = finished_;
    taken.whole = whole_;
    room_.notify_all();
    return taken;
}

ServerResponse::ServerResponse(Outbox& outbox, const ResponseForm& form)
    : outbox_(outbox), form_(form) {}

void ServerResponse::set_status(int status) {
    KW_CHECK(status >= 200 && status <= 999);
    if (!committed_) status_ = status;
}

void ServerResponse::set_header(std::string_view name, std::string_view value) {
    KW_CHECK(is_token(name) && is_field_value(value) && !is_reserved(name));
    if (!committed_) headers_.set(name, value);
}

void ServerResponse::add_header(std::string_view name, std::string_view value) {
    KW_CHECK(is_token(name) && is_field_value(value) && !is_reserved(name));
    if (!committed_) headers_.add(name, value);
}

Result<void> ServerResponse::write(std::string_view bytes) {
    body_bytes_ += bytes.size();
    while (!gone_ && !bytes.empty()) {
        const size_t count =
            std::min(bytes.size(), kChunkBytes - std::min(kChunkBytes, buffer_.size()));
        buffer_ += bytes.substr(0, count);
        bytes.remove_prefix(count);
        if (buffer_.size() >= kChunkBytes) gone_ = !send_piece(false);
    }
    if (gone_) return cancelled("the client has gone");
    return {};
}

Result<void> ServerResponse::flush() {
    if (!gone_) gone_ = !send_piece(false);
    if (!gone_ && gzip_) {
        gzip_->flush(encoded_);
        gone_ = !send_piece(false);
    }
    if (gone_) return cancelled("the client has gone");
    return {};
}

void ServerResponse::reset() {
    KW_CHECK(!committed_);
    status_ = 200;
    headers_ = Headers();
    buffer_.clear();
    body_bytes_ = 0;
}

void ServerResponse::finish() {
    const bool whole = !aborted_ && !gone_ && send_piece(true);
    outbox_.finish(whole);
}

bool ServerResponse::may_have_body() const { return status_ != 204 && status_ != 304; }

bool ServerResponse::is_compressible() const {
    if (headers_.has("Content-Encoding") || status_ == 206 || !may_have_body()) return false;
    const std::string_view type = headers_.get("Content-Type");
    if (type.starts_with("text/")) return !type.starts_with("text/event-stream");
    return type.find("json") != std::string_view::npos ||
           type.find("xml") != std::string_view::npos ||
           type.find("javascript") != std::string_view::npos ||
           type.starts_with("application/openmetrics-text") || type.starts_with("application/wasm");
}

// Decides how the body is framed and encoded, and sends the header.
void ServerResponse::commit(bool body_is_whole) {
    committed_ = true;
    const bool compressible = is_compressible();
    const bool use_gzip =
        compressible && form_.accepts_gzip && (!body_is_whole || buffer_.size() >= kGzipBytesMin);
    if (use_gzip) gzip_ = std::make_unique<GzipEncoder>();

    std::string head;
    head.reserve(512);
    fmt::format_to(std::back_inserter(head), "HTTP/1.1 {} {}\r\nDate: {}\r\n", status_,
                   status_text(status_), form_.date);
    for (const auto& [name, value] : headers_) {
        fmt::format_to(std::back_inserter(head), "{}: {}\r\n", name, value);
    }
    if (form_.extra_headers) {
        for (const auto& [name, value] : *form_.extra_headers) {
            if (!headers_.has(name))
                fmt::format_to(std::back_inserter(head), "{}: {}\r\n", name, value);
        }
    }
    if (compressible) head += "Vary: Accept-Encoding\r\n";
    if (use_gzip) head += "Content-Encoding: gzip\r\n";
    if (body_is_whole) {
        if (use_gzip) {
            gzip_->encode(buffer_, encoded_);
            gzip_->finish(encoded_);
            gzip_.reset();
        } else {
            encoded_.swap(buffer_);
        }
        buffer_.clear();
        if (may_have_body()) {
            fmt::format_to(std::back_inserter(head), "Content-Length: {}\r\n", encoded_.size());
        } else {
            encoded_.clear();
        }
    } else if (form_.is_http_1_0) {
        form_.keep_alive = false;  // the end of the connection is the end of the body
    } else if (may_have_body()) {
        chunked_ = true;
        head += "Transfer-Encoding: chunked\r\n";
    }
    if (!form_.keep_alive) {
        head += "Connection: close\r\n";
    } else if (form_.is_http_1_0) {
        head += "Connection: keep-alive\r\n";
    }
    head += "\r\n";
    if (form_.is_head) encoded_.clear();
    if (!chunked_) {
        head += encoded_;
        encoded_.clear();
    }
    gone_ = !outbox_.put(head);
}

// Encodes what is buffered and hands it on. False when the connection is gone.
bool ServerResponse::send_piece(bool is_last) {
    if (!committed_) commit(is_last);
    if (gone_) return false;
    if (gzip_) {
        gzip_->encode(buffer_, encoded_);
        if (is_last) gzip_->finish(encoded_);
    } else {
        encoded_ += buffer_;
    }
    buffer_.clear();
    if (form_.is_head || !may_have_body()) {
        encoded_.clear();
        return true;
    }
    if (chunked_) {
        std::string framed;
        if (!encoded_.empty()) framed = fmt::format("{:x}\r\n{}\r\n", encoded_.size(), encoded_);
        if (is_last) framed += "0\r\n\r\n";
        encoded_.clear();
        return framed.empty() || outbox_.put(framed);
    }
    const bool sent = encoded_.empty() || outbox_.put(encoded_);
    encoded_.clear();
    return sent;
}

}  // namespace kw::net
