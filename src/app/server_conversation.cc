#include "app/server_conversation.h"

#include <time.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <ostream>

#include "app/config/config.h"
#include "base/fs/file_system.h"
#include "model/sample.h"
#include "net/http_client.h"

namespace kw::app {
namespace {

using simdjson::dom::array;
using simdjson::dom::element;

constexpr uint64_t kAnswerBytesMax = 1 << 30;

Result<net::Headers> to_headers(const std::vector<std::string>& lines) {
    net::Headers headers;
    for (const std::string& line : lines) {
        const size_t colon = line.find(':');
        if (colon == std::string::npos || colon == 0) {
            return invalid("--header {}: write it as 'Name: value'", kw::quoted(line));
        }
        const size_t value = std::min(line.find_first_not_of(' ', colon + 1), line.size());
        headers.add(line.substr(0, colon), line.substr(value));
    }
    return headers;
}

}  // namespace

int exit_code(CommandContext& context, std::string_view command, const Result<void>& done) {
    if (done.ok()) return kExitOk;
    context.err << command << ": " << done.error().message << "\n";
    return kExitFailed;
}

Result<double> parse_command_time(const std::string& text) {
    if (const Result<double> seconds = parse_value(text); seconds.ok() && std::isfinite(*seconds)) {
        return *seconds;
    }
    struct tm parts{};
    int consumed = 0;
    const int fields =
        std::sscanf(text.c_str(), "%4d-%2d-%2dT%2d:%2d:%2d%n", &parts.tm_year, &parts.tm_mon,
                    &parts.tm_mday, &parts.tm_hour, &parts.tm_min, &parts.tm_sec, &consumed);
    const auto refuse = [&] {
        return invalid("{} is no time; write seconds since the epoch or 2026-01-31T12:00:00Z",
                       kw::quoted(text));
    };
    if (fields != 6) return refuse();
    parts.tm_year -= 1900;
    parts.tm_mon -= 1;
    auto seconds = static_cast<double>(timegm(&parts));
    std::string rest = text.substr(static_cast<size_t>(consumed));
    if (rest.starts_with('.')) {
        const size_t end = std::min(rest.find_first_not_of("0123456789", 1), rest.size());
        seconds += parse_value("0" + rest.substr(0, end)).value_or(0);
        rest.erase(0, end);
    }
    if (rest == "Z" || rest == "z") return seconds;
    int hours = 0;
    int minutes = 0;
    char sign = 0;
    if (std::sscanf(rest.c_str(), "%c%2d:%2d%n", &sign, &hours, &minutes, &consumed) != 3 ||
        (sign != '+' && sign != '-') || static_cast<size_t>(consumed) != rest.size()) {
        return refuse();
    }
    const double offset = hours * 3600 + minutes * 60;
    return sign == '+' ? seconds - offset : seconds + offset;
}

Result<element> ServerConversation::ask(std::string_view path, const net::Params& params) {
    // Label values have no POST form.
    if (path.ends_with("/values")) return call("GET", path, params);
    return send("POST", path, net::encode_form(params), "application/x-www-form-urlencoded");
}

Result<element> ServerConversation::call(std::string_view method, std::string_view path,
                                         const net::Params& params, std::string body) {
    std::string target(path);
    if (!params.empty()) target += "?" + net::encode_form(params);
    return send(method, target, std::move(body), "application/yaml");
}

Result<element> ServerConversation::post_json(std::string_view path, std::string body) {
    return send("POST", path, std::move(body), "application/json");
}

Result<element> ServerConversation::send(std::string_view method, std::string_view target,
                                         std::string body, std::string_view content_type) {
    net::FetchRequest request;
    request.method = std::string(method);
    const bool has_scheme = options_.server.find("://") != std::string::npos;
    request.url = (has_scheme ? "" : "http://") + options_.server;
    while (request.url.ends_with('/')) request.url.pop_back();
    request.url += target;
    request.body = std::move(body);
    KW_TRY_ASSIGN(request.headers, to_headers(options_.headers));
    if (method != "GET") request.headers.set("Content-Type", content_type);
    if (!options_.http_config_file.empty()) {
        KW_TRY_ASSIGN(net::HttpClientOptions client,
                      load_http_client(context_.files, options_.http_config_file));
        request.options = std::make_shared<const net::HttpClientOptions>(std::move(client));
    }
    KW_TRY_ASSIGN(const int64_t timeout_ms,
                  parse_duration_ms(options_.timeout).with_context("--timeout"));
    request.timeout = std::chrono::milliseconds(timeout_ms);
    request.body_bytes_max = kAnswerBytesMax;
    KW_TRY_ASSIGN(const net::FetchResponse response, fetcher_.fetch_and_wait(std::move(request)));
    return read_envelope(response.url, response.status, response.body);
}

Result<element> ServerConversation::read_envelope(std::string_view url, int status,
                                                  std::string_view body) {
    element root;
    if (parser_.parse(body.data(), body.size()).get(root) != simdjson::SUCCESS) {
        return invalid(
            "{} answered {} with what is not JSON; is it a Prometheus or Kilowatch server?", url,
            status);
    }
    std::string_view outcome;
    if (root["status"].get(outcome) != simdjson::SUCCESS || outcome != "success") {
        std::string_view type = "error";
        std::string_view message = "no reason given";
        (void)root["errorType"].get(type);
        (void)root["error"].get(message);
        return invalid("{}: {}", type, message);
    }
    for (const char* key : {"warnings", "infos"}) {
        array remarks;
        if (root[key].get(remarks) != simdjson::SUCCESS) continue;
        for (const element remark : remarks) {
            std::string_view text;
            if (remark.get(text) == simdjson::SUCCESS) context_.err << text << "\n";
        }
    }
    element data;
    if (root["data"].get(data) != simdjson::SUCCESS) return invalid("the answer has no data");
    return data;
}

std::string command_time_text(double seconds) {
    seconds = std::clamp(seconds, -1e14, 1e14);
    const auto whole = static_cast<time_t>(std::floor(seconds));
    const auto ms = static_cast<int>(std::lround((seconds - std::floor(seconds)) * 1000));
    struct tm parts{};
    gmtime_r(&whole, &parts);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", parts.tm_year + 1900,
                       parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                       ms);
}

}  // namespace kw::app
