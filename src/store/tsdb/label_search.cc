#include "tsdb/label_search.h"

#include <algorithm>
#include <roaring/roaring.hh>

#include "base/cancel.h"
#include "model/matcher.h"
#include "tsdb/postings.h"

namespace kw::tsdb {
namespace {

bool has_any_of(const PostingsSource& index, std::string_view name, std::string_view value,
                const Roaring& ids) {
    Roaring with;
    return index.add_pair(name, value, with).ok() && with.intersect(ids);
}

}  // namespace

Result<std::vector<std::string>> names_of(const PostingsSource& index,
                                          const std::vector<std::string>& all_names,
                                          const std::vector<Matcher>& matchers,
                                          const CancelToken& cancel) {
    KW_TRY_ASSIGN(const Roaring matched, evaluate(index, matchers, cancel));
    std::vector<std::string> names;
    for (const std::string& name : all_names) {
        KW_TRY(cancel.check());
        bool found = false;
        KW_TRY(index.visit_values(name, "", [&](std::string_view value) {
            found = has_any_of(index, name, value, matched);
            return !found;
        }));
        if (found) names.push_back(name);
    }
    return names;
}

Result<std::vector<std::string>> values_of(const PostingsSource& index, std::string_view name,
                                           const std::vector<Matcher>& matchers,
                                           const CancelToken& cancel) {
    Roaring matched;
    if (!matchers.empty()) {
        KW_TRY_ASSIGN(matched, evaluate(index, matchers, cancel));
    }
    std::vector<std::string> values;
    KW_TRY(index.visit_values(name, "", [&](std::string_view value) {
        if (matchers.empty() || has_any_of(index, name, value, matched)) values.emplace_back(value);
        return !cancel.stopped();
    }));
    KW_TRY(cancel.check());
    std::sort(values.begin(), values.end());
    return values;
}

}  // namespace kw::tsdb
