#include "net/token_cache.h"

#include <algorithm>
#include <limits>

namespace kw::net {

TokenCache::Source* TokenCache::source(uint64_t id) {
    const auto found = std::ranges::find(sources_, id, &Source::id);
    return found == sources_.end() ? nullptr : &*found;
}

TokenCache::Found TokenCache::find(const OAuth2Options& options, std::string_view secret,
                                   int64_t now_ns) {
    MutexLock lock(mutex_);
    auto it = std::ranges::find_if(sources_, [&](const Source& source) {
        return source.secret == secret && source.options == options;
    });
    if (it == sources_.end()) {
        if (sources_.size() >= kSourcesMax) {
            sources_.erase(std::ranges::min_element(sources_, {}, &Source::used_ns));
        }
        Source& made = sources_.emplace_back();
        made.id = next_id_++;
        made.options = options;
        made.secret = secret;
        it = sources_.end() - 1;
    }
    it->used_ns = now_ns;
    Found found;
    found.source = it->id;
    found.auth = it->auth;
    if (!it->authorization.empty() && now_ns < it->valid_until_ns) {
        found.authorization = it->authorization;
    } else if (it->failure && now_ns - it->failed_ns < retry_ns_) {
        found.failure = it->failure;
    }
    return found;
}

void TokenCache::keep(uint64_t id, const Token& token, ClientAuth auth, int64_t now_ns) {
    MutexLock lock(mutex_);
    Source* const kept = source(id);
    if (kept == nullptr) return;
    kept->authorization = token.authorization;
    kept->fetched_ns = now_ns;
    kept->valid_until_ns = token.lifetime_s ? now_ns + *token.lifetime_s * 1'000'000'000 - kMarginNs
                                            : std::numeric_limits<int64_t>::max();
    kept->auth = auth;
    kept->failure.reset();
}

void TokenCache::fail(uint64_t id, const Error& error, int64_t now_ns) {
    MutexLock lock(mutex_);
    Source* const failed = source(id);
    if (failed == nullptr) return;
    failed->authorization.clear();
    failed->failure = error;
    failed->failed_ns = now_ns;
}

void TokenCache::reject(uint64_t id, std::string_view authorization, int64_t now_ns) {
    MutexLock lock(mutex_);
    Source* const rejected = source(id);
    if (rejected == nullptr || rejected->authorization != authorization) return;
    if (now_ns - rejected->fetched_ns >= renewal_ns_) rejected->authorization.clear();
}

}  // namespace kw::net
