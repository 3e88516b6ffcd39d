#include "wire/exposition/series.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

namespace kw::wire {
namespace {

// The labels as one text, "refused: why" where they are.
std::string read(std::string_view series, ExpositionFormat format,
                 Strictness strictness = Strictness::kScrape) {
    SeriesLabels labels;
    const Result<void> result = labels.read(series, format, strictness);
    if (!result.ok()) return "refused: " + result.error().message;
    std::string out;
    for (const LabelView& label : labels.labels()) {
        out += std::string(label.name) + "=" + std::string(label.value) + ";";
    }
    return out;
}

TEST(SeriesLabels, ReadsBothFormats) {
    struct Row {
        std::string_view series;
        std::string_view text;
        std::string_view openmetrics;
    };
    constexpr std::string_view kRefused = "refused";
    const Row rows[] = {
        {"up", "__name__=up;", "__name__=up;"},
        {"a:b_1", "__name__=a:b_1;", "__name__=a:b_1;"},
        {"up{}", "__name__=up;", "__name__=up;"},
        {"up{a=\"b\"}", "__name__=up;a=b;", "__name__=up;a=b;"},
        {"up{a=\"b\",c=\"d\",}", "__name__=up;a=b;c=d;", "__name__=up;a=b;c=d;"},
        {"up {a=\"b\"}", "__name__=up;a=b;", kRefused},
        {"up{ a = \"b\" , c=\"\t\" }", "__name__=up;a=b;c=\t;", kRefused},
        {"up{a=\"\\\\ \\\" \\n \\z\"}", "__name__=up;a=\\ \" \n \\z;",
         "__name__=up;a=\\ \" \n \\z;"},
        {"up{a=\"x\\n\",b=\"\\\"y\"}", "__name__=up;a=x\n;b=\"y;", "__name__=up;a=x\n;b=\"y;"},
        {"{\"a.b\"}", "__name__=a.b;", "__name__=a.b;"},
        {"{\"a.b\",\"c.d\"=\"e\",f=\"g\"}", "__name__=a.b;c.d=e;f=g;", "__name__=a.b;c.d=e;f=g;"},
        {"{f=\"g\",\"a.b\"}", "__name__=a.b;f=g;", "__name__=a.b;f=g;"},
        {"up{\"c d\"=\"e\"}", "__name__=up;c d=e;", "__name__=up;c d=e;"},
        {"up{a=\"\xe2\x98\x83\"}", "__name__=up;a=\xe2\x98\x83;", "__name__=up;a=\xe2\x98\x83;"},
        {"up{a=\"1\",a=\"2\"}", "__name__=up;a=1;a=2;", "__name__=up;a=1;a=2;"},
        {"", kRefused, kRefused},
        {"{}", kRefused, kRefused},
        {"{a=\"b\"}", kRefused, kRefused},
        {"{\"a\",\"b\"}", kRefused, kRefused},
        {"{\"\"}", kRefused, kRefused},
        {"up{\"a.b\"}", kRefused, kRefused},
        {"up{,}", kRefused, kRefused},
        {"up{a=\"b\",,}", kRefused, kRefused},
        {"up{a=\"b\"c=\"d\"}", "__name__=up;a=b;c=d;", kRefused},
        {"up{a=\"b\" c=\"d\"}", "__name__=up;a=b;c=d;", kRefused},
        {"{\"a.b\" c=\"d\"}", kRefused, kRefused},
        {"up{a=b}", kRefused, kRefused},
        {"up{a='b'}", kRefused, kRefused},
        {"up{a}", kRefused, kRefused},
        {"up{1a=\"b\"}", kRefused, kRefused},
        {"up{a:b=\"c\"}", kRefused, kRefused},
        {"up{=\"c\"}", kRefused, kRefused},
        {"up{\"\"=\"c\"}", kRefused, kRefused},
        {"up{a=\"b", kRefused, kRefused},
        {"up{a=\"b\"", kRefused, kRefused},
        {"up{a=\"b\\", kRefused, kRefused},
        {"up{a=\"b\nc\"}", kRefused, kRefused},
        {"up{a=\"\xff\"}", kRefused, kRefused},
        {"{\"\xff\"}", kRefused, kRefused},
        {"up{a=\"b\"}x", kRefused, kRefused},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.series);
        const auto shown = [](std::string got) {
            return got.starts_with("refused") ? "refused" : got;
        };
        EXPECT_EQ(shown(read(row.series, ExpositionFormat::kText)), row.text);
        EXPECT_EQ(shown(read(row.series, ExpositionFormat::kOpenMetrics)), row.openmetrics);
    }
}

TEST(SeriesLabels, SaysWhereAndWhatItExpected) {
    EXPECT_EQ(read("up{a=b}", ExpositionFormat::kText),
              "refused: expected '\"' at byte 6 of the series");
    EXPECT_EQ(read("up{a=\"b\"", ExpositionFormat::kText),
              "refused: expected ',' or '}' at byte 9, found the end of the labels");
    EXPECT_EQ(read("up{a=\"b\"c=\"d\"}", ExpositionFormat::kText, Strictness::kSpecification),
              "refused: expected ',' or '}' at byte 9 of the series");
    EXPECT_EQ(read("up{a=\"\\t\"}", ExpositionFormat::kText, Strictness::kSpecification),
              "refused: expected n, \" or \\ after a backslash at byte 8 of the series");
}

TEST(SeriesLabels, RefusesEveryTruncation) {
    constexpr std::string_view kSeries = "{\"a.b\", \"c\\\"d\" = \"e\\nf\", g=\"h\"}";
    ASSERT_EQ(read(kSeries, ExpositionFormat::kText), "__name__=a.b;c\"d=e\nf;g=h;");
    for (size_t length = 0; length < kSeries.size(); ++length) {
        EXPECT_TRUE(
            read(kSeries.substr(0, length), ExpositionFormat::kText).starts_with("refused"));
    }
}

TEST(UnescapedHelp, KnowsQuotesInOpenMetricsOnly) {
    constexpr std::string_view kRaw = R"(a\\b\nc\"d\z\)";
    EXPECT_EQ(unescaped_help(kRaw, ExpositionFormat::kText), "a\\b\nc\\\"d\\z\\");
    EXPECT_EQ(unescaped_help(kRaw, ExpositionFormat::kOpenMetrics), "a\\b\nc\"d\\z\\");
}

}  // namespace
}  // namespace kw::wire
