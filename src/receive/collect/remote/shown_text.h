// What a server said, for a message of ours.
#pragma once

#include <string>
#include <string_view>

namespace kw::collect {

// One line of at most 300 bytes of valid UTF-8: control characters are spaces, what is no UTF-8 is a question mark.
// Not fmt's {:?}, which in version 9 aborts on bytes that are no UTF-8.
std::string shown_text(std::string_view text);

}  // namespace kw::collect
