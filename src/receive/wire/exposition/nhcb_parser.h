// Reads an exposition as text whose classic histograms become native ones with custom buckets
// (convert_classic_histograms_to_nhcb).
//
//   Parser ──▶ x_bucket{a="b",le="1"} … x_count{a="b"} x_sum{a="b"} ──▶ x{a="b"} with a histogram
//
// Lines of one histogram that stand together, in any order, are one; it is handed out in front of the first line behind
// them. The lines themselves are handed out too when the choice says so. A histogram that makes no sense (classic_histogram.h)
// is counted and left out, as Prometheus does.
// It hands out what wire::Parser does.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "wire/exposition/classic_histogram.h"
#include "wire/exposition/histogram_choice.h"
#include "wire/exposition/parser.h"

namespace kw::wire {

class NhcbParser final {
 public:
    // `text` outlives the parser.
    NhcbParser(std::string_view text, ExpositionFormat format, const HistogramChoice& choice)
        : parser_(text, format), format_(format), choice_(choice) {}

    Step next(std::string_view expected = {});

    // After kSample.
    std::string_view series() const { return own_ ? own_series_ : parser_.series(); }
    bool was_expected() const { return was_expected_; }
    double value() const { return own_ ? 0 : parser_.value(); }
    const std::shared_ptr<const Histogram>& histogram() const { return histogram_; }
    bool has_timestamp() const { return own_ ? own_has_timestamp_ : parser_.has_timestamp(); }
    Millis timestamp() const { return own_ ? own_timestamp_ : parser_.timestamp(); }
    bool has_exemplar() const { return !exemplars_.empty(); }
    // A histogram has those of its lines.
    const std::vector<Exemplar>& exemplars() const { return exemplars_; }

    std::string_view family() const { return parser_.family(); }
    MetricType type() const { return parser_.type(); }
    std::string_view metadata_text() const { return parser_.metadata_text(); }
    std::string_view line_text() const { return parser_.line_text(); }
    uint64_t line() const { return parser_.line(); }
    const Error& error() const { return parser_.error(); }
    uint64_t not_converted() const { return not_converted_; }

 private:
    enum class Part : unsigned char { kNone, kBucket, kCount, kSum };
    // What part of a histogram of the present family the line is; sets key_ and bound_.
    Part part_of_line();
    // Whether the gathered histogram is one, which is then handed out.
    bool convert();

    Parser parser_;
    const ExpositionFormat format_;
    const HistogramChoice choice_;
    SeriesLabels labels_;
    std::string family_;  // of type histogram, unescaped; empty: none
    std::string key_;     // the series part that the present line's histogram gets
    double bound_ = 0;

    ClassicHistogram gathered_;
    std::string gathered_key_;
    std::vector<Exemplar> gathered_exemplars_;
    Step held_ = Step::kEnd;  // the step behind the gathered lines, when holds_
    bool holds_ = false;

    bool own_ = false;  // a histogram is handed out
    std::string own_series_;
    std::shared_ptr<const Histogram> histogram_;
    bool own_has_timestamp_ = false;
    Millis own_timestamp_;
    std::vector<Exemplar> exemplars_;
    bool was_expected_ = false;
    uint64_t not_converted_ = 0;
};

}  // namespace kw::wire
