#include "transport.h"

#include <charconv>
#include <ctime>

#include <curl/curl.h>

namespace kilowatch {
namespace {

constexpr size_t kReplyBytesMax = 64 << 10;

class CurlTransport final : public HttpTransport {
 public:
    CurlTransport() {
        // Safe from several threads since curl 7.84, and counted: never paired with a clean-up,
        // since the host may use curl itself.
        static const CURLcode initialised = curl_global_init(CURL_GLOBAL_DEFAULT);
        if (initialised == CURLE_OK) handle_ = curl_easy_init();
    }
    ~CurlTransport() override {
        if (handle_) curl_easy_cleanup(handle_);
    }
    CurlTransport(const CurlTransport&) = delete;
    CurlTransport& operator=(const CurlTransport&) = delete;

    HttpReply post(const HttpPost& request, std::chrono::milliseconds timeout,
                   const std::atomic<bool>& cancelled) override {
        HttpReply reply;
        if (!handle_) {
            reply.error = "libcurl could not be started";
            return reply;
        }
        curl_easy_reset(handle_);  // keeps the connection
        curl_slist* headers = curl_slist_append(nullptr, "Expect:");
        for (const auto& [name, value] : request.headers) {
            std::string line = name;
            line.append(": ").append(value);
            headers = curl_slist_append(headers, line.c_str());
        }
        const auto milliseconds = static_cast<long>(timeout.count());
        curl_easy_setopt(handle_, CURLOPT_URL, request.url.c_str());
        curl_easy_setopt(handle_, CURLOPT_PROTOCOLS_STR, "http,https");
        curl_easy_setopt(handle_, CURLOPT_HTTPHEADER, headers);
        curl_easy_setopt(handle_, CURLOPT_POSTFIELDS, request.body.data());
        curl_easy_setopt(handle_, CURLOPT_POSTFIELDSIZE_LARGE,
                         static_cast<curl_off_t>(request.body.size()));
        curl_easy_setopt(handle_, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(handle_, CURLOPT_TIMEOUT_MS, milliseconds);
        curl_easy_setopt(handle_, CURLOPT_CONNECTTIMEOUT_MS, milliseconds);
        curl_easy_setopt(handle_, CURLOPT_WRITEFUNCTION, on_body);
        curl_easy_setopt(handle_, CURLOPT_WRITEDATA, &reply);
        curl_easy_setopt(handle_, CURLOPT_HEADERFUNCTION, on_header);
        curl_easy_setopt(handle_, CURLOPT_HEADERDATA, &reply);
        curl_easy_setopt(handle_, CURLOPT_NOPROGRESS, 0L);
        curl_easy_setopt(handle_, CURLOPT_XFERINFOFUNCTION, on_progress);
        curl_easy_setopt(handle_, CURLOPT_XFERINFODATA, &cancelled);
        const CURLcode code = curl_easy_perform(handle_);
        curl_slist_free_all(headers);
        if (code == CURLE_OK) {
            long status = 0;
            curl_easy_getinfo(handle_, CURLINFO_RESPONSE_CODE, &status);
            reply.status = static_cast<int>(status);
        } else {
            reply.error = curl_easy_strerror(code);
        }
        return reply;
    }

 private:
    static size_t on_body(char* bytes, size_t size, size_t count, void* to) {
        auto& reply = *static_cast<HttpReply*>(to);
        const size_t room = kReplyBytesMax - reply.body.size();
        reply.body.append(bytes, std::min(room, size * count));
        return size * count;
    }
    static size_t on_header(char* bytes, size_t size, size_t count, void* to) {
        constexpr std::string_view kName = "retry-after:";
        const std::string_view line(bytes, size * count);
        if (line.size() <= kName.size()) return size * count;
        // NOLINTNEXTLINE(bugprone-suspicious-stringview-data-usage): with the length beside it
        if (curl_strnequal(line.data(), kName.data(), kName.size()) != 0)
            static_cast<HttpReply*>(to)->retry_after =
                parse_retry_after(line.substr(kName.size()), std::time(nullptr));
        return size * count;
    }
    static int on_progress(void* cancelled, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
        return static_cast<const std::atomic<bool>*>(cancelled)->load() ? 1 : 0;
    }

    CURL* handle_ = nullptr;
};

}  // namespace

std::unique_ptr<HttpTransport> curl_transport() { return std::make_unique<CurlTransport>(); }

std::optional<std::chrono::milliseconds> parse_retry_after(std::string_view text,
                                                           int64_t now_seconds) {
    constexpr std::string_view kWhiteSpace = " \t\r\n";
    const size_t begin = text.find_first_not_of(kWhiteSpace);
    if (begin == std::string_view::npos) return std::nullopt;
    text = text.substr(begin, text.find_last_not_of(kWhiteSpace) - begin + 1);
    constexpr int64_t kSecondsMax = 1'000'000;
    int64_t seconds = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (error != std::errc() || end != text.data() + text.size()) {
        const time_t date = curl_getdate(std::string(text).c_str(), nullptr);
        if (date < 0) return std::nullopt;
        seconds = std::max<int64_t>(0, date - now_seconds);
    }
    if (seconds < 0) return std::nullopt;
    return std::chrono::seconds(std::min(seconds, kSecondsMax));
}

}  // namespace kilowatch
