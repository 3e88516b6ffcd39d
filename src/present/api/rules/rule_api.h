// /api/kw/v1/rules: rule groups made, changed and removed over HTTP, and backfills.
//
//   GET    rules                    every group, of files and of the API, with its origin
//   GET    rules/groups/:name       its text; of one in a file as YAML      ?file=
//   PUT    rules/groups/:name       the body is the group, YAML or JSON     ?revision= ?dry_run=1
//   DELETE rules/groups/:name
//   GET    rules/groups/:name/history
//   GET    rules/backfill[/:id]     POST rules/backfill      DELETE rules/backfill/:id
//
// Answers are in Prometheus' envelope. What is wrong in a group is 400 with its place beside the message:
// {"status":"error","errorType":"bad_data","error":…,"place":{"line":3,"key":"rules[0].expr"}}.
// Threads: handlers run on the server's threads.
#pragma once

#include <functional>
#include <string>

#include "base/result.h"
#include "rules/backfill_jobs.h"
#include "rules/rule_book.h"
#include "rules/rule_manager.h"

namespace kw::net {
struct Request;
class ResponseWriter;
class Router;
}  // namespace kw::net

namespace kw::api {

class RuleApi final {
 public:
    // All outlive the routes.
    struct Dependencies {
        Environment& env;
        rules::RuleManager& manager;
        rules::RuleBook& book;
        rules::BackfillJobs& backfills;
        rules::ReadOptions reading;  // of rules in requests
        std::function<bool()> is_ready;
    };
    explicit RuleApi(Dependencies dependencies) : given_(std::move(dependencies)) {}

    using Member = Result<void> (RuleApi::*)(const net::Request&, net::ResponseWriter&) const;

    Result<void> list(const net::Request& request, net::ResponseWriter& response) const;
    Result<void> group(const net::Request& request, net::ResponseWriter& response) const;
    Result<void> put_group(const net::Request& request, net::ResponseWriter& response) const;
    Result<void> delete_group(const net::Request& request, net::ResponseWriter& response) const;
    Result<void> history(const net::Request& request, net::ResponseWriter& response) const;
    // rule_api_backfill.cc
    Result<void> backfills(const net::Request& request, net::ResponseWriter& response) const;
    Result<void> backfill(const net::Request& request, net::ResponseWriter& response) const;
    Result<void> post_backfill(const net::Request& request, net::ResponseWriter& response) const;
    Result<void> cancel_backfill(const net::Request& request, net::ResponseWriter& response) const;

    bool is_ready() const { return !given_.is_ready || given_.is_ready(); }

 private:
    // The group of a name, of `file` where it is not empty. Errors: kNotFound; kConflict when several files have it.
    Result<rules::Group> find_group(const std::string& name, const std::string& file) const;

    Dependencies given_;
};

// What `dependencies` refers to outlives `routes`.
void add_rule_routes(net::Router& routes, RuleApi::Dependencies dependencies);

// Who asks, for the audit: the user who authenticated, else "anonymous".
std::string actor_of(const net::Request& request);

}  // namespace kw::api
