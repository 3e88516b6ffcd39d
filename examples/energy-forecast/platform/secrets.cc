#include "platform/secrets.h"

#include <fmt/core.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <charconv>
#include <stdexcept>

#include "platform/text_file.h"

namespace energy {
namespace {

constexpr int kPasswordRounds = 20'000;

std::string hex(const unsigned char* bytes, size_t count) {
    std::string text;
    for (size_t i = 0; i < count; ++i) text += fmt::format("{:02x}", bytes[i]);
    return text;
}

std::string stretched(std::string_view password, std::string_view salt) {
    unsigned char out[32];
    PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()),
                      reinterpret_cast<const unsigned char*>(salt.data()),
                      static_cast<int>(salt.size()), kPasswordRounds, EVP_sha256(), sizeof(out),
                      out);
    return hex(out, sizeof(out));
}

bool same(std::string_view a, std::string_view b) {
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace

std::string sha256_hex(std::string_view text) {
    unsigned char out[SHA256_DIGEST_LENGTH];
    SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), out);
    return hex(out, sizeof(out));
}

std::string random_hex(size_t bytes) {
    std::string raw(bytes, '\0');
    auto* data = reinterpret_cast<unsigned char*>(raw.data());
    if (RAND_bytes(data, static_cast<int>(bytes)) != 1) throw std::runtime_error("no random bytes");
    return hex(data, bytes);
}

std::string hash_password(std::string_view password) {
    const std::string salt = random_hex(16);
    return salt + "$" + stretched(password, salt);
}

bool verify_password(std::string_view password, std::string_view stored) {
    const size_t cut = stored.find('$');
    if (cut == std::string_view::npos) return false;
    return same(stretched(password, stored.substr(0, cut)), stored.substr(cut + 1));
}

kw::Result<Secret> Secret::open(const std::string& path) {
    kw::Result<std::string> kept = read_file(path);
    if (kept.ok() && kept->size() >= 32) return Secret(*kept);
    if (!kept.ok() && kept.error().code != kw::Code::kNotFound) return std::move(kept).error();
    std::string fresh = random_hex(32);
    KW_TRY(write_file(path, fresh));
    return Secret(std::move(fresh));
}

std::string Secret::sign(std::string_view purpose, std::string_view text) const {
    const std::string message = fmt::format("{}:{}", purpose, text);
    unsigned char out[EVP_MAX_MD_SIZE];
    unsigned int length = 0;
    HMAC(EVP_sha256(), bytes_.data(), static_cast<int>(bytes_.size()),
         reinterpret_cast<const unsigned char*>(message.data()), message.size(), out, &length);
    return hex(out, length);
}

std::string Secret::password_of(std::string_view user) const {
    return sign("password", user).substr(0, 24);
}
std::string Secret::api_key_of(std::string_view user) const {
    return "ef_" + sign("api-key", user).substr(0, 32);
}

std::string Secret::token(std::string_view user, int64_t expires_s) const {
    const std::string claim = fmt::format("{}.{}", user, expires_s);
    return claim + "." + sign("token", claim);
}

std::optional<std::string> Secret::user_of(std::string_view token, int64_t now_s) const {
    const size_t cut = token.rfind('.');
    if (cut == std::string_view::npos || token.size() > 400) return std::nullopt;
    const std::string_view claim = token.substr(0, cut);
    if (!same(sign("token", claim), token.substr(cut + 1))) return std::nullopt;
    const size_t dot = claim.rfind('.');
    if (dot == std::string_view::npos) return std::nullopt;
    int64_t expires = 0;
    std::from_chars(claim.data() + dot + 1, claim.data() + claim.size(), expires);
    if (expires <= now_s) return std::nullopt;
    return std::string(claim.substr(0, dot));
}

}  // namespace energy
