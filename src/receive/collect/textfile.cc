// Whatever *.prom files in a directory say, merged: how cron jobs and scripts hand metrics to node_exporter.
//
// A file is read strictly (check_text) and as a whole: one that is malformed or has timestamps is left out, and
// node_textfile_scrape_error says 1. Families of one name are put together; where help texts differ, or types,
// the first file's counts and the other's family is left out (an error, too). Missing labels are filled in empty,
// so that all series of a family have the same; series come sorted by label values.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <vector>

#include "collect/collector.h"
#include "collect/writer.h"
#include "model/sample.h"
#include "wire/exposition/checker.h"
#include "wire/exposition/parser.h"

namespace kw::collect {
namespace {

using wire::ExpositionFormat;
using wire::Step;
using Labels = std::map<std::string, std::string, std::less<>>;

// One label set of a family: a value, or the parts of a histogram or summary by le or quantile.
struct Metric {
    double value = 0;
    std::map<double, double> parts;
    double sum = 0;
    double count = 0;
};

struct Family {
    MetricType type = MetricType::kUnknown;
    std::string help;
    std::vector<std::string> files;
    std::map<Labels, Metric> metrics;
};
using Families = std::map<std::string, Family, std::less<>>;

std::string_view type_text(MetricType type) {
    return type == MetricType::kUnknown ? "untyped" : metric_type_name(type);
}

// Takes `label` out of `labels`; the number that its value is.
Result<double> take_number(Labels& labels, std::string_view label) {
    const auto it = labels.find(label);
    if (it == labels.end()) return invalid("a sample without label {}", label);
    KW_TRY_ASSIGN(const double number, parse_value(it->second));
    labels.erase(it);
    return number;
}

// The family that a sample belongs to, and what of it the sample is: "", "_bucket", "_sum" or "_count".
std::pair<Family*, std::string_view> family_of(Families& families, std::string_view name) {
    for (const std::string_view suffix : {"_bucket", "_sum", "_count"}) {
        if (!name.ends_with(suffix)) continue;
        const auto it = families.find(name.substr(0, name.size() - suffix.size()));
        if (it == families.end()) continue;
        const MetricType type = it->second.type;
        if (type == MetricType::kHistogram ||
            (type == MetricType::kSummary && suffix != "_bucket")) {
            return {&it->second, suffix};
        }
    }
    return {&families[std::string(name)], ""};
}

Result<void> add_sample(Families& families, const wire::SeriesLabels& series, double value) {
    const auto [family, suffix] = family_of(families, series.metric_name());
    Labels labels;
    for (const LabelView& label : series.labels()) {
        if (label.name != kMetricName) labels.emplace(label.name, label.value);
    }
    if (suffix == "_sum") {
        family->metrics[labels].sum = value;
    } else if (suffix == "_count") {
        family->metrics[labels].count = value;
    } else if (family->type == MetricType::kHistogram || family->type == MetricType::kSummary) {
        const bool histogram = family->type == MetricType::kHistogram;
        if (histogram != (suffix == "_bucket"))
            return invalid("{} is no sample of a histogram", series.metric_name());
        KW_TRY_ASSIGN(const double position, take_number(labels, histogram ? "le" : "quantile"));
        family->metrics[labels].parts[position] = value;
    } else if (!family->metrics.try_emplace(labels, Metric{value, {}, 0, 0}).second) {
        return invalid("{} is there twice", series.metric_name());
    }
    return {};
}

Result<Families> read_families(std::string_view text) {
    KW_TRY(wire::check_text(text));
    Families families;
    wire::SeriesLabels labels;
    wire::Parser parser(text, ExpositionFormat::kText);
    for (Step step; (step = parser.next()) != Step::kEnd;) {
        if (step == Step::kHelp) {
            families[std::string(parser.family())].help =
                wire::unescaped_help(parser.metadata_text(), ExpositionFormat::kText);
        } else if (step == Step::kType) {
            families[std::string(parser.family())].type = parser.type();
        } else if (step == Step::kSample) {
            if (parser.has_timestamp()) return unsupported("line {}: a timestamp", parser.line());
            KW_TRY(labels.read(parser.series(), ExpositionFormat::kText));
            KW_TRY(add_sample(families, labels, parser.value()));
        } else if (step == Step::kError) {
            return parser.error();
        }
    }
    std::erase_if(families, [](const auto& entry) { return entry.second.metrics.empty(); });
    return families;
}

// Puts `from` into `into`. False where something of it had to be left out.
bool merge(Families& into, Families&& from, const std::string& file) {
    bool whole = true;
    for (auto& [name, family] : from) {
        const auto [it, is_new] = into.try_emplace(name, std::move(family));
        if (is_new) {
            it->second.files.push_back(file);
            continue;
        }
        Family& known = it->second;
        if (known.type != family.type || known.help != family.help) {
            whole = false;
            continue;
        }
        known.files.push_back(file);
        for (auto& [labels, metric] : family.metrics)
            whole &= known.metrics.try_emplace(labels, std::move(metric)).second;
    }
    return whole;
}

// The family's series with all of its label names, sorted by their values.
std::map<std::vector<std::string>, const Metric*> filled(const Family& family,
                                                         const std::set<std::string>& names) {
    std::map<std::vector<std::string>, const Metric*> series;
    for (const auto& [labels, metric] : family.metrics) {
        std::vector<std::string> values;
        for (const std::string& name : names) {
            const auto it = labels.find(name);
            values.push_back(it == labels.end() ? "" : it->second);
        }
        series.emplace(std::move(values), &metric);
    }
    return series;
}

void write_family(const std::string& name, const Family& family, ExpositionWriter& out) {
    std::set<std::string> names;
    for (const auto& [labels, metric] : family.metrics) {
        for (const auto& [label, value] : labels) names.insert(label);
    }
    const std::string help = family.help.empty()
                                 ? fmt::format("Metric read from {}", fmt::join(family.files, ", "))
                                 : family.help;
    out.family(name, help, type_text(family.type));
    const bool histogram = family.type == MetricType::kHistogram;
    for (const auto& [values, metric] : filled(family, names)) {
        std::vector<LabelView> labels;
        labels.reserve(names.size());
        auto value = values.begin();
        for (const std::string& label : names) labels.push_back({label, *value++});
        if (!histogram && family.type != MetricType::kSummary) {
            out.sample(labels, metric->value);
            continue;
        }
        std::map<double, double> parts = metric->parts;
        if (histogram) parts.try_emplace(std::numeric_limits<double>::infinity(), metric->count);
        for (const auto& [position, number] : parts) {
            const std::string text = go_value(position);
            labels.push_back({histogram ? "le" : "quantile", text});
            out.sample(histogram ? "_bucket" : "", labels, number);
            labels.pop_back();
        }
        out.sample("_sum", labels, metric->sum);
        out.sample("_count", labels, metric->count);
    }
}

}  // namespace

Result<void> collect_textfile(const Host& host, HostMemory&, ExpositionWriter& out) {
    const std::string& directory = host.options().textfile_directory;
    Families families;
    Family modified{MetricType::kGauge, "Unixtime mtime of textfiles successfully read.", {}, {}};
    bool failed = false;
    if (!directory.empty()) {
        const Result<std::vector<std::string>> names = Host::list(directory);
        failed = !names.ok();
        for (const std::string& name : names.ok() ? *names : std::vector<std::string>()) {
            if (!name.ends_with(".prom")) continue;
            const std::string path = fmt::format("{}/{}", directory, name);
            Result<Families> read = [&]() -> Result<Families> {
                KW_TRY_ASSIGN(const std::string text, Host::read(path));
                return read_families(text);
            }();
            const Result<double> seconds = host.calls().modified_seconds(path);
            if (!read.ok() || !seconds.ok()) {
                failed = true;
                continue;
            }
            failed |= !merge(families, std::move(read).value(), path);
            modified.metrics[{{"file", path}}].value = *seconds;
        }
    }
    if (!modified.metrics.empty()) families["node_textfile_mtime_seconds"] = std::move(modified);
    Family& error = families["node_textfile_scrape_error"];
    error = {MetricType::kGauge,
             "1 if there was an error opening or reading a file, 0 otherwise",
             {},
             {}};
    error.metrics[{}].value = failed ? 1 : 0;
    for (const auto& [name, family] : families) write_family(name, family, out);
    return {};
}

}  // namespace kw::collect
