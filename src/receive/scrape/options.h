// What a scrape_config says, checked and with the global defaults filled in: every field of
// Prometheus' scrape_config that acts. `app` fills it from YAML; a reload hands in a new list.
// Source: https://prometheus.io/docs/prometheus/latest/configuration/configuration/#scrape_config
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "intake/histogram_limits.h"
#include "intake/relabel.h"
#include "model/labels.h"
#include "net/dns_resolver.h"
#include "net/fields.h"
#include "net/http_client.h"
#include "wire/exposition/histogram_choice.h"

namespace kw::scrape {

// The formats that a target may be asked for, as scrape_protocols names them.
enum class Protocol : unsigned char {
    kPrometheusProto,     // "PrometheusProto"
    kPrometheusText004,   // "PrometheusText0.0.4"
    kPrometheusText100,   // "PrometheusText1.0.0"
    kOpenMetricsText001,  // "OpenMetricsText0.0.1"
    kOpenMetricsText100,  // "OpenMetricsText1.0.0"
};
std::string_view protocol_text(Protocol protocol);
std::optional<Protocol> parse_protocol(std::string_view text);

// How a target is asked to write names that are not classic.
enum class Escaping : unsigned char {
    kAllowUtf8,    // "allow-utf-8"
    kUnderscores,  // "underscores"
    kDots,         // "dots"
    kValues,       // "values"
};
std::string_view escaping_text(Escaping escaping);
std::optional<Escaping> parse_escaping(std::string_view text);

// A group of targets with labels in common: static_configs, and what discovery finds. `source`
// tells the groups of one discovery apart: an update of a source replaces its former group.
struct TargetGroup {
    std::string source;
    std::vector<LabelSet> targets;  // each with at least __address__
    LabelSet labels;
    bool operator==(const TargetGroup&) const = default;
};

struct StaticSdOptions {
    std::vector<TargetGroup> groups;
    bool operator==(const StaticSdOptions&) const = default;
};

struct FileSdOptions {
    std::vector<std::string> files;  // absolute; the last segment may have one *
    int64_t refresh_interval_ms = 300'000;
    bool operator==(const FileSdOptions&) const = default;
};

struct HttpSdOptions {
    std::string url;
    int64_t refresh_interval_ms = 60'000;
    net::HttpClientOptions client;
    bool operator==(const HttpSdOptions&) const = default;
};

struct DnsSdOptions {
    std::vector<std::string> names;
    net::DnsRecordType type = net::DnsRecordType::kSrv;
    int64_t port = 0;  // of the targets; records of kSrv have their own
    int64_t refresh_interval_ms = 30'000;
    bool operator==(const DnsSdOptions&) const = default;
};

// Limits, 0: none.
struct ScrapeLimits {
    uint64_t body_bytes = 0;            // body_size_limit, after decompression
    uint64_t samples = 0;               // sample_limit, after relabelling
    uint64_t targets = 0;               // target_limit, of the job after relabelling
    uint64_t labels = 0;                // label_limit, of a sample
    uint64_t label_name_bytes = 0;      // label_name_length_limit
    uint64_t label_value_bytes = 0;     // label_value_length_limit
    uint64_t keep_dropped_targets = 0;  // how many dropped targets are listed; 0: all
    bool operator==(const ScrapeLimits&) const = default;
};

struct JobOptions {
    std::string job_name;
    int64_t interval_ms = 60'000;
    int64_t timeout_ms = 10'000;  // at most the interval
    std::string metrics_path = "/metrics";
    std::string scheme = "http";
    net::Params params;  // of the URL
    bool honor_labels = false;
    bool honor_timestamps = true;
    bool track_timestamps_staleness = false;
    // In order of preference. Prometheus 3's default.
    std::vector<Protocol> protocols = {Protocol::kOpenMetricsText100, Protocol::kOpenMetricsText001,
                                       Protocol::kPrometheusText100, Protocol::kPrometheusText004};
    // For an answer without a usable Content-Type; none: such a scrape fails.
    std::optional<Protocol> fallback_protocol;
    NameScheme name_validation = NameScheme::kUtf8;
    Escaping name_escaping = Escaping::kAllowUtf8;
    bool enable_compression = true;
    bool extra_scrape_metrics =
        false;  // scrape_timeout_seconds, scrape_sample_limit, scrape_body_size_bytes
    wire::HistogramChoice histograms;
    ScrapeLimits limits;
    intake::HistogramLimits histogram_limits;
    std::vector<intake::RelabelRule> relabel;
    std::vector<intake::RelabelRule> metric_relabel;
    net::HttpClientOptions client;

    std::vector<StaticSdOptions> static_sds;
    std::vector<FileSdOptions> file_sds;
    std::vector<HttpSdOptions> http_sds;
    std::vector<DnsSdOptions> dns_sds;

    bool operator==(const JobOptions&) const = default;
};

}  // namespace kw::scrape
