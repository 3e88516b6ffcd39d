// Bytes of an HTTP/1.x request's head → what the endpoint needs of it. Pure, bounded, fuzzed.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace kilowatch {

inline constexpr size_t kHeadBytesMax = 8192;

struct EndpointRequest {
    std::string method;
    std::string target;  // begins with '/'
    std::string accept;  // several Accept lines are joined by ", "
};

// Where the head ends (after its empty line), npos where that has not come.
size_t find_head_end(std::string_view bytes);

// `head` has its empty line within it. nullopt: not HTTP/1.0 or 1.1, or a line that is no header.
std::optional<EndpointRequest> parse_request(std::string_view head);

// A parameter of a query (a=b&c=d), percent-decoding left out: the endpoint's values need none.
std::optional<std::string_view> query_parameter(std::string_view query, std::string_view name);

}  // namespace kilowatch
