#include "wire/protobuf/histogram.h"

#include <bit>

#include "model/native_histogram.h"
#include "model/stored_histogram.h"

namespace kw::wire::protobuf {
namespace {

// Above what is stored, and still a power of a power of two.
constexpr int32_t kReducibleSchemaMax = 52;

bool read_double(FieldReader& in, double& value) {
    uint64_t bits = 0;
    if (!in.read_fixed64(bits)) return false;
    value = std::bit_cast<double>(bits);
    return true;
}

bool read_count(FieldReader& in, double& value) {
    uint64_t count = 0;
    if (!in.read_varint(count)) return false;
    value = static_cast<double>(count);
    return true;
}

}  // namespace

bool HistogramDecoder::is_native() const {
    return !histogram_.positive_spans.empty() || !histogram_.negative_spans.empty() ||
           histogram_.zero_threshold > 0 || histogram_.zero_count > 0;
}

bool HistogramDecoder::read_span(FieldReader& in, std::vector<HistogramSpan>& spans) {
    FieldReader content = in;
    if (!in.read_length(content)) return false;
    HistogramSpan span;
    while (!content.at_end()) {
        uint32_t tag = 0;
        uint64_t number = 0;
        if (!content.read_tag(tag)) return in.fail(content);
        if (tag == tag_of(1, kVarint)) {
            if (!content.read_varint(number)) return in.fail(content);
            span.offset = static_cast<int32_t>(unzigzag(number));
        } else if (tag == tag_of(2, kVarint)) {
            if (!content.read_varint(number)) return in.fail(content);
            span.length = static_cast<uint32_t>(number);
        } else if (!content.skip(tag)) {
            return in.fail(content);
        }
    }
    if (fits()) spans.push_back(span);
    return true;
}

bool HistogramDecoder::read_doubles(uint32_t tag, FieldReader& in, std::vector<double>& values) {
    double value = 0;
    if ((tag & 7) == kFixed64) {
        if (!read_double(in, value)) return false;
        if (fits()) values.push_back(value);
        return true;
    }
    FieldReader packed = in;
    if (!in.read_length(packed)) return false;
    while (!packed.at_end()) {
        if (!read_double(packed, value)) return in.fail(packed);
        if (fits()) values.push_back(value);
    }
    return true;
}

bool HistogramDecoder::read_deltas(uint32_t tag, FieldReader& in, std::vector<double>& counts,
                                   int64_t& last) {
    const auto take = [&](FieldReader& from) {
        uint64_t number = 0;
        if (!from.read_varint(number)) return false;
        last = static_cast<int64_t>(static_cast<uint64_t>(last) +
                                    static_cast<uint64_t>(unzigzag(number)));
        if (fits()) counts.push_back(static_cast<double>(last));
        return true;
    };
    if ((tag & 7) == kVarint) return take(in);
    FieldReader packed = in;
    if (!in.read_length(packed)) return false;
    while (!packed.at_end()) {
        if (!take(packed)) return in.fail(packed);
    }
    return true;
}

bool HistogramDecoder::read(uint32_t tag, FieldReader& in) {
    const uint32_t field = tag >> 3;
    const uint32_t type = tag & 7;
    const auto is = [&](uint32_t number, WireType wanted) {
        return field == number && type == wanted;
    };
    const auto is_repeated = [&](uint32_t number, WireType single) {
        return field == number && (type == single || type == kLength);
    };
    Histogram& out = histogram_;
    uint64_t number = 0;
    if (is(fields_.count_int, kVarint)) return read_count(in, out.count);
    if (is(fields_.zero_count_int, kVarint)) return read_count(in, out.zero_count);
    if (is(fields_.sum, kFixed64)) return read_double(in, out.sum);
    if (is(fields_.zero_threshold, kFixed64)) return read_double(in, out.zero_threshold);
    if (is(fields_.schema, kVarint)) {
        if (!in.read_varint(number)) return false;
        out.schema = static_cast<int32_t>(unzigzag(number));
        return true;
    }
    if (is(fields_.count_float, kFixed64)) {
        double count = 0;
        if (!read_double(in, count)) return false;
        // The exposition's messages may have both; 0 says that the integer counts.
        if (count == 0 && out.count != 0) return true;
        float_ = float_ || count != 0;
        out.count = count;
        return true;
    }
    if (is(fields_.zero_count_float, kFixed64)) {
        double count = 0;
        if (!read_double(in, count)) return false;
        if (count == 0) return true;
        float_ = true;
        out.zero_count = count;
        return true;
    }
    if (is(fields_.positive_span, kLength)) return read_span(in, out.positive_spans);
    if (is(fields_.negative_span, kLength)) return read_span(in, out.negative_spans);
    if (is_repeated(fields_.positive_delta, kVarint)) {
        return read_deltas(tag, in, out.positive_buckets, last_positive_);
    }
    if (is_repeated(fields_.negative_delta, kVarint)) {
        return read_deltas(tag, in, out.negative_buckets, last_negative_);
    }
    if (is_repeated(fields_.positive_count, kFixed64)) {
        float_ = true;
        return read_doubles(tag, in, out.positive_buckets);
    }
    if (is_repeated(fields_.negative_count, kFixed64)) {
        float_ = true;
        return read_doubles(tag, in, out.negative_buckets);
    }
    if (fields_.custom_value != 0 && is_repeated(fields_.custom_value, kFixed64)) {
        return read_doubles(tag, in, out.custom_values);
    }
    if (fields_.reset_hint != 0 && is(fields_.reset_hint, kVarint)) {
        if (!in.read_varint(number)) return false;
        // An enumerator that nobody has defined yet says nothing.
        out.counter_reset_hint =
            number > 3 ? CounterResetHint::kUnknown : static_cast<CounterResetHint>(number);
        return true;
    }
    return in.skip(tag);
}

Result<Histogram> HistogramDecoder::finish() {
    const int32_t schema = histogram_.schema;
    const bool reduces = schema > kExponentialSchemaMax && schema <= kReducibleSchemaMax;
    if (reduces) histogram_.schema = kExponentialSchemaMax;
    KW_TRY(check_histogram(histogram_, !float_));
    if (reduces) {
        histogram_.schema = schema;
        NativeHistogram native = from_stored(histogram_);
        reduce_schema(native, kExponentialSchemaMax);
        return to_stored(native);
    }
    return std::move(histogram_);
}

}  // namespace kw::wire::protobuf
