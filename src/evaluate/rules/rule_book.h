// Groups of rules that are made, changed and removed through the API: kept in the small state, and run by the same
// RuleManager as those of files.
//
//   put(), remove() ─▶ checked as a file is ─▶ rules_group + audit, one transaction ─▶ RuleManager::set_api_groups()
//   start ─▶ open() reads them all ──────────────────────────────────────────────────▶
//
// Invariants
//   1. put() or remove() returned ok  ⇒  the change acts, and is there after any crash.
//   2. What the API answers is what acts: a text is kept as it was written, and run as it was checked.
// A group of a file cannot be changed here. One that an older version wrote and this one does not read is kept and
// shown with the error, and does not run.
// Threads: all members from any thread; changes one after the other.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/environment.h"
#include "base/mutex.h"
#include "base/result.h"
#include "base/time.h"
#include "rules/rule_file.h"
#include "state/audit.h"

namespace kw::state {
class Store;
class Connection;
}  // namespace kw::state

namespace kw::rules {

class RuleManager;

// Half of what an entry of the audit holds: its text as JSON is at most twice as long.
inline constexpr size_t kGroupTextBytesMax = 120'000;
inline constexpr size_t kGroupNameBytesMax = 256;
inline constexpr size_t kApiGroupsMax = 1'000;

struct ApiGroup {
    std::string name;
    std::string text;      // as it was sent: YAML or JSON
    int64_t revision = 0;  // 1 for the first, then one more with each change
    Millis created_at;
    Millis updated_at;
    std::string updated_by;
    Group group;        // without rules when `error` says why
    std::string error;  // why it does not run; empty: it does

    // Of a check: what runs and is likely not meant.
    std::vector<std::string> warnings;
};

// Who changes something, for the audit.
struct Author {
    std::string actor;   // a user's name
    std::string origin;  // where the request came from
};

class RuleBook final {
 public:
    // Makes the table, reads what is there and hands it to `manager`. All outlive this. Errors: the store's.
    static Result<std::unique_ptr<RuleBook>> open(Environment& env, state::Store& store,
                                                  RuleManager& manager, ReadOptions options);

    std::vector<ApiGroup> list() const KW_EXCLUDES(mutex_);  // by name
    std::optional<ApiGroup> find(const std::string& name) const KW_EXCLUDES(mutex_);

    // What put() would do, without doing it. Errors: those of read_rule_group(); kConflict when a file has the
    // group; kExhausted over a limit.
    Result<ApiGroup> check(const std::string& name, const std::string& text) const
        KW_EXCLUDES(mutex_);
    // Makes or changes a group. With `revision` it must be that of the group that is there (0: none is), so that
    // two people do not undo each other's work. Errors: as check(); kConflict for another revision; the store's.
    Result<ApiGroup> put(const std::string& name, const std::string& text, const Author& author,
                         std::optional<int64_t> revision) KW_EXCLUDES(change_mutex_, mutex_);
    // Errors: kNotFound; kConflict when a file has the group; the store's.
    Result<void> remove(const std::string& name, const Author& author)
        KW_EXCLUDES(change_mutex_, mutex_);

    // Who changed a group when, the newest first. Errors: the store's.
    Result<std::vector<state::AuditEntry>> history(const std::string& name, uint32_t limit) const;

 private:
    RuleBook(Environment& env, state::Store& store, RuleManager& manager, ReadOptions options)
        : env_(env), store_(store), manager_(manager), options_(options) {}
    Result<void> load();
    // The file that has a group of the name; empty: none has.
    std::string file_of(const std::string& name) const;
    void add_warnings(ApiGroup& group) const;
    void publish() KW_REQUIRES(change_mutex_) KW_EXCLUDES(mutex_);

    Environment& env_;
    state::Store& store_;
    RuleManager& manager_;
    const ReadOptions options_;

    Mutex change_mutex_;  // held while a change is written and applied
    mutable Mutex mutex_;
    std::map<std::string, ApiGroup> groups_ KW_GUARDED_BY(mutex_);
};

}  // namespace kw::rules
