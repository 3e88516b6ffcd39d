// The names under which one service or one label is known: `model` and `model-service`; `status`, `code` and
// `http_response_status_code`.
//
// What a series' label L means is the value of the first label that the series has, of: L itself, then L's aliases in
// their order, then for `service` alone its `job`. A service's names stand for each other wherever a service is meant.
//
// Threads: immutable.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/matcher.h"

namespace kw::identity {

inline constexpr std::string_view kService = "service";
inline constexpr std::string_view kJob = "job";

struct Names {
    std::string name;
    std::vector<std::string> aliases;
    bool operator==(const Names&) const = default;
};

// What is wrong with a table, and with which entry.
struct BadName {
    std::string name;
    std::string message;
};

class Aliases final {
 public:
    static constexpr size_t kEntriesMax = 1000;  // of services, and of labels
    static constexpr size_t kAliasesMax = 16;    // of an entry

    // No aliases: everything is called what it is called.
    Aliases() = default;
    Aliases(const std::vector<Names>& services, const std::vector<Names>& labels);

    // The first entry that cannot be: a name that stands for two services, a label that is no label, too many, …
    static std::optional<BadName> check_services(const std::vector<Names>& services);
    static std::optional<BadName> check_labels(const std::vector<Names>& labels);

    bool empty() const { return chains_.empty(); }
    // The labels that may hold what `label` means, in their order, itself first. Null: only itself.
    const std::vector<std::string>* labels_of(std::string_view label) const;
    const std::map<std::string, std::vector<std::string>, std::less<>>& chains() const {
        return chains_;
    }

    // The matcher of label `label` that is true where `matcher`, a condition on a service, is true of the service under
    // any of its names: service="model" is also label=~"model|model-service"; a negation holds for none of them.
    // Errors: kExhausted, of the regular expression.
    Result<Matcher> service_matcher(const Matcher& matcher, std::string label) const;

 private:
    std::vector<std::vector<std::string>> services_;  // the names of each that has several
    std::map<std::string, std::vector<std::string>, std::less<>> chains_;
};

}  // namespace kw::identity
