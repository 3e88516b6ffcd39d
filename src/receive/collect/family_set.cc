#include "collect/family_set.h"

namespace kw::collect {

void FamilySet::add(std::string_view name, std::string_view type, std::string_view help,
                    Labels labels, double value, std::string_view suffix) {
    auto it = families_.find(name);
    if (it == families_.end()) {
        it = families_.emplace(std::string(name), Family{std::string(type), std::string(help), {}})
                 .first;
    }
    it->second.samples.push_back({std::string(suffix), std::move(labels), value});
}

void FamilySet::write(ExpositionWriter& out) const {
    std::vector<LabelView> labels;
    for (const auto& [name, family] : families_) {
        out.family(name, family.help, family.type);
        for (const Sample& sample : family.samples) {
            labels.clear();
            for (const auto& [label, value] : sample.labels) labels.push_back({label, value});
            out.sample(sample.suffix, labels, sample.value);
        }
    }
}

}  // namespace kw::collect
