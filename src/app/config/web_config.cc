#include "app/config/web_config.h"

#include <filesystem>

#include "app/config/convert.h"
#include "app/config/schema.h"
#include "base/fs/file_system.h"
#include "yaml/yaml.h"

namespace kw::app {
namespace {

constexpr uint64_t kBytesMax = 1 << 20;  // certificates may stand in the file itself

net::TlsServerOptions to_tls_server(const Section& tls, const std::string& directory) {
    const auto text_or_file = [&](std::string_view text, std::string_view file) {
        return net::TextOrFile{.text = tls.text(text),
                               .file = resolved_path(directory, tls.text(file))};
    };
    net::TlsServerOptions options;
    options.cert = text_or_file("cert", "cert_file");
    options.key = text_or_file("key", "key_file");
    options.client_ca = text_or_file("client_ca", "client_ca_file");
    // The schema has the names that these know.
    options.client_certificate =
        net::parse_client_certificate(tls.text("client_auth_type")).value();
    options.min_version = net::parse_tls_version(tls.text("min_version")).value();
    options.max_version = net::parse_tls_version(tls.text("max_version")).value();
    options.client_allowed_sans = tls.texts("client_allowed_sans");
    options.cipher_suites = tls.texts("cipher_suites");
    options.curve_preferences = tls.texts("curve_preferences");
    options.prefer_server_cipher_suites = tls.flag("prefer_server_cipher_suites");
    return options;
}

}  // namespace

Result<net::WebOptions> parse_web_config(std::string_view text, const std::string& path) {
    KW_TRY_ASSIGN(const YamlDocument document, parse_yaml(text, path, {.bytes_max = kBytesMax}));
    KW_TRY_ASSIGN(const Section section, read_section(document.root, kWebConfigBlock, path));
    const std::string directory = std::filesystem::path(path).parent_path().string();
    net::WebOptions options;
    if (const Section* const tls = section.section("tls_server_config"); tls != nullptr) {
        options.tls = to_tls_server(*tls, directory);
    }
    for (const auto& [user, hash] : section.map("basic_auth_users")) {
        options.basic_auth_users[user] = hash.front();
    }
    if (const Section* const http = section.section("http_server_config"); http != nullptr) {
        if (const Section* const headers = http->section("headers"); headers != nullptr) {
            for (const Value& value : headers->values()) {
                const std::string& header = headers->text(value.field->name);
                if (!header.empty()) options.headers.emplace_back(value.field->name, header);
            }
        }
    }
    return options;
}

Result<net::WebOptions> load_web_config(fs::FileSystem& files, const std::string& path) {
    KW_TRY_ASSIGN(const std::string text, fs::read_file(files, path, kBytesMax));
    KW_TRY_ASSIGN(net::WebOptions options, parse_web_config(text, path));
    KW_TRY(net::check_web_options(options).with_context(path));
    return options;
}

}  // namespace kw::app
