// The questions behind `kilowatch notify` and `kilowatch alert`: asked of a Kilowatch server, the answer written for
// people or as the JSON that came.
#pragma once

#include <string>
#include <vector>

#include "app/command.h"
#include "app/query_client.h"

namespace kw::net {
class Fetcher;
}

namespace kw::app {

struct NotifyOptions {
    QueryOptions connection;  // server, format ("table" or "json"), headers, …

    std::string receiver;     // test, history, acknowledge
    std::string group_key;    // acknowledge
    std::string fingerprint;  // history, acknowledge, why
    std::string outcome;      // history
    std::string start;        // history
    std::string end;          // history
    std::string limit = "100";
    std::vector<std::string> labels;  // why, simulate: name=value
    std::string at;                   // simulate; empty: now
    std::string ends_at;              // simulate; empty: not within the horizon
    std::string horizon = "24h";      // simulate
};

// Each answers with the exit code; what is wrong goes to the context's err.
// kExitFailed also when an integration did not take it.
int notify_test(CommandContext& context, net::Fetcher& fetcher, const NotifyOptions& options);
int notify_acknowledge(CommandContext& context, net::Fetcher& fetcher,
                       const NotifyOptions& options);
int notify_history(CommandContext& context, net::Fetcher& fetcher, const NotifyOptions& options);
int notify_receivers(CommandContext& context, net::Fetcher& fetcher, const NotifyOptions& options);
int alert_why(CommandContext& context, net::Fetcher& fetcher, const NotifyOptions& options);
int alert_simulate(CommandContext& context, net::Fetcher& fetcher, const NotifyOptions& options);

}  // namespace kw::app
