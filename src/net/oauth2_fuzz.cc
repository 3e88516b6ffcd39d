// Answers of token endpoints: any bytes give a token that may stand in a header, or an error that
// does not show the secret.
#include <cstdlib>

#include "net/oauth2.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size < 1) return 0;
    const std::string_view body(reinterpret_cast<const char*>(data) + 1, size - 1);
    const int status = data[0] & 1 ? 200 : 400;
    const std::string_view type =
        data[0] & 2 ? "application/x-www-form-urlencoded; charset=utf-8" : "application/json";
    const std::string secret = "hunter2";
    const auto token = kw::net::read_token_answer(status, type, body, secret);
    if (token.ok()) {
        if (status != 200 || !kw::net::is_field_value(token->authorization)) std::abort();
    } else if (token.error().message.find(secret) != std::string::npos) {
        std::abort();
    }
    return 0;
}
