#include "scrape/options.h"

#include <utility>

namespace kw::scrape {
namespace {

constexpr std::pair<std::string_view, Protocol> kProtocols[] = {
    {"PrometheusProto", Protocol::kPrometheusProto},
    {"PrometheusText0.0.4", Protocol::kPrometheusText004},
    {"PrometheusText1.0.0", Protocol::kPrometheusText100},
    {"OpenMetricsText0.0.1", Protocol::kOpenMetricsText001},
    {"OpenMetricsText1.0.0", Protocol::kOpenMetricsText100},
};

constexpr std::pair<std::string_view, Escaping> kEscapings[] = {
    {"allow-utf-8", Escaping::kAllowUtf8},
    {"underscores", Escaping::kUnderscores},
    {"dots", Escaping::kDots},
    {"values", Escaping::kValues},
};

}  // namespace

std::string_view protocol_text(Protocol protocol) {
    for (const auto& [text, value] : kProtocols) {
        if (value == protocol) return text;
    }
    return "?";
}

std::optional<Protocol> parse_protocol(std::string_view text) {
    for (const auto& [name, value] : kProtocols) {
        if (name == text) return value;
    }
    return std::nullopt;
}

std::string_view escaping_text(Escaping escaping) {
    for (const auto& [text, value] : kEscapings) {
        if (value == escaping) return text;
    }
    return "?";
}

std::optional<Escaping> parse_escaping(std::string_view text) {
    for (const auto& [name, value] : kEscapings) {
        if (name == text) return value;
    }
    return std::nullopt;
}

}  // namespace kw::scrape
