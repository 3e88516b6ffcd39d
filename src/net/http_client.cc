#include "net/http_client.h"

#include <curl/curl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <set>
#include <thread>
#include <unordered_map>

#include "base/check.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "base/thread_pool.h"
#include "net/proxy_choice.h"
#include "net/token_cache.h"
#include "net/token_fetch.h"
#include "net/transfer.h"

namespace kw::net {
namespace {

constexpr std::chrono::milliseconds kPollMax{60'000};

}  // namespace

class HttpClient::Impl final {
 public:
    Impl(Environment& env, const Options& options)
        : env_(env),
          options_(options),
          proxies_(ProxyEnvironment::of_process()),
          tokens_(std::chrono::nanoseconds(options.token_retry).count(),
                  std::chrono::nanoseconds(options.token_renewal).count()) {
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
        curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS,
                          static_cast<long>(options_.idle_connections_max));
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
        transfer->deadline_ns =
            steady_now_ns() + std::chrono::nanoseconds(transfer->request.timeout).count();
        if (Result<void> prepared = transfer->prepare(env_.files); !prepared.ok()) {
            transfer->error = std::move(prepared).error();
        } else if (transfer->options().oauth2) {
            if (Result<void> found = find_token(*transfer); !found.ok()) {
                transfer->error = std::move(found).error();
            }
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

    // Gives the transfer the token that is there, or what fetches one. By who asks, since it reads
    // files. Errors: of the files; of the last fetch, when that was just now.
    Result<void> find_token(Transfer& transfer) {
        const OAuth2Options& oauth2 = *transfer.options().oauth2;
        Result<std::string> secret = read_source(env_.files, oauth2.secret);
        if (!secret.ok()) return std::move(secret).error().with_context("oauth2");
        TokenCache::Found found = tokens_.find(oauth2, *secret, steady_now_ns());
        transfer.token_source = found.source;
        if (!found.authorization.empty()) {
            transfer.use_authorization(found.authorization);
            return {};
        }
        if (found.failure) return *std::move(found.failure);
        auto fetch = std::make_unique<TokenFetch>();
        fetch->owner = transfer.request.options;
        fetch->secret = std::move(secret).value();
        fetch->source = found.source;
        fetch->auth = found.auth;
        KW_TRY(fetch->prepare(env_.files, options_.token_timeout));
        transfer.token_fetch = std::move(fetch);
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
            end_overdue();
            if (!take_orders()) break;
        }
        while (!running_.empty())
            finish(running_.begin()->first, cancelled("the client is stopping"));
    }

    int wait_ms() const {
        const int64_t next_ns =
            waiting_until_.empty() ? timer_ns_ : std::min(timer_ns_, waiting_until_.begin()->first);
        if (next_ns == INT64_MAX) return static_cast<int>(kPollMax.count());
        // Rounded up: waking early would only mean another round.
        const int64_t left_ms = (next_ns - steady_now_ns() + 999'999) / 1'000'000;
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
            } else if (entered.token_fetch) {
                await_token(entered);
            } else {
                begin(entered);
            }
        }
        for (const FetchId id : stopped) finish(id, cancelled("the fetch was cancelled"));
        return !stopping;
    }

    // Has the transfer wait for a token: for the fetch that runs, or for its own.
    void await_token(Transfer& transfer) {
        const uint64_t source = transfer.token_source;
        if (const auto running = token_waits_.find(source); running != token_waits_.end()) {
            running->second.transfers.push_back(transfer.id);
            waiting_until_.emplace(transfer.deadline_ns, transfer.id);
            return;
        }
        // One may have come since this transfer was made.
        const TokenFetch& fetch = *transfer.token_fetch;
        TokenCache::Found found = tokens_.find(fetch.options(), fetch.secret, steady_now_ns());
        if (!found.authorization.empty()) {
            transfer.use_authorization(found.authorization);
            return begin(transfer);
        }
        if (found.failure) return finish(transfer.id, *std::move(found.failure));
        TokenWait& wait = token_waits_[source];
        wait.fetch = std::move(transfer.token_fetch);
        wait.transfers.push_back(transfer.id);
        waiting_until_.emplace(transfer.deadline_ns, transfer.id);
        ask_for_token(source,
                      found.auth == ClientAuth::kBody ? ClientAuth::kBody : ClientAuth::kHeader);
    }

    void ask_for_token(uint64_t source, ClientAuth how) {
        Result<std::unique_ptr<Transfer>> made =
            token_waits_.at(source).fetch->attempt(how, env_.clock.now());
        if (!made.ok()) return end_token_wait(source, std::move(made).error());
        const FetchId id = next_id_.fetch_add(1) + 1;
        Transfer& asking = *(running_[id] = std::move(made).value());
        asking.id = id;
        asking.deadline_ns =
            steady_now_ns() + std::chrono::nanoseconds(options_.token_timeout).count();
        asking.callback = [this, source](Result<FetchResponse> answer) {
            token_answered(source, std::move(answer));
        };
        begin(asking);
    }

    void token_answered(uint64_t source, Result<FetchResponse> answer) {
        TokenFetch& fetch = *token_waits_.at(source).fetch;
        const bool was_answered = answer.ok();
        Result<Token> token = fetch.read(std::move(answer));
        const bool tries_body = !token.ok() && was_answered && fetch.auth == ClientAuth::kUnknown &&
                                fetch.attempted == ClientAuth::kHeader &&
                                fetch.options().grant == OAuth2Options::Grant::kClientCredentials;
        if (tries_body) return ask_for_token(source, ClientAuth::kBody);
        end_token_wait(source, std::move(token));
    }

    void end_token_wait(uint64_t source, Result<Token> token) {
        const TokenWait wait = std::move(token_waits_.extract(source).mapped());
        if (token.ok()) {
            tokens_.keep(source, *token, wait.fetch->attempted, steady_now_ns());
        } else if (token.error().code != Code::kCancelled) {
            tokens_.fail(source, token.error(), steady_now_ns());
        }
        for (const FetchId id : wait.transfers) {
            const auto it = running_.find(id);
            if (it == running_.end()) continue;  // it was cancelled, or its time was over
            Transfer& transfer = *it->second;
            waiting_until_.erase({transfer.deadline_ns, id});
            if (!token.ok()) {
                finish(id, token.error());
            } else {
                transfer.use_authorization(token->authorization);
                begin(transfer);
            }
        }
    }

    // Ends the transfers whose time is over while they wait for a token.
    void end_overdue() {
        while (!waiting_until_.empty() && waiting_until_.begin()->first <= steady_now_ns()) {
            const FetchId id = waiting_until_.begin()->second;
            const Transfer& transfer = *running_.at(id);
            finish(id, timed_out("oauth2: no token from {} within {} ms",
                                 shown_token_url(*transfer.options().oauth2),
                                 transfer.request.timeout.count()));
        }
    }

    // Sends the transfer's request to its URL.
    void begin(Transfer& transfer) {
        const int64_t left_ms = (transfer.deadline_ns - steady_now_ns()) / 1'000'000;
        if (left_ms <= 0) {
            return finish(transfer.id,
                          timed_out("no answer within {} ms", transfer.request.timeout.count()));
        }
        if (!transfer.easy) {
            if (idle_handles_.empty()) {
                transfer.easy.reset(curl_easy_init());
            } else {
                transfer.easy = std::move(idle_handles_.back());
                idle_handles_.pop_back();
            }
        }
        if (!transfer.easy) return finish(transfer.id, exhausted("no memory for a transfer"));
        transfer.configure(options_, proxies_, left_ms);
        if (curl_multi_add_handle(multi_, transfer.easy.get()) != CURLM_OK) {
            finish(transfer.id, unavailable("libcurl refused the transfer"));
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
        if (code != CURLE_OK) return finish(transfer.id, transfer.describe(code));
        if (Result<void> whole = transfer.finish_leg(); !whole.ok()) {
            return finish(transfer.id, std::move(whole).error());
        }
        if (transfer.will_follow()) return follow(transfer);
        if (transfer.response.status == 401 && transfer.token_source != 0) {
            tokens_.reject(transfer.token_source, transfer.secrets.headers.get("Authorization"),
                           steady_now_ns());
        }
        transfer.response.url = transfer.url.text;
        if (transfer.request.measures) transfer.response.measured = std::move(transfer.measured);
        finish(transfer.id, std::move(transfer.response));
    }

    void follow(Transfer& transfer) {
        if (++transfer.redirect_count > options_.redirects_max) {
            return finish(transfer.id,
                          unavailable("stopped after {} redirects", options_.redirects_max));
        }
        if (Result<void> turned = transfer.turn_to_redirect(); !turned.ok()) {
            return finish(transfer.id, std::move(turned).error().with_context("redirect"));
        }
        begin(transfer);
    }

    // Ends a running transfer; an id that is not running is fine.
    void finish(FetchId id, Result<FetchResponse> result) {
        const auto it = running_.find(id);
        if (it == running_.end()) return;
        const std::unique_ptr<Transfer> transfer = std::move(it->second);
        running_.erase(it);
        waiting_until_.erase({transfer->deadline_ns, id});
        if (transfer->easy) {
            curl_multi_remove_handle(multi_, transfer->easy.get());
            curl_easy_reset(transfer->easy.get());
            if (idle_handles_.size() < kIdleHandlesMax)
                idle_handles_.push_back(std::move(transfer->easy));
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
        // A descriptor that was closed and opened again is new to epoll, though libcurl may know
        // it.
        const int first = known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
        if (epoll_ctl(self->epoll_, first, socket, &event) != 0) {
            epoll_ctl(self->epoll_, first == EPOLL_CTL_MOD ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, socket,
                      &event);
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

    // Requests that wait for one token.
    struct TokenWait {
        std::unique_ptr<TokenFetch> fetch;
        std::vector<FetchId> transfers;
    };

    Environment& env_;
    const Options options_;
    const ProxyEnvironment proxies_;
    TokenCache tokens_;
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
    std::unordered_map<uint64_t, TokenWait> token_waits_;  // by source
    std::set<std::pair<int64_t, FetchId>> waiting_until_;  // deadlines of those that wait
    std::vector<Easy> idle_handles_;
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
    const int ways = static_cast<int>(options.basic_auth.has_value()) +
                     static_cast<int>(options.authorization.has_value()) +
                     static_cast<int>(options.oauth2.has_value());
    if (ways > 1) {
        return invalid("at most one of basic_auth, authorization and oauth2 may be given");
    }
    if (options.authorization && equals_ignoring_case(options.authorization->type, "basic")) {
        return invalid("authorization type cannot be Basic: use basic_auth");
    }
    for (const ExtraHeader& header : options.headers) {
        for (const std::string& value : header.values) KW_TRY(check_header(header.name, value));
        for (const std::string& value : header.secrets) KW_TRY(check_header(header.name, value));
        KW_TRY(check_header(header.name, ""));
    }
    for (const auto& [name, value] : options.proxy.connect_headers)
        KW_TRY(check_header(name, value));
    const TlsClientOptions& tls = options.tls;
    if (tls.cert.empty() != tls.key.empty())
        return invalid("cert and key must both be given or neither");
    if (tls.min_version != TlsVersion::kDefault && tls.max_version != TlsVersion::kDefault &&
        tls.min_version > tls.max_version) {
        return invalid("min_version is above max_version");
    }
    return {};
}

}  // namespace kw::net
