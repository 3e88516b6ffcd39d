#include "api/rules/rule_api.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <memory>

#include "api/envelope.h"
#include "api/parameters.h"
#include "base/environment.h"
#include "model/labels.h"
#include "net/request.h"
#include "net/response_writer.h"
#include "net/router.h"
#include "promql/parser.h"
#include "rules/expressions.h"

namespace kw::api {
namespace {

struct RuleRoute {
    std::string_view method;
    std::string_view path;
    RuleApi::Member handler;
};
constexpr RuleRoute kRuleRoutes[] = {
    {"GET", "/api/kw/v1/rules", &RuleApi::list},
    {"GET", "/api/kw/v1/rules/groups/:name", &RuleApi::group},
    {"PUT", "/api/kw/v1/rules/groups/:name", &RuleApi::put_group},
    {"DELETE", "/api/kw/v1/rules/groups/:name", &RuleApi::delete_group},
    {"GET", "/api/kw/v1/rules/groups/:name/history", &RuleApi::history},
    {"GET", "/api/kw/v1/rules/backfill", &RuleApi::backfills},
    {"POST", "/api/kw/v1/rules/backfill", &RuleApi::post_backfill},
    {"GET", "/api/kw/v1/rules/backfill/:id", &RuleApi::backfill},
    {"DELETE", "/api/kw/v1/rules/backfill/:id", &RuleApi::cancel_backfill},
};
constexpr uint32_t kHistoryMax = 100;

void send_rule_error(net::ResponseWriter& response, const Error& error) {
    rules::ErrorPlace place = rules::place_of(error.message, "group");
    if (place.line == 0) place = rules::place_of(error.message, rules::kApiFile);
    ErrorKind kind = error_kind(error.code);
    if (error.code == Code::kConflict) kind = {"conflict", 409};
    response.set_status(kind.status);
    response.set_header("Content-Type", "application/json");
    JsonWriter json(response);
    json.begin_object().key("status").string("error").key("errorType").string(kind.type);
    json.key("error").string(error.message);
    if (place.line > 0) {
        json.key("place").begin_object().key("line").integer(place.line);
        json.key("key").string(place.key).key("message").string(place.message).end_object();
    }
    json.end_object();
    (void)json.finish();
}

void handle(const RuleApi& api, const RuleRoute& route, const net::Request& request,
            net::ResponseWriter& response) {
    if (!api.is_ready()) {
        (void)response.send(503, "text/plain; charset=utf-8", "Service Unavailable");
        return;
    }
    const Result<void> outcome = (api.*route.handler)(request, response);
    if (outcome.ok()) return;
    if (response.committed()) {
        response.abort();
    } else {
        send_rule_error(response, outcome.error());
    }
}

// What is the API's own of a group.
void write_api_part(JsonWriter& json, const rules::ApiGroup& group) {
    json.key("revision").integer(group.revision);
    if (group.revision > 0) {
        json.key("createdAt").string(format_rfc3339(group.created_at));
        json.key("updatedAt").string(format_rfc3339(group.updated_at));
        json.key("updatedBy").string(group.updated_by);
    }
    if (!group.error.empty()) json.key("error").string(group.error);
}

void write_counts(JsonWriter& json, const std::vector<rules::Rule>& rules) {
    uint64_t recording = 0;
    for (const rules::Rule& rule : rules) recording += rule.kind == rules::Rule::Kind::kRecording;
    json.key("recording").count(recording).key("alerting").count(rules.size() - recording);
}

// How long it may take until each rule's alert fires, in seconds; null of a recording rule.
void write_detection(JsonWriter& json, const rules::GroupView& group,
                     const promql::ParseOptions& features) {
    json.key("slowestDetection").begin_array();
    for (const rules::RuleView& view : group.rules) {
        const rules::Rule& rule = view.rule;
        const Result<promql::ExprPtr> expr = promql::parse(rule.expr, features);
        if (rule.kind == rules::Rule::Kind::kRecording || !expr.ok()) {
            json.null();
            continue;
        }
        const int64_t ms =
            group.query_offset_ms +
            rules::slowest_detection_ms(*expr.value(), rule.for_ms, group.interval_ms);
        json.number(static_cast<double>(ms) / 1000);
    }
    json.end_array();
}

// What an editor shows beside the text.
void write_rules(JsonWriter& json, const std::vector<rules::Rule>& rules) {
    json.key("rules").begin_array();
    for (const rules::Rule& rule : rules) {
        json.begin_object().key("name").string(rule.name).key("type");
        json.string(rule.kind == rules::Rule::Kind::kRecording ? "recording" : "alerting");
        json.key("query").string(rule.expr).key("line").integer(rule.line).end_object();
    }
    json.end_array();
}

void write_stored(JsonWriter& json, const rules::ApiGroup& group) {
    json.begin_object().key("name").string(group.name).key("origin").string("api");
    json.key("file").string(rules::kApiFile);
    write_api_part(json, group);
    write_counts(json, group.group.rules);
    write_rules(json, group.group.rules);
    json.key("text").string(group.text).end_object();
}

Result<bool> flag(const net::Request& request, std::string_view name) {
    const std::string_view text = request.params.get(name);
    if (text.empty() || text == "0" || text == "false") return false;
    if (text == "1" || text == "true") return true;
    return invalid_parameter(name, fmt::format("{} is not true or false", kw::quoted(text)));
}

Result<std::optional<int64_t>> revision_parameter(const net::Request& request) {
    const std::string_view text = request.params.get("revision");
    if (text.empty()) return std::optional<int64_t>();
    int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) {
        return invalid_parameter("revision", fmt::format("{} is not a number", kw::quoted(text)));
    }
    return std::optional(value);
}

std::string name_of(const net::Request& request) {
    return std::string(request.path_params.get("name"));
}

rules::Author author_of(const net::Request& request) {
    return {actor_of(request), request.remote_address};
}

}  // namespace

std::string actor_of(const net::Request& request) {
    return request.user.empty() ? "anonymous" : request.user;
}

void add_rule_routes(net::Router& routes, RuleApi::Dependencies dependencies) {
    const auto api = std::make_shared<const RuleApi>(std::move(dependencies));
    for (const RuleRoute& route : kRuleRoutes) {
        routes.add(route.method, route.path,
                   [api, &route](const net::Request& request, net::ResponseWriter& response) {
                       handle(*api, route, request, response);
                   });
    }
}

Result<void> RuleApi::list(const net::Request&, net::ResponseWriter& response) const {
    std::map<std::string, rules::ApiGroup> of_api;
    for (rules::ApiGroup& group : given_.book.list()) of_api.emplace(group.name, std::move(group));
    SuccessEnvelope envelope(response);
    JsonWriter& json = envelope.data();
    json.begin_object().key("groups").begin_array();
    const std::vector<rules::GroupView> running = given_.manager.groups();
    for (const rules::GroupView& group : running) {
        if (group.file == rules::kApiFile) continue;
        json.begin_object().key("name").string(group.name).key("origin").string("file");
        json.key("file").string(group.file);
        std::vector<rules::Rule> rules;
        for (const rules::RuleView& view : group.rules) rules.push_back(view.rule);
        write_counts(json, rules);
        write_detection(json, group, given_.reading.features);
        json.end_object();
    }
    for (const auto& [name, group] : of_api) {
        json.begin_object().key("name").string(name).key("origin").string("api");
        json.key("file").string(rules::kApiFile);
        write_api_part(json, group);
        write_counts(json, group.group.rules);
        const auto runs =
            std::find_if(running.begin(), running.end(), [&](const rules::GroupView& one) {
                return one.file == rules::kApiFile && one.name == group.name;
            });
        if (runs != running.end()) write_detection(json, *runs, given_.reading.features);
        json.end_object();
    }
    json.end_array().end_object();
    return envelope.end();
}

Result<rules::Group> RuleApi::find_group(const std::string& name, const std::string& file) const {
    std::vector<const rules::GroupView*> found;
    const std::vector<rules::GroupView> groups = given_.manager.groups();
    for (const rules::GroupView& group : groups) {
        if (group.name == name && (file.empty() || group.file == file)) found.push_back(&group);
    }
    if (found.empty()) return not_found("there is no rule group {}", kw::quoted(name));
    if (found.size() > 1) {
        return conflict("{} files have a rule group {}, {} and {} among them: say which with file=",
                        found.size(), kw::quoted(name), found[0]->file, found[1]->file);
    }
    rules::Group group;
    group.name = name;
    group.file = found.front()->file;
    group.interval_ms = found.front()->interval_ms;
    group.query_offset_ms = found.front()->query_offset_ms;
    group.limit = found.front()->limit;
    for (const rules::RuleView& view : found.front()->rules) group.rules.push_back(view.rule);
    return group;
}

Result<void> RuleApi::group(const net::Request& request, net::ResponseWriter& response) const {
    const std::string file(request.params.get("file"));
    if (file.empty() || file == rules::kApiFile) {
        if (const std::optional<rules::ApiGroup> group = given_.book.find(name_of(request))) {
            SuccessEnvelope envelope(response);
            write_stored(envelope.data(), *group);
            return envelope.end();
        }
    }
    KW_TRY_ASSIGN(const rules::Group found, find_group(name_of(request), file));
    SuccessEnvelope envelope(response);
    JsonWriter& json = envelope.data();
    json.begin_object().key("name").string(found.name).key("origin").string("file");
    json.key("file").string(found.file);
    write_counts(json, found.rules);
    json.key("text").string(rules::group_yaml(found)).end_object();
    return envelope.end();
}

Result<void> RuleApi::put_group(const net::Request& request, net::ResponseWriter& response) const {
    KW_TRY_ASSIGN(const bool is_dry, flag(request, "dry_run"));
    KW_TRY_ASSIGN(const std::optional<int64_t> revision, revision_parameter(request));
    const std::string name = name_of(request);
    Result<rules::ApiGroup> group =
        is_dry ? given_.book.check(name, request.body)
               : given_.book.put(name, request.body, author_of(request), revision);
    KW_TRY_ASSIGN(const rules::ApiGroup done, std::move(group));
    SuccessEnvelope envelope(response);
    write_stored(envelope.data(), done);
    return envelope.end(done.warnings);
}

Result<void> RuleApi::delete_group(const net::Request& request,
                                   net::ResponseWriter& response) const {
    const std::string name = name_of(request);
    KW_TRY(given_.book.remove(name, author_of(request)));
    SuccessEnvelope envelope(response);
    envelope.data().begin_object().key("name").string(name).end_object();
    return envelope.end();
}

Result<void> RuleApi::history(const net::Request& request, net::ResponseWriter& response) const {
    KW_TRY_ASSIGN(const std::vector<state::AuditEntry> entries,
                  given_.book.history(name_of(request), kHistoryMax));
    SuccessEnvelope envelope(response);
    JsonWriter& json = envelope.data();
    json.begin_array();
    for (const state::AuditEntry& entry : entries) {
        json.begin_object().key("at").string(format_rfc3339(entry.at));
        json.key("actor").string(entry.actor).key("origin").string(entry.origin);
        json.key("action").string(entry.action);
        // They are JSON strings, or absent.
        if (entry.before) json.key("before").raw(*entry.before);
        if (entry.after) json.key("after").raw(*entry.after);
        json.end_object();
    }
    json.end_array();
    return envelope.end();
}

}  // namespace kw::api
