#include "alerting/secret.h"

#include "base/fs/file_system.h"

namespace kw::alerting {
namespace {

constexpr uint64_t kSecretBytesMax = 1 << 20;
constexpr const char* kFileWhiteSpace = " \t\r\n\v\f";

}  // namespace

Secret Secret::of_text(std::string text) {
    Secret secret;
    secret.text_ = std::move(text);
    return secret;
}

Secret Secret::of_file(std::string path) {
    Secret secret;
    secret.file_ = std::move(path);
    return secret;
}

Result<std::string> Secret::reveal(fs::FileSystem& files) const {
    if (file_.empty()) return text_;
    KW_TRY_ASSIGN(std::string text, fs::read_file(files, file_, kSecretBytesMax));
    text.erase(0, text.find_first_not_of(kFileWhiteSpace));
    text.erase(text.find_last_not_of(kFileWhiteSpace) + 1);
    return text;
}

}  // namespace kw::alerting
