// Passwords, keys and tokens. One secret of the installation (random, 0600, under the run directory) gives all of
// the demo's credentials by HMAC, so that the world's users and the database's rows agree without a file of
// passwords. The database holds PBKDF2 hashes of passwords and SHA-256 of API keys, never either itself.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace energy {

std::string sha256_hex(std::string_view text);
std::string random_hex(size_t bytes);

// "salt$hash"; 20 000 rounds, some 5 ms.
std::string hash_password(std::string_view password);
bool verify_password(std::string_view password, std::string_view stored);

class Secret final {
 public:
    explicit Secret(std::string bytes) : bytes_(std::move(bytes)) {}
    // Reads the file, or makes it.
    static kw::Result<Secret> open(const std::string& path);

    std::string password_of(std::string_view user) const;
    std::string api_key_of(std::string_view user) const;  // "ef_" and 32 digits
    // "user.expiry.signature", valid until `expires_s` (real Unix seconds).
    std::string token(std::string_view user, int64_t expires_s) const;
    std::optional<std::string> user_of(std::string_view token, int64_t now_s) const;

 private:
    std::string sign(std::string_view purpose, std::string_view text) const;
    std::string bytes_;
};

}  // namespace energy
