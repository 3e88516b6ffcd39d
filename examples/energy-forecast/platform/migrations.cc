#include "platform/migrations.h"

#include <fmt/core.h>

#include <string>

namespace energy {

kw::Result<int> apply_migrations(Connection& connection, const std::vector<Migration>& migrations) {
    KW_TRY(connection.script(
        "CREATE TABLE IF NOT EXISTS schema_migration (number integer PRIMARY KEY, name text NOT "
        "NULL, "
        "checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"));
    KW_TRY_ASSIGN(
        const Rows applied,
        connection.query("SELECT number, name, checksum FROM schema_migration ORDER BY number"));
    if (applied.size() > migrations.size())
        return kw::conflict("the database has {} migrations, this program knows {}", applied.size(),
                            migrations.size());
    for (size_t i = 0; i < applied.size(); ++i)
        if (applied[i][2] != migrations[i].checksum)
            return kw::conflict(
                "{} has changed since it was applied; write a new migration instead",
                migrations[i].name);
    for (size_t i = applied.size(); i < migrations.size(); ++i) {
        const Migration& next = migrations[i];
        // The file and its record in one transaction: both or neither.
        const std::string script = fmt::format(
            "BEGIN;\n{}\n;INSERT INTO schema_migration (number, name, checksum) VALUES ({}, '{}', "
            "'{}');COMMIT",
            next.sql, next.number, next.name, next.checksum);
        if (kw::Result<void> done = connection.script(script); !done.ok()) {
            (void)connection.script("ROLLBACK");
            return std::move(done).error().with_context(next.name);
        }
    }
    return static_cast<int>(migrations.size() - applied.size());
}

}  // namespace energy
