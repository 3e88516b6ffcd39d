// Members of a request's body, and how what is wrong is named.
#include "api/incidents/json_body.h"

#include <gtest/gtest.h>

namespace kw::api {
namespace {

TEST(JsonBody, GivesMembersByTheirKind) {
    const Result<JsonBody> body = JsonBody::parse(
        R"({"text":"ä","number":7,"flag":true,"list":["a","b"],"none":null,
            "time":"2026-01-02T03:04:05Z","ms":1700000000000})");
    ASSERT_TRUE(body.ok()) << body.error().message;
    EXPECT_EQ(body->text("text").value(), "ä");
    EXPECT_EQ(body->integer("number").value(), 7);
    EXPECT_EQ(body->flag("flag").value(), true);
    EXPECT_EQ(body->texts("list").value(), (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(body->texts("text").value(), std::vector<std::string>{"ä"});
    EXPECT_EQ(body->text("none").value(), std::nullopt);
    EXPECT_EQ(body->time("time").value(), Millis{1'767'323'045'000});
    EXPECT_EQ(body->time("ms").value(), Millis{1'700'000'000'000});
    EXPECT_EQ(body->text("number").error().message, "number is no text");
    EXPECT_EQ(body->integer("text").error().message, "text is no whole number");
    EXPECT_EQ(body->wanted_text("absent").error().message, "absent is missing; it is a text");
    EXPECT_FALSE(body->time("text").ok());
}

TEST(JsonBody, AnEmptyBodyIsAnEmptyObject) {
    EXPECT_EQ(JsonBody::parse(" \n")->text("a").value(), std::nullopt);
    EXPECT_EQ(JsonBody::parse("[]").error().message, "the body is no JSON object");
    EXPECT_FALSE(JsonBody::parse("{").ok());
}

}  // namespace
}  // namespace kw::api
