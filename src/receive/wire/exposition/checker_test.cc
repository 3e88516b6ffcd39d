#include "wire/exposition/checker.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace kw::wire {
namespace {

struct Row {
    std::string_view text;
    std::string_view want;  // "" is accepted
};

void expect_rows(const std::vector<Row>& rows, ExpositionFormat format) {
    for (const Row& row : rows) {
        SCOPED_TRACE(row.text);
        const Result<void> got = check_exposition(row.text, format);
        EXPECT_EQ(got.ok() ? "" : got.error().message, row.want);
    }
}

TEST(CheckText, HoldsFamiliesToTheSpecification) {
    expect_rows(
        {
            {"", ""},
            {"# HELP a b\n# TYPE a counter\na 1\n", ""},
            {"# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count "
             "1\n",
             ""},
            {"a 1", "line 2: expected a newline, found the end of the text"},
            {"# HELP a b\n# HELP a c\n", "line 2: a second HELP for a"},
            {"# TYPE a counter\n# TYPE a gauge\n", "line 2: a second TYPE for a"},
            {"a 1\n# TYPE a gauge\n", "line 2: TYPE for a after its first sample"},
            {"# TYPE h histogram\nh_bucket{le=\"x\"} 1\n",
             "line 2: the value of label le is no number"},
            {"# TYPE s summary\ns{quantile=\"x\"} 1\n",
             "line 2: the value of label quantile is no number"},
            {"a{b=\"1\",b=\"2\"} 1\n", "line 1: label b is there twice"},
            {"a{b=\"1\" c=\"2\"} 1\n", "line 1: expected ',' or '}' at byte 9 of the series"},
            {"# HELP a-b c\n", "line 1: expected a space after the name a"},
            {"# HELP \n# TYPE \na 1\n", ""},
            {"# HELP a\n# HELP a b\n", ""},
            {"a{b=\"\\t\"} 1\n",
             "line 1: expected n, \" or \\ after a backslash at byte 7 of the series"},
        },
        ExpositionFormat::kText);
}

TEST(CheckOpenMetrics, HoldsFamiliesToTheSpecification) {
    expect_rows(
        {
            {"# TYPE a counter\n# HELP a b\na_total 1\na_created 2\n# EOF\n", ""},
            {"# TYPE a gauge\na{b=\"1\"} 1\na{b=\"2\"} 1\na{b=\"1\"} 1\n# EOF\n",
             "line 4: samples of one label set of a do not stand together"},
            {"# TYPE a gauge\na 1\na 2\n# EOF\n", "line 3: a series of a is there twice"},
            {"# TYPE a gauge\na 1 1\na 2 1\na 3 2\n# EOF\n", ""},
            {"# TYPE a counter\na 1\n# EOF\n",
             "line 2: a is no sample of a family of type counter"},
            {"# TYPE a counter\n# TYPE a_total gauge\n# EOF\n",
             "line 2: a_total of family a_total clashes with family a"},
            {"# TYPE a gauge\n# TYPE b gauge\na 1\n# EOF\n", "line 3: family a is there twice"},
            {"# TYPE a summary\na{quantile=\"0.5\"} -1\n# EOF\n",
             "line 2: a negative quantile value"},
            {"# TYPE a histogram\na_bucket{le=\"1\"} 2\na_bucket{le=\"+Inf\"} 1\n# EOF\n",
             "line 3: the buckets of a are not cumulative"},
            {"# TYPE a histogram\na_bucket{le=\"1\"} 2\n# EOF\n",
             "line 3: histogram a has no +Inf bucket"},
            {"# TYPE a histogram\na_bucket{le=\"+Inf\"} 1\na_count 1\na_sum 1\na_bucket{le=\"2\"} "
             "1\n# EOF\n",
             "line 5: the buckets of a are not in order"},
            {"# TYPE a summary\na_sum -1\n# EOF\n", "line 2: a_sum may not be -1"},
            {"# TYPE a summary\na_sum NaN\n# EOF\n", "line 2: a_sum may not be NaN"},
            {"# TYPE a histogram\na_bucket{le=\"+Inf\"} 0.5\n# EOF\n",
             "line 2: a_bucket may not be 0.5"},
            {"# TYPE a summary\na_count +Inf\n# EOF\n", "line 2: a_count may not be +Inf"},
            {"a{b=\"c\",} 1\n# EOF\n", "line 1: a comma before the closing brace"},
            {"# TYPE a counter\na_total 1 # {b=\"c\",} 1\n# EOF\n",
             "line 2: a comma before the closing brace"},
            {"# TYPE a counter\na_total 1 # {b=\"c\",b=\"d\"} 1\n# EOF\n",
             "line 2: label b is there twice"},
            {"# TYPE a gauge\na 1 0.0002\na 1 0.0001\n# EOF\n", "line 3: timestamps of a go back"},
            {"# TYPE a gauge\na 1 0.0000000002\na 1 0.0000000001\n# EOF\n", ""},
            {"# TYPE a histogram\n# TYPE a_count counter\n# EOF\n",
             "line 2: a_count of family a_count clashes with family a"},
            {"# TYPE a info\na_info{b=\"1\"} 1 2\na_info{b=\"2\"} 1 1\na_info{b=\"1\"} 1 3\n# "
             "EOF\n",
             ""},
        },
        ExpositionFormat::kOpenMetrics);
}

}  // namespace
}  // namespace kw::wire
