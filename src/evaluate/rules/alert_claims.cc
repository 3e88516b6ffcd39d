#include "rules/alert_claims.h"

namespace kw::rules {

bool AlertClaims::claim(const LabelSet& labels, const void* rule) {
    MutexLock lock(mutex_);
    return rules_.try_emplace(labels, rule).first->second == rule;
}

void AlertClaims::release(const LabelSet& labels, const void* rule) {
    MutexLock lock(mutex_);
    const auto found = rules_.find(labels);
    if (found != rules_.end() && found->second == rule) rules_.erase(found);
}

void AlertClaims::hand_over(const LabelSet& labels, const void* from, const void* to) {
    MutexLock lock(mutex_);
    const auto found = rules_.find(labels);
    if (found != rules_.end() && found->second == from) found->second = to;
}

}  // namespace kw::rules
