#include "endpoint_request.h"

#include <algorithm>

#include "text.h"

namespace kilowatch {
namespace {

bool is_token(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
    });
}

bool is_accept(std::string_view name) {
    constexpr std::string_view kAccept = "accept";
    return std::equal(name.begin(), name.end(), kAccept.begin(), kAccept.end(),
                      [](char a, char b) { return (a | 0x20) == b; });
}

}  // namespace

size_t find_head_end(std::string_view bytes) {
    const size_t at = bytes.find("\r\n\r\n");
    return at == std::string_view::npos ? at : at + 4;
}

std::optional<EndpointRequest> parse_request(std::string_view head) {
    const size_t end = find_head_end(head);
    if (end == std::string_view::npos || end > kHeadBytesMax) return std::nullopt;
    head = head.substr(0, end - 2);  // the last line keeps its CRLF

    const size_t line_end = head.find("\r\n");
    const std::string_view line = head.substr(0, line_end);
    head.remove_prefix(line_end + 2);
    const size_t first = line.find(' ');
    const size_t second = line.rfind(' ');
    if (first == std::string_view::npos || first == second) return std::nullopt;
    EndpointRequest request;
    request.method = line.substr(0, first);
    request.target = line.substr(first + 1, second - first - 1);
    const std::string_view version = line.substr(second + 1);
    if (!is_token(request.method) || !request.target.starts_with('/') ||
        (version != "HTTP/1.1" && version != "HTTP/1.0"))
        return std::nullopt;
    for (const char c : request.target)
        if (c <= ' ' || c == 0x7f) return std::nullopt;

    while (!head.empty()) {
        const size_t next = head.find("\r\n");
        const std::string_view field = head.substr(0, next);
        head.remove_prefix(next + 2);
        const size_t colon = field.find(':');
        if (colon == std::string_view::npos || !is_token(field.substr(0, colon)))
            return std::nullopt;
        if (!is_accept(field.substr(0, colon))) continue;
        if (!request.accept.empty()) request.accept += ", ";
        request.accept += trim_blank(field.substr(colon + 1));
    }
    return request;
}

std::optional<std::string_view> query_parameter(std::string_view query, std::string_view name) {
    while (!query.empty()) {
        const size_t end = query.find('&');
        const std::string_view pair = query.substr(0, end);
        query.remove_prefix(end == std::string_view::npos ? query.size() : end + 1);
        const size_t equals = pair.find('=');
        if (pair.substr(0, equals) == name)
            return equals == std::string_view::npos ? std::string_view{} : pair.substr(equals + 1);
    }
    return std::nullopt;
}

}  // namespace kilowatch
