// Any bytes as a WriteRequest, and as a snappy block with one.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "model/stored_histogram.h"
#include "wire/remote_write/write_request.h"

namespace {

void decode(kw::ByteView message) {
    kw::wire::WriteRequest request;
    if (!kw::wire::decode_write_request(message, {}, request).ok()) return;
    if (request.values.size() != request.timestamps.size()) std::abort();
    uint64_t samples = 0;
    std::vector<kw::LabelView> labels;
    for (const kw::wire::WriteSeries& series : request.series) {
        if (series.sample_begin != samples) std::abort();
        samples += series.sample_count;
        (void)kw::wire::read_label_fields(series.label_fields, labels).ok();
    }
    if (samples != request.values.size()) std::abort();
    if (!request.histograms.empty() && request.histograms.size() != samples) std::abort();
    for (const kw::wire::WriteExemplar& exemplar : request.exemplars) {
        if (exemplar.series >= request.series.size()) std::abort();
        (void)kw::wire::read_label_fields(exemplar.label_fields, labels).ok();
    }
    for (const auto& histogram : request.histograms) {
        if (histogram && !kw::check_histogram(*histogram).ok()) std::abort();
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const kw::ByteView bytes(data, size);
    decode(bytes);
    kw::wire::RawBuffer buffer;
    if (const auto plain = kw::wire::snappy_uncompress(bytes, 1 << 20, buffer); plain.ok())
        decode(*plain);
    return 0;
}
