// The top of prometheus.yml: global, runtime, storage, otlp and the lists; and our own top-level
// keys. Source:
// https://prometheus.io/docs/prometheus/latest/configuration/configuration/#configuration-file
#include <algorithm>

#include "app/config/checks.h"
#include "app/config/schema.h"
#include "app/config/schema_choices.h"
#include "model/labels.h"
#include "model/sample.h"
#include "settings/values.h"

namespace kw::app {
namespace {

constexpr int64_t kScrapeIntervalMs = 60'000;
constexpr int64_t kScrapeTimeoutMs = 10'000;

// global
constexpr std::string_view kOnNoData[] = {"resolve", "keep", "alert"};
constexpr Field kGlobalFields[] = {
    duration("scrape_interval", "1m"),
    duration("scrape_timeout"),  // 10s, or the interval where that is shorter
    texts("scrape_protocols"),
    duration("evaluation_interval", "1m"),
    duration("rule_query_offset"),
    one_of("on_no_data", kOnNoData),  // our own
    text("query_log_file"),
    text("scrape_failure_log_file"),
    labels("external_labels"),
    size("body_size_limit"),
    count("sample_limit"),
    count("target_limit"),
    count("label_limit"),
    count("label_name_length_limit"),
    count("label_value_length_limit"),
    count("keep_dropped_targets"),
    one_of("metric_name_validation_scheme", kNameSchemes),
    one_of("metric_name_escaping_scheme", kEscapingSchemes),
    flag("scrape_native_histograms"),
    flag("convert_classic_histograms_to_nhcb"),
    flag("always_scrape_classic_histograms"),
    flag("extra_scrape_metrics"),
};
Result<void> check_global(Section& global) {
    KW_TRY(check_protocols(global));
    if (global.integer("scrape_interval") == 0) global.put("scrape_interval", kScrapeIntervalMs);
    if (global.integer("evaluation_interval") == 0) {
        global.put("evaluation_interval", kScrapeIntervalMs);
    }
    const int64_t interval = global.integer("scrape_interval");
    const int64_t timeout = global.integer("scrape_timeout");
    if (timeout > interval) {
        return global.error("scrape_timeout",
                            "{} is longer than scrape_interval {}; lower it or raise the interval",
                            format_duration_ms(timeout), format_duration_ms(interval));
    }
    if (timeout == 0) global.put("scrape_timeout", std::min(kScrapeTimeoutMs, interval));
    return {};
}
constexpr Block kGlobalBlock = {"global", kGlobalFields, check_global};

// runtime
constexpr Field kRuntimeFields[] = {integer("gogc", "75")};
constexpr Block kRuntimeBlock = {"runtime", kRuntimeFields};

// storage
constexpr Field kRetentionFields[] = {duration("time"), size("size"), real("percentage")};
Result<void> check_retention(Section& retention) {
    const double percentage = retention.real("percentage");
    if (!(percentage >= 0 && percentage <= 100)) {
        return retention.error("percentage", "{} is not between 0 and 100", real_text(percentage));
    }
    return {};
}
constexpr Block kRetentionBlock = {"retention", kRetentionFields, check_retention};
constexpr std::string_view kFloatEncodings[] = {"xor", "xor2"};
constexpr Field kChunkEncodingFields[] = {one_of("floats", kFloatEncodings)};
constexpr Block kChunkEncodingBlock = {"chunk_encoding", kChunkEncodingFields};
constexpr Field kTsdbFields[] = {
    duration("out_of_order_time_window"),
    real("stale_series_compaction_threshold"),
    block("retention", kRetentionBlock),
    block("chunk_encoding", kChunkEncodingBlock),
};
Result<void> check_tsdb(Section& tsdb) {
    const double threshold = tsdb.real("stale_series_compaction_threshold");
    if (!(threshold >= 0 && threshold <= 1)) {
        return tsdb.error("stale_series_compaction_threshold", "{} is not between 0 and 1",
                          real_text(threshold));
    }
    return {};
}
constexpr Block kTsdbBlock = {"tsdb", kTsdbFields, check_tsdb};
constexpr Field kExemplarsFields[] = {integer("max_exemplars", "100000")};
constexpr Block kExemplarsBlock = {"exemplars", kExemplarsFields};
constexpr Field kStorageFields[] = {
    block("tsdb", kTsdbBlock),
    block("exemplars", kExemplarsBlock),
};
constexpr Block kStorageBlock = {"storage", kStorageFields};

// otlp
constexpr std::string_view kTranslations[] = {"UnderscoreEscapingWithSuffixes",
                                              "UnderscoreEscapingWithoutSuffixes",
                                              "NoUTF8EscapingWithSuffixes", "NoTranslation"};
constexpr Field kOtlpFields[] = {
    flag("promote_all_resource_attributes"),
    texts("promote_resource_attributes"),
    texts("ignore_resource_attributes"),
    one_of("translation_strategy", kTranslations, "UnderscoreEscapingWithSuffixes"),
    flag("keep_identifying_resource_attributes"),
    flag("convert_histograms_to_nhcb"),
    flag("promote_scope_metadata"),
    flag("label_name_underscore_sanitization", true),
    flag("label_name_preserve_multiple_underscores", true),
};
Result<void> check_attributes(Section& otlp, std::string_view key) {
    Texts trimmed;
    for (std::string name : otlp.texts(key)) {
        name.erase(0, name.find_first_not_of(" \t"));
        name.erase(name.find_last_not_of(" \t") + 1);
        if (name.empty()) return otlp.error(key, "has an empty name; remove it");
        if (std::find(trimmed.begin(), trimmed.end(), name) != trimmed.end()) {
            return otlp.error(key, "{} is there twice; remove one", name);
        }
        trimmed.push_back(std::move(name));
    }
    if (!trimmed.empty()) otlp.put(key, std::move(trimmed));
    return {};
}
Result<void> check_otlp(Section& otlp) {
    KW_TRY(check_at_most_one(otlp,
                             {"promote_all_resource_attributes", "promote_resource_attributes"}));
    if (otlp.has("ignore_resource_attributes") && !otlp.flag("promote_all_resource_attributes")) {
        return otlp.error("ignore_resource_attributes",
                          "acts only with promote_all_resource_attributes: true");
    }
    KW_TRY(check_attributes(otlp, "promote_resource_attributes"));
    return check_attributes(otlp, "ignore_resource_attributes");
}
constexpr Block kOtlpBlock = {"otlp", kOtlpFields, check_otlp};

constexpr Field kIdentityFields[] = {
    of_kind("services", Kind::kTextsMap),
    of_kind("labels", Kind::kTextsMap),
};
constexpr Block kIdentityBlock = {"identity", kIdentityFields};

// notifications: our own, beside alertmanager.yml, which stays upstream's
constexpr int64_t kHeartbeatMsMin = 1'000;
constexpr Field kHeartbeatFields[] = {required(text("receiver")), duration("interval", "1m")};
Result<void> check_heartbeat(Section& heartbeat) {
    if (heartbeat.integer("interval") >= kHeartbeatMsMin) return {};
    return heartbeat.error("interval", "{} is shorter than {}; raise it",
                           format_duration_ms(heartbeat.integer("interval")),
                           format_duration_ms(kHeartbeatMsMin));
}
constexpr Block kHeartbeatBlock = {"heartbeat", kHeartbeatFields, check_heartbeat};
constexpr Field kNotificationsFields[] = {
    text("fallback_receiver"),
    block("heartbeat", kHeartbeatBlock),
};
constexpr Block kNotificationsBlock = {"notifications", kNotificationsFields};

constexpr Field kConfigFields[] = {
    block("global", kGlobalBlock, true),
    block("runtime", kRuntimeBlock, true),
    block("alerting", kAlertingBlock),
    texts("rule_files"),
    texts("scrape_config_files"),
    blocks("scrape_configs", kScrapeConfigBlock),
    block("storage", kStorageBlock),
    block("tracing", kTracingBlock),
    blocks("remote_write", kRemoteWriteBlock),
    blocks("remote_read", kRemoteReadBlock),
    block("otlp", kOtlpBlock, true),
    block("collectors", kCollectorsBlock, true),
    block("identity", kIdentityBlock),
    block("alertmanager", kAlertmanagerFileBlock),
    block("incidents", kIncidentsBlock),
    block("notifications", kNotificationsBlock),
};

// No two blocks of the list `key` share a name; those without one may be many.
Result<void> check_unique_names(const Section& config, std::string_view key) {
    std::vector<std::string_view> seen;
    for (const Section& remote : config.sections(key)) {
        const std::string& name = remote.text("name");
        if (name.empty()) continue;
        if (std::find(seen.begin(), seen.end(), name) != seen.end()) {
            return remote.error("name", "{} names another {} already; choose another",
                                kw::quoted(name), key);
        }
        seen.push_back(name);
    }
    return {};
}

Result<void> check_globs(const Section& config, std::string_view key) {
    for (const std::string& pattern : config.texts(key)) {
        if (!is_last_segment_glob(pattern)) {
            return config.error(key, "{} may have * only after its last slash",
                                kw::quoted(pattern));
        }
    }
    return {};
}

Result<void> check_name_scheme(const Section& config) {
    const Section& otlp = *config.section("otlp");
    const std::string& strategy = otlp.text("translation_strategy");
    const bool needs_utf8 = strategy == "NoUTF8EscapingWithSuffixes" || strategy == "NoTranslation";
    if (needs_utf8 && config.section("global")->text("metric_name_validation_scheme") == "legacy") {
        return otlp.error("translation_strategy",
                          "{} needs UTF-8 names; remove metric_name_validation_scheme: legacy",
                          strategy);
    }
    return {};
}

Result<void> check_config(Section& config) {
    KW_TRY(check_globs(config, "rule_files"));
    KW_TRY(check_globs(config, "scrape_config_files"));
    KW_TRY(check_unique_names(config, "remote_write"));
    KW_TRY(check_unique_names(config, "remote_read"));
    return check_name_scheme(config);
}

}  // namespace

Result<void> check_protocols(const Section& section) {
    constexpr std::string_view kKey = "scrape_protocols";
    if (!section.is_written(kKey)) return {};
    if (section.texts(kKey).empty()) {
        return section.error(kKey, "is an empty list; remove it to use the default");
    }
    std::vector<std::string_view> seen;
    for (const std::string& protocol : section.texts(kKey)) {
        if (std::find(std::begin(kScrapeProtocols), std::end(kScrapeProtocols), protocol) ==
            std::end(kScrapeProtocols)) {
            std::string known;
            for (const std::string_view name : kScrapeProtocols) known += fmt::format(" {}", name);
            return section.error(kKey, "{} is not one of{}", kw::quoted(protocol), known);
        }
        if (std::find(seen.begin(), seen.end(), protocol) != seen.end()) {
            return section.error(kKey, "{} is there twice; remove one", protocol);
        }
        seen.push_back(protocol);
    }
    return {};
}

constexpr Block kConfigBlock = {"configuration", kConfigFields, check_config};

}  // namespace kw::app
