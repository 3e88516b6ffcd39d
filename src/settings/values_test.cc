#include "settings/values.h"

#include <gtest/gtest.h>

#include <optional>

namespace kw::settings {
namespace {

template <typename T>
std::optional<T> value_of(const Result<T>& result) {
    return result.ok() ? std::optional<T>(result.value()) : std::nullopt;
}

TEST(Values, FlagsAreThoseOfYaml) {
    EXPECT_EQ(value_of(parse_flag("true")), true);
    EXPECT_EQ(value_of(parse_flag("Yes")), true);
    EXPECT_EQ(value_of(parse_flag("off")), false);
    EXPECT_EQ(value_of(parse_flag("tRue")), std::nullopt);
    EXPECT_EQ(value_of(parse_flag("1")), std::nullopt);
}

TEST(Values, WholeNumbersHaveTheirBases) {
    struct Row {
        const char* text;
        std::optional<int64_t> want;
    };
    const Row rows[] = {
        {"0", 0},
        {"42", 42},
        {"-7", -7},
        {"0x10", 16},
        {"0o17", 15},
        {"0b101", 5},
        {"1_000", 1000},
        {"", {}},
        {"1.5", {}},
        {"0x", {}},
        {"a", {}},
        {"--1", {}},
        {"9223372036854775807", INT64_MAX},
        {"9223372036854775808", {}},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.text);
        EXPECT_EQ(value_of(parse_integer(row.text)), row.want);
    }
    EXPECT_EQ(value_of(parse_count("18446744073709551615")), UINT64_MAX);
    EXPECT_EQ(value_of(parse_count("-1")), std::nullopt);
}

TEST(Values, RealNumbers) {
    EXPECT_EQ(value_of(parse_real("0.5")), 0.5);
    EXPECT_EQ(value_of(parse_real("-2e3")), -2000);
    EXPECT_EQ(value_of(parse_real(".5")), 0.5);
    EXPECT_EQ(value_of(parse_real("nan")), std::nullopt);
    EXPECT_EQ(value_of(parse_real("1x")), std::nullopt);
    EXPECT_EQ(real_text(0.1), "0.1");
}

TEST(Values, SizesNeedAUnit) {
    struct Row {
        const char* text;
        std::optional<int64_t> want;
        const char* shown;
    };
    const Row rows[] = {
        {"0", 0, "0B"},
        {"512MB", 512 << 20, "512MiB"},
        {"15MiB", 15 << 20, "15MiB"},
        {"1.5KB", 1536, "1KiB512B"},
        {"1GB1KB", (1 << 30) + 1024, "1GiB1KiB"},
        {"100", {}, ""},
        {"MB", {}, ""},
        {"-1GB", {}, ""},
        {"1 MB", {}, ""},
        {"10EB", {}, ""},  // past int64
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.text);
        const std::optional<int64_t> got = value_of(parse_size(row.text));
        EXPECT_EQ(got, row.want);
        if (got) EXPECT_EQ(size_text(*got), row.shown);
    }
}

TEST(Values, UrlsAreThoseOfGo) {
    struct Row {
        const char* text;
        bool valid;
        const char* scheme;
        const char* host;
    };
    const Row rows[] = {
        {"http://a:80/b?c=d#e", true, "http", "a:80"},
        {"HTTPS://a", true, "https", "a"},
        {"http://u:p@a:80/", true, "http", "a:80"},
        {"http://[::1]:80/x", true, "http", "[::1]:80"},
        {"localhost:9090", true, "localhost", ""},
        {"unix:///var/run/docker.sock", true, "unix", ""},
        {"/path", true, "", ""},
        {"", true, "", ""},
        {"http://", true, "http", ""},
        {"://x", false, "", ""},
        {"1.2.3.4:80", false, "", ""},
        {"http://a:b/", false, "", ""},
        {"http://a b/", false, "", ""},
        {"http://[::1/", false, "", ""},
        {"http://a/%zz", false, "", ""},
        {"http://a/\n", false, "", ""},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.text);
        const Result<UrlParts> got = parse_url(row.text);
        ASSERT_EQ(got.ok(), row.valid);
        if (!got.ok()) continue;
        EXPECT_EQ(got->scheme, row.scheme);
        EXPECT_EQ(got->host, row.host);
    }
    EXPECT_EQ(url_without_password("http://u:p@a/x@y"), "http://u:xxxxx@a/x@y");
    EXPECT_EQ(url_without_password("http://u@a:80/"), "http://u@a:80/");
    EXPECT_EQ(url_without_password("http://a:80/"), "http://a:80/");
}

TEST(Values, VariablesExpandAsInGo) {
    const auto lookup = [](std::string_view name) {
        return name == "A" ? std::string("1") : name == "LONG_2" ? std::string("2") : std::string();
    };
    struct Row {
        const char* text;
        const char* want;
    };
    const Row rows[] = {
        {"x", "x"},    {"$A", "1"},       {"${A}b", "1b"}, {"$LONG_2.", "2."},
        {"$$A", "$A"}, {"${NONE}x", "x"}, {"a$", "a$"},    {"$ a", "$ a"},
        {"${}x", "x"}, {"${A", "A"},      {"$A$A", "11"},  {"foo$${A}", "foo${A}"},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.text);
        EXPECT_EQ(expand_variables(row.text, lookup), row.want);
    }
}

TEST(Values, GlobsMayVaryInTheirLastSegment) {
    EXPECT_TRUE(is_last_segment_glob("a/b*.yml"));
    EXPECT_TRUE(is_last_segment_glob("a/b.yml"));
    EXPECT_FALSE(is_last_segment_glob("a/*/b.yml"));
}

}  // namespace
}  // namespace kw::settings
