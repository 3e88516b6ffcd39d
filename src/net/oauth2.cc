#include "net/oauth2.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>

#include "base/check.h"
#include "net/basic_auth.h"
#include "net/url.h"

namespace kw::net {
namespace {

constexpr int64_t kAssertionSeconds = 600;
constexpr int64_t kLifetimeMaxSeconds = 100LL * 365 * 24 * 3600;
constexpr size_t kShownBytesMax = 200;  // of what a server says of an error
constexpr std::string_view kJwtGrantName = "urn:ietf:params:oauth:grant-type:jwt-bearer";

struct KeyDeleter {
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using PrivateKey = std::unique_ptr<EVP_PKEY, KeyDeleter>;

// ---- the assertion ----

void append_quoted(std::string& out, std::string_view text) {
    out += '"';
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (static_cast<unsigned char>(c) < 0x20) {
            out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
        } else {
            out += c;
        }
    }
    out += '"';
}

std::string quoted_json(std::string_view text) {
    std::string out;
    append_quoted(out, text);
    return out;
}

// RFC 4648, 5, without padding.
std::string base64_url(std::string_view bytes) {
    std::string text = base64_encode(bytes);
    while (text.ends_with('=')) text.pop_back();
    std::ranges::replace(text, '+', '-');
    std::ranges::replace(text, '/', '_');
    return text;
}

// A UUID of version 4: no assertion is taken twice.
std::string random_uuid() {
    std::array<unsigned char, 16> bytes;
    KW_CHECK(RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) == 1);
    bytes[6] = static_cast<unsigned char>((bytes[6] & 0x0f) | 0x40);
    bytes[8] = static_cast<unsigned char>((bytes[8] & 0x3f) | 0x80);
    std::string text;
    for (size_t i = 0; i < bytes.size(); ++i) {
        if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
        text += fmt::format("{:02x}", bytes[i]);
    }
    return text;
}

int no_passphrase(char*, int, int, void*) { return 0; }

Result<PrivateKey> read_rsa_key(std::string_view pem) {
    BIO* const bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
    KW_CHECK(bio != nullptr);
    PrivateKey key(PEM_read_bio_PrivateKey(bio, nullptr, no_passphrase, nullptr));
    BIO_free(bio);
    if (key == nullptr || EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_RSA) {
        return invalid("client_certificate_key is not an RSA key in PEM without a passphrase");
    }
    return key;
}

std::string joined(const std::vector<std::string>& parts) {
    std::string all;
    for (const std::string& part : parts) all += (all.empty() ? "" : " ") + part;
    return all;
}

std::string_view algorithm_name(OAuth2Options::Signature signature) {
    switch (signature) {
        case OAuth2Options::Signature::kRs256: return "RS256";
        case OAuth2Options::Signature::kRs384: return "RS384";
        case OAuth2Options::Signature::kRs512: return "RS512";
    }
    return "";
}

const EVP_MD* digest_of(OAuth2Options::Signature signature) {
    switch (signature) {
        case OAuth2Options::Signature::kRs256: return EVP_sha256();
        case OAuth2Options::Signature::kRs384: return EVP_sha384();
        case OAuth2Options::Signature::kRs512: return EVP_sha512();
    }
    return nullptr;
}

std::string claims_of(const OAuth2Options& options, Millis now) {
    const int64_t now_s = now.count / 1000;
    std::vector<std::pair<std::string, std::string>> claims = {
        {"iss", quoted_json(options.issuer.empty() ? options.client_id : options.issuer)},
        {"sub", quoted_json(options.client_id)},
        {"jti", quoted_json(random_uuid())},
        {"aud", quoted_json(options.audience.empty() ? options.token_url : options.audience)},
        {"iat", std::to_string(now_s)},
        {"exp", std::to_string(now_s + kAssertionSeconds)},
    };
    if (!options.scopes.empty()) claims.emplace_back("scope", quoted_json(joined(options.scopes)));
    for (const auto& [name, json] : options.claims) {
        const auto same = [&](const auto& claim) { return claim.first == name; };
        const auto found = std::ranges::find_if(claims, same);
        if (found == claims.end()) {
            claims.emplace_back(name, json);
        } else {
            found->second = json;
        }
    }
    std::string text = "{";
    for (const auto& [name, json] : claims) {
        if (text.size() > 1) text += ',';
        append_quoted(text, name);
        text += ':';
        text += json;
    }
    return text + "}";
}

Result<std::string> make_assertion(const OAuth2Options& options, std::string_view pem, Millis now) {
    KW_TRY_ASSIGN(const PrivateKey key, read_rsa_key(pem));
    std::string header =
        fmt::format(R"({{"alg":"{}","typ":"JWT")", algorithm_name(options.signature));
    if (!options.key_id.empty()) header += ",\"kid\":" + quoted_json(options.key_id);
    header += "}";
    const std::string text = base64_url(header) + "." + base64_url(claims_of(options, now));

    std::string signature(static_cast<size_t>(EVP_PKEY_get_size(key.get())), '\0');
    size_t size = signature.size();
    EVP_MD_CTX* const context = EVP_MD_CTX_new();
    KW_CHECK(context != nullptr);
    const bool is_signed =
        EVP_DigestSignInit(context, nullptr, digest_of(options.signature), nullptr, key.get()) ==
            1 &&
        EVP_DigestSign(context, reinterpret_cast<unsigned char*>(signature.data()), &size,
                       reinterpret_cast<const unsigned char*>(text.data()), text.size()) == 1;
    EVP_MD_CTX_free(context);
    if (!is_signed) return invalid("client_certificate_key cannot sign: it is too short");
    signature.resize(size);
    return text + "." + base64_url(signature);
}

// ---- the answer ----

struct Answer {
    std::string access_token;
    std::string token_type;
    std::string error;
    std::string error_description;
    int64_t expires_in = 0;  // seconds; 0: not said
};

Result<int64_t> read_seconds(std::string_view text) {
    double seconds = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (code != std::errc() || end != text.data() + text.size() || !(seconds == seconds)) {
        return unavailable("its expires_in is not a number");
    }
    const auto limit = static_cast<double>(kLifetimeMaxSeconds);
    return static_cast<int64_t>(std::clamp(seconds, -limit, limit));
}

Result<Answer> read_form_answer(std::string_view body) {
    Params params;
    if (const Result<void> read = parse_form(body, params); !read.ok()) {
        return unavailable("its answer is not a form: {}", read.error().message);
    }
    Answer answer;
    answer.access_token = params.get("access_token");
    answer.token_type = params.get("token_type");
    answer.error = params.get("error");
    answer.error_description = params.get("error_description");
    if (const std::string_view seconds = params.get("expires_in"); !seconds.empty()) {
        KW_TRY_ASSIGN(answer.expires_in, read_seconds(seconds));
    }
    return answer;
}

Result<Answer> read_json_answer(std::string_view body) {
    simdjson::dom::parser parser(kTokenAnswerBytesMax + simdjson::SIMDJSON_PADDING);
    simdjson::dom::object object;
    if (parser.parse(body.data(), body.size()).get_object().get(object) != simdjson::SUCCESS) {
        return unavailable("its answer is not a JSON object");
    }
    const auto text = [&](std::string_view name) {
        std::string_view value;
        return object[name].get_string().get(value) == simdjson::SUCCESS ? std::string(value)
                                                                         : std::string();
    };
    Answer answer;
    answer.access_token = text("access_token");
    answer.token_type = text("token_type");
    answer.error = text("error");
    answer.error_description = text("error_description");
    simdjson::dom::element seconds;
    if (object["expires_in"].get(seconds) == simdjson::SUCCESS && !seconds.is_null()) {
        // Some servers put the number into quotes.
        const std::string_view quoted =
            seconds.is_string() ? seconds.get_string().value_unsafe() : std::string_view();
        KW_TRY_ASSIGN(answer.expires_in,
                      read_seconds(seconds.is_string() ? quoted : simdjson::minify(seconds)));
    }
    return answer;
}

// What a server says, fit for a message: one line, short, without the secret.
std::string shown(std::string text, std::string_view secret) {
    if (!secret.empty()) {
        for (size_t at = text.find(secret); at != std::string::npos; at = text.find(secret, at)) {
            text.replace(at, secret.size(), "<secret>");
            at += std::string_view("<secret>").size();
        }
    }
    for (char& c : text) {
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
    }
    if (text.size() > kShownBytesMax) text = text.substr(0, kShownBytesMax) + "...";
    return text;
}

std::string explanation(const Answer& answer, std::string_view secret) {
    if (answer.error.empty()) return "";
    std::string text = ": " + shown(answer.error, secret);
    if (!answer.error_description.empty()) {
        text += " (" + shown(answer.error_description, secret) + ")";
    }
    return text;
}

std::string header_type(std::string_view type) {
    if (type.empty() || equals_ignoring_case(type, "bearer")) return "Bearer";
    if (equals_ignoring_case(type, "mac")) return "MAC";
    if (equals_ignoring_case(type, "basic")) return "Basic";
    return std::string(type);
}

bool is_form(std::string_view content_type) {
    std::string_view type = content_type.substr(0, content_type.find(';'));
    while (type.ends_with(' ')) type.remove_suffix(1);
    return equals_ignoring_case(type, "application/x-www-form-urlencoded") ||
           equals_ignoring_case(type, "text/plain");
}

}  // namespace

Result<TokenRequest> make_token_request(const OAuth2Options& options, std::string_view secret,
                                        ClientAuth auth, Millis now) {
    TokenRequest request;
    Params form;
    std::string grant = "client_credentials";
    if (options.grant == OAuth2Options::Grant::kJwtBearer) {
        grant = kJwtGrantName;
        KW_TRY_ASSIGN(std::string assertion, make_assertion(options, secret, now));
        form.add("assertion", std::move(assertion));
    } else {
        if (!options.scopes.empty()) form.add("scope", joined(options.scopes));
        if (auth == ClientAuth::kHeader) {
            // Each half is encoded before (RFC 6749, 2.3.1).
            request.authorization =
                basic_authorization(percent_encode(options.client_id), percent_encode(secret));
        } else {
            form.add("client_id", options.client_id);
            if (!secret.empty()) form.add("client_secret", std::string(secret));
        }
    }
    for (const auto& [name, value] : options.endpoint_params) {
        if (name == "grant_type") {
            grant = value;  // for servers with names of their own
        } else if (form.has(name)) {
            return invalid("endpoint_params has {}, which the request sets itself; remove it",
                           name);
        } else {
            form.add(name, value);
        }
    }
    form.add("grant_type", std::move(grant));
    request.body = encode_form(form);
    return request;
}

Result<Token> read_token_answer(int status, std::string_view content_type, std::string_view body,
                                std::string_view secret) {
    const bool is_good = status >= 200 && status < 300;
    Result<Answer> read = is_form(content_type) ? read_form_answer(body) : read_json_answer(body);
    if (!is_good) {
        return unavailable("it answered with status {}{}", status,
                           read.ok() ? explanation(*read, secret) : "");
    }
    if (!read.ok()) return std::move(read).error();
    // Some servers say errors with status 200.
    if (!read->error.empty()) return unavailable("it refused{}", explanation(*read, secret));
    if (read->access_token.empty()) return unavailable("its answer has no access_token");
    const std::string type = header_type(read->token_type);
    if (!is_token(type) || !is_field_value(read->access_token)) {
        return unavailable("its token cannot be sent in a header");
    }
    Token token;
    token.authorization = type + " " + read->access_token;
    if (read->expires_in != 0) token.lifetime_s = read->expires_in;
    return token;
}

std::string shown_token_url(const OAuth2Options& options) {
    const Result<Url> url = parse_url(options.token_url);
    if (!url.ok()) return "the token_url";
    return url->text.substr(0, url->text.find('?'));
}

}  // namespace kw::net
