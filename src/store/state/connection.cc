// The one place that calls SQLite's C API; contract in the header.
#include "state/connection.h"

#include <sqlite3.h>

#include <memory>
#include <utility>

namespace kw::state {
namespace {

constexpr int kBusyMillis =
    10'000;  // two writers only meet when a person opened the file beside us
constexpr size_t kIdleStatements = 256;  // kept prepared per connection: more than the program has

Code code_of(int result) {
    switch (result & 0xff) {
        case SQLITE_CONSTRAINT: return Code::kConflict;
        case SQLITE_FULL:
        case SQLITE_TOOBIG:
        case SQLITE_NOMEM: return Code::kExhausted;
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB: return Code::kCorrupt;
        case SQLITE_IOERR:
        case SQLITE_CANTOPEN:
        case SQLITE_READONLY:
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
        case SQLITE_PROTOCOL: return Code::kUnavailable;
        case SQLITE_PERM:
        case SQLITE_AUTH: return Code::kDenied;
        case SQLITE_INTERRUPT: return Code::kCancelled;
        default: return Code::kInternal;
    }
}

Error error_of(sqlite3* database, int result) {
    return {code_of(result), fmt::format("{} (SQLite error {})", sqlite3_errmsg(database), result)};
}

int bind_one(sqlite3_stmt* statement, int index, const Argument& argument) {
    struct Binder {
        sqlite3_stmt* statement;
        int index;
        int operator()(std::monostate) const { return sqlite3_bind_null(statement, index); }
        int operator()(int64_t number) const {
            return sqlite3_bind_int64(statement, index, number);
        }
        int operator()(double number) const {
            return sqlite3_bind_double(statement, index, number);
        }
        int operator()(std::string_view text) const {
            return sqlite3_bind_text64(statement, index, text.data() == nullptr ? "" : text.data(),
                                       text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
        }
        int operator()(ByteView bytes) const {
            return sqlite3_bind_blob64(statement, index,
                                       bytes.empty() ? "" : static_cast<const void*>(bytes.data()),
                                       bytes.size(), SQLITE_TRANSIENT);
        }
    };
    return std::visit(Binder{statement, index}, argument.value);
}

}  // namespace

Statement::Statement(Statement&& other) noexcept
    : connection_(other.connection_),
      sql_(other.sql_),
      statement_(std::exchange(other.statement_, nullptr)) {}

Statement::~Statement() {
    if (statement_ != nullptr) connection_->give_back(sql_, statement_);
}

Result<bool> Statement::next() {
    const int result = sqlite3_step(statement_);
    if (result == SQLITE_ROW) return true;
    if (result == SQLITE_DONE) return false;
    return connection_->error(result, sql_);
}

int64_t Statement::integer(int column) const { return sqlite3_column_int64(statement_, column); }

double Statement::real(int column) const { return sqlite3_column_double(statement_, column); }

std::string Statement::text(int column) const {
    // In this order: column_text() may convert, and column_bytes() is of the converted.
    const auto* bytes = sqlite3_column_text(statement_, column);
    const int size = sqlite3_column_bytes(statement_, column);
    if (bytes == nullptr) return {};
    return {reinterpret_cast<const char*>(bytes), static_cast<size_t>(size)};
}

bool Statement::is_null(int column) const {
    return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

std::optional<int64_t> Statement::optional_integer(int column) const {
    if (is_null(column)) return std::nullopt;
    return integer(column);
}

std::optional<std::string> Statement::optional_text(int column) const {
    if (is_null(column)) return std::nullopt;
    return text(column);
}

Result<std::unique_ptr<Connection>> Connection::open(const std::string& path, Mode mode) {
    sqlite3* database = nullptr;
    const int access =
        mode == Mode::kWrite ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READWRITE;
    const int result =
        sqlite3_open_v2(path.c_str(), &database, access | SQLITE_OPEN_NOMUTEX, nullptr);
    if (result != SQLITE_OK) {
        Error error = database == nullptr ? exhausted("no memory for a connection")
                                          : error_of(database, result);
        sqlite3_close_v2(database);
        return std::move(error).with_context(path);
    }
    sqlite3_extended_result_codes(database, 1);
    sqlite3_busy_timeout(database, kBusyMillis);
    std::unique_ptr<Connection> connection(new Connection(database));
    // Readers open the file for writing too, as a write-ahead log needs, and then may not.
    KW_TRY(connection
               ->run_script(mode == Mode::kWrite ? "PRAGMA foreign_keys = ON;"
                                                 : "PRAGMA query_only = ON;")
               .with_context(path));
    return connection;
}

Connection::~Connection() {
    for (const auto& [sql, statement] : idle_) sqlite3_finalize(statement);
    sqlite3_close_v2(database_);
}

Result<Statement> Connection::start(const char* sql, std::span<const Argument> arguments) {
    sqlite3_stmt* prepared = nullptr;
    if (const auto found = idle_.find(sql); found != idle_.end()) {
        prepared = found->second;
        idle_.erase(found);
    } else {
        const int result =
            sqlite3_prepare_v3(database_, sql, -1, SQLITE_PREPARE_PERSISTENT, &prepared, nullptr);
        if (result != SQLITE_OK) return error(result, sql);
    }
    Statement statement(*this, sql, prepared);
    const int parameters = sqlite3_bind_parameter_count(prepared);
    if (static_cast<size_t>(parameters) < arguments.size())
        return internal_error("{} arguments for {} parameters: {}", arguments.size(), parameters,
                              sql);
    for (size_t i = 0; i < arguments.size(); ++i) {
        const int result = bind_one(prepared, static_cast<int>(i) + 1, arguments[i]);
        if (result != SQLITE_OK) return error(result, sql);
    }
    return statement;
}

Result<int64_t> Connection::run_all(const char* sql, std::span<const Argument> arguments) {
    const int64_t before = sqlite3_total_changes64(database_);
    KW_TRY_ASSIGN(Statement statement, start(sql, arguments));
    while (true) {
        KW_TRY_ASSIGN(const bool is_row, statement.next());
        if (!is_row) break;
    }
    return sqlite3_total_changes64(database_) - before;
}

Result<void> Connection::run_script(const std::string& script) {
    const int result = sqlite3_exec(database_, script.c_str(), nullptr, nullptr, nullptr);
    if (result != SQLITE_OK) return error_of(database_, result);
    return {};
}

int64_t Connection::last_row_id() const { return sqlite3_last_insert_rowid(database_); }

bool Connection::in_transaction() const { return sqlite3_get_autocommit(database_) == 0; }

Error Connection::error(int code, const char* sql) const {
    return error_of(database_, code).with_context(sql);
}

void Connection::give_back(const char* sql, sqlite3_stmt* statement) {
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    if (idle_.size() >= kIdleStatements || !idle_.emplace(sql, statement).second)
        sqlite3_finalize(statement);
}

}  // namespace kw::state
