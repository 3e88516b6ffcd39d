// The fetch of one OAuth2 token, as the HTTP client does it between the requests that wait for it.
// Its files are read by who asks; the attempts are made by the client's thread.
// Redirects of a token endpoint are not followed: the secret is in the request's body.
// Internal to the client.
#pragma once

#include <memory>
#include <string>

#include "net/oauth2.h"
#include "net/token_cache.h"
#include "net/transfer.h"

namespace kw::net {

struct TokenFetch {
    std::shared_ptr<const HttpClientOptions> owner;  // whose oauth2 it is
    std::string secret;
    uint64_t source = 0;                          // in the TokenCache
    ClientAuth auth = ClientAuth::kUnknown;       // what is known of the endpoint
    ClientAuth attempted = ClientAuth::kUnknown;  // what the last attempt used

    const OAuth2Options& options() const { return *owner->oauth2; }
    // Reads the files of the token endpoint's options. Errors: as Transfer::prepare().
    Result<void> prepare(fs::FileSystem& files, std::chrono::milliseconds timeout);
    // A transfer that asks for a token; its callback is to be set. Errors: kInvalid.
    Result<std::unique_ptr<Transfer>> attempt(ClientAuth how, Millis now);
    // The token of an answer. Errors name the token URL, and what both attempts met.
    Result<Token> read(Result<FetchResponse> answer);
    // Puts the token URL before an error's message; what was too long becomes kUnavailable.
    Error named(Error error) const;

 private:
    std::string header_failure_;  // what the attempt with kHeader met
    FetchRequest request_;
    Url url_;
    Secrets secrets_;
};

}  // namespace kw::net
