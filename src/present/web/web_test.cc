#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "net/gzip.h"
#include "net/request.h"
#include "net/response_writer.h"
#include "net/router.h"
#include "web/asset_table.h"
#include "web/assets.h"
#include "web/index_page.h"
#include "web/web_routes.h"

namespace kw::web {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Assets, TableIsSortedAndComplete) {
    const std::span<const Asset> assets = embedded_assets();
    EXPECT_TRUE(std::ranges::is_sorted(assets, {}, &Asset::path));
    EXPECT_EQ(has_assets(), !assets.empty());
    for (const Asset& asset : assets) {
        SCOPED_TRACE(asset.path);
        EXPECT_TRUE(asset.path.starts_with('/'));
        EXPECT_FALSE(asset.content_type.empty());
        EXPECT_EQ(asset.etag.size(), 34u);  // 32 digits in quotes
        EXPECT_TRUE(asset.gzip_body.starts_with("\x1f\x8b"));
        EXPECT_EQ(asset.immutable, asset.path.starts_with("/assets/"));
        const std::optional<Asset> found = find_asset(asset.path);
        ASSERT_TRUE(found.has_value());
        EXPECT_EQ(found->gzip_body.data(), asset.gzip_body.data());
    }
}

TEST(Assets, FindsByExactPathOnly) {
    for (const std::string_view path :
         {"", "/", "/index", "/index.html/", "index.html", "/assets/", "/../index.html", "/zzz"}) {
        SCOPED_TRACE(path);
        EXPECT_FALSE(find_asset(path).has_value());
    }
    EXPECT_EQ(find_asset("/index.html").has_value(), has_assets());
}

TEST(IndexPage, SetsBaseAndTitle) {
    constexpr std::string_view kHtml =
        "<head><base href=\"/\" /><title>Kilowatch</title><link href=\"./a.svg\" /></head>";
    struct Row {
        std::string prefix;
        std::string title;
        std::string_view want;
    };
    const Row rows[] = {
        {"", "Kilowatch", kHtml},
        {"/kw", "Plant 7",
         "<head><base href=\"/kw/\" /><title>Plant 7</title><link href=\"./a.svg\" /></head>"},
        {"/a\"b", "<script>&'",
         "<head><base href=\"/a&quot;b/\" /><title>&lt;script&gt;&amp;&#39;</title>"
         "<link href=\"./a.svg\" /></head>"},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.prefix);
        EXPECT_EQ(index_page(kHtml, {row.prefix, row.title}), row.want);
    }
}

TEST(IndexPage, LeavesOtherTextAlone) {
    for (const std::string_view text : {"", "<base href=\"", "<title>open", "plain"}) {
        EXPECT_EQ(index_page(text, {"/kw", "Other"}), text);
    }
}

TEST(MissingUiPage, SaysWhatToDo) {
    const std::string page = missing_ui_page({"/kw", "<Title>"});
    EXPECT_THAT(page, HasSubstr("./kw build"));
    EXPECT_THAT(page, HasSubstr("/kw/api/v1"));
    EXPECT_THAT(page, HasSubstr("&lt;Title&gt;"));
    EXPECT_THAT(page, Not(HasSubstr("<script")));
}

net::RecordedResponse get(const net::Router& routes, std::string_view path,
                          const net::Headers& headers = {}) {
    net::RecordedResponse response;
    const net::Router::Match match = routes.match("GET", path);
    if (match.route == nullptr) {
        response.set_status(404);
        return response;
    }
    const CancelToken cancel;
    net::Request request(cancel);
    request.method = "GET";
    request.path = path;
    request.headers = headers;
    request.path_params = match.path_params;
    match.route->handler(request, response);
    return response;
}

TEST(WebRoutes, EveryPageIsTheIndex) {
    net::Router routes;
    add_web_routes(routes, {"/kw", "Plant 7"});
    const std::string_view paths[] = {
        "/",      "/explore", "/targets",   "/status",         "/status/config",  "/graph",
        "/query", "/config",  "/flags",     "/alerting",       "/alerting/rules", "/alerts",
        "/rules", "/audit",   "/incidents", "/incidents/INC-7"};
    for (const std::string_view path : paths) {
        SCOPED_TRACE(path);
        const net::RecordedResponse response = get(routes, path);
        EXPECT_EQ(response.status(), 200);
        EXPECT_EQ(response.headers().get("Content-Type"), "text/html; charset=utf-8");
        EXPECT_EQ(response.headers().get("Cache-Control"), "no-cache");
        EXPECT_EQ(response.headers().get("X-Content-Type-Options"), "nosniff");
        EXPECT_THAT(response.body(), HasSubstr("<title>Plant 7</title>"));
        if (has_assets()) {
            EXPECT_THAT(response.body(), HasSubstr("<base href=\"/kw/\""));
            // The policy forbids inline scripts, so there must be none.
            EXPECT_THAT(response.body(), Not(HasSubstr("<script>")));
        }
        const std::string_view policy = response.headers().get("Content-Security-Policy");
        EXPECT_THAT(policy, HasSubstr("script-src 'self';"));
    }
    EXPECT_EQ(get(routes, "/elsewhere").status(), 404);
    EXPECT_EQ(get(routes, "/assets/../index.html").status(), 404);
    EXPECT_EQ(get(routes, "/assets/none.js").status(), 404);
    EXPECT_EQ(get(routes, "/assets/").status(), 404);
}

TEST(WebRoutes, FilesAreCompressedCachedAndRevalidated) {
    if (!has_assets()) GTEST_SKIP() << "the UI was not built";
    net::Router routes;
    add_web_routes(routes, {});
    for (const Asset& asset : embedded_assets()) {
        if (asset.path == "/index.html") continue;
        SCOPED_TRACE(asset.path);
        const net::RecordedResponse packed =
            get(routes, asset.path, {{"Accept-Encoding", "gzip, br"}});
        EXPECT_EQ(packed.status(), 200);
        EXPECT_EQ(packed.headers().get("Content-Encoding"), "gzip");
        EXPECT_EQ(packed.headers().get("Content-Type"), asset.content_type);
        EXPECT_EQ(packed.body(), asset.gzip_body);
        EXPECT_EQ(packed.headers().get("Cache-Control").find("immutable") != std::string::npos,
                  asset.immutable);

        const net::RecordedResponse plain = get(routes, asset.path);
        EXPECT_FALSE(plain.headers().has("Content-Encoding"));
        std::string unpacked;
        net::GzipDecoder decoder(16 << 20);
        ASSERT_TRUE(decoder.decode(asset.gzip_body, unpacked).ok());
        EXPECT_EQ(plain.body(), unpacked);
    }
}

TEST(WebRoutes, KnownVersionsAreNotSentAgain) {
    net::Router routes;
    add_web_routes(routes, {});
    const std::string etag(get(routes, "/").headers().get("ETag"));
    ASSERT_FALSE(etag.empty());
    struct Row {
        std::string field;
        int want;
    };
    const Row rows[] = {
        {etag, 304}, {"W/" + etag, 304}, {"\"other\", " + etag, 304},
        {"*", 304},  {"\"other\"", 200}, {"", 200},
        {",,", 200},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.field);
        const net::RecordedResponse response = get(routes, "/", {{"If-None-Match", row.field}});
        EXPECT_EQ(response.status(), row.want);
        EXPECT_EQ(response.headers().get("ETag"), etag);
        EXPECT_EQ(response.body().empty(), row.want == 304);
    }
}

}  // namespace
}  // namespace kw::web
