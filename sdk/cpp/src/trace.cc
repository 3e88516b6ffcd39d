// Contexts, spans and the tracer.
#include "kilowatch/trace.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "identifiers.h"
#include "text.h"
#include "thread_mark.h"

namespace kilowatch {
namespace {

constexpr size_t kAttributesMax = 128;
constexpr size_t kEventsMax = 128;
constexpr size_t kLinksMax = 32;
constexpr size_t kNameBytesMax = 256;
constexpr size_t kTextBytesMax = 4096;

SystemTime system_now() { return std::chrono::system_clock::now(); }

Context& current() {
    thread_local Context context;
    return context;
}

// Puts `next` where the thread's current context is, and what the profiler's handler reads beside
// it.
Context exchange_current(Context next) {
    Context before = std::exchange(current(), std::move(next));
    std::memcpy(thread_mark.trace_id, current().span.trace_id.bytes.data(),
                sizeof thread_mark.trace_id);
    return before;
}

AttributeValue cut(AttributeValue value) {
    const auto* text = std::get_if<std::string>(&value.get());
    if (!text || text->size() <= kTextBytesMax) return value;
    return {cut_utf8(*text, kTextBytesMax)};
}

// The last value of a name counts.
void set(Attributes& attributes, uint32_t& dropped, std::string_view name, AttributeValue value) {
    name = cut_utf8(name, kNameBytesMax);
    for (Attribute& one : attributes) {
        if (one.name == name) {
            one.value = cut(std::move(value));
            return;
        }
    }
    if (attributes.size() >= kAttributesMax) {
        ++dropped;
        return;
    }
    attributes.push_back({std::string(name), cut(std::move(value))});
}

Attributes bounded(Attributes attributes, uint32_t& dropped) {
    if (attributes.empty()) return attributes;
    Attributes out;
    for (Attribute& one : attributes) set(out, dropped, one.name, std::move(one.value));
    return out;
}

void overwrite(std::string& text, const std::string& with) {
    if (!with.empty()) text = cut_utf8(with, kNameBytesMax);
}

bool lacks_one(const TraceTags* tags) {
    return tags == nullptr || tags->request_id.empty() || tags->user_id.empty() ||
           tags->model_version.empty() || tags->data_version.empty() || tags->environment.empty();
}

// What the context has of its own stays.
Context filled(const Context& context, const std::function<TraceTags()>& fill) {
    try {
        const Context all = Context{context.span, {}}.with_tags(fill());
        return context.tags ? all.with_tags(*context.tags) : all;
    } catch (...) {
        return context;  // a span without its tags is better than a host that stops
    }
}

}  // namespace

Context Context::with_tags(const TraceTags& added) const {
    TraceTags all = tags ? *tags : TraceTags{};
    overwrite(all.request_id, added.request_id);
    overwrite(all.user_id, added.user_id);
    overwrite(all.model_version, added.model_version);
    overwrite(all.data_version, added.data_version);
    overwrite(all.environment, added.environment);
    return {span, std::make_shared<const TraceTags>(std::move(all))};
}

const Context& current_context() { return current(); }

ContextScope::ContextScope(Context context) : before_(exchange_current(std::move(context))) {}
ContextScope::~ContextScope() { exchange_current(std::move(before_)); }

// --- spans

Span::Span(Span&&) noexcept = default;

Span& Span::operator=(Span&& other) noexcept {
    if (this != &other) {
        end();
        context_ = std::move(other.context_);
        sink_ = other.sink_;
        data_ = std::move(other.data_);
        started_ = other.started_;
    }
    return *this;
}

Span::~Span() { end(); }

void Span::set_name(std::string_view name) {
    if (data_) data_->name = cut_utf8(name, kNameBytesMax);
}

void Span::set_attribute(std::string_view name, AttributeValue value) {
    if (data_) set(data_->attributes, data_->dropped_attributes, name, std::move(value));
}

void Span::set_tags(const TraceTags& tags) {
    context_ = context_.with_tags(tags);
    if (data_) data_->tags = context_.tags;
}

void Span::add_event(std::string_view name, Attributes attributes) {
    if (!data_) return;
    if (data_->events.size() >= kEventsMax) {
        ++data_->dropped_events;
        return;
    }
    const auto since = std::chrono::steady_clock::now() - started_;
    data_->events.push_back({std::string(cut_utf8(name, kNameBytesMax)), data_->start + since,
                             bounded(std::move(attributes), data_->dropped_attributes)});
}

void Span::record_exception(std::string_view type, std::string_view message) {
    if (!data_) return;
    add_event("exception", {{"exception.type", type}, {"exception.message", message}});
    set_status(SpanStatus::kError, message);
}

void Span::add_link(const SpanContext& to, Attributes attributes) {
    if (!data_ || !to.valid()) return;
    if (data_->links.size() >= kLinksMax) {
        ++data_->dropped_links;
        return;
    }
    data_->links.push_back({to, bounded(std::move(attributes), data_->dropped_attributes)});
}

void Span::set_status(SpanStatus status, std::string_view message) {
    if (!data_ || data_->status == SpanStatus::kOk || status == SpanStatus::kUnset) return;
    data_->status = status;
    data_->status_message =
        status == SpanStatus::kError ? cut_utf8(message, kTextBytesMax) : std::string_view{};
}

void Span::end() {
    if (data_) end_at(data_->start + (std::chrono::steady_clock::now() - started_));
}

void Span::end_at(SystemTime time) {
    if (!data_) return;
    data_->end = std::max(time, data_->start);
    sink_->take(std::move(data_));
}

ScopedSpan::ScopedSpan(Span span)
    : span_(std::move(span)), before_(exchange_current(span_.context())) {}

ScopedSpan::~ScopedSpan() { exchange_current(std::move(before_)); }

void ScopedSpan::set_tags(const TraceTags& tags) {
    span_.set_tags(tags);
    exchange_current(span_.context());
}

// --- tracer

Tracer::Tracer(SpanSink& sink, const TracerOptions& options)
    : sink_(sink), fill_tags_(options.fill_tags) {
    const double ratio = options.sample_ratio > 0 ? std::min(options.sample_ratio, 1.0) : 0;
    sample_below_ = static_cast<uint64_t>(ratio * 0x1p63);
    if (!options.environment.empty())
        default_tags_ = std::make_shared<const TraceTags>(
            TraceTags{{}, {}, {}, {}, std::string(cut_utf8(options.environment, kNameBytesMax))});
}

Span Tracer::start(std::string_view name, SpanOptions options) {
    const Context& parent = options.parent ? *options.parent : current();
    const bool has_parent = parent.span.valid() && !options.root;

    Span span;
    SpanContext& own = span.context_.span;
    own.span_id = random_span_id();
    if (has_parent) {
        own.trace_id = parent.span.trace_id;
        own.sampled = parent.span.sampled;
        own.tracestate = parent.span.tracestate;
    } else {
        own.trace_id = random_trace_id();
        uint64_t last = 0;
        std::memcpy(&last, own.trace_id.bytes.data() + 8, sizeof last);
        if constexpr (std::endian::native == std::endian::little) last = __builtin_bswap64(last);
        own.sampled = (last >> 1) < sample_below_;
    }
    span.context_.tags = parent.tags;
    if (default_tags_) {
        if (!parent.tags)
            span.context_.tags = default_tags_;
        else if (parent.tags->environment.empty())
            span.context_ = span.context_.with_tags(*default_tags_);
    }
    if (fill_tags_ && lacks_one(span.context_.tags.get()))
        span.context_ = filled(span.context_, fill_tags_);
    if (!own.sampled) return span;

    span.sink_ = &sink_;
    span.started_ = std::chrono::steady_clock::now();
    span.data_ = std::make_unique<SpanData>();
    SpanData& data = *span.data_;
    data.context = own;
    if (has_parent) data.parent_id = parent.span.span_id;
    data.name = cut_utf8(name, kNameBytesMax);
    data.kind = options.kind;
    data.start = options.start ? *options.start : system_now();
    data.tags = span.context_.tags;
    data.attributes = bounded(std::move(options.attributes), data.dropped_attributes);
    for (SpanLink& link : options.links) span.add_link(link.span, std::move(link.attributes));
    return span;
}

}  // namespace kilowatch
