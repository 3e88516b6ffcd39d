// The JSON object of a request's body, member by member; what is absent or null is nullopt. Errors: kInvalid, with
// the member's name and what it should be.
#pragma once

#include <simdjson.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace kw::api {

class JsonBody final {
 public:
    // An empty text is an empty object.
    static Result<JsonBody> parse(std::string_view text);

    Result<std::optional<std::string>> text(std::string_view name) const;
    Result<std::optional<int64_t>> integer(std::string_view name) const;
    Result<std::optional<bool>> flag(std::string_view name) const;
    // A list of texts, or one text.
    Result<std::optional<std::vector<std::string>>> texts(std::string_view name) const;
    // RFC 3339, or milliseconds since the epoch.
    Result<std::optional<Millis>> time(std::string_view name) const;

    // As text(), and an error when it is not there.
    Result<std::string> wanted_text(std::string_view name) const;
    Result<int64_t> wanted_integer(std::string_view name) const;

 private:
    JsonBody() : parser_(std::make_unique<simdjson::dom::parser>()) {}
    std::optional<simdjson::dom::element> member(std::string_view name) const;

    std::unique_ptr<simdjson::dom::parser> parser_;
    std::optional<simdjson::dom::element> root_;  // nullopt: an empty body
};

}  // namespace kw::api
