#include "intake/scrape_target.h"

#include <algorithm>
#include <array>
#include <compare>
#include <optional>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "contract/exemplar_store.h"
#include "contract/metric_store.h"
#include "intake/scrape_cache.h"
#include "intake/target_metadata.h"
#include "model/stored_histogram.h"
#include "wire/exposition/nhcb_parser.h"
#include "wire/exposition/parser.h"
#include "wire/exposition/protobuf_parser.h"

namespace kw::intake {
namespace {

using wire::ExpositionFormat;
using wire::Step;

// The series that the server writes about a scrape.
enum Report : size_t {
    kUp,
    kDuration,
    kSamplesScraped,
    kSamplesKept,
    kSeriesAdded,
    kTimeout,  // from here on with extra_scrape_metrics only
    kSampleLimit,
    kBodyBytes,
    kReportCount,
};
constexpr std::array<std::string_view, kReportCount> kReportNames = {
    "up",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
    "scrape_timeout_seconds",
    "scrape_sample_limit",
    "scrape_body_size_bytes",
};
using HistogramPtr = std::shared_ptr<const Histogram>;

// Spans, buckets and bounds of the histograms of a scrape, and 8 for each, at most: what the store takes at once.
constexpr uint64_t kHistogramPartsOfScrape = uint64_t{1} << 22;

// The histogram of the sample that a parser stands on; null: a float, as all samples of a parser that knows no others.
template <typename Source>
HistogramPtr histogram_of(const Source& source) {
    if constexpr (requires { source.histogram(); }) {
        return source.histogram();
    } else {
        return nullptr;
    }
}

constexpr std::string_view kExportedPrefix = "exported_";

struct ScrapeCounters {
    explicit ScrapeCounters(MetricRegistry& metrics)
        : sample_limit(metrics.counter(
              "prometheus_target_scrapes_exceeded_sample_limit_total",
              "Total number of scrapes that hit the sample limit and were rejected.")),
          label_limits(metrics.counter(
              "prometheus_target_scrape_pool_exceeded_label_limits_total",
              "Total number of times scrape pools hit the label limits, during sync "
              "or config reload.")),
          duplicate(
              metrics.counter("prometheus_target_scrapes_sample_duplicate_timestamp_total",
                              "Total number of samples rejected due to duplicate timestamps but "
                              "different values.")),
          out_of_order(metrics.counter(
              "prometheus_target_scrapes_sample_out_of_order_total",
              "Total number of samples rejected due to not being out of the expected "
              "order.")),
          out_of_bounds(metrics.counter(
              "prometheus_target_scrapes_sample_out_of_bounds_total",
              "Total number of samples rejected due to timestamp falling outside of "
              "the time bounds.")),
          cache_flush(
              metrics.counter("prometheus_target_scrapes_cache_flush_forced_total",
                              "How many times a scrape cache was flushed due to getting big while "
                              "scrapes are failing.")),
          malformed(metrics.counter(
              "kilowatch_scrape_malformed_total",
              "Scrapes that failed because of a malformed line or an invalid name.")),
          series_refused(
              metrics.counter("kilowatch_scrape_series_refused_total",
                              "Series of scrapes that the store's limit of series kept out.")),
          exemplars(metrics.counter("kilowatch_scrape_exemplars_ignored_total",
                                    "Exemplars of native histograms without a time of their own, "
                                    "which are not stored.")),
          exemplars_out_of_order(
              metrics.counter("prometheus_target_scrapes_exemplar_out_of_order_total",
                              "Total number of exemplar rejected due to not being out of the "
                              "expected order.")),
          bucket_limit(metrics.counter(
              "kilowatch_target_scrapes_exceeded_bucket_limit_total",
              "Total number of scrapes that hit the native histogram bucket limit and were "
              "rejected.")),
          not_converted(metrics.counter(
              "kilowatch_scrape_histograms_not_converted_total",
              "Classic histograms that should have become native ones and make no sense.")) {}

    Counter& sample_limit;
    Counter& label_limits;
    Counter& duplicate;
    Counter& out_of_order;
    Counter& out_of_bounds;
    Counter& cache_flush;
    Counter& malformed;
    Counter& series_refused;
    Counter& exemplars;
    Counter& exemplars_out_of_order;
    Counter& bucket_limit;
    Counter& not_converted;
};

// A series whose labels were read in this scrape and whose ref is asked for at its end.
struct NewSeries {
    LineNumber line;
    LabelSet labels;
};

// An exemplar of a line, which is stored when the scrape is known to be good.
struct LineExemplar {
    LineNumber line;
    Exemplar exemplar;
};

// The order in which a store takes those of one series; a total one, whatever the values are.
bool is_before(const Exemplar& a, const Exemplar& b) {
    if (a.timestamp != b.timestamp) return a.timestamp < b.timestamp;
    const std::strong_ordering values = std::strong_order(a.value, b.value);
    return values < 0 || (values == 0 && a.labels < b.labels);
}

// Rows of the scrape's own time: of lines, then staleness markers, then the report's.
struct Rows {
    std::vector<LineNumber> lines;
    std::vector<SeriesRef> refs;
    std::vector<double> values;
    std::vector<HistogramPtr>
        histograms;  // of the first rows, while there are any: null where a row is a float

    void clear() {
        lines.clear();
        refs.clear();
        values.clear();
        histograms.clear();
    }
    void push(LineNumber line, SeriesRef ref, double value) {
        lines.push_back(line);
        refs.push_back(ref);
        values.push_back(value);
    }
    void push(LineNumber line, SeriesRef ref, HistogramPtr histogram) {
        push(line, ref, 0.0);
        histograms.resize(values.size());
        histograms.back() = std::move(histogram);
    }
    const HistogramPtr& histogram(size_t row) const {
        static const HistogramPtr none;
        return row < histograms.size() ? histograms[row] : none;
    }
};

// Buffers of one scrape, borrowed from ScrapeIntake, so that thousands of targets share a few.
struct Scratch {
    Rows rows;
    Rows timed_rows;
    std::vector<Millis> timestamps;  // of timed_rows
    std::vector<NewSeries> new_series;
    std::vector<LineExemplar> exemplars;
    std::vector<SeriesNumber> newly_live;
    wire::SeriesLabels labels;
    LabelBuilder builder;

    void clear() {
        rows.clear();
        timed_rows.clear();
        timestamps.clear();
        new_series.clear();
        exemplars.clear();
        newly_live.clear();
    }
};

}  // namespace

struct ScrapeIntake::Shared {
    Shared(Environment& env, MetricStore& metric_store, ExemplarStore* exemplar_store)
        : clock(env.clock), store(metric_store), exemplars(exemplar_store), counters(env.metrics) {}

    std::unique_ptr<Scratch> borrow() KW_EXCLUDES(mutex) {
        const MutexLock lock(mutex);
        if (idle.empty()) return std::make_unique<Scratch>();
        std::unique_ptr<Scratch> scratch = std::move(idle.back());
        idle.pop_back();
        return scratch;
    }
    void give_back(std::unique_ptr<Scratch> scratch) KW_EXCLUDES(mutex) {
        scratch->clear();
        const MutexLock lock(mutex);
        idle.push_back(std::move(scratch));
    }

    Clock& clock;
    MetricStore& store;
    ExemplarStore* const exemplars;
    ScrapeCounters counters;
    Mutex mutex;
    std::vector<std::unique_ptr<Scratch>> idle
        KW_GUARDED_BY(mutex);  // as many as scrapes ran at once
};

ScrapeIntake::ScrapeIntake(Environment& env, MetricStore& store, ExemplarStore* exemplars)
    : shared_(std::make_unique<Shared>(env, store, exemplars)) {}
ScrapeIntake::~ScrapeIntake() = default;

class ScrapeTarget::Impl final {
 public:
    Impl(ScrapeIntake::Shared& shared, ScrapeRules rules)
        : shared_(shared), rules_(std::move(rules)) {
        report_count_ = rules_.extra_scrape_metrics ? size_t{kReportCount} : size_t{kTimeout};
        for (size_t i = 0; i < report_count_; ++i) {
            LabelBuilder labels(rules_.target_labels);
            report_labels_[i] = labels.set(kMetricName, kReportNames[i]).build();
        }
    }

    ScrapeReport ingest(std::string_view body, ExpositionFormat format, const ScrapeTiming& timing,
                        Result<void> verdict) {
        std::unique_ptr<Scratch> scratch = shared_.borrow();
        ScrapeReport report;
        // Key and comments of protobuf are OpenMetrics text.
        format_ =
            format == ExpositionFormat::kProtobuf ? wire::ProtobufParser::kTextFormat : format;
        cache_.begin_scrape();
        report.outcome = read_body(body, format, *scratch, report);
        if (report.outcome.ok()) {
            resolve(*scratch, report);
            store_exemplars(*scratch, timing.time);
            add_markers_of_vanished(*scratch);
        } else {
            scratch->clear();
            add_markers_of_all(*scratch);
        }
        end_scrape(report.outcome.ok());
        if (report.outcome.ok()) report.outcome = std::move(verdict);
        finish(*scratch, report, timing, static_cast<double>(body.size()));
        shared_.give_back(std::move(scratch));
        return report;
    }

    ScrapeReport fail(Error error, const ScrapeTiming& timing) {
        std::unique_ptr<Scratch> scratch = shared_.borrow();
        ScrapeReport report;
        // A body over its limit is shown as -1, as Prometheus does.
        const double body_bytes = error.code == Code::kExhausted ? -1 : 0;
        report.outcome = std::move(error);
        add_markers_of_all(*scratch);
        finish(*scratch, report, timing, body_bytes);
        shared_.give_back(std::move(scratch));
        return report;
    }

    Result<void> end(Millis time) {
        std::unique_ptr<Scratch> scratch = shared_.borrow();
        add_markers_of_all(*scratch);
        for (size_t i = 0; i < report_count_; ++i) {
            if (report_refs_[i])
                scratch->rows.push(ByteIndex::kNone, report_refs_[i], kStaleMarker);
        }
        ScrapeReport report;
        Result<void> appended = append(*scratch, time, scratch->rows.refs.size(), report);
        shared_.give_back(std::move(scratch));
        return appended;
    }

    const TargetMetadata& metadata() const { return metadata_; }

 private:
    Result<void> read_body(std::string_view body, ExpositionFormat format, Scratch& scratch,
                           ScrapeReport& report) {
        const auto read_converting = [&](auto&& parser) {
            Result<void> done = read(parser, scratch, report);
            shared_.counters.not_converted.add(parser.not_converted());
            return done;
        };
        if (format == ExpositionFormat::kProtobuf) {
            return read_converting(wire::ProtobufParser(body, rules_.histograms));
        }
        if (rules_.histograms.convert) {
            return read_converting(wire::NhcbParser(body, format, rules_.histograms));
        }
        wire::Parser parser(body, format);
        return read(parser, scratch, report);
    }

    // Reads the body into rows. After an error the rows mean nothing.
    template <typename Source>
    Result<void> read(Source& parser, Scratch& scratch, ScrapeReport& report) {
        histogram_parts_ = 0;
        Result<void> limit;
        for (;;) {
            const Step step = parser.next(cache_.expected());
            switch (step) {
                case Step::kSample: {
                    ++report.samples_scraped;
                    // Over the limit only the lines are still counted: nothing of them is learnt or
                    // stored.
                    if (!limit.ok()) {
                        ++report.samples_kept;
                        break;
                    }
                    bool is_new = false;
                    const LineNumber number = parser.was_expected()
                                                  ? cache_.take_expected()
                                                  : cache_.take(parser.series(), is_new);
                    if (cache_.line(number).series == ScrapeLine::kPending)
                        KW_TRY(learn(parser, number, scratch));
                    if (cache_.line(number).series == ScrapeLine::kDropped) break;
                    ++report.samples_kept;
                    if (rules_.samples_max != 0 && report.samples_kept > rules_.samples_max) {
                        shared_.counters.sample_limit.add();
                        limit = exhausted("over the sample limit of {}", rules_.samples_max);
                        break;
                    }
                    if (Result<void> added = add_row(parser, number, scratch, report); !added.ok())
                        limit = std::move(added);
                    break;
                }
                case Step::kSameComment: cache_.take_expected(); break;
                case Step::kType:
                case Step::kHelp:
                case Step::kUnit: {
                    bool is_new = false;
                    ScrapeLine& line = cache_.line(cache_.take(parser.line_text(), is_new));
                    if (line.series != ScrapeLine::kComment) {
                        line.series = ScrapeLine::kComment;
                        metadata_.take(step, parser, format_);
                    }
                    break;
                }
                case Step::kError: shared_.counters.malformed.add(); return parser.error();
                case Step::kEnd: return limit;
            }
        }
    }

    // Errors: kExhausted, of a histogram.
    template <typename Source>
    Result<void> add_row(const Source& parser, LineNumber number, Scratch& scratch,
                         ScrapeReport& report) {
        HistogramPtr histogram = histogram_of(parser);
        if (histogram != nullptr) KW_TRY(limit_histogram(histogram));
        const SeriesNumber series_number = cache_.line(number).series;
        const bool timed = parser.has_timestamp() && rules_.honor_timestamps;
        if (parser.has_exemplar()) take_exemplars(parser, number, timed, scratch);
        SeriesRef ref;
        if (series_number != ScrapeLine::kPending) {
            ScrapeSeries& series = cache_.series(series_number);
            ref = series.ref;
            report.series_added += cache_.came_back() ? 1 : 0;
            if (!timed && series.seen == cache_.scrape()) {
                refuse(shared_.counters.duplicate, report);
                return {};
            }
            if (!timed || rules_.track_timestamps_staleness) mark_seen(series_number, scratch);
        }
        Rows& rows = timed ? scratch.timed_rows : scratch.rows;
        if (histogram != nullptr) {
            rows.push(number, ref, std::move(histogram));
        } else {
            rows.push(number, ref, parser.value());
        }
        if (timed) scratch.timestamps.push_back(parser.timestamp());
        return {};
    }

    // Their time is their own, else their sample's; where that is the scrape's, store_exemplars() knows it. One of a
    // histogram that has no time of its own is left out, as Prometheus does: among many, it would be new each time.
    template <typename Source>
    void take_exemplars(const Source& parser, LineNumber number, bool timed, Scratch& scratch) {
        if (shared_.exemplars == nullptr) return;
        const auto take = [&](Exemplar exemplar) {
            if (!exemplar.has_timestamp && timed) exemplar.timestamp = parser.timestamp();
            exemplar.has_timestamp |= timed;
            scratch.exemplars.push_back({number, std::move(exemplar)});
        };
        if constexpr (requires { parser.exemplars(); }) {
            const auto first = static_cast<ptrdiff_t>(scratch.exemplars.size());
            for (const Exemplar& one : parser.exemplars()) {
                if (parser.histogram() == nullptr || one.has_timestamp) {
                    take(one);
                } else {
                    shared_.counters.exemplars.add();
                }
            }
            // Those of buckets come by their bounds, and are wanted by their times.
            std::sort(scratch.exemplars.begin() + first, scratch.exemplars.end(),
                      [](const LineExemplar& x, const LineExemplar& y) {
                          return is_before(x.exemplar, y.exemplar);
                      });
        } else if (std::optional<Exemplar> one = parser.exemplar()) {
            take(*std::move(one));
        }
    }

    // Before the samples, with which they go to the log. Those of series that the store refused go with them.
    void store_exemplars(Scratch& scratch, Millis scrape_time) {
        if (scratch.exemplars.empty()) return;
        std::vector<ExemplarSeries> batch;
        LineNumber line =
            ByteIndex::kNone;  // of the batch's last: a histogram's exemplars follow each other
        for (LineExemplar& one : scratch.exemplars) {
            if (cache_.line(one.line).series == ScrapeLine::kPending) continue;
            if (line != one.line) {
                Result<std::optional<LabelSet>> series = labels_of(cache_.key(one.line), scratch);
                if (!series.ok() || !series->has_value()) continue;
                batch.push_back({std::move(**series), {}});
                line = one.line;
            }
            if (!one.exemplar.has_timestamp) one.exemplar.timestamp = scrape_time;
            one.exemplar.has_timestamp = true;
            batch.back().exemplars.push_back(std::move(one.exemplar));
        }
        const Result<ExemplarCounts> counts =
            shared_.exemplars->append(std::move(batch), Durability::kSoon);
        // What the log does not take the samples meet too, and say it.
        if (!counts.ok()) return;
        shared_.counters.exemplars_out_of_order.add((*counts)[ExemplarVerdict::kOutOfOrder]);
    }

    Result<void> limit_histogram(HistogramPtr& histogram) {
        if (Result<void> limited = apply_limits(rules_.histogram_limits, histogram);
            !limited.ok()) {
            shared_.counters.bucket_limit.add();
            return limited;
        }
        histogram_parts_ += 8 + histogram_parts(*histogram);
        if (histogram_parts_ <= kHistogramPartsOfScrape) return {};
        return exhausted("native histograms with more than {} spans, buckets and bounds",
                         kHistogramPartsOfScrape);
    }

    void mark_seen(SeriesNumber number, Scratch& scratch) {
        ScrapeSeries& series = cache_.series(number);
        if (series.seen == cache_.scrape()) return;
        series.seen = cache_.scrape();
        if (series.is_live) {
            ++still_live_count_;
        } else {
            scratch.newly_live.push_back(number);
        }
    }

    static void refuse(Counter& counter, ScrapeReport& report) {
        counter.add();
        ++report.rows_refused;
    }

    // Reads the labels of the line that `parser` stands on: dropped, or to be resolved.
    template <typename Source>
    Result<void> learn(const Source& parser, LineNumber number, Scratch& scratch) {
        Result<std::optional<LabelSet>> labels = labels_of(cache_.key(number), scratch);
        if (!labels.ok()) {
            return std::move(labels).error().with_context(fmt::format("line {}", parser.line()));
        }
        if (labels->has_value()) {
            scratch.new_series.push_back({number, **std::move(labels)});
        } else {
            cache_.line(number).series = ScrapeLine::kDropped;
        }
        return {};
    }

    // The labels that the series part `key` ends up with; nullopt where relabelling drops it.
    Result<std::optional<LabelSet>> labels_of(std::string_view key, Scratch& scratch) const {
        Result<LabelSet> exposed = [&]() -> Result<LabelSet> {
            KW_TRY(scratch.labels.read(key, format_));
            return LabelSet::from(scratch.labels.labels());
        }();
        if (!exposed.ok()) {
            shared_.counters.malformed.add();
            return std::move(exposed).error();
        }
        LabelBuilder& builder = scratch.builder;
        builder.reset(*exposed);
        add_target_labels(builder, scratch.labels.labels());
        if (rules_.metric_relabel && !relabel(*rules_.metric_relabel, builder))
            return std::optional<LabelSet>();
        LabelSet labels = builder.build();
        if (labels.empty()) return std::optional<LabelSet>();
        if (Result<void> names = check_names(labels, rules_.name_scheme); !names.ok()) {
            shared_.counters.malformed.add();
            return std::move(names).error();
        }
        if (Result<void> limits = check_limits(labels, rules_.series_limits); !limits.ok()) {
            shared_.counters.label_limits.add();
            return std::move(limits).error();
        }
        return std::optional(std::move(labels));
    }

    // The target's labels win over exposed ones, which move to exported_…; with honor_labels they
    // give way, also to one that is `written` with an empty value: so a Pushgateway says that its
    // own instance is nobody's.
    void add_target_labels(LabelBuilder& builder, const std::vector<LabelView>& written) const {
        std::vector<std::pair<std::string, std::string>> moved;
        for (const LabelView& label : rules_.target_labels) {
            if (rules_.honor_labels) {
                const bool exposed =
                    std::ranges::find(written, label.name, &LabelView::name) != written.end();
                if (!exposed) builder.set(label.name, label.value);
                continue;
            }
            const std::string_view exposed = builder.get(label.name);
            if (!exposed.empty()) moved.emplace_back(label.name, exposed);
            builder.set(label.name, label.value);
        }
        // Short names first, as Prometheus does, since exported_a may itself be there.
        std::ranges::sort(moved, {}, [](const auto& label) {
            return std::pair(label.first.size(), label.first);
        });
        for (auto& [name, value] : moved) {
            do {
                name.insert(0, kExportedPrefix);
            } while (!builder.get(name).empty());
            builder.set(name, value);
        }
    }

    // Asks the store for the refs of new series and puts them into their rows.
    void resolve(Scratch& scratch, ScrapeReport& report) {
        if (scratch.new_series.empty()) return;
        for (const NewSeries& fresh : scratch.new_series) {
            ScrapeLine& line = cache_.line(fresh.line);
            if (line.series != ScrapeLine::kPending) continue;  // its line is there twice
            const Result<SeriesRef> ref = shared_.store.ref_of(fresh.labels);
            if (!ref.ok()) {
                refuse(shared_.counters.series_refused, report);
                continue;
            }
            line.series = cache_.series_of(*ref);
            ++report.series_added;
        }
        resolve_rows(scratch.rows, nullptr, scratch, report);
        resolve_rows(scratch.timed_rows, &scratch.timestamps, scratch, report);
    }

    // Fills in refs; takes out rows whose series was refused or, without timestamps, is there
    // already.
    void resolve_rows(Rows& rows, std::vector<Millis>* timestamps, Scratch& scratch,
                      ScrapeReport& report) {
        size_t kept = 0;
        for (size_t i = 0; i < rows.refs.size(); ++i) {
            if (!rows.refs[i]) {
                const SeriesNumber number = cache_.line(rows.lines[i]).series;
                if (number == ScrapeLine::kPending) continue;
                const bool seen = cache_.series(number).seen == cache_.scrape();
                if (timestamps == nullptr && seen) {
                    refuse(shared_.counters.duplicate, report);
                    continue;
                }
                if (timestamps == nullptr || rules_.track_timestamps_staleness)
                    mark_seen(number, scratch);
                rows.refs[i] = cache_.series(number).ref;
            }
            rows.refs[kept] = rows.refs[i];
            rows.lines[kept] = rows.lines[i];
            rows.values[kept] = rows.values[i];
            if (i < rows.histograms.size()) rows.histograms[kept] = std::move(rows.histograms[i]);
            if (timestamps != nullptr) (*timestamps)[kept] = (*timestamps)[i];
            ++kept;
        }
        rows.refs.resize(kept);
        rows.lines.resize(kept);
        rows.values.resize(kept);
        rows.histograms.resize(std::min(kept, rows.histograms.size()));
        if (timestamps != nullptr) timestamps->resize(kept);
    }

    // Markers for series that the last good scrape had and this one has not. Costs nothing where
    // all are there.
    void add_markers_of_vanished(Scratch& scratch) {
        if (still_live_count_ != live_count_) {
            for (ScrapeSeries& series : cache_.all_series()) {
                if (!series.is_live || series.seen == cache_.scrape()) continue;
                series.is_live = false;
                scratch.rows.push(ByteIndex::kNone, series.ref, kStaleMarker);
            }
        }
        for (const SeriesNumber number : scratch.newly_live) cache_.series(number).is_live = true;
        live_count_ = still_live_count_ + scratch.newly_live.size();
        still_live_count_ = 0;
    }

    void add_markers_of_all(Scratch& scratch) {
        for (ScrapeSeries& series : cache_.all_series()) {
            if (!series.is_live) continue;
            series.is_live = false;
            scratch.rows.push(ByteIndex::kNone, series.ref, kStaleMarker);
        }
        live_count_ = 0;
        still_live_count_ = 0;
    }

    void end_scrape(bool is_good) {
        if (!cache_.end_scrape(is_good)) return;
        if (!is_good) shared_.counters.cache_flush.add();
        std::string comments;
        cache_.for_each_comment([&](std::string_view line) { comments.append(line) += '\n'; });
        metadata_.rebuild(comments, format_);
    }

    // Adds the report's rows and appends all.
    void finish(Scratch& scratch, ScrapeReport& report, const ScrapeTiming& timing,
                double body_bytes) {
        report.duration_seconds =
            static_cast<double>(shared_.clock.steady_ns() - timing.started_ns) / 1e9;
        const std::array<double, kReportCount> values = {
            report.outcome.ok() ? 1.0 : 0.0,
            report.duration_seconds,
            static_cast<double>(report.samples_scraped),
            static_cast<double>(report.samples_kept),
            static_cast<double>(report.series_added),
            static_cast<double>(rules_.timeout_ms) / 1000,
            static_cast<double>(rules_.samples_max),
            body_bytes,
        };
        const size_t report_begin = scratch.rows.refs.size();
        for (size_t i = 0; i < report_count_; ++i) {
            if (!report_refs_[i]) ask_report_ref(i, report);
            if (report_refs_[i])
                scratch.rows.push(static_cast<LineNumber>(i), report_refs_[i], values[i]);
        }
        Result<void> appended = append(scratch, timing.time, report_begin, report);
        if (!appended.ok() && report.outcome.ok()) report.outcome = std::move(appended);
    }

    void ask_report_ref(size_t index, ScrapeReport& report) {
        const Result<SeriesRef> ref = shared_.store.ref_of(report_labels_[index]);
        report_refs_[index] = ref.ok() ? *ref : SeriesRef{};
        if (!ref.ok()) refuse(shared_.counters.series_refused, report);
    }

    // Rows from `report_begin` on are the report's.
    Result<void> append(Scratch& scratch, Millis time, size_t report_begin, ScrapeReport& report) {
        KW_TRY(append_rows(scratch, scratch.rows, {&time, 1}, report_begin, report));
        return append_rows(scratch, scratch.timed_rows, scratch.timestamps,
                           scratch.timed_rows.refs.size(), report);
    }

    Result<void> append_rows(Scratch& scratch, Rows& rows, std::span<const Millis> timestamps,
                             size_t report_begin, ScrapeReport& report) {
        if (rows.refs.empty()) return {};
        KW_TRY_ASSIGN(const AppendResult first, append_batch(rows, timestamps));
        std::vector<uint32_t> unknown;
        for (const auto& [row, verdict] : first.refused) {
            if (verdict == RowVerdict::kUnknownSeries) {
                unknown.push_back(row);
            } else {
                count_refused(verdict, report);
            }
        }
        if (unknown.empty()) return {};
        return append_again(scratch, rows, timestamps, unknown, report_begin, report);
    }

    Result<AppendResult> append_batch(Rows& rows, std::span<const Millis> timestamps) {
        SampleBatch batch;
        batch.series = rows.refs;
        batch.values = rows.values;
        batch.timestamps = timestamps;
        if (!rows.histograms.empty()) rows.histograms.resize(rows.values.size());
        batch.histograms = rows.histograms;
        return shared_.store.append(batch);
    }

    void count_refused(RowVerdict verdict, ScrapeReport& report) {
        const bool conflict = verdict == RowVerdict::kConflict;
        refuse(conflict ? shared_.counters.duplicate : shared_.counters.out_of_bounds, report);
    }

    // The store dropped some series while they were idle: asks for their refs anew, and appends
    // their rows. A marker of such a series is of no use any more.
    Result<void> append_again(Scratch& scratch, const Rows& rows,
                              std::span<const Millis> timestamps,
                              const std::vector<uint32_t>& unknown, size_t report_begin,
                              ScrapeReport& report) {
        Rows again;
        std::vector<Millis> again_timestamps;
        for (const uint32_t row : unknown) {
            const LineNumber line = rows.lines[row];
            SeriesRef ref;
            if (row >= report_begin) {
                if (line != ByteIndex::kNone) {
                    ask_report_ref(line, report);
                    ref = report_refs_[line];
                }
            } else if (line != ByteIndex::kNone) {
                ref = ask_line_ref(line, scratch, report);
            }
            if (!ref) continue;
            if (const HistogramPtr& histogram = rows.histogram(row); histogram != nullptr) {
                again.push(line, ref, histogram);
            } else {
                again.push(line, ref, rows.values[row]);
            }
            again_timestamps.push_back(timestamps.size() == 1 ? timestamps[0] : timestamps[row]);
        }
        if (again.refs.empty()) return {};
        KW_TRY_ASSIGN(const AppendResult second, append_batch(again, again_timestamps));
        for (const auto& [row, verdict] : second.refused) count_refused(verdict, report);
        return {};
    }

    SeriesRef ask_line_ref(LineNumber number, Scratch& scratch, ScrapeReport& report) {
        Result<std::optional<LabelSet>> labels = labels_of(cache_.key(number), scratch);
        if (!labels.ok() || !labels->has_value()) return {};
        const Result<SeriesRef> ref = shared_.store.ref_of(**labels);
        if (!ref.ok()) {
            refuse(shared_.counters.series_refused, report);
            return {};
        }
        ScrapeLine& line = cache_.line(number);
        const ScrapeSeries old = cache_.series(line.series);
        cache_.series(line.series).is_live = false;
        line.series = cache_.series_of(*ref);
        ScrapeSeries& renewed = cache_.series(line.series);
        if (old.is_live && renewed.is_live) --live_count_;
        renewed.is_live |= old.is_live;
        renewed.seen = old.seen;
        return *ref;
    }

    ScrapeIntake::Shared& shared_;
    const ScrapeRules rules_;
    ScrapeCache cache_;
    TargetMetadata metadata_;
    ExpositionFormat format_ = ExpositionFormat::kText;  // of the last body
    size_t live_count_ = 0;                              // series with is_live
    size_t still_live_count_ = 0;   // of those, how many this scrape has had so far
    uint64_t histogram_parts_ = 0;  // of this scrape so far
    size_t report_count_ = 0;
    std::array<LabelSet, kReportCount> report_labels_;
    std::array<SeriesRef, kReportCount> report_refs_;
};

ScrapeTarget::ScrapeTarget(ScrapeIntake& intake, ScrapeRules rules)
    : impl_(std::make_unique<Impl>(*intake.shared_, std::move(rules))) {}
ScrapeTarget::~ScrapeTarget() = default;

ScrapeReport ScrapeTarget::ingest(std::string_view body, ExpositionFormat format,
                                  const ScrapeTiming& timing, Result<void> verdict) {
    return impl_->ingest(body, format, timing, std::move(verdict));
}
ScrapeReport ScrapeTarget::fail(Error error, const ScrapeTiming& timing) {
    return impl_->fail(std::move(error), timing);
}
Result<void> ScrapeTarget::end(Millis time) { return impl_->end(time); }

std::vector<std::pair<std::string, Metadata>> ScrapeTarget::metadata(
    std::string_view family) const {
    return impl_->metadata().list(family);
}

}  // namespace kw::intake
