// What is behind `kilowatch rules`: the API of rules, asked; progress as it comes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "app/command.h"
#include "app/query_client.h"

namespace kw::app {

struct RuleClientOptions {
    QueryOptions connection;
    std::string target;  // a file or a group
    bool is_dry_run = false;
    std::string start;
    std::string end;
    std::string step;
    std::vector<std::string> rules;
    bool is_detached = false;
    bool is_list = false;
    int64_t cancel_id = 0;
};

// Each answers with the exit code; what is wrong goes to the context's err.
int list_rules(CommandContext& context, net::Fetcher& fetcher, const RuleClientOptions& options);
int apply_rules(CommandContext& context, net::Fetcher& fetcher, const RuleClientOptions& options);
int remove_rules(CommandContext& context, net::Fetcher& fetcher, const RuleClientOptions& options);
int backfill_rules(CommandContext& context, net::Fetcher& fetcher,
                   const RuleClientOptions& options);

}  // namespace kw::app
