#include "otlp_encode.h"

#include <protozero/pbf_reader.hpp>
#include <protozero/pbf_writer.hpp>

#include <algorithm>

#include "text.h"
#include "version.h"

namespace kilowatch {
namespace {

using protozero::pbf_tag_type;
using protozero::pbf_writer;

// Field numbers, a message a line. Every request is resource_x = 1 { resource = 1, scope_x = 2 {
// scope = 1, x = 2 } }.
enum : pbf_tag_type { kResources = 1, kResource = 1, kScopes = 2, kScope = 1, kItems = 2 };
enum : pbf_tag_type { kResourceAttributes = 1, kScopeName = 1, kScopeVersion = 2 };
enum : pbf_tag_type { kKey = 1, kValue = 2, kText = 1, kBool = 2, kInt = 3, kDouble = 4 };
namespace span {
enum : pbf_tag_type {
    kTraceId = 1,
    kSpanId,
    kTraceState,
    kParentId,
    kName,
    kKind,
    kStart,
    kEnd,
    kAttributes,
    kDroppedAttributes,
    kEvents,
    kDroppedEvents,
    kLinks,
    kDroppedLinks,
    kStatus,
    kFlags
};
enum : pbf_tag_type { kEventTime = 1, kEventName = 2, kEventAttributes = 3 };
enum : pbf_tag_type { kLinkTrace = 1, kLinkSpan, kLinkState, kLinkAttributes, kLinkFlags = 6 };
enum : pbf_tag_type { kStatusMessage = 2, kStatusCode = 3 };
}  // namespace span
namespace log {
enum : pbf_tag_type {
    kTime = 1,
    kSeverity = 2,
    kSeverityText = 3,
    kBody = 5,
    kAttributes = 6,
    kFlags = 8,
    kTraceId = 9,
    kSpanId = 10,
    kObservedTime = 11
};
}  // namespace log
namespace metric {
enum : pbf_tag_type {
    kName = 1,
    kDescription = 2,
    kGauge = 5,
    kSum = 7,
    kHistogram = 9,
    kExponential = 10
};
enum : pbf_tag_type { kPoints = 1, kTemporality = 2, kMonotonic = 3 };
enum : pbf_tag_type { kStart = 2, kTime = 3 };  // of every kind of point
enum : pbf_tag_type { kNumber = 4, kNumberAttributes = 7 };
enum : pbf_tag_type {
    kCount = 4,
    kSum_ = 5,
    kBucketCounts = 6,
    kBounds = 7,
    kExemplars = 8,
    kAttributes = 9
};
enum : pbf_tag_type {
    kExpAttributes = 1,
    kExpScale = 6,
    kExpZeros = 7,
    kExpPositive = 8,
    kExpNegative = 9,
    kExpExemplars = 11,
    kExpZeroThreshold = 14,
    kExpOffset = 1,
    kExpCounts = 2
};
enum : pbf_tag_type {
    kExemplarTime = 2,
    kExemplarDouble = 3,
    kExemplarSpan = 4,
    kExemplarTrace = 5
};
constexpr int32_t kCumulative = 2;
}  // namespace metric

constexpr uint32_t kSampledFlag = 1;
constexpr uint32_t kRemoteKnownFlag = 0x100;  // the next bit says something
constexpr uint32_t kRemoteFlag = 0x200;

void add_text(pbf_writer& out, pbf_tag_type field, std::string_view text) {
    const bool ascii =
        std::all_of(text.begin(), text.end(), [](char c) { return (c & 0x80) == 0; });
    if (ascii)
        out.add_string(field, text.data(), text.size());
    else
        out.add_string(field, valid_utf8(text));
}

template <class Id>
void add_id(pbf_writer& out, pbf_tag_type field, const Id& id) {
    out.add_bytes(field, reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size());
}

void add_hex_id(pbf_writer& out, pbf_tag_type field, std::string_view hex) {
    const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
    std::string bytes;
    for (size_t i = 0; i + 1 < hex.size(); i += 2)
        bytes += static_cast<char>(digit(hex[i]) << 4 | digit(hex[i + 1]));
    out.add_bytes(field, bytes);
}

uint64_t nanos(SystemTime time) { return static_cast<uint64_t>(time.time_since_epoch().count()); }

struct AddValue {
    pbf_writer& out;
    void operator()(const std::string& text) const { add_text(out, kText, text); }
    void operator()(bool truth) const { out.add_bool(kBool, truth); }
    void operator()(int64_t number) const { out.add_int64(kInt, number); }
    void operator()(double number) const { out.add_double(kDouble, number); }
};

void add_attribute(pbf_writer& parent, pbf_tag_type field, std::string_view name,
                   const AttributeValue& value) {
    pbf_writer pair(parent, field);
    add_text(pair, kKey, name);
    pbf_writer any(pair, kValue);
    std::visit(AddValue{any}, value.get());
}

void add_attributes(pbf_writer& parent, pbf_tag_type field, const Attributes& attributes) {
    for (const Attribute& one : attributes) add_attribute(parent, field, one.name, one.value);
}

void add_labels(pbf_writer& parent, pbf_tag_type field, const Labels& labels) {
    for (const auto& [name, value] : labels) add_attribute(parent, field, name, value);
}

void add_tags(pbf_writer& out, const SpanData& data) {
    if (!data.tags) return;
    const std::pair<std::string_view, const std::string*> tags[] = {
        {"request_id", &data.tags->request_id},       {"user_id", &data.tags->user_id},
        {"model_version", &data.tags->model_version}, {"data_version", &data.tags->data_version},
        {"environment", &data.tags->environment},
    };
    for (const auto& [name, value] : tags) {
        const bool set = std::any_of(data.attributes.begin(), data.attributes.end(),
                                     [&](const Attribute& one) { return one.name == name; });
        if (!value->empty() && !set) add_attribute(out, span::kAttributes, name, *value);
    }
}

uint32_t flags_of(const SpanContext& context) {
    return (context.sampled ? kSampledFlag : 0) | kRemoteKnownFlag |
           (context.remote ? kRemoteFlag : 0);
}

void add_span(pbf_writer& parent, const SpanData& data) {
    pbf_writer out(parent, kItems);
    add_id(out, span::kTraceId, data.context.trace_id);
    add_id(out, span::kSpanId, data.context.span_id);
    if (data.context.tracestate) out.add_string(span::kTraceState, *data.context.tracestate);
    if (data.parent_id.valid()) add_id(out, span::kParentId, data.parent_id);
    add_text(out, span::kName, data.name);
    out.add_enum(span::kKind, static_cast<int32_t>(data.kind));
    out.add_fixed64(span::kStart, nanos(data.start));
    out.add_fixed64(span::kEnd, nanos(data.end));
    add_attributes(out, span::kAttributes, data.attributes);
    add_tags(out, data);
    if (data.dropped_attributes) out.add_uint32(span::kDroppedAttributes, data.dropped_attributes);
    for (const SpanEvent& event : data.events) {
        pbf_writer one(out, span::kEvents);
        one.add_fixed64(span::kEventTime, nanos(event.time));
        add_text(one, span::kEventName, event.name);
        add_attributes(one, span::kEventAttributes, event.attributes);
    }
    if (data.dropped_events) out.add_uint32(span::kDroppedEvents, data.dropped_events);
    for (const SpanLink& link : data.links) {
        pbf_writer one(out, span::kLinks);
        add_id(one, span::kLinkTrace, link.span.trace_id);
        add_id(one, span::kLinkSpan, link.span.span_id);
        if (link.span.tracestate) one.add_string(span::kLinkState, *link.span.tracestate);
        add_attributes(one, span::kLinkAttributes, link.attributes);
        one.add_fixed32(span::kLinkFlags, flags_of(link.span));
    }
    if (data.dropped_links) out.add_uint32(span::kDroppedLinks, data.dropped_links);
    if (data.status != SpanStatus::kUnset) {
        pbf_writer status(out, span::kStatus);
        if (!data.status_message.empty())
            add_text(status, span::kStatusMessage, data.status_message);
        status.add_enum(span::kStatusCode, static_cast<int32_t>(data.status));
    }
    out.add_fixed32(span::kFlags, data.context.sampled ? kSampledFlag : 0);
}

int32_t severity_number(LogLevel level) {
    switch (level) {
        case LogLevel::kDebug: return 5;
        case LogLevel::kInfo: return 9;
        case LogLevel::kWarning: return 13;
        case LogLevel::kError: return 17;
    }
    return 0;
}

void add_entry(pbf_writer& parent, const LogEntry& entry) {
    pbf_writer out(parent, kItems);
    out.add_fixed64(log::kTime, nanos(entry.time));
    out.add_enum(log::kSeverity, severity_number(entry.level));
    out.add_string(log::kSeverityText, std::string(to_string(entry.level)));
    {
        pbf_writer body(out, log::kBody);
        add_text(body, kText, entry.message);
    }
    add_attributes(out, log::kAttributes, entry.details);
    if (entry.span.valid()) {
        out.add_fixed32(log::kFlags, entry.span.sampled ? kSampledFlag : 0);
        add_id(out, log::kTraceId, entry.span.trace_id);
        add_id(out, log::kSpanId, entry.span.span_id);
    }
    out.add_fixed64(log::kObservedTime, nanos(entry.time));
}

void add_exemplars(pbf_writer& point, pbf_tag_type field, const HistogramValue& value) {
    for (const auto& exemplar : value.exemplars) {
        if (!exemplar) continue;
        pbf_writer out(point, field);
        out.add_fixed64(metric::kExemplarTime, nanos(exemplar->time));
        out.add_double(metric::kExemplarDouble, exemplar->value);
        add_hex_id(out, metric::kExemplarSpan, exemplar->span_id);
        add_hex_id(out, metric::kExemplarTrace, exemplar->trace_id);
    }
}

void add_times(pbf_writer& point, const SeriesSnapshot& series, SystemTime now) {
    if (series.created != SystemTime{}) point.add_fixed64(metric::kStart, nanos(series.created));
    point.add_fixed64(metric::kTime, nanos(now));
}

void add_classic_point(pbf_writer& out, const SeriesSnapshot& series, SystemTime now) {
    const HistogramValue& value = series.histogram;
    pbf_writer point(out, metric::kPoints);
    add_times(point, series, now);
    point.add_fixed64(metric::kCount, value.count);
    point.add_double(metric::kSum_, value.sum);
    point.add_packed_fixed<uint64_t>(metric::kBucketCounts, value.counts.begin(),
                                     value.counts.end());
    point.add_packed_double(metric::kBounds, value.bounds.begin(), value.bounds.end());
    add_exemplars(point, metric::kExemplars, value);
    add_labels(point, metric::kAttributes, series.labels);
}

void add_exponential_point(pbf_writer& out, const SeriesSnapshot& series, SystemTime now) {
    const HistogramValue& value = series.histogram;
    pbf_writer point(out, metric::kPoints);
    add_labels(point, metric::kExpAttributes, series.labels);
    add_times(point, series, now);
    point.add_fixed64(metric::kCount, value.count);
    point.add_double(metric::kSum_, value.sum);
    point.add_sint32(metric::kExpScale, value.native->schema);
    point.add_fixed64(metric::kExpZeros, value.native->zero_count);
    const auto add_buckets = [&](pbf_tag_type field, const NativeBuckets& buckets) {
        if (buckets.counts.empty()) return;
        pbf_writer one(point, field);
        one.add_sint32(metric::kExpOffset,
                       buckets.first_index - 1);  // OTLP counts from the lower bound
        one.add_packed_uint64(metric::kExpCounts, buckets.counts.begin(), buckets.counts.end());
    };
    add_buckets(metric::kExpPositive, value.native->positive);
    add_buckets(metric::kExpNegative, value.native->negative);
    add_exemplars(point, metric::kExpExemplars, value);
    point.add_double(metric::kExpZeroThreshold, value.native->zero_threshold);
}

void add_histogram(pbf_writer& out, const FamilySnapshot& family, SystemTime now) {
    const auto is_classic = [](const SeriesSnapshot& one) { return !one.histogram.bounds.empty(); };
    const bool classic = std::any_of(family.series.begin(), family.series.end(), is_classic) ||
                         !family.series.front().histogram.native;
    pbf_writer histogram(out, classic ? metric::kHistogram : metric::kExponential);
    for (const SeriesSnapshot& one : family.series)
        classic ? add_classic_point(histogram, one, now)
                : add_exponential_point(histogram, one, now);
    histogram.add_enum(metric::kTemporality, metric::kCumulative);
}

void add_metric(pbf_writer& parent, const FamilySnapshot& family, SystemTime now) {
    pbf_writer out(parent, kItems);
    out.add_string(metric::kName, family.name);
    add_text(out, metric::kDescription, family.help);
    if (family.type == MetricType::kHistogram) return add_histogram(out, family, now);
    const bool is_sum = family.type == MetricType::kCounter;
    pbf_writer numbers(out, is_sum ? metric::kSum : metric::kGauge);
    for (const SeriesSnapshot& one : family.series) {
        pbf_writer point(numbers, metric::kPoints);
        add_times(point, one, now);
        point.add_double(metric::kNumber, one.value);
        add_labels(point, metric::kNumberAttributes, one.labels);
    }
    if (is_sum) {
        numbers.add_enum(metric::kTemporality, metric::kCumulative);
        numbers.add_bool(metric::kMonotonic, true);
    }
}

// The frame that all three requests share; `add_items` fills it.
template <class AddItems>
std::string encode_request(const Attributes& resource, AddItems add_items) {
    std::string bytes;
    pbf_writer request(bytes);
    {
        pbf_writer resources(request, kResources);
        {
            pbf_writer who(resources, kResource);
            add_attributes(who, kResourceAttributes, resource);
        }
        pbf_writer scopes(resources, kScopes);
        {
            pbf_writer scope(scopes, kScope);
            scope.add_string(kScopeName, "kilowatch");
            scope.add_string(kScopeVersion, kVersion);
        }
        add_items(scopes);
    }
    return bytes;
}

}  // namespace

std::string encode_spans(const Attributes& resource,
                         std::span<const std::unique_ptr<SpanData>> spans) {
    return encode_request(resource, [&](pbf_writer& out) {
        for (const auto& one : spans) add_span(out, *one);
    });
}

std::string encode_logs(const Attributes& resource, std::span<const LogEntry> entries) {
    return encode_request(resource, [&](pbf_writer& out) {
        for (const LogEntry& one : entries) add_entry(out, one);
    });
}

std::string encode_metrics(const Attributes& resource, const std::vector<FamilySnapshot>& families,
                           SystemTime now) {
    return encode_request(resource, [&](pbf_writer& out) {
        for (const FamilySnapshot& one : families) add_metric(out, one, now);
    });
}

uint64_t rejected_by(std::string_view response) {
    constexpr pbf_tag_type kPartialSuccess = 1;
    constexpr pbf_tag_type kRejected = 1;
    try {
        protozero::pbf_reader reader(response.data(), response.size());
        if (!reader.next(kPartialSuccess)) return 0;
        protozero::pbf_reader partial = reader.get_message();
        if (!partial.next(kRejected)) return 0;
        const int64_t rejected = partial.get_int64();
        return rejected > 0 ? static_cast<uint64_t>(rejected) : 0;
    } catch (const protozero::exception&) {
        return 0;  // a receiver that answers something else has accepted all
    }
}

}  // namespace kilowatch
