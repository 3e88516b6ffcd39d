// /federate: the latest sample of the selected series as an exposition, for another server to scrape.
//
// As Prometheus: a sample counts for the lookback, a staleness marker is no sample, series are sorted by name and
// untyped, and the external labels are added where the series has none of that name; `instance` is then empty, so
// that the scraping server does not put its own.
// Source: https://prometheus.io/docs/prometheus/latest/federation/
#include <algorithm>

#include "api/envelope.h"
#include "api/parameters.h"
#include "api/prometheus_api.h"
#include "api/text_format.h"
#include "base/clock.h"
#include "base/environment.h"
#include "base/memory_budget.h"
#include "contract/metric_store.h"
#include "net/request.h"
#include "net/response_writer.h"
#include "promql/engine.h"

namespace kw::api {
namespace {

constexpr size_t kPageBytes = 64 << 10;

struct FederatedSample {
    LabelSet labels;
    Millis time;
    double value = 0;
};

// The newest sample of each selected series that is none of a staleness marker or a histogram.
Result<void> collect(const SelectedSeries& selection, const CancelToken& cancel,
                     std::vector<FederatedSample>& out) {
    SampleColumns columns;
    for (size_t i = 0; i < selection.size(); ++i) {
        if (i % 1024 == 0) KW_TRY(cancel.check());
        KW_TRY(selection.read(i, columns));
        if (columns.size() == 0) continue;
        const bool is_histogram =
            !columns.histograms.empty() && columns.histograms.back() != nullptr;
        if (is_histogram || is_stale(columns.values.back())) continue;
        const LabelSet& labels = selection.labels(i);
        if (labels.metric_name().empty()) continue;
        out.push_back({labels, Millis{columns.timestamps.back()}, columns.values.back()});
    }
    return {};
}

// Lines of the text format, with names as the client takes them.
class Lines final {
 public:
    explicit Lines(NameEscaping escaping) : escaping_(escaping) {}

    void begin_family(std::string& out, std::string_view name) const {
        out += "# TYPE " + metric_name(name) + " untyped\n";
    }

    void append(std::string& out, const FederatedSample& sample, const LabelSet& further) const {
        const std::string_view name = sample.labels.metric_name();
        const bool quoted_name = escaping_ == NameEscaping::kAllowUtf8 &&
                                 !is_valid_metric_name(name, NameScheme::kLegacy);
        bool any = quoted_name;
        out += quoted_name ? "{" + kw::quoted(name) : metric_name(name);
        const auto add = [&](std::string_view label, std::string_view value) {
            out += any ? ',' : '{';
            any = true;
            out += label_name(label) + "=" + kw::quoted(value);
        };
        for (const LabelView& label : sample.labels) {
            if (label.name != kMetricName) add(label.name, label.value);
        }
        for (const LabelView& label : further) {
            if (!sample.labels.has(label.name)) add(label.name, label.value);
        }
        if (!sample.labels.has("instance") && !further.has("instance")) add("instance", "");
        if (any) out += '}';
        out += ' ' + format_value(sample.value) + ' ' + std::to_string(sample.time.count) + '\n';
    }

 private:
    std::string metric_name(std::string_view name) const {
        const std::string escaped = escape_name(name, escaping_, true);
        return is_valid_metric_name(escaped, NameScheme::kLegacy) ? escaped : kw::quoted(name);
    }
    std::string label_name(std::string_view name) const {
        const std::string escaped = escape_name(name, escaping_, false);
        return is_valid_label_name(escaped, NameScheme::kLegacy) ? escaped : kw::quoted(name);
    }

    const NameEscaping escaping_;
};

}  // namespace

Result<void> PrometheusApi::federate(const net::Request& request,
                                     net::ResponseWriter& response) const {
    const auto selectors = selector_parameters(request, given_.engine.options().features);
    if (!selectors.ok())
        return response.send(400, "text/plain; charset=utf-8", selectors.error().message + "\n");
    const Millis now = given_.env.clock.now();
    const TimeRange range{now - given_.engine.options().lookback_ms, now};
    MemoryBudget budget(given_.options.request_memory_bytes, &memory_);
    MemoryReservation held(budget);
    std::vector<FederatedSample> samples;
    for (const std::vector<Matcher>& selector : *selectors) {
        KW_TRY_ASSIGN(const auto selection,
                      given_.store.select(selector, range, {}, request.cancel, budget));
        KW_TRY(held.grow(selection->size() * sizeof(FederatedSample)));
        KW_TRY(collect(*selection, request.cancel, samples));
    }
    std::ranges::sort(samples, [](const FederatedSample& a, const FederatedSample& b) {
        const std::string_view left = a.labels.metric_name();
        const std::string_view right = b.labels.metric_name();
        return left != right ? left < right : a.labels < b.labels;
    });
    // A series that several selectors match is said once.
    const auto again = std::ranges::unique(samples, {}, &FederatedSample::labels);
    samples.erase(again.begin(), again.end());

    const TextFormat format = negotiate_text_format(request.headers.get("Accept"));
    response.set_header("Content-Type", format.content_type());
    const LabelSet further = given_.external_labels ? given_.external_labels() : LabelSet();
    const Lines lines(format.escaping);
    std::string out;
    std::string_view family;
    for (const FederatedSample& sample : samples) {
        const std::string_view name = sample.labels.metric_name();
        if (name != family) lines.begin_family(out, name);
        family = name;
        lines.append(out, sample, further);
        if (out.size() < kPageBytes) continue;
        KW_TRY(response.write(out));
        out.clear();
    }
    return response.write(out);
}

}  // namespace kw::api
