#include "collect/redis/resp.h"

#include <fmt/format.h>

#include <charconv>

#include "collect/remote/shown_text.h"

namespace kw::collect {
namespace {

class Parser {
 public:
    explicit Parser(std::string_view bytes) : bytes_(bytes) {}

    // False: more bytes are needed.
    Result<bool> value(RespValue& out, size_t depth) {
        if (depth > kRespDepthMax)
            return exhausted("a reply is nested over {} deep", kRespDepthMax);
        if (++items_ > kRespItemsMax) return exhausted("a reply has over {} values", kRespItemsMax);
        KW_TRY_ASSIGN(const std::optional<std::string_view> line, next_line());
        if (!line) return false;
        if (line->empty()) return invalid("an empty line instead of a reply");
        const char kind = line->front();
        const std::string_view rest = line->substr(1);
        switch (kind) {
            case '+': return simple(RespValue::Kind::kText, rest, out);
            case '-': return simple(RespValue::Kind::kError, rest, out);
            case ':':
            case ',':
            case '(': return simple(RespValue::Kind::kNumber, rest, out);
            case '#': return simple(RespValue::Kind::kNumber, rest == "t" ? "1" : "0", out);
            case '_': return true;
            case '$': return bulk(RespValue::Kind::kText, rest, 0, out);
            case '=': return bulk(RespValue::Kind::kText, rest, 4, out);  // "txt:" before the text
            case '!': return bulk(RespValue::Kind::kError, rest, 0, out);
            case '*':
            case '~':
            case '>': return list(rest, 1, out, depth);
            case '%': return list(rest, 2, out, depth);
            default:
                return invalid("a reply begins with byte {:#x}", static_cast<unsigned char>(kind));
        }
    }
    size_t position() const { return position_; }

 private:
    Result<std::optional<std::string_view>> next_line() {
        const size_t end = bytes_.find("\r\n", position_);
        if (end == std::string_view::npos) {
            if (bytes_.size() - position_ > kRespBytesMax)
                return exhausted("a line is over {} bytes", kRespBytesMax);
            return std::optional<std::string_view>();
        }
        const std::string_view line = bytes_.substr(position_, end - position_);
        position_ = end + 2;
        return std::optional(line);
    }

    static Result<bool> simple(RespValue::Kind kind, std::string_view text, RespValue& out) {
        out.kind = kind;
        out.text = text;
        return true;
    }

    // -1 is no value.
    static Result<int64_t> length(std::string_view digits, size_t max) {
        int64_t count = 0;
        const auto [end, error] =
            std::from_chars(digits.data(), digits.data() + digits.size(), count);
        if (error != std::errc() || end != digits.data() + digits.size() || count < -1) {
            return invalid("\"{}\" is no length", shown_text(digits));
        }
        if (count > static_cast<int64_t>(max))
            return exhausted("a length of {} is over {}", count, max);
        return count;
    }

    Result<bool> bulk(RespValue::Kind kind, std::string_view digits, size_t skipped,
                      RespValue& out) {
        KW_TRY_ASSIGN(const int64_t size, length(digits, kRespBytesMax));
        if (size < 0) return true;
        const auto bytes = static_cast<size_t>(size);
        if (bytes_.size() - position_ < bytes + 2) return false;
        const std::string_view text = bytes_.substr(position_, bytes);
        if (bytes_.substr(position_ + bytes, 2) != "\r\n")
            return invalid("a text of {} bytes is longer", bytes);
        position_ += bytes + 2;
        out.kind = kind;
        out.text = text.substr(std::min(skipped, text.size()));
        return true;
    }

    Result<bool> list(std::string_view digits, int64_t factor, RespValue& out, size_t depth) {
        KW_TRY_ASSIGN(const int64_t count, length(digits, kRespItemsMax));
        if (count < 0) return true;
        out.kind = RespValue::Kind::kList;
        for (int64_t i = 0; i < count * factor; ++i) {
            KW_TRY_ASSIGN(const bool whole, value(out.items.emplace_back(), depth + 1));
            if (!whole) return false;
        }
        return true;
    }

    const std::string_view bytes_;
    size_t position_ = 0;
    size_t items_ = 0;
};

}  // namespace

std::optional<double> RespValue::number() const {
    if (kind != Kind::kNumber && kind != Kind::kText) return std::nullopt;
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

Result<std::optional<RespReply>> parse_resp(std::string_view bytes) {
    Parser parser(bytes);
    RespReply reply;
    KW_TRY_ASSIGN(const bool whole, parser.value(reply.value, 0));
    if (!whole) return std::optional<RespReply>();
    reply.size = parser.position();
    return std::optional(std::move(reply));
}

std::string resp_request(std::span<const std::string_view> words) {
    std::string bytes = fmt::format("*{}\r\n", words.size());
    for (const std::string_view word : words) {
        bytes += fmt::format("${}\r\n", word.size());
        bytes.append(word).append("\r\n");
    }
    return bytes;
}

}  // namespace kw::collect
