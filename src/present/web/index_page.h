// index.html as this server sends it: under its path prefix and with its title. Pure text.
#pragma once

#include <string>
#include <string_view>

namespace kw::web {

struct IndexPageOptions {
    std::string path_prefix;  // "/kilowatch", without a slash at the end; empty: none
    std::string page_title = "Kilowatch";
};

// `html` with <base href="/"> pointing below the prefix and the <title> replaced; both escaped.
// Text without these elements is returned as it is.
std::string index_page(std::string_view html, const IndexPageOptions& options);

// What stands in its place when the binary was built without the UI.
std::string missing_ui_page(const IndexPageOptions& options);

}  // namespace kw::web
