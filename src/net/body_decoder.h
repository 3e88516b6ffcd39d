// Undoes the Content-Encoding of a body as it comes. What it gives is bounded, so that a small body
// cannot become a large one.
// Threads: one at a time.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace kw::net {

class BodyDecoder {
 public:
    virtual ~BodyDecoder() = default;
    // Appends what `bytes` decode to. Several members or frames back to back are one text.
    // Errors: kInvalid (not of this coding, or damaged), kExhausted (over the limit in all).
    virtual Result<void> decode(std::string_view bytes, std::string& out) = 0;
    // Errors: kInvalid when the stream is not complete.
    virtual Result<void> finish() const = 0;
};

}  // namespace kw::net
