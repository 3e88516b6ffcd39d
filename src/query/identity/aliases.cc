#include "identity/aliases.h"

#include <fmt/core.h>

#include <algorithm>
#include <set>

#include "model/labels.h"

namespace kw::identity {
namespace {

// As a literal of a regular expression.
std::string quoted_literal(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (std::string_view("\\.+*?()|[]{}^$").find(c) != std::string_view::npos) out += '\\';
        out += c;
    }
    return out;
}

std::optional<BadName> check_sizes(const std::vector<Names>& entries) {
    if (entries.size() > Aliases::kEntriesMax) {
        return BadName{"", fmt::format("has {} entries; the most are {}", entries.size(),
                                       Aliases::kEntriesMax)};
    }
    for (const Names& entry : entries) {
        if (entry.aliases.empty()) return BadName{entry.name, "has no aliases; remove it"};
        if (entry.aliases.size() > Aliases::kAliasesMax) {
            return BadName{entry.name, fmt::format("has {} aliases; the most are {}",
                                                   entry.aliases.size(), Aliases::kAliasesMax)};
        }
    }
    return std::nullopt;
}

std::optional<BadName> check_label(const Names& entry, const std::string& label) {
    if (!is_valid_label_name(label, NameScheme::kUtf8)) {
        return BadName{entry.name, fmt::format("\"{}\" is no name of a label", label)};
    }
    // Names beginning with __ are the system's; le and quantile hold a histogram together.
    if (label.starts_with("__") || label == "le" || label == "quantile") {
        return BadName{entry.name, fmt::format("{} has a meaning of its own; it has no alias and "
                                               "is none",
                                               label)};
    }
    return std::nullopt;
}

}  // namespace

std::optional<BadName> Aliases::check_services(const std::vector<Names>& services) {
    if (auto bad = check_sizes(services)) return bad;
    std::map<std::string, std::string> owners;  // name: the service it stands for
    for (const Names& entry : services) {
        std::vector<std::string> names{entry.name};
        names.insert(names.end(), entry.aliases.begin(), entry.aliases.end());
        for (const std::string& name : names) {
            if (name.empty()) return BadName{entry.name, "a name is empty; remove it"};
            if (!is_valid_utf8(name)) return BadName{entry.name, "a name is not UTF-8"};
            const auto [owner, is_new] = owners.try_emplace(name, entry.name);
            if (is_new) continue;
            if (owner->second == entry.name) {
                return BadName{entry.name, fmt::format("has {} twice; remove one", name)};
            }
            return BadName{entry.name, fmt::format("{} stands for {} already; a name is one "
                                                   "service's",
                                                   name, owner->second)};
        }
    }
    return std::nullopt;
}

std::optional<BadName> Aliases::check_labels(const std::vector<Names>& labels) {
    if (auto bad = check_sizes(labels)) return bad;
    std::set<std::string> keys;
    for (const Names& entry : labels) keys.insert(entry.name);
    for (const Names& entry : labels) {
        if (auto bad = check_label(entry, entry.name)) return bad;
        std::set<std::string> seen;
        for (const std::string& alias : entry.aliases) {
            if (auto bad = check_label(entry, alias)) return bad;
            if (keys.contains(alias)) {
                return BadName{
                    entry.name,
                    fmt::format("{} has aliases of its own; list them all under one", alias)};
            }
            if (!seen.insert(alias).second) {
                return BadName{entry.name, fmt::format("has {} twice; remove one", alias)};
            }
        }
    }
    return std::nullopt;
}

Aliases::Aliases(const std::vector<Names>& services, const std::vector<Names>& labels) {
    for (const Names& entry : services) {
        std::vector<std::string>& names = services_.emplace_back();
        names.push_back(entry.name);
        names.insert(names.end(), entry.aliases.begin(), entry.aliases.end());
    }
    for (const Names& entry : labels) {
        std::vector<std::string>& chain = chains_[entry.name];
        chain.push_back(entry.name);
        chain.insert(chain.end(), entry.aliases.begin(), entry.aliases.end());
    }
    if (services_.empty() && !chains_.contains(kService)) return;
    std::vector<std::string>& chain = chains_[std::string(kService)];
    if (chain.empty()) chain.emplace_back(kService);
    if (std::find(chain.begin(), chain.end(), kJob) == chain.end()) chain.emplace_back(kJob);
}

const std::vector<std::string>* Aliases::labels_of(std::string_view label) const {
    const auto found = chains_.find(label);
    return found == chains_.end() ? nullptr : &found->second;
}

Result<Matcher> Aliases::service_matcher(const Matcher& matcher, std::string label) const {
    const bool is_regex = matcher.regex() != nullptr;
    const bool is_negation =
        matcher.op() == MatchOp::kNotEqual || matcher.op() == MatchOp::kNotRegex;
    std::string pattern =
        is_regex ? "(?:" + matcher.value() + ")" : quoted_literal(matcher.value());
    bool has_more = false;
    for (const std::vector<std::string>& names : services_) {
        const bool is_meant = std::any_of(names.begin(), names.end(), [&](const std::string& name) {
            return matcher.matches(name) != is_negation;
        });
        if (!is_meant) continue;
        for (const std::string& name : names) pattern += "|" + quoted_literal(name);
        has_more = true;
    }
    if (!has_more) return Matcher::make(matcher.op(), std::move(label), matcher.value());
    return Matcher::make(is_negation ? MatchOp::kNotRegex : MatchOp::kRegex, std::move(label),
                         std::move(pattern));
}

}  // namespace kw::identity
