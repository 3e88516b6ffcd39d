#include "wire/exposition/series_text.h"

namespace kw::wire {

void append_quoted(std::string& out, std::string_view text) {
    out += '"';
    for (const char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        if (c == '\n') {
            out += "\\n";
        } else {
            out += c;
        }
    }
    out += '"';
}

void append_pair(std::string& out, std::string_view name, std::string_view value) {
    out += ',';
    append_quoted(out, name);
    out += '=';
    append_quoted(out, value);
}

}  // namespace kw::wire
