// How a module's tables come to be, and how they change from version to version.
//
// A module hands in its migrations, numbered from 1 without a gap and never changed again once they were on
// main. Those that the database has not yet are run in one transaction and recorded with the checksum of
// their text, so that a changed one is found out.
//
//   constexpr Migration kMigrations[] = {
//       {1, "silences", "CREATE TABLE silence (id TEXT PRIMARY KEY, ends_at INTEGER NOT NULL) STRICT;"},
//   };
//   KW_TRY(store.migrate({"silences", kMigrations}));
//
// Tables are STRICT and begin with their module's word. A migration has no BEGIN and no COMMIT.
#pragma once

#include <span>
#include <string_view>

#include "base/result.h"
#include "base/time.h"

namespace kw::state {

class Connection;

struct Migration {
    int number = 0;
    std::string_view name;
    std::string_view sql;
};

struct Schema {
    std::string_view module;
    std::span<const Migration> migrations;
};

// Brings `schema` up to date inside the caller's transaction. Returns how many migrations ran.
// Errors: kUnsupported (the database has a later one: a newer program wrote it), kConflict (one that ran had
// another text), kInternal (numbers with gaps, wrong SQL), those of Connection.
Result<int> apply_migrations(Connection& connection, const Schema& schema, Millis now);

// Creates the table that records them.
Result<void> create_migration_table(Connection& connection);

}  // namespace kw::state
