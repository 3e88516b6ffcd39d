#include "wire/exposition/nhcb_parser.h"

#include <gtest/gtest.h>

#include "model/native_histogram.h"

namespace kw::wire {
namespace {

std::string read(std::string_view text, bool always_classic = false,
                 ExpositionFormat format = ExpositionFormat::kText) {
    NhcbParser parser(text, format, {.always_classic = always_classic, .convert = true});
    std::string out;
    for (;;) {
        const Step step = parser.next();
        if (step == Step::kError) return out + parser.error().message;
        if (step == Step::kEnd) {
            if (parser.not_converted() != 0) out += fmt::format("{} not", parser.not_converted());
            return out;
        }
        if (step != Step::kSample) continue;
        out += std::string(parser.series()) + " " +
               (parser.histogram() ? histogram_text(from_stored(*parser.histogram()))
                                   : format_value(parser.value()));
        if (parser.has_timestamp()) out += fmt::format(" @{}", parser.timestamp().count);
        for (const Exemplar& one : parser.exemplars()) {
            out += " # " + one.labels.to_string() + " " + format_value(one.value);
            if (one.has_timestamp) out += fmt::format(" @{}", one.timestamp.count);
        }
        out += "\n";
    }
}

constexpr std::string_view kTwo =
    "a 1\n"
    "# TYPE h histogram\n"
    "h_bucket{p=\"x\",le=\"1\"} 2\n"
    "h_bucket{p=\"x\",le=\"2.5\"} 5\n"
    "h_bucket{p=\"x\",le=\"+Inf\"} 6\n"
    "h_sum{p=\"x\"} 9\n"
    "h_count{p=\"x\"} 6\n"
    "h_bucket{p=\"y\",le=\"1\"} 0\n"
    "h_bucket{p=\"y\",le=\"+Inf\"} 1\n"
    "h_sum{p=\"y\"} 3\n"
    "h_count{p=\"y\"} 1\n"
    "# TYPE b gauge\n"
    "b 2\n";

TEST(NhcbParser, LinesOfAHistogramBecomeOne) {
    EXPECT_EQ(read(kTwo),
              "a 1\n"
              "{\"h\",\"p\"=\"x\"} {count:6, sum:9, [-Inf,1]:2, (1,2.5]:3, (2.5,+Inf]:1}\n"
              "{\"h\",\"p\"=\"y\"} {count:1, sum:3, (1,+Inf]:1}\n"
              "b 2\n");
}

TEST(NhcbParser, KeepsTheLinesWhereAsked) {
    EXPECT_EQ(
        read("# TYPE h histogram\nh_bucket{le=\"+Inf\"} 1\nh_sum 2\nh_count 1\n", true),
        "h_bucket{le=\"+Inf\"} 1\nh_sum 2\nh_count 1\n{\"h\"} {count:1, sum:2, [-Inf,+Inf]:1}\n");
}

TEST(NhcbParser, OpenMetricsWithTimes) {
    EXPECT_EQ(read("# TYPE h histogram\nh_bucket{le=\"1.0\"} 1 5\nh_bucket{le=\"+Inf\"} 1 5\n"
                   "h_count 1 5\nh_sum 0.5 5\nh_created 1 5\n# EOF\n",
                   false, ExpositionFormat::kOpenMetrics),
              "{\"h\"} {count:1, sum:0.5, [-Inf,1]:1} @5000\nh_created 1 @5000\n");
}

TEST(NhcbParser, AHistogramHasTheExemplarsOfItsLines) {
    const std::string_view text =
        "# TYPE h histogram\nh_bucket{le=\"1.0\"} 1 # {t=\"a\"} 0.5 7\n"
        "h_bucket{le=\"+Inf\"} 2 # {t=\"b\"} 3\nh_count 2\nh_sum 3.5\n"
        "# TYPE c counter\nc_total 1 # {t=\"c\"} 1\nc_total{x=\"y\"} 1 # {t=\"d\",t=\"e\"} 1\n# "
        "EOF\n";
    const std::string made =
        "{\"h\"} {count:2, sum:3.5, [-Inf,1]:1, (1,+Inf]:1} # {t=\"a\"} 0.5 @7000 # {t=\"b\"} 3\n";
    const std::string rest = "c_total 1 # {t=\"c\"} 1\nc_total{x=\"y\"} 1\n";
    EXPECT_EQ(read(text, false, ExpositionFormat::kOpenMetrics), made + rest);
    EXPECT_EQ(
        read(text, true, ExpositionFormat::kOpenMetrics),
        "h_bucket{le=\"1.0\"} 1 # {t=\"a\"} 0.5 @7000\nh_bucket{le=\"+Inf\"} 2 # {t=\"b\"} 3\n"
        "h_count 2\nh_sum 3.5\n" +
            made + rest);
}

TEST(NhcbParser, WhatIsNoHistogramStays) {
    const std::string text = "# TYPE c counter\nc_bucket{le=\"1\"} 2\nc_count 1\nd_sum 2\n";
    EXPECT_EQ(read(text), "c_bucket{le=\"1\"} 2\nc_count 1\nd_sum 2\n");
}

TEST(NhcbParser, LeavesOutWhatMakesNoSense) {
    EXPECT_EQ(
        read("# TYPE h histogram\nh_bucket{le=\"1\"} 3\nh_bucket{le=\"+Inf\"} 2\nh_count 2\nb 1\n"),
        "b 1\n1 not");
    EXPECT_EQ(read("# TYPE h histogram\nh_sum 2\n"), "1 not");
    EXPECT_EQ(read("# TYPE h histogram\nh_count 2\nh_bucket{le=\"1\"} x\n"),
              "line 3: expected a value, found \"x\"");
}

}  // namespace
}  // namespace kw::wire
