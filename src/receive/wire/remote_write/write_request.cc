#include "wire/remote_write/write_request.h"

#include <snappy.h>

#include <algorithm>
#include <cctype>
#include <cstring>

namespace kw::wire {
namespace {

enum WireType : uint8_t { kVarint = 0, kFixed64 = 1, kLength = 2, kFixed32 = 5 };

constexpr uint32_t tag_of(uint32_t field, WireType type) { return field << 3 | type; }

// Reads fields between two positions of one message; what is wrong is kept with the byte where it
// stands.
class FieldReader final {
 public:
    FieldReader(const uint8_t* message, const uint8_t* at, const uint8_t* end)
        : message_(message), at_(at), end_(end) {}

    bool at_end() const { return at_ == end_; }
    const uint8_t* at() const { return at_; }

    // Fields' tags are one byte but for those that nobody has defined yet.
    bool read_tag(uint32_t& tag) {
        if (*at_ < 0x80) {
            tag = *at_++;
        } else {
            uint64_t wide = 0;
            if (!read_varint(wide)) return false;
            if (wide > UINT32_MAX) return fail("a field number past 29 bits");
            tag = static_cast<uint32_t>(wide);
        }
        if (tag >> 3 == 0) return fail("field number 0");
        return true;
    }

    bool read_varint(uint64_t& value) {
        const uint8_t* const start = at_;
        value = 0;
        for (unsigned shift = 0; shift < 64; shift += 7) {
            if (at_ == end_) return fail("a varint that ends too early");
            const uint8_t byte = *at_++;
            value |= static_cast<uint64_t>(byte & 0x7f) << shift;
            if (byte < 0x80) return true;
        }
        at_ = start;
        return fail("a varint of more than 10 bytes");
    }

    // The content of a length-delimited field.
    bool read_length(FieldReader& content) {
        uint64_t length = 0;
        if (at_ != end_ && *at_ < 0x80) {
            length = *at_++;
        } else if (!read_varint(length)) {
            return false;
        }
        if (length > static_cast<uint64_t>(end_ - at_))
            return fail("a field longer than what it stands in");
        content = FieldReader(message_, at_, at_ + length);
        at_ += length;
        return true;
    }

    bool read_fixed64(uint64_t& value) {
        if (end_ - at_ < 8) return fail("a fixed64 that ends too early");
        value = load_le<uint64_t>(at_);
        at_ += 8;
        return true;
    }

    // The content of an unknown field.
    bool skip(uint32_t tag) {
        uint64_t ignored = 0;
        FieldReader content(message_, at_, at_);
        switch (tag & 7) {
            case kVarint: return read_varint(ignored);
            case kFixed64: return read_fixed64(ignored);
            case kLength: return read_length(content);
            case kFixed32:
                if (end_ - at_ < 4) return fail("a fixed32 that ends too early");
                at_ += 4;
                return true;
            default: return fail("a wire type that is not used");
        }
    }

    std::string_view text() const {
        return {reinterpret_cast<const char*>(at_), static_cast<size_t>(end_ - at_)};
    }

    bool fail(const char* what) {
        what_ = what;
        return false;
    }
    // Takes over what went wrong in a part.
    bool fail(const FieldReader& part) {
        what_ = part.what_;
        at_ = part.at_;
        return false;
    }
    Error error() const { return invalid("byte {}: {}", at_ - message_, what_); }

 private:
    const uint8_t* message_;
    const uint8_t* at_;
    const uint8_t* end_;
    const char* what_ = "";
};

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

// Stops behind the first sample past `samples_max`.
bool read_series(FieldReader& in, uint64_t samples_max, WriteRequest& out) {
    WriteSeries series;
    series.sample_begin = static_cast<uint32_t>(out.values.size());
    const char* fields_begin = nullptr;
    const char* fields_end = nullptr;
    std::string* gathered = nullptr;
    while (!in.at_end() && out.values.size() <= samples_max) {
        const char* const field_begin = reinterpret_cast<const char*>(in.at());
        uint32_t tag = 0;
        if (!in.read_tag(tag)) return false;
        FieldReader content = in;
        switch (tag) {
            case tag_of(1, kLength): {
                if (!in.read_length(content)) return false;
                const char* const field_end = reinterpret_cast<const char*>(in.at());
                if (fields_begin == nullptr) fields_begin = fields_end = field_begin;
                if (field_begin == fields_end && gathered == nullptr) {
                    fields_end = field_end;
                } else {
                    if (gathered == nullptr)
                        gathered = &out.gathered.emplace_back(fields_begin, fields_end);
                    gathered->append(field_begin, field_end);
                }
                break;
            }
            case tag_of(2, kLength):
                if (!in.read_length(content)) return false;
                if (!read_sample(content, out)) return in.fail(content);
                break;
            case tag_of(3, kLength):
                if (!in.read_length(content)) return false;
                ++out.exemplar_count;
                break;
            case tag_of(4, kLength):
                if (!in.read_length(content)) return false;
                ++out.histogram_count;
                break;
            default:
                if (!in.skip(tag)) return false;
        }
    }
    series.label_fields =
        gathered != nullptr
            ? std::string_view(*gathered)
            : std::string_view(fields_begin, static_cast<size_t>(fields_end - fields_begin));
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
    exemplar_count = histogram_count = metadata_count = 0;
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
            if (!read_series(content, limits.samples_max, out)) return content.error();
            if (out.values.size() > limits.samples_max) {
                return exhausted("more than {} samples in one request", limits.samples_max);
            }
        } else if (tag == tag_of(3, kLength)) {
            if (!in.read_length(content)) return in.error();
            ++out.metadata_count;
        } else if (!in.skip(tag)) {
            return in.error();
        }
    }
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
