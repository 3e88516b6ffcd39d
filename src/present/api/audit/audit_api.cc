#include "api/audit/audit_api.h"

#include <optional>
#include <string>

#include "api/envelope.h"
#include "api/json_writer.h"
#include "api/paging.h"
#include "api/parameters.h"
#include "net/request.h"
#include "net/response_writer.h"
#include "net/router.h"
#include "state/audit.h"
#include "state/store.h"

namespace kw::api {
namespace {

std::optional<std::string> word(const net::Request& request, std::string_view name) {
    const std::string_view text = request.params.get(name);
    if (text.empty()) return std::nullopt;
    return std::string(text);
}

// What an object was or became: the JSON that was kept, null where it did not exist.
void write_state(JsonWriter& json, std::string_view name, const std::optional<std::string>& state) {
    json.key(name);
    if (state) {
        json.raw(*state);
    } else {
        json.null();
    }
}

void write_entry(JsonWriter& json, const state::AuditEntry& entry) {
    json.begin_object().key("id").integer(entry.id).key("at").string(format_rfc3339(entry.at));
    json.key("actor").string(entry.actor).key("origin").string(entry.origin);
    json.key("action").string(entry.action).key("kind").string(entry.kind);
    json.key("object").string(entry.object);
    write_state(json, "before", entry.before);
    write_state(json, "after", entry.after);
    json.end_object();
}

Result<void> list(state::Store& state, const net::Request& request, net::ResponseWriter& response) {
    state::AuditFilter filter;
    filter.actor = word(request, "actor");
    filter.action = word(request, "action");
    filter.kind = word(request, "kind");
    filter.object = word(request, "object");
    KW_TRY_ASSIGN(filter.from, time_parameter(request, "start", Millis::min()));
    KW_TRY_ASSIGN(filter.to, time_parameter(request, "end", Millis::max()));
    KW_TRY_ASSIGN(const Page page, page_parameters(request));
    filter.before_id = page.before_id;
    filter.limit = page.wanted();
    KW_TRY_ASSIGN(const state::Snapshot snapshot, state.snapshot());
    KW_TRY_ASSIGN(std::vector<state::AuditEntry> entries, state::read_audit(*snapshot, filter));
    SuccessEnvelope envelope(response);
    write_page(envelope.data(), "entries", std::move(entries), page, write_entry);
    return envelope.end();
}

}  // namespace

void add_audit_routes(net::Router& routes, state::Store& state) {
    routes.add("GET", "/api/kw/v1/audit",
               [&state](const net::Request& request, net::ResponseWriter& response) {
                   const Result<void> outcome = list(state, request, response);
                   if (!outcome.ok()) send_error_or_abort(response, outcome.error());
               });
}

}  // namespace kw::api
