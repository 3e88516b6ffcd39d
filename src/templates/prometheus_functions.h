// The functions that Prometheus gives its rule templates, beside Go's own.
// Source: https://prometheus.io/docs/prometheus/latest/configuration/template_reference/
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "model/labels.h"
#include "templates/template.h"

namespace kw::templates {

// A sample as `query` gives it and `value`, `label`, `strvalue` take it.
Value sample_value(const LabelSet& labels, double value);
// The labels as `.Labels` and `$labels` have them.
Value labels_value(const LabelSet& labels);

// A time as Go's time.Time, shown `offset_s` east of UTC under the name `zone`; its number is Unix seconds.
Value time_value(double unix_seconds, int64_t offset_s = 0, std::string zone = "UTC");
// A time.Duration.
Value duration_value(double seconds);

struct PrometheusContext {
    // Runs a query at the time of the evaluation: a list of sample_value(). Unset: `query` is an error.
    std::function<Result<List>(const std::string& query)> query;
    std::string external_url;
    Millis now;
};

// Every function of Prometheus 3's rule templates. `context` is copied.
Functions prometheus_functions(PrometheusContext context);
// The same to check names with, when a file is read.
const Functions& prometheus_function_names();

// 1234567 is "1.235M"; the functions of the same names in templates.
std::string humanize(double value);
std::string humanize_duration(double seconds);

// A text as a part of a URL's query.
std::string url_query_escaped(std::string_view text);

}  // namespace kw::templates
