#include "wire/exposition/format.h"

#include <algorithm>
#include <string>

#include "model/labels.h"

namespace kw::wire {
namespace {

// The media type alone, lower case, without parameters and surrounding space.
std::string media_type_of(std::string_view content_type) {
    std::string_view type = content_type.substr(0, content_type.find(';'));
    const size_t first = type.find_first_not_of(" \t");
    if (first == std::string_view::npos) return {};
    type = type.substr(first, type.find_last_not_of(" \t") - first + 1);
    std::string lower(type);
    std::ranges::transform(lower, lower.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return lower;
}

}  // namespace

Result<ExpositionFormat> format_of_content_type(std::string_view content_type,
                                                std::optional<ExpositionFormat> fallback) {
    const std::string type = media_type_of(content_type);
    if (type == "text/plain") return ExpositionFormat::kText;
    if (type == "application/openmetrics-text") return ExpositionFormat::kOpenMetrics;
    if (type == "application/vnd.google.protobuf") return ExpositionFormat::kProtobuf;
    if (fallback) return *fallback;
    if (type.empty()) {
        return unsupported(
            "the response has no Content-Type and the job no fallback_scrape_protocol");
    }
    return unsupported(
        "the response's Content-Type {} is no exposition format and the job has no "
        "fallback_scrape_protocol",
        quoted(content_type));
}

}  // namespace kw::wire
