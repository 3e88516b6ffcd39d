#include "codec/compress.h"

#include <zstd.h>

#include <memory>

#include "base/check.h"

namespace kw::codec {
namespace {

struct FreeContext {
    void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

thread_local std::unique_ptr<ZSTD_CCtx, FreeContext> compress_context;
thread_local std::unique_ptr<ZSTD_DCtx, FreeContext> decompress_context;

}  // namespace

void compress(ByteView bytes, int level, Bytes& out) {
    if (!compress_context) compress_context.reset(ZSTD_createCCtx());
    const size_t start = out.size();
    out.resize(start + ZSTD_compressBound(bytes.size()));
    const size_t size = ZSTD_compressCCtx(compress_context.get(), out.data() + start,
                                          out.size() - start, bytes.data(), bytes.size(), level);
    KW_CHECK(ZSTD_isError(size) == 0);
    out.resize(start + size);
}

Result<void> decompress(ByteView compressed, size_t size, Bytes& out) {
    if (!decompress_context) decompress_context.reset(ZSTD_createDCtx());
    out.resize(size);
    const size_t got = ZSTD_decompressDCtx(decompress_context.get(), out.data(), size,
                                           compressed.data(), compressed.size());
    if (ZSTD_isError(got) != 0) return corrupt("zstd: {}", ZSTD_getErrorName(got));
    if (got != size) return corrupt("zstd: {} bytes, want {}", got, size);
    return {};
}

}  // namespace kw::codec
