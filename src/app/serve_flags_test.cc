// Flags are read, checked, and refused with the flag's name.
#include "app/serve_flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>

namespace kw::app {
namespace {

using ::testing::HasSubstr;

ServeFlags parsed(std::vector<std::string> arguments) {
    CLI::App command("serve");
    ServeFlags flags;
    add_serve_flags(command, flags);
    std::reverse(arguments.begin(), arguments.end());  // CLI11 takes a vector from its end
    command.parse(arguments);
    return flags;
}

TEST(ServeFlags, ReadPrometheusNames) {
    const ServeFlags flags =
        parsed({"--config.file=a.yml", "--storage.tsdb.retention.time", "30d",
                "--web.listen-address=127.0.0.1:1", "--web.listen-address=127.0.0.1:2",
                "--web.enable-lifecycle", "--query.max-samples=7"});
    EXPECT_EQ(flags.config_file, "a.yml");
    EXPECT_EQ(flags.listen_addresses, (std::vector<std::string>{"127.0.0.1:1", "127.0.0.1:2"}));
    EXPECT_TRUE(flags.enable_lifecycle);
    EXPECT_EQ(flags.query_max_samples, 7u);
    EXPECT_EQ(flag_values(flags).at("storage.tsdb.retention.time"), "30d");
    EXPECT_EQ(check_serve_flags(flags)->retention_ms, int64_t{30} * 86'400'000);
}

TEST(ServeFlags, RefuseWhatIsWrongByName) {
    struct Row {
        void (*spoil)(ServeFlags&);
        const char* named;
    };
    const Row rows[] = {
        {[](ServeFlags& f) { f.retention_time = "soon"; }, "--storage.tsdb.retention.time"},
        {[](ServeFlags& f) { f.retention_size = "12"; }, "--storage.tsdb.retention.size"},
        {[](ServeFlags& f) { f.query_timeout = "0"; }, "--query.timeout"},
        {[](ServeFlags& f) { f.wal_sync = "never"; }, "--storage.wal.sync"},
        {[](ServeFlags& f) { f.external_url = "ops/kw"; }, "--web.external-url"},
        {[](ServeFlags& f) { f.storage_path = ""; }, "--storage.path"},
    };
    EXPECT_TRUE(check_serve_flags(ServeFlags{}).ok());
    for (const Row& row : rows) {
        ServeFlags flags;
        row.spoil(flags);
        const auto checked = check_serve_flags(flags);
        ASSERT_FALSE(checked.ok()) << row.named;
        EXPECT_THAT(checked.error().message, HasSubstr(row.named));
    }
    EXPECT_THROW(parsed({"--storage.wal.sync=never"}), CLI::ParseError);
    EXPECT_THROW(parsed({"--no-such-flag"}), CLI::ParseError);
}

TEST(ParseSize, TakesPrometheusUnits) {
    EXPECT_EQ(parse_size_bytes("0").value(), 0u);
    EXPECT_EQ(parse_size_bytes("512MB").value(), 512u << 20);
    EXPECT_EQ(parse_size_bytes("3B").value(), 3u);
    for (const char* bad : {"", "12", "MB", "-1MB", "1.5GB", "99999999999EB", "1mb"}) {
        EXPECT_FALSE(parse_size_bytes(bad).ok()) << bad;
    }
}

}  // namespace
}  // namespace kw::app
