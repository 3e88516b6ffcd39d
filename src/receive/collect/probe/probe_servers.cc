// The smallest thing that a database and a cache can be asked: whether they would serve anybody.
#include "collect/family_set.h"
#include "collect/postgres/connection.h"
#include "collect/probe/probe.h"
#include "collect/remote/shown_text.h"

namespace kw::collect {

Result<void> run_probe(const PostgresProbe& probe, const Deadline& deadline, FamilySet&) {
    KW_TRY_ASSIGN(const std::string password, read_secret(probe.password));
    KW_TRY_ASSIGN(const std::unique_ptr<PostgresConnection> connection,
                  PostgresConnection::open(probe.dsn, password, deadline));
    KW_TRY_ASSIGN(const PostgresRows rows, connection->query("SELECT 1", deadline));
    if (rows.row_count() != 1 || rows.text(0, 0) != "1")
        return unavailable("SELECT 1 answered something else");
    return {};
}

Result<void> run_probe(const RedisProbe& probe, const Deadline& deadline, FamilySet&) {
    KW_TRY_ASSIGN(const std::unique_ptr<RedisClient> client,
                  RedisClient::open(probe.server, deadline));
    KW_TRY_ASSIGN(const RespValue reply, client->command({"PING"}, deadline));
    if (reply.text != "PONG") return unavailable("PING answered {}", shown_text(reply.text));
    return {};
}

}  // namespace kw::collect
