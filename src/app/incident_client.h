// The questions behind `kilowatch incident`: asked of a server's API of incidents, written for people or as the
// JSON that came.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "app/command.h"
#include "app/query_client.h"

namespace kw::app {

inline constexpr size_t kIncidentMembersMax = 8;  // of a body; options point into the list

struct IncidentOptions {
    QueryOptions query;  // server, headers, time-out
    std::string id;
    std::string action;  // the last segment of the path
    std::string by;
    // Of the body; an empty one is left out.
    std::vector<std::pair<std::string, std::string>> members;
    std::vector<std::string> services;
    std::vector<std::string> statuses;
    std::vector<std::string> severities;
    std::string service;
    bool is_json = false;
    bool is_draft = false;
};

// Each answers with the exit code; what is wrong goes to the context's err.
int incident_list(CommandContext& context, net::Fetcher& fetcher, const IncidentOptions& options);
int incident_show(CommandContext& context, net::Fetcher& fetcher, const IncidentOptions& options);
int incident_open(CommandContext& context, net::Fetcher& fetcher, const IncidentOptions& options);
int incident_act(CommandContext& context, net::Fetcher& fetcher, const IncidentOptions& options);
int incident_postmortem(CommandContext& context, net::Fetcher& fetcher,
                        const IncidentOptions& options);

}  // namespace kw::app
