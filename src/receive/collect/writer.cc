#include "collect/writer.h"

#include <charconv>
#include <cmath>

namespace kw::collect {
namespace {

// What is no UTF-8 (a key of Redis, a name in a database of another encoding) would fail the whole scrape: its bytes
// beyond ASCII become U+FFFD.
void append_escaped(std::string& out, std::string_view text, bool quotes) {
    const bool is_utf8 = is_valid_utf8(text);
    for (const char c : text) {
        switch (c) {
            case '\\': out += "\\\\"; break;
            case '\n': out += "\\n"; break;
            case '"': out += quotes ? "\\\"" : "\""; break;
            default:
                if (is_utf8 || static_cast<unsigned char>(c) < 0x80) {
                    out += c;
                } else {
                    out += "\xEF\xBF\xBD";
                }
        }
    }
}

}  // namespace

void append_go_value(std::string& out, double value) {
    if (std::isnan(value)) {
        out += "NaN";
        return;
    }
    if (std::isinf(value)) {
        out += value > 0 ? "+Inf" : "-Inf";
        return;
    }
    const double magnitude = std::fabs(value);
    const bool plain = magnitude == 0 || (magnitude >= 1e-4 && magnitude < 1e6);
    char buffer[64];
    const auto format = plain ? std::chars_format::fixed : std::chars_format::scientific;
    const auto end = std::to_chars(buffer, buffer + sizeof buffer, value, format).ptr;
    out.append(buffer, end);
}

std::string go_value(double value) {
    std::string out;
    append_go_value(out, value);
    return out;
}

void ExpositionWriter::family(std::string_view name, std::string_view help, std::string_view type) {
    name_ = name;
    header_ = "# HELP ";
    header_.append(name) += ' ';
    append_escaped(header_, help, /*quotes=*/false);
    header_.append("\n# TYPE ").append(name).append(" ").append(type) += '\n';
}

void ExpositionWriter::sample(std::string_view suffix, std::span<const LabelView> labels,
                              double value) {
    out_ += header_;
    header_.clear();
    out_.append(name_).append(suffix);
    char before = '{';
    for (const LabelView& label : labels) {
        out_ += before;
        out_.append(label.name).append("=\"");
        append_escaped(out_, label.value, /*quotes=*/true);
        out_ += '"';
        before = ',';
    }
    if (!labels.empty()) out_ += '}';
    out_ += ' ';
    append_go_value(out_, value);
    out_ += '\n';
}

}  // namespace kw::collect
