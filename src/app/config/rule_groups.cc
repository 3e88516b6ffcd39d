#include "app/config/rule_groups.h"

#include <map>
#include <set>

#include "base/fs/file_system.h"
#include "rules/rule_file.h"

namespace kw::app {
namespace {

// Both run (they may mean different things), but whoever is woken by the name should know.
void warn_of_shared_names(Config& config) {
    std::map<std::string, std::string> place_of;
    for (const rules::Group& group : config.rule_groups) {
        for (const rules::Rule& rule : group.rules) {
            if (rule.kind != rules::Rule::Kind::kAlerting) continue;
            const std::string place = fmt::format("{}:{}", group.file, rule.line);
            const auto [first, is_new] = place_of.emplace(rule.name, place);
            if (is_new || first->second.starts_with(group.file + ":")) continue;
            config.warnings.push_back(
                {group.file, rule.line, rule.name,
                 fmt::format("an alert of this name stands at {} too; both run, rename one "
                             "if they mean different things",
                             first->second)});
        }
    }
}

}  // namespace

Result<void> load_rule_groups(fs::FileSystem& files, Config& config,
                              const promql::ParseOptions& features) {
    rules::ReadOptions options;
    options.features = features;
    std::set<std::string> seen;
    for (const std::string& pattern : config.rule_files) {
        KW_TRY_ASSIGN(const std::vector<std::string> paths, expand_glob(files, pattern));
        if (paths.empty()) {
            config.warnings.push_back(
                {config.files.front(), 1, "rule_files", fmt::format("{} names no file", pattern)});
        }
        for (const std::string& path : paths) {
            if (!seen.insert(path).second) continue;
            KW_TRY_ASSIGN(const std::string text,
                          fs::read_file(files, path, rules::kRuleFileBytesMax));
            KW_TRY_ASSIGN(rules::RuleFile file, rules::read_rule_file(text, path, options));
            if (file.has_more_documents) {
                config.warnings.push_back(
                    {path, 1, "", "only the first document of the file is read"});
            }
            for (rules::Group& group : file.groups) config.rule_groups.push_back(std::move(group));
        }
    }
    warn_of_shared_names(config);
    return {};
}

}  // namespace kw::app
