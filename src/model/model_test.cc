// Label sets, matchers, durations and numbers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "model/labels.h"
#include "model/matcher.h"
#include "model/sample.h"

namespace kw {
namespace {

using ::testing::ElementsAre;

TEST(LabelSet, SortsDropsEmptyAndRefusesTwice) {
    const LabelSet labels{{"b", "2"}, {"a", "1"}, {"c", ""}};
    EXPECT_EQ(labels.to_string(), R"({a="1", b="2"})");
    EXPECT_EQ(labels.size(), 2u);
    EXPECT_EQ(labels.get("b"), "2");
    EXPECT_EQ(labels.get("c"), "");
    EXPECT_EQ(LabelSet::from({{"b", "2"}, {"a", "1"}, {"c", ""}}).value(), labels);
    EXPECT_FALSE(LabelSet::from({{"a", "1"}, {"a", "2"}}).ok());
    EXPECT_FALSE(LabelSet::from({{"", "1"}}).ok());
    EXPECT_FALSE(LabelSet::from_sorted({{"b", "2"}, {"a", "1"}}).ok());
    EXPECT_EQ(LabelSet::from_sorted({{"a", "1"}, {"b", "2"}}).value(), labels);
}

TEST(LabelSet, PrintsAsPrometheusDoes) {
    EXPECT_EQ(LabelSet().to_string(), "{}");
    EXPECT_EQ((LabelSet{{"__name__", "up"}}).to_string(), "up");
    EXPECT_EQ((LabelSet{{"__name__", "up"}, {"job", "a\"b\n"}}).to_string(), R"(up{job="a\"b\n"})");
    EXPECT_EQ((LabelSet{{"__name__", "a.b"}, {"x.y", "1"}}).to_string(), R"({"a.b", "x.y"="1"})");
}

TEST(LabelSet, OrdersPairByPair) {
    EXPECT_LT((LabelSet{{"a", "1"}}), (LabelSet{{"a", "1"}, {"b", "1"}}));
    EXPECT_LT((LabelSet{{"a", "1"}, {"b", "1"}}), (LabelSet{{"a", "2"}}));
    EXPECT_LT((LabelSet{{"a", "9"}}), (LabelSet{{"b", "1"}}));
    // The bytes' order differs (the longer value has the larger length byte): text decides.
    EXPECT_LT((LabelSet{{"a", "aaaa"}}), (LabelSet{{"a", "b"}}));
}

TEST(LabelSet, DecodesOnlyItsOwnBytes) {
    const LabelSet labels{{"a", std::string(300, 'x')}, {"b", "2"}};
    EXPECT_EQ(LabelSet::decode(labels.encoded()).value(), labels);
    for (size_t cut = 1; cut < labels.encoded().size(); ++cut) {
        const auto got = LabelSet::decode(labels.encoded().substr(0, cut));
        if (got.ok()) EXPECT_EQ(got->size(), 1u);  // exactly between the labels
    }
    EXPECT_EQ(LabelSet::decode("\x01"
                               "b\x01"
                               "1\x01"
                               "a\x01"
                               "1")
                  .error()
                  .code,
              Code::kCorrupt);
}

TEST(LabelBuilder, SetsRemovesAndBuildsSorted) {
    LabelBuilder builder(LabelSet{{"b", "2"}, {"d", "4"}});
    builder.set("c", "3").set("a", "1").remove("d").set("b", "");
    EXPECT_EQ(builder.build(), (LabelSet{{"a", "1"}, {"c", "3"}}));
    EXPECT_EQ(builder.get("c"), "3");
}

TEST(Labels, KnowClassicNamesAndUtf8) {
    EXPECT_TRUE(is_classic_label_name("_a1"));
    EXPECT_FALSE(is_classic_label_name("a:b"));
    EXPECT_TRUE(is_classic_metric_name("a:b"));
    EXPECT_FALSE(is_classic_metric_name("1a"));
    EXPECT_TRUE(is_valid_utf8("grün €  𝄞 and some more ascii"));
    for (const char* bad : {"\xff", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82"}) {
        EXPECT_FALSE(is_valid_utf8(bad));
    }
}

struct RegexRow {
    const char* pattern;
    std::vector<std::string> literals;
    const char* prefix;
    const char* matches;
    const char* refuses;
};

TEST(AnchoredRegex, KnowsLiteralsAndPrefix) {
    const RegexRow rows[] = {
        {"abc", {"abc"}, "abc", "abc", "abcd"},
        {"a|b|cd", {"a", "b", "cd"}, "", "cd", "c"},
        {"(?:a|b)", {"a", "b"}, "", "a", "ab"},
        {"a\\.b", {"a.b"}, "a", "a.b", "axb"},
        {"", {""}, "", "", "a"},
        {"5..", {}, "5", "503", "5033"},
        {"ab*", {}, "a", "abbb", "b"},
        {"ab?c", {}, "a", "ac", "bc"},
        {"gr\xc3\xbc*", {}, "gr", "gr", "g"},
        {"a+b", {}, "a", "aab", "b"},
        {".+", {}, "", "a\nb", ""},
        {"a|b.*", {}, "", "bxx", "ax"},
        {"(a|b)c", {}, "", "bc", "b"},
    };
    for (const RegexRow& row : rows) {
        SCOPED_TRACE(row.pattern);
        const auto regex = AnchoredRegex::compile(row.pattern);
        ASSERT_TRUE(regex.ok());
        EXPECT_EQ(regex->literals(), row.literals);
        EXPECT_EQ(regex->prefix(), row.prefix);
        EXPECT_TRUE(regex->matches(row.matches));
        EXPECT_FALSE(regex->matches(row.refuses));
    }
}

TEST(AnchoredRegex, RefusesBadAndExplosiveExpressions) {
    EXPECT_EQ(AnchoredRegex::compile("a(").error().code, Code::kInvalid);
    EXPECT_EQ(AnchoredRegex::compile("a)(b").error().code, Code::kInvalid);
    EXPECT_FALSE(AnchoredRegex::compile("((((x{30}){30}){30}){30}){30}").ok());
    EXPECT_EQ(
        AnchoredRegex::compile(std::string(AnchoredRegex::kPatternBytesMax + 1, 'a')).error().code,
        Code::kExhausted);
}

TEST(AnchoredRegex, ExpandsAsGoDoes) {
    const auto regex = AnchoredRegex::compile("(.*)-(?P<port>[0-9]+)").value();
    const std::pair<const char*, const char*> rows[] = {
        {"$1:$2", "web:80"}, {"${1}x", "webx"}, {"$1x", ""}, {"$port", "80"}, {"${port}0", "800"},
        {"$$1", "$1"},       {"a$", "a$"},      {"$9", ""},  {"${", "${"},    {"${1", "${1"},
    };
    for (const auto& [replacement, want] : rows) {
        std::string out;
        EXPECT_TRUE(regex.expand("web-80", replacement, out));
        EXPECT_EQ(out, want) << replacement;
    }
    std::string out;
    EXPECT_FALSE(regex.expand("web", "$1", out));
}

TEST(Matcher, MeetsAbsentAsEmpty) {
    EXPECT_TRUE(Matcher::equal("a", "").matches(""));
    EXPECT_TRUE(Matcher::equal("a", "").matches_empty());
    EXPECT_TRUE(Matcher::not_equal("a", "x").matches_empty());
    EXPECT_TRUE(Matcher::make(MatchOp::kNotRegex, "a", "x|y")->matches_empty());
    EXPECT_FALSE(Matcher::make(MatchOp::kRegex, "a", ".+")->matches_empty());
    const std::vector<Matcher> both{Matcher::equal("a", "1"), Matcher::not_equal("b", "2")};
    EXPECT_TRUE(matches_all(both, {{"a", "1"}}));
    EXPECT_FALSE(matches_all(both, {{"a", "1"}, {"b", "2"}}));
    EXPECT_EQ(Matcher::make(MatchOp::kRegex, "a.b", "x\"")->to_string(), R"("a.b"=~"x\"")");
}

TEST(Duration, ParsesWhatPrometheusParses) {
    const std::pair<const char*, int64_t> good[] = {
        {"0", 0},
        {"1h30m", 5'400'000},
        {"15s", 15'000},
        {"250ms", 250},
        {"1y", 31'536'000'000},
        {"1w2d3h4m5s6ms", 604800000 + 172800000 + 10800000 + 245006},
    };
    for (const auto& [text, want] : good)
        EXPECT_EQ(parse_duration_ms(text).value_or(-1), want) << text;
    for (const char* bad :
         {"", "-5m", "30m1h", "5", "1.5h", "m", "1m1m", "9999999999y", "5 m", "1h x"}) {
        EXPECT_FALSE(parse_duration_ms(bad).ok()) << bad;
    }
    const std::pair<int64_t, const char*> printed[] = {
        {0, "0s"},           {5'400'000, "1h30m"}, {15'000, "15s"},
        {86'400'000, "1d"},  {90'000'000, "1d1h"}, {8 * 86'400'000LL, "8d"},
        {604'800'000, "1w"}, {1, "1ms"},
    };
    for (const auto& [ms, want] : printed) EXPECT_EQ(format_duration_ms(ms), want);
}

TEST(Value, PrintsAsPrometheusDoes) {
    const std::pair<double, const char*> rows[] = {
        {0, "0"},
        {1, "1"},
        {-1.5, "-1.5"},
        {0.1, "0.1"},
        {1e20, "100000000000000000000"},
        {0x1p53, "9007199254740992"},
        {-12345678901234568.0, "-12345678901234568"},
        {0x1p63, "9223372036854776000"},  // not all the digits that it has
        {999999999999999868928.0, "999999999999999900000"},
        {1e21, "1e+21"},
        {1e-6, "0.000001"},
        {1e-7, "1e-07"},
        {-0.0, "-0"},
        {1.0 / 3, "0.3333333333333333"},
        {std::numeric_limits<double>::infinity(), "+Inf"},
        {-std::numeric_limits<double>::infinity(), "-Inf"},
        {kNormalNan, "NaN"},
        {1e100, "1e+100"},
        {123456789.125, "123456789.125"},
    };
    for (const auto& [value, want] : rows) EXPECT_EQ(format_value(value), want);
}

TEST(Value, ReadsWhatGoReads) {
    const std::pair<const char*, double> good[] = {
        {"1", 1},          {"-1.5e3", -1500},   {"+.5", 0.5},
        {"5.", 5},         {"0x1p4", 16},       {"1e-400", 0},
        {"inf", INFINITY}, {"-Inf", -INFINITY}, {"+INFINITY", INFINITY},
        {"0x1F", 31},
    };
    for (const auto& [text, want] : good) {
        const auto got = parse_value(text);
        ASSERT_TRUE(got.ok()) << text;
        EXPECT_EQ(*got, want) << text;
    }
    EXPECT_TRUE(std::isnan(parse_value("nAn").value()));
    EXPECT_FALSE(is_stale(parse_value("NaN").value()));
    for (const char* bad :
         {"", "-", "1x", "1e", "--1", "+-1", "1 ", " 1", "0x", "infin", "1_0", "1e999"}) {
        EXPECT_FALSE(parse_value(bad).ok()) << bad;
    }
}

}  // namespace
}  // namespace kw
