// scrape_configs, relabel_configs and the files of scrape_config_files.
// Source: https://prometheus.io/docs/prometheus/latest/configuration/configuration/#scrape_config
#include "app/config/checks.h"
#include "app/config/convert.h"
#include "app/config/schema.h"
#include "app/config/schema_choices.h"

namespace kw::app {
namespace {

constexpr Field kRelabelConfigFields[] = {
    texts("source_labels"),
    text("separator", intake::RelabelConfig::kSeparatorDefault),
    text("regex", intake::RelabelConfig::kRegexDefault),
    count("modulus"),
    text("target_label"),
    text("replacement", intake::RelabelConfig::kReplacementDefault),
    text("action", "replace"),
};
// The name scheme is known when the whole file is; what it forbids is found then.
Result<void> check_relabel_config(Section& rule) {
    KW_TRY(to_relabel_rule(rule, NameScheme::kUtf8));
    return {};
}

constexpr Field kScrapeConfigFields[] = {
    required(text("job_name")),
    flag("honor_labels"),
    flag("honor_timestamps", true),
    flag("track_timestamps_staleness"),
    of_kind("params", Kind::kTextsMap),
    duration("scrape_interval"),
    duration("scrape_timeout"),
    texts("scrape_protocols"),
    one_of("fallback_scrape_protocol", kScrapeProtocols),
    flag("scrape_native_histograms"),
    flag("always_scrape_classic_histograms"),
    flag("convert_classic_histograms_to_nhcb"),
    flag("extra_scrape_metrics"),
    text("scrape_failure_log_file"),
    text("metrics_path", "/metrics"),
    text("scheme", "http"),
    flag("enable_compression", true),
    size("body_size_limit"),
    count("sample_limit"),
    count("target_limit"),
    count("label_limit"),
    count("label_name_length_limit"),
    count("label_value_length_limit"),
    count("native_histogram_bucket_limit"),
    real("native_histogram_min_bucket_factor"),
    count("keep_dropped_targets"),
    one_of("metric_name_validation_scheme", kNameSchemes),
    one_of("metric_name_escaping_scheme", kEscapingSchemes),
    inlined(kHttpClientBlock),
    blocks("relabel_configs", kRelabelConfigBlock),
    blocks("metric_relabel_configs", kRelabelConfigBlock),
    inlined(kDiscoveryBlock),
};
Result<void> check_scrape_config(Section& scrape) {
    KW_TRY(check_protocols(scrape));
    // A rule may turn a URL into an address; without rules it stays one.
    if (!scrape.has("relabel_configs")) KW_TRY(check_static_targets(scrape));
    return {};
}

constexpr Field kScrapeConfigFileFields[] = {blocks("scrape_configs", kScrapeConfigBlock)};

}  // namespace

constexpr Block kRelabelConfigBlock = {"relabel_config", kRelabelConfigFields,
                                       check_relabel_config};
constexpr Block kScrapeConfigBlock = {"scrape_config", kScrapeConfigFields, check_scrape_config};
constexpr Block kScrapeConfigFileBlock = {"scrape configuration file", kScrapeConfigFileFields};

}  // namespace kw::app
