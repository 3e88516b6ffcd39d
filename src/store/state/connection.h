// One connection to the state's database, with typed, prepared statements.
//
//   KW_TRY_ASSIGN(auto rows, connection.query("SELECT id, name FROM team WHERE id > ?1", id));
//   while (true) {
//       KW_TRY_ASSIGN(const bool is_row, rows.next());
//       if (!is_row) break;
//       use(rows.integer(0), rows.text(1));
//   }
//
// The SQL is a literal: Sql can be made of nothing else, so no text from outside can become a part of it;
// values are bound. Statements are kept prepared per connection, keyed by the literal.
// Threads: a connection is used by one thread at a time; whoever lends it (Store) sees to that.
#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"

struct sqlite3;
struct sqlite3_stmt;

namespace kw::state {

class Sql {
 public:
    template <size_t kSize>
    consteval Sql(const char (&literal)[kSize]) : text_(literal) {}
    const char* text() const { return text_; }

 private:
    const char* text_;
};

// What is bound to a parameter. An unsigned number past int64's end wraps, and back when it is read so.
struct Argument {
    std::variant<std::monostate, int64_t, double, std::string_view, ByteView> value;

    Argument(std::nullptr_t) {}
    template <std::integral T>
    Argument(T number) : value(static_cast<int64_t>(number)) {}
    Argument(double number) : value(number) {}
    Argument(Millis time) : value(time.count) {}
    Argument(std::string_view text) : value(text) {}
    Argument(const std::string& text) : value(std::string_view(text)) {}
    Argument(const char* text) : value(std::string_view(text)) {}
    Argument(ByteView bytes) : value(bytes) {}
    template <typename T>
    Argument(const std::optional<T>& maybe) {
        if (maybe) *this = Argument(*maybe);
    }
};

class Connection;

// A statement that runs. Goes back to its connection when destroyed, which outlives it.
class Statement final {
 public:
    Statement(Statement&& other) noexcept;
    Statement& operator=(Statement&&) = delete;
    ~Statement();

    // Goes to the next row; false: there is none. Errors: those of Connection.
    Result<bool> next();
    // Columns of the row, from 0. As SQLite converts: NULL is 0 and "", a BLOB gives its bytes as text.
    int64_t integer(int column) const;
    double real(int column) const;
    std::string text(int column) const;
    Millis time(int column) const { return {integer(column)}; }
    bool is_null(int column) const;
    std::optional<int64_t> optional_integer(int column) const;
    std::optional<std::string> optional_text(int column) const;

 private:
    friend class Connection;
    Statement(Connection& connection, const char* sql, sqlite3_stmt* statement)
        : connection_(&connection), sql_(sql), statement_(statement) {}

    Connection* connection_;
    const char* sql_;
    sqlite3_stmt* statement_;
};

// Errors of all members: kConflict (a constraint), kExhausted (disk full, the size limit), kCorrupt (damaged
// file), kUnavailable (I/O, locked), kInternal (the SQL is wrong).
class Connection final {
 public:
    enum class Mode : unsigned char { kWrite, kRead };
    // Opens `path`, which kWrite creates.
    static Result<std::unique_ptr<Connection>> open(const std::string& path, Mode mode);
    ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    // Starts a statement; its first next() runs it. A parameter that has no argument is NULL.
    template <typename... Args>
    Result<Statement> query(Sql sql, const Args&... arguments) {
        const Argument list[] = {Argument(arguments)..., Argument(nullptr)};
        return start(sql.text(), std::span(list, sizeof...(arguments)));
    }
    // Runs a statement to its end. Returns the rows that it inserted, changed or removed.
    template <typename... Args>
    Result<int64_t> run(Sql sql, const Args&... arguments) {
        const Argument list[] = {Argument(arguments)..., Argument(nullptr)};
        return run_all(sql.text(), std::span(list, sizeof...(arguments)));
    }
    // Runs several statements, as migrations and pragmas are. `script` is the program's own, never input.
    Result<void> run_script(const std::string& script);

    // Of the row that was inserted last.
    int64_t last_row_id() const;
    // Whether a transaction is open; SQLite itself ends one on some errors.
    bool in_transaction() const;

 private:
    friend class Statement;
    explicit Connection(sqlite3* database) : database_(database) {}
    Result<Statement> start(const char* sql, std::span<const Argument> arguments);
    Result<int64_t> run_all(const char* sql, std::span<const Argument> arguments);
    Error error(int code, const char* sql) const;
    void give_back(const char* sql, sqlite3_stmt* statement);

    sqlite3* database_;
    std::unordered_map<const char*, sqlite3_stmt*> idle_;  // by the literal's address
};

}  // namespace kw::state
