// probe_http_*: a fetch whose status and body are what was wanted.
#include <re2/re2.h>

#include <algorithm>
#include <charconv>
#include <ctime>

#include "collect/family_set.h"
#include "collect/probe/probe.h"
#include "collect/remote/certificates.h"

namespace kw::collect {
namespace {

bool is_wanted(const HttpProbe& probe, int status) {
    if (probe.statuses.empty()) return status >= 200 && status < 300;
    return std::find(probe.statuses.begin(), probe.statuses.end(), status) != probe.statuses.end();
}

bool is_found(const std::string& body, const std::string& regex) {
    RE2::Options options;
    options.set_log_errors(false);
    options.set_max_mem(8 << 20);
    return RE2::PartialMatch(body, RE2(regex, options));
}

void add_measurement(const net::FetchResponse& response, FamilySet& families) {
    const net::FetchMeasurement& measured = *response.measured;
    const auto gauge = [&](std::string_view name, std::string_view help, double value) {
        families.add(name, "gauge", help, {}, value);
    };
    const std::pair<std::string_view, double> phases[] = {{"resolve", measured.resolve},
                                                          {"connect", measured.connect},
                                                          {"tls", measured.tls},
                                                          {"processing", measured.processing},
                                                          {"transfer", measured.transfer}};
    for (const auto& [phase, seconds] : phases) {
        families.add("probe_http_duration_seconds", "gauge",
                     "Duration of the phases, over all redirects", {{"phase", std::string(phase)}},
                     seconds);
    }
    gauge("probe_dns_lookup_time_seconds", "How long the name was looked up", measured.resolve);
    gauge("probe_http_redirects", "Redirects that were followed", measured.redirect_count);
    gauge("probe_http_version", "Version of HTTP of the answer", measured.http_version);
    gauge("probe_http_ssl", "Whether TLS was used for the last answer",
          measured.tls_version.empty() ? 0 : 1);
    gauge("probe_ip_protocol", "Version of IP: 4 or 6",
          measured.address.find(':') == std::string::npos ? 4 : 6);
    if (measured.tls_version.empty()) return;
    families.add("probe_tls_version_info", "gauge", "1 for the version of TLS",
                 {{"version", shown_tls_version(measured.tls_version)}}, 1);
    if (const std::optional<double> expiry = earliest_expiry(measured.certificates)) {
        gauge("probe_ssl_earliest_cert_expiry", "When the first of the certificates expires",
              *expiry);
    }
}

void add_response(const net::FetchResponse& response, FamilySet& families) {
    const auto gauge = [&](std::string_view name, std::string_view help, double value) {
        families.add(name, "gauge", help, {}, value);
    };
    gauge("probe_http_status_code", "Status of the answer", response.status);
    gauge("probe_http_uncompressed_body_length", "Bytes of the body",
          static_cast<double>(response.body.size()));
    double length = -1;
    const std::string_view header = response.headers.get("Content-Length");
    (void)std::from_chars(header.data(), header.data() + header.size(), length);
    gauge("probe_http_content_length", "What the answer says of its length; -1: nothing", length);
    tm parts = {};
    const std::string modified(response.headers.get("Last-Modified"));
    if (::strptime(modified.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts) != nullptr) {
        gauge("probe_http_last_modified_timestamp_seconds", "What the answer says of its age",
              static_cast<double>(::timegm(&parts)));
    }
}

}  // namespace

Result<void> run_probe(const HttpProbe& probe, net::Fetcher& fetcher, const Deadline& deadline,
                       FamilySet& families) {
    net::FetchRequest request;
    request.method = probe.method;
    request.url = probe.url;
    request.options = std::make_shared<const net::HttpClientOptions>(probe.client);
    request.body_bytes_max = kProbeBodyBytesMax;
    request.measures = true;
    const Result<net::FetchResponse> response = fetch(fetcher, std::move(request), deadline);
    if (!response.ok()) {
        families.add("probe_http_status_code", "gauge", "Status of the answer", {}, 0);
        return response.error();
    }
    add_response(*response, families);
    if (response->measured) add_measurement(*response, families);

    const auto found = [&](const std::string& regex) { return is_found(response->body, regex); };
    const bool is_regex_wrong =
        !std::all_of(probe.wanted.begin(), probe.wanted.end(), found) ||
        std::any_of(probe.not_wanted.begin(), probe.not_wanted.end(), found);
    families.add("probe_failed_due_to_regex", "gauge",
                 "Whether the probe failed because of the body's text", {}, is_regex_wrong ? 1 : 0);
    if (!is_wanted(probe, response->status)) return unavailable("HTTP status {}", response->status);
    if (is_regex_wrong) return unavailable("the body is not what was wanted");
    return {};
}

}  // namespace kw::collect
