// OAuth2: what is asked and answered, and the client against a token server, also one that
// misbehaves.
#include "net/oauth2.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <atomic>
#include <latch>

#include "base/clock.h"
#include "base/fs/memory.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/thread_pool.h"
#include "net/basic_auth.h"
#include "net/http_server.h"
#include "net/request.h"
#include "net/response_writer.h"
#include "net/router.h"
#include "net/token_cache.h"

namespace kw::net {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::Not;

constexpr Millis kNow{1'700'000'000'000};

OAuth2Options some_options() {
    OAuth2Options options;
    options.client_id = "me:self";
    options.secret.text = "hunter2";
    options.token_url = "http://localhost/token?tenant=1";
    return options;
}

Params form_of(const std::string& body) {
    Params params;
    EXPECT_TRUE(parse_form(body, params).ok());
    return params;
}

TEST(OAuth2Request, HasTheSecretInTheHeaderOrTheForm) {
    OAuth2Options options = some_options();
    options.scopes = {"read", "write"};
    options.endpoint_params = {{"audience", "a b"}};
    const TokenRequest header =
        make_token_request(options, "p&ss", ClientAuth::kHeader, kNow).value();
    EXPECT_EQ(header.authorization, "Basic " + base64_encode("me%3Aself:p%26ss"));
    const Params form = form_of(header.body);
    EXPECT_EQ(form.get("grant_type"), "client_credentials");
    EXPECT_EQ(form.get("scope"), "read write");
    EXPECT_EQ(form.get("audience"), "a b");
    EXPECT_FALSE(form.has("client_secret"));

    const TokenRequest body = make_token_request(options, "p&ss", ClientAuth::kBody, kNow).value();
    EXPECT_EQ(body.authorization, "");
    EXPECT_EQ(form_of(body.body).get("client_id"), "me:self");
    EXPECT_EQ(form_of(body.body).get("client_secret"), "p&ss");

    options.endpoint_params = {{"grant_type", "own"}};
    const TokenRequest own = make_token_request(options, "", ClientAuth::kHeader, kNow).value();
    EXPECT_EQ(form_of(own.body).all("grant_type"), std::vector<std::string_view>{"own"});
    options.endpoint_params = {{"scope", "x"}};
    const auto refused = make_token_request(options, "", ClientAuth::kHeader, kNow);
    ASSERT_FALSE(refused.ok());
    EXPECT_THAT(refused.error().message, HasSubstr("scope"));
}

std::string decode_base64_url(std::string text) {
    for (char& c : text) c = c == '-' ? '+' : c == '_' ? '/' : c;
    while (text.size() % 4 != 0) text += '=';
    return base64_decode(text).value();
}

TEST(OAuth2Request, SignsAnAssertion) {
    EVP_PKEY* const key = EVP_RSA_gen(2048);
    ASSERT_NE(key, nullptr);
    BIO* const bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    const std::string pem(data, static_cast<size_t>(size));
    BIO_free(bio);

    OAuth2Options options = some_options();
    options.grant = OAuth2Options::Grant::kJwtBearer;
    options.key_id = "k\"1";
    options.signature = OAuth2Options::Signature::kRs512;
    options.scopes = {"read"};
    options.claims = {{"sub", "\"other\""}, {"n", "[1]"}};
    const Result<TokenRequest> request =
        make_token_request(options, pem, ClientAuth::kHeader, kNow);
    ASSERT_TRUE(request.ok()) << request.error().message;
    EXPECT_EQ(request->authorization, "");
    const Params form = form_of(request->body);
    EXPECT_EQ(form.get("grant_type"), "urn:ietf:params:oauth:grant-type:jwt-bearer");
    EXPECT_FALSE(form.has("scope"));
    const std::string assertion(form.get("assertion"));
    const size_t first = assertion.find('.');
    const size_t second = assertion.rfind('.');
    EXPECT_EQ(decode_base64_url(assertion.substr(0, first)),
              R"({"alg":"RS512","typ":"JWT","kid":"k\"1"})");
    const std::string claims = decode_base64_url(assertion.substr(first + 1, second - first - 1));
    EXPECT_THAT(claims, testing::StartsWith(R"({"iss":"me:self","sub":"other","jti":")"));
    EXPECT_THAT(claims, HasSubstr(R"("aud":"http://localhost/token?tenant=1","iat":1700000000,)"
                                  R"("exp":1700000600,"scope":"read","n":[1]})"));
    const std::string signature = decode_base64_url(assertion.substr(second + 1));
    EVP_MD_CTX* const check = EVP_MD_CTX_new();
    ASSERT_EQ(EVP_DigestVerifyInit(check, nullptr, EVP_sha512(), nullptr, key), 1);
    EXPECT_EQ(EVP_DigestVerify(check, reinterpret_cast<const unsigned char*>(signature.data()),
                               signature.size(),
                               reinterpret_cast<const unsigned char*>(assertion.data()), second),
              1);
    EVP_MD_CTX_free(check);
    EVP_PKEY_free(key);

    for (const std::string& bad : {std::string(), std::string("secret"), pem.substr(0, 200)}) {
        const auto refused = make_token_request(options, bad, ClientAuth::kHeader, kNow);
        ASSERT_FALSE(refused.ok());
        EXPECT_THAT(refused.error().message, HasSubstr("not an RSA key"));
        EXPECT_THAT(refused.error().message, Not(HasSubstr("secret")));
    }
}

TEST(OAuth2Answer, GivesATokenOrSaysWhyNot) {
    struct Row {
        int status;
        const char* type;
        const char* body;
        const char* want;  // the header, or a part of the error
        std::optional<int64_t> lifetime_s;
    };
    const Row rows[] = {
        {200, "application/json", R"({"access_token":"t","token_type":"bearer","expires_in":60})",
         "Bearer t", 60},
        {201, "", R"({"access_token":"t"})", "Bearer t", {}},
        {200, "", R"({"access_token":"t","token_type":"mac","expires_in":"7"})", "MAC t", 7},
        {200, "", R"({"access_token":"t","token_type":"Own","expires_in":0})", "Own t", {}},
        {200, "", R"({"access_token":"t","expires_in":null})", "Bearer t", {}},
        {200, "", R"({"access_token":"t","expires_in":1e300})", "Bearer t", 3'153'600'000},
        {200, "", R"({"access_token":"t","expires_in":-5})", "Bearer t", -5},
        {200, "text/plain; charset=utf-8", "access_token=t&expires_in=60", "Bearer t", 60},
        {200, "application/x-www-form-urlencoded", "access_token=a%62", "Bearer ab", {}},
        {200, "", R"({"access_token":"t","expires_in":"soon"})", "expires_in is not a number", {}},
        {200, "", R"({"access_token":"t\r\nX: y"})", "cannot be sent", {}},
        {200, "", R"({"access_token":"t","token_type":"a b"})", "cannot be sent", {}},
        {200, "", R"({"access_token":7})", "no access_token", {}},
        {200, "", "[]", "not a JSON object", {}},
        {200, "", "", "not a JSON object", {}},
        {200, "", "<html>", "not a JSON object", {}},
        {200, "text/plain", "%zz", "not a form", {}},
        {200, "", R"({"error":"nope"})", "it refused: nope", {}},
        {401,
         "",
         R"({"error":"invalid_client","error_description":"bad hunter2\n!"})",
         "status 401: invalid_client (bad <secret> !)",
         {}},
        {302, "", "", "status 302", {}},
        {500, "", "<html>", "status 500", {}},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.body);
        const Result<Token> token = read_token_answer(row.status, row.type, row.body, "hunter2");
        if (token.ok()) {
            EXPECT_EQ(token->authorization, row.want);
            EXPECT_EQ(token->lifetime_s, row.lifetime_s);
        } else {
            EXPECT_THAT(token.error().message, HasSubstr(row.want));
        }
    }
    const std::string deep = std::string(100'000, '[');
    EXPECT_FALSE(read_token_answer(200, "", deep, "").ok());
}

TEST(TokenCache, KeepsTokensUntilShortlyBeforeTheyExpire) {
    constexpr int64_t kSecond = 1'000'000'000;
    TokenCache cache(kSecond, 60 * kSecond);
    const OAuth2Options options = some_options();
    const TokenCache::Found first = cache.find(options, "s", 0);
    EXPECT_EQ(first.authorization, "");
    cache.keep(first.source, {"Bearer t", 60}, ClientAuth::kBody, 0);
    EXPECT_EQ(cache.find(options, "s", 49 * kSecond).authorization, "Bearer t");
    EXPECT_EQ(cache.find(options, "s", 49 * kSecond).auth, ClientAuth::kBody);
    EXPECT_EQ(cache.find(options, "s", 50 * kSecond).authorization, "");
    EXPECT_NE(cache.find(options, "other", 0).source, first.source);

    cache.fail(first.source, unavailable("down"), 50 * kSecond);
    EXPECT_EQ(cache.find(options, "s", 51 * kSecond - 1).failure->message, "down");
    EXPECT_FALSE(cache.find(options, "s", 51 * kSecond).failure.has_value());

    cache.keep(first.source, {"Bearer u", {}}, ClientAuth::kBody, 100 * kSecond);
    EXPECT_EQ(cache.find(options, "s", 1'000'000 * kSecond).authorization, "Bearer u");
    cache.reject(first.source, "Bearer t", 200 * kSecond);
    cache.reject(first.source, "Bearer u", 159 * kSecond);
    EXPECT_EQ(cache.find(options, "s", 200 * kSecond).authorization, "Bearer u");
    cache.reject(first.source, "Bearer u", 160 * kSecond);
    EXPECT_EQ(cache.find(options, "s", 200 * kSecond).authorization, "");

    for (size_t i = 0; i < TokenCache::kSourcesMax; ++i) {
        cache.find(options, std::to_string(i), 300 * kSecond);
    }
    EXPECT_NE(cache.find(options, "s", 300 * kSecond).source, first.source);  // forgotten
}

// A server that gives tokens and one that wants them, in one.
class OAuth2ClientTest : public testing::Test {
 protected:
    OAuth2ClientTest() {
        RouteOptions reads;
        reads.changes_something = false;
        routes_.add(
            "POST", "/token",
            [this](const Request& request, ResponseWriter& response) {
                ++token_count_;
                const Params form = form_of(request.body);
                const std::string header(request.headers.get("Authorization"));
                const bool is_right = wants_body_
                                          ? form.get("client_secret") == secret_
                                          : header == basic_authorization("me%3Aself", secret_);
                if (hold_) hold_->wait();
                if (!is_right) {
                    (void)response.send(401, "application/json", R"({"error":"invalid_client"})");
                    return;
                }
                if (!raw_.empty()) {
                    (void)response.send(raw_status_, "application/json", raw_);
                    return;
                }
                (void)response.send(200, "application/json",
                                    fmt::format(R"({{"access_token":"t{}","expires_in":{}}})",
                                                token_count_.load(), lifetime_s_));
            },
            reads);
        routes_.add(
            "POST", "/moved",
            [](const Request&, ResponseWriter& response) {
                response.set_status(307);
                response.set_header("Location", "/token");
            },
            reads);
        routes_.add("GET", "/page", [this](const Request& request, ResponseWriter& response) {
            const std::string_view header = request.headers.get("Authorization");
            (void)response.send(header == refused_ ? 401 : 200, "text/plain", header);
        });
        routes_.add("GET", "/away", [](const Request& request, ResponseWriter& response) {
            response.set_status(302);
            response.set_header("Location", request.params.get("to"));
        });
        HttpServer::Options options;
        options.listen_addresses = {"127.0.0.1:0"};
        server_ = HttpServer::start(env_, routes_, options).value();
        oauth2_ = some_options();
        oauth2_.token_url = url("/token");
        client_options_.token_retry = milliseconds(0);
        client_options_.token_renewal = milliseconds(0);
        client_.emplace(env_, client_options_);
    }
    std::string url(const std::string& path) const {
        return "http://" + server_->addresses()[0] + path;
    }
    FetchRequest request(const std::string& path = "/page") const {
        HttpClientOptions options;
        options.oauth2 = oauth2_;
        FetchRequest made;
        made.url = url(path);
        made.options = std::make_shared<const HttpClientOptions>(options);
        return made;
    }
    std::string body(const std::string& path = "/page") {
        const Result<FetchResponse> answer = client_->fetch_and_wait(request(path));
        return answer.ok() ? answer->body : answer.error().message;
    }

    // What the handlers use is declared before the server, and outlives it.
    std::atomic<int> token_count_ = 0;
    bool wants_body_ = false;
    std::string secret_ = "hunter2";
    int lifetime_s_ = 3600;
    int raw_status_ = 200;
    std::string raw_;
    std::string refused_ = "-";
    std::optional<std::latch> hold_;
    OAuth2Options oauth2_;

    RealClock clock_;
    fs::MemoryFileSystem files_;
    Log log_ = Log::silent();
    MetricRegistry metrics_;
    ThreadPool pool_{"test", 2};
    Environment env_{clock_, files_, log_, metrics_, pool_};
    Router routes_;
    HttpClient::Options client_options_;
    std::unique_ptr<HttpServer> server_;
    std::optional<HttpClient> client_;
};

TEST_F(OAuth2ClientTest, SendsATokenAndKeepsIt) {
    for (int i = 0; i < 5; ++i) EXPECT_EQ(body(), "Bearer t1");
    EXPECT_EQ(token_count_, 1);
    oauth2_.scopes = {"other"};
    EXPECT_EQ(body(), "Bearer t2");
}

TEST_F(OAuth2ClientTest, FetchesAnExpiringTokenEachTime) {
    lifetime_s_ = 10;  // all of it within the margin
    EXPECT_EQ(body(), "Bearer t1");
    EXPECT_EQ(body(), "Bearer t2");
}

TEST_F(OAuth2ClientTest, FindsOutWhereTheSecretGoes) {
    wants_body_ = true;
    lifetime_s_ = 1;
    EXPECT_EQ(body(), "Bearer t2");  // the header was refused before
    EXPECT_EQ(body(), "Bearer t3");
}

TEST_F(OAuth2ClientTest, AsksOnceForAllWhoWait) {
    hold_.emplace(1);
    constexpr int kCount = 100;
    std::latch done(kCount);
    std::atomic<int> good = 0;
    for (int i = 0; i < kCount; ++i) {
        client_->fetch(request(), [&](Result<FetchResponse> answer) {
            good += answer.ok() && answer->body == "Bearer t1" ? 1 : 0;
            done.count_down();
        });
    }
    hold_->count_down();
    done.wait();
    EXPECT_EQ(good, kCount);
    EXPECT_EQ(token_count_, 1);
}

TEST_F(OAuth2ClientTest, RenewsATokenThatIsRefused) {
    EXPECT_EQ(body(), "Bearer t1");
    refused_ = "Bearer t1";
    EXPECT_EQ(body(), "Bearer t1");  // its answer is 401
    EXPECT_EQ(body(), "Bearer t2");
    EXPECT_EQ(body(), "Bearer t2");
}

TEST_F(OAuth2ClientTest, ReadsTheSecretsFileEachTime) {
    ASSERT_TRUE(fs::write_file_atomically(files_, "/secret", "hunter2\n").ok());
    oauth2_.secret = {.text = "", .file = "/secret"};
    EXPECT_EQ(body(), "Bearer t1");
    secret_ = "hunter3";
    ASSERT_TRUE(fs::write_file_atomically(files_, "/secret", "hunter3\n").ok());
    EXPECT_EQ(body(), "Bearer t2");
    oauth2_.secret.file = "/none";
    EXPECT_THAT(body(), HasSubstr("/none"));
}

TEST_F(OAuth2ClientTest, SaysWhatTheTokenServerDid) {
    secret_ = "other";
    const std::string refused = body();
    EXPECT_THAT(refused, HasSubstr("oauth2: no token from " + url("/token") +
                                   ": it answered with status 401: invalid_client"));
    EXPECT_THAT(refused, Not(HasSubstr("hunter2")));
    secret_ = "hunter2";
    EXPECT_EQ(body(), "Bearer t3");  // and recovers

    struct Row {
        int status;
        std::string answer;
        const char* want;
    };
    const Row rows[] = {
        {500, "boom", "status 500"},
        {200, "<garbage>", "not a JSON object"},
        {200, "{}", "no access_token"},
        {200, std::string((2 << 20), 'x'), "1048576 bytes"},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.want);
        raw_status_ = row.status;
        raw_ = row.answer;
        oauth2_.scopes.emplace_back("x");  // another token
        EXPECT_THAT(body(), HasSubstr(row.want));
    }
    // Too long is the token's answer, not the request's.
    EXPECT_EQ(client_->fetch_and_wait(request()).error().code, Code::kUnavailable);
    raw_.clear();
    oauth2_.token_url = url("/moved");
    EXPECT_THAT(body(), HasSubstr("status 307"));
    oauth2_.token_url = "http://u:hunter4@127.0.0.1:1/t?key=hunter5";
    const std::string nobody = body();
    EXPECT_THAT(nobody, HasSubstr("no token from http://127.0.0.1:1/t:"));
    EXPECT_THAT(nobody, Not(HasSubstr("hunter")));
    oauth2_.token_url = "nowhere:";
    EXPECT_THAT(body(), HasSubstr("oauth2"));
    oauth2_.token_url = url("/token");
    oauth2_.endpoint_params = {{"client_id", "x"}, {"scope", "y"}};
    EXPECT_THAT(body(), HasSubstr("endpoint_params has scope"));
}

TEST_F(OAuth2ClientTest, AServerThatHangsCostsARequestItsOwnTimeOnly) {
    hold_.emplace(1);
    FetchRequest hurried = request();
    hurried.timeout = milliseconds(50);
    const Result<FetchResponse> late = client_->fetch_and_wait(hurried);
    ASSERT_FALSE(late.ok());
    EXPECT_EQ(late.error().code, Code::kTimeout);
    EXPECT_EQ(late.error().message, "oauth2: no token from " + url("/token") + " within 50 ms");

    std::latch cancelled(1);
    const Fetcher::FetchId id = client_->fetch(request(), [&](Result<FetchResponse> answer) {
        EXPECT_EQ(answer.error().code, Code::kCancelled);
        cancelled.count_down();
    });
    client_->cancel(id);
    cancelled.wait();

    hold_->count_down();
    EXPECT_EQ(body(), "Bearer t1");  // of the fetch that the hurried one began
    EXPECT_EQ(token_count_, 1);
}

TEST_F(OAuth2ClientTest, TheTokensFetchEndsItselfAndWithTheClient) {
    hold_.emplace(1);
    client_options_.token_timeout = milliseconds(50);
    client_.emplace(env_, client_options_);
    EXPECT_THAT(body(), HasSubstr("no token from"));

    client_options_.token_timeout = milliseconds(60'000);
    client_.emplace(env_, client_options_);
    std::latch done(1);
    client_->fetch(request(), [&](Result<FetchResponse> answer) {
        EXPECT_EQ(answer.error().code, Code::kCancelled);
        done.count_down();
    });
    client_.reset();
    done.wait();
    hold_->count_down();
}

TEST_F(OAuth2ClientTest, AFailureIsRememberedForAMoment) {
    client_options_.token_retry = milliseconds(60'000);
    client_.emplace(env_, client_options_);
    secret_ = "other";
    const std::string first = body();
    const int asked = token_count_;
    EXPECT_EQ(body(), first);
    EXPECT_EQ(token_count_, asked);
}

TEST_F(OAuth2ClientTest, ATokenDoesNotFollowToAnotherHost) {
    EXPECT_EQ(body("/away?to=/page"), "Bearer t1");
    std::string elsewhere = url("/page");
    elsewhere.replace(elsewhere.find("127.0.0.1"), 9, "localhost");
    EXPECT_EQ(body("/away?to=" + percent_encode(elsewhere)), "");
}

}  // namespace
}  // namespace kw::net
