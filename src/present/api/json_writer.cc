#include "api/json_writer.h"

#include <array>
#include <charconv>
#include <cmath>

#include "base/check.h"
#include "model/sample.h"
#include "net/response_writer.h"

namespace kw::api {
namespace {

constexpr size_t kFlushBytes = 32 << 10;

// 1 where a byte of a string cannot stand for itself: controls, `"`, `\`, and 128 up, which must be UTF-8.
constexpr std::array<bool, 256> kNeedsCare = [] {
    std::array<bool, 256> table{};
    for (size_t byte = 0; byte < 256; ++byte) {
        table[byte] = byte < 0x20 || byte >= 0x80 || byte == '"' || byte == '\\';
    }
    return table;
}();

// The length of the well-formed code point at `at`, 0 where there is none.
size_t rune_length(std::string_view text, size_t at) {
    const auto first = static_cast<uint8_t>(text[at]);
    const size_t length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (at + length > text.size() || !is_valid_utf8(text.substr(at, length))) return 0;
    return length;
}

template <typename Integer>
void append_integer(std::string& out, Integer value) {
    char digits[24];
    const auto end = std::to_chars(digits, digits + sizeof digits, value);
    out.append(digits, end.ptr);
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
    out += '"';
    size_t plain = 0;  // where the run that needs no care begins
    for (size_t at = 0; at < text.size();) {
        const auto byte = static_cast<uint8_t>(text[at]);
        if (!kNeedsCare[byte]) {
            ++at;
            continue;
        }
        if (byte >= 0x80) {
            if (const size_t length = rune_length(text, at); length > 0) {
                at += length;
                continue;
            }
        }
        out.append(text, plain, at - plain);
        if (byte >= 0x80) {
            out += "\\ufffd";
        } else if (byte == '"' || byte == '\\') {
            out += '\\';
            out += text[at];
        } else if (byte == '\n') {
            out += "\\n";
        } else if (byte == '\t') {
            out += "\\t";
        } else if (byte == '\r') {
            out += "\\r";
        } else {
            out += fmt::format("\\u{:04x}", byte);
        }
        plain = ++at;
    }
    out.append(text, plain, std::string_view::npos);
    out += '"';
}

void append_json_timestamp(std::string& out, Millis timestamp) {
    uint64_t ms = static_cast<uint64_t>(timestamp.count);
    if (timestamp.count < 0) {
        out += '-';
        ms = 0 - ms;
    }
    append_integer(out, ms / 1000);
    const uint64_t rest = ms % 1000;
    if (rest == 0) return;
    const char decimals[] = {'.', static_cast<char>('0' + rest / 100),
                             static_cast<char>('0' + rest / 10 % 10),
                             static_cast<char>('0' + rest % 10)};
    out.append(decimals, sizeof decimals);
}

JsonWriter::JsonWriter(net::ResponseWriter& out) : out_(out) {
    buffer_.reserve(kFlushBytes + 1024);
}

void JsonWriter::separate() {
    if (comma_) buffer_ += ',';
    comma_ = true;
}

JsonWriter& JsonWriter::open(char bracket) {
    separate();
    buffer_ += bracket;
    comma_ = false;
    return *this;
}

JsonWriter& JsonWriter::close(char bracket) {
    buffer_ += bracket;
    comma_ = true;
    flush_when_full();
    return *this;
}

JsonWriter& JsonWriter::key(std::string_view name) {
    separate();
    append_json_string(buffer_, name);
    buffer_ += ':';
    comma_ = false;
    return *this;
}

JsonWriter& JsonWriter::string(std::string_view text) {
    separate();
    append_json_string(buffer_, text);
    flush_when_full();
    return *this;
}

JsonWriter& JsonWriter::integer(int64_t value) {
    separate();
    append_integer(buffer_, value);
    return *this;
}

JsonWriter& JsonWriter::count(uint64_t value) {
    separate();
    append_integer(buffer_, value);
    return *this;
}

JsonWriter& JsonWriter::number(double value) {
    KW_CHECK(std::isfinite(value));
    separate();
    append_value(buffer_, value);
    return *this;
}

JsonWriter& JsonWriter::boolean(bool value) { return raw(value ? "true" : "false"); }

JsonWriter& JsonWriter::null() { return raw("null"); }

JsonWriter& JsonWriter::raw(std::string_view json) {
    separate();
    buffer_ += json;
    flush_when_full();
    return *this;
}

JsonWriter& JsonWriter::labels(const LabelSet& labels) {
    begin_object();
    for (const LabelView& label : labels) key(label.name).string(label.value);
    return end_object();
}

JsonWriter& JsonWriter::timestamp(Millis timestamp) {
    separate();
    append_json_timestamp(buffer_, timestamp);
    return *this;
}

JsonWriter& JsonWriter::point(Millis timestamp, double value) {
    separate();
    buffer_ += '[';
    append_json_timestamp(buffer_, timestamp);
    buffer_ += ",\"";
    append_value(buffer_, value);
    buffer_ += "\"]";
    flush_when_full();
    return *this;
}

void JsonWriter::flush_when_full() {
    if (buffer_.size() < kFlushBytes) return;
    if (state_.ok()) state_ = out_.write(buffer_);
    buffer_.clear();
}

Result<void> JsonWriter::finish() {
    if (state_.ok() && !buffer_.empty()) state_ = out_.write(buffer_);
    buffer_.clear();
    return state_.ok() ? Result<void>() : state_.error();
}

}  // namespace kw::api
