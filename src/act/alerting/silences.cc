#include "alerting/silences.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <random>
#include <utility>

namespace kw::alerting {
namespace {

// Label sets whose answer is kept: as many as alerts may be.
constexpr size_t kCacheMax = 100'000;

// A random UUID, RFC 9562, version 4.
std::string new_id() {
    std::random_device random;
    std::array<uint8_t, 16> bytes{};
    for (size_t i = 0; i < bytes.size(); i += 4) {
        const uint32_t word = random();
        for (size_t j = 0; j < 4; ++j) bytes[i + j] = static_cast<uint8_t>(word >> (8 * j));
    }
    bytes[6] = static_cast<uint8_t>((bytes[6] & 0x0f) | 0x40);
    bytes[8] = static_cast<uint8_t>((bytes[8] & 0x3f) | 0x80);
    std::string id;
    for (size_t i = 0; i < bytes.size(); ++i) {
        if (i == 4 || i == 6 || i == 8 || i == 10) id += '-';
        id += fmt::format("{:02x}", bytes[i]);
    }
    return id;
}

size_t bytes_of(const Silence& silence) {
    size_t bytes = silence.created_by.size() + silence.comment.size();
    for (const Matcher& matcher : silence.matchers) {
        bytes += matcher.name().size() + matcher.value().size();
    }
    return bytes;
}

// Whether `before` may become `after` under its own id.
bool can_become(const Silence& before, const Silence& after, Millis now) {
    if (before.matchers != after.matchers) return false;
    switch (before.state_at(now)) {
        case SilenceState::kActive:
            return before.starts_at.count / 1000 == after.starts_at.count / 1000 &&
                   after.ends_at >= now;
        case SilenceState::kPending: return after.starts_at >= now;
        case SilenceState::kExpired: return false;
    }
    return false;
}

Silence expired_at(Silence silence, Millis now) {
    if (silence.state_at(now) == SilenceState::kPending) silence.starts_at = now;
    silence.ends_at = now;
    silence.updated_at = now;
    return silence;
}

}  // namespace

std::string_view silence_state_text(SilenceState state) {
    switch (state) {
        case SilenceState::kActive: return "active";
        case SilenceState::kPending: return "pending";
        case SilenceState::kExpired: return "expired";
    }
    return "";
}

SilenceState Silence::state_at(Millis now) const {
    if (now < starts_at) return SilenceState::kPending;
    return now < ends_at ? SilenceState::kActive : SilenceState::kExpired;
}

Silences::Silences(Clock& clock, SilenceStore* store, const Options& options)
    : clock_(clock), store_(store), options_(options) {}

Result<void> Silences::load() {
    if (store_ == nullptr) return {};
    KW_TRY_ASSIGN(std::vector<Silence> stored, store_->load());
    MutexLock lock(mutex_);
    for (Silence& silence : stored) {
        std::string id = silence.id;
        silences_.insert_or_assign(std::move(id), std::move(silence));
    }
    ++version_;
    return {};
}

Result<void> Silences::check(const Silence& silence) const {
    if (silence.matchers.empty()) return invalid("a silence wants at least one matcher");
    const bool matches_all_alerts =
        std::all_of(silence.matchers.begin(), silence.matchers.end(),
                    [](const Matcher& matcher) { return matcher.matches_empty(); });
    if (matches_all_alerts) {
        return invalid("at least one matcher must not match the empty string");
    }
    if (silence.ends_at <= silence.starts_at) {
        return invalid("start time must be before end time");
    }
    if (const size_t bytes = bytes_of(silence); bytes > options_.silence_bytes_max) {
        return exhausted("the silence has {} bytes, at most {} are kept", bytes,
                         options_.silence_bytes_max);
    }
    return {};
}

Result<std::string> Silences::set(Silence silence, const std::string& actor) {
    MutexLock one_at_a_time(change_mutex_);
    const Millis now = clock_.now();
    KW_TRY(check(silence));
    silence.updated_at = now;
    std::vector<Silence> changed;
    if (!silence.id.empty()) {
        const std::optional<Silence> before = find(silence.id);
        if (!before) return not_found("there is no silence {}", silence.id);
        if (can_become(*before, silence, now)) {
            KW_TRY(publish({silence}, actor));
            return silence.id;
        }
        if (before->state_at(now) != SilenceState::kExpired) {
            changed.push_back(expired_at(*before, now));
        }
    }
    size_t count = 0;
    {
        MutexLock lock(mutex_);
        count = silences_.size();
    }
    if (count >= options_.silences_max) {
        return exhausted("there are {} silences, at most {} are kept; expired ones go after {} h",
                         count, options_.silences_max, options_.retention_ms / 3'600'000);
    }
    silence.id = new_id();
    silence.starts_at = std::max(silence.starts_at, now);
    if (silence.ends_at <= silence.starts_at) return invalid("end time can't be in the past");
    changed.push_back(silence);
    KW_TRY(publish(changed, actor));
    return silence.id;
}

Result<void> Silences::expire(const std::string& id, const std::string& actor) {
    MutexLock one_at_a_time(change_mutex_);
    const Millis now = clock_.now();
    const std::optional<Silence> before = find(id);
    if (!before) return not_found("there is no silence {}", id);
    if (before->state_at(now) == SilenceState::kExpired) {
        return conflict("silence {} already expired", id);
    }
    return publish({expired_at(*before, now)}, actor);
}

Result<void> Silences::publish(const std::vector<Silence>& changed, const std::string& actor) {
    if (store_ != nullptr) KW_TRY(store_->put(changed, actor));
    MutexLock lock(mutex_);
    for (const Silence& silence : changed) silences_.insert_or_assign(silence.id, silence);
    ++version_;
    return {};
}

std::optional<Silence> Silences::find(const std::string& id) const {
    MutexLock lock(mutex_);
    const auto found = silences_.find(id);
    if (found == silences_.end()) return std::nullopt;
    return found->second;
}

std::vector<Silence> Silences::list() const {
    std::vector<Silence> all;
    {
        MutexLock lock(mutex_);
        for (const auto& [id, silence] : silences_) all.push_back(silence);
    }
    const Millis now = clock_.now();
    std::sort(all.begin(), all.end(), [&](const Silence& a, const Silence& b) {
        const SilenceState state = a.state_at(now);
        if (state != b.state_at(now)) return state < b.state_at(now);
        if (state == SilenceState::kPending && a.starts_at != b.starts_at) {
            return a.starts_at < b.starts_at;
        }
        if (a.ends_at != b.ends_at) {
            return state == SilenceState::kExpired ? a.ends_at > b.ends_at : a.ends_at < b.ends_at;
        }
        return a.id < b.id;
    });
    return all;
}

std::vector<std::string> Silences::silenced_by(const LabelSet& labels) {
    const Millis now = clock_.now();
    MutexLock lock(mutex_);
    if (silences_.empty()) return {};
    if (cache_.size() >= kCacheMax && !cache_.contains(labels)) cache_.clear();
    Cached& cached = cache_[labels];
    if (cached.version != version_) {
        cached.version = version_;
        cached.ids.clear();
        for (const auto& [id, silence] : silences_) {
            if (silence.ends_at > now && matches_all(silence.matchers, labels)) {
                cached.ids.push_back(id);
            }
        }
    }
    std::vector<std::string> active;
    for (const std::string& id : cached.ids) {
        if (silences_.at(id).state_at(now) == SilenceState::kActive) active.push_back(id);
    }
    return active;
}

size_t Silences::count(SilenceState state) const {
    const Millis now = clock_.now();
    MutexLock lock(mutex_);
    return static_cast<size_t>(
        std::count_if(silences_.begin(), silences_.end(),
                      [&](const auto& entry) { return entry.second.state_at(now) == state; }));
}

Result<void> Silences::collect_garbage() {
    MutexLock one_at_a_time(change_mutex_);
    const Millis oldest = clock_.now() - options_.retention_ms;
    std::vector<std::string> ids;
    {
        MutexLock lock(mutex_);
        for (const auto& [id, silence] : silences_) {
            if (silence.ends_at <= oldest) ids.push_back(id);
        }
    }
    if (ids.empty()) return {};
    if (store_ != nullptr) KW_TRY(store_->remove(ids));
    MutexLock lock(mutex_);
    for (const std::string& id : ids) silences_.erase(id);
    ++version_;
    return {};
}

}  // namespace kw::alerting
