// Any bytes, in pieces of any size, are read as the same requests as the bytes at once, or refused.
#include "net/request_reader.h"

#include <cstdlib>
#include <string>

namespace {

std::string read_all(std::string_view bytes, size_t piece_bytes) {
    kw::net::RequestReader reader(4096);
    std::string story;
    const auto fail = [&](const kw::net::RequestError& error) {
        return story + "refused " + std::to_string(error.status);
    };
    while (!bytes.empty()) {
        const std::string_view piece = bytes.substr(0, piece_bytes);
        bytes.remove_prefix(piece.size());
        if (const auto error = reader.feed(piece)) return fail(*error);
        for (;;) {
            if (reader.header_done()) {
                story += reader.head().method + " " + reader.head().target + "\n";
                if (const auto error = reader.begin_body(1 << 16, true)) return fail(*error);
            }
            if (!reader.done()) break;
            story += reader.take_body() + "\n";
            if (const auto error = reader.next()) return fail(*error);
        }
    }
    return story;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size < 1) return 0;
    const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
    const std::string at_once = read_all(bytes, bytes.size() + 1);
    const std::string in_pieces = read_all(bytes, 1 + data[0] % 37);
    // When a header that is not complete yet is refused, and for which of its faults, depends on
    // the pieces; which requests are read before does not.
    const auto requests = [](const std::string& story) {
        return story.substr(0, story.find("refused "));
    };
    if (requests(at_once) != requests(in_pieces)) std::abort();
    return 0;
}
