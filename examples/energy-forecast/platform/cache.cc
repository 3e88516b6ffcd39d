#include "platform/cache.h"

#include <fmt/core.h>
#include <hiredis/hiredis.h>

namespace energy {
namespace {

using Clock = std::chrono::steady_clock;
constexpr timeval kTimeLimit{0, 300'000};
constexpr std::chrono::milliseconds kQuiet{500};
constexpr size_t kIdleMax = 4;

}  // namespace

struct Cache::Link {
    redisContext* raw = nullptr;
    explicit Link(redisContext* context) : raw(context) {}
    Link(const Link&) = delete;
    Link& operator=(const Link&) = delete;
    ~Link() {
        if (raw != nullptr) redisFree(raw);
    }
    // nullopt: the connection is of no use any more, or Redis refused.
    std::optional<Answer> ask(const std::vector<std::string_view>& words) {
        std::vector<const char*> texts;
        std::vector<size_t> lengths;
        for (const std::string_view word : words) {
            texts.push_back(word.data());
            lengths.push_back(word.size());
        }
        auto* reply = static_cast<redisReply*>(
            redisCommandArgv(raw, static_cast<int>(words.size()), texts.data(), lengths.data()));
        if (reply == nullptr) return std::nullopt;
        Answer answer{reply->type != REDIS_REPLY_ERROR, std::nullopt};
        if (reply->type == REDIS_REPLY_STRING || reply->type == REDIS_REPLY_STATUS)
            answer.text = std::string(reply->str, static_cast<size_t>(reply->len));
        freeReplyObject(reply);
        return answer;
    }
};

Cache::Cache(int port, std::string password, kilowatch::Registry& registry,
             kilowatch::Tracer& tracer)
    : port_(port),
      password_(std::move(password)),
      tracer_(tracer),
      operations_(registry.counter_family("cache_operations_total", "Operations of the cache.",
                                          {"operation", "result"})),
      seconds_(registry.histogram_family(
          "cache_operation_duration_seconds", "Time of an operation of the cache.", {"operation"},
          {.bounds = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.3},
           .native = kilowatch::NativeOptions{}})) {
    for (const std::string_view result : {"hit", "miss", "error"})
        operations_.with({"get", result});
    for (const std::string_view result : {"ok", "error"}) operations_.with({"set", result});
}

Cache::~Cache() = default;

Cache::Answer Cache::send(const std::vector<std::string_view>& words) {
    std::unique_ptr<Link> link;
    {
        const std::scoped_lock lock(mutex_);
        if (!idle_.empty()) {
            link = std::move(idle_.back());
            idle_.pop_back();
        } else if (Clock::now() < quiet_until_) {
            return {};
        }
    }
    std::optional<Answer> answer;
    if (link) answer = link->ask(words);
    if (!answer) {  // no connection yet, or Redis closed it meanwhile
        link = std::make_unique<Link>(redisConnectWithTimeout("127.0.0.1", port_, kTimeLimit));
        const bool connected = link->raw != nullptr && link->raw->err == 0 &&
                               redisSetTimeout(link->raw, kTimeLimit) == REDIS_OK;
        std::optional<Answer> login;
        if (connected)
            login = password_.empty() ? Answer{true, {}} : link->ask({"AUTH", password_});
        if (login && login->ok) answer = link->ask(words);
    }
    const std::scoped_lock lock(mutex_);
    if (!answer) {
        quiet_until_ = Clock::now() + kQuiet;
        idle_.clear();
        return {};
    }
    if (idle_.size() < kIdleMax) idle_.push_back(std::move(link));
    return *answer;
}

Cache::Answer Cache::command(const char* operation, const std::vector<std::string_view>& words) {
    const kilowatch::Timer timer(seconds_.with({operation}));
    kilowatch::ScopedSpan span =
        tracer_.start_scoped(fmt::format("cache {}", operation),
                             {.kind = kilowatch::SpanKind::kClient,
                              .parent = {},
                              .root = false,
                              .start = {},
                              .attributes = {{"db.system", "redis"}, {"peer.service", "cache"}},
                              .links = {}});
    Answer answer = send(words);
    if (!answer.ok) span->set_status(kilowatch::SpanStatus::kError, "the cache does not answer");
    return answer;
}

std::optional<std::string> Cache::get(const std::string& key) {
    Answer answer = command("get", {"GET", key});
    operations_.with({"get", !answer.ok ? "error" : answer.text ? "hit" : "miss"}).increment();
    return answer.text;
}

void Cache::set(const std::string& key, std::string_view value, std::chrono::seconds lifetime) {
    const std::string seconds = std::to_string(lifetime.count());
    const Answer answer = command("set", {"SET", key, value, "EX", seconds});
    operations_.with({"set", answer.ok ? "ok" : "error"}).increment();
}

bool Cache::flush() {
    const Answer answer = command("flush", {"FLUSHDB"});
    operations_.with({"flush", answer.ok ? "ok" : "error"}).increment();
    return answer.ok;
}

bool Cache::ping() { return send({"PING"}).ok; }

}  // namespace energy
