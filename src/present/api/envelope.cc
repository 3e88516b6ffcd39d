#include "api/envelope.h"

#include "net/response_writer.h"

namespace kw::api {
namespace {

constexpr ErrorKind kBadData{"bad_data", 400};
constexpr ErrorKind kForbidden{"forbidden", 403};
constexpr ErrorKind kNotFoundKind{"not_found", 404};
constexpr ErrorKind kExecution{"execution", 422};
constexpr ErrorKind kCanceled{"canceled", 499};  // the client closed the request
constexpr ErrorKind kInternalKind{"internal", 500};
constexpr ErrorKind kNotImplemented{"not_implemented", 501};
constexpr ErrorKind kUnavailableKind{"unavailable", 503};
constexpr ErrorKind kTimeoutKind{"timeout", 503};

constexpr std::string_view kJson = "application/json";

void add_texts(JsonWriter& json, std::string_view name, const std::vector<std::string>& texts) {
    if (texts.empty()) return;
    json.key(name).begin_array();
    for (const std::string& text : texts) json.string(text);
    json.end_array();
}

}  // namespace

ErrorKind error_kind(Code code) {
    switch (code) {
        case Code::kInvalid: return kBadData;
        case Code::kNotFound: return kNotFoundKind;
        case Code::kConflict:
        case Code::kExhausted: return kExecution;
        case Code::kUnavailable: return kUnavailableKind;
        case Code::kTimeout: return kTimeoutKind;
        case Code::kCancelled: return kCanceled;
        case Code::kUnsupported: return kNotImplemented;
        case Code::kDenied: return kForbidden;
        case Code::kCorrupt:
        case Code::kInternal: return kInternalKind;
    }
    return kInternalKind;
}

ErrorKind execution_error_kind(Code code) {
    switch (code) {
        case Code::kInvalid:
        case Code::kUnsupported:
        case Code::kNotFound: return kExecution;
        default: return error_kind(code);
    }
}

void send_error(net::ResponseWriter& response, const ErrorKind& kind, std::string_view message) {
    response.set_status(kind.status);
    response.set_header("Content-Type", kJson);
    JsonWriter json(response);
    json.begin_object()
        .key("status")
        .string("error")
        .key("errorType")
        .string(kind.type)
        .key("error")
        .string(message)
        .end_object();
    (void)json.finish();  // fails only when the client has gone
}

void send_error(net::ResponseWriter& response, const Error& error) {
    send_error(response, error_kind(error.code), error.message);
}

void send_error_or_abort(net::ResponseWriter& response, const Error& error) {
    if (response.committed()) {
        response.abort();
    } else {
        send_error(response, error);
    }
}

SuccessEnvelope::SuccessEnvelope(net::ResponseWriter& response) : json_(response) {
    response.set_header("Content-Type", kJson);
    json_.begin_object().key("status").string("success").key("data");
}

Result<void> SuccessEnvelope::end(const std::vector<std::string>& warnings,
                                  const std::vector<std::string>& infos) {
    add_texts(json_, "warnings", warnings);
    add_texts(json_, "infos", infos);
    json_.end_object();
    return json_.finish();
}

Error invalid_parameter(std::string_view name, std::string_view message) {
    return invalid("invalid parameter {}: {}", kw::quoted(name), message);
}

}  // namespace kw::api
