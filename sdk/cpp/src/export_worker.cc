#include "export_worker.h"

#include <algorithm>

#include "diagnostics.h"
#include "gzip.h"
#include "identifiers.h"
#include "otlp_encode.h"
#include "text.h"

namespace kilowatch {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kFirstWait{1'000};
constexpr milliseconds kLongestWait{30'000};
constexpr milliseconds kIdle{60'000};
constexpr size_t kGzipFrom = 1024;  // smaller bodies gain nothing

bool is_retryable(int status) {
    return status == 0 || status == 429 || status == 502 || status == 503 || status == 504;
}

// 80 to 120 % of `wait`, so that many processes do not come back at once.
milliseconds with_chance(milliseconds wait) {
    const double factor = 0.8 + 0.4 * (static_cast<double>(random_word() >> 11) * 0x1p-53);
    return milliseconds(static_cast<int64_t>(static_cast<double>(wait.count()) * factor));
}

size_t bytes_of(const Attributes& attributes) {
    size_t bytes = 0;
    for (const Attribute& one : attributes) {
        bytes += sizeof one + one.name.size();
        if (const auto* text = std::get_if<std::string>(&one.value.get())) bytes += text->size();
    }
    return bytes;
}

// Roughly what an item holds in memory: what was reserved and not used is left out.
size_t bytes_of(const SpanData& span) {
    size_t bytes = sizeof span + span.name.size() + span.status_message.size();
    bytes += bytes_of(span.attributes);
    for (const SpanEvent& one : span.events)
        bytes += sizeof one + one.name.size() + bytes_of(one.attributes);
    for (const SpanLink& one : span.links) bytes += sizeof one + bytes_of(one.attributes);
    return bytes;
}

size_t bytes_of(const LogEntry& entry) {
    return sizeof entry + entry.message.size() + bytes_of(entry.details);
}

int64_t seconds_of(SystemTime time) {
    return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

}  // namespace

ExportWorker::ExportWorker(const Resource& resource, const OtlpOptions& options, Registry& registry,
                           HttpTransport& transport)
    : options_(options),
      resource_values_(resource),
      resource_(resource.all()),
      registry_(registry),
      exported_(registry.counter_family("kilowatch_sdk_exported_total",
                                        "What a receiver accepted, by kind of signal.", {"kind"})),
      transport_(transport) {
    span_lane_.enabled = options.traces;
    log_lane_.enabled = options.logs;
    metric_lane_.enabled = options.metrics;
    profile_lane_.enabled = !options.profile_url.empty();
}

bool ExportWorker::take(std::unique_ptr<SpanData> span, Time now, bool& full) {
    full = false;
    if (!options_.traces) return true;
    const size_t bytes = bytes_of(*span);
    {
        const std::lock_guard lock(mutex_);
        if (spans_.size() < options_.spans_queued_max &&
            span_bytes_ + bytes <= options_.queued_bytes_max) {
            if (spans_.empty()) spans_since_ = now;
            span_bytes_ += bytes;
            spans_.push_back(std::move(span));
            full = spans_.size() == options_.batch_max;
            return true;
        }
    }
    registry_.count_dropped("spans", "queue_full");
    return false;
}

bool ExportWorker::take(LogEntry entry, Time now, bool& full) {
    full = false;
    if (!options_.logs) return true;
    const size_t bytes = bytes_of(entry);
    {
        const std::lock_guard lock(mutex_);
        if (logs_.size() < options_.logs_queued_max &&
            log_bytes_ + bytes <= options_.queued_bytes_max) {
            if (logs_.empty()) logs_since_ = now;
            log_bytes_ += bytes;
            logs_.push_back(std::move(entry));
            full = logs_.size() == options_.batch_max;
            return true;
        }
    }
    registry_.count_dropped("logs", "queue_full");
    return false;
}

bool ExportWorker::take_profile(std::string pprof, SystemTime start, SystemTime end) {
    if (!profile_lane_.enabled || pprof.empty()) return true;
    {
        const std::lock_guard lock(mutex_);
        if (profiles_.size() < options_.profiles_queued_max) {
            profiles_.push_back({std::move(pprof), start, end});
            return true;
        }
    }
    registry_.count_dropped("profiles", "queue_full");
    return false;
}

bool ExportWorker::empty() const {
    const std::lock_guard lock(mutex_);
    return spans_.empty() && logs_.empty() && profiles_.empty() && idle_;
}

bool ExportWorker::metrics_sent() const {
    const std::lock_guard lock(mutex_);
    return metrics_sent_;
}

void ExportWorker::drop_all(std::string_view reason) {
    for (Lane* lane : {&span_lane_, &log_lane_, &metric_lane_, &profile_lane_})
        if (lane->in_flight) lose(*lane, reason);
    const std::lock_guard lock(mutex_);
    if (!spans_.empty()) registry_.count_dropped("spans", reason, spans_.size());
    if (!logs_.empty()) registry_.count_dropped("logs", reason, logs_.size());
    if (!profiles_.empty()) registry_.count_dropped("profiles", reason, profiles_.size());
    spans_.clear();
    logs_.clear();
    span_bytes_ = log_bytes_ = 0;
    profiles_.clear();
    idle_ = true;
}

// --- what is sent

HttpPost ExportWorker::post_of(std::string_view path, std::string body) const {
    HttpPost post;
    std::string_view endpoint = options_.endpoint;
    while (endpoint.ends_with('/')) endpoint.remove_suffix(1);
    post.url = std::string(endpoint).append(path);
    post.headers = options_.headers;
    post.headers.emplace_back("Content-Type", "application/x-protobuf");
    if (options_.gzip && body.size() >= kGzipFrom) {
        if (std::string packed = gzip(body); !packed.empty()) {
            post.headers.emplace_back("Content-Encoding", "gzip");
            body = std::move(packed);
        }
    }
    post.body = std::move(body);
    return post;
}

bool ExportWorker::ready(size_t waiting, Time oldest, Time now, bool everything) const {
    return waiting > 0 &&
           (everything || waiting >= options_.batch_max || now - oldest >= options_.batch_delay);
}

std::optional<ExportWorker::Batch> ExportWorker::next_spans(Time now, bool everything) {
    std::vector<std::unique_ptr<SpanData>> batch;
    {
        const std::lock_guard lock(mutex_);
        if (!ready(spans_.size(), spans_since_, now, everything)) return std::nullopt;
        const size_t count = std::min<size_t>(spans_.size(), options_.batch_max);
        for (size_t i = 0; i < count; ++i) {
            span_bytes_ -= bytes_of(*spans_.front());
            batch.push_back(std::move(spans_.front()));
            spans_.pop_front();
        }
        spans_since_ = now;
        idle_ = false;
    }
    return Batch{post_of("/v1/traces", encode_spans(resource_, batch)), batch.size(), {}, false};
}

std::optional<ExportWorker::Batch> ExportWorker::next_logs(Time now, bool everything) {
    std::vector<LogEntry> batch;
    {
        const std::lock_guard lock(mutex_);
        if (!ready(logs_.size(), logs_since_, now, everything)) return std::nullopt;
        const size_t count = std::min<size_t>(logs_.size(), options_.batch_max);
        for (size_t i = 0; i < count; ++i) {
            log_bytes_ -= bytes_of(logs_.front());
            batch.push_back(std::move(logs_.front()));
            logs_.pop_front();
        }
        logs_since_ = now;
        idle_ = false;
    }
    return Batch{post_of("/v1/logs", encode_logs(resource_, batch)), batch.size(), {}, false};
}

std::optional<ExportWorker::Batch> ExportWorker::next_metrics(Time now, bool everything) {
    if (!everything && now < metrics_due_) return std::nullopt;
    metrics_due_ = now + options_.metrics_interval;
    const std::vector<FamilySnapshot> families = registry_.snapshot();
    if (families.empty()) return std::nullopt;
    return Batch{post_of("/v1/metrics",
                         encode_metrics(resource_, families, std::chrono::system_clock::now())),
                 1,
                 {},
                 false};
}

// As Pyroscope's ingest takes it: the name with its labels, the time range, and the profile as the
// body.
std::optional<ExportWorker::Batch> ExportWorker::next_profile() {
    Profile profile;
    {
        const std::lock_guard lock(mutex_);
        if (profiles_.empty()) return std::nullopt;
        profile = std::move(profiles_.front());
        profiles_.pop_front();
        idle_ = false;
    }
    std::string name = resource_values_.service_name + ".cpu{";
    name += "service_name=" + resource_values_.service_name;
    if (!resource_values_.environment.empty())
        name += ",environment=" + resource_values_.environment;
    name += '}';
    HttpPost post;
    post.url = options_.profile_url +
               (options_.profile_url.find('?') == std::string::npos ? "?" : "&") +
               "format=pprof&spyName=kilowatch&name=" + percent_encode(name) +
               "&from=" + std::to_string(seconds_of(profile.start)) +
               "&until=" + std::to_string(seconds_of(profile.end));
    post.headers = options_.headers;
    post.headers.emplace_back("Content-Type", "application/octet-stream");
    post.body = std::move(profile.pprof);
    return Batch{std::move(post), 1, {}, false};
}

// --- sending

void ExportWorker::lose(Lane& lane, std::string_view reason) {
    registry_.count_dropped(lane.kind, reason, lane.in_flight->count);
    lane.in_flight.reset();
}

void ExportWorker::back_off(Lane& lane, Time now, std::optional<milliseconds> asked) {
    lane.wait = lane.wait.count() == 0 ? kFirstWait : std::min(lane.wait * 2, kLongestWait);
    const milliseconds wait =
        asked ? std::min(*asked, options_.retry_after_max) : with_chance(lane.wait);
    lane.next_try = now + wait;
}

ExportWorker::Sent ExportWorker::send(Lane& lane, Time now) {
    Batch& batch = *lane.in_flight;
    if (!batch.tried) {
        batch.tried = true;
        batch.first_tried = now;
    }
    const HttpReply reply = transport_.post(batch.post, options_.request_timeout, cancelled_);
    if (reply.status >= 200 && reply.status < 300) {
        const uint64_t rejected = &lane == &profile_lane_ || &lane == &metric_lane_
                                      ? 0
                                      : std::min<uint64_t>(rejected_by(reply.body), batch.count);
        exported_.with({lane.kind}).increment(batch.count - rejected);
        if (rejected > 0) registry_.count_dropped(lane.kind, "rejected", rejected);
        lane.in_flight.reset();
        lane.wait = milliseconds(0);
        lane.next_try = now;
        return Sent::kDone;
    }
    if (!is_retryable(reply.status)) {
        diagnose(batch.post.url + " refused a batch with status " + std::to_string(reply.status));
        lose(lane, "rejected");
        lane.wait = milliseconds(0);  // it is there, though it does not like what it gets
        lane.next_try = now;
        return Sent::kDone;
    }
    back_off(lane, now, reply.retry_after);
    if (lane.next_try - batch.first_tried > options_.retry_for) lose(lane, "retries");
    return Sent::kLater;
}

ExportWorker::Time ExportWorker::step(Time now, bool everything) {
    const auto run = [&](Lane& lane, auto next) {
        if (!lane.enabled) return;
        while (now >= lane.next_try && !cancelled_) {
            if (!lane.in_flight) lane.in_flight = next();
            if (!lane.in_flight || send(lane, now) == Sent::kLater) return;
        }
    };
    run(span_lane_, [&] { return next_spans(now, everything); });
    run(log_lane_, [&] { return next_logs(now, everything); });
    run(profile_lane_, [&] { return next_profile(); });
    if (metric_lane_.enabled && now >= metric_lane_.next_try && !cancelled_) {
        // Newer totals take the place of older ones that could not be sent; nothing is lost by
        // that.
        if (std::optional<Batch> newest = next_metrics(now, everything))
            metric_lane_.in_flight = std::move(newest);
        if (metric_lane_.in_flight) {
            const bool sent = send(metric_lane_, now) == Sent::kDone;
            const std::lock_guard lock(mutex_);
            metrics_sent_ = sent;
        }
    }

    Time next = now + kIdle;
    for (const Lane* lane : {&span_lane_, &log_lane_, &metric_lane_, &profile_lane_})
        if (lane->in_flight) next = std::min(next, lane->next_try);
    if (metric_lane_.enabled) next = std::min(next, std::max(metrics_due_, metric_lane_.next_try));
    const std::lock_guard lock(mutex_);
    idle_ = !span_lane_.in_flight && !log_lane_.in_flight && !profile_lane_.in_flight;
    if (!spans_.empty())
        next = std::min(next, std::max(spans_since_ + options_.batch_delay, span_lane_.next_try));
    if (!logs_.empty())
        next = std::min(next, std::max(logs_since_ + options_.batch_delay, log_lane_.next_try));
    if (!profiles_.empty()) next = std::min(next, std::max(now, profile_lane_.next_try));
    return next;
}

}  // namespace kilowatch
