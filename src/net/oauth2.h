// OAuth2 as a client without a user: what a token endpoint is asked, and what it answers. Pure
// functions; the fetch is token_fetch.h's, the memory of tokens token_cache.h's.
//
// Two grants: client_credentials (RFC 6749, 4.4), and jwt-bearer (RFC 7523), where a signed
// assertion takes the place of the secret. The client's secret goes as basic authentication or in
// the form; which of them a server wants is found out by trying the first.
// Source: RFC 6749, RFC 7523; golang.org/x/oauth2 and prometheus/common, for what they leave open.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "net/http_client.h"

namespace kw::net {

constexpr uint64_t kTokenAnswerBytesMax = 1 << 20;

// Where the client's secret stands in a request.
enum class ClientAuth : unsigned char { kUnknown, kHeader, kBody };

struct TokenRequest {
    std::string authorization;  // a header's value; empty: none
    std::string body;           // application/x-www-form-urlencoded
};

// `secret` is the content of options.secret; `auth` is kHeader or kBody, and not looked at for an
// assertion. `now` dates the assertion, which holds for ten minutes.
// Errors: kInvalid (an endpoint parameter that is ours, a key that is not RSA in PEM).
Result<TokenRequest> make_token_request(const OAuth2Options& options, std::string_view secret,
                                        ClientAuth auth, Millis now);

struct Token {
    std::string authorization;          // "Bearer ...": the header's value
    std::optional<int64_t> lifetime_s;  // from the answer on, at most 100 years; nullopt: for ever
};

// Reads an answer of the token endpoint. `secret` does not show in an error.
// Errors: kUnavailable (a status that is not 2xx, no token in it, not JSON or a form).
Result<Token> read_token_answer(int status, std::string_view content_type, std::string_view body,
                                std::string_view secret);

// The token URL as errors show it: without user, password and query.
std::string shown_token_url(const OAuth2Options& options);

}  // namespace kw::net
