// Spans: what took how long on whose behalf, across processes.
//
//     Context incoming = extract(headers_of(request));  // W3C traceparent, tracestate, baggage
//     ScopedSpan span =
//         tracer.start_scoped("GET /forecast", {.kind = SpanKind::kServer, .parent = incoming});
//     span.set_tags({.request_id = id, .user_id = user});  // this span's and its children's
//     {
//         ScopedSpan query = tracer.start_scoped("SELECT forecasts");  // a child: span is current
//         query->set_attribute("db.rows", rows);
//     }
//     inject(current_context(), [&](std::string_view name, std::string_view value) {
//         request.set(name, value);
//     });
//
// The current context belongs to the thread. To go on in another thread, take current_context()
// here and make it current there with a ContextScope.
// Laws
//   1. A span that is not sampled costs its context only, and its children are not sampled either.
//   2. A span ends once; what is set after its end is ignored. A span that is destroyed ends.
//   3. Nothing throws into the host (memory aside) and nothing blocks: a full queue drops the span
//      and counts it.
//   4. A span keeps at most 128 attributes, 128 events and 32 links; texts are cut at 4 KiB, names
//      at 256 bytes. What is left out is counted in the span.
// Threads: a Span belongs to one thread at a time; everything else is free.
// Source: W3C Trace Context (level 1), W3C Baggage.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kilowatch/attributes.h"
#include "kilowatch/metric_snapshot.h"

namespace kilowatch {

struct TraceId {
    std::array<uint8_t, 16> bytes{};
    bool valid() const { return *this != TraceId{}; }
    std::string hex() const;   // 32 digits, lower case
    std::string uuid() const;  // the same as 8-4-4-4-12
    bool operator==(const TraceId&) const = default;
};

struct SpanId {
    std::array<uint8_t, 8> bytes{};
    bool valid() const { return *this != SpanId{}; }
    std::string hex() const;  // 16 digits, lower case
    bool operator==(const SpanId&) const = default;
};

// What identifies a span anywhere.
struct SpanContext {
    TraceId trace_id;
    SpanId span_id;
    bool sampled = false;
    bool remote = false;                            // it came in with a request
    std::shared_ptr<const std::string> tracestate;  // as it came, within W3C's limits; null: none

    bool valid() const { return trace_id.valid() && span_id.valid(); }
};

// The guide's five trace tags. Empty: not set. They become attributes of the same names on the span
// and on every span below it, and stand in the log entries that are written meanwhile (request_id
// and user_id).
struct TraceTags {
    std::string request_id = {};
    std::string user_id = {};
    std::string model_version = {};
    std::string data_version = {};
    std::string environment = {};  // by default the resource's

    bool operator==(const TraceTags&) const = default;
};

// What a piece of work takes along: whose child its spans are, and the tags they inherit. A cheap
// value.
struct Context {
    SpanContext span;
    std::shared_ptr<const TraceTags> tags = {};  // null: none

    // This context with the tags that are not empty in `added` set.
    Context with_tags(const TraceTags& added) const;
};

// The thread's own; an empty one where nothing was made current.
const Context& current_context();

// Makes a context current on this thread as long as it lives; to be destroyed on the same thread,
// newest first.
class ContextScope final {
 public:
    explicit ContextScope(Context context);
    ~ContextScope();
    ContextScope(const ContextScope&) = delete;
    ContextScope& operator=(const ContextScope&) = delete;

 private:
    Context before_;
};

// Propagation

// Reads a header by its lower-case name; nullopt where the request has none.
using HeaderGetter = std::function<std::optional<std::string>(std::string_view name)>;
using HeaderSetter = std::function<void(std::string_view name, std::string_view value)>;

// Strictly by the specification: a traceparent with anything wrong (length, upper case, zero ids,
// version ff, …) gives no parent, and then the tracestate does not count either; a tracestate with
// anything wrong is dropped alone. The five tags are taken from `baggage` where they stand in it
// (at most 8 KiB, 64 members, 256 bytes a value), unless `with_tags` is false: do that at the
// border to strangers, who must not name the user.
Context extract(const HeaderGetter& get, bool with_tags = true);

// Sets traceparent, and tracestate where there is one; with `with_tags` the context's tags as
// `baggage`. Nothing where the context has no valid span.
void inject(const Context& context, const HeaderSetter& set, bool with_tags = true);

std::string format_traceparent(const SpanContext& span);
std::optional<SpanContext> parse_traceparent(std::string_view text);
// The list as it is to be sent on, or nullopt where it breaks the rules (more than 32 members, a
// key twice, …).
std::optional<std::string> parse_tracestate(std::string_view text);

// Spans

// OTLP's numbers
enum class SpanKind : uint8_t { kInternal = 1, kServer, kClient, kProducer, kConsumer };
// OTLP's numbers
enum class SpanStatus : uint8_t { kUnset, kOk, kError };

struct SpanEvent {
    std::string name;
    SystemTime time;
    Attributes attributes;
};

struct SpanLink {
    SpanContext span;
    Attributes attributes;
};

// A span that has ended.
struct SpanData {
    SpanContext context;
    SpanId parent_id;  // zero: a root
    std::string name;
    SpanKind kind = SpanKind::kInternal;
    SystemTime start;
    SystemTime end;
    Attributes attributes;
    std::shared_ptr<const TraceTags> tags;  // null: none; attributes of the same names win
    std::vector<SpanEvent> events;
    std::vector<SpanLink> links;
    SpanStatus status = SpanStatus::kUnset;
    std::string status_message;
    uint32_t dropped_attributes = 0;
    uint32_t dropped_events = 0;
    uint32_t dropped_links = 0;
};

// Where ended spans go; must neither block nor throw. False: it had no room, and has counted that.
class SpanSink {
 public:
    virtual ~SpanSink() = default;
    virtual bool take(std::unique_ptr<SpanData> span) = 0;
};

struct SpanOptions {
    SpanKind kind = SpanKind::kInternal;
    std::optional<Context> parent = {};  // nullopt: the thread's current context
    // begins a new trace, whatever is current; keeps the tags
    bool root = false;
    std::optional<SystemTime> start = {};  // nullopt: now
    Attributes attributes = {};
    std::vector<SpanLink> links = {};
};

class Tracer;

class Span final {
 public:
    Span() = default;  // records nothing
    Span(Span&&) noexcept;
    Span& operator=(Span&&) noexcept;
    ~Span();

    bool recording() const { return data_ != nullptr; }
    const Context& context() const { return context_; }

    void set_name(std::string_view name);
    // the last value of a name counts
    void set_attribute(std::string_view name, AttributeValue value);
    void set_tags(const TraceTags& tags);
    void add_event(std::string_view name, Attributes attributes = {});
    // An event named "exception" with exception.type and exception.message; the status becomes
    // kError.
    void record_exception(std::string_view type, std::string_view message);
    void add_link(const SpanContext& to, Attributes attributes = {});
    void set_status(SpanStatus status, std::string_view message = {});  // kOk is final
    void end();
    void end_at(SystemTime time);

 private:
    friend class Tracer;
    Context context_;
    SpanSink* sink_ = nullptr;
    std::unique_ptr<SpanData> data_;                 // null: not sampled, or ended
    std::chrono::steady_clock::time_point started_;  // duration by the steady clock
};

// A span that is current on the thread as long as it lives.
class ScopedSpan final {
 public:
    explicit ScopedSpan(Span span);
    ~ScopedSpan();
    ScopedSpan(const ScopedSpan&) = delete;
    ScopedSpan& operator=(const ScopedSpan&) = delete;
    Span* operator->() { return &span_; }
    Span& operator*() { return span_; }
    // Sets the tags on the span and on what is current, so that children and log entries have them.
    void set_tags(const TraceTags& tags);

 private:
    Span span_;
    Context before_;
};

struct TracerOptions {
    // Of traces that begin here; those with a parent follow it. By the trace id, so that all
    // processes with the same ratio agree. 0…1.
    double sample_ratio = 1;
    std::string environment = {};  // the default of the tag
    // Asked when a span starts without one of the five tags: what it gives stands in place of those, so that no span
    // goes without. Called on any thread; what it throws is left out.
    std::function<TraceTags()> fill_tags = {};
};

class Tracer final {
 public:
    // `sink` outlives the tracer and its spans.
    Tracer(SpanSink& sink, const TracerOptions& options);

    [[nodiscard]] Span start(std::string_view name, SpanOptions options = {});
    [[nodiscard]] ScopedSpan start_scoped(std::string_view name, SpanOptions options = {}) {
        return ScopedSpan(start(name, std::move(options)));
    }

 private:
    SpanSink& sink_;
    uint64_t sample_below_;  // of the trace id's last 8 bytes, halved
    std::shared_ptr<const TraceTags> default_tags_;
    std::function<TraceTags()> fill_tags_;
};

}  // namespace kilowatch
