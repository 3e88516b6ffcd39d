#include "identity/identity_store.h"

#include <algorithm>
#include <numeric>
#include <set>

namespace kw::identity {
namespace {

using Matchers = std::vector<Matcher>;

// The conditions on one label, in each case of which of `chain` the series has.
Result<std::vector<Matchers>> cases_of(const Aliases& aliases, const std::string& label,
                                       const std::vector<std::string>& chain,
                                       const Matchers& conditions) {
    std::vector<Matchers> cases;
    Matchers absent;
    for (const std::string& holder : chain) {
        Matchers one = absent;
        bool excludes_empty = false;
        for (const Matcher& condition : conditions) {
            Result<Matcher> moved = label == kService
                                        ? aliases.service_matcher(condition, holder)
                                        : Matcher::make(condition.op(), holder, condition.value());
            KW_TRY(moved);
            excludes_empty |= !moved->matches_empty();
            one.push_back(std::move(moved).value());
        }
        if (!excludes_empty) one.push_back(Matcher::not_equal(holder, ""));
        cases.push_back(std::move(one));
        absent.push_back(Matcher::equal(holder, ""));
    }
    const bool takes_none = std::all_of(conditions.begin(), conditions.end(),
                                        [](const Matcher& one) { return one.matches_empty(); });
    if (takes_none) cases.push_back(std::move(absent));
    return cases;
}

// Selectors without aliases that together mean `matchers`; no series meets two of them.
Result<std::vector<Matchers>> all_cases(const Aliases& aliases, const Matchers& matchers) {
    std::vector<Matchers> cases(1);
    std::map<std::string, Matchers> aliased;
    for (const Matcher& matcher : matchers) {
        if (aliases.labels_of(matcher.name()) == nullptr) {
            cases.front().push_back(matcher);
        } else {
            aliased[matcher.name()].push_back(matcher);
        }
    }
    for (const auto& [label, conditions] : aliased) {
        KW_TRY_ASSIGN(const std::vector<Matchers> of_label,
                      cases_of(aliases, label, *aliases.labels_of(label), conditions));
        if (cases.size() * of_label.size() > IdentityStore::kCasesMax) {
            return exhausted(
                "the selector's labels have aliases in more than {} combinations; name fewer of "
                "them",
                IdentityStore::kCasesMax);
        }
        std::vector<Matchers> product;
        for (const Matchers& before : cases) {
            for (const Matchers& more : of_label) {
                Matchers& both = product.emplace_back(before);
                both.insert(both.end(), more.begin(), more.end());
            }
        }
        cases = std::move(product);
    }
    return cases;
}

// Several selections that have no series in common, as one.
class Together final : public SelectedSeries {
 public:
    explicit Together(std::vector<std::unique_ptr<SelectedSeries>> parts)
        : parts_(std::move(parts)) {
        for (const auto& part : parts_) {
            for (size_t i = 0; i < part->size(); ++i) order_.emplace_back(part.get(), i);
        }
        std::sort(order_.begin(), order_.end(), [](const Place& lhs, const Place& rhs) {
            return lhs.first->labels(lhs.second) < rhs.first->labels(rhs.second);
        });
    }

    size_t size() const override { return order_.size(); }
    const LabelSet& labels(size_t index) const override {
        return order_[index].first->labels(order_[index].second);
    }
    Result<void> read(size_t index, SampleColumns& out) const override {
        return order_[index].first->read(order_[index].second, out);
    }
    uint64_t samples_estimate() const override {
        return std::accumulate(
            parts_.begin(), parts_.end(), uint64_t{0},
            [](uint64_t sum, const auto& part) { return sum + part->samples_estimate(); });
    }

 private:
    using Place = std::pair<const SelectedSeries*, size_t>;
    std::vector<std::unique_ptr<SelectedSeries>> parts_;
    std::vector<Place> order_;
};

std::vector<std::string> sorted(std::set<std::string> texts, uint64_t limit) {
    std::vector<std::string> out;
    for (const std::string& text : texts) {
        if (limit != 0 && out.size() == limit) break;
        out.push_back(text);
    }
    return out;
}

}  // namespace

void IdentityStore::set(Aliases aliases) {
    auto next = std::make_shared<const Aliases>(std::move(aliases));
    MutexLock lock(mutex_);
    aliases_ = std::move(next);
}

std::shared_ptr<const Aliases> IdentityStore::aliases() const {
    MutexLock lock(mutex_);
    return aliases_;
}

Result<std::unique_ptr<SelectedSeries>> IdentityStore::select(const Matchers& matchers,
                                                              const TimeRange& range,
                                                              const SelectHints& hints,
                                                              const CancelToken& cancel,
                                                              MemoryBudget& budget) {
    const std::shared_ptr<const Aliases> table = aliases();
    if (table->empty()) return store_.select(matchers, range, hints, cancel, budget);
    KW_TRY_ASSIGN(const std::vector<Matchers> cases, all_cases(*table, matchers));
    std::vector<std::unique_ptr<SelectedSeries>> parts;
    uint64_t series = 0;
    for (const Matchers& one : cases) {
        KW_TRY_ASSIGN(auto part, store_.select(one, range, hints, cancel, budget));
        series += part->size();
        if (hints.series_limit != 0 && series > hints.series_limit) {
            return exhausted("{} series match, at most {} are allowed", series, hints.series_limit);
        }
        if (part->size() > 0 || cases.size() == 1) parts.push_back(std::move(part));
    }
    if (parts.size() == 1) return std::move(parts.front());
    return std::unique_ptr<SelectedSeries>(std::make_unique<Together>(std::move(parts)));
}

Result<std::vector<std::string>> IdentityStore::label_names(const Matchers& matchers,
                                                            const TimeRange& range, uint64_t limit,
                                                            const CancelToken& cancel) {
    const std::shared_ptr<const Aliases> table = aliases();
    if (table->empty()) return store_.label_names(matchers, range, limit, cancel);
    KW_TRY_ASSIGN(const std::vector<Matchers> cases, all_cases(*table, matchers));
    std::set<std::string> names;
    for (const Matchers& one : cases) {
        // All of them: a name beyond the limit may be an alias of one before it.
        KW_TRY_ASSIGN(const auto found, store_.label_names(one, range, 0, cancel));
        names.insert(found.begin(), found.end());
    }
    for (const auto& [label, chain] : table->chains()) {
        const bool is_there = std::any_of(
            chain.begin(), chain.end(), [&](const auto& holder) { return names.contains(holder); });
        if (is_there) names.insert(label);
    }
    return sorted(std::move(names), limit);
}

Result<std::vector<std::string>> IdentityStore::label_values(std::string_view name,
                                                             const Matchers& matchers,
                                                             const TimeRange& range, uint64_t limit,
                                                             const CancelToken& cancel) {
    const std::shared_ptr<const Aliases> table = aliases();
    if (table->empty()) return store_.label_values(name, matchers, range, limit, cancel);
    KW_TRY_ASSIGN(const std::vector<Matchers> cases, all_cases(*table, matchers));
    const std::vector<std::string>* const chain = table->labels_of(name);
    const std::vector<std::string> itself{std::string(name)};
    std::set<std::string> values;
    for (Matchers one : cases) {
        for (const std::string& holder : chain == nullptr ? itself : *chain) {
            KW_TRY_ASSIGN(const auto found, store_.label_values(holder, one, range, limit, cancel));
            values.insert(found.begin(), found.end());
            one.push_back(Matcher::equal(holder, ""));  // the next one counts where this is absent
        }
    }
    return sorted(std::move(values), limit);
}

}  // namespace kw::identity
