// Any bytes through the parser, the labels and the checkers, in both formats; and the parser that
// expects what it just read must hand out the same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "wire/exposition/checker.h"
#include "wire/exposition/parser.h"

namespace {

void require(bool condition) {
    if (!condition) std::abort();
}

void run(std::string_view text, kw::wire::ExpositionFormat format) {
    using kw::wire::Step;
    kw::wire::Parser first(text, format);
    kw::wire::Parser second(text, format);
    kw::wire::SeriesLabels labels;
    for (;;) {
        const Step step = first.next();
        std::string expected;
        if (step == Step::kSample) expected = first.series();
        if (step == Step::kType || step == Step::kHelp || step == Step::kUnit)
            expected = first.line_text();
        const Step again = second.next(expected);
        require(first.line() == second.line());
        require(again == step ||
                (again == Step::kSameComment && second.line_text() == first.line_text()));
        if (step == Step::kEnd || step == Step::kError) break;
        if (step != Step::kSample) continue;
        require(first.series() == second.series());
        require(first.has_timestamp() == second.has_timestamp());
        if (labels.read(first.series(), format).ok()) require(!labels.metric_name().empty());
    }
    (void)kw::wire::check_exposition(text, format).ok();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    run(text, kw::wire::ExpositionFormat::kText);
    run(text, kw::wire::ExpositionFormat::kOpenMetrics);
    return 0;
}
