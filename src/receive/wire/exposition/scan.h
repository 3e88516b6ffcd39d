// Finds the end of a label set without reading the labels.
#pragma once

namespace kw::wire {

// `at` is behind the opening brace. Returns the brace that closes, the first `}` outside of quotes,
// or null where a newline or `end` comes before. In quotes a backslash hides the character behind
// it. 16 bytes at a time with SSE2 where the machine has it.
const char* find_closing_brace(const char* at, const char* end);
// The same a byte at a time; `in_quotes` where the scan starts inside of them.
const char* find_closing_brace_plain(const char* at, const char* end, bool in_quotes = false);

}  // namespace kw::wire
