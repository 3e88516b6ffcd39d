#include "base/log.h"
#include "net/http_client.h"
#include "net/response_writer.h"
#include "scrape/discovery/document.h"
#include "scrape/discovery/source.h"

namespace kw::scrape {
namespace {

// As upstream: nothing but JSON in UTF-8.
bool is_json(std::string_view content_type) {
    const size_t semicolon = content_type.find(';');
    if (!net::equals_ignoring_case(content_type.substr(0, semicolon), "application/json"))
        return false;
    if (semicolon == std::string_view::npos) return true;
    std::string_view parameter = content_type.substr(semicolon + 1);
    while (parameter.starts_with(' ')) parameter.remove_prefix(1);
    return net::equals_ignoring_case(parameter, "charset=utf-8") ||
           net::equals_ignoring_case(parameter, "charset=\"utf-8\"");
}

HttpSource::Groups read_answer(const Result<net::FetchResponse>& answer, const std::string& url) {
    if (!answer.ok()) return answer.error();
    if (answer->status != 200) {
        return unavailable("server returned HTTP status {} {}", answer->status,
                           net::status_text(answer->status));
    }
    const std::string_view type = answer->headers.get("Content-Type");
    if (!is_json(type)) return invalid("unsupported content type {}", kw::quoted(type));
    KW_TRY_ASSIGN(std::vector<TargetGroup> groups, parse_json_document(answer->body));
    for (size_t i = 0; i < groups.size(); ++i) {
        groups[i].source = url + ":" + std::to_string(i);
        groups[i].labels = LabelBuilder(groups[i].labels).set("__meta_url", url).build();
    }
    return groups;
}

}  // namespace

HttpSource::HttpSource(Environment& env, DiscoveryMetrics& metrics, HttpSdOptions options)
    : env_(env),
      metrics_(metrics),
      options_(std::move(options)),
      client_(std::make_shared<net::HttpClientOptions>(options_.client)) {}

void HttpSource::refresh(net::Fetcher& fetcher, std::function<void(Groups)> deliver) {
    if (is_asking_) return;
    is_asking_ = true;
    metrics_.http_refreshes.add();
    net::FetchRequest request;
    request.url = options_.url;
    request.options = client_;
    request.timeout = std::chrono::milliseconds(options_.refresh_interval_ms);
    request.body_bytes_max = kDocumentBytesMax;
    request.headers.add("Accept", "application/json");
    request.headers.add(
        "X-Prometheus-Refresh-Interval-Seconds",
        fmt::format("{}", static_cast<double>(options_.refresh_interval_ms) / 1000));
    fetcher.fetch(std::move(request), [deliver = std::move(deliver), url = options_.url](
                                          const Result<net::FetchResponse>& answer) {
        deliver(read_answer(answer, url));
    });
}

bool HttpSource::take(Groups answer) {
    is_asking_ = false;
    if (!answer.ok()) {
        metrics_.http_failures.add();
        metrics_.http_refresh_failures.add();
        env_.log.error("a discovery URL is of no use; the targets it named before stay",
                       {{"url", options_.url}, {"error", answer.error().message}});
        return false;
    }
    if (*answer == groups_) return false;
    groups_ = std::move(answer).value();
    return true;
}

}  // namespace kw::scrape
