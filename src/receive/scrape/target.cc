#include "scrape/target.h"

#include <algorithm>

#include "base/checksum.h"
#include "base/log.h"
#include "base/thread_pool.h"
#include "net/response_writer.h"
#include "scrape/accept.h"
#include "wire/exposition/format.h"

namespace kw::scrape {
namespace {

// Where body_size_limit says nothing: some two million samples.
constexpr uint64_t kBodyBytesMax = 256 << 20;
// A scrape that begins this late, or one per cent of its interval if that is less, still gets the
// time at which it was due: even distances are what the store compresses best.
constexpr int64_t kToleranceMs = 5;

intake::ScrapeRules rules_of(const TargetJob& job, const TargetPlan& plan) {
    const JobOptions& options = job.options;
    intake::ScrapeRules rules;
    rules.target_labels = plan.labels;
    rules.metric_relabel = job.metric_relabel;
    rules.honor_labels = options.honor_labels;
    rules.honor_timestamps = options.honor_timestamps;
    rules.track_timestamps_staleness = options.track_timestamps_staleness;
    rules.name_scheme = options.name_validation;
    rules.samples_max = options.limits.samples;
    rules.series_limits.labels_max = options.limits.labels;
    rules.series_limits.label_name_bytes_max = options.limits.label_name_bytes;
    rules.series_limits.label_value_bytes_max = options.limits.label_value_bytes;
    rules.extra_scrape_metrics = options.extra_scrape_metrics;
    rules.timeout_ms = plan.timeout_ms;
    rules.histograms = options.histograms;
    rules.histogram_limits = options.histogram_limits;
    return rules;
}

int64_t offset_of(const TargetPlan& plan) {
    const uint64_t hash = hash64(fmt::format("{}\n{}", plan.labels.encoded(), plan.url));
    return static_cast<int64_t>(hash % static_cast<uint64_t>(plan.interval_ms));
}

std::optional<wire::ExpositionFormat> fallback_format(const JobOptions& options) {
    if (!options.fallback_protocol) return {};
    switch (*options.fallback_protocol) {
        case Protocol::kOpenMetricsText001:
        case Protocol::kOpenMetricsText100: return wire::ExpositionFormat::kOpenMetrics;
        case Protocol::kPrometheusText004:
        case Protocol::kPrometheusText100: return wire::ExpositionFormat::kText;
        case Protocol::kPrometheusProto: return wire::ExpositionFormat::kProtobuf;
    }
    return {};
}

}  // namespace

TargetMetrics::TargetMetrics(MetricRegistry& registry)
    : body_size_limit_hits(
          registry.counter("prometheus_target_scrapes_exceeded_body_size_limit_total",
                           "Total number of scrapes that hit the body size limit")),
      skipped(registry.counter("kilowatch_target_scrapes_skipped_total",
                               "Scrapes left out because the one before still ran.")) {}

void TargetContext::scrape_began() {
    MutexLock lock(mutex_);
    ++running_;
}

void TargetContext::scrape_ended() {
    MutexLock lock(mutex_);
    if (--running_ == 0) idle_.notify_all();
}

void TargetContext::wait_until_idle() {
    MutexLock lock(mutex_);
    while (running_ > 0) idle_.wait(mutex_);
}

Target::Target(std::shared_ptr<TargetContext> context, std::shared_ptr<const TargetJob> job,
               TargetPlan plan)
    : context_(std::move(context)),
      job_(std::move(job)),
      plan_(std::move(plan)),
      offset_ms_(offset_of(plan_)),
      intake_(context_->intake, rules_of(*job_, plan_)),
      interval_lengths_(context_->env.metrics.histogram(
          "prometheus_target_interval_length_seconds", "Actual intervals between scrapes.",
          {1, 5, 10, 14.9, 15.1, 29.9, 30.1, 59.9, 60.1, 120, 300},
          {{"interval", format_duration_ms(plan_.interval_ms)}})) {}

Millis Target::next_after(Millis now) const {
    const int64_t since =
        ((now.count - offset_ms_) % plan_.interval_ms + plan_.interval_ms) % plan_.interval_ms;
    return now + (plan_.interval_ms - since);
}

bool Target::begin(Millis due, Millis now) {
    const int64_t tolerance_ms = std::min(kToleranceMs, plan_.interval_ms / 100);
    intake::ScrapeTiming timing;
    timing.time = now - due <= tolerance_ms ? due : now;
    timing.started_ns = context_->env.clock.steady_ns();
    std::string forced;
    {
        MutexLock lock(mutex_);
        if (is_busy_ || is_retired_) {
            if (is_busy_) context_->metrics.skipped.add();
            return false;
        }
        is_busy_ = true;
        if (last_begin_ns_ != 0) {
            interval_lengths_.observe(static_cast<double>(timing.started_ns - last_begin_ns_) /
                                      1e9);
        }
        last_begin_ns_ = timing.started_ns;
        forced = forced_error_;
    }
    context_->scrape_began();
    if (!forced.empty()) {
        finish(timing, [&] { return intake_.fail(exhausted("{}", forced), timing); });
    } else if (job_->asking.collect) {
        collect(timing);
    } else if (job_->asking.remote) {
        collect_remotely(timing);
    } else {
        fetch(timing);
    }
    return true;
}

uint64_t Target::body_bytes_max() const {
    const uint64_t limit = job_->options.limits.body_bytes;
    return limit == 0 ? kBodyBytesMax : limit;
}

void Target::fetch(const intake::ScrapeTiming& timing) {
    net::FetchRequest request;
    request.url = plan_.url;
    request.options = job_->client;
    request.timeout = std::chrono::milliseconds(plan_.timeout_ms);
    request.body_bytes_max = body_bytes_max();
    request.accept_gzip = job_->options.enable_compression;
    request.accept_zstd = request.accept_gzip && context_->accepts_zstd;
    if (!request.accept_gzip) request.headers.add("Accept-Encoding", "identity");
    request.headers.add("Accept", job_->accept);
    request.headers.add("X-Prometheus-Scrape-Timeout-Seconds",
                        fmt::format("{}", static_cast<double>(plan_.timeout_ms) / 1000));
    fetch_id_ = context_->fetcher.fetch(
        std::move(request), [self = shared_from_this(), timing](Result<net::FetchResponse> answer) {
            self->finish(timing, [&] { return self->take_answer(std::move(answer), timing); });
        });
}

void Target::collect(const intake::ScrapeTiming& timing) {
    const auto run = [self = shared_from_this(), timing] {
        self->finish(timing, [&] {
            std::string body;
            try {
                self->job_->asking.collect(body);
            } catch (const std::exception& e) {
                return self->intake_.fail(internal_error("the collector failed: {}", e.what()),
                                          timing);
            }
            return self->intake_.ingest(body, wire::ExpositionFormat::kText, timing);
        });
    };
    if (!context_->env.pool.submit(run).ok()) {
        finish(timing, [&] { return intake_.fail(exhausted("too much work is waiting"), timing); });
    }
}

void Target::collect_remotely(const intake::ScrapeTiming& timing) {
    job_->asking.remote->begin(
        std::chrono::milliseconds(plan_.timeout_ms),
        [self = shared_from_this(), timing](std::string body, Result<void> outcome) {
            self->finish(timing, [&] {
                if (body.empty() && !outcome.ok())
                    return self->intake_.fail(std::move(outcome).error(), timing);
                return self->intake_.ingest(body, wire::ExpositionFormat::kText, timing,
                                            std::move(outcome));
            });
        });
}

intake::ScrapeReport Target::take_answer(Result<net::FetchResponse> answer,
                                         const intake::ScrapeTiming& timing) {
    if (!answer.ok()) {
        if (answer.error().code == Code::kExhausted) {
            context_->metrics.body_size_limit_hits.add();
            return intake_.fail(exhausted("body size limit of {} bytes exceeded", body_bytes_max()),
                                timing);
        }
        return intake_.fail(std::move(answer).error(), timing);
    }
    if (answer->status != 200) {
        return intake_.fail(unavailable("server returned HTTP status {} {}", answer->status,
                                        net::status_text(answer->status)),
                            timing);
    }
    const bool is_zstd = net::equals_ignoring_case(answer->headers.get("Content-Encoding"), "zstd");
    if (is_zstd && !(job_->options.enable_compression && context_->accepts_zstd)) {
        return intake_.fail(unsupported("the answer is compressed with zstd, which was not asked "
                                        "for; --enable-feature=zstd-scrape allows it"),
                            timing);
    }
    const Result<wire::ExpositionFormat> format = wire::format_of_content_type(
        answer->headers.get("Content-Type"), fallback_format(job_->options));
    if (!format.ok()) return intake_.fail(format.error(), timing);
    return intake_.ingest(answer->body, *format, timing);
}

// Runs `report`, which hands the scrape to intake, unless the target or the server has ended
// meanwhile.
void Target::finish(const intake::ScrapeTiming& timing,
                    const std::function<intake::ScrapeReport()>& report) {
    bool is_wanted = false;
    {
        MutexLock lock(mutex_);
        is_wanted = !is_retired_ && !context_->stopping;
    }
    std::optional<intake::ScrapeReport> taken;
    if (is_wanted) taken = report();

    bool ends = false;
    {
        MutexLock lock(mutex_);
        is_busy_ = false;
        if (taken) {
            const Result<void>& outcome = taken->outcome;
            health_ = outcome.ok() ? Health::kUp : Health::kDown;
            last_error_ = outcome.ok() ? "" : outcome.error().message;
            last_scrape_ = timing.time;
            last_duration_seconds_ = taken->duration_seconds;
        }
        ends = is_retired_ && leaves_markers_;
    }
    if (taken && !taken->outcome.ok()) {
        context_->env.log.debug("a scrape failed", {{"scrape_pool", job_->options.job_name},
                                                    {"target", plan_.url},
                                                    {"error", taken->outcome.error().message}});
    }
    if (ends) end_series();
    context_->scrape_ended();
}

void Target::retire(bool with_markers) {
    bool ends_now = false;
    {
        MutexLock lock(mutex_);
        if (is_retired_) return;
        is_retired_ = true;
        leaves_markers_ = with_markers;
        ends_now = with_markers && !is_busy_;
    }
    cancel();
    if (ends_now) end_series();
}

void Target::cancel() {
    if (const net::Fetcher::FetchId id = fetch_id_.load(); id != 0) context_->fetcher.cancel(id);
    // A replaced target's collector may be its successor's already.
    bool is_busy = false;
    {
        MutexLock lock(mutex_);
        is_busy = is_busy_;
    }
    if (is_busy && job_->asking.remote) job_->asking.remote->cancel();
}

void Target::end_series() {
    const Result<void> ended = intake_.end(context_->env.clock.now());
    if (!ended.ok()) {
        context_->env.log.warn("a target's series got no staleness markers",
                               {{"target", plan_.url}, {"error", ended.error().message}});
    }
}

void Target::set_forced_error(std::string error) {
    MutexLock lock(mutex_);
    forced_error_ = std::move(error);
}

void Target::set_discovered(LabelSet discovered) {
    MutexLock lock(mutex_);
    discovered_ = std::move(discovered);
}

TargetStatus Target::status() const {
    TargetStatus status;
    status.labels = plan_.labels;
    status.scrape_pool = job_->options.job_name;
    status.scrape_url = plan_.url;
    status.interval_ms = plan_.interval_ms;
    status.timeout_ms = plan_.timeout_ms;
    MutexLock lock(mutex_);
    status.discovered_labels = discovered_;
    status.last_error = last_error_;
    status.last_scrape = last_scrape_;
    status.last_scrape_duration_seconds = last_duration_seconds_;
    status.health = health_;
    return status;
}

}  // namespace kw::scrape
