// Any bytes as a reply: no crash, no reply longer than its bytes, and the same reply when more bytes follow.
#include <cstdint>

#include "base/check.h"
#include "collect/redis/resp.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const auto reply = kw::collect::parse_resp(bytes);
    if (!reply.ok() || !*reply) return 0;
    KW_CHECK((*reply)->size <= size);
    const auto again = kw::collect::parse_resp(bytes.substr(0, (*reply)->size));
    KW_CHECK(again.ok() && *again && (*again)->size == (*reply)->size);
    return 0;
}
