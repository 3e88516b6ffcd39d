// The client against the server, and against scripted peers where the server is too well-behaved.
#include "net/http_client.h"

#include <arpa/inet.h>
#include <crypt.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zstd.h>

#include <atomic>
#include <latch>
#include <thread>

#include "base/clock.h"
#include "base/fs/memory.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/thread_pool.h"
#include "net/http_server.h"
#include "net/proxy_choice.h"
#include "net/request.h"
#include "net/response_writer.h"
#include "net/router.h"
#include "net/url.h"

namespace kw::net {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::Not;

struct KeyPair {
    std::string cert;
    std::string key;
};

// A self-signed certificate for `name` (a DNS name or an address) that is its own CA.
KeyPair make_certificate(const std::string& name) {
    EVP_PKEY* key = EVP_EC_gen("P-256");
    X509* cert = X509_new();
    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_NAME* subject = X509_get_subject_name(cert);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>("test"), -1, -1, 0);
    X509_set_issuer_name(cert, subject);
    X509_set_pubkey(cert, key);
    const bool is_address = name.find_first_not_of("0123456789.") == std::string::npos;
    const std::string alternative = (is_address ? "IP:" : "DNS:") + name;
    X509_EXTENSION* extension =
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, alternative.c_str());
    X509_add_ext(cert, extension, -1);
    X509_EXTENSION_free(extension);
    extension = X509V3_EXT_conf_nid(nullptr, nullptr, NID_basic_constraints, "critical,CA:TRUE");
    X509_add_ext(cert, extension, -1);
    X509_EXTENSION_free(extension);
    X509_sign(cert, key, EVP_sha256());

    const auto text_of = [](auto write) {
        BIO* bio = BIO_new(BIO_s_mem());
        write(bio);
        char* data = nullptr;
        const long size = BIO_get_mem_data(bio, &data);
        std::string text(data, static_cast<size_t>(size));
        BIO_free(bio);
        return text;
    };
    KeyPair pair;
    pair.cert = text_of([&](BIO* bio) { PEM_write_bio_X509(bio, cert); });
    pair.key = text_of([&](BIO* bio) {
        PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
    });
    X509_free(cert);
    EVP_PKEY_free(key);
    return pair;
}

// Accepts one connection after the other, reads a header, says its line, and hangs up.
class ScriptedPeer {
 public:
    explicit ScriptedPeer(std::string line, bool repeats_for_ever = false)
        : line_(std::move(line)), repeats_(repeats_for_ever) {
        listener_ = socket(AF_INET, SOCK_STREAM, 0);
        sockaddr_in at{};
        at.sin_family = AF_INET;
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof at;
        EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&at), size), 0);
        EXPECT_EQ(listen(listener_, 8), 0);
        getsockname(listener_, reinterpret_cast<sockaddr*>(&at), &size);
        port_ = ntohs(at.sin_port);
        thread_ = std::jthread([this] { run(); });
    }
    ~ScriptedPeer() {
        shutdown(listener_, SHUT_RDWR);
        thread_.join();
        close(listener_);
    }
    std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
    std::string url() const { return "http://" + address() + "/"; }
    std::string heard() {
        MutexLock lock(mutex_);
        return heard_;
    }

 private:
    void run() {
        for (;;) {
            const int peer = accept(listener_, nullptr, nullptr);
            if (peer < 0) return;
            std::string request;
            char piece[4096];
            while (request.find("\r\n\r\n") == std::string::npos) {
                const ssize_t got = recv(peer, piece, sizeof piece, 0);
                if (got <= 0) break;
                request.append(piece, static_cast<size_t>(got));
            }
            {
                MutexLock lock(mutex_);
                heard_ += request;
            }
            ssize_t sent = 0;
            do {
                sent = send(peer, line_.data(), line_.size(), MSG_NOSIGNAL);
            } while (repeats_ && sent > 0);
            if (line_.empty()) {
                while (recv(peer, piece, sizeof piece, 0) > 0) {
                }
            }
            close(peer);
        }
    }

    const std::string line_;
    const bool repeats_;
    int listener_ = -1;
    uint16_t port_ = 0;
    Mutex mutex_;
    std::string heard_ KW_GUARDED_BY(mutex_);
    std::jthread thread_;
};

class HttpClientTest : public testing::Test {
 protected:
    HttpClientTest() {
        options_.listen_addresses = {"127.0.0.1:0"};
        routes_.add("GET", "/hello", [](const Request&, ResponseWriter& response) {
            (void)response.send(200, "text/plain", "hello");
        });
        // Everything that the request brought.
        const Handler mirror = [](const Request& request, ResponseWriter& response) {
            std::string text = request.method + " " + request.body + "\n";
            for (const auto& [name, value] : request.headers) text += name + ": " + value + "\n";
            (void)response.send(200, "text/plain", text);
        };
        RouteOptions reads;
        reads.changes_something = false;
        routes_.add("GET", "/mirror", mirror);
        routes_.add("POST", "/mirror", mirror, reads);
        routes_.add("GET", "/zeros", [](const Request& request, ResponseWriter& response) {
            response.set_header("Content-Type", "text/plain");
            const std::string piece(10'000, '0');
            const int count = std::stoi(std::string(request.params.get("count")));
            for (int i = 0; i < count; ++i) (void)response.write(piece);
        });
        const Handler redirect = [](const Request& request, ResponseWriter& response) {
            response.set_status(std::stoi(std::string(request.params.get("status"))));
            response.set_header("Location", request.params.get("to"));
        };
        routes_.add("GET", "/redirect", redirect);
        routes_.add("POST", "/redirect", redirect, reads);
    }

    void start() {
        Result<std::unique_ptr<HttpServer>> started = HttpServer::start(env_, routes_, options_);
        ASSERT_TRUE(started.ok()) << started.error().message;
        server_ = std::move(started).value();
    }
    std::string url(const std::string& path, const std::string& scheme = "http") const {
        return scheme + "://" + server_->addresses()[0] + path;
    }
    Result<FetchResponse> get(const std::string& from, const HttpClientOptions& client = {}) {
        FetchRequest request;
        request.url = from;
        request.options = std::make_shared<HttpClientOptions>(client);
        return client_.fetch_and_wait(std::move(request));
    }

    RealClock clock_;
    fs::MemoryFileSystem files_;
    Log log_ = Log::silent();
    MetricRegistry metrics_;
    ThreadPool pool_{"test", 2};
    Environment env_{clock_, files_, log_, metrics_, pool_};
    Router routes_;
    HttpServer::Options options_;
    std::unique_ptr<HttpServer> server_;
    HttpClient client_{env_, {}};
};

TEST_F(HttpClientTest, FetchesAndReusesConnections) {
    start();
    for (int i = 0; i < 20; ++i) {
        const Result<FetchResponse> answer = get(url("/hello"));
        ASSERT_TRUE(answer.ok()) << answer.error().message;
        EXPECT_EQ(answer->status, 200);
        EXPECT_EQ(answer->body, "hello");
        EXPECT_EQ(answer->headers.get("content-type"), "text/plain");
        EXPECT_EQ(answer->url, url("/hello"));
    }
    FetchRequest post;
    post.method = "POST";
    post.url = url("/mirror");
    post.body = "some text";
    post.headers = {{"X-One", "1"}};
    const Result<FetchResponse> answer = client_.fetch_and_wait(post);
    ASSERT_TRUE(answer.ok());
    EXPECT_THAT(answer->body, HasSubstr("POST some text\n"));
    EXPECT_THAT(answer->body, HasSubstr("X-One: 1\n"));
}

TEST_F(HttpClientTest, ManyAtOnce) {
    start();
    constexpr int kCount = 500;
    std::latch done(kCount);
    std::atomic<int> good = 0;
    for (int i = 0; i < kCount; ++i) {
        FetchRequest request;
        request.url = url("/hello");
        client_.fetch(std::move(request), [&](Result<FetchResponse> answer) {
            good += answer.ok() && answer->body == "hello" ? 1 : 0;
            done.count_down();
        });
    }
    done.wait();
    EXPECT_EQ(good.load(), kCount);
}

TEST_F(HttpClientTest, CutsLongAnswersAlsoInDecompression) {
    start();
    for (const bool gzip : {true, false}) {
        SCOPED_TRACE(gzip);
        FetchRequest request;
        request.url = url("/zeros?count=10");
        request.accept_gzip = gzip;
        request.body_bytes_max = 100'000;
        const Result<FetchResponse> fits = client_.fetch_and_wait(request);
        ASSERT_TRUE(fits.ok()) << fits.error().message;
        EXPECT_EQ(fits->body.size(), 100'000U);
        EXPECT_EQ(fits->wire_bytes < 5'000, gzip);
        request.body_bytes_max = 99'999;
        const Result<FetchResponse> cut = client_.fetch_and_wait(request);
        ASSERT_FALSE(cut.ok());
        EXPECT_EQ(cut.error().code, Code::kExhausted);
    }
    ScriptedPeer endless("HTTP/1.1 200 OK\r\n\r\n", true);
    FetchRequest request;
    request.url = endless.url();
    request.body_bytes_max = 1000;
    const Result<FetchResponse> answer = client_.fetch_and_wait(request);
    ASSERT_FALSE(answer.ok());
    EXPECT_EQ(answer.error().code, Code::kExhausted);
}

TEST_F(HttpClientTest, UndoesZstdWhereItAskedForIt) {
    std::string packed(200, '\0');
    const std::string_view text = "some text, some text";
    packed.resize(ZSTD_compress(packed.data(), packed.size(), text.data(), text.size(), 1));
    ScriptedPeer peer(
        fmt::format("HTTP/1.1 200 OK\r\nContent-Encoding: zstd\r\n"
                    "Content-Length: {}\r\n\r\n{}",
                    packed.size(), packed));
    FetchRequest request;
    request.url = peer.url();
    EXPECT_EQ(client_.fetch_and_wait(request)->body, packed);
    EXPECT_THAT(peer.heard(), HasSubstr("Accept-Encoding: gzip\r\n"));
    request.accept_zstd = true;
    const Result<FetchResponse> answer = client_.fetch_and_wait(request);
    ASSERT_TRUE(answer.ok()) << answer.error().message;
    EXPECT_EQ(answer->body, text);
    EXPECT_EQ(answer->wire_bytes, packed.size());
    EXPECT_THAT(peer.heard(), HasSubstr("Accept-Encoding: zstd, gzip;q=0.9\r\n"));
    request.body_bytes_max = text.size() - 1;
    EXPECT_EQ(client_.fetch_and_wait(request).error().code, Code::kExhausted);

    // And the server, of a request's body.
    start();
    FetchRequest post;
    post.method = "POST";
    post.url = url("/mirror");
    post.headers = {{"Content-Encoding", "zstd"}};
    post.body = packed;
    EXPECT_THAT(client_.fetch_and_wait(post)->body, HasSubstr("POST some text, some text\n"));
    post.body = packed.substr(0, packed.size() - 1);
    EXPECT_EQ(client_.fetch_and_wait(post)->status, 400);
}

TEST_F(HttpClientTest, BrokenAnswersAreErrors) {
    struct Row {
        const char* name;
        const char* answer;
        Code code;
    };
    const Row rows[] = {
        {"hangs up", "HTTP/1.1 200", Code::kUnavailable},
        {"not HTTP", "SSH-2.0-OpenSSH_9.2\r\n", Code::kUnavailable},
        {"short body", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", Code::kUnavailable},
        {"bad chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
         Code::kUnavailable},
        {"not gzip", "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
         Code::kInvalid},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.name);
        ScriptedPeer peer(row.answer);
        const Result<FetchResponse> answer = get(peer.url());
        ASSERT_FALSE(answer.ok());
        EXPECT_EQ(answer.error().code, row.code) << answer.error().message;
    }
    for (const char* bad :
         {"", "ftp://localhost/", "http://", "http://local host/", "file:///etc/passwd"}) {
        SCOPED_TRACE(bad);
        const Result<FetchResponse> answer = get(bad);
        ASSERT_FALSE(answer.ok());
        EXPECT_EQ(answer.error().code, Code::kInvalid);
    }
}

TEST_F(HttpClientTest, ASilentPeerTimesOutAndNobodyListensIsSaid) {
    std::string closed;
    {
        ScriptedPeer silent("");
        closed = silent.url();
        FetchRequest request;
        request.url = silent.url();
        request.timeout = milliseconds(50);
        const Result<FetchResponse> answer = client_.fetch_and_wait(request);
        ASSERT_FALSE(answer.ok());
        EXPECT_EQ(answer.error().code, Code::kTimeout) << answer.error().message;
    }
    const Result<FetchResponse> answer = get(closed);
    ASSERT_FALSE(answer.ok());
    EXPECT_EQ(answer.error().code, Code::kUnavailable);
    EXPECT_THAT(answer.error().message, HasSubstr("Connection refused"));
}

TEST_F(HttpClientTest, CancelEndsAFetch) {
    ScriptedPeer silent("");
    std::latch done(1);
    Code code = Code::kInternal;
    FetchRequest request;
    request.url = silent.url();
    const Fetcher::FetchId id = client_.fetch(request, [&](Result<FetchResponse> answer) {
        code = answer.ok() ? Code::kInternal : answer.error().code;
        done.count_down();
    });
    client_.cancel(id);
    done.wait();
    EXPECT_EQ(code, Code::kCancelled);
}

TEST_F(HttpClientTest, TheDestructorCancelsWhatRuns) {
    ScriptedPeer silent("");
    std::latch done(10);
    {
        HttpClient client(env_, {});
        for (int i = 0; i < 10; ++i) {
            FetchRequest request;
            request.url = silent.url();
            client.fetch(request, [&](const Result<FetchResponse>& answer) {
                EXPECT_EQ(answer.ok() ? Code::kInternal : answer.error().code, Code::kCancelled);
                done.count_down();
            });
        }
    }
    done.wait();
}

TEST_F(HttpClientTest, FollowsRedirects) {
    start();
    const Result<FetchResponse> answer = get(url("/redirect?status=302&to=/hello"));
    ASSERT_TRUE(answer.ok());
    EXPECT_EQ(answer->body, "hello");
    EXPECT_EQ(answer->url, url("/hello"));

    HttpClientOptions stays;
    stays.follow_redirects = false;
    EXPECT_EQ(get(url("/redirect?status=302&to=/hello"), stays)->status, 302);

    const std::string circle =
        url("/redirect?status=302&to=") + percent_encode("/redirect?status=302&to=%2Fhello");
    EXPECT_TRUE(get(circle).ok());
    ScriptedPeer loop("HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n");
    const Result<FetchResponse> endless = get(loop.url());
    ASSERT_FALSE(endless.ok());
    EXPECT_EQ(endless.error().message, "stopped after 10 redirects");
    ScriptedPeer elsewhere(
        "HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n");
    EXPECT_FALSE(get(elsewhere.url()).ok());

    struct Row {
        const char* status;
        const char* method_and_body;
    };
    for (const Row& row : {Row{"303", "GET \n"}, Row{"302", "GET \n"}, Row{"307", "POST text\n"},
                           Row{"308", "POST text\n"}}) {
        FetchRequest post;
        post.method = "POST";
        post.body = "text";
        post.url = url("/redirect?to=/mirror&status=" + std::string(row.status));
        EXPECT_THAT(client_.fetch_and_wait(post)->body, HasSubstr(row.method_and_body))
            << row.status;
    }
}

TEST_F(HttpClientTest, CredentialsNeverFollowToAnotherHost) {
    start();
    HttpClientOptions secret;
    secret.basic_auth = BasicAuth{{"ann", ""}, {"", "/secrets/password"}};
    secret.headers = {{"X-Key", {}, {"hidden"}, {}}};
    ASSERT_TRUE(files_.create_directories("/secrets").ok());
    ASSERT_TRUE(fs::write_file_atomically(files_, "/secrets/password", "first\n").ok());

    const std::string here = "/redirect?status=307&to=/mirror";
    EXPECT_THAT(get(url(here), secret)->body,
                HasSubstr("Authorization: Basic YW5uOmZpcnN0\n"));  // ann:first
    EXPECT_THAT(get(url(here), secret)->body, HasSubstr("X-Key: hidden\n"));

    // The same server by another name is another host.
    const std::string port = server_->addresses()[0].substr(server_->addresses()[0].rfind(':'));
    const std::string there =
        "/redirect?status=307&to=" + percent_encode("http://localhost" + port + "/mirror");
    const Result<FetchResponse> other = get(url(there), secret);
    ASSERT_TRUE(other.ok()) << other.error().message;
    EXPECT_THAT(other->body, Not(HasSubstr("Authorization")));
    EXPECT_THAT(other->body, Not(HasSubstr("hidden")));
    // And what was dropped does not come back.
    const std::string back =
        "/redirect?status=307&to=" + percent_encode("http://localhost" + port + here);
    EXPECT_THAT(get(url(back), secret)->body, Not(HasSubstr("Authorization")));

    // The file is read again.
    ASSERT_TRUE(fs::write_file_atomically(files_, "/secrets/password", "second").ok());
    EXPECT_THAT(get(url("/mirror"), secret)->body,
                HasSubstr("Authorization: Basic YW5uOnNlY29uZA==\n"));

    HttpClientOptions bearer;
    bearer.authorization = Authorization{"Bearer", {"token", ""}};
    EXPECT_THAT(get(url("/mirror"), bearer)->body, HasSubstr("Authorization: Bearer token\n"));
    bearer.authorization->credentials = {"", "/absent"};
    EXPECT_EQ(get(url("/mirror"), bearer).error().code, Code::kNotFound);
    EXPECT_THAT(get("http://ann:pw@" + server_->addresses()[0] + "/mirror")->body,
                HasSubstr("Authorization: Basic YW5uOnB3\n"));
}

TEST_F(HttpClientTest, TheServerTakesTheRightPasswordOnly) {
    char salt[64];
    ASSERT_NE(crypt_gensalt_rn("$2b$", 4, "0123456789abcdef", 16, salt, sizeof salt), nullptr);
    options_.web.basic_auth_users = {{"ann", crypt("right", salt)}};
    start();
    HttpClientOptions client;
    struct Row {
        const char* user;
        const char* password;
        int status;
    };
    for (const Row& row :
         {Row{"ann", "right", 200}, Row{"ann", "wrong", 401}, Row{"ann", "right", 200},
          Row{"bob", "right", 401}, Row{"ann", "", 401}}) {
        client.basic_auth = BasicAuth{{row.user, ""}, {row.password, ""}};
        EXPECT_EQ(get(url("/hello"), client)->status, row.status) << row.user << row.password;
    }
}

TEST_F(HttpClientTest, SpeaksTlsAndChecksCertificates) {
    const KeyPair pair = make_certificate("127.0.0.1");
    const std::string cert_file = testing::TempDir() + "kw_net_cert.pem";
    const std::string key_file = testing::TempDir() + "kw_net_key.pem";
    const auto save = [](const std::string& path, const std::string& text) {
        FILE* file = fopen(path.c_str(), "w");
        ASSERT_NE(file, nullptr);
        fwrite(text.data(), 1, text.size(), file);
        fclose(file);
    };
    save(cert_file, pair.cert);
    save(key_file, pair.key);
    options_.web.tls = TlsServerOptions{};
    options_.web.tls->cert.file = cert_file;
    options_.web.tls->key.file = key_file;
    start();
    const std::string hello = url("/hello", "https");

    HttpClientOptions trusting;
    trusting.tls.ca.text = pair.cert;
    const Result<FetchResponse> answer = get(hello, trusting);
    ASSERT_TRUE(answer.ok()) << answer.error().message;
    EXPECT_EQ(answer->body, "hello");
    EXPECT_FALSE(get(hello).ok());  // the system does not know this CA
    HttpClientOptions blind;
    blind.tls.insecure_skip_verify = true;
    EXPECT_TRUE(get(hello, blind).ok());
    HttpClientOptions old = trusting;
    old.tls.min_version = old.tls.max_version = TlsVersion::kTls11;
    EXPECT_FALSE(get(hello, old).ok());
    EXPECT_FALSE(get(url("/hello")).ok());  // plain to a TLS port

    FetchRequest large;
    large.url = url("/zeros?count=300", "https");
    large.accept_gzip = false;
    large.options = std::make_shared<HttpClientOptions>(trusting);
    EXPECT_EQ(client_.fetch_and_wait(large)->body.size(), 3'000'000U);

    // A renewed certificate, for another name, is used from the next connection on.
    const KeyPair renewed = make_certificate("kilowatch.example");
    save(cert_file, renewed.cert);
    EXPECT_TRUE(get(hello, blind).ok());  // half done: the former pair stays
    save(key_file, renewed.key);
    HttpClientOptions named;
    named.tls.ca.text = renewed.cert;
    EXPECT_FALSE(get(hello, named).ok());  // the URL says 127.0.0.1
    named.tls.server_name = "kilowatch.example";
    const Result<FetchResponse> by_name = get(hello, named);
    ASSERT_TRUE(by_name.ok()) << by_name.error().message;
    EXPECT_EQ(by_name->body, "hello");
    EXPECT_EQ(by_name->url, hello);
}

TEST_F(HttpClientTest, ShowsAClientCertificate) {
    const KeyPair server = make_certificate("127.0.0.1");
    const KeyPair client = make_certificate("client.example");
    options_.web.tls = TlsServerOptions{};
    options_.web.tls->cert.text = server.cert;
    options_.web.tls->key.text = server.key;
    options_.web.tls->client_ca.text = client.cert;
    options_.web.tls->client_certificate = ClientCertificate::kRequireAndVerify;
    options_.web.tls->client_allowed_sans = {"client.example"};
    start();
    const std::string hello = url("/hello", "https");
    HttpClientOptions with;
    with.tls.ca.text = server.cert;
    EXPECT_FALSE(get(hello, with).ok());
    with.tls.cert.text = client.cert;
    with.tls.key.text = client.key;
    EXPECT_TRUE(get(hello, with).ok());

    WebOptions stricter = options_.web;
    stricter.tls->client_allowed_sans = {"other.example"};
    ASSERT_TRUE(server_->update(stricter).ok());
    HttpClient fresh(env_, {});  // without the connection that is open
    FetchRequest request;
    request.url = hello;
    request.options = std::make_shared<HttpClientOptions>(with);
    EXPECT_FALSE(fresh.fetch_and_wait(request).ok());

    WebOptions broken = options_.web;
    broken.tls->key.text = client.key;
    EXPECT_FALSE(server_->update(broken).ok());
    broken = options_.web;
    broken.tls->cipher_suites = {"TLS_OF_TOMORROW"};
    EXPECT_FALSE(server_->update(broken).ok());
}

TEST_F(HttpClientTest, GoesThroughProxies) {
    start();
    ScriptedPeer proxy("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nproxied");
    HttpClientOptions through;
    through.proxy.url = proxy.url();
    EXPECT_EQ(get(url("/hello"), through)->body, "proxied");
    EXPECT_THAT(proxy.heard(), HasSubstr("GET " + url("/hello") + " HTTP/1.1\r\n"));
    through.proxy.no_proxy = "127.0.0.0/8";
    EXPECT_EQ(get(url("/hello"), through)->body, "hello");

    ScriptedPeer tunnel("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
    HttpClientOptions connect;
    connect.proxy.url = tunnel.url();
    connect.proxy.connect_headers = {{"X-Pass", "me"}};
    connect.authorization = Authorization{"Bearer", {"token", ""}};
    EXPECT_FALSE(get("https://target.example:444/", connect).ok());
    EXPECT_THAT(tunnel.heard(), HasSubstr("CONNECT target.example:444 HTTP/1.1\r\n"));
    EXPECT_THAT(tunnel.heard(), HasSubstr("X-Pass: me\r\n"));
    EXPECT_THAT(tunnel.heard(), Not(HasSubstr("token")));
}

TEST(ProxyChoice, ReadsNoProxyAsGoDoes) {
    struct Row {
        const char* host;
        uint16_t port;
        const char* no_proxy;
        bool excepted;
    };
    const Row rows[] = {
        {"localhost", 80, "", true},
        {"127.1.2.3", 80, "", true},
        {"[::1]", 80, "", true},
        {"example.org", 80, "", false},
        {"example.org", 80, "example.org", true},
        {"a.example.org", 80, "example.org", true},
        {"notexample.org", 80, "example.org", false},
        {"example.org", 80, ".example.org", false},
        {"a.example.org", 80, ".example.org", true},
        {"a.example.org", 80, "*.example.org", true},
        {"example.org", 80, "*.example.org", false},
        {"EXAMPLE.org", 80, " other , Example.ORG ", true},
        {"example.org", 80, "example.org:80", true},
        {"example.org", 81, "example.org:80", false},
        {"anything", 80, "a,*", true},
        {"10.1.2.3", 80, "10.0.0.0/8", true},
        {"11.1.2.3", 80, "10.0.0.0/8", false},
        {"10.1.2.3", 80, "10.1.2.3:81", false},
        {"10.1.2.3", 80, "10.1.2.3", true},
        {"[2001:db8::1]", 80, "2001:db8::/32", true},
        {"[2001:db9::1]", 80, "2001:db8::/32", false},
        {"[2001:db8::1]", 80, "[2001:db8::1]:80", true},
        {"10.1.2.3", 80, "10.0.0.0/99", false},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(std::string(row.host) + " in " + row.no_proxy);
        EXPECT_EQ(is_excepted(row.host, row.port, row.no_proxy), row.excepted);
    }
    const Url secure{"https", "", "", "example.org", 443, ""};
    const ProxyEnvironment environment{"http://plain:1", "http://tls:2", "example.com"};
    ProxyOptions options;
    EXPECT_EQ(choose_proxy(secure, options, environment), "");
    options.from_environment = true;
    EXPECT_EQ(choose_proxy(secure, options, environment), "http://tls:2");
}

TEST(Url, IsReadAsItIsFetched) {
    struct Row {
        const char* text;
        const char* origin;
        const char* whole;
    };
    const Row rows[] = {
        {"http://Example.org/a?b#c", "http example.org 80", "http://Example.org/a?b"},
        {"https://u:p%40@[::1]:90/", "https [::1] 90", "https://[::1]:90/"},
        {"http://host", "http host 80", "http://host/"},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.text);
        const Result<Url> url = parse_url(row.text);
        ASSERT_TRUE(url.ok());
        EXPECT_EQ(url->scheme + " " + url->host + " " + std::to_string(url->port), row.origin);
        EXPECT_EQ(url->text, row.whole);
    }
    EXPECT_EQ(parse_url("https://u:p%40@host/")->password, "p@");
    EXPECT_EQ(resolve_url(*parse_url("http://host/a/b?c"), "../d")->text, "http://host/d");
}

}  // namespace
}  // namespace kw::net
