// Who may be reached from where.
#include "app/listen_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kw::app {
namespace {

TEST(ListenRules, OnlyLoopbackIsOpenWithoutTlsAndUsers) {
    net::WebOptions users_only;
    users_only.basic_auth_users["ops"] = "$2y$10$x";
    net::WebOptions both = users_only;
    both.tls.emplace();
    for (const char* open : {"127.0.0.1:9090", "localhost:1", "[::1]:9090", "127.1.2.3:0"}) {
        EXPECT_TRUE(check_listen_addresses({open}, {}).ok()) << open;
    }
    for (const char* wide :
         {"0.0.0.0:9090", ":9090", "[::]:9090", "10.0.0.1:9090", "ops.example:1"}) {
        EXPECT_THAT(check_listen_addresses({"127.0.0.1:1", wide}, {}).error().message,
                    ::testing::HasSubstr(wide));
        EXPECT_FALSE(check_listen_addresses({wide}, users_only).ok()) << wide;
        EXPECT_TRUE(check_listen_addresses({wide}, both).ok()) << wide;
    }
}

TEST(ListenRules, TakeAnExternalUrlApart) {
    const ExternalUrl url = parse_external_url("https://ops.example.org:8443/kilowatch/?x").value();
    EXPECT_EQ(url.host, "ops.example.org");
    EXPECT_EQ(url.origin, "https://ops.example.org:8443");
    EXPECT_EQ(url.path, "/kilowatch");
    EXPECT_EQ(parse_external_url("http://[::1]:9090/")->host, "[::1]");
    EXPECT_EQ(parse_external_url("http://[::1]:9090/")->path, "");
    EXPECT_EQ(parse_external_url("")->host, "");
    EXPECT_FALSE(parse_external_url("ops.example.org").ok());
    EXPECT_FALSE(parse_external_url("http:///x").ok());
    EXPECT_FALSE(parse_external_url("http://u:p@h/").ok());
}

}  // namespace
}  // namespace kw::app
