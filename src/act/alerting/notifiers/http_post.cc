#include "alerting/notifiers/http_post.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <ctime>
#include <utility>

#include "base/clock.h"

namespace kw::alerting {
namespace {

constexpr uint64_t kAnswerBytesMax = 1 << 20;
constexpr size_t kShownBytesMax = 400;  // of an answer, in the history
constexpr int64_t kDayMs = 86'400'000;

SendOutcome outcome_of_error(const Error& error) {
    // A wrong URL or an unreadable file of the options stays wrong; the message may not have the URL in it.
    const bool is_permanent = error.code == Code::kInvalid || error.code == Code::kDenied;
    SendOutcome outcome;
    outcome.verdict = is_permanent ? SendOutcome::Verdict::kRefused : SendOutcome::Verdict::kRetry;
    switch (error.code) {
        case Code::kTimeout: outcome.answer = "no answer in time"; break;
        case Code::kCancelled: outcome.answer = "cancelled"; break;
        case Code::kExhausted: outcome.answer = "the answer is too long"; break;
        case Code::kInvalid:
        case Code::kDenied: outcome.answer = "the URL or the HTTP options are not usable"; break;
        default: outcome.answer = "no connection, or a broken answer"; break;
    }
    return outcome;
}

}  // namespace

int64_t retry_after_ms(std::string_view header, Millis now) {
    int64_t seconds = 0;
    const auto [end, error] =
        std::from_chars(header.data(), header.data() + header.size(), seconds);
    if (error == std::errc() && end == header.data() + header.size())
        return seconds < 0 ? 0 : std::min<int64_t>(seconds, kDayMs / 1000) * 1000;
    std::tm fields{};
    const std::string text(header);
    const char* const rest = ::strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &fields);
    if (rest == nullptr || *rest != '\0') return 0;
    const int64_t wait_ms = static_cast<int64_t>(::timegm(&fields)) * 1000 - now.count;
    return std::clamp<int64_t>(wait_ms, 0, kDayMs);
}

net::Fetcher::FetchId refuse(const Notifier::Done& done, std::string why) {
    SendOutcome outcome;
    outcome.verdict = SendOutcome::Verdict::kRefused;
    outcome.answer = std::move(why);
    done(std::move(outcome));
    return 0;
}

net::Fetcher::FetchId post_json(const NotifierContext& context, JsonPost post, int64_t timeout_ms,
                                Notifier::Done done) {
    net::FetchRequest request;
    request.method = "POST";
    request.url = std::move(post.url);
    request.headers.set("Content-Type", "application/json");
    if (!post.bearer.empty()) request.headers.set("Authorization", "Bearer " + post.bearer);
    request.body = std::move(post.body);
    request.options = std::move(post.options);
    if (post.config_timeout_ms > 0) timeout_ms = std::min(timeout_ms, post.config_timeout_ms);
    request.timeout = std::chrono::milliseconds(timeout_ms);
    request.body_bytes_max = kAnswerBytesMax;
    const Clock& clock = context.env.clock;
    return context.fetcher.fetch(
        std::move(request), [&clock, check = std::move(post.check),
                             done = std::move(done)](const Result<net::FetchResponse>& response) {
            if (!response.ok()) return done(outcome_of_error(response.error()));
            if (response->status / 100 == 2 && check) return done(check(*response));
            SendOutcome outcome;
            outcome.answer =
                fmt::format("{} {}", response->status, response->body.substr(0, kShownBytesMax));
            if (response->status / 100 == 2) {
                outcome.verdict = SendOutcome::Verdict::kDelivered;
            } else if (response->status == 429 || response->status / 100 == 5) {
                outcome.verdict = SendOutcome::Verdict::kRetry;
                outcome.retry_after_ms =
                    retry_after_ms(response->headers.get("Retry-After"), clock.now());
            } else {
                outcome.verdict = SendOutcome::Verdict::kRefused;
            }
            done(std::move(outcome));
        });
}

}  // namespace kw::alerting
