#include "alerting/message.h"

#include <fmt/core.h>
#include <openssl/evp.h>

#include "alerting/template_data.h"

namespace kw::alerting {
namespace {

std::string or_error(Result<std::string> text) {
    if (text.ok()) return std::move(text).value();
    return fmt::format("<error in the template: {}>", text.error().message);
}

}  // namespace

std::string sha256_hex(std::string_view text) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    EVP_Digest(text.data(), text.size(), digest, &size, EVP_sha256(), nullptr);
    std::string out;
    for (unsigned i = 0; i < size; ++i) out += fmt::format("{:02x}", digest[i]);
    return out;
}

std::string cut_characters(std::string text, size_t count) {
    size_t characters = 0;
    size_t last = 0;  // where the character starts that would be the ellipsis
    for (size_t i = 0; i < text.size(); ++i) {
        if ((static_cast<unsigned char>(text[i]) & 0xc0) == 0x80) continue;
        if (++characters == count) last = i;
        if (characters > count) return text.substr(0, last) + "\u2026";
    }
    return text;
}

Message::Message(std::shared_ptr<const Notification> notification,
                 std::shared_ptr<const Receiver> receiver,
                 std::shared_ptr<const NotifyTemplates> templates, std::vector<AlertPtr> alerts,
                 std::string external_url, std::string state)
    : notification_(std::move(notification)),
      receiver_(std::move(receiver)),
      templates_(std::move(templates)),
      alerts_(std::move(alerts)),
      external_url_(std::move(external_url)),
      state_(std::move(state)),
      data_(template_data(*notification_, *receiver_, alerts_, external_url_)),
      functions_(notify_functions(notification_->now)) {}

std::string_view Message::status() const { return status_of(alerts_, notification_->now); }

bool Message::is_no_data() const { return alerting::is_no_data(alerts_, notification_->now); }

std::string Message::dedup_key() const { return sha256_hex(notification_->group_key); }

std::string Message::expand(std::string_view text) const { return or_error(expand_strictly(text)); }

std::string Message::expand_html(std::string_view text) const {
    Result<std::string> html = templates_->expand_html(text, data_, functions_);
    if (html.ok()) return std::move(html).value();
    std::string safe;
    for (const char c : or_error(std::move(html))) {
        if (c == '<') {
            safe += "&lt;";
        } else if (c == '&') {
            safe += "&amp;";
        } else {
            safe += c;
        }
    }
    return safe;
}

Result<std::string> Message::expand_strictly(std::string_view text) const {
    return templates_->expand_text(text, data_, functions_);
}

Message Message::first_alerts(size_t count) const {
    return {notification_, receiver_,
            templates_,    {alerts_.begin(), alerts_.begin() + static_cast<std::ptrdiff_t>(count)},
            external_url_, state_};
}

}  // namespace kw::alerting
