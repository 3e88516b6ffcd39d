// `kilowatch query`: questions to a running server, and what other commands that ask one share with it.
#pragma once

#include <functional>

#include "app/command.h"

namespace CLI {
class App;
}
namespace kw::net {
class Fetcher;
}

namespace kw::app {

struct QueryOptions;

// `chosen` outlives the parsing; it is set when a query was asked for.
void add_query_command(CLI::App& app, CommandRun& chosen);

// --header, --http.config.file, --timeout.
void add_connection_options(CLI::App& command, QueryOptions& options);
// --server as well, http://localhost:9090 when it is left out.
void add_server_options(CLI::App& command, QueryOptions& options);

using AskServer = std::function<int(CommandContext&, net::Fetcher&, const QueryOptions&)>;
// Brings an HTTP client to life for one question; answers with what `ask` does.
int with_client(CommandContext& context, const QueryOptions& options, const AskServer& ask);

}  // namespace kw::app
