#include "net/zstd_decoder.h"

#include <zstd.h>

#include "base/check.h"

namespace kw::net {
namespace {

constexpr size_t kOutputPieceBytes = 64 << 10;

}  // namespace

struct ZstdDecoder::State {
    ZSTD_DCtx* context = nullptr;
    std::string piece = std::string(kOutputPieceBytes, '\0');
    uint64_t output_left = 0;
    uint64_t output_max = 0;
    bool in_frame = false;  // bytes of a frame were seen, its end was not
    bool any_frame = false;
};

ZstdDecoder::ZstdDecoder(uint64_t output_bytes_max) : state_(std::make_unique<State>()) {
    state_->output_left = output_bytes_max;
    state_->output_max = output_bytes_max;
    state_->context = ZSTD_createDCtx();
    KW_CHECK(state_->context != nullptr);
    KW_CHECK(ZSTD_isError(
                 ZSTD_DCtx_setParameter(state_->context, ZSTD_d_windowLogMax, kWindowLogMax)) == 0);
}

ZstdDecoder::~ZstdDecoder() { ZSTD_freeDCtx(state_->context); }

Result<void> ZstdDecoder::decode(std::string_view bytes, std::string& out) {
    State& state = *state_;
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    bool has_more = false;  // output that did not fit into the piece
    while (in.pos < in.size || has_more) {
        ZSTD_outBuffer piece{state.piece.data(), state.piece.size(), 0};
        const size_t left = ZSTD_decompressStream(state.context, &piece, &in);
        if (ZSTD_isError(left) != 0) return invalid("not zstd: {}", ZSTD_getErrorName(left));
        if (piece.pos > state.output_left) {
            return exhausted("more than {} bytes after decompression", state.output_max);
        }
        state.output_left -= piece.pos;
        out.append(state.piece.data(), piece.pos);
        state.in_frame = left != 0;
        state.any_frame = state.any_frame || left == 0;
        has_more = left != 0 && piece.pos == piece.size;
    }
    return {};
}

Result<void> ZstdDecoder::finish() const {
    if (state_->in_frame || !state_->any_frame) return invalid("zstd stream is truncated");
    return {};
}

}  // namespace kw::net
