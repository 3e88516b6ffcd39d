// Expands the labels and annotations of an alerting rule for one sample.
#pragma once

#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/time.h"
#include "rules/active_rule.h"
#include "rules/rule_file.h"
#include "templates/template.h"

namespace kw::rules {

// Parsed once a rule and evaluation; a text that fails becomes "<error expanding template: …>", as Prometheus has it.
class AlertTemplates final {
 public:
    // Everything given outlives it. `data_time` is that of `query` in templates.
    AlertTemplates(const Rule& rule, const RuleContext& context, Millis data_time,
                   const CancelToken& cancel);

    // `labels` of the sample, its name among them.
    TextPairs labels(const LabelSet& labels, double value) const {
        return expand(rule_.labels, labels, value);
    }
    TextPairs annotations(const LabelSet& labels, double value) const {
        return expand(rule_.annotations, labels, value);
    }

 private:
    TextPairs expand(const TextPairs& texts, const LabelSet& labels, double value) const;

    const Rule& rule_;
    const RuleContext& context_;
    const templates::Functions functions_;
};

}  // namespace kw::rules
