// One fetch of the HTTP client, over all its redirects, and how libcurl is told of it.
// Threads: made and prepared by who fetches, then the client's thread's. Internal to the client:
// libcurl's types are in here.
#pragma once

#include <curl/curl.h>

#include <memory>
#include <optional>
#include <string>

#include "net/body_decoder.h"
#include "net/http_client.h"
#include "net/proxy_choice.h"
#include "net/url.h"

namespace kw::net {

struct TokenFetch;

struct SlistDeleter {
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using Slist = std::unique_ptr<curl_slist, SlistDeleter>;
struct EasyDeleter {
    void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
using Easy = std::unique_ptr<CURL, EasyDeleter>;

// What the options say once their files are read.
struct Secrets {
    Headers headers;  // Authorization and http_headers
    std::string ca;
    std::string cert;
    std::string key;
};

struct Transfer {
    Transfer();
    ~Transfer();

    Fetcher::FetchId id = 0;
    FetchRequest request;
    FetchCallback callback;
    Url url;  // of this leg
    Secrets secrets;
    bool sends_secrets = true;
    uint32_t redirect_count = 0;
    int64_t deadline_ns = 0;
    // Of a request with oauth2: where its token is from, and what fetches it when there is none.
    uint64_t token_source = 0;
    std::unique_ptr<TokenFetch> token_fetch;

    Easy easy;
    FetchResponse response;
    FetchMeasurement measured;
    std::optional<Error> error;  // ours, which libcurl only knows as a callback that failed

    // Checks the request and reads the files of its options.
    Result<void> prepare(fs::FileSystem& files);
    // Sends this as the Authorization header, as a secret.
    void use_authorization(std::string_view value);
    const HttpClientOptions& options() const;
    // Sets everything in `easy` for the leg to `url`. The timeouts are in milliseconds.
    void configure(const HttpClient::Options& client, const ProxyEnvironment& proxies,
                   int64_t timeout_ms);
    // The leg has ended without an error of libcurl's. Errors: a body that is not whole.
    Result<void> finish_leg();
    // Whether the answer is a redirect that is to be followed.
    bool will_follow() const;
    // Turns to where the redirect leads. Errors: kInvalid.
    Result<void> turn_to_redirect();
    Error describe(CURLcode code) const;

    // For libcurl's callbacks.
    void take_header(std::string_view line);
    void take_body(std::string_view bytes);

 private:
    void begin_body();
    void measure_leg();
    void set_method();
    void set_server_name();
    void set_headers();
    void set_proxy(const ProxyEnvironment& proxies);
    void set_tls();

    Slist headers_;
    Slist proxy_headers_;
    Slist connect_to_;
    char error_text_[CURL_ERROR_SIZE] = {};
    size_t header_bytes_ = 0;
    std::unique_ptr<BodyDecoder> decoder_;
};

// The text, or the content of the file without blanks around it. Errors: of the file.
Result<std::string> read_source(fs::FileSystem& files, const TextOrFile& source);

// A header with a line break in it would be two. Errors: kInvalid.
Result<void> check_header(std::string_view name, std::string_view value);

}  // namespace kw::net
