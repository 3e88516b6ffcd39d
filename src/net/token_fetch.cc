#include "net/token_fetch.h"

namespace kw::net {

Result<void> TokenFetch::prepare(fs::FileSystem& files, std::chrono::milliseconds timeout) {
    HttpClientOptions client;
    client.tls = options().tls;
    client.proxy = options().proxy;
    client.headers = options().headers;
    client.follow_redirects = false;
    Transfer first;
    first.request.method = "POST";
    first.request.url = options().token_url;
    first.request.headers = {{"Content-Type", "application/x-www-form-urlencoded"},
                             {"Accept", "application/json"}};
    first.request.options = std::make_shared<const HttpClientOptions>(std::move(client));
    first.request.timeout = timeout;
    first.request.body_bytes_max = kTokenAnswerBytesMax;
    first.request.callback_is_quick = true;
    if (Result<void> prepared = first.prepare(files); !prepared.ok()) {
        return named(std::move(prepared).error());
    }
    request_ = std::move(first.request);
    url_ = std::move(first.url);
    secrets_ = std::move(first.secrets);
    return {};
}

Result<std::unique_ptr<Transfer>> TokenFetch::attempt(ClientAuth how, Millis now) {
    Result<TokenRequest> asked = make_token_request(options(), secret, how, now);
    if (!asked.ok()) return named(std::move(asked).error());
    attempted = how;
    auto transfer = std::make_unique<Transfer>();
    transfer->request = request_;
    transfer->request.body = std::move(asked->body);
    transfer->url = url_;
    transfer->secrets = secrets_;
    if (!asked->authorization.empty()) transfer->use_authorization(asked->authorization);
    return transfer;
}

Result<Token> TokenFetch::read(Result<FetchResponse> answer) {
    Result<Token> token =
        answer.ok() ? read_token_answer(answer->status, answer->headers.get("Content-Type"),
                                        answer->body, secret)
                    : Result<Token>(std::move(answer).error());
    if (token.ok()) return token;
    Error error = std::move(token).error();
    if (attempted == ClientAuth::kHeader) {
        header_failure_ = error.message;
    } else if (!header_failure_.empty() && header_failure_ != error.message) {
        error.message = header_failure_ + "; with the secret in the form " + error.message;
    }
    return named(std::move(error));
}

Error TokenFetch::named(Error error) const {
    // The limits of the request that waits are others.
    if (error.code == Code::kExhausted) error.code = Code::kUnavailable;
    return std::move(error).with_context("oauth2: no token from " + shown_token_url(options()));
}

}  // namespace kw::net
