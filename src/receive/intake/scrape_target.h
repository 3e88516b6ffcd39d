// A scraped target as intake sees it: a body comes in, rows of its series go to the store.
//
//   body ──Parser──▶ line ──▶ known by its bytes? ──yes──▶ row (ref, value)   ──▶ one append() a
//   scrape
//                                   └─no──▶ labels, honor_labels, relabelling, limits ──▶ ref_of()
//
// The bytes of a line's series part are the key: a line that was there before is found by one
// comparison with what followed its predecessor last time, else by its hash, and nothing is
// allocated while nothing is new. Label sets are made, and the store is asked for their refs, only
// after the whole body is read: a scrape that fails leaves no series behind. What is remembered of
// the lines is in scrape_cache.h.
//
// As Prometheus does it
//   - A malformed line, a limit or an invalid name fails the whole scrape: staleness markers for
//   what the last
//     one had, `up` 0 and the scrape_* series, nothing else.
//   - The samples, the markers of vanished series, `up` and scrape_* share one timestamp and one
//   batch. Lines
//     with a timestamp of their own (honor_timestamps) follow in a second batch.
//   - A series that is there twice without timestamps keeps its first value; rows that the store
//   refuses are
//     counted, and the scrape is fine.
//   - A native histogram over its limit of buckets gets wider ones; one that cannot fails the scrape.
// Unlike Prometheus, a series that the store's limit of series keeps out is counted and costs the
// other series nothing. Threads: one scrape of a target at a time; metadata() from any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/environment.h"
#include "base/result.h"
#include "base/time.h"
#include "intake/histogram_limits.h"
#include "intake/relabel.h"
#include "intake/series_limits.h"
#include "model/labels.h"
#include "model/sample.h"
#include "wire/exposition/format.h"
#include "wire/exposition/histogram_choice.h"

namespace kw {
class ExemplarStore;
class MetricStore;
}  // namespace kw

namespace kw::intake {

// What the configuration says about a target's samples. 0 as a limit: none.
struct ScrapeRules {
    LabelSet target_labels{};
    // Shared by the targets of a job; null: no rules.
    std::shared_ptr<const std::vector<RelabelRule>> metric_relabel{};
    bool honor_labels = false;
    bool honor_timestamps = true;
    bool track_timestamps_staleness = false;
    NameScheme name_scheme = NameScheme::kUtf8;
    uint64_t samples_max = 0;  // sample_limit, after relabelling
    SeriesLimits series_limits{};
    // Adds scrape_timeout_seconds, scrape_sample_limit and scrape_body_size_bytes.
    bool extra_scrape_metrics = false;
    int64_t timeout_ms = 0;
    wire::HistogramChoice histograms{};
    HistogramLimits histogram_limits{};
};

// When a scrape was.
struct ScrapeTiming {
    Millis time;             // what its samples get
    int64_t started_ns = 0;  // Clock::steady_ns() at its begin
};

struct ScrapeReport {
    Result<void> outcome;          // of the scrape as a whole: `up` is 1 where it is ok
    uint64_t samples_scraped = 0;  // lines of samples
    uint64_t samples_kept = 0;     // after relabelling
    uint64_t series_added = 0;     // series that the scrape before did not know
    uint64_t rows_refused = 0;     // twice there, too old, too far ahead, over the store's limit
    double duration_seconds = 0;   // until the body was read
};

// What all targets share: the store, counters, and buffers that scrapes borrow. Outlives its
// targets.
class ScrapeIntake final {
 public:
    // `exemplars` null: they are not stored.
    ScrapeIntake(Environment& env, MetricStore& store, ExemplarStore* exemplars = nullptr);
    ~ScrapeIntake();
    ScrapeIntake(const ScrapeIntake&) = delete;
    ScrapeIntake& operator=(const ScrapeIntake&) = delete;

 private:
    friend class ScrapeTarget;
    struct Shared;
    std::unique_ptr<Shared> shared_;
};

class ScrapeTarget final {
 public:
    ScrapeTarget(ScrapeIntake& intake, ScrapeRules rules);
    ~ScrapeTarget();
    ScrapeTarget(const ScrapeTarget&) = delete;
    ScrapeTarget& operator=(const ScrapeTarget&) = delete;

    // Takes a body that was fetched. outcome: kInvalid (a malformed line, an invalid name),
    // kExhausted (a limit), kUnavailable (the store); else `verdict`, with which a target that has
    // something to store may say that it is down nevertheless: its samples and `up` 0.
    ScrapeReport ingest(std::string_view body, wire::ExpositionFormat format,
                        const ScrapeTiming& timing, Result<void> verdict = {});
    // The fetch failed with `error`: markers for all series, `up` 0. outcome is `error`.
    ScrapeReport fail(Error error, const ScrapeTiming& timing);
    // The target is gone: markers for all series, `up` and scrape_* among them.
    // Errors: kUnavailable, of the store.
    Result<void> end(Millis time);

    // What the target says of its metrics, sorted by family. An empty `family` is all of them.
    std::vector<std::pair<std::string, Metadata>> metadata(std::string_view family) const;

 private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace kw::intake
