#include "collect/remote/shown_text.h"

#include "model/labels.h"

namespace kw::collect {
namespace {

constexpr size_t kBytesMax = 300;

}  // namespace

std::string shown_text(std::string_view text) {
    while (text.ends_with('\n') || text.ends_with('\r')) text.remove_suffix(1);
    const bool is_cut = text.size() > kBytesMax;
    std::string out(text.substr(0, kBytesMax));
    // A character that the cut went through is none.
    for (int i = 0; is_cut && i < 4 && !is_valid_utf8(out); ++i) out.pop_back();
    const bool is_utf8 = is_valid_utf8(out);
    for (char& c : out) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte == 0x7f) c = ' ';
        if (byte >= 0x80 && !is_utf8) c = '?';
    }
    return out;
}

}  // namespace kw::collect
