#include "net/url.h"

#include <curl/curl.h>

#include <algorithm>
#include <charconv>
#include <memory>

namespace kw::net {
namespace {

using CurlUrl = std::unique_ptr<CURLU, decltype(&curl_url_cleanup)>;

std::string part(CURLU* url, CURLUPart which, unsigned int flags) {
    char* text = nullptr;
    if (curl_url_get(url, which, &text, flags) != CURLUE_OK) return "";
    std::string copy(text);
    curl_free(text);
    return copy;
}

Result<Url> take_apart(CURLU* url, std::string_view text) {
    Url parts;
    parts.scheme = part(url, CURLUPART_SCHEME, 0);
    if (parts.scheme != "http" && parts.scheme != "https") {
        return invalid("{}: the scheme is neither http nor https", text);
    }
    parts.user = part(url, CURLUPART_USER, CURLU_URLDECODE);
    parts.password = part(url, CURLUPART_PASSWORD, CURLU_URLDECODE);
    parts.host = part(url, CURLUPART_HOST, 0);
    if (parts.host.empty()) return invalid("{}: no host", text);
    std::ranges::transform(parts.host, parts.host.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    const std::string port = part(url, CURLUPART_PORT, CURLU_DEFAULT_PORT);
    std::from_chars(port.data(), port.data() + port.size(), parts.port);
    curl_url_set(url, CURLUPART_USER, nullptr, 0);
    curl_url_set(url, CURLUPART_PASSWORD, nullptr, 0);
    curl_url_set(url, CURLUPART_FRAGMENT, nullptr, 0);
    parts.text = part(url, CURLUPART_URL, 0);
    return parts;
}

Result<void> set(CURLU* url, std::string_view text) {
    const CURLUcode code = curl_url_set(url, CURLUPART_URL, std::string(text).c_str(), 0);
    if (code != CURLUE_OK) return invalid("{}: {}", text, curl_url_strerror(code));
    return {};
}

}  // namespace

Result<Url> parse_url(std::string_view text) {
    const CurlUrl url(curl_url(), curl_url_cleanup);
    KW_TRY(set(url.get(), text));
    return take_apart(url.get(), text);
}

Result<Url> resolve_url(const Url& base, std::string_view location) {
    const CurlUrl url(curl_url(), curl_url_cleanup);
    KW_TRY(set(url.get(), base.text));
    KW_TRY(set(url.get(), location));
    return take_apart(url.get(), location);
}

}  // namespace kw::net
