#include "api/incidents/json_body.h"

#include <utility>

#include "incidents/webhook.h"

namespace kw::api {

using simdjson::dom::element;

Result<JsonBody> JsonBody::parse(std::string_view text) {
    JsonBody body;
    if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) return body;
    element root;
    if (const auto error = body.parser_->parse(text.data(), text.size()).get(root);
        error != simdjson::SUCCESS) {
        return invalid("the body is no JSON: {}", simdjson::error_message(error));
    }
    if (!root.is_object()) return invalid("the body is no JSON object");
    body.root_ = root;
    return body;
}

std::optional<element> JsonBody::member(std::string_view name) const {
    element found;
    if (!root_ || (*root_)[name].get(found) != simdjson::SUCCESS || found.is_null()) {
        return std::nullopt;
    }
    return found;
}

Result<std::optional<std::string>> JsonBody::text(std::string_view name) const {
    const std::optional<element> found = member(name);
    if (!found) return std::optional<std::string>();
    std::string_view view;
    if (found->get(view) != simdjson::SUCCESS) return invalid("{} is no text", name);
    return std::optional<std::string>(view);
}

Result<std::optional<int64_t>> JsonBody::integer(std::string_view name) const {
    const std::optional<element> found = member(name);
    if (!found) return std::optional<int64_t>();
    int64_t number = 0;
    if (found->get(number) != simdjson::SUCCESS) return invalid("{} is no whole number", name);
    return std::optional<int64_t>(number);
}

Result<std::optional<bool>> JsonBody::flag(std::string_view name) const {
    const std::optional<element> found = member(name);
    if (!found) return std::optional<bool>();
    bool value = false;
    if (found->get(value) != simdjson::SUCCESS)
        return invalid("{} is neither true nor false", name);
    return std::optional<bool>(value);
}

Result<std::optional<std::vector<std::string>>> JsonBody::texts(std::string_view name) const {
    const std::optional<element> found = member(name);
    if (!found) return std::optional<std::vector<std::string>>();
    std::vector<std::string> texts;
    std::string_view view;
    if (found->get(view) == simdjson::SUCCESS) {
        texts.emplace_back(view);
        return std::optional(std::move(texts));
    }
    simdjson::dom::array items;
    if (found->get(items) != simdjson::SUCCESS) return invalid("{} is no list of texts", name);
    for (const element item : items) {
        if (item.get(view) != simdjson::SUCCESS) return invalid("{} is no list of texts", name);
        texts.emplace_back(view);
    }
    return std::optional(std::move(texts));
}

Result<std::optional<Millis>> JsonBody::time(std::string_view name) const {
    const std::optional<element> found = member(name);
    if (!found) return std::optional<Millis>();
    int64_t ms = 0;
    if (found->get(ms) == simdjson::SUCCESS) return std::optional(Millis{ms});
    std::string_view text;
    if (found->get(text) == simdjson::SUCCESS) {
        if (const std::optional<Millis> time = incidents::parse_rfc3339(text); time) return time;
    }
    return invalid("{} is no time; write 2026-01-31T12:00:00Z or milliseconds since the epoch",
                   name);
}

Result<std::string> JsonBody::wanted_text(std::string_view name) const {
    KW_TRY_ASSIGN(std::optional<std::string> found, text(name));
    if (!found) return invalid("{} is missing; it is a text", name);
    return std::move(*found);
}

Result<int64_t> JsonBody::wanted_integer(std::string_view name) const {
    KW_TRY_ASSIGN(const std::optional<int64_t> found, integer(name));
    if (!found) return invalid("{} is missing; it is a whole number", name);
    return *found;
}

}  // namespace kw::api
