#include "net/http_client.h"

#include <curl/curl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <deque>
#include <system_error>
#include <thread>
#include <unordered_map>

#include "base/check.h"
#include "base/clock.h"
#include "base/fs/file_system.h"
#include "base/mutex.h"
#include "base/thread_pool.h"
#include "net/basic_auth.h"
#include "net/gzip.h"
#include "net/proxy_choice.h"
#include "net/url.h"

namespace kw::net {
namespace {

constexpr uint64_t kOptionFileBytesMax = 1 << 20;
constexpr size_t kHeaderBytesMax = 256 << 10;  // of one answer
constexpr std::chrono::milliseconds kPollMax{60'000};

// A header with a line break in it would be two.
Result<void> check_header(std::string_view name, std::string_view value) {
    if (!is_token(name)) return invalid("{:?} is not a header's name", std::string(name));
    if (!is_field_value(value)) return invalid("the value of header {} has a control character", name);
    return {};
}

Result<std::string> read_source(fs::FileSystem& files, const TextOrFile& source) {
    if (source.file.empty()) return source.text;
    KW_TRY_ASSIGN(std::string content, fs::read_file(files, source.file, kOptionFileBytesMax));
    while (!content.empty() && std::strchr(" \t\r\n", content.back())) content.pop_back();
    const size_t start = content.find_first_not_of(" \t\r\n");
    return start == std::string::npos ? std::string() : content.substr(start);
}

// What the options say once their files are read.
struct Secrets {
    Headers headers;  // Authorization and http_headers
    std::string ca;
    std::string cert;
    std::string key;
};

Result<Secrets> read_secrets(fs::FileSystem& files, const HttpClientOptions& options, const Url& url) {
    Secrets secrets;
    if (options.basic_auth) {
        KW_TRY_ASSIGN(const std::string user, read_source(files, options.basic_auth->username));
        KW_TRY_ASSIGN(const std::string password, read_source(files, options.basic_auth->password));
        secrets.headers.set("Authorization", basic_authorization(user, password));
    } else if (options.authorization) {
        KW_TRY_ASSIGN(const std::string credentials, read_source(files, options.authorization->credentials));
        secrets.headers.set("Authorization", options.authorization->type + " " + credentials);
    } else if (!url.user.empty()) {
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

long ssl_version_option(const TlsClientOptions& tls) {
    long lowest = CURL_SSLVERSION_TLSv1_2;
    switch (tls.min_version) {
        case TlsVersion::kTls10: lowest = CURL_SSLVERSION_TLSv1_0; break;
        case TlsVersion::kTls11: lowest = CURL_SSLVERSION_TLSv1_1; break;
        case TlsVersion::kTls13: lowest = CURL_SSLVERSION_TLSv1_3; break;
        case TlsVersion::kTls12:
        case TlsVersion::kDefault: break;
    }
    switch (tls.max_version) {
        case TlsVersion::kTls10: return lowest | CURL_SSLVERSION_MAX_TLSv1_0;
        case TlsVersion::kTls11: return lowest | CURL_SSLVERSION_MAX_TLSv1_1;
        case TlsVersion::kTls12: return lowest | CURL_SSLVERSION_MAX_TLSv1_2;
        case TlsVersion::kTls13: return lowest | CURL_SSLVERSION_MAX_TLSv1_3;
        case TlsVersion::kDefault: break;
    }
    return lowest;
}

struct SlistDeleter {
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using Slist = std::unique_ptr<curl_slist, SlistDeleter>;

void append(Slist& list, const std::string& line) {
    list.reset(curl_slist_append(list.release(), line.c_str()));
}

std::string header_line(std::string_view name, std::string_view value) {
    // "Name;" is how libcurl is told to send an empty value.
    return value.empty() ? fmt::format("{};", name) : fmt::format("{}: {}", name, value);
}

struct EasyDeleter {
    void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};

const HttpClientOptions& default_options() {
    static const HttpClientOptions options;
    return options;
}

// One fetch, over all its redirects. Belongs to the client's thread once it was handed over.
struct Transfer {
    Fetcher::FetchId id = 0;
    FetchRequest request;
    FetchCallback callback;
    Url url;
    Secrets secrets;
    bool sends_secrets = true;
    uint32_t redirect_count = 0;
    int64_t deadline_ns = 0;

    std::unique_ptr<CURL, EasyDeleter> easy;
    Slist headers;
    Slist proxy_headers;
    Slist connect_to;
    char error_text[CURL_ERROR_SIZE] = {};
    FetchResponse response;
    size_t header_bytes = 0;
    std::unique_ptr<GzipDecoder> decoder;
    std::optional<Error> error;  // found in a callback of libcurl's

    const HttpClientOptions& options() const {
        return request.options ? *request.options : default_options();
    }
    bool will_follow() const {
        return options().follow_redirects && is_redirect(response.status) && response.headers.has("Location");
    }

    void take_header(std::string_view line) {
        header_bytes += line.size();
        if (header_bytes > kHeaderBytesMax) {
            error = exhausted("the answer's header is longer than {} bytes", kHeaderBytesMax);
            return;
        }
        while (line.ends_with('\r') || line.ends_with('\n')) line.remove_suffix(1);
        if (line.starts_with("HTTP/")) {  // the status line; the one before was interim
            response.headers = Headers();
            decoder.reset();
            return;
        }
        const size_t colon = line.find(':');
        if (colon == std::string_view::npos) return;
        std::string_view value = line.substr(colon + 1);
        while (!value.empty() && (value.front() == ' ' || value.front() == '\t')) value.remove_prefix(1);
        while (!value.empty() && (value.back() == ' ' || value.back() == '\t')) value.remove_suffix(1);
        response.headers.add(line.substr(0, colon), value);
    }

    void take_body(std::string_view bytes) {
        if (response.wire_bytes == 0) begin_body();
        response.wire_bytes += bytes.size();
        if (will_follow()) return;
        if (decoder) {
            const Result<void> decoded = decoder->decode(bytes, response.body);
            if (!decoded.ok()) error = decoded.error();
        } else if (bytes.size() > request.body_bytes_max - response.body.size()) {
            error = exhausted("the answer's body is longer than {} bytes", request.body_bytes_max);
        } else {
            response.body += bytes;
        }
    }

    void begin_body() {
        long status = 0;
        curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &status);
        response.status = static_cast<int>(status);
        const std::string_view coding = response.headers.get("Content-Encoding");
        if (request.accept_gzip && (equals_ignoring_case(coding, "gzip") || equals_ignoring_case(coding, "x-gzip"))) {
            decoder = std::make_unique<GzipDecoder>(request.body_bytes_max);
        }
    }
};

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

Error describe(const Transfer& transfer, CURLcode code) {
    if (transfer.error) return *transfer.error;
    const std::string detail =
        transfer.error_text[0] ? transfer.error_text : curl_easy_strerror(code);
    switch (code) {
        case CURLE_OPERATION_TIMEDOUT:
            return timed_out("{}", detail);
        case CURLE_COULDNT_CONNECT: {
            long number = 0;
            curl_easy_getinfo(transfer.easy.get(), CURLINFO_OS_ERRNO, &number);
            if (number == 0) return unavailable("{}", detail);
            return unavailable("connect to {}:{}: {}", transfer.url.host, transfer.url.port,
                               std::generic_category().message(static_cast<int>(number)));
        }
        case CURLE_URL_MALFORMAT:
        case CURLE_SSL_CERTPROBLEM:
        case CURLE_SSL_CACERT_BADFILE:
            return invalid("{}", detail);
        default:
            return unavailable("{}", detail);
    }
}

}  // namespace

class HttpClient::Impl final {
 public:
    Impl(Environment& env, const Options& options)
        : env_(env), options_(options), proxies_(ProxyEnvironment::of_process()) {
        static const CURLcode initialised = curl_global_init(CURL_GLOBAL_DEFAULT);
        KW_CHECK(initialised == CURLE_OK);
        multi_ = curl_multi_init();
        epoll_ = epoll_create1(EPOLL_CLOEXEC);
        wake_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        KW_CHECK(multi_ && epoll_ >= 0 && wake_ >= 0);
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.fd = wake_;
        KW_CHECK(epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_, &event) == 0);
        curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &Impl::on_socket);
        curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
        curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &Impl::on_timer);
        curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
        curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, static_cast<long>(options_.idle_connections_max));
        thread_ = std::jthread([this] { run(); });
        pthread_setname_np(thread_.native_handle(), "http-client");
    }

    ~Impl() {
        {
            MutexLock lock(mutex_);
            stopping_ = true;
        }
        poke();
        thread_.join();
        curl_multi_cleanup(multi_);
        close(wake_);
        close(epoll_);
    }

    FetchId fetch(FetchRequest request, FetchCallback callback) KW_EXCLUDES(mutex_) {
        auto transfer = std::make_unique<Transfer>();
        transfer->id = next_id_.fetch_add(1) + 1;
        transfer->request = std::move(request);
        transfer->callback = std::move(callback);
        transfer->deadline_ns = steady_now_ns() + std::chrono::nanoseconds(transfer->request.timeout).count();
        if (Result<void> prepared = prepare(*transfer); !prepared.ok()) {
            transfer->error = std::move(prepared).error();
        }
        const FetchId id = transfer->id;
        {
            MutexLock lock(mutex_);
            started_.push_back(std::move(transfer));
        }
        poke();
        return id;
    }

    void cancel(FetchId id) KW_EXCLUDES(mutex_) {
        {
            MutexLock lock(mutex_);
            cancelled_.push_back(id);
        }
        poke();
    }

 private:
    // The network's time is real even where a test owns the clock.
    static int64_t steady_now_ns() {
        return std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds(1);
    }

    // On the caller's thread: what may read files.
    Result<void> prepare(Transfer& transfer) {
        KW_TRY_ASSIGN(transfer.url, parse_url(transfer.request.url));
        if (!is_token(transfer.request.method)) return invalid("{:?} is not a method", transfer.request.method);
        for (const auto& [name, value] : transfer.request.headers) KW_TRY(check_header(name, value));
        KW_TRY_ASSIGN(transfer.secrets, read_secrets(env_.files, transfer.options(), transfer.url));
        return {};
    }

    void poke() const {
        const uint64_t one = 1;
        // Fails only when the counter is full, and then the thread is awake anyway.
        (void)!write(wake_, &one, sizeof one);
    }

    // ---- the client's thread ----

    void run() KW_EXCLUDES(mutex_) {
        for (;;) {
            epoll_event events[256];
            const int count = epoll_wait(epoll_, events, std::size(events), wait_ms());
            for (int i = 0; i < count; ++i) {
                if (events[i].data.fd == wake_) {
                    uint64_t drained = 0;
                    (void)!read(wake_, &drained, sizeof drained);
                    continue;
                }
                int action = 0;
                if (events[i].events & (EPOLLIN | EPOLLHUP)) action |= CURL_CSELECT_IN;
                if (events[i].events & EPOLLOUT) action |= CURL_CSELECT_OUT;
                if (events[i].events & EPOLLERR) action |= CURL_CSELECT_ERR;
                int running = 0;
                curl_multi_socket_action(multi_, events[i].data.fd, action, &running);
            }
            if (timer_ns_ != INT64_MAX && steady_now_ns() >= timer_ns_) {
                timer_ns_ = INT64_MAX;
                int running = 0;
                curl_multi_socket_action(multi_, CURL_SOCKET_TIMEOUT, 0, &running);
            }
            collect_finished();
            if (!take_orders()) break;
        }
        while (!running_.empty()) finish(running_.begin()->first, cancelled("the client is stopping"));
    }

    int wait_ms() const {
        if (timer_ns_ == INT64_MAX) return static_cast<int>(kPollMax.count());
        // Rounded up: waking early would only mean another round.
        const int64_t left_ms = (timer_ns_ - steady_now_ns() + 999'999) / 1'000'000;
        return static_cast<int>(std::clamp<int64_t>(left_ms, 0, kPollMax.count()));
    }

    // Starts and cancels what was asked for. False when it is time to end.
    bool take_orders() KW_EXCLUDES(mutex_) {
        std::deque<std::unique_ptr<Transfer>> started;
        std::vector<FetchId> stopped;
        bool stopping = false;
        {
            MutexLock lock(mutex_);
            started.swap(started_);
            stopped.swap(cancelled_);
            stopping = stopping_;
        }
        for (std::unique_ptr<Transfer>& transfer : started) {
            const FetchId id = transfer->id;
            Transfer& entered = *(running_[id] = std::move(transfer));
            if (entered.error) {
                finish(id, *entered.error);
            } else {
                begin(entered);
            }
        }
        for (const FetchId id : stopped) finish(id, cancelled("the fetch was cancelled"));
        return !stopping;
    }

    // Sends the transfer's request to its URL.
    void begin(Transfer& transfer) {
        const int64_t left_ms = (transfer.deadline_ns - steady_now_ns()) / 1'000'000;
        if (left_ms <= 0) {
            return finish(transfer.id, timed_out("no answer within {} ms", transfer.request.timeout.count()));
        }
        if (!transfer.easy) {
            if (idle_handles_.empty()) {
                transfer.easy.reset(curl_easy_init());
            } else {
                transfer.easy = std::move(idle_handles_.back());
                idle_handles_.pop_back();
            }
        }
        CURL* easy = transfer.easy.get();
        if (!easy) return finish(transfer.id, exhausted("no memory for a transfer"));
        curl_easy_reset(easy);
        transfer.response = FetchResponse();
        transfer.header_bytes = 0;
        transfer.decoder.reset();
        transfer.error_text[0] = '\0';

        curl_easy_setopt(easy, CURLOPT_PRIVATE, &transfer);
        curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer.error_text);
        curl_easy_setopt(easy, CURLOPT_URL, transfer.url.text.c_str());
        curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
        curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
        curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(left_ms));
        curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                         static_cast<long>(std::min<int64_t>(left_ms, options_.connect_timeout.count())));
        curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, static_cast<long>(options_.idle_connection_age.count()));
        curl_easy_setopt(easy, CURLOPT_USERAGENT, options_.user_agent.c_str());
        curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
        curl_easy_setopt(easy, CURLOPT_HEADERDATA, &transfer);
        curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
        curl_easy_setopt(easy, CURLOPT_WRITEDATA, &transfer);
        curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
        curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
                         transfer.options().enable_http2 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1);
        set_method(transfer);
        set_server_name(transfer);
        set_headers(transfer);
        set_proxy(transfer);
        set_tls(transfer);
        if (curl_multi_add_handle(multi_, easy) != CURLM_OK) {
            finish(transfer.id, unavailable("libcurl refused the transfer"));
        }
    }

    static void set_method(Transfer& transfer) {
        CURL* easy = transfer.easy.get();
        const FetchRequest& request = transfer.request;
        if (request.method == "HEAD") {
            curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
        } else if (request.method == "GET" && request.body.empty()) {
            curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
        } else {
            curl_easy_setopt(easy, CURLOPT_POST, 1L);
            curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request.body.data());
            curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
            curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
        }
    }

    // TLS to another name than the URL's: the URL gets that name, the connection goes to the URL's host.
    static void set_server_name(Transfer& transfer) {
        transfer.connect_to.reset();
        const std::string& name = transfer.options().tls.server_name;
        const Url& url = transfer.url;
        if (name.empty() || url.scheme != "https" || name == url.host) return;
        const size_t path = url.text.find_first_of("/?", url.scheme.size() + 3);
        const std::string rest = path == std::string::npos ? "" : url.text.substr(path);
        const std::string renamed = fmt::format("https://{}:{}{}", name, url.port, rest);
        curl_easy_setopt(transfer.easy.get(), CURLOPT_URL, renamed.c_str());
        append(transfer.connect_to, fmt::format("{}:{}:{}:{}", name, url.port, url.host, url.port));
        curl_easy_setopt(transfer.easy.get(), CURLOPT_CONNECT_TO, transfer.connect_to.get());
    }

    static void set_headers(Transfer& transfer) {
        const FetchRequest& request = transfer.request;
        Headers headers = request.headers;
        if (transfer.connect_to && !headers.has("Host")) {
            const Url& url = transfer.url;
            headers.add("Host", url.port == 443 ? url.host : fmt::format("{}:{}", url.host, url.port));
        }
        if (transfer.sends_secrets) {
            for (const auto& [name, value] : transfer.secrets.headers) headers.remove(name);
            for (const auto& [name, value] : transfer.secrets.headers) headers.add(name, value);
        }
        if (request.accept_gzip && !headers.has("Accept-Encoding")) headers.add("Accept-Encoding", "gzip");
        transfer.headers.reset();
        for (const auto& [name, value] : headers) append(transfer.headers, header_line(name, value));
        // libcurl's own ideas: no waiting for 100 Continue, no Content-Type of a form.
        if (!headers.has("Expect")) append(transfer.headers, "Expect:");
        if (!headers.has("Content-Type")) append(transfer.headers, "Content-Type:");
        if (!headers.has("Accept")) append(transfer.headers, "Accept:");
        curl_easy_setopt(transfer.easy.get(), CURLOPT_HTTPHEADER, transfer.headers.get());
        curl_easy_setopt(transfer.easy.get(), CURLOPT_HEADEROPT, static_cast<long>(CURLHEADER_SEPARATE));
    }

    void set_proxy(Transfer& transfer) const {
        const ProxyOptions& proxy = transfer.options().proxy;
        const std::string chosen = choose_proxy(transfer.url, proxy, proxies_);
        // Empty, rather than not set: libcurl would look into the environment.
        curl_easy_setopt(transfer.easy.get(), CURLOPT_PROXY, chosen.c_str());
        curl_easy_setopt(transfer.easy.get(), CURLOPT_NOPROXY, "");
        transfer.proxy_headers.reset();
        for (const auto& [name, value] : proxy.connect_headers) {
            append(transfer.proxy_headers, header_line(name, value));
        }
        curl_easy_setopt(transfer.easy.get(), CURLOPT_PROXYHEADER, transfer.proxy_headers.get());
    }

    static void set_blob(CURL* easy, CURLoption option, const std::string& bytes) {
        curl_blob blob{const_cast<char*>(bytes.data()), bytes.size(), CURL_BLOB_NOCOPY};
        curl_easy_setopt(easy, option, &blob);
    }

    // Contents rather than paths, so that a file that changed is a new connection.
    static void set_tls(Transfer& transfer) {
        CURL* easy = transfer.easy.get();
        const TlsClientOptions& tls = transfer.options().tls;
        const Secrets& secrets = transfer.secrets;
        if (!secrets.ca.empty()) set_blob(easy, CURLOPT_CAINFO_BLOB, secrets.ca);
        if (transfer.sends_secrets && !secrets.cert.empty()) {
            set_blob(easy, CURLOPT_SSLCERT_BLOB, secrets.cert);
            curl_easy_setopt(easy, CURLOPT_SSLCERTTYPE, "PEM");
            set_blob(easy, CURLOPT_SSLKEY_BLOB, secrets.key);
            curl_easy_setopt(easy, CURLOPT_SSLKEYTYPE, "PEM");
        }
        curl_easy_setopt(easy, CURLOPT_SSLVERSION, ssl_version_option(tls));
        if (tls.insecure_skip_verify) {
            curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
            curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
        }
    }

    void collect_finished() {
        int left = 0;
        while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
            if (message->msg != CURLMSG_DONE) continue;
            const CURLcode code = message->data.result;  // `message` does not outlive the removal
            Transfer* transfer = nullptr;
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
            curl_multi_remove_handle(multi_, transfer->easy.get());
            settle(*transfer, code);
        }
    }

    void settle(Transfer& transfer, CURLcode code) {
        if (code != CURLE_OK) return finish(transfer.id, describe(transfer, code));
        if (transfer.response.wire_bytes == 0) transfer.begin_body();
        if (transfer.will_follow()) return follow(transfer);
        if (transfer.decoder && transfer.response.wire_bytes > 0) {
            if (const Result<void> whole = transfer.decoder->finish(); !whole.ok()) {
                return finish(transfer.id, whole.error());
            }
        }
        transfer.response.url = transfer.url.text;
        finish(transfer.id, std::move(transfer.response));
    }

    void follow(Transfer& transfer) {
        if (++transfer.redirect_count > options_.redirects_max) {
            return finish(transfer.id, unavailable("stopped after {} redirects", options_.redirects_max));
        }
        Result<Url> next = resolve_url(transfer.url, transfer.response.headers.get("Location"));
        if (!next.ok()) {
            return finish(transfer.id, std::move(next).error().with_context("redirect"));
        }
        if (!keeps_credentials(transfer.url, *next)) transfer.sends_secrets = false;
        const int status = transfer.response.status;
        const bool keeps_method = status == 307 || status == 308 || transfer.request.method == "HEAD";
        if (!keeps_method) {
            transfer.request.method = "GET";
            transfer.request.body.clear();
        }
        transfer.url = std::move(next).value();
        begin(transfer);
    }

    // Ends a running transfer; an id that is not running is fine.
    void finish(FetchId id, Result<FetchResponse> result) {
        const auto it = running_.find(id);
        if (it == running_.end()) return;
        const std::unique_ptr<Transfer> transfer = std::move(it->second);
        running_.erase(it);
        if (transfer->easy) {
            curl_multi_remove_handle(multi_, transfer->easy.get());
            curl_easy_reset(transfer->easy.get());
            if (idle_handles_.size() < kIdleHandlesMax) idle_handles_.push_back(std::move(transfer->easy));
        }
        if (transfer->request.callback_is_quick) return transfer->callback(std::move(result));
        struct Outcome {
            FetchCallback callback;
            Result<FetchResponse> result;
        };
        const auto outcome =
            std::make_shared<Outcome>(Outcome{std::move(transfer->callback), std::move(result)});
        const auto deliver = [outcome] { outcome->callback(std::move(outcome->result)); };
        if (!env_.pool.submit(deliver).ok()) deliver();
    }

    static int on_socket(CURL*, curl_socket_t socket, int what, void* user, void* known) {
        auto* self = static_cast<Impl*>(user);
        epoll_event event{};
        event.data.fd = socket;
        if (what == CURL_POLL_REMOVE) {
            epoll_ctl(self->epoll_, EPOLL_CTL_DEL, socket, nullptr);
            return 0;
        }
        if (what != CURL_POLL_OUT) event.events |= EPOLLIN;
        if (what != CURL_POLL_IN) event.events |= EPOLLOUT;
        // A descriptor that was closed and opened again is new to epoll, though libcurl may know it.
        const int first = known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
        if (epoll_ctl(self->epoll_, first, socket, &event) != 0) {
            epoll_ctl(self->epoll_, first == EPOLL_CTL_MOD ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, socket, &event);
        }
        curl_multi_assign(self->multi_, socket, self);
        return 0;
    }

    static int on_timer(CURLM*, long timeout_ms, void* user) {
        auto* self = static_cast<Impl*>(user);
        self->timer_ns_ = timeout_ms < 0 ? INT64_MAX : steady_now_ns() + timeout_ms * 1'000'000;
        return 0;
    }

    static constexpr size_t kIdleHandlesMax = 256;

    Environment& env_;
    const Options options_;
    const ProxyEnvironment proxies_;
    std::atomic<FetchId> next_id_{0};
    Mutex mutex_;
    std::deque<std::unique_ptr<Transfer>> started_ KW_GUARDED_BY(mutex_);
    std::vector<FetchId> cancelled_ KW_GUARDED_BY(mutex_);
    bool stopping_ KW_GUARDED_BY(mutex_) = false;
    int epoll_ = -1;
    int wake_ = -1;
    // The client's thread's:
    CURLM* multi_ = nullptr;
    int64_t timer_ns_ = INT64_MAX;
    std::unordered_map<FetchId, std::unique_ptr<Transfer>> running_;
    std::vector<std::unique_ptr<CURL, EasyDeleter>> idle_handles_;
    std::jthread thread_;
};

Result<FetchResponse> Fetcher::fetch_and_wait(FetchRequest request) {
    struct Wait {
        Mutex mutex;
        CondVar done;
        std::optional<Result<FetchResponse>> result KW_GUARDED_BY(mutex);
    };
    const auto wait = std::make_shared<Wait>();
    request.callback_is_quick = true;
    fetch(std::move(request), [wait](Result<FetchResponse> result) {
        MutexLock lock(wait->mutex);
        wait->result.emplace(std::move(result));
        wait->done.notify_all();
    });
    MutexLock lock(wait->mutex);
    while (!wait->result) wait->done.wait(wait->mutex);
    return *std::move(wait->result);
}

HttpClient::HttpClient(Environment& env, const Options& options)
    : impl_(std::make_unique<Impl>(env, options)) {}
HttpClient::~HttpClient() = default;
Fetcher::FetchId HttpClient::fetch(FetchRequest request, FetchCallback callback) {
    return impl_->fetch(std::move(request), std::move(callback));
}
void HttpClient::cancel(FetchId id) { impl_->cancel(id); }

Result<void> check_http_client_options(const HttpClientOptions& options) {
    if (options.basic_auth && options.authorization) {
        return invalid("at most one of basic_auth and authorization may be given");
    }
    if (options.authorization && equals_ignoring_case(options.authorization->type, "basic")) {
        return invalid("authorization type cannot be Basic: use basic_auth");
    }
    for (const ExtraHeader& header : options.headers) {
        for (const std::string& value : header.values) KW_TRY(check_header(header.name, value));
        for (const std::string& value : header.secrets) KW_TRY(check_header(header.name, value));
        KW_TRY(check_header(header.name, ""));
    }
    for (const auto& [name, value] : options.proxy.connect_headers) KW_TRY(check_header(name, value));
    const TlsClientOptions& tls = options.tls;
    if (tls.cert.empty() != tls.key.empty()) return invalid("cert and key must both be given or neither");
    if (tls.min_version != TlsVersion::kDefault && tls.max_version != TlsVersion::kDefault &&
        tls.min_version > tls.max_version) {
        return invalid("min_version is above max_version");
    }
    return {};
}

}  // namespace kw::net
