#include "collect/redis/client.h"

#include "collect/remote/shown_text.h"

namespace kw::collect {

Result<std::unique_ptr<RedisClient>> RedisClient::open(const RedisServer& server,
                                                       const Deadline& deadline) {
    KW_TRY_ASSIGN(const std::string password, read_secret(server.password));
    KW_TRY_ASSIGN(std::unique_ptr<Stream> stream, Stream::connect(server.where, deadline));
    if (server.tls) KW_TRY(stream->start_tls(*server.tls, server.where.host, deadline));
    std::unique_ptr<RedisClient> client(new RedisClient(std::move(stream)));
    if (!password.empty()) {
        const Result<RespValue> reply =
            server.username.empty()
                ? client->command({"AUTH", password}, deadline)
                : client->command({"AUTH", server.username, password}, deadline);
        if (!reply.ok() && reply.error().code == Code::kInvalid)
            return denied("{}", reply.error().message);
        KW_TRY(reply);
    }
    return client;
}

Result<RespValue> RedisClient::command(std::initializer_list<std::string_view> words,
                                       const Deadline& deadline) {
    KW_TRY(stream_->write(resp_request(words), deadline));
    for (;;) {
        Result<std::optional<RespReply>> reply = parse_resp(unread_);
        if (!reply.ok()) return unavailable("a reply is no RESP: {}", reply.error().message);
        if (*reply) {
            RespReply& taken = **reply;
            unread_.erase(0, taken.size);
            if (taken.value.is_error()) return invalid("{}", shown_text(taken.value.text));
            return std::move(taken.value);
        }
        if (unread_.size() > 2 * kRespBytesMax)
            return exhausted("a reply is over {} bytes", 2 * kRespBytesMax);
        KW_TRY_ASSIGN(const size_t got, stream_->read_some(unread_, 1 << 20, deadline));
        if (got == 0) return unavailable("the server closed the connection");
    }
}

}  // namespace kw::collect
