#include "scrape/accept.h"

#include <fmt/core.h>

namespace kw::scrape {
namespace {

std::string_view media_type(Protocol protocol) {
    switch (protocol) {
        case Protocol::kPrometheusText004: return "text/plain;version=0.0.4";
        case Protocol::kPrometheusText100: return "text/plain;version=1.0.0";
        case Protocol::kOpenMetricsText001: return "application/openmetrics-text;version=0.0.1";
        case Protocol::kOpenMetricsText100: return "application/openmetrics-text;version=1.0.0";
        case Protocol::kPrometheusProto:
            return "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;"
                   "encoding=delimited";
    }
    return "";
}

}  // namespace

std::string accept_header(const std::vector<Protocol>& protocols, Escaping escaping) {
    std::string header;
    int weight = 6;  // one more than there are protocols
    for (const Protocol protocol : protocols) {
        header += media_type(protocol);
        // The older versions do not know the parameter.
        if (protocol == Protocol::kPrometheusText100 || protocol == Protocol::kOpenMetricsText100) {
            header += fmt::format(";escaping={}", escaping_text(escaping));
        }
        header += fmt::format(";q=0.{},", weight--);
    }
    header += fmt::format("*/*;q=0.{}", weight);
    return header;
}

}  // namespace kw::scrape
