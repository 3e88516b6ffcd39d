#include "model/labels.h"

#include <algorithm>

#include "base/checksum.h"

namespace kw {
namespace {

void append_text(std::string& out, std::string_view text) {
    size_t length = text.size();
    while (length >= 0x80) {
        out += static_cast<char>(length | 0x80);
        length >>= 7;
    }
    out += static_cast<char>(length);
    out.append(text);
}

void append_label(std::string& out, std::string_view name, std::string_view value) {
    append_text(out, name);
    append_text(out, value);
}

// The bytes are our own, checked by whoever built the set.
std::string_view take_text(const char*& at) {
    size_t length = static_cast<uint8_t>(*at++);
    if (length >= 0x80) {
        length &= 0x7f;
        for (unsigned shift = 7;; shift += 7) {
            const uint8_t byte = static_cast<uint8_t>(*at++);
            length |= static_cast<size_t>(byte & 0x7f) << shift;
            if (byte < 0x80) break;
        }
    }
    const std::string_view text(at, length);
    at += length;
    return text;
}

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string encode(const std::vector<LabelView>& labels) {
    size_t bytes = 0;
    for (const LabelView& label : labels) bytes += label.name.size() + label.value.size() + 4;
    std::string out;
    out.reserve(bytes);
    for (const LabelView& label : labels) append_label(out, label.name, label.value);
    return out;
}

Result<void> check_sorted(const std::vector<LabelView>& labels) {
    for (size_t i = 0; i < labels.size(); ++i) {
        if (labels[i].name.empty()) return invalid("a label with an empty name");
        if (labels[i].value.empty()) return invalid("label {} has an empty value", labels[i].name);
        if (i == 0 || labels[i - 1].name < labels[i].name) continue;
        if (labels[i - 1].name == labels[i].name) {
            return invalid("label {} is there twice", labels[i].name);
        }
        return invalid("label {} is not in order", labels[i].name);
    }
    return {};
}

}  // namespace

LabelSet::LabelSet(std::initializer_list<LabelView> labels) {
    LabelBuilder builder;
    for (const LabelView& label : labels) builder.set(label.name, label.value);
    *this = builder.build();
}

Result<LabelSet> LabelSet::from(std::vector<LabelView> labels) {
    for (const LabelView& label : labels) {
        if (label.name.empty()) return invalid("a label with an empty name");
    }
    std::sort(labels.begin(), labels.end());
    const auto same_name = [](const LabelView& a, const LabelView& b) { return a.name == b.name; };
    const auto twice = std::adjacent_find(labels.begin(), labels.end(), same_name);
    if (twice != labels.end()) return invalid("label {} is there twice", twice->name);
    std::erase_if(labels, [](const LabelView& label) { return label.value.empty(); });
    LabelSet set;
    set.bytes_ = encode(labels);
    return set;
}

Result<LabelSet> LabelSet::from_sorted(const std::vector<LabelView>& labels) {
    KW_TRY(check_sorted(labels));
    LabelSet set;
    set.bytes_ = encode(labels);
    return set;
}

Result<LabelSet> LabelSet::decode(std::string_view encoded) {
    ByteReader in(as_bytes(encoded));
    std::vector<LabelView> labels;
    while (!in.at_end()) {
        LabelView label;
        KW_TRY_ASSIGN(label.name, in.text());
        KW_TRY_ASSIGN(label.value, in.text());
        labels.push_back(label);
    }
    if (Result<void> sorted = check_sorted(labels); !sorted.ok()) {
        return corrupt("label set: {}", sorted.error().message);
    }
    LabelSet set;
    set.bytes_ = encode(labels);  // canonical, whatever lengths were written
    return set;
}

LabelSet::Iterator& LabelSet::Iterator::operator++() {
    at_ = next_;
    if (next_ != end_) {
        label_.name = take_text(next_);
        label_.value = take_text(next_);
    }
    return *this;
}

LabelSet::Iterator LabelSet::end() const {
    const char* const end = bytes_.data() + bytes_.size();
    return {end, end};
}

size_t LabelSet::size() const {
    size_t count = 0;
    for (auto it = begin(), last = end(); it != last; ++it) ++count;
    return count;
}

std::string_view LabelSet::get(std::string_view name) const {
    for (const LabelView& label : *this) {
        if (label.name == name) return label.value;
        if (label.name > name) break;
    }
    return {};
}

uint64_t LabelSet::hash() const { return hash64(bytes_); }

std::strong_ordering LabelSet::operator<=>(const LabelSet& other) const {
    return std::lexicographical_compare_three_way(begin(), end(), other.begin(), other.end());
}

std::string LabelSet::to_string() const {
    const std::string_view name = metric_name();
    std::string out;
    std::string inside;
    if (is_classic_metric_name(name)) {
        out = name;
    } else if (!name.empty()) {
        inside = quoted(name);
    }
    for (const LabelView& label : *this) {
        if (label.name == kMetricName) continue;
        if (!inside.empty()) inside += ", ";
        inside += is_classic_label_name(label.name) ? std::string(label.name) : quoted(label.name);
        inside += '=';
        inside += quoted(label.value);
    }
    if (inside.empty() && !out.empty()) return out;
    return out + '{' + inside + '}';
}

void LabelBuilder::reset(const LabelSet& base) {
    labels_.clear();
    for (const LabelView& label : base) labels_.emplace_back(label.name, label.value);
}

LabelBuilder& LabelBuilder::set(std::string_view name, std::string_view value) {
    if (value.empty()) return remove(name);
    const auto at =
        std::lower_bound(labels_.begin(), labels_.end(), name,
                         [](const auto& label, std::string_view n) { return label.first < n; });
    if (at != labels_.end() && at->first == name) {
        at->second = std::string(value);
    } else {
        labels_.emplace(at, std::string(name), std::string(value));
    }
    return *this;
}

LabelBuilder& LabelBuilder::remove(std::string_view name) {
    std::erase_if(labels_, [&](const auto& label) { return label.first == name; });
    return *this;
}

std::string_view LabelBuilder::get(std::string_view name) const {
    for (const auto& [label_name, value] : labels_) {
        if (label_name == name) return value;
    }
    return {};
}

LabelSet LabelBuilder::build() const {
    LabelSet set;
    for (const auto& [name, value] : labels_) append_label(set.bytes_, name, value);
    return set;
}

bool is_classic_label_name(std::string_view name) {
    if (name.empty() || !is_letter(name[0])) return false;
    return std::all_of(name.begin(), name.end(),
                       [](char c) { return is_letter(c) || is_digit(c); });
}

bool is_classic_metric_name(std::string_view name) {
    if (name.empty() || is_digit(name[0])) return false;
    return std::all_of(name.begin(), name.end(),
                       [](char c) { return is_letter(c) || is_digit(c) || c == ':'; });
}

bool is_valid_utf8(std::string_view text) {
    const auto* at = reinterpret_cast<const uint8_t*>(text.data());
    const uint8_t* const end = at + text.size();
    while (at != end) {
        if (end - at >= 8 && (load_le<uint64_t>(at) & 0x8080808080808080u) == 0) {
            at += 8;
            continue;
        }
        const uint8_t lead = *at++;
        if (lead < 0x80) continue;
        unsigned more = 0;
        uint32_t rune = 0;
        uint32_t least = 0;
        if ((lead & 0xe0) == 0xc0) {
            more = 1, rune = lead & 0x1f, least = 0x80;
        } else if ((lead & 0xf0) == 0xe0) {
            more = 2, rune = lead & 0x0f, least = 0x800;
        } else if ((lead & 0xf8) == 0xf0) {
            more = 3, rune = lead & 0x07, least = 0x10000;
        } else {
            return false;
        }
        if (static_cast<size_t>(end - at) < more) return false;
        for (; more > 0; --more, ++at) {
            if ((*at & 0xc0) != 0x80) return false;
            rune = rune << 6 | (*at & 0x3f);
        }
        if (rune < least || rune > 0x10ffff || (rune >= 0xd800 && rune <= 0xdfff)) return false;
    }
    return true;
}

bool is_valid_label_name(std::string_view name, NameScheme scheme) {
    return scheme == NameScheme::kLegacy ? is_classic_label_name(name)
                                         : !name.empty() && is_valid_utf8(name);
}

bool is_valid_metric_name(std::string_view name, NameScheme scheme) {
    return scheme == NameScheme::kLegacy ? is_classic_metric_name(name)
                                         : !name.empty() && is_valid_utf8(name);
}

std::string quoted(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '\\' || c == '"') out += '\\';
        if (c == '\n') {
            out += "\\n";
        } else {
            out += c;
        }
    }
    out += '"';
    return out;
}

}  // namespace kw
