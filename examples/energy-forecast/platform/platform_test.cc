#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "platform/faults.h"
#include "platform/migrations.h"
#include "platform/secrets.h"
#include "platform/text_file.h"

namespace energy {
namespace {

TEST(Migrations, OfThisPlatformParse) {
    const auto migrations = read_migrations(std::string(ENERGY_SHARE) + "/migrations");
    ASSERT_TRUE(migrations.ok()) << migrations.error().message;
    ASSERT_GE(migrations->size(), 3U);
    EXPECT_EQ(migrations->front().name, "0001_schema.sql");
}

TEST(Migrations, AreNumberedWithoutGapsAndWithoutTransactions) {
    using Files = std::vector<std::pair<std::string, std::string>>;
    struct Row {
        Files files;
        const char* want;  // of the error; null: accepted
    };
    const Row rows[] = {
        {{{"0002_b.sql", "SELECT 2"}, {"0001_a.sql", "SELECT 1"}}, nullptr},
        {{{"0001_a.sql", "CREATE TABLE beginner (rollback_count int)"}}, nullptr},
        {{{"1_a.sql", "SELECT 1"}}, "1_a.sql: want a name"},
        {{{"0000_a.sql", "SELECT 1"}}, "0000_a.sql: want a name"},
        {{{"0001-a.sql", "SELECT 1"}}, "0001-a.sql: want a name"},
        {{{"0002_a.sql", "SELECT 1"}}, "0002_a.sql: number 2 where 0001"},
        {{{"0001_a.sql", "SELECT 1"}, {"0001_b.sql", "SELECT 1"}}, "number 1 where 0002"},
        {{{"0001_a.sql", " \n"}}, "0001_a.sql: is empty"},
        {{{"0001_a.sql", "BEGIN; SELECT 1; COMMIT"}}, "0001_a.sql: has BEGIN"},
    };
    for (const Row& row : rows) {
        const auto parsed = parse_migrations(row.files);
        EXPECT_EQ(parsed.ok(), row.want == nullptr) << row.files.front().first;
        if (!parsed.ok() && row.want != nullptr) {
            EXPECT_THAT(parsed.error().message, testing::HasSubstr(row.want));
        }
    }
    const auto sorted = parse_migrations(rows[0].files);
    EXPECT_EQ(sorted->front().number, 1);
    EXPECT_NE(sorted->front().checksum, sorted->back().checksum);
}

TEST(Faults, DurationsParse) {
    struct Row {
        const char* text;
        std::optional<int64_t> want;
    };
    const Row rows[] = {
        {"5m", 300},  {"90s", 90}, {"1h30m", 5400}, {"45", 45},  {"24h", 86400},
        {"", {}},     {"0", {}},   {"5", 5},        {"m", {}},   {"5m5", {}},
        {"5s5m", {}}, {"25h", {}}, {"-5m", {}},     {"5 m", {}}, {"99999999999999999999", {}},
        {"5d", {}}};
    for (const Row& row : rows) {
        const auto got = parse_fault_duration(row.text);
        EXPECT_EQ(got ? std::optional<int64_t>(got->count()) : std::nullopt, row.want) << row.text;
    }
}

TEST(Faults, StartEndAndShow) {
    kilowatch::Registry registry;
    FaultSwitch faults(FaultPlayer::kApi, registry);
    EXPECT_FALSE(faults.active("errors"));
    EXPECT_TRUE(faults.start("errors", std::chrono::seconds(60)));
    EXPECT_TRUE(faults.active("errors"));
    EXPECT_TRUE(faults.end("errors"));
    EXPECT_FALSE(faults.active("errors"));
    EXPECT_FALSE(
        faults.start("database-down", std::chrono::seconds(60)));  // another process plays it
    EXPECT_FALSE(faults.start("no-such-fault", std::chrono::seconds(60)));
    struct Row {
        const char* method;
        const char* path;
        const char* duration;
        int want;
    };
    const Row rows[] = {
        {"POST", "/faults/errors", "1m", 200}, {"POST", "/faults/errors", "x", 400},
        {"POST", "/faults/none", "1m", 404},   {"DELETE", "/faults/errors", "1m", 200},
        {"DELETE", "/faults/none", "1m", 404}, {"GET", "/faults", "1m", 200}};
    for (const Row& row : rows) {
        HttpRequest request;
        request.method = row.method;
        request.path = row.path;
        request.query["for"] = row.duration;
        EXPECT_EQ(faults.answer(request).status, row.want) << row.method << " " << row.path;
    }
}

TEST(Secrets, PasswordsVerify) {
    const std::string stored = hash_password("correct horse");
    EXPECT_TRUE(verify_password("correct horse", stored));
    EXPECT_FALSE(verify_password("correct horsf", stored));
    EXPECT_FALSE(verify_password("correct horse", "no hash"));
    EXPECT_NE(hash_password("correct horse"), stored);  // salted
}

TEST(Secrets, TokensExpireAndCannotBeForged) {
    const Secret secret("0123456789abcdef0123456789abcdef"), other("another secret");
    const std::string token = secret.token("berlin-1", 1000);
    EXPECT_EQ(secret.user_of(token, 999), "berlin-1");
    EXPECT_EQ(secret.user_of(token, 1000), std::nullopt);
    EXPECT_EQ(other.user_of(token, 999), std::nullopt);
    for (const char* text : {"", ".", "..", "berlin-1.1000.", "berlin-1.2000.00"})
        EXPECT_EQ(secret.user_of(text, 999), std::nullopt) << text;
    std::string longer = token;
    longer.replace(longer.find("1000"), 4, "9000");
    EXPECT_EQ(secret.user_of(longer, 999), std::nullopt);
    EXPECT_NE(secret.password_of("a"), secret.password_of("b"));
}

TEST(TextFile, IsReplacedWhole) {
    const std::string path = testing::TempDir() + "energy-text-" + std::to_string(getpid());
    ASSERT_TRUE(write_file(path, "one").ok());
    ASSERT_TRUE(write_file(path, "two").ok());
    EXPECT_EQ(read_file(path).value(), "two");
    std::filesystem::remove(path);
    EXPECT_EQ(read_file(path).error().code, kw::Code::kNotFound);
}

}  // namespace
}  // namespace energy
