// Which rule gives the alert of a label set. Two rules may have one alert name, in two files or groups; where they
// give alerts of the same labels at the same time these would be one alert to whoever is told: it would resolve when
// one of the two is over. The rule that comes second therefore gives its alert with the label `rule_group`.
// Threads: all members from any thread.
#pragma once

#include <unordered_map>

#include "base/mutex.h"
#include "model/labels.h"

namespace kw::rules {

class AlertClaims final {
 public:
    // Whether the alert of `labels` is `rule`'s, from now on or since before.
    bool claim(const LabelSet& labels, const void* rule) KW_EXCLUDES(mutex_);
    // Does nothing when it is another's.
    void release(const LabelSet& labels, const void* rule) KW_EXCLUDES(mutex_);
    void hand_over(const LabelSet& labels, const void* from, const void* to) KW_EXCLUDES(mutex_);

 private:
    Mutex mutex_;
    std::unordered_map<LabelSet, const void*, LabelSetHash> rules_ KW_GUARDED_BY(mutex_);
};

}  // namespace kw::rules
