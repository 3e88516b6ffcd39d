#include "exposition_protobuf.h"

#include <protozero/pbf_writer.hpp>
#include <protozero/varint.hpp>

#include <iterator>

namespace kilowatch {
namespace {

// Field numbers of io.prometheus.client (metrics.proto).
enum : protozero::pbf_tag_type {
    kFamilyName = 1,
    kFamilyHelp = 2,
    kFamilyType = 3,
    kFamilyMetric = 4,
    kMetricLabel = 1,
    kMetricGauge = 2,
    kMetricCounter = 3,
    kMetricHistogram = 7,
    kPairName = 1,
    kPairValue = 2,
    kNumberValue = 1,
    kCounterCreated = 3,
    kSampleCount = 1,
    kSampleSum = 2,
    kBucket = 3,
    kSchema = 5,
    kZeroThreshold = 6,
    kZeroCount = 7,
    kNegativeSpan = 9,
    kNegativeDelta = 10,
    kPositiveSpan = 12,
    kPositiveDelta = 13,
    kHistogramCreated = 15,
    kHistogramExemplars = 16,
    kBucketCount = 1,
    kBucketBound = 2,
    kBucketExemplar = 3,
    kExemplarLabel = 1,
    kExemplarValue = 2,
    kExemplarTime = 3,
    kSpanOffset = 1,
    kSpanLength = 2,
    kSeconds = 1,
    kNanos = 2,
};

// Runs of empty buckets up to this long are written as zeros: a new span costs about as much.
constexpr size_t kGapMax = 2;

void add_time(protozero::pbf_writer& parent, protozero::pbf_tag_type field, SystemTime time) {
    protozero::pbf_writer out(parent, field);
    const int64_t nanos = time.time_since_epoch().count();
    out.add_int64(kSeconds, nanos / 1'000'000'000);
    out.add_int32(kNanos, static_cast<int32_t>(nanos % 1'000'000'000));
}

void add_label(protozero::pbf_writer& parent, protozero::pbf_tag_type field,
               const std::string& name, const std::string& value) {
    protozero::pbf_writer out(parent, field);
    out.add_string(kPairName, name);
    out.add_string(kPairValue, value);
}

void add_exemplar(protozero::pbf_writer& parent, protozero::pbf_tag_type field,
                  const Exemplar& exemplar) {
    protozero::pbf_writer out(parent, field);
    add_label(out, kExemplarLabel, "trace_id", exemplar.trace_id);
    add_label(out, kExemplarLabel, "span_id", exemplar.span_id);
    out.add_double(kExemplarValue, exemplar.value);
    add_time(out, kExemplarTime, exemplar.time);
}

// Spans of buckets that are close to each other, and the differences of their counts.
void add_native_buckets(protozero::pbf_writer& out, const NativeBuckets& buckets,
                        protozero::pbf_tag_type span_field, protozero::pbf_tag_type delta_field) {
    struct Span {
        int32_t offset;
        uint32_t length;
    };
    std::vector<Span> spans;
    std::vector<int64_t> deltas;
    int32_t next_index = 0;  // after the span before
    uint64_t before = 0;
    for (size_t i = 0; i < buckets.counts.size();) {
        if (buckets.counts[i] == 0) {
            ++i;
            continue;
        }
        const size_t begin = i;
        size_t end = i + 1;  // after the last bucket that is not empty
        for (size_t j = end; j < buckets.counts.size() && j - end <= kGapMax; ++j)
            if (buckets.counts[j] != 0) end = j + 1;
        const int32_t index = buckets.first_index + static_cast<int32_t>(begin);
        spans.push_back({index - next_index, static_cast<uint32_t>(end - begin)});
        for (i = begin; i < end; ++i) {
            deltas.push_back(static_cast<int64_t>(buckets.counts[i] - before));
            before = buckets.counts[i];
        }
        next_index = buckets.first_index + static_cast<int32_t>(end);
    }
    for (const Span& span : spans) {
        protozero::pbf_writer one(out, span_field);
        one.add_sint32(kSpanOffset, span.offset);
        one.add_uint32(kSpanLength, span.length);
    }
    if (!deltas.empty()) out.add_packed_sint64(delta_field, deltas.begin(), deltas.end());
}

void add_histogram(protozero::pbf_writer& metric, const SeriesSnapshot& series) {
    const HistogramValue& value = series.histogram;
    protozero::pbf_writer out(metric, kMetricHistogram);
    out.add_uint64(kSampleCount, value.count);
    out.add_double(kSampleSum, value.sum);
    uint64_t below = 0;
    for (size_t i = 0; i < value.bounds.size(); ++i) {
        below += value.counts[i];
        protozero::pbf_writer bucket(out, kBucket);
        bucket.add_uint64(kBucketCount, below);
        bucket.add_double(kBucketBound, value.bounds[i]);
        if (value.exemplars[i]) add_exemplar(bucket, kBucketExemplar, *value.exemplars[i]);
    }
    if (value.native) {
        out.add_sint32(kSchema, value.native->schema);
        out.add_double(kZeroThreshold, value.native->zero_threshold);
        out.add_uint64(kZeroCount, value.native->zero_count);
        add_native_buckets(out, value.native->negative, kNegativeSpan, kNegativeDelta);
        add_native_buckets(out, value.native->positive, kPositiveSpan, kPositiveDelta);
        if (value.native->positive.counts.empty() && value.native->negative.counts.empty()) {
            // A span without buckets tells a native histogram that has none yet from a classic one.
            protozero::pbf_writer none(out, kPositiveSpan);
            none.add_sint32(kSpanOffset, 0);
            none.add_uint32(kSpanLength, 0);
        }
        for (const auto& exemplar : value.exemplars)
            if (exemplar) add_exemplar(out, kHistogramExemplars, *exemplar);
    }
    add_time(out, kHistogramCreated, series.created);
}

void add_metric(protozero::pbf_writer& family, MetricType type, const SeriesSnapshot& series) {
    protozero::pbf_writer metric(family, kFamilyMetric);
    for (const auto& [name, value] : series.labels) add_label(metric, kMetricLabel, name, value);
    if (type == MetricType::kHistogram) {
        add_histogram(metric, series);
        return;
    }
    const bool is_counter = type == MetricType::kCounter;
    protozero::pbf_writer number(metric, is_counter ? kMetricCounter : kMetricGauge);
    number.add_double(kNumberValue, series.value);
    if (is_counter && series.created != SystemTime{})
        add_time(number, kCounterCreated, series.created);
}

int32_t type_number(MetricType type) {
    switch (type) {
        case MetricType::kCounter: return 0;
        case MetricType::kGauge: return 1;
        case MetricType::kHistogram: return 4;
    }
    return 3;
}

}  // namespace

std::string render_protobuf(const std::vector<FamilySnapshot>& families) {
    std::string out;
    for (const FamilySnapshot& family : families) {
        std::string message;
        protozero::pbf_writer writer(message);
        writer.add_string(kFamilyName, family.name);
        writer.add_string(kFamilyHelp, family.help);
        writer.add_enum(kFamilyType, type_number(family.type));
        for (const SeriesSnapshot& series : family.series) add_metric(writer, family.type, series);
        protozero::write_varint(std::back_inserter(out), message.size());
        out += message;
    }
    return out;
}

}  // namespace kilowatch
