#include "net/transfer.h"

#include <openssl/ssl.h>

#include <algorithm>
#include <cstring>
#include <system_error>

#include "base/fs/file_system.h"
#include "net/basic_auth.h"
#include "net/curl_tls.h"
#include "net/gzip.h"
#include "net/token_fetch.h"
#include "net/zstd_decoder.h"

namespace kw::net {
namespace {

constexpr uint64_t kOptionFileBytesMax = 1 << 20;
constexpr size_t kHeaderBytesMax = 256 << 10;  // of one answer

Result<Secrets> read_secrets(fs::FileSystem& files, const HttpClientOptions& options,
                             const Url& url) {
    Secrets secrets;
    if (options.basic_auth) {
        KW_TRY_ASSIGN(const std::string user, read_source(files, options.basic_auth->username));
        KW_TRY_ASSIGN(const std::string password, read_source(files, options.basic_auth->password));
        secrets.headers.set("Authorization", basic_authorization(user, password));
    } else if (options.authorization) {
        KW_TRY_ASSIGN(const std::string credentials,
                      read_source(files, options.authorization->credentials));
        secrets.headers.set("Authorization", options.authorization->type + " " + credentials);
    } else if (!options.oauth2 && !url.user.empty()) {
        secrets.headers.set("Authorization", basic_authorization(url.user, url.password));
    }
    for (const ExtraHeader& header : options.headers) {
        for (const std::string& value : header.values) secrets.headers.add(header.name, value);
        for (const std::string& value : header.secrets) secrets.headers.add(header.name, value);
        for (const std::string& file : header.files) {
            KW_TRY_ASSIGN(const std::string value, read_source(files, {"", file}));
            secrets.headers.add(header.name, value);
        }
    }
    for (const auto& [name, value] : secrets.headers) KW_TRY(check_header(name, value));
    KW_TRY_ASSIGN(secrets.ca, read_source(files, options.tls.ca));
    KW_TRY_ASSIGN(secrets.cert, read_source(files, options.tls.cert));
    KW_TRY_ASSIGN(secrets.key, read_source(files, options.tls.key));
    return secrets;
}

bool is_redirect(int status) {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

// Whether what is secret may follow from one URL to the next.
bool keeps_credentials(const Url& from, const Url& to) {
    const bool becomes_tls = from.scheme == "http" && from.port == 80 && to.scheme == "https" &&
                             to.port == 443 && from.host == to.host;
    return from.same_origin(to) || becomes_tls;
}

void append(Slist& list, const std::string& line) {
    list.reset(curl_slist_append(list.release(), line.c_str()));
}

std::string header_line(std::string_view name, std::string_view value) {
    // "Name;" is how libcurl is told to send an empty value.
    return value.empty() ? fmt::format("{};", name) : fmt::format("{}: {}", name, value);
}

void set_blob(CURL* easy, CURLoption option, const std::string& bytes) {
    curl_blob blob{const_cast<char*>(bytes.data()), bytes.size(), CURL_BLOB_NOCOPY};
    curl_easy_setopt(easy, option, &blob);
}

size_t on_header(char* data, size_t size, size_t count, void* user) {
    auto* transfer = static_cast<Transfer*>(user);
    transfer->take_header({data, size * count});
    return transfer->error ? 0 : size * count;
}

size_t on_body(char* data, size_t size, size_t count, void* user) {
    auto* transfer = static_cast<Transfer*>(user);
    transfer->take_body({data, size * count});
    return transfer->error ? 0 : size * count;
}

}  // namespace

Result<std::string> read_source(fs::FileSystem& files, const TextOrFile& source) {
    if (source.file.empty()) return source.text;
    KW_TRY_ASSIGN(std::string content, fs::read_file(files, source.file, kOptionFileBytesMax));
    while (!content.empty() && std::strchr(" \t\r\n", content.back())) content.pop_back();
    const size_t start = content.find_first_not_of(" \t\r\n");
    return start == std::string::npos ? std::string() : content.substr(start);
}

Result<void> check_header(std::string_view name, std::string_view value) {
    if (!is_token(name)) return invalid("\"{}\" is not a header's name", std::string(name));
    if (is_field_value(value)) return {};
    return invalid("the value of header {} has a control character", name);
}

Result<void> Transfer::prepare(fs::FileSystem& files) {
    KW_TRY_ASSIGN(url, parse_url(request.url));
    if (!is_token(request.method)) return invalid("\"{}\" is not a method", request.method);
    for (const auto& [name, value] : request.headers) KW_TRY(check_header(name, value));
    KW_TRY_ASSIGN(secrets, read_secrets(files, options(), url));
    return {};
}

Transfer::Transfer() = default;
Transfer::~Transfer() = default;

void Transfer::use_authorization(std::string_view value) {
    secrets.headers.set("Authorization", value);
}

const HttpClientOptions& Transfer::options() const {
    static const HttpClientOptions kDefaults;
    return request.options ? *request.options : kDefaults;
}

void Transfer::configure(const HttpClient::Options& client, const ProxyEnvironment& proxies,
                         int64_t timeout_ms) {
    curl_easy_reset(easy.get());
    response = FetchResponse();
    header_bytes_ = 0;
    decoder_.reset();
    error_text_[0] = '\0';

    curl_easy_setopt(easy.get(), CURLOPT_PRIVATE, this);
    curl_easy_setopt(easy.get(), CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy.get(), CURLOPT_ERRORBUFFER, error_text_);
    curl_easy_setopt(easy.get(), CURLOPT_URL, url.text.c_str());
    curl_easy_setopt(easy.get(), CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy.get(), CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy.get(), CURLOPT_TIMEOUT_MS, static_cast<long>(timeout_ms));
    curl_easy_setopt(
        easy.get(), CURLOPT_CONNECTTIMEOUT_MS,
        static_cast<long>(std::min<int64_t>(timeout_ms, client.connect_timeout.count())));
    curl_easy_setopt(easy.get(), CURLOPT_MAXAGE_CONN,
                     static_cast<long>(client.idle_connection_age.count()));
    curl_easy_setopt(easy.get(), CURLOPT_USERAGENT, client.user_agent.c_str());
    curl_easy_setopt(easy.get(), CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy.get(), CURLOPT_HEADERDATA, this);
    curl_easy_setopt(easy.get(), CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy.get(), CURLOPT_WRITEDATA, this);
    curl_easy_setopt(easy.get(), CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(easy.get(), CURLOPT_HTTP_VERSION,
                     options().enable_http2 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1);
    if (request.measures) {
        curl_easy_setopt(easy.get(), CURLOPT_FRESH_CONNECT, 1L);
        curl_easy_setopt(easy.get(), CURLOPT_FORBID_REUSE, 1L);
        curl_easy_setopt(easy.get(), CURLOPT_DNS_CACHE_TIMEOUT, 0L);
        curl_easy_setopt(easy.get(), CURLOPT_CERTINFO, 1L);
    }
    set_method();
    set_server_name();
    set_headers();
    set_proxy(proxies);
    set_tls();
}

void Transfer::set_method() {
    if (request.method == "HEAD") {
        curl_easy_setopt(easy.get(), CURLOPT_NOBODY, 1L);
    } else if (request.method == "GET" && request.body.empty()) {
        curl_easy_setopt(easy.get(), CURLOPT_HTTPGET, 1L);
    } else {
        curl_easy_setopt(easy.get(), CURLOPT_POST, 1L);
        curl_easy_setopt(easy.get(), CURLOPT_POSTFIELDS, request.body.data());
        curl_easy_setopt(easy.get(), CURLOPT_POSTFIELDSIZE_LARGE,
                         static_cast<curl_off_t>(request.body.size()));
        curl_easy_setopt(easy.get(), CURLOPT_CUSTOMREQUEST, request.method.c_str());
    }
}

// TLS to another name than the URL's: the URL gets that name, the connection goes to the URL's
// host.
void Transfer::set_server_name() {
    connect_to_.reset();
    const std::string& name = options().tls.server_name;
    if (name.empty() || url.scheme != "https" || name == url.host) return;
    const size_t path = url.text.find_first_of("/?", url.scheme.size() + 3);
    const std::string rest = path == std::string::npos ? "" : url.text.substr(path);
    const std::string renamed = fmt::format("https://{}:{}{}", name, url.port, rest);
    curl_easy_setopt(easy.get(), CURLOPT_URL, renamed.c_str());
    append(connect_to_, fmt::format("{}:{}:{}:{}", name, url.port, url.host, url.port));
    curl_easy_setopt(easy.get(), CURLOPT_CONNECT_TO, connect_to_.get());
}

void Transfer::set_headers() {
    Headers all = request.headers;
    if (connect_to_ && !all.has("Host")) {
        all.add("Host", url.port == 443 ? url.host : fmt::format("{}:{}", url.host, url.port));
    }
    if (sends_secrets) {
        for (const auto& [name, value] : secrets.headers) all.remove(name);
        for (const auto& [name, value] : secrets.headers) all.add(name, value);
    }
    if (request.accept_gzip && !all.has("Accept-Encoding")) {
        all.add("Accept-Encoding", request.accept_zstd ? "zstd, gzip;q=0.9" : "gzip");
    }
    headers_.reset();
    for (const auto& [name, value] : all) append(headers_, header_line(name, value));
    // libcurl's own ideas: no waiting for 100 Continue, no Content-Type of a form.
    if (!all.has("Expect")) append(headers_, "Expect:");
    if (!all.has("Content-Type")) append(headers_, "Content-Type:");
    if (!all.has("Accept")) append(headers_, "Accept:");
    curl_easy_setopt(easy.get(), CURLOPT_HTTPHEADER, headers_.get());
    curl_easy_setopt(easy.get(), CURLOPT_HEADEROPT, static_cast<long>(CURLHEADER_SEPARATE));
}

void Transfer::set_proxy(const ProxyEnvironment& proxies) {
    const ProxyOptions& proxy = options().proxy;
    const std::string chosen = choose_proxy(url, proxy, proxies);
    // Empty, rather than not set: libcurl would look into the environment.
    curl_easy_setopt(easy.get(), CURLOPT_PROXY, chosen.c_str());
    curl_easy_setopt(easy.get(), CURLOPT_NOPROXY, "");
    proxy_headers_.reset();
    for (const auto& [name, value] : proxy.connect_headers) {
        append(proxy_headers_, header_line(name, value));
    }
    curl_easy_setopt(easy.get(), CURLOPT_PROXYHEADER, proxy_headers_.get());
}

// Contents rather than paths, so that a file that changed is a new connection.
void Transfer::set_tls() {
    const TlsClientOptions& tls = options().tls;
    if (!secrets.ca.empty()) set_blob(easy.get(), CURLOPT_CAINFO_BLOB, secrets.ca);
    if (sends_secrets && !secrets.cert.empty()) {
        set_blob(easy.get(), CURLOPT_SSLCERT_BLOB, secrets.cert);
        curl_easy_setopt(easy.get(), CURLOPT_SSLCERTTYPE, "PEM");
        set_blob(easy.get(), CURLOPT_SSLKEY_BLOB, secrets.key);
        curl_easy_setopt(easy.get(), CURLOPT_SSLKEYTYPE, "PEM");
    }
    curl_easy_setopt(easy.get(), CURLOPT_SSLVERSION, curl_ssl_version(tls));
    if (tls.insecure_skip_verify) {
        curl_easy_setopt(easy.get(), CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(easy.get(), CURLOPT_SSL_VERIFYHOST, 0L);
    }
}

void Transfer::take_header(std::string_view line) {
    header_bytes_ += line.size();
    if (header_bytes_ > kHeaderBytesMax) {
        error = exhausted("the answer's header is longer than {} bytes", kHeaderBytesMax);
        return;
    }
    while (line.ends_with('\r') || line.ends_with('\n')) line.remove_suffix(1);
    if (line.starts_with("HTTP/")) {  // the status line; the one before was interim
        response.headers = Headers();
        decoder_.reset();
        if (request.measures && url.scheme == "https") {
            // Only while the leg runs.
            curl_tlssessioninfo* session = nullptr;
            curl_easy_getinfo(easy.get(), CURLINFO_TLS_SSL_PTR, &session);
            if (session != nullptr && session->backend == CURLSSLBACKEND_OPENSSL &&
                session->internals != nullptr) {
                measured.tls_version = SSL_get_version(static_cast<const SSL*>(session->internals));
            }
        }
        return;
    }
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos) return;
    std::string_view value = line.substr(colon + 1);
    while (!value.empty() && (value.front() == ' ' || value.front() == '\t'))
        value.remove_prefix(1);
    while (!value.empty() && (value.back() == ' ' || value.back() == '\t')) value.remove_suffix(1);
    response.headers.add(line.substr(0, colon), value);
}

void Transfer::take_body(std::string_view bytes) {
    if (response.wire_bytes == 0) begin_body();
    response.wire_bytes += bytes.size();
    if (will_follow()) return;
    if (decoder_) {
        const Result<void> decoded = decoder_->decode(bytes, response.body);
        if (!decoded.ok()) error = decoded.error();
    } else if (bytes.size() > request.body_bytes_max - response.body.size()) {
        error = exhausted("the answer's body is longer than {} bytes", request.body_bytes_max);
    } else {
        response.body += bytes;
    }
}

void Transfer::begin_body() {
    long status = 0;
    curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &status);
    response.status = static_cast<int>(status);
    const std::string_view coding = response.headers.get("Content-Encoding");
    if (request.accept_gzip &&
        (equals_ignoring_case(coding, "gzip") || equals_ignoring_case(coding, "x-gzip"))) {
        decoder_ = std::make_unique<GzipDecoder>(request.body_bytes_max);
    } else if (request.accept_zstd && equals_ignoring_case(coding, "zstd")) {
        decoder_ = std::make_unique<ZstdDecoder>(request.body_bytes_max);
    }
}

// libcurl counts each phase from the begin of the leg.
void Transfer::measure_leg() {
    const auto seconds = [&](CURLINFO info) {
        curl_off_t microseconds = 0;
        curl_easy_getinfo(easy.get(), info, &microseconds);
        return static_cast<double>(microseconds) / 1e6;
    };
    const double resolved = seconds(CURLINFO_NAMELOOKUP_TIME_T);
    const double connected = seconds(CURLINFO_CONNECT_TIME_T);
    const double secured = std::max(seconds(CURLINFO_APPCONNECT_TIME_T), connected);
    const double answered = seconds(CURLINFO_STARTTRANSFER_TIME_T);
    measured.resolve += resolved;
    measured.connect += std::max(0.0, connected - resolved);
    measured.tls += secured - connected;
    measured.processing += std::max(0.0, answered - secured);
    measured.transfer += std::max(0.0, seconds(CURLINFO_TOTAL_TIME_T) - answered);
    measured.redirect_count = redirect_count;

    long version = 0;
    curl_easy_getinfo(easy.get(), CURLINFO_HTTP_VERSION, &version);
    measured.http_version = version == CURL_HTTP_VERSION_1_0   ? 1.0
                            : version == CURL_HTTP_VERSION_2_0 ? 2.0
                                                               : 1.1;
    const char* address = nullptr;
    curl_easy_getinfo(easy.get(), CURLINFO_PRIMARY_IP, &address);
    measured.address = address == nullptr ? "" : address;
    if (url.scheme != "https") measured.tls_version.clear();

    measured.certificates.clear();
    curl_certinfo* chain = nullptr;
    curl_easy_getinfo(easy.get(), CURLINFO_CERTINFO, &chain);
    for (int i = 0; chain != nullptr && i < chain->num_of_certs; ++i) {
        for (const curl_slist* line = chain->certinfo[i]; line != nullptr; line = line->next) {
            const std::string_view text = line->data;
            if (text.starts_with("Cert:")) measured.certificates.emplace_back(text.substr(5));
        }
    }
}

Result<void> Transfer::finish_leg() {
    if (response.wire_bytes == 0) begin_body();
    if (request.measures) measure_leg();
    const bool was_packed = decoder_ && response.wire_bytes > 0 && !will_follow();
    return was_packed ? decoder_->finish() : Result<void>();
}

bool Transfer::will_follow() const {
    return options().follow_redirects && is_redirect(response.status) &&
           response.headers.has("Location");
}

Result<void> Transfer::turn_to_redirect() {
    KW_TRY_ASSIGN(Url next, resolve_url(url, response.headers.get("Location")));
    // What was left behind once does not come back, wherever the way leads.
    if (!keeps_credentials(url, next)) sends_secrets = false;
    const bool keeps_method =
        response.status == 307 || response.status == 308 || request.method == "HEAD";
    if (!keeps_method) {
        request.method = "GET";
        request.body.clear();
    }
    url = std::move(next);
    return {};
}

Error Transfer::describe(CURLcode code) const {
    if (error) return *error;
    const std::string detail = error_text_[0] ? error_text_ : curl_easy_strerror(code);
    switch (code) {
        case CURLE_OPERATION_TIMEDOUT: return timed_out("{}", detail);
        case CURLE_COULDNT_CONNECT: {
            long number = 0;
            curl_easy_getinfo(easy.get(), CURLINFO_OS_ERRNO, &number);
            if (number == 0) return unavailable("{}", detail);
            return unavailable("connect to {}:{}: {}", url.host, url.port,
                               std::generic_category().message(static_cast<int>(number)));
        }
        case CURLE_URL_MALFORMAT:
        case CURLE_SSL_CERTPROBLEM:
        case CURLE_SSL_CACERT_BADFILE: return invalid("{}", detail);
        default: return unavailable("{}", detail);
    }
}

}  // namespace kw::net
