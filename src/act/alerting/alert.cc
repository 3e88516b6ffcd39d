#include "alerting/alert.h"

#include <fmt/core.h>

#include <algorithm>
#include <string_view>

namespace kw::alerting {
namespace {

constexpr uint64_t kFnvOffset = 14695981039346656037ULL;
constexpr uint64_t kFnvPrime = 1099511628211ULL;
constexpr char kSeparator = '\xff';

uint64_t add_byte(uint64_t hash, char byte) {
    return (hash ^ static_cast<unsigned char>(byte)) * kFnvPrime;
}

uint64_t add_text(uint64_t hash, std::string_view text) {
    for (const char byte : text) hash = add_byte(hash, byte);
    return add_byte(hash, kSeparator);
}

}  // namespace

uint64_t fingerprint(const LabelSet& labels) {
    uint64_t hash = kFnvOffset;
    for (const LabelView& label : labels) hash = add_text(add_text(hash, label.name), label.value);
    return hash;
}

std::string fingerprint_text(uint64_t fingerprint) { return fmt::format("{:016x}", fingerprint); }

std::string fingerprint_text(const LabelSet& labels) {
    return fingerprint_text(fingerprint(labels));
}

Alert merge_alerts(const Alert& older, const Alert& newer) {
    if (newer.updated_at < older.updated_at) return merge_alerts(newer, older);
    Alert merged = newer;
    merged.starts_at = std::min(older.starts_at, newer.starts_at);
    if (newer.is_resolved_at(newer.updated_at)) {
        // Of two ends that were said, the later counts.
        if (older.is_resolved_at(newer.updated_at)) {
            merged.ends_at = std::max(older.ends_at, newer.ends_at);
        }
        return merged;
    }
    // An end that somebody named is kept against a later one that is only a time-out.
    if (older.ends_at > newer.ends_at && !older.ends_by_timeout) {
        merged.ends_at = older.ends_at;
        merged.ends_by_timeout = false;
    }
    return merged;
}

bool alerts_overlap(const Alert& a, const Alert& b) {
    return (b.ends_at > a.starts_at && b.ends_at < a.ends_at) ||
           (b.starts_at > a.starts_at && b.starts_at < a.ends_at);
}

bool comes_before(const Alert& a, const Alert& b) {
    for (const std::string_view name : {"job", "instance"}) {
        const std::string_view of_a = a.labels.get(name);
        const std::string_view of_b = b.labels.get(name);
        if (of_a != of_b) return of_a < of_b;
    }
    return a.labels < b.labels;
}

}  // namespace kw::alerting
