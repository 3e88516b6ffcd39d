#include "wire/remote_write/write_request.h"

#include <snappy.h>

#include <algorithm>
#include <cctype>

#include "wire/protobuf/field_reader.h"
#include "wire/protobuf/histogram.h"

namespace kw::wire {
namespace {

using protobuf::FieldReader;
using protobuf::kFixed64;
using protobuf::kLength;
using protobuf::kVarint;
using protobuf::tag_of;

// Of Prometheus' Histogram message (types.proto).
constexpr protobuf::HistogramFields kRemoteHistogramFields = {
    .count_int = 1,
    .count_float = 2,
    .sum = 3,
    .schema = 4,
    .zero_threshold = 5,
    .zero_count_int = 6,
    .zero_count_float = 7,
    .negative_span = 8,
    .negative_delta = 9,
    .negative_count = 10,
    .positive_span = 11,
    .positive_delta = 12,
    .positive_count = 13,
    .reset_hint = 14,
    .custom_value = 16,
};
constexpr uint32_t kHistogramTimestamp = 15;

bool read_sample(FieldReader& in, WriteRequest& out) {
    uint64_t value_bits = 0;
    uint64_t timestamp = 0;
    while (!in.at_end()) {
        uint32_t tag = 0;
        if (!in.read_tag(tag)) return false;
        switch (tag) {
            case tag_of(1, kFixed64):
                if (!in.read_fixed64(value_bits)) return false;
                break;
            case tag_of(2, kVarint):
                if (!in.read_varint(timestamp)) return false;
                break;
            default:
                if (!in.skip(tag)) return false;
        }
    }
    out.values.push_back(std::bit_cast<double>(value_bits));
    out.timestamps.push_back({static_cast<int64_t>(timestamp)});
    return true;
}

// A histogram that is not sound is counted and left out.
bool read_histogram(FieldReader& in, WriteRequest& out) {
    protobuf::HistogramDecoder decoder(kRemoteHistogramFields);
    uint64_t timestamp = 0;
    while (!in.at_end()) {
        uint32_t tag = 0;
        if (!in.read_tag(tag)) return false;
        if (tag == tag_of(kHistogramTimestamp, kVarint)) {
            if (!in.read_varint(timestamp)) return false;
        } else if (!decoder.read(tag, in)) {
            return false;
        }
    }
    out.histogram_parts += decoder.parts();
    Result<Histogram> histogram = decoder.finish();
    if (!histogram.ok()) {
        if (out.bad_histograms++ == 0) {
            out.bad_histogram = {static_cast<uint32_t>(out.series.size()),
                                 {static_cast<int64_t>(timestamp)},
                                 histogram.error().message};
        }
        return true;
    }
    out.histograms.resize(out.values.size());  // those before are floats
    out.histograms.push_back(std::make_shared<const Histogram>(std::move(histogram).value()));
    out.values.push_back(0);
    out.timestamps.push_back({static_cast<int64_t>(timestamp)});
    return true;
}

// Label fields as they come: the bytes where they stand while nothing is between them, else a copy.
class LabelFields final {
 public:
    void add(const char* begin, const char* end, WriteRequest& out) {
        if (begin_ == nullptr) begin_ = end_ = begin;
        if (begin == end_ && gathered_ == nullptr) {
            end_ = end;
            return;
        }
        if (gathered_ == nullptr) gathered_ = &out.gathered.emplace_back(begin_, end_);
        gathered_->append(begin, end);
    }
    std::string_view view() const {
        if (gathered_ != nullptr) return *gathered_;
        return {begin_, static_cast<size_t>(end_ - begin_)};
    }

 private:
    const char* begin_ = nullptr;
    const char* end_ = nullptr;
    std::string* gathered_ = nullptr;
};

bool read_exemplar(FieldReader& in, WriteRequest& out) {
    WriteExemplar exemplar;
    exemplar.series = static_cast<uint32_t>(out.series.size());
    LabelFields labels;
    uint64_t value_bits = 0;
    uint64_t timestamp = 0;
    while (!in.at_end()) {
        const char* const field_begin = reinterpret_cast<const char*>(in.at());
        uint32_t tag = 0;
        if (!in.read_tag(tag)) return false;
        FieldReader content = in;
        switch (tag) {
            case tag_of(1, kLength):
                if (!in.read_length(content)) return false;
                labels.add(field_begin, reinterpret_cast<const char*>(in.at()), out);
                break;
            case tag_of(2, kFixed64):
                if (!in.read_fixed64(value_bits)) return false;
                break;
            case tag_of(3, kVarint):
                if (!in.read_varint(timestamp)) return false;
                break;
            default:
                if (!in.skip(tag)) return false;
        }
    }
    exemplar.label_fields = labels.view();
    exemplar.value = std::bit_cast<double>(value_bits);
    exemplar.timestamp = {static_cast<int64_t>(timestamp)};
    out.exemplars.push_back(exemplar);
    return true;
}

// Stops behind the first sample, exemplar or histogram past `limits`.
bool read_series(FieldReader& in, const WriteLimits& limits, WriteRequest& out) {
    WriteSeries series;
    series.sample_begin = static_cast<uint32_t>(out.values.size());
    LabelFields labels;
    while (!in.at_end() && out.values.size() <= limits.samples_max &&
           out.exemplars.size() <= limits.exemplars_max &&
           out.histogram_parts <= limits.histogram_parts_max) {
        const char* const field_begin = reinterpret_cast<const char*>(in.at());
        uint32_t tag = 0;
        if (!in.read_tag(tag)) return false;
        FieldReader content = in;
        switch (tag) {
            case tag_of(1, kLength):
                if (!in.read_length(content)) return false;
                labels.add(field_begin, reinterpret_cast<const char*>(in.at()), out);
                break;
            case tag_of(2, kLength):
                if (!in.read_length(content)) return false;
                if (!read_sample(content, out)) return in.fail(content);
                break;
            case tag_of(3, kLength):
                if (!in.read_length(content)) return false;
                if (!read_exemplar(content, out)) return in.fail(content);
                break;
            case tag_of(4, kLength):
                if (!in.read_length(content)) return false;
                if (!read_histogram(content, out)) return in.fail(content);
                break;
            default:
                if (!in.skip(tag)) return false;
        }
    }
    series.label_fields = labels.view();
    series.sample_count = static_cast<uint32_t>(out.values.size()) - series.sample_begin;
    out.series.push_back(series);
    return true;
}

std::string lower_trimmed(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    std::string out(text);
    std::ranges::transform(out, out.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return out;
}

}  // namespace

void WriteRequest::clear() {
    series.clear();
    timestamps.clear();
    values.clear();
    histograms.clear();
    histogram_parts = bad_histograms = 0;
    bad_histogram = {};
    exemplars.clear();
    metadata_count = 0;
    gathered.clear();
}

Result<void> decode_write_request(ByteView message, const WriteLimits& limits, WriteRequest& out) {
    out.clear();
    FieldReader in(message.data(), message.data(), message.data() + message.size());
    while (!in.at_end()) {
        uint32_t tag = 0;
        if (!in.read_tag(tag)) return in.error();
        FieldReader content = in;
        if (tag == tag_of(1, kLength)) {
            if (!in.read_length(content)) return in.error();
            if (out.series.size() == limits.series_max) {
                return exhausted("more than {} series in one request", limits.series_max);
            }
            if (!read_series(content, limits, out)) return content.error();
            if (out.values.size() > limits.samples_max) {
                return exhausted("more than {} samples in one request", limits.samples_max);
            }
            if (out.exemplars.size() > limits.exemplars_max) {
                return exhausted("more than {} exemplars in one request", limits.exemplars_max);
            }
            if (out.histogram_parts > limits.histogram_parts_max) {
                return exhausted(
                    "histograms with more than {} spans, buckets and bounds in one request",
                    limits.histogram_parts_max);
            }
        } else if (tag == tag_of(3, kLength)) {
            if (!in.read_length(content)) return in.error();
            ++out.metadata_count;
        } else if (!in.skip(tag)) {
            return in.error();
        }
    }
    if (!out.histograms.empty()) out.histograms.resize(out.values.size());
    return {};
}

Result<void> read_label_fields(std::string_view label_fields, std::vector<LabelView>& out) {
    out.clear();
    const ByteView bytes = as_bytes(label_fields);
    FieldReader in(bytes.data(), bytes.data(), bytes.data() + bytes.size());
    while (!in.at_end()) {
        uint32_t tag = 0;
        if (!in.read_tag(tag)) return in.error();
        FieldReader label = in;
        if (!in.read_length(label)) return in.error();
        LabelView view;
        while (!label.at_end()) {
            if (!label.read_tag(tag)) return label.error();
            FieldReader text = label;
            if (tag == tag_of(1, kLength) || tag == tag_of(2, kLength)) {
                if (!label.read_length(text)) return label.error();
                (tag == tag_of(1, kLength) ? view.name : view.value) = text.text();
            } else if (!label.skip(tag)) {
                return label.error();
            }
        }
        out.push_back(view);
    }
    return {};
}

uint8_t* RawBuffer::reserve(size_t size) {
    if (size > capacity_) {
        bytes_ = std::make_unique_for_overwrite<uint8_t[]>(size);
        capacity_ = size;
    }
    return bytes_.get();
}

Result<uint64_t> snappy_size(ByteView block) {
    size_t size = 0;
    if (!snappy::GetUncompressedLength(reinterpret_cast<const char*>(block.data()), block.size(),
                                       &size)) {
        return invalid("the body does not begin with the length of a snappy block");
    }
    return size;
}

Result<ByteView> snappy_uncompress(ByteView block, uint64_t limit_bytes, RawBuffer& buffer) {
    KW_TRY_ASSIGN(const uint64_t size, snappy_size(block));
    if (size > limit_bytes) {
        return exhausted("the body has {} bytes when decompressed, over the limit of {}", size,
                         limit_bytes);
    }
    uint8_t* const out = buffer.reserve(size);
    if (!snappy::RawUncompress(reinterpret_cast<const char*>(block.data()), block.size(),
                               reinterpret_cast<char*>(out))) {
        return invalid("the body is no valid snappy block");
    }
    return ByteView(out, size);
}

Result<void> check_write_headers(std::string_view content_type, std::string_view content_encoding) {
    const size_t semicolon = content_type.find(';');
    if (lower_trimmed(content_type.substr(0, semicolon)) != "application/x-protobuf") {
        return unsupported("Content-Type is {}, want application/x-protobuf", quoted(content_type));
    }
    for (std::string_view rest =
             semicolon == std::string_view::npos ? "" : content_type.substr(semicolon + 1);
         !rest.empty();) {
        const size_t end = std::min(rest.find(';'), rest.size());
        const std::string parameter = lower_trimmed(rest.substr(0, end));
        rest.remove_prefix(std::min(end + 1, rest.size()));
        if (parameter.starts_with("proto=") && parameter != "proto=prometheus.writerequest") {
            return unsupported("Content-Type asks for {}, want proto=prometheus.WriteRequest",
                               parameter);
        }
    }
    if (lower_trimmed(content_encoding) != "snappy") {
        return unsupported("Content-Encoding is {}, want snappy", quoted(content_encoding));
    }
    return {};
}

}  // namespace kw::wire
