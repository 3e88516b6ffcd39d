#include "collect/health/health.h"

#include <simdjson.h>

#include <algorithm>
#include <array>

#include "collect/writer.h"
#include "model/labels.h"

namespace kw::collect {
namespace {

using simdjson::dom::element;
using simdjson::dom::element_type;

constexpr std::array<std::string_view, 5> kGoodWords = {"healthy", "ok", "up", "pass", "ready"};
constexpr std::array<std::string_view, 5> kStatusKeys = {"status", "state", "healthy", "ok", "up"};

bool is_good_word(std::string_view text) {
    std::string lower(text.substr(0, 16));
    std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : static_cast<char>(c);
    });
    return lower.size() == text.size() &&
           std::find(kGoodWords.begin(), kGoodWords.end(), lower) != kGoodWords.end();
}

// nullopt for what is no statement: a number, a list, nothing.
std::optional<bool> plain_status(const element& value) {
    switch (value.type()) {
        case element_type::BOOL: return value.get_bool().value_unsafe();
        case element_type::STRING: return is_good_word(value.get_string().value_unsafe());
        default: return std::nullopt;
    }
}

// What cannot be understood is not healthy.
bool component_status(const element& value) {
    simdjson::dom::object object;
    if (value.get_object().get(object) != simdjson::SUCCESS)
        return plain_status(value).value_or(false);
    for (const std::string_view key : kStatusKeys) {
        element found;
        if (object.at_key(key).get(found) == simdjson::SUCCESS)
            return plain_status(found).value_or(false);
    }
    return false;
}

}  // namespace

bool HealthBody::is_healthy() const {
    return status.value_or(true) && std::all_of(components.begin(), components.end(),
                                                [](const auto& entry) { return entry.second; });
}

Result<HealthBody> parse_health(std::string_view json) {
    if (json.size() > kHealthBytesMax)
        return exhausted("the body is over {} bytes", kHealthBytesMax);
    simdjson::dom::parser parser;
    if (parser.allocate(std::max<size_t>(json.size(), 64), kHealthDepthMax) != simdjson::SUCCESS) {
        return exhausted("no memory for a body of {} bytes", json.size());
    }
    const simdjson::padded_string padded(json);
    element root;
    if (const auto error = parser.parse(padded).get(root); error != simdjson::SUCCESS) {
        return invalid("the body is no JSON: {}", simdjson::error_message(error));
    }
    simdjson::dom::object object;
    if (root.get_object().get(object) != simdjson::SUCCESS) return invalid("the body is no object");

    HealthBody body;
    element status;
    if (object.at_key("status").get(status) == simdjson::SUCCESS) {
        body.status = plain_status(status).value_or(false);
    }
    simdjson::dom::object components;
    const bool has_components =
        object.at_key("components").get_object().get(components) == simdjson::SUCCESS;
    if (!has_components && !body.status)
        return invalid("the body has neither status nor components");
    if (!has_components) return body;
    for (const auto& [name, value] : components) {
        if (body.components.size() == kHealthComponentsMax) {
            return exhausted("the body has over {} components", kHealthComponentsMax);
        }
        if (name.empty() || name.size() > kHealthNameBytesMax) {
            return invalid("a component's name has {} bytes, want 1 to {}", name.size(),
                           kHealthNameBytesMax);
        }
        const auto same = [&](const auto& entry) { return entry.first == name; };
        if (std::any_of(body.components.begin(), body.components.end(), same)) {
            return invalid("component {} is there twice", kw::quoted(name));
        }
        body.components.emplace_back(std::string(name), component_status(value));
    }
    return body;
}

HealthSource::HealthSource(net::Fetcher& fetcher, HealthOptions options)
    : fetcher_(fetcher),
      options_(std::move(options)),
      client_(std::make_shared<const net::HttpClientOptions>(options_.client)) {}

Result<void> HealthSource::collect(const Deadline& deadline, std::string& out) {
    net::FetchRequest request;
    request.url = options_.url;
    request.options = client_;
    request.body_bytes_max = kHealthBytesMax;
    request.headers.add("Accept", "application/json");
    const Result<net::FetchResponse> response = fetch(fetcher_, std::move(request), deadline);
    Result<HealthBody> body = response.ok() ? parse_health(response->body) : response.error();
    const bool is_success = response.ok() && response->status >= 200 && response->status < 300;
    if (response.ok() && !is_success && !body.ok()) {
        body = unavailable("HTTP status {}",
                           response->status);  // an error page: the body tells nothing
    }

    ExpositionWriter writer(out);
    const LabelView service{"service", options_.service};
    writer.family("health_status",
                  "Whether the service says that it and all its components are healthy", "gauge");
    writer.sample({service}, body.ok() && is_success && body->is_healthy() ? 1 : 0);
    writer.family("health_response_seconds", "How long the answer took", "gauge");
    writer.sample({service}, deadline.elapsed_seconds());
    if (response.ok()) {
        writer.family("health_http_status_code", "Status of the answer", "gauge");
        writer.sample({service}, response->status);
    }
    if (!body.ok()) return std::move(body).error();
    writer.family("health_component_status",
                  "Whether the service says that the component is healthy", "gauge");
    for (const auto& [name, is_healthy] : body->components) {
        writer.sample({service, {"component", name}}, is_healthy ? 1 : 0);
    }
    return {};
}

}  // namespace kw::collect
