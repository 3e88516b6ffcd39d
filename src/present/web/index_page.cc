#include "web/index_page.h"

#include <fmt/format.h>

namespace kw::web {
namespace {

std::string escape_html(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (const char c : text) {
        switch (c) {
            case '&': out += "&amp;"; break;
            case '<': out += "&lt;"; break;
            case '>': out += "&gt;"; break;
            case '"': out += "&quot;"; break;
            case '\'': out += "&#39;"; break;
            default: out += c;
        }
    }
    return out;
}

// Puts `with` between the first `before` and the `after` that follows it.
void replace_between(std::string& text, std::string_view before, std::string_view after,
                     std::string_view with) {
    const size_t begin = text.find(before);
    if (begin == std::string::npos) return;
    const size_t from = begin + before.size();
    const size_t to = text.find(after, from);
    if (to != std::string::npos) text.replace(from, to - from, with);
}

}  // namespace

std::string index_page(std::string_view html, const IndexPageOptions& options) {
    std::string page(html);
    replace_between(page, "<base href=\"", "\"", escape_html(options.path_prefix + "/"));
    replace_between(page, "<title>", "</title>", escape_html(options.page_title));
    return page;
}

std::string missing_ui_page(const IndexPageOptions& options) {
    return fmt::format(
        R"(<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>{0}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<style>body {{ font: 1rem/1.6 system-ui, sans-serif; max-width: 40rem; margin: 4rem auto; padding: 0 1rem }}</style>
</head>
<body>
<h1>The web UI was not built</h1>
<p>This binary was compiled without it. Run <code>./kw build</code> in the source folder, which builds the UI and
then the binary, and start the server again.</p>
<p>Everything else works: the HTTP API is under <code>{1}/api/v1</code>, the server's own metrics are at
<a href="{1}/metrics">{1}/metrics</a>.</p>
</body>
</html>
)",
        escape_html(options.page_title), escape_html(options.path_prefix));
}

}  // namespace kw::web
