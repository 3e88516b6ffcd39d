// Which exposition format an Accept header asks for.
//
// Source: RFC 9110, sections 5.6.6 and 12.5.1 (media ranges, parameters, quality).
#include <charconv>
#include <optional>

#include "kilowatch/exposition.h"
#include "text.h"

namespace kilowatch {
namespace {

constexpr size_t kAcceptBytesMax = 4096;

// Takes the part before `separator` off `rest`; quoted separators do not count.
std::string_view take_part(std::string_view& rest, char separator) {
    bool quoted = false;
    size_t i = 0;
    for (; i < rest.size(); ++i) {
        if (quoted && rest[i] == '\\')
            ++i;
        else if (rest[i] == '"')
            quoted = !quoted;
        else if (!quoted && rest[i] == separator)
            break;
    }
    const std::string_view part = rest.substr(0, i);
    rest.remove_prefix(i < rest.size() ? i + 1 : rest.size());
    return trim_blank(part);
}

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return out;
}

struct MediaRange {
    std::string type;
    std::string version;
    std::string proto;
    std::string encoding;
    double quality = 1;
};

MediaRange parse_range(std::string_view text) {
    MediaRange range;
    range.type = lower(take_part(text, ';'));
    while (!text.empty()) {
        std::string_view value = take_part(text, ';');
        const std::string name = lower(take_part(value, '='));
        if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
            value = value.substr(1, value.size() - 2);
        if (name == "version") range.version = value;
        if (name == "proto") range.proto = value;
        if (name == "encoding") range.encoding = lower(value);
        if (name == "q") {
            const auto [end, error] =
                std::from_chars(value.data(), value.data() + value.size(), range.quality);
            if (error != std::errc() || !(range.quality >= 0 && range.quality <= 1))
                range.quality = 0;
        }
    }
    return range;
}

std::optional<ExpositionFormat> format_of(const MediaRange& range) {
    if (range.type == "application/vnd.google.protobuf") {
        const bool ours = range.proto == "io.prometheus.client.MetricFamily" &&
                          (range.encoding.empty() || range.encoding == "delimited");
        return ours ? std::optional(ExpositionFormat::kProtobuf) : std::nullopt;
    }
    if (range.type == "application/openmetrics-text") {
        const bool ours = range.version.empty() || range.version == "1.0.0";
        return ours ? std::optional(ExpositionFormat::kOpenMetrics) : std::nullopt;
    }
    if (range.type == "text/plain" || range.type == "text/*" || range.type == "*/*") {
        const bool ours = range.version.empty() || range.version == "0.0.4";
        return ours ? std::optional(ExpositionFormat::kText) : std::nullopt;
    }
    return std::nullopt;
}

// Of two that are liked the same, the one that says more.
int wealth(ExpositionFormat format) {
    switch (format) {
        case ExpositionFormat::kProtobuf: return 2;
        case ExpositionFormat::kOpenMetrics: return 1;
        case ExpositionFormat::kText: return 0;
    }
    return 0;
}

}  // namespace

ExpositionFormat negotiate_exposition(std::string_view accept) {
    ExpositionFormat best = ExpositionFormat::kText;
    if (accept.size() > kAcceptBytesMax) return best;
    double best_quality = 0;
    while (!accept.empty()) {
        const MediaRange range = parse_range(take_part(accept, ','));
        const std::optional<ExpositionFormat> format = format_of(range);
        if (!format || range.quality <= 0 || range.quality < best_quality) continue;
        if (range.quality > best_quality || wealth(*format) > wealth(best)) best = *format;
        best_quality = range.quality;
    }
    return best;
}

}  // namespace kilowatch
