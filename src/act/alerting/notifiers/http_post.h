// A JSON document by POST, and what its answer means, for the notifiers over HTTP.
#pragma once

#include <functional>
#include <string>

#include "alerting/notifier.h"

namespace kw::alerting {

struct JsonPost {
    std::string url;
    std::string body;
    HttpOptionsPtr options;
    std::string bearer;             // sent as Authorization; empty: none beside that of `options`
    int64_t config_timeout_ms = 0;  // 0: none of its own
    // Looks at an answer with a status of 2xx, after which the message is delivered or not.
    std::function<SendOutcome(const net::FetchResponse&)> check;
};

// 2xx: delivered. 429 and 5xx: again, after Retry-After where the answer has it. Else refused.
net::Fetcher::FetchId post_json(const NotifierContext& context, JsonPost post, int64_t timeout_ms,
                                Notifier::Done done);

// Calls `done` with a refusal: nothing was sent.
net::Fetcher::FetchId refuse(const Notifier::Done& done, std::string why);

// Milliseconds; 0 when the header is absent or is nonsense. Seconds or an HTTP date, at most a day.
int64_t retry_after_ms(std::string_view header, Millis now);

}  // namespace kw::alerting
