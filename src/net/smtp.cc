#include "net/smtp.h"

#include <curl/curl.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "base/fs/file_system.h"
#include "net/curl_tls.h"
#include "net/fields.h"

namespace kw::net {
namespace {

constexpr uint64_t kTlsFileBytesMax = 1 << 20;

struct EasyEnd {
    void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct SlistEnd {
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

// What libcurl is given to read from.
struct Source {
    std::string_view left;
};

size_t read_mail(char* into, size_t size, size_t count, void* user) {
    auto* const source = static_cast<Source*>(user);
    const size_t taken = std::min(size * count, source->left.size());
    std::memcpy(into, source->left.data(), taken);
    source->left.remove_prefix(taken);
    return taken;
}

int on_progress(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    return static_cast<const std::atomic<bool>*>(user)->load() ? 1 : 0;
}

size_t drop(char*, size_t size, size_t count, void*) { return size * count; }

Result<std::string> read_tls_source(fs::FileSystem& files, const TextOrFile& source) {
    if (source.file.empty()) return source.text;
    return fs::read_file(files, source.file, kTlsFileBytesMax);
}

bool has_control_character(std::string_view text) {
    return std::any_of(text.begin(), text.end(),
                       [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

Result<void> set_tls(CURL* easy, fs::FileSystem& files, const MailServer& server) {
    const TlsClientOptions& tls = server.tls;
    KW_TRY_ASSIGN(const std::string ca, read_tls_source(files, tls.ca));
    KW_TRY_ASSIGN(const std::string cert, read_tls_source(files, tls.cert));
    KW_TRY_ASSIGN(const std::string key, read_tls_source(files, tls.key));
    const auto set = [&](CURLoption option, const std::string& bytes) {
        if (bytes.empty()) return;
        curl_blob blob{const_cast<char*>(bytes.data()), bytes.size(), CURL_BLOB_COPY};
        curl_easy_setopt(easy, option, &blob);
    };
    set(CURLOPT_CAINFO_BLOB, ca);
    set(CURLOPT_SSLCERT_BLOB, cert);
    set(CURLOPT_SSLKEY_BLOB, key);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, curl_ssl_version(tls));
    if (tls.insecure_skip_verify) {
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    const bool uses_tls = server.is_tls || server.needs_starttls;
    curl_easy_setopt(easy, CURLOPT_USE_SSL,
                     static_cast<long>(uses_tls ? CURLUSESSL_ALL : CURLUSESSL_NONE));
    return {};
}

void set_login(CURL* easy, const MailServer& server) {
    if (server.user.empty()) return;
    curl_easy_setopt(easy, CURLOPT_USERNAME, server.user.c_str());
    curl_easy_setopt(easy, CURLOPT_PASSWORD, server.password.c_str());
    // OAUTHBEARER without a bearer is never chosen: a server that offers a login ends it, one that does not takes
    // the mail.
    curl_easy_setopt(easy, CURLOPT_LOGIN_OPTIONS,
                     server.password.empty() ? "AUTH=OAUTHBEARER"
                     : server.only_cram_md5  ? "AUTH=CRAM-MD5"
                                             : "AUTH=PLAIN;AUTH=LOGIN");
    if (!server.authorization_identity.empty())
        curl_easy_setopt(easy, CURLOPT_SASL_AUTHZID, server.authorization_identity.c_str());
}

Result<void> outcome_of(CURL* easy, CURLcode code, const MailServer& server) {
    if (code == CURLE_OK) return {};
    long answer = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &answer);
    if (code == CURLE_LOGIN_DENIED && !server.user.empty() && server.password.empty()) {
        return invalid(
            "mail server {}:{}: it offers a login, and user \"{}\" has no password; give "
            "auth_password "
            "or auth_secret, or leave auth_username out",
            server.host, server.port, server.user);
    }
    const std::string what = fmt::format("mail server {}:{}: {} (last answer {})", server.host,
                                         server.port, curl_easy_strerror(code), answer);
    if (code == CURLE_OPERATION_TIMEDOUT) return timed_out("{}", what);
    if (code == CURLE_ABORTED_BY_CALLBACK) return cancelled("{}", what);
    if (answer / 100 == 5 || code == CURLE_LOGIN_DENIED) return invalid("{}", what);
    return unavailable("{}", what);
}

}  // namespace

Result<void> send_mail(fs::FileSystem& files, const MailServer& server, const Mail& mail,
                       std::chrono::milliseconds timeout, const std::atomic<bool>& cancel) {
    if (mail.recipients.empty()) return invalid("the mail has no recipient");
    std::vector<std::string> addresses = mail.recipients;
    addresses.push_back(mail.from);
    for (const std::string& address : addresses)
        if (address.empty() || has_control_character(address) ||
            address.find_first_of("<> ") != std::string::npos)
            return invalid("\"{}\" is not an address", address);
    const std::unique_ptr<CURL, EasyEnd> easy(curl_easy_init());
    if (easy == nullptr) return exhausted("no memory for a connection");
    const std::string hello = server.hello.empty() ? "localhost" : server.hello;
    const bool is_v6 = server.host.find(':') != std::string::npos;
    const std::string host = fmt::format("{}{}{}", is_v6 ? "[" : "", server.host, is_v6 ? "]" : "");
    // TLS to another name than the server's: the URL gets that name, the connection goes to the server.
    const std::string& tls_name = server.tls.server_name;
    const std::string url =
        fmt::format("{}://{}:{}/{}", server.is_tls ? "smtps" : "smtp",
                    tls_name.empty() ? host : tls_name, server.port, percent_encode(hello));
    curl_easy_setopt(easy.get(), CURLOPT_URL, url.c_str());
    std::unique_ptr<curl_slist, SlistEnd> connect_to;
    if (!tls_name.empty()) {
        connect_to.reset(curl_slist_append(
            nullptr, fmt::format("{}:{}:{}:{}", tls_name, server.port, host, server.port).c_str()));
        curl_easy_setopt(easy.get(), CURLOPT_CONNECT_TO, connect_to.get());
    }
    curl_easy_setopt(easy.get(), CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt(easy.get(), CURLOPT_PROXY, "");
    curl_easy_setopt(easy.get(), CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy.get(), CURLOPT_TIMEOUT_MS, static_cast<long>(timeout.count()));
    KW_TRY(set_tls(easy.get(), files, server));
    set_login(easy.get(), server);
    curl_easy_setopt(easy.get(), CURLOPT_MAIL_FROM, fmt::format("<{}>", mail.from).c_str());
    std::unique_ptr<curl_slist, SlistEnd> recipients;
    for (const std::string& recipient : mail.recipients)
        recipients.reset(
            curl_slist_append(recipients.release(), fmt::format("<{}>", recipient).c_str()));
    curl_easy_setopt(easy.get(), CURLOPT_MAIL_RCPT, recipients.get());
    Source source{mail.content};
    curl_easy_setopt(easy.get(), CURLOPT_READFUNCTION, read_mail);
    curl_easy_setopt(easy.get(), CURLOPT_READDATA, &source);
    curl_easy_setopt(easy.get(), CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(easy.get(), CURLOPT_WRITEFUNCTION, drop);
    curl_easy_setopt(easy.get(), CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(easy.get(), CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(easy.get(), CURLOPT_XFERINFODATA,
                     const_cast<void*>(static_cast<const void*>(&cancel)));
    const CURLcode code = curl_easy_perform(easy.get());
    return outcome_of(easy.get(), code, server);
}

}  // namespace kw::net
