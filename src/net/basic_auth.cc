#include "net/basic_auth.h"

#include <crypt.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <memory>

#include "base/check.h"
#include "net/fields.h"

namespace kw::net {
namespace {

constexpr size_t kCacheEntriesMax = 1000;  // of some 100 bytes
constexpr size_t kHashBytes = 60;

std::string random_bytes(size_t count) {
    std::string bytes(count, '\0');
    KW_CHECK(RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(count)) ==
             1);
    return bytes;
}

std::string sha256(std::string_view bytes) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    KW_CHECK(EVP_Digest(bytes.data(), bytes.size(), digest, &size, EVP_sha256(), nullptr) == 1);
    return {reinterpret_cast<const char*>(digest), size};
}

bool hash_matches(const std::string& password, const std::string& hash) {
    const auto data = std::make_unique<crypt_data>();  // 32 KiB: too much for a stack
    const char* computed = crypt_r(password.c_str(), hash.c_str(), data.get());
    return computed && std::string_view(computed).size() == hash.size() &&
           CRYPTO_memcmp(computed, hash.data(), hash.size()) == 0;
}

// A hash of nobody's password, as costly as the costliest real one.
std::string stand_in(const std::map<std::string, std::string>& users) {
    std::string cost = "10";
    for (const auto& [user, hash] : users) cost = std::max(cost, hash.substr(4, 2));
    return "$2b$" + cost + "$abcdefghijklmnopqrstuu" + "5Li3SGH6PAYwMBkZBiZ7fHKjvLbEtNy";
}

}  // namespace

PasswordChecker::PasswordChecker(std::map<std::string, std::string> users)
    : users_(std::move(users)), salt_(random_bytes(32)), stand_in_hash_(stand_in(users_)) {}

std::string PasswordChecker::cache_key(std::string_view user, std::string_view password) const {
    // The lengths keep "a" + "bc" and "ab" + "c" apart.
    return sha256(fmt::format("{}{}:{}{}:{}", salt_, user.size(), user, password.size(), password));
}

std::optional<bool> PasswordChecker::find(const std::string& key) const {
    MutexLock lock(cache_mutex_);
    const auto it = cache_.find(key);
    return it == cache_.end() ? std::nullopt : std::optional(it->second);
}

std::optional<bool> PasswordChecker::remembered(std::string_view user,
                                                std::string_view password) const {
    return find(cache_key(user, password));
}

bool PasswordChecker::check(std::string_view user, std::string_view password) const {
    const std::string key = cache_key(user, password);
    if (const std::optional<bool> answer = find(key)) return *answer;

    MutexLock hashing(hash_mutex_);
    if (const std::optional<bool> answer = find(key)) return *answer;
    const auto known = users_.find(std::string(user));
    const std::string& hash = known == users_.end() ? stand_in_hash_ : known->second;
    // A NUL would cut the password short for crypt().
    const bool matches = hash_matches(std::string(password), hash) && known != users_.end() &&
                         password.find('\0') == std::string_view::npos;
    MutexLock lock(cache_mutex_);
    if (cache_.size() >= kCacheEntriesMax) cache_.clear();
    cache_[key] = matches;
    return matches;
}

Result<void> check_bcrypt_hash(std::string_view hash) {
    const bool has_prefix =
        hash.starts_with("$2a$") || hash.starts_with("$2b$") || hash.starts_with("$2y$");
    if (!has_prefix) return invalid("not a bcrypt hash: it must begin with $2a$, $2b$ or $2y$");
    if (hash.size() != kHashBytes || hash[6] != '$') {
        return invalid("not a bcrypt hash: {} characters instead of {}", hash.size(), kHashBytes);
    }
    const std::string_view cost = hash.substr(4, 2);
    if (cost < "04" || cost > "31" || cost[1] < '0' || cost[1] > '9') {
        return invalid("not a bcrypt hash: cost {} instead of 04 to 31", cost);
    }
    const bool good = std::ranges::all_of(hash.substr(7), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '.' || c == '/';
    });
    if (!good) return invalid("not a bcrypt hash: a character that is none of ./A-Za-z0-9");
    return {};
}

Result<Credentials> parse_basic_authorization(std::string_view field) {
    constexpr std::string_view kScheme = "Basic ";
    if (!equals_ignoring_case(field.substr(0, kScheme.size()), kScheme)) {
        return invalid("not basic authorization");
    }
    KW_TRY_ASSIGN(const std::string pair, base64_decode(field.substr(kScheme.size())));
    const size_t colon = pair.find(':');
    if (colon == std::string::npos) return invalid("no colon in basic authorization");
    return Credentials{pair.substr(0, colon), pair.substr(colon + 1)};
}

std::string basic_authorization(std::string_view user, std::string_view password) {
    return "Basic " + base64_encode(fmt::format("{}:{}", user, password));
}

Result<std::string> base64_decode(std::string_view text) {
    if (text.size() % 4 != 0) return invalid("base64 of {} characters", text.size());
    const size_t end = text.find('=');
    if (end != std::string_view::npos &&
        (text.size() - end > 2 || text.find_first_not_of('=', end) != std::string_view::npos)) {
        return invalid("base64 with padding inside");
    }
    std::string out(text.size() / 4 * 3, '\0');
    const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                     reinterpret_cast<const unsigned char*>(text.data()),
                                     static_cast<int>(text.size()));
    if (size < 0) return invalid("not base64");
    size_t padding = 0;
    while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=')
        ++padding;
    out.resize(static_cast<size_t>(size) - padding);
    return out;
}

std::string base64_encode(std::string_view bytes) {
    std::string out((bytes.size() + 2) / 3 * 4 + 1, '\0');  // EVP ends it with a NUL
    const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                     reinterpret_cast<const unsigned char*>(bytes.data()),
                                     static_cast<int>(bytes.size()));
    out.resize(static_cast<size_t>(size));
    return out;
}

}  // namespace kw::net
