// Replies and the answer to INFO, without a server: tests/e2e has one.
#include <gtest/gtest.h>

#include "collect/redis/info.h"
#include "collect/redis/resp.h"
#include "collect/redis/source.h"
#include "collect/remote/shown_text.h"
#include "collect/remote/stream.h"
#include "wire/exposition/checker.h"

namespace kw::collect {
namespace {

// A value in one line: text as it is, lists in brackets, errors behind a !, nothing as ~.
std::string shown(const RespValue& value) {
    switch (value.kind) {
        case RespValue::Kind::kNull: return "~";
        case RespValue::Kind::kError: return "!" + value.text;
        case RespValue::Kind::kText:
        case RespValue::Kind::kNumber: return value.text;
        case RespValue::Kind::kList: break;
    }
    std::string out = "[";
    for (const RespValue& item : value.items) out += shown(item) + " ";
    return out + "]";
}

TEST(Resp, ReadsRepliesOfBothVersions) {
    struct Row {
        std::string_view bytes;
        std::string_view want;
    };
    const Row rows[] = {
        {"+PONG\r\n", "PONG"},
        {"-NOPERM no\r\n", "!NOPERM no"},
        {":-17\r\n", "-17"},
        {"$5\r\na\r\nbc\r\n", "a\r\nbc"},
        {"$0\r\n\r\n", ""},
        {"$-1\r\n", "~"},
        {"*-1\r\n", "~"},
        {"*0\r\n", "[]"},
        {"*2\r\n$1\r\nk\r\n*1\r\n:1\r\n", "[k [1 ] ]"},
        {"_\r\n", "~"},
        {"#t\r\n", "1"},
        {",1.5\r\n", "1.5"},
        {"(12345678901234567890\r\n", "12345678901234567890"},
        {"=8\r\ntxt:long\r\n", "long"},
        {"!3\r\nERR\r\n", "!ERR"},
        {"%1\r\n+a\r\n:1\r\n", "[a 1 ]"},
        {"~1\r\n+a\r\n", "[a ]"},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.bytes);
        const Result<std::optional<RespReply>> reply = parse_resp(row.bytes);
        ASSERT_TRUE(reply.ok() && *reply);
        EXPECT_EQ(shown((*reply)->value), row.want);
        EXPECT_EQ((*reply)->size, row.bytes.size());
        // Not whole: every begin of it.
        for (size_t size = 0; size < row.bytes.size(); ++size) {
            const Result<std::optional<RespReply>> part = parse_resp(row.bytes.substr(0, size));
            ASSERT_TRUE(part.ok()) << size;
            EXPECT_FALSE(part->has_value()) << size;
        }
    }
}

TEST(Resp, RefusesWhatIsMalformedOrTooLarge) {
    std::string deep;
    for (size_t i = 0; i <= kRespDepthMax + 1; ++i) deep += "*1\r\n";
    const std::string rows[] = {
        "HTTP/1.1 400 Bad Request\r\n",
        "\r\n",
        "$5x\r\n",
        "$-2\r\n",
        "$16777217\r\n",
        "*100001\r\n",
        "$1\r\nabc\r\n",
        "*99999999999999999999\r\n",
        "*1\r\xf6\xcb\r\n",
        deep,
    };
    for (const std::string& bytes : rows) EXPECT_FALSE(parse_resp(bytes).ok()) << bytes;
}

TEST(Resp, WritesRequests) {
    const std::string_view words[] = {"AUTH", "", "pass word"};
    EXPECT_EQ(resp_request(words), "*3\r\n$4\r\nAUTH\r\n$0\r\n\r\n$9\r\npass word\r\n");
}

constexpr std::string_view kInfo =
    "# Server\r\nredis_version:7.0.15\r\nredis_mode:standalone\r\nos:Linux "
    "x\r\nuptime_in_seconds:100\r\n"
    "tcp_port:6379\r\nrun_id:abc\r\nprocess_id:7\r\n\r\n"
    "# Memory\r\nused_memory:1024\r\nmaxmemory_policy:noeviction\r\nused_memory_human:1K\r\n\r\n"
    "# Persistence\r\nrdb_last_bgsave_status:err\r\n\r\n"
    "# Stats\r\nlatest_fork_usec:250\r\nkeyspace_hits:3\r\n\r\n"
    "# "
    "Replication\r\nrole:slave\r\nmaster_host:10.0.0.1\r\nmaster_port:6379\r\nmaster_link_status:"
    "up\r\n"
    "slave_read_only:1\r\nslave0:ip=10.0.0.3,port=6380,state=online,offset=99,lag=1\r\n"
    "slave1:broken\r\nmaster_replid:xyz\r\n\r\n"
    "# "
    "Commandstats\r\ncmdstat_client|list:calls=2,usec=30,usec_per_call=15,rejected_calls=1,failed_"
    "calls=0\r\n"
    "cmdstat_old:calls=1,usec=5,usec_per_call=5\r\ncmdstat_bad:calls=x,usec=5\r\n\r\n"
    "# Errorstats\r\nerrorstat_ERR:count=4\r\n\r\n"
    "# Latencystats\r\nlatency_percentiles_usec_client|list:p50=1.003,p99.9=4.015\r\n\r\n"
    "# Keyspace\r\ndb1:keys=3,expires=2,avg_ttl=1500\r\n";

TEST(RedisInfo, BecomesFamilies) {
    FamilySet families;
    add_redis_info(parse_redis_info(kInfo), 1000, 2, families);
    std::string text;
    ExpositionWriter writer(text);
    families.write(writer);
    EXPECT_TRUE(wire::check_text(text).ok());
    std::string samples;
    for (size_t begin = 0; begin < text.size();) {
        const size_t end = text.find('\n', begin) + 1;
        if (text[begin] != '#') samples += text.substr(begin, end - begin);
        begin = end;
    }
    EXPECT_EQ(
        samples,
        "redis_commands_duration_seconds_total{cmd=\"client|list\"} 3e-05\n"
        "redis_commands_duration_seconds_total{cmd=\"old\"} 5e-06\n"
        "redis_commands_failed_calls_total{cmd=\"client|list\"} 0\n"
        "redis_commands_rejected_calls_total{cmd=\"client|list\"} 1\n"
        "redis_commands_total{cmd=\"client|list\"} 2\n"
        "redis_commands_total{cmd=\"old\"} 1\n"
        "redis_connected_slave_lag_seconds{slave_ip=\"10.0.0.3\",slave_port=\"6380\",slave_state="
        "\"online\"} 1\n"
        "redis_connected_slave_offset_bytes{slave_ip=\"10.0.0.3\",slave_port=\"6380\",slave_state="
        "\"online\"} 99\n"
        "redis_db_avg_ttl_seconds{db=\"db1\"} 1.5\n"
        "redis_db_keys{db=\"db1\"} 3\nredis_db_keys{db=\"db0\"} 0\n"
        "redis_db_keys_expiring{db=\"db1\"} 2\nredis_db_keys_expiring{db=\"db0\"} 0\n"
        "redis_errors_total{err=\"ERR\"} 4\n"
        "redis_instance_info{role=\"slave\",redis_version=\"7.0.15\",redis_build_id=\"\","
        "redis_mode=\"standalone\",os=\"Linux "
        "x\",maxmemory_policy=\"noeviction\",tcp_port=\"6379\","
        "run_id=\"abc\",process_id=\"7\",master_replid=\"xyz\"} 1\n"
        "redis_keyspace_hits_total 3\n"
        "redis_latency_percentiles_usec{cmd=\"client|list\",quantile=\"50\"} 1.003\n"
        "redis_latency_percentiles_usec{cmd=\"client|list\",quantile=\"99.9\"} 4.015\n"
        "redis_latency_percentiles_usec_sum{cmd=\"client|list\"} 30\n"
        "redis_latency_percentiles_usec_count{cmd=\"client|list\"} 2\n"
        "redis_latest_fork_seconds 0.00025\n"
        "redis_master_link_up{master_host=\"10.0.0.1\",master_port=\"6379\"} 1\n"
        "redis_memory_used_bytes 1024\n"
        "redis_process_id 7\n"
        "redis_rdb_last_bgsave_status 0\n"
        "redis_slave_info{master_host=\"10.0.0.1\",master_port=\"6379\",slave_read_only=\"1\"} 1\n"
        "redis_start_time_seconds 900\n"
        "redis_uptime_in_seconds 100\n");
}

TEST(ShownText, IsOneShortLineOfUtf8) {
    EXPECT_EQ(shown_text("ERR no\r\n"), "ERR no");
    EXPECT_EQ(shown_text("a\nb\tc\x7f"), "a b c ");
    EXPECT_EQ(shown_text("gr\xc3\xb6\xc3\x9f"
                         "er"),
              "gr\xc3\xb6\xc3\x9f"
              "er");
    EXPECT_EQ(shown_text("gr\xf6\xdf"
                         "er"),
              "gr??er");
    EXPECT_EQ(shown_text(std::string(299, 'x') + "\xc3\xb6"), std::string(299, 'x'));
}

TEST(RedisKeysOption, HasADatabaseAndAPattern) {
    EXPECT_EQ(parse_redis_keys("db3=session:*").value(), (RedisKeys{"3", "session:*"}));
    EXPECT_EQ(parse_redis_keys("queue").value(), (RedisKeys{"0", "queue"}));
    EXPECT_EQ(parse_redis_keys("a=b").value(), (RedisKeys{"0", "a=b"}));
    EXPECT_TRUE(parse_redis_keys("x[ab]").value().is_pattern());
    EXPECT_FALSE(parse_redis_keys("queue").value().is_pattern());
    for (const std::string_view bad : {"", "db=x", "dbx=y", "db1=", "db123456=x"}) {
        EXPECT_FALSE(parse_redis_keys(bad).ok()) << bad;
    }
}

TEST(HostPortText, IsParsed) {
    EXPECT_EQ(parse_host_port("db:5").value(), (HostPort{"db", "5"}));
    EXPECT_EQ(parse_host_port("[::1]:6379").value(), (HostPort{"::1", "6379"}));
    EXPECT_EQ(parse_host_port("db", "6379").value(), (HostPort{"db", "6379"}));
    for (const std::string_view bad :
         {"db", ":5", "db:", "db:0", "db:65536", "db:x", "[::1", "[::1]6", "redis://db:5"}) {
        EXPECT_FALSE(parse_host_port(bad).ok()) << bad;
    }
}

TEST(RedisSource, AServerThatIsNotThereFailsTheScrapeAndSaysSo) {
    const RealClock clock;
    const Interrupt interrupt;
    RedisSource source(clock, {.server = {.where = {"127.0.0.1", "1"}}});
    std::string text;
    const Result<void> outcome =
        source.collect(Deadline(clock, std::chrono::seconds(10), interrupt), text);
    EXPECT_EQ(outcome.error().message, "connect: Connection refused");
    EXPECT_EQ(
        text,
        "# HELP redis_up Whether the server could be asked\n# TYPE redis_up gauge\nredis_up 0\n");
}

}  // namespace
}  // namespace kw::collect
