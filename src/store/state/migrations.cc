// Runs numbered migrations; contract in the header.
#include "state/migrations.h"

#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "base/checksum.h"
#include "state/connection.h"

namespace kw::state {
namespace {

Result<void> check_numbers(const Schema& schema) {
    int expected = 1;
    for (const Migration& migration : schema.migrations) {
        if (migration.number != expected)
            return internal_error("migrations of {}: number {} where {} was expected",
                                  schema.module, migration.number, expected);
        ++expected;
    }
    return {};
}

// The number of the last migration that ran, after holding each against what this program has.
Result<int> check_applied(Connection& connection, const Schema& schema) {
    KW_TRY_ASSIGN(auto rows, connection.query("SELECT number, name, checksum FROM kw_migration "
                                              "WHERE module = ?1 ORDER BY number",
                                              schema.module));
    int last = 0;
    while (true) {
        KW_TRY_ASSIGN(const bool is_row, rows.next());
        if (!is_row) return last;
        last = static_cast<int>(rows.integer(0));
        if (last < 1 || static_cast<size_t>(last) > schema.migrations.size())
            return unsupported(
                "the state of {} has migration {} ({}), this version knows {}: start the newer "
                "version again, or restore a backup from before it",
                schema.module, last, rows.text(1), schema.migrations.size());
        const Migration& known = schema.migrations[static_cast<size_t>(last) - 1];
        if (crc32c(as_bytes(known.sql)) != rows.integer(2))
            return conflict("migration {} ({}) of {} was changed after it ran", last, known.name,
                            schema.module);
    }
}

}  // namespace

Result<void> create_migration_table(Connection& connection) {
    return connection.run_script(
        "CREATE TABLE IF NOT EXISTS kw_migration ("
        " module TEXT NOT NULL, number INTEGER NOT NULL, name TEXT NOT NULL,"
        " checksum INTEGER NOT NULL, applied_at_ms INTEGER NOT NULL,"
        " PRIMARY KEY (module, number)) STRICT, WITHOUT ROWID;");
}

Result<int> apply_migrations(Connection& connection, const Schema& schema, Millis now) {
    KW_TRY(check_numbers(schema));
    KW_TRY_ASSIGN(const int last, check_applied(connection, schema));
    for (const Migration& migration : schema.migrations.subspan(static_cast<size_t>(last))) {
        const std::string where =
            fmt::format("migration {} ({}) of {}", migration.number, migration.name, schema.module);
        KW_TRY(connection.run_script(std::string(migration.sql)).with_context(where));
        if (!connection.in_transaction())
            return internal_error("{}: ended the transaction that it ran in", where);
        KW_TRY(connection
                   .run("INSERT INTO kw_migration VALUES (?1, ?2, ?3, ?4, ?5)", schema.module,
                        migration.number, migration.name, crc32c(as_bytes(migration.sql)), now)
                   .with_context(where));
    }
    return static_cast<int>(schema.migrations.size()) - last;
}

}  // namespace kw::state
