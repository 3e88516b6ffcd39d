#include "alerting/inhibition.h"

#include <utility>

namespace kw::alerting {
namespace {

// The values, each after its length, so that no two lists of values are the same text.
std::string equal_key(const std::vector<std::string>& names, const LabelSet& labels) {
    std::string key;
    for (const std::string& name : names) {
        const std::string_view value = labels.get(name);
        key += std::to_string(value.size());
        key += ':';
        key += value;
    }
    return key;
}

}  // namespace

Inhibitor::Inhibitor(std::vector<InhibitRule> rules) {
    for (InhibitRule& rule : rules) rules_.push_back({std::move(rule), {}});
}

void Inhibitor::update(const AlertPtr& alert) {
    for (Rule& rule : rules_) {
        if (!matches_all(rule.config.source, alert->labels)) continue;
        rule.sources[equal_key(rule.config.equal, alert->labels)][alert->labels] = alert;
    }
}

void Inhibitor::collect_garbage(Millis now) {
    for (Rule& rule : rules_) {
        for (auto& [key, sources] : rule.sources) {
            std::erase_if(sources,
                          [&](const auto& source) { return source.second->is_resolved_at(now); });
        }
        std::erase_if(rule.sources, [](const auto& entry) { return entry.second.empty(); });
    }
}

template <typename Take>
bool Inhibitor::look(const LabelSet& labels, Millis now, const Take& take) const {
    for (const Rule& rule : rules_) {
        if (rule.sources.empty() || !matches_all(rule.config.target, labels)) continue;
        const auto found = rule.sources.find(equal_key(rule.config.equal, labels));
        if (found == rule.sources.end()) continue;
        const bool is_source_too = matches_all(rule.config.source, labels);
        for (const auto& [source_labels, source] : found->second) {
            if (source->is_resolved_at(now)) continue;
            if (is_source_too && matches_all(rule.config.target, source_labels)) continue;
            take(source, rule.config);
            return true;
        }
    }
    return false;
}

std::optional<Inhibition> Inhibitor::find(const LabelSet& labels, Millis now) const {
    std::optional<Inhibition> found;
    look(labels, now, [&](const AlertPtr& source, const InhibitRule& rule) {
        found = Inhibition{source, rule};
    });
    return found;
}

std::optional<uint64_t> Inhibitor::inhibited_by(const LabelSet& labels, Millis now) const {
    std::optional<uint64_t> found;
    look(labels, now,
         [&](const AlertPtr& source, const InhibitRule&) { found = fingerprint(source->labels); });
    return found;
}

}  // namespace kw::alerting
