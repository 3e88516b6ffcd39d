#include "net/basic_auth.h"

#include <crypt.h>
#include <gtest/gtest.h>

#include "net/http_server.h"

namespace kw::net {
namespace {

std::string hash_of(const char* prefix, const char* password) {
    char salt[64];
    EXPECT_NE(crypt_gensalt_rn(prefix, 4, "0123456789abcdef", 16, salt, sizeof salt), nullptr);
    return crypt(password, salt);
}

TEST(PasswordChecker, TakesEveryBcryptVersionAndRemembers) {
    const PasswordChecker checker({{"a", hash_of("$2a$", "one")},
                                   {"b", hash_of("$2b$", "two")},
                                   {"y", hash_of("$2y$", "three")}});
    struct Row {
        const char* user;
        std::string_view password;
        bool right;
    };
    const Row rows[] = {
        {"a", "one", true},  {"b", "two", true},         {"y", "three", true},
        {"a", "two", false}, {"a", "", false},           {"nobody", "one", false},
        {"", "", false},     {"a", {"one\0", 4}, false},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.user);
        EXPECT_EQ(checker.remembered(row.user, row.password), std::nullopt);
        EXPECT_EQ(checker.check(row.user, row.password), row.right);
        EXPECT_EQ(checker.remembered(row.user, row.password), std::optional(row.right));
        EXPECT_EQ(checker.check(row.user, row.password), row.right);
    }
}

TEST(BasicAuthorization, IsReadStrictly) {
    EXPECT_EQ(basic_authorization("ann", "p:w"), "Basic YW5uOnA6dw==");
    const Result<Credentials> read = parse_basic_authorization("basic YW5uOnA6dw==");
    ASSERT_TRUE(read.ok());
    EXPECT_EQ(read->user, "ann");
    EXPECT_EQ(read->password, "p:w");
    for (const char* bad : {"", "Basic", "Basic ", "Basic YW5u", "Basic YW5uO", "Basic ????",
                            "Basic Og=a", "Basic O===", "Bearer x"}) {
        EXPECT_FALSE(parse_basic_authorization(bad).ok()) << bad;
    }
    for (const std::string text : {"", "a", "ab", "abc", "abcd"}) {
        EXPECT_EQ(*base64_decode(base64_encode(text)), text);
    }
}

TEST(WebOptions, AreChecked) {
    WebOptions good;
    good.basic_auth_users = {{"a", hash_of("$2b$", "x")}};
    good.headers = {{"Strict-Transport-Security", "max-age=1"}};
    EXPECT_TRUE(check_web_options(good).ok());
    for (const char* hash : {"", "password", "$1$abc$def", "$2b$03$", "$2x$10$"}) {
        WebOptions bad;
        bad.basic_auth_users = {{"a", hash}};
        EXPECT_FALSE(check_web_options(bad).ok()) << hash;
    }
    WebOptions split = good;
    split.headers = {{"A", "b\r\nC: d"}};
    EXPECT_FALSE(check_web_options(split).ok());
    WebOptions no_cert = good;
    no_cert.tls = TlsServerOptions();
    EXPECT_EQ(check_web_options(no_cert).error().message,
              "tls_server_config: cert_file is missing");
}

}  // namespace
}  // namespace kw::net
