// The HTTP API of incidents, /api/kw/v1/incidents: lists, one with its timeline, and everything that people do to
// one, each a POST with a JSON object.
//
//   routes ──▶ handler: body ─▶ incidents::Incidents ─▶ the incident as it is then
//
// Who did it is the user who authenticated, else `by` of the body. Answers are wrapped as Prometheus' are; what an
// incident's state refuses is 422 and says what to do instead. Described in docs/incidents.md.
// Threads: handlers run on the server's threads.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "incidents/incidents.h"
#include "promql/engine.h"
#include "rules/rule_manager.h"

namespace kw {
class Clock;
namespace net {
struct Request;
class ResponseWriter;
class Router;
}  // namespace net
}  // namespace kw

namespace kw::api {

class JsonBody;

class IncidentsApi final {
 public:
    struct Dependencies {
        Clock& clock;
        incidents::Incidents& incidents;
        promql::Engine& engine;
        // The rules that run, for those that verify action items.
        std::function<std::vector<rules::GroupView>()> groups;
    };
    explicit IncidentsApi(Dependencies dependencies) : given_(std::move(dependencies)) {}

    void list(const net::Request& request, net::ResponseWriter& response) const;
    void one(const net::Request& request, net::ResponseWriter& response) const;
    void severity_rules(const net::Request& request, net::ResponseWriter& response) const;
    void create(const net::Request& request, net::ResponseWriter& response) const;
    void webhook(const net::Request& request, net::ResponseWriter& response) const;
    void postmortem(const net::Request& request, net::ResponseWriter& response) const;
    void gather(const net::Request& request, net::ResponseWriter& response) const;
    // POST /…/:id/:action, by the table of incident_actions.cc.
    void act(const net::Request& request, net::ResponseWriter& response) const;
    // The action postmortem, whose path has a GET of its own.
    void write_postmortem(const net::Request& request, net::ResponseWriter& response) const;

 private:
    void do_action(const net::Request& request, net::ResponseWriter& response,
                   std::string_view action) const;

    Dependencies given_;
};

// What `dependencies` refers to outlives `routes`.
void add_incidents_routes(net::Router& routes, IncidentsApi::Dependencies dependencies);

// incident_actions.cc: does `action` to an incident. Errors: kNotFound (such an action), kInvalid, those of it.
Result<incidents::IncidentPtr> act_on_incident(incidents::Incidents& incidents, int64_t id,
                                               std::string_view action, const JsonBody& body,
                                               const incidents::Actor& actor,
                                               const net::Request& request);
// The names of all actions, separated by commas.
std::string incident_action_names();

}  // namespace kw::api
