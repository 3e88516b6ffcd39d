// Reads an exposition in protobuf: MetricFamily messages of io.prometheus.client, each behind its length.
//
//   MetricFamily { string name = 1; string help = 2; MetricType type = 3; repeated Metric metric = 4; string unit = 5; }
//   Metric       { repeated LabelPair label = 1; Gauge gauge = 2; Counter counter = 3; Summary summary = 4;
//                  Untyped untyped = 5; int64 timestamp_ms = 6; Histogram histogram = 7; }
//   Histogram    sample_count = 1 (float: 4), sample_sum = 2, repeated Bucket bucket = 3 { cumulative_count = 1
//                (float: 4), upper_bound = 2 }, and the fields of a native one (protobuf/histogram.h)
//
// It is walked as wire::Parser walks lines, and hands out the same: HELP, TYPE and UNIT as OpenMetrics writes them, and
// samples whose series part is text, `{"name","label"="value"}`, so that what stands behind knows one kind of key.
// A histogram is several steps: its native form, its classic series, or both, as HistogramChoice says.
//
// How strict: as Prometheus' scrape. A message that is cut off or has fields of the wrong shape, a family without a name,
// a metric without what its type says, and a native histogram that is not sound end with kError. Labels are checked by
// who reads the series part. Exemplars are protobuf_exemplar.h's; start timestamps are not read.
// Bounds: the body's; a native histogram's are check_histogram's.
// Source: https://github.com/prometheus/client_model/blob/master/io/prometheus/client/metrics.proto
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/sample.h"
#include "wire/exposition/histogram_choice.h"
#include "wire/exposition/parser.h"

namespace kw::wire {

class ProtobufParser final {
 public:
    // The series part and comments that it hands out are in this format.
    static constexpr ExpositionFormat kTextFormat = ExpositionFormat::kOpenMetrics;

    // `body` outlives the parser.
    ProtobufParser(std::string_view body, const HistogramChoice& choice);
    ~ProtobufParser();

    // As Parser::next(). After kEnd and kError it is not called again. What is handed out is valid until the next call.
    Step next(std::string_view expected = {});

    // After kSample.
    std::string_view series() const { return series_; }
    bool was_expected() const { return was_expected_; }
    double value() const { return value_; }
    // Null: a float.
    const std::shared_ptr<const Histogram>& histogram() const { return histogram_; }
    bool has_timestamp() const { return timestamp_ms_ != 0; }
    Millis timestamp() const { return {timestamp_ms_}; }
    bool has_exemplar() const { return !exemplars_.empty(); }
    // Of a native histogram its own, or where it has none those of its buckets; of others one at the most.
    const std::vector<Exemplar>& exemplars() const { return exemplars_; }

    // After kType, kHelp, kUnit; as Parser's.
    std::string_view family() const { return family_text_; }
    MetricType type() const { return type_; }
    std::string_view metadata_text() const { return metadata_text_; }
    std::string_view line_text() const { return line_text_; }

    // Number of the metric read last, from 1.
    uint64_t line() const { return metric_number_; }
    // After kError: kInvalid; the message names the family.
    const Error& error() const { return error_; }
    // Classic histograms that should have become native ones and make no sense.
    uint64_t not_converted() const { return not_converted_; }

 private:
    class Decoder;
    // One sample of a metric that is still to be handed out.
    struct Pending {
        std::string series;
        double value = 0;
        std::shared_ptr<const Histogram> histogram;
        std::vector<Exemplar> exemplars;
    };
    Step give(std::string_view expected);
    Step fail();
    Step comment(Step step, std::string_view keyword, std::string text);

    std::unique_ptr<Decoder> decoder_;
    std::vector<Pending> pending_;
    size_t next_pending_ = 0;
    int next_comment_ =
        -1;  // of the family's: 0 TYPE, 1 HELP, 2 UNIT, 3 all are given; -1: there is no family yet

    std::string series_;
    double value_ = 0;
    std::shared_ptr<const Histogram> histogram_;
    int64_t timestamp_ms_ = 0;
    std::vector<Exemplar> exemplars_;
    bool was_expected_ = false;
    uint64_t metric_number_ = 0;
    uint64_t not_converted_ = 0;

    std::string family_text_;
    bool is_classic_name_ = true;
    MetricType type_ = MetricType::kUnknown;
    std::string metadata_text_;
    std::string line_text_;
    Error error_;
};

}  // namespace kw::wire
