#include "intake/remote_write.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/memory_budget.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "contract/exemplar_store.h"
#include "contract/metric_store.h"
#include "intake/label_ref_cache.h"
#include "wire/remote_write/write_request.h"

namespace kw::intake {
namespace {

// Decoded columns take about as much as the message.
constexpr uint64_t kMemoryFactor = 2;
// What a request needs at the least, so that a flood of tiny ones is bounded too.
constexpr uint64_t kMemoryMin = 64 << 10;
// What of a scratch is kept for the next request.
constexpr size_t kScratchBytesMax = 4 << 20;
constexpr size_t kScratchRowsMax = 200'000;
constexpr size_t kIdleScratchMax = 64;
// Bounds the memory of exemplars that are taken apart, some 200 bytes each.
constexpr size_t kExemplarsPerBatch = 4096;

struct Counters {
    explicit Counters(MetricRegistry& metrics)
        : requests_ok(requests(metrics, "2xx")),
          requests_refused(requests(metrics, "4xx")),
          requests_failed(requests(metrics, "5xx")),
          samples(metrics.counter("kilowatch_remote_write_samples_total",
                                  "Samples that remote write requests stored.")),
          samples_refused(metrics.counter("kilowatch_remote_write_samples_refused_total",
                                          "Samples of remote write requests that were refused.")),
          invalid_labels(
              metrics.counter("prometheus_api_remote_write_invalid_labels_samples_total",
                              "The total number of received remote write samples and histogram "
                              "samples which contained invalid labels.")),
          histograms(metrics.counter(
              "kilowatch_remote_write_histograms_total",
              "Native histograms that remote write requests brought, sound or not.")),
          exemplars(ignored(metrics, "exemplar")),
          metadata(ignored(metrics, "metadata")) {}

    static Counter& requests(MetricRegistry& metrics, const char* status) {
        return metrics.counter("kilowatch_remote_write_requests_total",
                               "Remote write requests by status.", {{"status", status}});
    }
    static Counter& ignored(MetricRegistry& metrics, const char* kind) {
        return metrics.counter("kilowatch_remote_write_ignored_total",
                               "Parts of remote write requests that were valid and not stored.",
                               {{"kind", kind}});
    }

    Counter& requests_ok;
    Counter& requests_refused;
    Counter& requests_failed;
    Counter& samples;
    Counter& samples_refused;
    Counter& invalid_labels;
    Counter& histograms;
    Counter& exemplars;
    Counter& metadata;
};

// Buffers of one request, borrowed from a pool.
struct RequestScratch {
    wire::RawBuffer buffer;
    wire::WriteRequest request;
    std::vector<std::string_view> keys;  // one a series
    std::vector<SeriesRef> refs;         // one a series
    LabelRefCache::Scratch lookup;
    std::vector<LabelView> labels;
    std::vector<SeriesRef> row_refs;  // one a row that is appended
};

std::string_view verdict_text(RowVerdict verdict) {
    switch (verdict) {
        case RowVerdict::kConflict: return "duplicate sample for timestamp";
        case RowVerdict::kTooOld: return "too old sample";
        case RowVerdict::kTooFarAhead: return "sample too far in the future";
        case RowVerdict::kUnknownSeries: return "series dropped while it was written";
        case RowVerdict::kStored:
        case RowVerdict::kSameAgain: break;
    }
    return "stored";
}

int status_of(Code code) {
    switch (code) {
        case Code::kExhausted: return 413;
        case Code::kInvalid: return 400;
        case Code::kUnsupported: return 415;
        default: return 503;
    }
}

}  // namespace

class RemoteWriteIntake::Impl final {
 public:
    Impl(Environment& env, MetricStore& store, const Options& options, ExemplarStore* exemplars)
        : store_(store),
          exemplars_(exemplars),
          options_(options),
          counters_(env.metrics),
          cache_(options.cache_bytes_max),
          budget_(options.messages_bytes_max * kMemoryFactor) {}

    Answer write(std::string_view body) {
        std::unique_ptr<RequestScratch> scratch = borrow();
        Answer answer = write(body, *scratch);
        give_back(std::move(scratch));
        counters_.samples.add(answer.samples_stored);
        counters_.samples_refused.add(answer.samples_refused);
        (answer.status < 300   ? counters_.requests_ok
         : answer.status < 500 ? counters_.requests_refused
                               : counters_.requests_failed)
            .add();
        return answer;
    }

 private:
    // Rows of a request that were not stored, and why the first was not.
    struct Refusals {
        uint64_t samples = 0;
        std::string reason;

        void add(uint64_t count, std::string why) {
            if (count == 0) return;
            if (samples == 0) reason = std::move(why);
            samples += count;
        }
    };

    Answer write(std::string_view body, RequestScratch& scratch) {
        const Result<uint64_t> size = wire::snappy_size(as_bytes(body));
        if (!size.ok()) return failed(size.error());
        MemoryReservation memory(budget_);
        const uint64_t needed =
            std::max(kMemoryMin, std::min(*size, options_.message_bytes_max) * kMemoryFactor);
        if (!memory.grow(needed).ok()) {
            return {503,
                    fmt::format("remote write requests of more than {} bytes are on their way",
                                options_.messages_bytes_max),
                    0, 0};
        }
        const Result<ByteView> message =
            wire::snappy_uncompress(as_bytes(body), options_.message_bytes_max, scratch.buffer);
        if (!message.ok()) return failed(message.error());
        wire::WriteLimits limits;
        limits.series_max = options_.series_max;
        limits.samples_max = options_.samples_max;
        if (Result<void> decoded = wire::decode_write_request(*message, limits, scratch.request);
            !decoded.ok()) {
            return failed(decoded.error());
        }
        counters_.histograms.add(histogram_count(scratch.request));
        counters_.metadata.add(scratch.request.metadata_count);

        Answer answer;
        Refusals refusals;
        Result<void> stored = find_refs(scratch, refusals);
        if (stored.ok()) {
            refuse_bad_histograms(scratch, refusals);
            make_rows(scratch);
            stored = store_exemplars(scratch);
        }
        if (stored.ok()) {
            stored = append(scratch, refusals, answer.samples_stored);
        }
        if (!stored.ok()) return failed(stored.error());
        answer.samples_refused = refusals.samples;
        if (refusals.samples != 0) {
            answer.status = 400;
            answer.message = fmt::format("{} of {} samples refused, {} stored; the first: {}",
                                         refusals.samples, refusals.samples + answer.samples_stored,
                                         answer.samples_stored, refusals.reason);
        }
        return answer;
    }

    // Before the samples: when those are acknowledged, so are the exemplars. Those of series that were refused go with
    // them. Errors: kUnavailable, of the store.
    Result<void> store_exemplars(RequestScratch& scratch) {
        const std::vector<wire::WriteExemplar>& sent = scratch.request.exemplars;
        if (sent.empty()) return {};
        uint64_t stored = 0;
        std::vector<ExemplarSeries> batch;
        size_t batch_size = 0;
        uint32_t series = UINT32_MAX;  // of the batch's last: exemplars of one follow each other
        const auto append = [&](Durability durability) -> Result<void> {
            KW_TRY_ASSIGN(const ExemplarCounts counts,
                          exemplars_->append(std::move(batch), durability));
            stored += counts[ExemplarVerdict::kStored] + counts[ExemplarVerdict::kSameAgain];
            batch.clear();
            batch_size = 0;
            series = UINT32_MAX;
            return {};
        };
        for (const wire::WriteExemplar& one : sent) {
            if (exemplars_ == nullptr) break;
            if (!scratch.refs[one.series]) continue;
            Result<LabelSet> labels = exemplar_labels(one, scratch);
            if (!labels.ok()) continue;
            if (series != one.series) {
                Result<LabelSet> series_labels = labels_of(scratch.keys[one.series], scratch);
                if (!series_labels.ok()) continue;
                batch.push_back({std::move(series_labels).value(), {}});
                series = one.series;
            }
            batch.back().exemplars.push_back(
                {std::move(labels).value(), one.value, one.timestamp, true});
            if (++batch_size == kExemplarsPerBatch) KW_TRY(append(Durability::kSoon));
        }
        if (exemplars_ != nullptr) {
            // The samples that follow take what was appended before them along to the disk.
            KW_TRY(append(scratch.row_refs.empty() ? Durability::kAcked : Durability::kSoon));
        }
        counters_.exemplars.add(sent.size() - stored);
        return {};
    }

    static Result<LabelSet> exemplar_labels(const wire::WriteExemplar& sent,
                                            RequestScratch& scratch) {
        KW_TRY(wire::read_label_fields(sent.label_fields, scratch.labels));
        for (const LabelView& label : scratch.labels) {
            if (!is_valid_utf8(label.name) || !is_valid_utf8(label.value)) {
                return invalid("a label of an exemplar is not valid UTF-8");
            }
        }
        return LabelSet::from(scratch.labels);
    }

    static uint64_t histogram_count(const wire::WriteRequest& request) {
        return request.bad_histograms +
               static_cast<uint64_t>(std::ranges::count_if(
                   request.histograms, [](const auto& one) { return one != nullptr; }));
    }

    void refuse_bad_histograms(RequestScratch& scratch, Refusals& refusals) const {
        const wire::WriteRequest& request = scratch.request;
        if (request.bad_histograms == 0) return;
        std::string why;
        if (refusals.samples == 0) {
            const wire::BadHistogram& first = request.bad_histogram;
            const Result<LabelSet> labels = labels_of(scratch.keys[first.series], scratch);
            why =
                fmt::format("invalid histogram: {}: {} at {} ms", first.why,
                            labels.ok() ? labels->to_string() : "a series", first.timestamp.count);
        }
        refusals.add(request.bad_histograms, std::move(why));
    }

    static Answer failed(const Error& error) {
        return {status_of(error.code), error.message, 0, 0};
    }

    // Sets scratch.refs; 0 for series that were refused. Errors: kUnavailable, of the store.
    Result<void> find_refs(RequestScratch& scratch, Refusals& refusals) {
        const std::vector<wire::WriteSeries>& series = scratch.request.series;
        scratch.keys.resize(series.size());
        scratch.refs.resize(series.size());
        for (size_t i = 0; i < series.size(); ++i) scratch.keys[i] = series[i].label_fields;
        cache_.find(scratch.keys, scratch.refs, scratch.lookup);
        for (size_t i = 0; i < series.size(); ++i) {
            if (scratch.refs[i]) continue;
            KW_TRY_ASSIGN(scratch.refs[i], ask_ref(i, series[i].sample_count, scratch, refusals));
        }
        return {};
    }

    // The ref of series `index`, also for the cache; 0 when it is refused, with `sample_count`
    // samples. Errors: kUnavailable, of the store.
    Result<SeriesRef> ask_ref(size_t index, uint64_t sample_count, RequestScratch& scratch,
                              Refusals& refusals) {
        Result<LabelSet> labels = labels_of(scratch.keys[index], scratch);
        if (!labels.ok()) {
            counters_.invalid_labels.add(sample_count);
            refusals.add(sample_count, labels.error().message);
            return SeriesRef{};
        }
        const Result<SeriesRef> ref = store_.ref_of(*labels);
        if (!ref.ok()) {
            if (ref.error().code != Code::kExhausted) return ref.error();
            refusals.add(sample_count, ref.error().message);
            return SeriesRef{};
        }
        cache_.put(scratch.lookup.hashes[index], scratch.keys[index], *ref);
        return *ref;
    }

    Result<LabelSet> labels_of(std::string_view label_fields, RequestScratch& scratch) const {
        KW_TRY(wire::read_label_fields(label_fields, scratch.labels));
        for (const LabelView& label : scratch.labels) {
            if (!is_valid_utf8(label.name)) return invalid("a label name is not valid UTF-8");
            if (!is_valid_utf8(label.value)) {
                return invalid("the value of label {} is not valid UTF-8", quoted(label.name));
            }
        }
        KW_TRY_ASSIGN(LabelSet labels, LabelSet::from(scratch.labels));
        KW_TRY(check_names(labels, options_.name_scheme));
        KW_TRY(check_limits(labels, options_.series_limits));
        return labels;
    }

    // Rows in the order of the request; columns of refused series close up.
    static void make_rows(RequestScratch& scratch) {
        wire::WriteRequest& request = scratch.request;
        scratch.row_refs.clear();
        scratch.row_refs.reserve(request.values.size());
        for (size_t i = 0; i < request.series.size(); ++i) {
            if (!scratch.refs[i]) continue;
            const wire::WriteSeries& series = request.series[i];
            const size_t row = scratch.row_refs.size();
            if (row != series.sample_begin) {
                std::copy_n(request.values.begin() + series.sample_begin, series.sample_count,
                            request.values.begin() + static_cast<ptrdiff_t>(row));
                std::copy_n(request.timestamps.begin() + series.sample_begin, series.sample_count,
                            request.timestamps.begin() + static_cast<ptrdiff_t>(row));
                if (!request.histograms.empty()) {
                    std::copy_n(request.histograms.begin() + series.sample_begin,
                                series.sample_count,
                                request.histograms.begin() + static_cast<ptrdiff_t>(row));
                }
            }
            scratch.row_refs.insert(scratch.row_refs.end(), series.sample_count, scratch.refs[i]);
        }
        request.values.resize(scratch.row_refs.size());
        request.timestamps.resize(scratch.row_refs.size());
        if (!request.histograms.empty()) request.histograms.resize(scratch.row_refs.size());
    }

    // The series of each row: only asked for when rows were refused.
    static std::vector<uint32_t> series_of_rows(const RequestScratch& scratch) {
        std::vector<uint32_t> series_of_row;
        series_of_row.reserve(scratch.row_refs.size());
        for (uint32_t i = 0; i < scratch.request.series.size(); ++i) {
            if (scratch.refs[i]) {
                series_of_row.insert(series_of_row.end(), scratch.request.series[i].sample_count,
                                     i);
            }
        }
        return series_of_row;
    }

    Result<void> append(RequestScratch& scratch, Refusals& refusals, uint64_t& stored) {
        const wire::WriteRequest& request = scratch.request;
        KW_TRY_ASSIGN(const AppendResult first, append_rows(scratch.row_refs, request.timestamps,
                                                            request.values, request.histograms));
        stored += first.stored + first.same_again;
        if (first.refused.empty()) return {};

        const std::vector<uint32_t> series_of_row = series_of_rows(scratch);
        // The store dropped some series while they were idle: their refs are asked for anew, once.
        std::vector<uint32_t> rows;
        std::vector<SeriesRef> refs;
        std::vector<Millis> timestamps;
        std::vector<double> values;
        std::vector<std::shared_ptr<const Histogram>> histograms;
        for (const auto& [row, verdict] : first.refused) {
            const uint32_t series = series_of_row[row];
            if (verdict != RowVerdict::kUnknownSeries) {
                refuse(row, verdict, series, scratch, refusals);
                continue;
            }
            if (scratch.refs[series] == scratch.row_refs[row]) {
                KW_TRY_ASSIGN(scratch.refs[series], ask_ref(series, 0, scratch, refusals));
            }
            if (!scratch.refs[series]) {
                refuse(row, verdict, series, scratch, refusals);
                continue;
            }
            rows.push_back(row);
            refs.push_back(scratch.refs[series]);
            timestamps.push_back(request.timestamps[row]);
            values.push_back(request.values[row]);
            if (!request.histograms.empty()) histograms.push_back(request.histograms[row]);
        }
        if (rows.empty()) return {};
        KW_TRY_ASSIGN(const AppendResult second, append_rows(refs, timestamps, values, histograms));
        stored += second.stored + second.same_again;
        for (const auto& [again, verdict] : second.refused) {
            refuse(rows[again], verdict, series_of_row[rows[again]], scratch, refusals);
        }
        return {};
    }

    Result<AppendResult> append_rows(std::span<const SeriesRef> refs,
                                     std::span<const Millis> timestamps,
                                     std::span<const double> values,
                                     std::span<const std::shared_ptr<const Histogram>> histograms) {
        if (refs.empty()) return AppendResult{};
        SampleBatch batch;
        batch.series = refs;
        batch.values = values;
        batch.histograms = histograms;
        // A request that holds one scrape has one time: the store keeps such rows together.
        const bool one_time =
            std::ranges::all_of(timestamps, [&](Millis t) { return t == timestamps[0]; });
        batch.timestamps = one_time ? timestamps.first(1) : timestamps;
        batch.durability = Durability::kAcked;
        return store_.append(batch);
    }

    void refuse(uint32_t row, RowVerdict verdict, uint32_t series, RequestScratch& scratch,
                Refusals& refusals) const {
        if (refusals.samples != 0) {
            refusals.add(1, {});
            return;
        }
        const Result<LabelSet> labels = labels_of(scratch.keys[series], scratch);
        refusals.add(1, fmt::format("{}: {} at {} ms", verdict_text(verdict),
                                    labels.ok() ? labels->to_string() : "a series",
                                    scratch.request.timestamps[row].count));
    }

    std::unique_ptr<RequestScratch> borrow() KW_EXCLUDES(mutex_) {
        const MutexLock lock(mutex_);
        if (idle_.empty()) return std::make_unique<RequestScratch>();
        std::unique_ptr<RequestScratch> scratch = std::move(idle_.back());
        idle_.pop_back();
        return scratch;
    }
    // Buffers of rare large requests are not kept.
    void give_back(std::unique_ptr<RequestScratch> scratch) KW_EXCLUDES(mutex_) {
        scratch->request.histograms.clear();  // the store's now, or nobody's
        if (scratch->buffer.capacity() > kScratchBytesMax ||
            scratch->request.values.capacity() > kScratchRowsMax)
            return;
        const MutexLock lock(mutex_);
        if (idle_.size() < kIdleScratchMax) idle_.push_back(std::move(scratch));
    }

    MetricStore& store_;
    ExemplarStore* const exemplars_;
    const Options options_;
    Counters counters_;
    LabelRefCache cache_;
    MemoryBudget budget_;
    Mutex mutex_;
    std::vector<std::unique_ptr<RequestScratch>> idle_ KW_GUARDED_BY(mutex_);
};

RemoteWriteIntake::RemoteWriteIntake(Environment& env, MetricStore& store, const Options& options,
                                     ExemplarStore* exemplars)
    : impl_(std::make_unique<Impl>(env, store, options, exemplars)) {}
RemoteWriteIntake::~RemoteWriteIntake() = default;

RemoteWriteIntake::Answer RemoteWriteIntake::write(std::string_view body) {
    return impl_->write(body);
}

}  // namespace kw::intake
