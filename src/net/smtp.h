// Sends one mail by SMTP, over libcurl: STARTTLS or TLS from the start, PLAIN, LOGIN or CRAM-MD5.
//
// Blocking, for the caller's own thread: a mail is rare, and a server that hangs holds only its own.
// Source: RFC 5321, RFC 3207, RFC 4954.
#pragma once

#include <atomic>
#include <chrono>
#include <string>
#include <vector>

#include "base/result.h"
#include "net/tls_options.h"

namespace kw::fs {
class FileSystem;
}

namespace kw::net {

struct MailServer {
    std::string host;
    std::string port;
    std::string hello;  // what EHLO says; empty: "localhost"
    std::string user;   // empty: no authentication
    std::string password;  // empty, with a user: as Alertmanager, sent only where no login is offered
    std::string authorization_identity;
    bool only_cram_md5 = false;  // else PLAIN or LOGIN, what the server offers
    bool is_tls = false;         // from the first byte
    bool needs_starttls = true;  // when not is_tls: without it nothing is sent
    TlsClientOptions tls;
};

struct Mail {
    std::string from;                     // address alone
    std::vector<std::string> recipients;  // likewise
    std::string content;                  // headers and body, lines ended by CRLF
};

// Returns once the server has taken the mail for all recipients; `cancel` set ends it soon.
// Errors: kInvalid (the server refused for good: 5xx; an address or file is not usable), kTimeout, kCancelled,
// kUnavailable (all else, 4xx among it). A message has no password in it.
Result<void> send_mail(fs::FileSystem& files, const MailServer& server, const Mail& mail,
                       std::chrono::milliseconds timeout, const std::atomic<bool>& cancel);

}  // namespace kw::net
