// Reads the series part of a sample line, `name{a="b",c="d"}` or `{"name.utf8","c.d"="e"}`, into
// labels. Only lines whose series is new come here; known ones are found by their bytes.
//
// Grammar (Prometheus 3): a classic name, or a quoted one as the first item in the braces; label
// names classic or quoted; values quoted, with \\, \" and \n; a comma may follow the last. The text
// format allows blanks between all parts, OpenMetrics none. Strictness says what else is taken.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/labels.h"
#include "wire/exposition/format.h"

namespace kw::wire {

enum class Strictness : unsigned char {
    // As Prometheus scrapes: an unknown escape stands for itself, backslash included, and in the
    // text format a comma may be missing.
    kScrape,
    // As the text format's specification has it: both are refused.
    kSpecification,
};

// The labels of one series, the metric's name among them as __name__, first. Reused from line to
// line.
class SeriesLabels final {
 public:
    // Replaces what is here. Views are of `series` or of this object, valid until the next read and
    // as long as both live. Not sorted; names may repeat, values may be empty. Errors: kInvalid
    // with the byte in `series`, counted from 1, and what was expected.
    Result<void> read(std::string_view series, ExpositionFormat format,
                      Strictness strictness = Strictness::kScrape);
    // The same for a set of labels in braces that has no name: an exemplar's.
    Result<void> read_labels(std::string_view braces, ExpositionFormat format);

    const std::vector<LabelView>& labels() const { return labels_; }
    std::string_view metric_name() const { return metric_name_; }

 private:
    friend class SeriesReader;
    std::vector<LabelView> labels_;
    std::string_view metric_name_;
    std::string unescaped_;  // never longer than `series`, reserved before, so views into it stay
};

// Whether `name` is a name as the formats write it without quotes, and the end of the longest such
// at `at`.
const char* end_of_metric_name(const char* at, const char* end);
const char* end_of_label_name(const char* at, const char* end);

// `\\` and `\n` replaced, in quoted text `\"` too; other escapes stay.
std::string unescaped_help(std::string_view raw, ExpositionFormat format);

}  // namespace kw::wire
