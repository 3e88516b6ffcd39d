#include "api/audit/audit_api.h"

#include <optional>
#include <string>

#include "api/envelope.h"
#include "api/json_writer.h"
#include "api/parameters.h"
#include "net/request.h"
#include "net/response_writer.h"
#include "net/router.h"
#include "state/audit.h"
#include "state/store.h"

namespace kw::api {
namespace {

constexpr int64_t kPageMax = 1'000;
constexpr int64_t kPageDefault = 100;

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
    KW_TRY_ASSIGN(filter.before_id, integer_parameter(request, "before", INT64_MAX, 0, INT64_MAX));
    KW_TRY_ASSIGN(const int64_t limit,
                  integer_parameter(request, "limit", kPageDefault, 1, kPageMax));
    filter.limit = static_cast<uint32_t>(limit) + 1;  // one more says whether there is a next page
    KW_TRY_ASSIGN(const state::Snapshot snapshot, state.snapshot());
    KW_TRY_ASSIGN(std::vector<state::AuditEntry> entries, state::read_audit(*snapshot, filter));
    const bool has_more = entries.size() > static_cast<size_t>(limit);
    if (has_more) entries.pop_back();

    SuccessEnvelope envelope(response);
    JsonWriter& json = envelope.data();
    json.begin_object().key("entries").begin_array();
    for (const state::AuditEntry& entry : entries) write_entry(json, entry);
    json.end_array().key("next");
    if (has_more) {
        json.integer(entries.back().id);
    } else {
        json.null();
    }
    json.end_object();
    return envelope.end();
}

}  // namespace

void add_audit_routes(net::Router& routes, state::Store& state) {
    routes.add("GET", "/api/kw/v1/audit",
               [&state](const net::Request& request, net::ResponseWriter& response) {
                   const Result<void> outcome = list(state, request, response);
                   if (outcome.ok()) return;
                   if (response.committed()) {
                       response.abort();
                   } else {
                       send_error(response, outcome.error());
                   }
               });
}

}  // namespace kw::api
