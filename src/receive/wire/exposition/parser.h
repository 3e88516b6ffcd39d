// Reads an exposition line by line: text format 0.0.4 (with Prometheus 3's quoted names) and
// OpenMetrics 1.0.
//
//   Parser parser(body, format);
//   for (Step step; (step = parser.next(expected)) != Step::kEnd;) {
//       if (step == Step::kError) return parser.error();
//       if (step == Step::kSample) store(parser.series(), parser.value());
//   }
//
// It allocates nothing and copies nothing: what it hands out are views of the body. Of a sample
// line it finds the series part, `name{a="b"}` as written, by its closing brace and does not read
// the labels: their bytes are the key under which the reader knows the series. Only when it does
// not know them, SeriesLabels (series.h) reads and checks them.
//
// A scrape's lines stand in the same order every time. The caller may say which series part (or
// comment line) it expects next; a line that begins with it is found by one comparison. bench:
// exposition/parse_expected.
//
// How strict: as Prometheus' scrape. That refuses a malformed line, an unknown type, in OpenMetrics
// also any other comment, a unit that is not the name's suffix, a missing or early `# EOF`. It does
// not look at whether the families make sense; checker.h does. Deviations: a raw newline in a label
// value is refused; in the text format negative timestamps are read, blanks around the type's name
// do not matter, and a HELP or TYPE that names nothing is a comment, all as the specification has it.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "model/sample.h"
#include "wire/exposition/format.h"
#include "wire/exposition/series.h"

namespace kw::wire {

enum class Step : unsigned char {
    kEnd,
    kError,
    kSample,
    kType,
    kHelp,
    kUnit,
    kSameComment,  // the line is the expected comment; nothing but line_text() is set
};

class Parser final {
 public:
    // `text` outlives the parser and everything it hands out.
    Parser(std::string_view text, ExpositionFormat format);

    // Goes to the next line that says something. `expected` is the series part or the whole comment
    // line (it begins with '#', without the newline) that the caller takes for likely; empty where
    // it has no idea. After kEnd and kError it is not called again.
    Step next(std::string_view expected = {});

    // After kSample.
    std::string_view series() const { return series_; }
    double value() const { return value_; }
    bool has_timestamp() const { return has_timestamp_; }
    Millis timestamp() const { return timestamp_; }  // OpenMetrics' seconds are cut to milliseconds
    double timestamp_seconds() const { return timestamp_seconds_; }  // OpenMetrics only, uncut
    // Whether the series part (or comment) is the expected one.
    bool was_expected() const { return was_expected_; }

    // The line's exemplar, if any; how its labels are written is checked.
    bool has_exemplar() const { return !exemplar_labels_.empty(); }
    std::string_view exemplar_labels() const { return exemplar_labels_; }  // with the braces
    double exemplar_value() const { return exemplar_value_; }
    bool exemplar_has_timestamp() const { return exemplar_has_timestamp_; }
    Millis exemplar_timestamp() const { return exemplar_timestamp_; }
    // The same; nullopt: there is none, or its labels are no set of valid UTF-8.
    std::optional<Exemplar> exemplar() const;

    // After kType, kHelp, kUnit: the family's name, still escaped when it was quoted; after kType
    // the type; else the text as written (unescaped_help() makes it readable).
    std::string_view family() const { return family_; }
    MetricType type() const { return type_; }
    // Whether the name ends as a name must. A scrape takes a HELP whose name goes on with other bytes:
    // `# HELP a.b c` is about `a`, as Prometheus reads it.
    bool blank_after_family() const { return blank_after_family_; }
    std::string_view metadata_text() const { return metadata_text_; }

    // The whole line of a comment, without the newline.
    std::string_view line_text() const { return line_text_; }
    // Of the line read last, from 1.
    uint64_t line() const { return line_; }
    // After kError: kInvalid; the message begins with "line N: ".
    const Error& error() const { return error_; }

 private:
    Step read_sample(const char* series_end);
    Step finish_sample_openmetrics(const char* at);
    const char* read_exemplar(const char* at);
    bool read_timestamp_ms(const char*& at);
    bool read_timestamp_seconds(const char*& at, double& seconds);
    const char* end_of_series();
    Step read_comment();
    Step read_metadata(Step kind, const char* at, const char* line_end);
    Step read_type(const char* line_end);
    Step finish();
    const char* end_of_line(const char* from) const;
    void skip_blanks(const char*& at) const;

    Step fail(const char* at, std::string_view want);
    Step fail_with(std::string_view message);

    const char* at_;
    const char* const end_;
    const ExpositionFormat format_;
    uint64_t line_ = 0;

    std::string_view series_;
    double value_ = 0;
    Millis timestamp_;
    double timestamp_seconds_ = 0;
    bool has_timestamp_ = false;
    bool was_expected_ = false;
    bool exemplar_has_timestamp_ = false;
    std::string_view exemplar_labels_;
    double exemplar_value_ = 0;
    Millis exemplar_timestamp_;

    std::string_view family_;
    MetricType type_ = MetricType::kUnknown;
    bool blank_after_family_ = false;
    std::string_view metadata_text_;
    std::string_view line_text_;
    SeriesLabels exemplar_reader_;
    Error error_;
};

}  // namespace kw::wire
