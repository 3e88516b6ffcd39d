// collectors: our own key. What the server looks at by itself, and the servers that it asks.
#include <re2/re2.h>

#include "app/config/checks.h"
#include "app/config/schema.h"
#include "collect/postgres/connection.h"
#include "collect/probe/dns_message.h"
#include "collect/redis/source.h"
#include "collect/remote/stream.h"
#include "model/sample.h"
#include "net/url.h"

namespace kw::app {
namespace {

// What every collector has.
constexpr Field kEveryCollectorFields[] = {
    duration("scrape_interval"),  // that of `collectors`
    duration("scrape_timeout"),
    labels("labels"),
    blocks("metric_relabel_configs", kRelabelConfigBlock),
};
constexpr Block kEveryCollectorBlock = {"collector", kEveryCollectorFields};

constexpr Field kLocalFields[] = {
    flag("enabled", true),
    inlined(kEveryCollectorBlock),
};
constexpr Block kLocalBlock = {"collector", kLocalFields};

// Nothing of the string is in an error: it may hold a password.
Result<void> check_dsn(const Section& section, std::string_view key) {
    const Result<collect::PostgresAddress> address = collect::parse_postgres_dsn(section.text(key));
    if (!address.ok()) return section.error(key, "{}", address.error().message);
    if (!address->has_password) return {};
    return section.error(
        key,
        "has a password, which would be shown; move it to a file and name that in password_file, "
        "or to a variable of the environment and name that in password_env");
}

constexpr Field kPostgresFields[] = {
    required(text("dsn")),
    text("password_file"),
    text("password_env"),
    text("job", "postgres"),
    text("instance"),  // host:port of dsn
    count("statements_max", "100"),
    flag("statement_text"),
    inlined(kEveryCollectorBlock),
};
constexpr uint64_t kStatementsMax = 1000;
Result<void> check_postgres(Section& postgres) {
    KW_TRY(check_dsn(postgres, "dsn"));
    if (postgres.count("statements_max") > kStatementsMax) {
        return postgres.error("statements_max", "{} is over {}: each is five series",
                              postgres.count("statements_max"), kStatementsMax);
    }
    return check_at_most_one(postgres, {"password_file", "password_env"});
}
constexpr Block kPostgresBlock = {"postgres", kPostgresFields, check_postgres};

constexpr Field kRedisFields[] = {
    required(text("address")),  // host:port
    text("username"),
    text("password_file"),
    text("password_env"),
    block("tls_config", kTlsConfigBlock),
    text("job", "redis"),
    text("instance"),  // address
    texts("count_keys"),
    texts("check_keys"),
    inlined(kEveryCollectorBlock),
};
Result<void> check_redis_keys(const Section& redis, std::string_view key) {
    const Texts& all = redis.texts(key);
    if (all.size() > collect::RedisSource::kPatternsMax) {
        return redis.error(key, "names {} patterns; the most are {}", all.size(),
                           collect::RedisSource::kPatternsMax);
    }
    for (const std::string& text : all) {
        const Result<collect::RedisKeys> keys = collect::parse_redis_keys(text);
        if (!keys.ok()) return redis.error(key, "{}", keys.error().message);
    }
    return {};
}
Result<void> check_password(const Section& section) {
    KW_TRY(check_at_most_one(section, {"password_file", "password_env"}));
    if (section.has("username") && !section.has("password_file") && !section.has("password_env")) {
        return section.error("username", "has no password; add password_file or password_env");
    }
    return {};
}
Result<void> check_address(const Section& section, std::string_view key,
                           std::string_view default_port) {
    const Result<collect::HostPort> where =
        collect::parse_host_port(section.text(key), default_port);
    if (!where.ok()) return section.error(key, "{}; write host:port", where.error().message);
    return {};
}
Result<void> check_redis(Section& redis) {
    KW_TRY(check_address(redis, "address", "6379"));
    KW_TRY(check_redis_keys(redis, "count_keys"));
    KW_TRY(check_redis_keys(redis, "check_keys"));
    return check_password(redis);
}
constexpr Block kRedisBlock = {"redis", kRedisFields, check_redis};

Result<void> check_url_without_password(const Section& section, std::string_view key) {
    KW_TRY(check_http_url(section, key));
    const Result<net::Url> url = net::parse_url(section.text(key));
    if (!url.ok()) return section.error(key, "{}", url.error().message);
    if (url->user.empty() && url->password.empty()) return {};
    return section.error(key,
                         "has a user or a password, which would be shown; move them to basic_auth");
}

constexpr Field kHealthFields[] = {
    required(text("service")), required(text("url")),         text("job", "health"),
    text("instance"),  // host:port of url
    inlined(kHttpClientBlock), inlined(kEveryCollectorBlock),
};
Result<void> check_health(Section& health) { return check_url_without_password(health, "url"); }
constexpr Block kHealthBlock = {"health", kHealthFields, check_health};

constexpr std::string_view kProbeKinds[] = {"http", "tcp", "tls", "dns", "postgres", "redis"};
constexpr std::string_view kProbeMethods[] = {"GET", "HEAD"};
constexpr std::string_view kDnsTypes[] = {"A", "AAAA", "CNAME", "MX", "NS", "SOA", "SRV", "TXT"};
constexpr Field kProbeFields[] = {
    required(one_of("kind", kProbeKinds)),
    required(text("target")),
    text("job"),       // probe-<kind>
    text("instance"),  // target
    text("service"),
    text("component"),
    one_of("method", kProbeMethods),  // GET
    texts("valid_status_codes"),
    texts("fail_if_body_matches_regexp"),
    texts("fail_if_body_not_matches_regexp"),
    text("query_name"),
    one_of("query_type", kDnsTypes),  // A
    text("username"),
    text("password_file"),
    text("password_env"),
    inlined(kHttpClientBlock),
    inlined(kEveryCollectorBlock),
};
// Keys that act for some kinds only; none of them has a default, so that what is shown loads again.
struct KeyOfKinds {
    std::string_view key;
    std::string_view kinds;  // with a space before and behind each
};
constexpr KeyOfKinds kKeysOfKinds[] = {
    {"valid_status_codes", " http "},
    {"fail_if_body_matches_regexp", " http "},
    {"fail_if_body_not_matches_regexp", " http "},
    {"method", " http "},
    {"basic_auth", " http "},
    {"authorization", " http "},
    {"bearer_token", " http "},
    {"bearer_token_file", " http "},
    {"http_headers", " http "},
    {"proxy_url", " http "},
    {"query_name", " dns "},
    {"query_type", " dns "},
    {"username", " redis "},
    {"password_file", " postgres redis "},
    {"password_env", " postgres redis "},
    {"tls_config", " http tcp tls redis "},
};
Result<void> check_expectations(const Section& probe) {
    for (const std::string& code : probe.texts("valid_status_codes")) {
        const bool is_code = code.size() == 3 && code.front() >= '1' && code.front() <= '5' &&
                             code.find_first_not_of("0123456789") == std::string::npos;
        if (!is_code)
            return probe.error("valid_status_codes", "{} is no status of HTTP", kw::quoted(code));
    }
    for (const std::string_view key :
         {"fail_if_body_matches_regexp", "fail_if_body_not_matches_regexp"}) {
        for (const std::string& text : probe.texts(key)) {
            const RE2 regex(text, RE2::Quiet);
            if (!regex.ok())
                return probe.error(key, "{} is no regular expression: {}", kw::quoted(text),
                                   regex.error());
        }
    }
    return {};
}
Result<void> check_probe(Section& probe) {
    const std::string& kind = probe.text("kind");
    for (const KeyOfKinds& entry : kKeysOfKinds) {
        const bool acts = entry.kinds.find(fmt::format(" {} ", kind)) != std::string_view::npos;
        if (!acts && probe.is_written(entry.key)) {
            return probe.error(entry.key, "does not act for kind {}, only for{}; remove it", kind,
                               entry.kinds.substr(0, entry.kinds.size() - 1));
        }
    }
    if (probe.has("component") && !probe.has("service")) {
        return probe.error("component", "has no service; add the service that it is a part of");
    }
    KW_TRY(check_password(probe));
    if (kind == "http") {
        KW_TRY(check_url_without_password(probe, "target"));
        return check_expectations(probe);
    }
    if (kind == "postgres") return check_dsn(probe, "target");
    if (kind == "redis") return check_address(probe, "target", "6379");
    if (kind == "dns") {
        if (!probe.has("query_name"))
            return probe.error("", "has no query_name; add the name to ask for");
        const Result<std::string> question =
            collect::dns_question(0, probe.text("query_name"), collect::DnsType::kA);
        if (!question.ok()) return probe.error("query_name", "{}", question.error().message);
        return check_address(probe, "target", "53");
    }
    return check_address(probe, "target", "");
}
constexpr Block kProbeBlock = {"probe", kProbeFields, check_probe};

constexpr Field kCollectorsFields[] = {
    duration("scrape_interval"),  // the global one
    duration("scrape_timeout"),          block("host", kLocalBlock, true),
    block("process", kLocalBlock, true), blocks("postgres", kPostgresBlock),
    blocks("redis", kRedisBlock),        blocks("health", kHealthBlock),
    blocks("probes", kProbeBlock),
};

}  // namespace

constexpr Block kCollectorsBlock = {"collectors", kCollectorsFields};

}  // namespace kw::app
