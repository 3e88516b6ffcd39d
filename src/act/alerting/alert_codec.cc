#include "alerting/alert_codec.h"

#include <string_view>
#include <utility>

#include "base/checksum.h"

namespace kw::alerting {
namespace {

constexpr uint8_t kRowVersion = 1;
constexpr size_t kChecksumBytes = 4;

uint32_t row_checksum(ByteView key, ByteView content) {
    ByteWriter all;
    all.append(key);
    all.append(content);
    return crc32c(all.view());
}

}  // namespace

void put_labels(ByteWriter& out, const LabelSet& labels) {
    out.varint(labels.size());
    for (const LabelView& label : labels) {
        out.text(label.name);
        out.text(label.value);
    }
}

Result<LabelSet> take_labels(ByteReader& in) {
    KW_TRY_ASSIGN(const uint64_t count, in.varint());
    LabelBuilder labels;
    for (uint64_t i = 0; i < count; ++i) {
        KW_TRY_ASSIGN(const std::string_view name, in.text());
        KW_TRY_ASSIGN(const std::string_view value, in.text());
        labels.set(name, value);
    }
    return labels.build();
}

void put_pairs(ByteWriter& out, const TemplateMap& pairs) {
    out.varint(pairs.size());
    for (const auto& [name, value] : pairs) {
        out.text(name);
        out.text(value);
    }
}

Result<TemplateMap> take_pairs(ByteReader& in) {
    KW_TRY_ASSIGN(const uint64_t count, in.varint());
    TemplateMap pairs;
    for (uint64_t i = 0; i < count; ++i) {
        KW_TRY_ASSIGN(const std::string_view name, in.text());
        KW_TRY_ASSIGN(const std::string_view value, in.text());
        pairs.emplace_back(name, value);
    }
    return pairs;
}

void put_alert_rest(ByteWriter& out, const Alert& alert) {
    put_pairs(out, alert.annotations);
    out.i64(alert.starts_at.count);
    out.i64(alert.ends_at.count);
    out.i64(alert.updated_at.count);
    out.text(alert.generator_url);
    out.u8(static_cast<uint8_t>((alert.ends_by_timeout ? 1 : 0) | (alert.is_no_data ? 2 : 0)));
}

Result<Alert> take_alert_rest(ByteReader& in, LabelSet labels) {
    Alert alert;
    alert.labels = std::move(labels);
    KW_TRY_ASSIGN(alert.annotations, take_pairs(in));
    KW_TRY_ASSIGN(alert.starts_at.count, in.i64());
    KW_TRY_ASSIGN(alert.ends_at.count, in.i64());
    KW_TRY_ASSIGN(alert.updated_at.count, in.i64());
    KW_TRY_ASSIGN(const std::string_view url, in.text());
    alert.generator_url = url;
    KW_TRY_ASSIGN(const uint8_t flags, in.u8());
    alert.ends_by_timeout = (flags & 1) != 0;
    alert.is_no_data = (flags & 2) != 0;
    return alert;
}

Bytes encode_alert_key(const LabelSet& labels) {
    ByteWriter out;
    put_labels(out, labels);
    return out.take();
}

Bytes encode_alert_content(ByteView key, const Alert& alert) {
    ByteWriter out;
    out.u8(kRowVersion);
    put_alert_rest(out, alert);
    const uint32_t checksum = row_checksum(key, out.view());
    out.u32(checksum);
    return out.take();
}

Result<Alert> decode_alert(ByteView key, ByteView content) {
    if (content.size() <= kChecksumBytes) return corrupt("an alert of {} bytes", content.size());
    const ByteView body = content.first(content.size() - kChecksumBytes);
    if (row_checksum(key, body) != load_le<uint32_t>(content.data() + body.size()))
        return corrupt("the checksum of an alert does not fit");
    ByteReader in_key(key);
    KW_TRY_ASSIGN(LabelSet labels, take_labels(in_key));
    ByteReader in(body);
    KW_TRY_ASSIGN(const uint8_t version, in.u8());
    if (version != kRowVersion) return unsupported("an alert of version {}", version);
    KW_TRY_ASSIGN(Alert alert, take_alert_rest(in, std::move(labels)));
    if (!in_key.at_end() || !in.at_end())
        return corrupt("{} bytes behind an alert", in_key.remaining() + in.remaining());
    return alert;
}

}  // namespace kw::alerting
