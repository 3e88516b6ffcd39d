#include "text.h"

#include <gtest/gtest.h>

namespace kilowatch {
namespace {

TEST(Text, TrimsBlanksAndTabsAlone) {
    EXPECT_EQ(trim_blank(" \ta b\t "), "a b");
    EXPECT_EQ(trim_blank(" \t "), "");
    EXPECT_EQ(trim_blank(""), "");
    EXPECT_EQ(trim_blank("\na\r"), "\na\r");
}

TEST(Text, EncodesWhatAUrlGivesAMeaning) {
    EXPECT_EQ(percent_encode("aZ9-._~"), "aZ9-._~");
    EXPECT_EQ(percent_encode("a b&c=%\n"), "a%20b%26c%3D%25%0A");
    EXPECT_EQ(percent_encode("\xc3\xbc"), "%C3%BC");
    EXPECT_EQ(percent_encode("a:b/c@d,e"), "a%3Ab%2Fc%40d%2Ce");
    EXPECT_EQ(percent_encode("a:b/c@d,e", ":/@"), "a:b/c@d%2Ce");
}

}  // namespace
}  // namespace kilowatch
