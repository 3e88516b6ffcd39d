// A Redis server as a target: INFO, a few settings, the slow log, latency events, and keys that were asked for.
//
// A command that the user may not run costs its own families. A server that cannot be reached, refuses the password or
// does not answer in time fails the scrape, which then has `redis_up 0` and nothing else.
// Threads: its worker's.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "collect/family_set.h"
#include "collect/redis/client.h"
#include "collect/remote/worker.h"

namespace kw::collect {

// Keys of a database: a pattern as SCAN has it, or a single key.
struct RedisKeys {
    std::string database;  // "0"
    std::string pattern;
    bool is_pattern() const { return pattern.find_first_of("*?[") != std::string::npos; }
    bool operator==(const RedisKeys&) const = default;
};
// "db3=sessions:*"; without "db3=" of database 0. Errors: kInvalid.
Result<RedisKeys> parse_redis_keys(std::string_view text);

struct RedisOptions {
    RedisServer server{};
    std::vector<RedisKeys> count_keys{};  // redis_keys_count
    std::vector<RedisKeys> check_keys{};  // redis_key_size and so on of each key
    bool operator==(const RedisOptions&) const = default;
};

class RedisSource final : public RemoteSource {
 public:
    static constexpr size_t kPatternsMax = 100;         // of each kind
    static constexpr size_t kScannedKeysMax = 200'000;  // of a pattern in one scrape
    static constexpr size_t kCheckedKeysMax = 1000;     // of a pattern
    static constexpr size_t kNumericValueBytesMax = 32;

    // `clock` outlives it.
    RedisSource(const Clock& clock, RedisOptions options);

    Result<void> collect(const Deadline& deadline, std::string& out) override;

 private:
    Result<void> collect_connected(const Deadline& deadline, FamilySet& families);
    // nullopt where the server says no; errors are those that break the connection.
    Result<std::optional<RespValue>> ask(std::initializer_list<std::string_view> words,
                                         const Deadline& deadline);
    Result<size_t> collect_settings(const Deadline& deadline, FamilySet& families);
    Result<void> collect_slow_log(const Deadline& deadline, FamilySet& families);
    Result<void> collect_latency(const Deadline& deadline, FamilySet& families);
    Result<void> collect_counts(const Deadline& deadline, FamilySet& families);
    Result<void> collect_checks(const Deadline& deadline, FamilySet& families);
    Result<void> check_key(const RedisKeys& keys, const std::string& key, const Deadline& deadline,
                           FamilySet& families);
    // The keys of a pattern; nullopt when there are too many to look at. At most `kept_max` are kept.
    struct Scan {
        std::vector<std::string> keys;
        size_t count = 0;
    };
    Result<std::optional<Scan>> scan(const RedisKeys& keys, size_t kept_max,
                                     const Deadline& deadline);

    const Clock& clock_;
    const RedisOptions options_;
    std::unique_ptr<RedisClient> client_;
};

}  // namespace kw::collect
