// silences, silence/{id}.
#include <simdjson.h>

#include <algorithm>

#include "alerting/alertmanager.h"
#include "api/alertmanager/alertmanager_api.h"
#include "api/json_writer.h"
#include "api/parameters.h"
#include "base/clock.h"
#include "net/request.h"
#include "net/response_writer.h"

namespace kw::api {
namespace {

using alerting::Silence;
using simdjson::dom::element;

// 8-4-4-4-12 hexadecimal digits.
bool is_uuid(std::string_view text) {
    if (text.size() != 36) return false;
    for (size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        const bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
        const bool is_hex =
            (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
        if (is_dash ? c != '-' : !is_hex) return false;
    }
    return true;
}

void write_silence(JsonWriter& json, const Silence& silence, Millis now) {
    json.begin_object().key("id").string(silence.id);
    json.key("status").begin_object().key("state");
    json.string(alerting::silence_state_text(silence.state_at(now))).end_object();
    json.key("updatedAt").string(format_rfc3339(silence.updated_at));
    json.key("comment").string(silence.comment).key("createdBy").string(silence.created_by);
    json.key("endsAt").string(format_rfc3339(silence.ends_at)).key("matchers").begin_array();
    for (const Matcher& matcher : silence.matchers) {
        const bool is_equal = matcher.op() == MatchOp::kEqual || matcher.op() == MatchOp::kRegex;
        json.begin_object().key("isEqual").boolean(is_equal);
        json.key("isRegex").boolean(matcher.regex() != nullptr);
        json.key("name").string(matcher.name()).key("value").string(matcher.value()).end_object();
    }
    json.end_array().key("startsAt").string(format_rfc3339(silence.starts_at)).end_object();
}

// A filter is held against the matchers' values, as if they were labels.
LabelSet as_labels(const Silence& silence) {
    LabelBuilder labels;
    for (const Matcher& matcher : silence.matchers) labels.set(matcher.name(), matcher.value());
    return labels.build();
}

Result<std::string> required_text(element body, const char* key) {
    std::string_view text;
    if (body[key].get(text) != simdjson::SUCCESS) return invalid("{} in body is required", key);
    return std::string(text);
}

Result<bool> flag_member(element body, const char* key, std::optional<bool> fallback) {
    bool value = false;
    const auto found = body[key];
    if (found.error() == simdjson::NO_SUCH_FIELD && fallback) return *fallback;
    if (found.get(value) != simdjson::SUCCESS) return invalid("{} in body is required", key);
    return value;
}

Result<Matcher> read_matcher(element body) {
    KW_TRY_ASSIGN(std::string name, required_text(body, "name"));
    KW_TRY_ASSIGN(std::string value, required_text(body, "value"));
    KW_TRY_ASSIGN(const bool is_regex, flag_member(body, "isRegex", std::nullopt));
    KW_TRY_ASSIGN(const bool is_equal, flag_member(body, "isEqual", true));
    if (!is_valid_label_name(name, NameScheme::kUtf8)) {
        return invalid("invalid label name {}", kw::quoted(name));
    }
    const MatchOp op = is_regex ? (is_equal ? MatchOp::kRegex : MatchOp::kNotRegex)
                                : (is_equal ? MatchOp::kEqual : MatchOp::kNotEqual);
    return Matcher::make(op, std::move(name), std::move(value));
}

Result<Silence> read_silence(element body) {
    Silence silence;
    std::string_view id;
    if (body["id"].get(id) == simdjson::SUCCESS) silence.id = std::string(id);
    KW_TRY_ASSIGN(silence.created_by, required_text(body, "createdBy"));
    KW_TRY_ASSIGN(silence.comment, required_text(body, "comment"));
    KW_TRY_ASSIGN(const std::string starts_at, required_text(body, "startsAt"));
    KW_TRY_ASSIGN(silence.starts_at, parse_json_time(starts_at).with_context("startsAt"));
    KW_TRY_ASSIGN(const std::string ends_at, required_text(body, "endsAt"));
    KW_TRY_ASSIGN(silence.ends_at, parse_json_time(ends_at).with_context("endsAt"));
    simdjson::dom::array matchers;
    if (body["matchers"].get(matchers) != simdjson::SUCCESS) {
        return invalid("matchers in body is required");
    }
    if (matchers.size() == 0) return invalid("matchers in body should have at least 1 items");
    if (matchers.size() > alerting::kMatchersMax) {
        return exhausted("matchers in body should have at most {} items", alerting::kMatchersMax);
    }
    for (const element one : matchers) {
        KW_TRY_ASSIGN(Matcher matcher, read_matcher(one));
        silence.matchers.push_back(std::move(matcher));
    }
    return silence;
}

std::string silence_actor(const net::Request& request, const std::string& created_by) {
    return request.user.empty() ? created_by : request.user;
}

int status_of(const Error& error) {
    switch (error.code) {
        case Code::kNotFound: return 404;
        case Code::kInvalid:
        case Code::kExhausted: return 400;
        default: return 500;
    }
}

}  // namespace

void AlertmanagerApi::silences(const net::Request& request, net::ResponseWriter& response) const {
    const Result<std::vector<Matcher>> matchers = filter_parameters(request);
    if (!matchers.ok()) return send_alertmanager_error(response, 400, matchers.error().message);
    response.set_header("Content-Type", "application/json");
    JsonWriter json(response);
    json.begin_array();
    for (const Silence& one : given_.manager.silences().list()) {
        if (matches_all(*matchers, as_labels(one))) {
            write_silence(json, one, given_.clock.now());
        }
    }
    json.end_array();
    (void)json.finish();
}

void AlertmanagerApi::silence(const net::Request& request, net::ResponseWriter& response) const {
    const std::string id(request.path_params.get("id"));
    if (!is_uuid(id)) {
        return send_validation_error(
            response, fmt::format("silenceID in path must be of type uuid: {}", kw::quoted(id)));
    }
    const std::optional<Silence> found = given_.manager.silences().find(id);
    if (!found) return (void)response.send(404, "application/json", "");
    response.set_header("Content-Type", "application/json");
    JsonWriter json(response);
    write_silence(json, *found, given_.clock.now());
    (void)json.finish();
}

void AlertmanagerApi::post_silence(const net::Request& request,
                                   net::ResponseWriter& response) const {
    simdjson::dom::parser parser;
    element body;
    if (parser.parse(request.body).get(body) != simdjson::SUCCESS || !body.is_object()) {
        return send_alertmanager_error(response, 400, "the body is not a JSON object");
    }
    const Result<Silence> posted = read_silence(body);
    if (!posted.ok()) return send_validation_error(response, posted.error().message);
    const Result<std::string> id =
        given_.manager.silences().set(*posted, silence_actor(request, posted->created_by));
    if (!id.ok()) {
        return send_alertmanager_error(response, status_of(id.error()),
                                       "failed to create silence: " + id.error().message);
    }
    response.set_header("Content-Type", "application/json");
    JsonWriter json(response);
    json.begin_object().key("silenceID").string(*id).end_object();
    (void)json.finish();
}

void AlertmanagerApi::delete_silence(const net::Request& request,
                                     net::ResponseWriter& response) const {
    const std::string id(request.path_params.get("id"));
    if (!is_uuid(id)) {
        return send_validation_error(
            response, fmt::format("silenceID in path must be of type uuid: {}", kw::quoted(id)));
    }
    const Result<void> expired = given_.manager.silences().expire(id, silence_actor(request, "api"));
    if (!expired.ok()) {
        return send_alertmanager_error(response, status_of(expired.error()),
                                       expired.error().message);
    }
    (void)response.send(200, "application/json", "");
}

}  // namespace kw::api
