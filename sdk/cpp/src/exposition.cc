// Text 0.0.4 and OpenMetrics 1.0. They differ in few places: OpenMetrics names a counter's family
// without _total, escapes quotes in HELP, writes bounds as 1.0, has exemplars, and ends with # EOF.
#include "kilowatch/exposition.h"

#include "exposition_protobuf.h"
#include "text.h"

namespace kilowatch {
namespace {

class TextWriter final {
 public:
    explicit TextWriter(bool open_metrics) : open_metrics_(open_metrics) {}

    void family(const FamilySnapshot& family) {
        std::string_view name = family.name;
        if (open_metrics_ && family.type == MetricType::kCounter)
            name.remove_suffix(name.ends_with("_total") ? 6 : 0);
        out_.append("# HELP ").append(name) += ' ';
        append_escaped(family.help, open_metrics_);
        out_.append("\n# TYPE ").append(name) += ' ';
        out_ += family.type == MetricType::kCounter     ? "counter\n"
                : family.type == MetricType::kHistogram ? "histogram\n"
                                                        : "gauge\n";
        for (const SeriesSnapshot& series : family.series) {
            if (family.type == MetricType::kHistogram)
                histogram(family.name, series);
            else if (open_metrics_ && family.type == MetricType::kCounter)
                sample(name, "_total", series.labels, series.value);
            else
                sample(name, "", series.labels, series.value);
        }
    }
    std::string finish() && {
        if (open_metrics_) out_ += "# EOF\n";
        return std::move(out_);
    }

 private:
    void histogram(std::string_view name, const SeriesSnapshot& series) {
        const HistogramValue& value = series.histogram;
        uint64_t below = 0;
        for (size_t i = 0; i < value.bounds.size(); ++i) {
            below += value.counts[i];
            std::string bound;
            append_number(bound, value.bounds[i]);
            if (open_metrics_ && bound.find_first_of(".e") == std::string::npos) bound += ".0";
            bucket(name, series, bound, below, i);
        }
        bucket(name, series, "+Inf", value.count, value.bounds.size());
        sample(name, "_sum", series.labels, value.sum);
        sample_head(name, "_count", series.labels, {});
        append_number(out_, value.count);
        out_ += '\n';
    }

    void bucket(std::string_view name, const SeriesSnapshot& series, std::string_view bound,
                uint64_t count, size_t index) {
        sample_head(name, "_bucket", series.labels, bound);
        append_number(out_, count);
        const auto& exemplars = series.histogram.exemplars;
        if (open_metrics_ && index < exemplars.size() && exemplars[index])
            exemplar(*exemplars[index]);
        out_ += '\n';
    }

    // Timestamps are seconds with milliseconds: written as whole numbers, lest rounding shows.
    void exemplar(const Exemplar& one) {
        out_.append(" # {trace_id=\"").append(one.trace_id);
        out_.append("\",span_id=\"").append(one.span_id).append("\"} ");
        append_number(out_, one.value);
        const int64_t ms =
            std::chrono::duration_cast<std::chrono::milliseconds>(one.time.time_since_epoch())
                .count();
        out_ += ' ';
        append_number(out_, ms / 1000);
        const std::string rest = std::to_string(1000 + ms % 1000);
        out_.append(".").append(rest, 1);
    }

    void sample(std::string_view name, std::string_view suffix, const Labels& labels,
                double value) {
        sample_head(name, suffix, labels, {});
        append_number(out_, value);
        out_ += '\n';
    }

    void sample_head(std::string_view name, std::string_view suffix, const Labels& labels,
                     std::string_view bound) {
        out_.append(name).append(suffix);
        if (!labels.empty() || !bound.empty()) {
            char before = '{';
            for (const auto& [label, text] : labels) {
                out_ += before;
                out_.append(label).append("=\"");
                append_escaped(text, true);
                out_ += '"';
                before = ',';
            }
            if (!bound.empty()) {
                out_ += before;
                out_.append("le=\"").append(bound) += '"';
            }
            out_ += '}';
        }
        out_ += ' ';
    }

    void append_escaped(std::string_view text, bool quotes) {
        for (const char c : text) {
            if (c == '\\')
                out_ += "\\\\";
            else if (c == '\n')
                out_ += "\\n";
            else if (c == '"' && quotes)
                out_ += "\\\"";
            else
                out_ += c;
        }
    }

    bool open_metrics_;
    std::string out_;
};

}  // namespace

std::string_view content_type(ExpositionFormat format) {
    switch (format) {
        case ExpositionFormat::kText: return "text/plain; version=0.0.4; charset=utf-8";
        case ExpositionFormat::kOpenMetrics:
            return "application/openmetrics-text; version=1.0.0; charset=utf-8";
        case ExpositionFormat::kProtobuf:
            return "application/vnd.google.protobuf; "
                   "proto=io.prometheus.client.MetricFamily; encoding=delimited";
    }
    return {};
}

std::string render(const std::vector<FamilySnapshot>& families, ExpositionFormat format) {
    if (format == ExpositionFormat::kProtobuf) return render_protobuf(families);
    TextWriter writer(format == ExpositionFormat::kOpenMetrics);
    for (const FamilySnapshot& family : families) writer.family(family);
    return std::move(writer).finish();
}

Exposition expose(const Registry& registry, std::string_view accept) {
    const ExpositionFormat format = negotiate_exposition(accept);
    return {content_type(format), render(registry.snapshot(), format)};
}

}  // namespace kilowatch
