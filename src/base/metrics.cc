#include "base/metrics.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "base/check.h"

namespace kw {
namespace {

std::string label_text(const MetricLabels& labels) {
    std::string out;
    for (const auto& [name, value] : labels) {
        if (!out.empty()) out += ',';
        out += name;
        out += "=\"";
        for (const char c : value) {
            if (c == '\\' || c == '"') out += '\\';
            if (c == '\n') {
                out += "\\n";
            } else {
                out += c;
            }
        }
        out += '"';
    }
    return out;
}

std::string number(double value) {
    if (std::isnan(value)) return "NaN";
    if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
    return fmt::format("{}", value);
}

void append_sample(std::string& out, std::string_view name, std::string_view suffix,
                   std::string_view labels, std::string_view more_labels, std::string_view value) {
    out.append(name).append(suffix);
    if (!labels.empty() || !more_labels.empty()) {
        out += '{';
        out.append(labels);
        if (!labels.empty() && !more_labels.empty()) out += ',';
        out.append(more_labels);
        out += '}';
    }
    out += ' ';
    out.append(value);
    out += '\n';
}

}  // namespace

void Gauge::add(double value) {
    double old = value_.load(std::memory_order_relaxed);
    while (!value_.compare_exchange_weak(old, old + value, std::memory_order_relaxed)) {
    }
}

HistogramMetric::HistogramMetric(std::vector<double> bounds)
    : bounds_(std::move(bounds)), buckets_(bounds_.size() + 1) {}

void HistogramMetric::observe(double value) {
    const auto at = std::lower_bound(bounds_.begin(), bounds_.end(), value);
    buckets_[static_cast<size_t>(at - bounds_.begin())].fetch_add(1, std::memory_order_relaxed);
    sum_.add(value);
}

MetricRegistry::Family& MetricRegistry::family(std::string_view name, std::string_view help,
                                               const char* type) {
    const auto found = families_.find(name);
    if (found != families_.end()) {
        KW_CHECK(std::string_view(found->second.type) == type);
        return found->second;
    }
    Family& made = families_[std::string(name)];
    made.help = help;
    made.type = type;
    return made;
}

Counter& MetricRegistry::counter(std::string_view name, std::string_view help,
                                 const MetricLabels& labels) {
    MutexLock lock(mutex_);
    return family(name, help, "counter").counters[label_text(labels)];
}

Gauge& MetricRegistry::gauge(std::string_view name, std::string_view help,
                             const MetricLabels& labels) {
    MutexLock lock(mutex_);
    return family(name, help, "gauge").gauges[label_text(labels)];
}

HistogramMetric& MetricRegistry::histogram(std::string_view name, std::string_view help,
                                           const std::vector<double>& bounds,
                                           const MetricLabels& labels) {
    MutexLock lock(mutex_);
    return family(name, help, "histogram")
        .histograms.try_emplace(label_text(labels), bounds)
        .first->second;
}

void MetricRegistry::callback(std::string_view name, std::string_view help, bool is_counter,
                              const MetricLabels& labels, std::function<double()> read) {
    MutexLock lock(mutex_);
    family(name, help, is_counter ? "counter" : "gauge").callbacks[label_text(labels)] =
        Callback{std::move(read)};
}

void MetricRegistry::render(std::string& out) const {
    MutexLock lock(mutex_);
    for (const auto& [name, family] : families_) {
        fmt::format_to(std::back_inserter(out), "# HELP {} {}\n# TYPE {} {}\n", name, family.help,
                       name, family.type);
        for (const auto& [labels, counter] : family.counters) {
            append_sample(out, name, "", labels, "", std::to_string(counter.value()));
        }
        for (const auto& [labels, gauge] : family.gauges) {
            append_sample(out, name, "", labels, "", number(gauge.value()));
        }
        for (const auto& [labels, callback] : family.callbacks) {
            append_sample(out, name, "", labels, "", number(callback.read()));
        }
        for (const auto& [labels, histogram] : family.histograms) {
            uint64_t cumulative = 0;
            for (size_t i = 0; i <= histogram.bounds().size(); ++i) {
                cumulative += histogram.bucket_count(i);
                const std::string bound =
                    i < histogram.bounds().size() ? number(histogram.bounds()[i]) : "+Inf";
                append_sample(out, name, "_bucket", labels, fmt::format("le=\"{}\"", bound),
                              std::to_string(cumulative));
            }
            append_sample(out, name, "_sum", labels, "", number(histogram.sum()));
            append_sample(out, name, "_count", labels, "", std::to_string(cumulative));
        }
    }
}

}  // namespace kw
