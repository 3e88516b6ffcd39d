#include "app/json_fields.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kw::app {
namespace {

TEST(JsonFields, ReadsWhatIsThereAndNothingElse) {
    simdjson::dom::parser parser;
    const std::string text =
        R"({"text":"a","number":1.5,"count":7,"flag":true,"list":["x","y"],"negative":-3,"null":null})";
    simdjson::dom::element object;
    ASSERT_EQ(parser.parse(text).get(object), simdjson::SUCCESS);
    EXPECT_EQ(text_of(object, "text"), "a");
    EXPECT_EQ(number_of(object, "number"), 1.5);
    EXPECT_EQ(number_of(object, "count"), 7);
    EXPECT_EQ(count_of(object, "count"), 7u);
    EXPECT_TRUE(flag_of(object, "flag"));
    EXPECT_EQ(list_of(object, "list").size(), 2u);
    for (const char* key : {"null", "absent"}) {
        EXPECT_EQ(text_of(object, key), "");
        EXPECT_EQ(number_of(object, key), 0);
        EXPECT_EQ(count_of(object, key), 0u);
        EXPECT_FALSE(flag_of(object, key));
        EXPECT_TRUE(list_of(object, key).empty());
    }
    EXPECT_EQ(text_of(object, "number"), "");
    EXPECT_EQ(count_of(object, "negative"), 0u);
    EXPECT_EQ(number_of(object, "negative"), -3);
}

}  // namespace
}  // namespace kw::app
