// The files of the web UI, embedded into the binary by embed.py.
// Threads: constants, readable from any thread.
#pragma once

#include <optional>
#include <string_view>

namespace kw::web {

struct Asset {
    std::string_view path;          // "/assets/index-Dqe0T-59.js"
    std::string_view content_type;  // "text/javascript; charset=utf-8"
    std::string_view etag;          // quoted; a hash of the content
    std::string_view gzip_body;
    bool immutable = false;  // the name says the content: may be cached for ever
};

// The file at `path` ("/" is none; index.html has its name). Views live as long as the program.
std::optional<Asset> find_asset(std::string_view path);

// Whether web/dist was there when the binary was built.
bool has_assets();

}  // namespace kw::web
