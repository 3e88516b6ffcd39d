#include "net/request_reader.h"

#include <boost/beast/core/buffers_range.hpp>
#include <boost/beast/http/parser.hpp>

#include "base/check.h"
#include "net/gzip.h"
#include "net/zstd_decoder.h"

namespace kw::net {
namespace {

namespace http = boost::beast::http;
using boost::system::error_code;

// Where a body goes, and what went wrong on the way there.
struct BodySink {
    std::string body;
    uint64_t bytes_max = 0;
    std::unique_ptr<BodyDecoder> decoder;
    std::optional<RequestError> error;

    void take(std::string_view bytes) {
        if (decoder) {
            const Result<void> decoded = decoder->decode(bytes, body);
            if (!decoded.ok()) refuse(decoded.error());
        } else if (bytes.size() > bytes_max - body.size()) {
            error = too_long();
        } else {
            body += bytes;
        }
    }
    void finish() {
        if (!decoder) return;
        const Result<void> complete = decoder->finish();
        if (!complete.ok()) refuse(complete.error());
    }
    void refuse(const Error& why) {
        error =
            why.code == Code::kExhausted ? too_long() : RequestError{400, "body: " + why.message};
    }
    RequestError too_long() const {
        return {413, fmt::format("body is longer than {} bytes, the most taken here", bytes_max)};
    }
};

// The body of a Beast message: hands its bytes to a BodySink.
struct SinkBody {
    using value_type = BodySink*;

    class reader {
     public:
        template <bool is_request, typename Fields>
        reader(http::header<is_request, Fields>&, value_type& sink) : sink_(sink) {}

        void init(const boost::optional<uint64_t>&, error_code& ec) { ec = {}; }
        template <typename Buffers>
        size_t put(const Buffers& buffers, error_code& ec) {
            size_t taken = 0;
            for (const boost::asio::const_buffer buffer :
                 boost::beast::buffers_range_ref(buffers)) {
                sink_->take({static_cast<const char*>(buffer.data()), buffer.size()});
                taken += buffer.size();
            }
            ec = sink_->error ? make_error_code(http::error::body_limit) : error_code();
            return taken;
        }
        void finish(error_code& ec) {
            sink_->finish();
            ec = sink_->error ? make_error_code(http::error::body_limit) : error_code();
        }

     private:
        value_type& sink_;  // set after the parser made this
    };
};

RequestError describe(const error_code& ec, uint32_t header_bytes_max) {
    if (ec == http::error::header_limit) {
        return {431, fmt::format("header is longer than {} bytes", header_bytes_max)};
    }
    if (ec == http::error::bad_version) return {400, "malformed request line or HTTP version"};
    return {400, "malformed request: " + ec.message()};
}

// Cuts the scheme and authority of "http://host:9090/path", which proxies send.
std::optional<RequestError> to_origin_form(RequestReader::Head& head) {
    std::string& target = head.target;
    if (target.starts_with('/') || (target == "*" && head.method == "OPTIONS")) return {};
    for (const std::string_view scheme : {"http://", "https://"}) {
        if (!equals_ignoring_case(std::string_view(target).substr(0, scheme.size()), scheme))
            continue;
        const size_t authority_end = target.find_first_of("/?", scheme.size());
        const std::string authority = target.substr(
            scheme.size(),
            authority_end == std::string::npos ? authority_end : authority_end - scheme.size());
        head.headers.set("Host", authority);  // RFC 9112, 3.2.2: it replaces the field
        target = authority_end == std::string::npos ? "/" : target.substr(authority_end);
        if (target.front() == '?') target.insert(0, "/");
        return {};
    }
    return RequestError{400, "the request target is neither a path nor a URL"};
}

}  // namespace

struct RequestReader::State {
    explicit State(uint32_t limit) : header_bytes_max(limit) {}

    const uint32_t header_bytes_max;
    std::string pending;  // fed, not used yet
    Head head;
    BodySink sink;
    bool in_body = false;
    bool done = false;
    std::optional<http::request_parser<SinkBody>> parser;

    void start() {
        head = Head();
        sink = BodySink();
        in_body = false;
        done = false;
        parser.emplace();
        parser->get().body() = &sink;
        parser->header_limit(header_bytes_max);
        parser->body_limit(boost::none);  // the sink's: it knows the route
        parser->eager(false);
    }

    std::optional<RequestError> read_head() {
        const auto& message = parser->get();
        head.method = message.method_string();
        head.target = message.target();
        for (const auto& field : message) head.headers.add(field.name_string(), field.value());
        head.keep_alive = parser->keep_alive();
        head.is_http_1_0 = message.version() == 10;
        head.has_body = !parser->is_done();

        size_t host_count = 0;
        for (const auto& [name, value] : head.headers) {
            host_count += equals_ignoring_case(name, "Host") ? 1 : 0;
        }
        if (host_count > 1) return RequestError{400, "several Host fields"};
        if (host_count == 0 && !head.is_http_1_0) return RequestError{400, "no Host field"};
        if (const auto coding = head.headers.find("Transfer-Encoding")) {
            if (head.is_http_1_0) return RequestError{400, "Transfer-Encoding in HTTP/1.0"};
            if (!equals_ignoring_case(*coding, "chunked")) {
                return RequestError{501, "a transfer coding other than chunked"};
            }
        }
        if (const auto expected = head.headers.find("Expect")) {
            if (!equals_ignoring_case(*expected, "100-continue")) {
                return RequestError{417, "an expectation other than 100-continue"};
            }
            head.expects_continue = head.has_body && !head.is_http_1_0;
        }
        return to_origin_form(head);
    }
};

RequestReader::RequestReader(uint32_t header_bytes_max)
    : state_(std::make_unique<State>(header_bytes_max)) {
    state_->start();
}
RequestReader::~RequestReader() = default;

std::optional<RequestError> RequestReader::feed(std::string_view bytes) {
    state_->pending += bytes;
    return advance();
}

std::optional<RequestError> RequestReader::advance() {
    State& state = *state_;
    size_t used = 0;
    std::optional<RequestError> error;
    while (!state.done && used < state.pending.size()) {
        if (state.parser->is_header_done() && !state.in_body) break;
        error_code ec;
        used += state.parser->put(
            boost::asio::const_buffer(state.pending.data() + used, state.pending.size() - used),
            ec);
        if (state.sink.error) {
            error = state.sink.error;
            break;
        }
        if (ec == http::error::need_more) {
            // A chunk's header or the trailers: they are no shorter for being in the body.
            if (state.pending.size() - used > state.header_bytes_max) {
                error =
                    describe(make_error_code(http::error::header_limit), state.header_bytes_max);
            }
            break;
        }
        if (ec) {
            error = describe(ec, state.header_bytes_max);
            break;
        }
        if (!state.in_body && state.parser->is_header_done()) {
            error = state.read_head();
            break;
        }
        if (state.in_body && state.parser->is_done()) state.done = true;
    }
    state.pending.erase(0, used);
    return error;
}

bool RequestReader::header_done() const {
    return state_->parser->is_header_done() && !state_->in_body;
}
const RequestReader::Head& RequestReader::head() const { return state_->head; }
bool RequestReader::started() const {
    return state_->parser->got_some() || !state_->pending.empty();
}

std::optional<RequestError> RequestReader::begin_body(uint64_t body_bytes_max, bool decode) {
    State& state = *state_;
    KW_CHECK(header_done());
    state.in_body = true;
    state.sink.bytes_max = body_bytes_max;
    if (!state.head.has_body) {
        state.done = true;
        return {};
    }
    const boost::optional<uint64_t> length = state.parser->content_length();
    if (length && *length > body_bytes_max) return state.sink.too_long();
    const std::string_view coding = state.head.headers.get("Content-Encoding");
    if (decode && !coding.empty() && !equals_ignoring_case(coding, "identity")) {
        if (equals_ignoring_case(coding, "zstd")) {
            state.sink.decoder = std::make_unique<ZstdDecoder>(body_bytes_max);
        } else if (equals_ignoring_case(coding, "gzip") || equals_ignoring_case(coding, "x-gzip")) {
            state.sink.decoder = std::make_unique<GzipDecoder>(body_bytes_max);
        } else {
            return RequestError{415, "a Content-Encoding other than gzip and zstd"};
        }
    }
    return advance();
}

bool RequestReader::done() const { return state_->done; }
uint64_t RequestReader::body_bytes() const { return state_->sink.body.size(); }
std::string RequestReader::take_body() { return std::move(state_->sink.body); }

std::optional<RequestError> RequestReader::next() {
    KW_CHECK(state_->done);
    state_->start();
    return advance();
}

size_t RequestReader::buffered_bytes() const { return state_->pending.size(); }

}  // namespace kw::net
