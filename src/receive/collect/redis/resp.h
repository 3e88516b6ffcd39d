// The protocol of Redis, versions 2 and 3: requests as bytes, bytes as replies.
//
// A server is not trusted: depth, the number of items and every length are bounded before anything is allocated.
// Source: https://redis.io/docs/latest/develop/reference/protocol-spec/
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace kw::collect {

inline constexpr size_t kRespBytesMax = 16 << 20;  // of one reply
inline constexpr size_t kRespItemsMax = 100'000;   // values in one reply
inline constexpr size_t kRespDepthMax = 8;

struct RespValue {
    enum class Kind : unsigned char { kNull, kText, kError, kNumber, kList };
    Kind kind = Kind::kNull;
    std::string text;              // of kText and kError; the digits of kNumber
    std::vector<RespValue> items;  // of kList; a map's keys and values in turn

    bool is_error() const { return kind == Kind::kError; }
    // Of kNumber and of a text that is one; nullopt otherwise.
    std::optional<double> number() const;
};

// A reply at the begin of `bytes`, and how many of them it is; nullopt as long as it is not whole.
// Errors: kInvalid (malformed), kExhausted (over a bound).
struct RespReply {
    RespValue value;
    size_t size = 0;
};
Result<std::optional<RespReply>> parse_resp(std::string_view bytes);

// A request: an array of bulk strings.
std::string resp_request(std::span<const std::string_view> words);

}  // namespace kw::collect
