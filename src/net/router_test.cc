#include "net/router.h"

#include <gtest/gtest.h>

#include "net/request.h"
#include "net/response_writer.h"

namespace kw::net {
namespace {

TEST(Router, FindsTheMostSpecificRoute) {
    Router routes;
    for (const char* pattern : {"/", "/api/v1/query", "/api/v1/label/:name/values", "/api/v1/:what",
                                "/assets/*file", "/:page"}) {
        routes.add("GET", pattern, nullptr);
    }
    routes.add("POST", "/api/v1/query", nullptr);
    routes.add("PUT", "/api/v1/:what", nullptr);
    struct Row {
        const char* method;
        const char* path;
        const char* found;  // pattern with its parameters; or the methods that the path takes
    };
    const Row rows[] = {
        {"GET", "/", "/"},
        {"GET", "/api/v1/query", "/api/v1/query"},
        {"POST", "/api/v1/query", "/api/v1/query"},
        {"HEAD", "/api/v1/query", "/api/v1/query"},
        {"DELETE", "/api/v1/query", "GET HEAD OPTIONS POST"},
        {"OPTIONS", "/api/v1/series", "GET HEAD OPTIONS PUT"},
        {"GET", "/api/v1/series", "/api/v1/:what what=series"},
        {"GET", "/api/v1/label/a%2Fb/values", "/api/v1/label/:name/values name=a/b"},
        {"GET", "/api/v1/label//values", ""},
        {"GET", "/api/v1/label/a/b/values", ""},
        {"GET", "//api/v1/query", "/api/v1/query"},
        {"DELETE", "/api//v1///query", "GET HEAD OPTIONS POST"},
        {"GET", "/api/v1//label/a/values", "/api/v1/label/:name/values name=a"},
        {"GET", "/api/v1/label/%zz/values", ""},
        {"GET", "/assets/", "/assets/*file file="},
        {"GET", "/assets/a/b%20c", "/assets/*file file=a/b c"},
        {"GET", "/assets", "/:page page=assets"},
        {"GET", "/api/v1", ""},
        {"GET", "/api/v1/query/", ""},
        {"GET", "*", ""},
        {"GET", "", ""},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(std::string(row.method) + " " + row.path);
        const Router::Match match = routes.match(row.method, row.path);
        std::string found = match.route ? match.route->pattern : "";
        for (const auto& [name, value] : match.path_params) found += " " + name + "=" + value;
        for (const std::string& method : match.allowed)
            found += (found.empty() ? "" : " ") + method;
        EXPECT_EQ(found, row.found);
    }
}

TEST(Fields, AreDecodedAndEncoded) {
    struct Row {
        const char* text;
        const char* fields;  // or the error, after a !
    };
    const Row rows[] = {
        {"", ""},
        {"a=1&b=2", "a=1;b=2;"},
        {"a=1&a=2&&a", "a=1;a=2;a=;"},
        {"a%20b=c+d%2B", "a b=c d+;"},
        {"=x", "=x;"},
        {"a=b=c", "a=b=c;"},
        {"a=%4", "!bad % escape at byte 0"},
        {"a=x%zz", "!bad % escape at byte 1"},
    };
    for (const Row& row : rows) {
        Params params;
        const Result<void> parsed = parse_form(row.text, params);
        std::string fields;
        for (const auto& [name, value] : params) fields += name + "=" + value + ";";
        EXPECT_EQ(parsed.ok() ? fields : "!" + parsed.error().message, row.fields) << row.text;
    }
    std::string many;
    for (int i = 0; i < 10'001; ++i) many += "a&";
    Params params;
    EXPECT_EQ(parse_form(many, params).error().code, Code::kExhausted);

    Params pair;
    pair.add("a b", "c&d=é");
    EXPECT_EQ(encode_form(pair), "a%20b=c%26d%3D%C3%A9");
}

TEST(Headers, AreFoundInAnyCase) {
    Headers headers{{"Content-Type", "a"}, {"X", "1"}, {"x", "2"}};
    EXPECT_EQ(headers.get("content-type"), "a");
    EXPECT_EQ(headers.get("X"), "1");
    headers.set("x", "3");
    EXPECT_EQ(headers.size(), 2U);
    EXPECT_EQ(headers.get("X"), "3");
    EXPECT_FALSE(headers.find("y").has_value());
}

TEST(RecordedResponse, KeepsWhatAHandlerWrites) {
    RecordedResponse response;
    ASSERT_TRUE(response.send(404, "text/plain", "nothing").ok());
    EXPECT_EQ(response.status(), 404);
    EXPECT_EQ(response.headers().get("content-type"), "text/plain");
    EXPECT_EQ(response.body(), "nothing");
}

}  // namespace
}  // namespace kw::net
