#include "rules/rule_book.h"

#include <algorithm>

#include "base/clock.h"
#include "base/log.h"
#include "rules/rule_manager.h"
#include "state/store.h"

namespace kw::rules {
namespace {

constexpr state::Migration kGroupMigrations[] = {
    {1, "groups", R"(
CREATE TABLE rules_group (
    name TEXT PRIMARY KEY,
    text TEXT NOT NULL,
    revision INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    updated_by TEXT NOT NULL
) STRICT;
)"},
};
constexpr state::Schema kGroupSchema{"rules_groups", kGroupMigrations};
constexpr std::string_view kAuditKind = "rule group";

// A JSON string; the text is YAML and so has no other control characters than these.
std::string json_text(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (c == '\n') {
            out += "\\n";
        } else if (c == '\t') {
            out += "\\t";
        } else if (c == '\r') {
            out += "\\r";
        } else if (static_cast<unsigned char>(c) < 0x20) {
            out += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
        } else {
            out += c;
        }
    }
    return out + '"';
}

Result<void> write_row(state::Connection& transaction, const ApiGroup& group) {
    KW_TRY(transaction.run(
        "INSERT INTO rules_group (name, text, revision, created_at, updated_at, updated_by) "
        "VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (name) DO UPDATE SET text = ?2, "
        "revision = ?3, updated_at = ?5, updated_by = ?6",
        group.name, group.text, group.revision, group.created_at, group.updated_at,
        group.updated_by));
    return {};
}

state::AuditEntry audit_entry(const std::string& name, const Author& author, Millis at) {
    state::AuditEntry entry;
    entry.at = at;
    entry.actor = author.actor;
    entry.origin = author.origin;
    entry.kind = std::string(kAuditKind);
    entry.object = name;
    return entry;
}

}  // namespace

Result<std::unique_ptr<RuleBook>> RuleBook::open(Environment& env, state::Store& store,
                                                 RuleManager& manager, ReadOptions options) {
    KW_TRY(store.migrate(kGroupSchema));
    std::unique_ptr<RuleBook> book(new RuleBook(env, store, manager, options));
    KW_TRY(book->load());
    MutexLock lock(book->change_mutex_);
    book->publish();
    return book;
}

Result<void> RuleBook::load() {
    KW_TRY_ASSIGN(const state::Snapshot snapshot, store_.snapshot());
    KW_TRY_ASSIGN(state::Statement rows,
                  snapshot->query("SELECT name, text, revision, created_at, updated_at, "
                                  "updated_by FROM rules_group ORDER BY name"));
    MutexLock lock(mutex_);
    while (true) {
        KW_TRY_ASSIGN(const bool is_row, rows.next());
        if (!is_row) return {};
        ApiGroup group;
        group.name = rows.text(0);
        group.text = rows.text(1);
        group.revision = rows.integer(2);
        group.created_at = rows.time(3);
        group.updated_at = rows.time(4);
        group.updated_by = rows.text(5);
        Result<Group> read = read_rule_group(group.text, group.name, options_);
        if (read.ok()) {
            group.group = std::move(read).value();
        } else {
            group.error = read.error().message;
            env_.log.error("a rule group made through the API does not load and does not run",
                           {{"group", group.name}, {"err", group.error}});
        }
        groups_.emplace(group.name, std::move(group));
    }
}

void RuleBook::publish() {
    std::vector<Group> groups;
    {
        MutexLock lock(mutex_);
        for (const auto& [name, group] : groups_) {
            if (group.error.empty()) groups.push_back(group.group);
        }
    }
    manager_.set_api_groups(std::move(groups));
}

std::vector<ApiGroup> RuleBook::list() const {
    MutexLock lock(mutex_);
    std::vector<ApiGroup> groups;
    groups.reserve(groups_.size());
    for (const auto& [name, group] : groups_) groups.push_back(group);
    return groups;
}

std::optional<ApiGroup> RuleBook::find(const std::string& name) const {
    MutexLock lock(mutex_);
    const auto found = groups_.find(name);
    return found == groups_.end() ? std::nullopt : std::optional(found->second);
}

std::string RuleBook::file_of(const std::string& name) const {
    for (const GroupView& group : manager_.groups()) {
        if (group.name == name && group.file != kApiFile) return group.file;
    }
    return {};
}

// Both rules run; whoever is woken by the name should know.
void RuleBook::add_warnings(ApiGroup& group) const {
    for (const DuplicateRule& duplicate : RuleFile{{group.group}, false}.duplicates()) {
        group.warnings.push_back(fmt::format("line {}: {} with labels {} stands in the group twice",
                                             duplicate.line, duplicate.name,
                                             duplicate.labels.to_string()));
    }
    const std::vector<GroupView> others = manager_.groups();
    for (const Rule& rule : group.group.rules) {
        for (const GroupView& other : others) {
            if (other.name == group.name && other.file == kApiFile) continue;
            const bool has_name =
                std::any_of(other.rules.begin(), other.rules.end(), [&](const RuleView& view) {
                    return view.rule.kind == rule.kind && view.rule.name == rule.name &&
                           (rule.kind == Rule::Kind::kAlerting || view.rule.labels == rule.labels);
                });
            if (!has_name) continue;
            group.warnings.push_back(
                fmt::format("line {}: {} stands in the group {} of {} too; both run, rename one if "
                            "they mean different things",
                            rule.line, rule.name, other.name, other.file));
        }
    }
}

Result<ApiGroup> RuleBook::check(const std::string& name, const std::string& text) const {
    if (name.empty()) return invalid("the group has no name");
    if (name.size() > kGroupNameBytesMax) {
        return exhausted("the group's name has {} bytes, the limit is {}", name.size(),
                         kGroupNameBytesMax);
    }
    if (text.size() > kGroupTextBytesMax) {
        return exhausted("the group has {} bytes, the limit is {}; split it, or use a rule file",
                         text.size(), kGroupTextBytesMax);
    }
    std::optional<ApiGroup> known = find(name);
    if (!known) {
        if (const std::string file = file_of(name); !file.empty()) {
            return conflict(
                "the group {} stands in {}: change it there and reload, or choose another name",
                kw::quoted(name), file);
        }
        if (list().size() >= kApiGroupsMax) {
            return exhausted("{} groups were made through the API, the limit; remove one first",
                             kApiGroupsMax);
        }
    }
    ApiGroup group = known.value_or(ApiGroup{});
    KW_TRY_ASSIGN(group.group, read_rule_group(text, name, options_));
    group.name = name;
    group.text = text;
    group.error.clear();
    add_warnings(group);
    return group;
}

Result<ApiGroup> RuleBook::put(const std::string& name, const std::string& text,
                               const Author& author, std::optional<int64_t> revision) {
    MutexLock one_at_a_time(change_mutex_);
    KW_TRY_ASSIGN(ApiGroup group, check(name, text));
    if (revision && *revision != group.revision) {
        return conflict(
            "the group {} is at revision {} and not {}: somebody changed it, look again",
            kw::quoted(name), group.revision, *revision);
    }
    const std::optional<ApiGroup> before = find(name);
    const Millis now = env_.clock.now();
    if (!before) group.created_at = now;
    group.revision += 1;
    group.updated_at = now;
    group.updated_by = author.actor;
    state::AuditEntry entry = audit_entry(name, author, now);
    entry.action = before ? "change" : "create";
    if (before) entry.before = json_text(before->text);
    entry.after = json_text(text);
    KW_TRY(store_.write([&](state::Connection& transaction) -> Result<void> {
        KW_TRY(write_row(transaction, group));
        KW_TRY(state::record_audit(transaction, entry));
        return {};
    }));
    {
        MutexLock lock(mutex_);
        groups_[name] = group;
        groups_[name].warnings.clear();
    }
    publish();
    return group;
}

Result<void> RuleBook::remove(const std::string& name, const Author& author) {
    MutexLock one_at_a_time(change_mutex_);
    const std::optional<ApiGroup> before = find(name);
    if (!before) {
        if (const std::string file = file_of(name); !file.empty()) {
            return conflict("the group {} stands in {}: remove it there and reload",
                            kw::quoted(name), file);
        }
        return not_found("no group {} was made through the API; the list shows which were",
                         kw::quoted(name));
    }
    state::AuditEntry entry = audit_entry(name, author, env_.clock.now());
    entry.action = "remove";
    entry.before = json_text(before->text);
    KW_TRY(store_.write([&](state::Connection& transaction) -> Result<void> {
        KW_TRY(transaction.run("DELETE FROM rules_group WHERE name = ?1", name));
        KW_TRY(state::record_audit(transaction, entry));
        return {};
    }));
    {
        MutexLock lock(mutex_);
        groups_.erase(name);
    }
    publish();
    return {};
}

Result<std::vector<state::AuditEntry>> RuleBook::history(const std::string& name,
                                                         uint32_t limit) const {
    KW_TRY_ASSIGN(const state::Snapshot snapshot, store_.snapshot());
    state::AuditFilter filter;
    filter.kind = std::string(kAuditKind);
    filter.object = name;
    filter.limit = limit;
    return state::read_audit(*snapshot, filter);
}

}  // namespace kw::rules
