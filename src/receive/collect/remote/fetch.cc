#include "collect/remote/fetch.h"

#include <poll.h>

#include <memory>
#include <optional>

#include "base/mutex.h"

namespace kw::collect {
namespace {

// Shared with the callback, which may come after the waiting has ended.
struct Answer {
    Interrupt is_there;
    Mutex mutex;
    std::optional<Result<net::FetchResponse>> result KW_GUARDED_BY(mutex);
};

}  // namespace

Result<net::FetchResponse> fetch(net::Fetcher& fetcher, net::FetchRequest request,
                                 const Deadline& deadline) {
    KW_TRY(deadline.check());
    const auto answer = std::make_shared<Answer>();
    request.timeout = deadline.remaining();
    request.callback_is_quick = true;
    const net::Fetcher::FetchId id =
        fetcher.fetch(std::move(request), [answer](Result<net::FetchResponse> result) {
            MutexLock lock(answer->mutex);
            answer->result.emplace(std::move(result));
            answer->is_there.raise();
        });
    const Result<void> waited = deadline.wait_ready(answer->is_there.fd(), POLLIN);
    if (!waited.ok()) {
        fetcher.cancel(id);
        return waited.error();
    }
    MutexLock lock(answer->mutex);
    return *std::move(answer->result);
}

}  // namespace kw::collect
