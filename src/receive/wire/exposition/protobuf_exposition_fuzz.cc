// Any bytes as an exposition in protobuf, under every choice of forms, and as text whose histograms are converted:
// histograms that are handed out are sound, and every series part is text that SeriesLabels takes or refuses.
//
// Input: u8, of which bits 0 to 2 are the choice, bit 3 says text and bit 4 that it is OpenMetrics; then the body.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "model/stored_histogram.h"
#include "wire/exposition/nhcb_parser.h"
#include "wire/exposition/protobuf_parser.h"

namespace {

template <typename Source>
void run(Source& parser, kw::wire::ExpositionFormat format) {
    kw::wire::SeriesLabels labels;
    for (;;) {
        const kw::wire::Step step = parser.next();
        if (step == kw::wire::Step::kEnd || step == kw::wire::Step::kError) return;
        if (step != kw::wire::Step::kSample) continue;
        (void)labels.read(parser.series(), format).ok();
        if (parser.histogram() && !kw::check_histogram(*parser.histogram()).ok()) std::abort();
        if (parser.has_exemplar() != !parser.exemplars().empty()) std::abort();
        for (const kw::Exemplar& one : parser.exemplars()) {
            for (const kw::LabelView& label : one.labels) {
                if (!kw::is_valid_utf8(label.name) || !kw::is_valid_utf8(label.value)) std::abort();
            }
        }
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size == 0) return 0;
    const std::string_view body(reinterpret_cast<const char*>(data + 1), size - 1);
    const kw::wire::HistogramChoice choice{.native = (data[0] & 1) != 0,
                                           .always_classic = (data[0] & 2) != 0,
                                           .convert = (data[0] & 4) != 0};
    if ((data[0] & 8) != 0) {
        const auto format = (data[0] & 16) != 0 ? kw::wire::ExpositionFormat::kOpenMetrics
                                                : kw::wire::ExpositionFormat::kText;
        kw::wire::NhcbParser parser(body, format, choice);
        run(parser, format);
    } else {
        kw::wire::ProtobufParser parser(body, choice);
        run(parser, kw::wire::ProtobufParser::kTextFormat);
    }
    return 0;
}
