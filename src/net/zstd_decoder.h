// zstd (RFC 8878) as a stream. A frame may ask for a window of 8 MiB at most, which every decoder
// has to have; that much memory, and some 150 KiB, is what a decoder takes.
// Threads: one at a time.
#pragma once

#include <cstdint>
#include <memory>

#include "net/body_decoder.h"

namespace kw::net {

class ZstdDecoder final : public BodyDecoder {
 public:
    static constexpr int kWindowLogMax = 23;

    explicit ZstdDecoder(uint64_t output_bytes_max);
    ~ZstdDecoder() override;
    ZstdDecoder(const ZstdDecoder&) = delete;
    ZstdDecoder& operator=(const ZstdDecoder&) = delete;

    Result<void> decode(std::string_view bytes, std::string& out) override;
    Result<void> finish() const override;

 private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace kw::net
