// What an entry of `alerting.alertmanagers` says, checked and with defaults filled in: where alerts are sent, and how.
// Source: https://prometheus.io/docs/prometheus/latest/configuration/configuration/#alertmanager_config
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "intake/relabel.h"
#include "net/http_client.h"
#include "scrape/options.h"

namespace kw::forward {

struct AlertmanagerOptions {
    std::string scheme = "http";
    std::string path_prefix = "/";
    int64_t timeout_ms = 10'000;  // of one request
    net::HttpClientOptions client;
    std::vector<intake::RelabelRule> relabel;        // of the Alertmanagers that are found
    std::vector<intake::RelabelRule> alert_relabel;  // of the alerts that they are sent

    std::vector<scrape::StaticSdOptions> static_sds;
    std::vector<scrape::FileSdOptions> file_sds;
    std::vector<scrape::HttpSdOptions> http_sds;
    std::vector<scrape::DnsSdOptions> dns_sds;

    bool operator==(const AlertmanagerOptions&) const = default;
};

}  // namespace kw::forward
