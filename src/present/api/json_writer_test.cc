#include "api/json_writer.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/check.h"
#include "net/response_writer.h"

namespace kw::api {
namespace {

TEST(JsonWriter, EscapesStrings) {
    struct Row {
        std::string_view text;
        std::string_view want;
    };
    const Row rows[] = {
        {"", R"("")"},
        {"plain", R"("plain")"},
        {"a\"b\\c", R"("a\"b\\c")"},
        {"\n\r\t\x01", R"("\n\r\t\u0001")"},
        {"é日😀", "\"é日😀\""},
        {"\xff", R"("\ufffd")"},
        {"a\xe6\x97", R"("a\ufffd\ufffd")"},  // a code point cut short
        {"\xed\xa0\x80", R"("\ufffd\ufffd\ufffd")"},
    };
    for (const Row& row : rows) {
        std::string out;
        append_json_string(out, row.text);
        EXPECT_EQ(out, row.want);
    }
}

TEST(JsonWriter, WritesTimesAsSeconds) {
    struct Row {
        int64_t ms;
        std::string_view want;
    };
    const Row rows[] = {
        {0, "0"},
        {1, "0.001"},
        {1500, "1.500"},
        {-1, "-0.001"},
        {-60'000, "-60"},
        {1'435'781'451'781, "1435781451.781"},
        {INT64_MIN, "-9223372036854775.808"},
    };
    for (const Row& row : rows) {
        std::string out;
        append_json_timestamp(out, {row.ms});
        EXPECT_EQ(out, row.want);
    }
}

TEST(JsonWriter, PutsCommasAndStreams) {
    net::RecordedResponse response;
    JsonWriter json(response);
    json.begin_object()
        .key("a")
        .begin_array()
        .integer(-1)
        .count(2)
        .number(0.5)
        .null()
        .boolean(true)
        .end_array();
    json.key("b").begin_object().end_object().key("c").labels({{"x", "y"}, {"z", "1"}});
    json.key("d").point({1500}, NAN).key("e").raw("[]");
    for (int i = 0; i < 3; ++i) json.key("k").string(std::string(20'000, 'x'));
    EXPECT_GT(response.body().size(), 40'000u);  // on its way before the end
    json.end_object();
    ASSERT_TRUE(json.finish().ok());
    EXPECT_TRUE(response.body().starts_with(
        R"({"a":[-1,2,0.5,null,true],"b":{},"c":{"x":"y","z":"1"},"d":[1.500,"NaN"],"e":[],"k":")"));
    EXPECT_TRUE(response.body().ends_with("x\"}"));
    EXPECT_THROW(json.number(INFINITY), BrokenInvariant);
}

}  // namespace
}  // namespace kw::api
