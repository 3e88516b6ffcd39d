#include "net/gzip.h"

#include <zlib.h>

#include <algorithm>

#include "base/check.h"
#include "net/fields.h"

namespace kw::net {
namespace {

constexpr int kGzipWindow = 15 + 16;  // 32 KiB, with gzip's frame rather than zlib's
constexpr size_t kPieceBytes = 32 << 10;

std::string_view trim(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

Bytef* as_input(std::string_view bytes) {
    return reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
}

}  // namespace

struct GzipDecoder::State {
    z_stream stream{};
    uint64_t output_left = 0;
    uint64_t output_max = 0;
    bool in_member = false;  // bytes of a member were seen, its end was not
    bool any_member = false;
};

GzipDecoder::GzipDecoder(uint64_t output_bytes_max) : state_(std::make_unique<State>()) {
    state_->output_left = output_bytes_max;
    state_->output_max = output_bytes_max;
    KW_CHECK(inflateInit2(&state_->stream, kGzipWindow) == Z_OK);
}

GzipDecoder::~GzipDecoder() { inflateEnd(&state_->stream); }

Result<void> GzipDecoder::decode(std::string_view bytes, std::string& out) {
    State& state = *state_;
    char piece[kPieceBytes];
    state.stream.next_in = as_input(bytes);
    state.stream.avail_in = static_cast<uInt>(bytes.size());
    while (state.stream.avail_in > 0 || (state.in_member && state.stream.avail_out == 0)) {
        state.in_member = true;
        state.stream.next_out = reinterpret_cast<Bytef*>(piece);
        state.stream.avail_out = sizeof piece;
        const int status = inflate(&state.stream, Z_NO_FLUSH);
        const size_t produced = sizeof piece - state.stream.avail_out;
        if (produced > state.output_left) {
            return exhausted("more than {} bytes after decompression", state.output_max);
        }
        state.output_left -= produced;
        out.append(piece, produced);
        if (status == Z_STREAM_END) {
            state.in_member = false;
            state.any_member = true;
            inflateReset(&state.stream);
        } else if (status == Z_BUF_ERROR) {
            break;  // no input left and nothing more to give
        } else if (status != Z_OK) {
            return invalid("not gzip: {}", state.stream.msg ? state.stream.msg : "damaged");
        }
    }
    return {};
}

Result<void> GzipDecoder::finish() const {
    if (state_->in_member || !state_->any_member) return invalid("gzip stream is truncated");
    return {};
}

struct GzipEncoder::State {
    z_stream stream{};
};

GzipEncoder::GzipEncoder(int level) : state_(std::make_unique<State>()) {
    KW_CHECK(deflateInit2(&state_->stream, level, Z_DEFLATED, kGzipWindow, 8, Z_DEFAULT_STRATEGY) ==
             Z_OK);
}

GzipEncoder::~GzipEncoder() { deflateEnd(&state_->stream); }

void GzipEncoder::encode(std::string_view bytes, std::string& out) { run(bytes, Z_NO_FLUSH, out); }
void GzipEncoder::flush(std::string& out) { run({}, Z_SYNC_FLUSH, out); }
void GzipEncoder::finish(std::string& out) { run({}, Z_FINISH, out); }

void GzipEncoder::run(std::string_view bytes, int mode, std::string& out) {
    char piece[kPieceBytes];
    z_stream& stream = state_->stream;
    stream.next_in = as_input(bytes);
    stream.avail_in = static_cast<uInt>(bytes.size());
    do {
        stream.next_out = reinterpret_cast<Bytef*>(piece);
        stream.avail_out = sizeof piece;
        const int status = deflate(&stream, mode);
        KW_CHECK(status == Z_OK || status == Z_STREAM_END || status == Z_BUF_ERROR);
        out.append(piece, sizeof piece - stream.avail_out);
    } while (stream.avail_out == 0);
}

bool accepts_gzip(std::string_view accept_encoding) {
    bool by_star = false;
    while (!accept_encoding.empty()) {
        const size_t comma = accept_encoding.find(',');
        std::string_view item = accept_encoding.substr(0, comma);
        accept_encoding.remove_prefix(comma == std::string_view::npos ? accept_encoding.size()
                                                                      : comma + 1);
        const size_t semicolon = item.find(';');
        const std::string_view coding = trim(item.substr(0, semicolon));
        bool wanted = true;
        if (semicolon != std::string_view::npos) {
            std::string_view weight = trim(item.substr(semicolon + 1));
            if (weight.starts_with("q=") || weight.starts_with("Q=")) {
                weight.remove_prefix(2);
                wanted = std::ranges::any_of(weight, [](char c) { return c >= '1' && c <= '9'; });
            }
        }
        if (equals_ignoring_case(coding, "gzip") || equals_ignoring_case(coding, "x-gzip"))
            return wanted;
        if (coding == "*") by_star = wanted;
    }
    return by_star;
}

}  // namespace kw::net
