#include "app/config/globals.h"

#include <algorithm>

#include "model/sample.h"

namespace kw::app {
namespace {

Texts protocols_default(bool native_histograms) {
    Texts protocols;
    if (native_histograms) protocols.emplace_back("PrometheusProto");
    for (const char* text : {"OpenMetricsText1.0.0", "OpenMetricsText0.0.1", "PrometheusText1.0.0",
                             "PrometheusText0.0.4"}) {
        protocols.emplace_back(text);
    }
    return protocols;
}

Result<void> fill_times(Section& scrape, const Section& global) {
    if (scrape.integer("scrape_interval") == 0) {
        scrape.put("scrape_interval", global.integer("scrape_interval"));
    }
    const int64_t interval = scrape.integer("scrape_interval");
    const int64_t timeout = scrape.integer("scrape_timeout");
    if (timeout > interval) {
        return scrape.error("scrape_timeout",
                            "{} is longer than scrape_interval {}; lower it or raise the interval",
                            format_duration_ms(timeout), format_duration_ms(interval));
    }
    // A global time-out that is too long for this job was not meant for it.
    if (timeout == 0) {
        scrape.put("scrape_timeout", std::min(global.integer("scrape_timeout"), interval));
    }
    return {};
}

Result<void> fill_names(Section& section) {
    if (!section.has("metric_name_validation_scheme")) {
        section.put("metric_name_validation_scheme", std::string("utf8"));
    }
    const bool legacy = section.text("metric_name_validation_scheme") == "legacy";
    if (!section.has("metric_name_escaping_scheme")) {
        section.put("metric_name_escaping_scheme",
                    std::string(legacy ? "underscores" : "allow-utf-8"));
    }
    if (legacy && section.text("metric_name_escaping_scheme") == "allow-utf-8") {
        return section.error(
            "metric_name_escaping_scheme",
            "allow-utf-8 asks for names that metric_name_validation_scheme legacy refuses; "
            "change one of them");
    }
    return {};
}

}  // namespace

Result<void> fill_global(Section& global) { return fill_names(global); }

Result<void> fill_from_global(Section& scrape, const Section& global) {
    KW_TRY(fill_times(scrape, global));
    if (scrape.integer("body_size_limit") == 0) {
        scrape.put("body_size_limit", global.integer("body_size_limit"));
    }
    for (const std::string_view key :
         {"sample_limit", "target_limit", "label_limit", "label_name_length_limit",
          "label_value_length_limit", "keep_dropped_targets"}) {
        if (scrape.count(key) == 0) scrape.put(key, global.count(key));
    }
    for (const std::string_view key :
         {"scrape_native_histograms", "convert_classic_histograms_to_nhcb",
          "always_scrape_classic_histograms", "extra_scrape_metrics"}) {
        if (!scrape.is_written(key)) scrape.put(key, global.flag(key));
    }
    if (!scrape.has("scrape_failure_log_file")) {
        scrape.put("scrape_failure_log_file", global.text("scrape_failure_log_file"));
    }
    if (!scrape.has("scrape_protocols")) {
        const Texts& of_global = global.texts("scrape_protocols");
        scrape.put("scrape_protocols",
                   of_global.empty() ? protocols_default(scrape.flag("scrape_native_histograms"))
                                     : of_global);
    }
    // A job that chooses its own name scheme chooses the escaping with it, unless that is written
    // as well.
    const bool own_scheme = scrape.has("metric_name_validation_scheme");
    if (!own_scheme) {
        scrape.put("metric_name_validation_scheme", global.text("metric_name_validation_scheme"));
    }
    if (!scrape.has("metric_name_escaping_scheme") &&
        (!own_scheme || global.is_written("metric_name_escaping_scheme"))) {
        scrape.put("metric_name_escaping_scheme", global.text("metric_name_escaping_scheme"));
    }
    return fill_names(scrape);
}

}  // namespace kw::app
