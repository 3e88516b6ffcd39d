#include "wire/exposition/parser.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

namespace kw::wire {
namespace {

constexpr auto kText = ExpositionFormat::kText;
constexpr auto kOpenMetrics = ExpositionFormat::kOpenMetrics;

// What the parser hands out, a text line a step; the last is the error where there is one.
std::vector<std::string> steps_of(std::string_view text, ExpositionFormat format) {
    std::vector<std::string> steps;
    Parser parser(text, format);
    for (;;) {
        switch (parser.next()) {
            case Step::kEnd: return steps;
            case Step::kError: steps.push_back(parser.error().message); return steps;
            case Step::kSample: {
                std::string step = fmt::format("{}: {}", parser.series(), parser.value());
                if (parser.has_timestamp()) step += fmt::format(" @{}", parser.timestamp().count);
                if (parser.has_exemplar()) {
                    step +=
                        fmt::format(" # {} {}", parser.exemplar_labels(), parser.exemplar_value());
                    if (parser.exemplar_has_timestamp()) {
                        step += fmt::format(" @{}", parser.exemplar_timestamp().count);
                    }
                }
                steps.push_back(step);
                break;
            }
            case Step::kType:
                steps.push_back(
                    fmt::format("TYPE {} {}", parser.family(), metric_type_name(parser.type())));
                break;
            case Step::kHelp:
                steps.push_back(fmt::format("HELP {} {}", parser.family(), parser.metadata_text()));
                break;
            case Step::kUnit:
                steps.push_back(fmt::format("UNIT {} {}", parser.family(), parser.metadata_text()));
                break;
            case Step::kSameComment: ADD_FAILURE(); break;
        }
    }
}

using Steps = std::vector<std::string>;

TEST(ExpositionParser, ReadsTheTextFormat) {
    struct Row {
        std::string_view text;
        Steps want;
    };
    const Row rows[] = {
        {"", {}},
        {"\n \n\t\n", {}},
        {"a 1\n", {"a: 1"}},
        {"a 1", {"a: 1"}},
        {"  a\t1  \n", {"a: 1"}},
        {"a{} 1 1395066363000\n", {"a{}: 1 @1395066363000"}},
        {"a 1 -5\n", {"a: 1 @-5"}},
        {"a {b=\"c\"}  2\n", {"a {b=\"c\"}: 2"}},
        {"a{b=\"}\"}3\n", {"a{b=\"}\"}: 3"}},
        {"{\"a.b\",c=\"d\"} NaN\n", {"{\"a.b\",c=\"d\"}: nan"}},
        {"a +Inf\n", {"a: inf"}},
        {"# HELP a Some \\\\ text.\n# TYPE a counter\na 1\n",
         {"HELP a Some \\\\ text.", "TYPE a counter", "a: 1"}},
        {"# HELP a\n# TYPE a  untyped \n", {"HELP a ", "TYPE a unknown"}},
        {"#\n# \n#HELP a b\n# EOF\n# HELPa b\n#   a comment\na 1\n", {"a: 1"}},
        {"#\tHELP\ta\tb\n", {"HELP a b"}},
        {"# HELP \"a.b\" c\n", {"HELP a.b c"}},
        {"# HELP\n# HELP \n# TYPE \t\na 1\n", {"a: 1"}},
        {"# HELP a-b c\na 1\n", {"HELP a b c", "a: 1"}},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.text);
        EXPECT_EQ(steps_of(row.text, kText), row.want);
    }
}

TEST(ExpositionParser, SaysLineAndExpectationInTheTextFormat) {
    struct Row {
        std::string_view text;
        std::string_view want;
    };
    const Row rows[] = {
        {"a\n", "line 1: expected a value, found the end of the line"},
        {"a 1\n\nb x\n", "line 3: expected a value, found \"x\""},
        {"a", "line 1: expected a value, found the end of the text"},
        {"a 1 2 3\n", "line 1: expected the end of the line, found \"3\""},
        {"a 1 2.5\n", "line 1: expected a timestamp in milliseconds, found \"2.5\""},
        {"a 1 99999999999999999999\n",
         "line 1: expected a timestamp in milliseconds, found \"99999999999999999999\""},
        {"a{b=\"c\" 1\n", "line 1: expected '}' in the same line, found the end of the line"},
        {"a{b=\"c\n\"} 1\n", "line 1: expected '}' in the same line, found the end of the line"},
        {"@a 1\n", "line 1: expected a metric name, '{' or '#', found \"@a 1\""},
        {"1a 1\n", "line 1: expected a metric name, '{' or '#', found \"1a 1\""},
        {"a.b 1\n", "line 1: expected a value, found \".b 1\""},
        {"\xff 1\n", "line 1: expected a metric name, '{' or '#', found \"\\xff 1\""},
        {"a 1\r\n", "line 1: expected a value, found \"1\\x0d\""},
        {"# TYPE a\n", "line 1: expected a space and a metric type, found the end of the line"},
        {"# TYPE a meh\n",
         "line 1: expected counter, gauge, histogram, summary or untyped, found \"meh\""},
        {"# TYPE a-b counter\n",
         "line 1: expected a space and a metric type, found \"-b counter\""},
        {"# HELP \"\" a\n", "line 1: expected a metric name, found \"\\\" a\""},
        {"# HELP a \xff\n", "line 1: the text is not valid UTF-8"},
        {"# HELP \"a\n", "line 1: expected '\"' behind the metric name, found the end of the line"},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.text);
        const Steps steps = steps_of(row.text, kText);
        ASSERT_FALSE(steps.empty());
        EXPECT_EQ(steps.back(), row.want);
    }
}

TEST(ExpositionParser, ReadsOpenMetrics) {
    struct Row {
        std::string_view text;
        Steps want;
    };
    const Row rows[] = {
        {"# EOF\n", {}},
        {"# EOF", {}},
        {"a 1\n# EOF\n", {"a: 1"}},
        {"a 1 1.5\n# EOF\n", {"a: 1 @1500"}},
        {"a 1 12345678901234567890.5\n# EOF\n", {"a: 1 @9223372036854775807"}},
        {"a_total 1 # {b=\"c\"} 0.5\n# EOF\n", {"a_total: 1 # {b=\"c\"} 0.5"}},
        {"a_total 1 2 # {} 0.5 3.25\n# EOF\n", {"a_total: 1 @2000 # {} 0.5 @3250"}},
        {"# TYPE a_s gauge\n# UNIT a_s s\n# HELP a_s \n# EOF\n",
         {"TYPE a_s gauge", "UNIT a_s s", "HELP a_s "}},
        {"# TYPE a stateset\n# TYPE b info\n# TYPE c gaugehistogram\n# TYPE d unknown\n# EOF\n",
         {"TYPE a stateset", "TYPE b info", "TYPE c gaugehistogram", "TYPE d unknown"}},
        {"# UNIT a \n# EOF\n", {"UNIT a "}},
        {"{\"a.b\"} 1\n# EOF\n", {"{\"a.b\"}: 1"}},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.text);
        EXPECT_EQ(steps_of(row.text, kOpenMetrics), row.want);
    }
}

TEST(ExpositionParser, SaysLineAndExpectationInOpenMetrics) {
    struct Row {
        std::string_view text;
        std::string_view want;
    };
    const Row rows[] = {
        {"", "line 1: expected \"# EOF\", found the end of the text"},
        {"a 1\n", "line 2: expected \"# EOF\", found the end of the text"},
        {"a 1", "line 1: expected the end of the line, found the end of the text"},
        {"# EOF\na 1\n", "line 2: expected nothing after \"# EOF\", found \"a 1\""},
        {"\n# EOF\n", "line 1: expected a metric name, '{' or '#', found the end of the line"},
        {"a  1\n# EOF\n", "line 1: expected a value, found \" 1\""},
        {"a 1 \n# EOF\n", "line 1: expected a timestamp in seconds, found the end of the line"},
        {"a 1 NaN\n# EOF\n", "line 1: expected a timestamp in seconds, found \"NaN\""},
        {"a{b=\"c\"}1\n# EOF\n", "line 1: expected a space before the value, found \"1\""},
        {"# FOO a x\n# EOF\n",
         "line 1: expected \" HELP \", \" TYPE \", \" UNIT \" or \" EOF\", found \" FOO a x\""},
        {"#a 0\n# EOF\n",
         "line 1: expected \" HELP \", \" TYPE \", \" UNIT \" or \" EOF\", found \"a 0\""},
        {"# HELP a\n# EOF\n", "line 1: expected a space after the name, found the end of the line"},
        {"# TYPE a untyped\n# EOF\n",
         "line 1: expected counter, gauge, histogram, gaugehistogram, summary, info, stateset or "
         "unknown, "
         "found \"untyped\""},
        {"# UNIT a s\n# EOF\n",
         "line 1: expected a unit that the metric name ends with, found \"s\""},
        {"# UNIT s s\n# EOF\n",
         "line 1: expected a unit that the metric name ends with, found \"s\""},
        {"a 1 #\n# EOF\n", "line 1: expected \" # \" and an exemplar, found \" #\""},
        {"a 1 # id=\"a\"} 1\n# EOF\n",
         "line 1: expected the labels of an exemplar in braces, found \"id=\\\"a\\\"} 1\""},
        {"a 1 # {}1\n# EOF\n", "line 1: expected a space before the exemplar's value, found \"1\""},
        {"a 1 # {a=b} 1\n# EOF\n", "line 1: expected '\"' at byte 4 of the series of the exemplar"},
        {"a 1 # {} 1 \n# EOF\n",
         "line 1: expected the exemplar's timestamp in seconds, found the end of the line"},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.text);
        const Steps steps = steps_of(row.text, kOpenMetrics);
        ASSERT_FALSE(steps.empty());
        EXPECT_EQ(steps.back(), row.want);
    }
}

TEST(ExpositionParser, TakesWhatWasExpectedOnlyWhereItStands) {
    struct Row {
        std::string_view line;
        std::string_view expected;
        bool was_expected;
    };
    const Row rows[] = {
        {"a 1\n", "a", true},
        {"a{b=\"c\"} 1\n", "a{b=\"c\"}", true},
        {"ab 1\n", "a", false},
        {"a{b=\"c\"} 1\n", "a", false},
        {"a {b=\"c\"} 1\n", "a", false},  // blanks before the brace: a longer series part
        {"a  {b=\"c\"} 1\n", "a", false},
        {"a\t1\n", "a", false},
        {"b 1\n", "a", false},
        {"a", "a", false},
        {"# TYPE a counter\n", "# TYPE a counter", true},
        {"# TYPE a counters\n", "# TYPE a counter", false},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.line);
        Parser parser(row.line, kText);
        parser.next(row.expected);
        EXPECT_EQ(parser.was_expected(), row.was_expected);
    }
}

// Expecting right or wrong, the steps are those of the parser that expects nothing.
TEST(ExpositionParser, ExpectingChangesNothing) {
    constexpr std::string_view kBody =
        "# HELP a b\n# TYPE a counter\na{x=\"1\"} 1\na{x=\"2\"} 2 5\na 3\n\nc 4\n";
    std::vector<std::string> expectations = {
        "", "a", "c", "a{x=\"1\"}", "a{x=\"2\"}", "# HELP a b", "# TYPE a counter"};
    for (const std::string& first : expectations) {
        for (const std::string& then : expectations) {
            Parser with(kBody, kText);
            Parser without(kBody, kText);
            for (bool at_first = true;; at_first = false) {
                const Step got = with.next(at_first ? first : then);
                const Step want = without.next();
                EXPECT_EQ(with.line(), without.line());
                if (got == Step::kSameComment) {
                    EXPECT_EQ(with.line_text(), without.line_text());
                    continue;
                }
                ASSERT_EQ(got, want);
                if (got == Step::kEnd) break;
                if (got != Step::kSample) continue;
                EXPECT_EQ(with.series(), without.series());
                EXPECT_EQ(with.value(), without.value());
                EXPECT_EQ(with.has_timestamp(), without.has_timestamp());
            }
        }
    }
}

TEST(ExpositionParser, SurvivesEveryTruncation) {
    constexpr std::string_view kBody =
        "# TYPE a_s counter\n# UNIT a_s s\n# HELP a_s x\\ny\n"
        "a_s_total{b=\"c\\\"d\",e=\"f\"} 1.5 12.25 # {t=\"u\"} 0.5 3\n{\"g.h\",i=\"j\"} -Inf\n# "
        "EOF\n";
    ASSERT_EQ(steps_of(kBody, kOpenMetrics).size(), 5U);
    for (size_t length = 0; length + 1 < kBody.size(); ++length) {
        const std::string body(kBody.substr(0, length));
        const Steps steps = steps_of(body, kOpenMetrics);
        ASSERT_FALSE(steps.empty());
        EXPECT_TRUE(steps.back().starts_with("line ")) << body;
        steps_of(body, kText);
    }
}

TEST(FormatOfContentType, FollowsPrometheus) {
    struct Row {
        std::string_view content_type;
        std::optional<ExpositionFormat> fallback;
        std::optional<ExpositionFormat> want;
    };
    const Row rows[] = {
        {"text/plain; version=0.0.4; charset=utf-8", {}, kText},
        {"text/plain", {}, kText},
        {"Text/Plain;version=1.0.0;escaping=allow-utf-8", {}, kText},
        {"application/openmetrics-text; version=1.0.0; charset=utf-8", {}, kOpenMetrics},
        {"", {}, {}},
        {"", kText, kText},
        {"application/json", {}, {}},
        {"application/json", kOpenMetrics, kOpenMetrics},
        {"application/vnd.google.protobuf; encoding=delimited", kText, ExpositionFormat::kProtobuf},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.content_type);
        const Result<ExpositionFormat> got = format_of_content_type(row.content_type, row.fallback);
        EXPECT_EQ(got.ok() ? std::optional(got.value()) : std::nullopt, row.want);
    }
}

}  // namespace
}  // namespace kw::wire
