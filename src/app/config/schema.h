// The schema of the configuration: its blocks, in tables of the schema_*.cc beside this. What a table is made
// of stands in settings/schema.h.
// Source: https://prometheus.io/docs/prometheus/latest/configuration/configuration/
#pragma once

#include "settings/schema.h"
#include "settings/section.h"

namespace kw::app {

// The words of settings are those of the whole folder.
using namespace settings;

// schema_http.cc
extern const Block kHttpClientBlock;  // basic_auth, authorization, tls_config, proxy_url, …
extern const Block
    kHttpClientNoHttp2Block;  // the same with enable_http2 off by default: remote write
extern const Block kTlsConfigBlock;
// schema_discovery.cc, schema_discovery_cloud.cc
extern const Block kStaticConfigBlock;
extern const Block kDiscoveryBlock;  // static_configs and every *_sd_configs
// schema_scrape.cc
extern const Block kRelabelConfigBlock;
extern const Block kScrapeConfigBlock;
extern const Block kScrapeConfigFileBlock;  // a file named by scrape_config_files
// schema_remote.cc
extern const Block kAlertingBlock;
extern const Block kRemoteWriteBlock;
extern const Block kRemoteReadBlock;
extern const Block kTracingBlock;
// schema_collectors.cc
extern const Block kCollectorsBlock;
// schema_incidents.cc
extern const Block kIncidentsBlock;
// schema_config.cc
extern const Block kConfigBlock;
// alertmanager/schema_alertmanager.cc
extern const Block kAlertmanagerFileBlock;
// schema_web.cc
extern const Block kWebConfigBlock;

}  // namespace kw::app
