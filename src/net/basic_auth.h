// Passwords of the web configuration: bcrypt hashes (crypt(3)), with a cache so that a hash is not
// paid for at every request.
//
// The cache holds SHA-256 of a salt made at start and of what was checked, right or wrong, never a
// password; it is bounded and dropped whole when full. An unknown user costs a hash like a known
// one, so that the time does not tell who exists. Hashing runs one at a time: it is the expensive
// part that a stranger can ask for.
// Threads: all members from any thread.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/mutex.h"
#include "base/result.h"

namespace kw::net {

class PasswordChecker final {
 public:
    // `users`: name -> bcrypt hash.
    explicit PasswordChecker(std::map<std::string, std::string> users);

    bool empty() const { return users_.empty(); }
    // The answer when the pair was seen before; never hashes.
    std::optional<bool> remembered(std::string_view user, std::string_view password) const
        KW_EXCLUDES(cache_mutex_);
    // Blocks for some 50 ms (cost 10) when the pair was not seen before.
    bool check(std::string_view user, std::string_view password) const
        KW_EXCLUDES(cache_mutex_, hash_mutex_);

 private:
    std::string cache_key(std::string_view user, std::string_view password) const;
    std::optional<bool> find(const std::string& key) const KW_EXCLUDES(cache_mutex_);

    const std::map<std::string, std::string> users_;
    const std::string salt_;
    const std::string stand_in_hash_;  // checked for users who do not exist
    mutable Mutex hash_mutex_;         // taken before cache_mutex_
    mutable Mutex cache_mutex_;
    mutable std::unordered_map<std::string, bool> cache_ KW_GUARDED_BY(cache_mutex_);
};

// "$2a$", "$2b$" or "$2y$", cost 4…31, and 53 characters. Errors: kInvalid.
Result<void> check_bcrypt_hash(std::string_view hash);

struct Credentials {
    std::string user;
    std::string password;
};
// Of "Basic dXNlcjpwYXNz". Errors: kInvalid.
Result<Credentials> parse_basic_authorization(std::string_view field);
std::string basic_authorization(std::string_view user, std::string_view password);

// RFC 4648, 4. Errors: kInvalid.
Result<std::string> base64_decode(std::string_view text);
std::string base64_encode(std::string_view bytes);

}  // namespace kw::net
