#include "web/web_routes.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "base/check.h"
#include "base/checksum.h"
#include "net/gzip.h"
#include "net/request.h"
#include "net/response_writer.h"
#include "net/router.h"
#include "web/asset_table.h"

namespace kw::web {
namespace {

// Everything from this server; no inline script, no frame around it. Inline styles: CodeMirror
// writes its style sheet as a <style> element.
constexpr std::string_view kContentSecurityPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' "
    "data:; "
    "font-src 'self'; connect-src 'self'; worker-src 'self'; base-uri 'self'; form-action 'self'; "
    "frame-ancestors 'none'";

constexpr std::string_view kImmutable = "public, max-age=31536000, immutable";
constexpr std::string_view kRevalidate = "no-cache";

// Far above any file of the UI; embed.py refuses larger ones.
constexpr uint64_t kAssetBytesMax = 16 << 20;

// The pages, and the paths of Prometheus' pages which the UI translates.
constexpr std::string_view kPagePaths[] = {
    "/",
    "/explore",
    "/alerting",
    "/alerting/*page",
    "/audit",
    "/incidents",
    "/incidents/*page",
    "/targets",
    "/status",
    "/status/*page",
    "/graph",
    "/query",
    "/alerts",
    "/rules",
    "/silences",
    "/config",
    "/flags",
    "/tsdb-status",
    "/service-discovery",
};

struct Page {
    std::string html;
    std::string etag;
};

void set_common_headers(net::ResponseWriter& response) {
    response.set_header("X-Content-Type-Options", "nosniff");
    response.set_header("Content-Security-Policy", kContentSecurityPolicy);
    response.set_header("X-Frame-Options", "DENY");
    response.set_header("Referrer-Policy", "same-origin");
    response.set_header("Cross-Origin-Opener-Policy", "same-origin");
}

// Whether an If-None-Match field names `etag` (RFC 9110, 13.1.2); weak tags compare equal to strong
// ones.
bool names_etag(std::string_view field, std::string_view etag) {
    while (!field.empty()) {
        const size_t comma = std::min(field.find(','), field.size());
        std::string_view item = field.substr(0, comma);
        field.remove_prefix(std::min(comma + 1, field.size()));
        while (item.starts_with(' ')) item.remove_prefix(1);
        while (item.ends_with(' ')) item.remove_suffix(1);
        if (item.starts_with("W/")) item.remove_prefix(2);
        if (item == "*" || item == etag) return true;
    }
    return false;
}

// Sets caching headers; true when the client has this version and nothing more is to be said.
bool answer_not_modified(const net::Request& request, net::ResponseWriter& response,
                         std::string_view etag, std::string_view cache_control) {
    response.set_header("ETag", etag);
    response.set_header("Cache-Control", cache_control);
    if (!names_etag(request.headers.get("If-None-Match"), etag)) return false;
    response.set_status(304);
    return true;
}

void send_page(const Page& page, const net::Request& request, net::ResponseWriter& response) {
    set_common_headers(response);
    if (answer_not_modified(request, response, page.etag, kRevalidate)) return;
    response.set_header("Content-Type", "text/html; charset=utf-8");
    (void)response.write(page.html);  // fails only when the client has gone
}

void send_asset(const Asset& asset, const net::Request& request, net::ResponseWriter& response) {
    set_common_headers(response);
    response.set_header("Vary", "Accept-Encoding");
    const std::string_view caching = asset.immutable ? kImmutable : kRevalidate;
    if (answer_not_modified(request, response, asset.etag, caching)) return;
    response.set_header("Content-Type", asset.content_type);
    if (net::accepts_gzip(request.headers.get("Accept-Encoding"))) {
        response.set_header("Content-Encoding", "gzip");
        (void)response.write(asset.gzip_body);
        return;
    }
    std::string body;
    net::GzipDecoder decoder(kAssetBytesMax);
    const Result<void> decoded = decoder.decode(asset.gzip_body, body);
    KW_CHECK(decoded.ok());  // embed.py wrote it
    (void)response.write(body);
}

Page make_page(const IndexPageOptions& options) {
    std::string html;
    if (const std::optional<Asset> index = find_asset("/index.html")) {
        net::GzipDecoder decoder(kAssetBytesMax);
        const Result<void> decoded = decoder.decode(index->gzip_body, html);
        KW_CHECK(decoded.ok());
        html = index_page(html, options);
    } else {
        html = missing_ui_page(options);
    }
    std::string etag = fmt::format("\"{:016x}\"", hash64(html));
    return Page{std::move(html), std::move(etag)};
}

}  // namespace

void add_web_routes(net::Router& routes, const IndexPageOptions& options) {
    const auto page = std::make_shared<const Page>(make_page(options));
    for (const std::string_view path : kPagePaths) {
        routes.add("GET", path, [page](const net::Request& request, net::ResponseWriter& response) {
            send_page(*page, request, response);
        });
    }
    routes.add("GET", "/assets/*file",
               [](const net::Request& request, net::ResponseWriter& response) {
                   if (const std::optional<Asset> asset = find_asset(request.path)) {
                       send_asset(*asset, request, response);
                   } else {
                       set_common_headers(response);
                       (void)response.send(404, "text/plain; charset=utf-8", "no such file\n");
                   }
               });
    for (const Asset& asset : embedded_assets()) {
        if (asset.path.starts_with("/assets/") || asset.path == "/index.html") continue;
        routes.add("GET", asset.path,
                   [asset](const net::Request& request, net::ResponseWriter& response) {
                       send_asset(asset, request, response);
                   });
    }
}

}  // namespace kw::web
