// Remote write 1.0: a snappy block with one protobuf WriteRequest, decoded to columns.
//
//   WriteRequest { repeated TimeSeries timeseries = 1; repeated MetricMetadata metadata = 3; }
//   TimeSeries   { repeated Label labels = 1; repeated Sample samples = 2; repeated Exemplar
//   exemplars = 3;
//                  repeated Histogram histograms = 4; }
//   Label        { string name = 1; string value = 2; }
//   Exemplar     { repeated Label labels = 1; double value = 2; int64 timestamp = 3; }
//   Sample       { double value = 1; int64 timestamp = 2; }
//   Histogram    a native histogram, protobuf/histogram.h; int64 timestamp = 15
//
// Written by hand over the bytes: a series' labels are handed out as the bytes of its label fields,
// under which the reader knows the series, and are taken apart (read_label_fields) only when it
// does not. Unknown fields are skipped, as protobuf asks. Native histograms are samples as floats are; those that
// are not sound are counted. Metadata is counted and not decoded. Threads: none; pure functions. Source:
// https://prometheus.io/docs/specs/prw/remote_write_spec/
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "model/labels.h"
#include "model/sample.h"

namespace kw::wire {

// One series of a request: samples [sample_begin, sample_begin + sample_count) of the columns are
// its.
struct WriteSeries {
    std::string_view label_fields;  // the label fields one after the other, as sent
    uint32_t sample_begin = 0;
    uint32_t sample_count = 0;
};

// An exemplar as sent.
struct WriteExemplar {
    uint32_t series = 0;            // index of its series
    std::string_view label_fields;  // as a series'
    double value = 0;
    Millis timestamp;
};

// A histogram that is not sound.
struct BadHistogram {
    uint32_t series = 0;  // index of its series
    Millis timestamp;
    std::string why;
};

// Capacity is kept between uses.
struct WriteRequest {
    std::vector<WriteSeries> series;
    std::vector<Millis> timestamps;  // one a sample
    std::vector<double> values;      // one a sample
    // None, or one a sample: null where it is a float.
    std::vector<std::shared_ptr<const Histogram>> histograms;
    uint64_t histogram_parts = 0;  // what they take: spans, buckets, bounds, and 8 for each
    uint64_t bad_histograms = 0;   // that are not sound, and in no column
    BadHistogram bad_histogram;    // the first of them
    std::vector<WriteExemplar> exemplars;
    uint64_t metadata_count = 0;
    std::deque<std::string> gathered;  // label fields that other fields stood between

    void clear();
};

// What one request may hold: an empty sample takes 2 bytes of the message and 16 of memory.
struct WriteLimits {
    uint64_t series_max = 1'000'000;
    uint64_t samples_max = 8'000'000;
    uint64_t exemplars_max = 1'000'000;
    uint64_t histogram_parts_max = uint64_t{1} << 22;  // what the store takes at once, some 32 MiB
};

// Replaces `out`. Its views are of `message` or of `out`.
// Errors: kInvalid with the byte of `message`, from 0; kExhausted past `limits`.
Result<void> decode_write_request(ByteView message, const WriteLimits& limits, WriteRequest& out);

// Takes label fields apart, in the order sent. Views are of `label_fields`.
// Errors: kInvalid with the byte of `label_fields`, from 0.
Result<void> read_label_fields(std::string_view label_fields, std::vector<LabelView>& out);

// Bytes without a value, kept between uses.
class RawBuffer final {
 public:
    // At least `size` bytes, whatever they hold.
    uint8_t* reserve(size_t size);
    size_t capacity() const { return capacity_; }

 private:
    std::unique_ptr<uint8_t[]> bytes_;
    size_t capacity_ = 0;
};

// How many bytes `block` claims to hold. Errors: kInvalid.
Result<uint64_t> snappy_size(ByteView block);
// What `block` holds, in `buffer`.
// Errors: kExhausted when that is over `limit_bytes`, kInvalid when `block` is damaged.
Result<ByteView> snappy_uncompress(ByteView block, uint64_t limit_bytes, RawBuffer& buffer);

// Whether a request's headers announce remote write 1.0.
// Errors: kUnsupported (415), naming what was wanted.
Result<void> check_write_headers(std::string_view content_type, std::string_view content_encoding);

}  // namespace kw::wire
