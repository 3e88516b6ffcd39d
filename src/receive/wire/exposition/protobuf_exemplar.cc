#include "wire/exposition/protobuf_exemplar.h"

#include <bit>
#include <utility>
#include <vector>

namespace kw::wire {
namespace {

using protobuf::FieldReader;
using protobuf::kFixed64;
using protobuf::kLength;
using protobuf::kVarint;
using protobuf::tag_of;

// Far beyond any clock, and its milliseconds are an int64.
constexpr int64_t kSecondsMax = int64_t{1} << 50;
constexpr int32_t kNanosPerMilli = 1'000'000;

bool read_timestamp(FieldReader& in, std::optional<Millis>& out) {
    uint64_t seconds = 0;
    uint64_t nanos = 0;
    while (!in.at_end()) {
        uint32_t tag = 0;
        if (!in.read_tag(tag)) return false;
        if (tag == tag_of(1, kVarint)) {
            if (!in.read_varint(seconds)) return false;
        } else if (tag == tag_of(2, kVarint)) {
            if (!in.read_varint(nanos)) return false;
        } else if (!in.skip(tag)) {
            return false;
        }
    }
    out.reset();
    const auto whole = static_cast<int64_t>(seconds);
    if (whole < -kSecondsMax || whole > kSecondsMax) return true;
    out = Millis{whole * 1000 + static_cast<int32_t>(nanos) / kNanosPerMilli};
    return true;
}

}  // namespace

bool read_label_pair(FieldReader& in, std::string_view& name, std::string_view& value) {
    while (!in.at_end()) {
        uint32_t tag = 0;
        FieldReader content = in;
        if (!in.read_tag(tag)) return false;
        if (tag == tag_of(1, kLength) || tag == tag_of(2, kLength)) {
            if (!in.read_length(content)) return false;
            (tag == tag_of(1, kLength) ? name : value) = content.text();
        } else if (!in.skip(tag)) {
            return false;
        }
    }
    return true;
}

bool read_exemplar(FieldReader& in, std::optional<Exemplar>& out) {
    std::vector<LabelView> labels;
    Exemplar read;
    bool is_good = true;
    while (!in.at_end()) {
        uint32_t tag = 0;
        FieldReader content = in;
        if (!in.read_tag(tag)) return false;
        if (tag == tag_of(1, kLength)) {
            LabelView label;
            if (!in.read_length(content)) return false;
            if (!read_label_pair(content, label.name, label.value)) return in.fail(content);
            is_good &= is_valid_utf8(label.name) && is_valid_utf8(label.value);
            labels.push_back(label);
        } else if (tag == tag_of(2, kFixed64)) {
            uint64_t bits = 0;
            if (!in.read_fixed64(bits)) return false;
            read.value = std::bit_cast<double>(bits);
        } else if (tag == tag_of(3, kLength)) {
            std::optional<Millis> time;
            if (!in.read_length(content)) return false;
            if (!read_timestamp(content, time)) return in.fail(content);
            is_good &= time.has_value();
            read.timestamp = time.value_or(Millis{});
            read.has_timestamp = true;
        } else if (!in.skip(tag)) {
            return false;
        }
    }
    out.reset();
    if (!is_good) return true;
    Result<LabelSet> set = LabelSet::from(std::move(labels));
    if (!set.ok()) return true;
    read.labels = std::move(set).value();
    out = std::move(read);
    return true;
}

}  // namespace kw::wire
