#include "collect/remote/secret.h"

#include <cstdlib>

#include "net/tls_context.h"

namespace kw::collect {

Result<std::string> read_secret(const SecretSource& source) {
    if (!source.file.empty()) return net::read_text_or_file({.text = {}, .file = source.file});
    if (source.variable.empty()) return std::string();
    const char* const value = std::getenv(source.variable.c_str());
    if (value == nullptr) return invalid("the environment has no variable {}", source.variable);
    return std::string(value);
}

}  // namespace kw::collect
