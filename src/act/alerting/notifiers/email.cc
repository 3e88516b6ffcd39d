// E-mail: text and HTML of a message as one mail, sent by SMTP.
//
// A server that hangs holds the two threads of its own integration, and nobody else's.
// Source: https://prometheus.io/docs/alerting/latest/configuration/#email_config; RFC 5322, 2045, 2047.
#include <fmt/core.h>

#include <atomic>
#include <ctime>
#include <memory>
#include <utility>

#include "alerting/notifier.h"
#include "base/clock.h"
#include "base/environment.h"
#include "base/thread_pool.h"
#include "net/smtp.h"

namespace kw::alerting {
namespace {

constexpr size_t kThreads = 2;
constexpr size_t kWaitingMax = 1000;
constexpr size_t kEncodedLineMax = 74;  // of quoted-printable, without the =

bool is_ascii(std::string_view text) {
    for (const char c : text)
        if (static_cast<unsigned char>(c) >= 0x80) return false;
    return true;
}

// A header's value on one line: a line feed in it would begin the next header.
std::string one_line(std::string_view text) {
    std::string out;
    for (const char c : text) out += c == '\r' || c == '\n' ? ' ' : c;
    return out;
}

// RFC 2047: each word of at most 75 characters, cut between characters of UTF-8.
std::string encoded_word(std::string_view text) {
    if (is_ascii(text)) return std::string(text);
    constexpr std::string_view kStart = "=?utf-8?q?";
    constexpr size_t kRoom = 75 - kStart.size() - 2;
    std::string out(kStart);
    size_t used = 0;
    for (size_t i = 0; i < text.size();) {
        size_t end = i + 1;
        while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) ++end;
        std::string one;
        for (const char c : text.substr(i, end - i)) {
            const bool is_plain =
                (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
            one += c == ' '   ? std::string("_")
                   : is_plain ? std::string(1, c)
                              : fmt::format("={:02X}", static_cast<unsigned char>(c));
        }
        if (used + one.size() > kRoom) {
            out += "?=\r\n ";
            out += kStart;
            used = 0;
        }
        out += one;
        used += one.size();
        i = end;
    }
    return out + "?=";
}

std::string quoted_printable(std::string_view text) {
    std::string out;
    size_t column = 0;
    const auto put = [&](std::string_view piece) {
        if (column + piece.size() > kEncodedLineMax) {
            out += "=\r\n";
            column = 0;
        }
        out += piece;
        column += piece.size();
    };
    for (size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        const bool ends_line = i + 1 == text.size() || text[i + 1] == '\n' || text[i + 1] == '\r';
        if (c == '\r' && i + 1 < text.size() && text[i + 1] == '\n') continue;
        if (c == '\n') {
            out += "\r\n";
            column = 0;
        } else if (c == '=' || static_cast<unsigned char>(c) > 0x7e ||
                   (static_cast<unsigned char>(c) < 0x20 && c != '\t') ||
                   ((c == ' ' || c == '\t') && ends_line)) {
            put(fmt::format("={:02X}", static_cast<unsigned char>(c)));
        } else {
            put(std::string_view(&c, 1));
        }
    }
    return out;
}

// "Ann <ann@example.com>" is ann@example.com.
std::string address_of(std::string_view text) {
    const size_t open = text.rfind('<');
    const size_t close = text.rfind('>');
    if (open != std::string_view::npos && close != std::string_view::npos && open < close)
        return std::string(text.substr(open + 1, close - open - 1));
    const size_t start = text.find_first_not_of(" \t");
    if (start == std::string_view::npos) return {};
    return std::string(text.substr(start, text.find_last_not_of(" \t") - start + 1));
}

// At commas that stand in no quotes.
std::vector<std::string> addresses_of(std::string_view text) {
    std::vector<std::string> addresses;
    std::string one;
    bool is_quoted = false;
    for (const char c : text) {
        if (c == '"') is_quoted = !is_quoted;
        if (c == ',' && !is_quoted) {
            addresses.push_back(address_of(one));
            one.clear();
        } else {
            one += c;
        }
    }
    addresses.push_back(address_of(one));
    std::erase(addresses, "");
    return addresses;
}

std::string date_text(Millis now, const char* format) {
    const std::time_t seconds = now.count / 1000;
    std::tm fields{};
    ::gmtime_r(&seconds, &fields);
    char text[64];
    return {text, std::strftime(text, sizeof text, format, &fields)};
}

class Email final : public Notifier {
 public:
    Email(const NotifierContext& context, const EmailConfig& config)
        : context_(context), config_(config), pool_("mail", kThreads, kWaitingMax) {}
    ~Email() override { is_stopped_ = true; }

    net::Fetcher::FetchId send(const Message& message, int64_t timeout_ms, Done done) override {
        net::MailServer server;
        const Result<void> secrets = fill(server);
        net::Mail mail;
        mail.from = address_of(message.expand(config_.from));
        mail.recipients = addresses_of(message.expand(config_.to));
        mail.content = content(message);
        SendOutcome outcome;
        if (!secrets.ok()) {
            outcome.verdict = SendOutcome::Verdict::kRefused;
            outcome.answer = secrets.error().message;
            done(std::move(outcome));
            return 0;
        }
        const Result<void> queued = pool_.submit([this, server = std::move(server),
                                                  mail = std::move(mail), timeout_ms, done] {
            done(outcome_of(net::send_mail(context_.env.files, server, mail,
                                           std::chrono::milliseconds(timeout_ms), is_stopped_)));
        });
        if (!queued.ok()) {
            outcome.answer = queued.error().message;
            done(std::move(outcome));
        }
        return 0;
    }

    void stop() override { is_stopped_ = true; }

 private:
    static SendOutcome outcome_of(const Result<void>& sent) {
        SendOutcome outcome;
        outcome.verdict = sent.ok()                             ? SendOutcome::Verdict::kDelivered
                          : sent.error().code == Code::kInvalid ? SendOutcome::Verdict::kRefused
                                                                : SendOutcome::Verdict::kRetry;
        outcome.answer = sent.ok() ? "taken by the server" : sent.error().message;
        return outcome;
    }

    Result<void> fill(net::MailServer& server) const {
        server.host = config_.smarthost_host;
        server.port = config_.smarthost_port;
        server.hello = config_.hello;
        server.user = config_.auth_username;
        server.authorization_identity = config_.auth_identity;
        server.is_tls = config_.implicit_tls.value_or(config_.smarthost_port == "465");
        server.needs_starttls = config_.require_tls;
        server.tls = config_.tls;
        KW_TRY_ASSIGN(const std::string secret, config_.auth_secret.reveal(context_.env.files));
        KW_TRY_ASSIGN(const std::string password, config_.auth_password.reveal(context_.env.files));
        server.only_cram_md5 = password.empty() && !secret.empty();
        server.password = server.only_cram_md5 ? secret : password;
        return {};
    }

    std::string content(const Message& message) const {
        const Millis now = context_.env.clock.now();
        const std::string id = sha256_hex(
            fmt::format("{}/{}/{}", message.notification().group_key, now.count, message.status()));
        const std::string boundary = "kw-" + id.substr(0, 32);
        std::string out;
        bool has_from = false;
        bool has_to = false;
        for (const auto& [name, text] : config_.headers) {
            out += header(name, message.expand(text));
            has_from = has_from || name == "From";
            has_to = has_to || name == "To";
        }
        if (!has_from) out += header("From", message.expand(config_.from));
        if (!has_to) out += header("To", message.expand(config_.to));
        if (message.is_no_data()) out += "X-Kilowatch-Resolved-By: no data\r\n";
        out += fmt::format("Message-Id: <{}@kilowatch>\r\n", id.substr(0, 40));
        out += thread_headers(message, now);
        out += "Date: " + date_text(now, "%a, %d %b %Y %H:%M:%S +0000") + "\r\n";
        out += "MIME-Version: 1.0\r\n";
        out += fmt::format("Content-Type: multipart/alternative; boundary={}\r\n\r\n", boundary);
        if (!config_.text.empty())
            out += part(boundary, "text/plain", message.expand(config_.text));
        // Behind the text: of alternatives the last is preferred.
        if (!config_.html.empty())
            out += part(boundary, "text/html", message.expand_html(config_.html));
        return out + fmt::format("--{}--\r\n", boundary);
    }

    static std::string header(std::string_view name, std::string_view value) {
        return fmt::format("{}: {}\r\n", one_line(name), encoded_word(one_line(value)));
    }

    // All mails of a group answer one that was never sent, which is what mail programs thread by.
    std::string thread_headers(const Message& message, Millis now) const {
        if (config_.threads == MailThreads::kOff) return {};
        const std::string day =
            config_.threads == MailThreads::kByGroupAndDay ? date_text(now, "-%Y-%m-%d") : "";
        const std::string root = fmt::format("<alert-{}{}@alertmanager>", message.dedup_key(), day);
        return fmt::format("References: {}\r\nIn-Reply-To: {}\r\n", root, root);
    }

    static std::string part(const std::string& boundary, const char* type,
                            const std::string& text) {
        return fmt::format(
            "--{}\r\nContent-Transfer-Encoding: quoted-printable\r\nContent-Type: {};"
            " charset=UTF-8\r\n\r\n{}\r\n",
            boundary, type, quoted_printable(text));
    }

    const NotifierContext context_;
    const EmailConfig config_;
    std::atomic<bool> is_stopped_ = false;
    ThreadPool pool_;  // last: its tasks use all above
};

}  // namespace

std::unique_ptr<Notifier> make_email(const NotifierContext& context, const EmailConfig& config) {
    return std::make_unique<Email>(context, config);
}

}  // namespace kw::alerting
