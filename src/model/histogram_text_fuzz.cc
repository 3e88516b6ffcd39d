// Any bytes: the notation of a histogram is refused or gives as many buckets as its spans promise.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "model/histogram_text.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace kw;
    const auto histogram = parse_histogram({reinterpret_cast<const char*>(data), size});
    if (!histogram.ok()) return 0;
    size_t positive = 0;
    for (const HistogramSpan& span : histogram->positive_spans) positive += span.length;
    size_t negative = 0;
    for (const HistogramSpan& span : histogram->negative_spans) negative += span.length;
    KW_CHECK_FATAL(positive == histogram->positive_buckets.size());
    KW_CHECK_FATAL(negative == histogram->negative_buckets.size());
    return 0;
}
