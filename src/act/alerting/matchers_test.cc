// Matchers in both syntaxes, and which counts where they differ.
#include "alerting/matchers.h"

#include <gtest/gtest.h>

#include <optional>

namespace kw::alerting {
namespace {

std::optional<std::string> printed(const Result<Matchers>& parsed) {
    return parsed.ok() ? std::optional(matchers_text(*parsed)) : std::nullopt;
}

TEST(Matchers, AreReadInBothSyntaxes) {
    struct Row {
        std::string_view text;
        std::optional<std::string> utf8;
        std::optional<std::string> classic;
    };
    const Row rows[] = {
        {"", "{}", "{}"},
        {"{}", "{}", "{}"},
        {" { } ", "{}", {}},
        {"a=b", "{a=\"b\"}", "{a=\"b\"}"},
        {"{a=b}", "{a=\"b\"}", "{a=\"b\"}"},
        {"a = b , c != \"d\",", "{a=\"b\",c!=\"d\"}", "{a=\"b\",c!=\"d\"}"},
        {"a=~x.*", "{a=~\"x.*\"}", "{a=~\"x.*\"}"},
        {"a!~x", "{a!~\"x\"}", "{a!~\"x\"}"},
        {"a=", {}, "{a=\"\"}"},
        {"a=b}", {}, "{a=\"b\"}"},
        {"{a=b", {}, "{a=\"b\"}"},
        {"{{a=b}}", {}, {}},
        {",", {}, {}},
        {"a=b,,c=d", {}, {}},
        {"a==b", {}, "{a=\"=b\"}"},
        {"a=b c", {}, "{a=\"b c\"}"},
        {"a=\"b\\\"c\"", "{a=\"b\\\"c\"}", "{a=\"b\\\"c\"}"},
        {"a=\"\\d\"", {}, "{a=\"\\\\d\"}"},
        {"a=\"\\t\"", "{a=\"\t\"}", "{a=\"\\\\t\"}"},
        {"a=\"x,y\",b=z", "{a=\"x,y\",b=\"z\"}", "{a=\"x,y\",b=\"z\"}"},
        {"\"a b\"=c", "{\"a b\"=\"c\"}", {}},
        {"größe=1", "{größe=\"1\"}", {}},
        {"a=\"\\u00e9\\x41\\101\"", "{a=\"éAA\"}", "{a=\"\\\\u00e9\\\\x41\\\\101\"}"},
        {"a=\"\\xff\"", {}, "{a=\"\\\\xff\"}"},
        {"a=\"b", {}, {}},
        {"a=\"b\"c", {}, {}},
        {"a=~\"(\"", {}, {}},
        {"\"\"=a", {}, {}},
        {"a!b", {}, {}},
        {"a=\xff", {}, {}},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.text);
        EXPECT_EQ(printed(parse_utf8_matchers(row.text)), row.utf8);
        EXPECT_EQ(printed(parse_classic_matchers(row.text)), row.classic);
    }
}

TEST(Matchers, FallBackToTheClassicReading) {
    using Agreement = ParsedMatchers::Agreement;
    struct Row {
        std::string_view text;
        Agreement agreement;
        std::string want;
    };
    const Row rows[] = {
        {"a=b", Agreement::kBoth, "{a=\"b\"}"},
        {"größe=1", Agreement::kBoth, "{größe=\"1\"}"},
        {"a=", Agreement::kClassicOnly, "{a=\"\"}"},
        {"a=\"\\t\"", Agreement::kDisagree, "{a=\"\\\\t\"}"},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.text);
        const Result<ParsedMatchers> parsed = parse_matchers(row.text);
        ASSERT_TRUE(parsed.ok());
        EXPECT_EQ(parsed->agreement, row.agreement);
        EXPECT_EQ(matchers_text(parsed->matchers), row.want);
    }
    EXPECT_FALSE(parse_matchers("{{a=b}}").ok());
}

TEST(Matchers, OneStandsWithoutBraces) {
    EXPECT_TRUE(parse_matcher("a=~\"b|c\"").ok());
    for (const std::string_view text : {"", "a=b,c=d", "{a=b}", "a=b}"}) {
        SCOPED_TRACE(text);
        EXPECT_FALSE(parse_matcher(text).ok());
    }
}

TEST(Matchers, AreBounded) {
    EXPECT_EQ(parse_matchers("a=" + std::string(kMatcherBytesMax, 'x')).error().code,
              Code::kExhausted);
    std::string many;
    for (size_t i = 0; i <= kMatchersMax; ++i) many += "a=b,";
    EXPECT_EQ(parse_utf8_matchers(many).error().code, Code::kExhausted);
    EXPECT_EQ(parse_classic_matchers(many).error().code, Code::kExhausted);
}

TEST(Matchers, SortByNameValueAndOperator) {
    Matchers matchers = parse_matchers("b=1,a=2,a!=1,a=1").value().matchers;
    sort_matchers(matchers);
    EXPECT_EQ(matchers_text(matchers), "{a=\"1\",a!=\"1\",a=\"2\",b=\"1\"}");
}

}  // namespace
}  // namespace kw::alerting
