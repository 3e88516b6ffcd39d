// Native histograms in protobuf: remote write's message and the exposition's have the same fields under other numbers.
//
// Buckets of integer histograms are differences, each to the bucket before; those of float histograms are counts. A
// resolution above 8 (schema 9 to 52, reserved by the specification) is reduced to 8, as Prometheus does.
// Source: https://prometheus.io/docs/specs/native_histograms/#protobuf-format
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "model/sample.h"
#include "wire/protobuf/field_reader.h"

namespace kw::wire::protobuf {

// The numbers of the fields in a message; 0: it has no such field.
struct HistogramFields {
    uint32_t count_int = 0;
    uint32_t count_float = 0;
    uint32_t sum = 0;
    uint32_t schema = 0;
    uint32_t zero_threshold = 0;
    uint32_t zero_count_int = 0;
    uint32_t zero_count_float = 0;
    uint32_t negative_span = 0;
    uint32_t negative_delta = 0;
    uint32_t negative_count = 0;
    uint32_t positive_span = 0;
    uint32_t positive_delta = 0;
    uint32_t positive_count = 0;
    uint32_t reset_hint = 0;
    uint32_t custom_value = 0;
};

class HistogramDecoder final {
 public:
    // `fields` outlives the decoder.
    explicit HistogramDecoder(const HistogramFields& fields) : fields_(fields) {}

    // Takes the field of `tag`, whose content is next in `in`; skips what is none of the histogram's. False: `in` failed.
    bool read(uint32_t tag, FieldReader& in);

    // Spans, buckets and bounds so far, and 8 for the rest.
    uint64_t parts() const { return 8 + parts_; }
    // Whether a field says that this is a native histogram: a span, or a zero bucket with a width or a count.
    bool is_native() const;
    double count() const { return histogram_.count; }
    double sum() const { return histogram_.sum; }

    // What was read. Errors: kInvalid (check_histogram).
    Result<Histogram> finish();

 private:
    bool read_span(FieldReader& in, std::vector<HistogramSpan>& spans);
    bool read_doubles(uint32_t tag, FieldReader& in, std::vector<double>& values);
    bool read_deltas(uint32_t tag, FieldReader& in, std::vector<double>& counts, int64_t& last);
    bool fits() { return ++parts_ <= kPartsMax; }

    // Beyond this nothing is kept; check_histogram refuses it.
    static constexpr uint64_t kPartsMax = (64 << 10) + 1;

    const HistogramFields& fields_;
    Histogram histogram_;
    bool float_ = false;
    uint64_t parts_ = 0;
    int64_t last_positive_ = 0;
    int64_t last_negative_ = 0;
};

}  // namespace kw::wire::protobuf
