// Checks and collects one target group after the other, whatever a document is written in.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "base/result.h"
#include "scrape/options.h"

namespace kw::scrape {

class GroupBuilder final {
 public:
    // Errors: kInvalid for a key that is neither targets nor labels, or is there twice.
    Result<void> begin_key(std::string_view key);
    // Errors: kExhausted past kDocumentTargetsMax in all.
    Result<void> add_target(std::string_view address);
    // Errors: kInvalid for a name that is empty, not UTF-8 or there twice, and a value that is not
    // UTF-8.
    Result<void> add_label(std::string_view name, std::string_view value);
    // The group, and starts the next.
    TargetGroup finish();

    // kInvalid, with the group's index.
    Error error(std::string_view what) const;

 private:
    TargetGroup group_;
    LabelBuilder labels_;
    std::set<std::string, std::less<>> keys_;
    std::set<std::string, std::less<>> label_names_;
    size_t group_index_ = 0;
    size_t target_count_ = 0;
};

}  // namespace kw::scrape
