// The role `gateway`: where strangers call. It gives each request its id, begins or continues the trace, and passes
// the call to the API; the tags that a stranger sends do not count. An API that is away is 502, one that is late 504.
#include <fmt/core.h>

#include "platform/roles.h"

namespace energy {
namespace {

// What is passed on, both ways; everything else stays here.
constexpr const char* kRequestHeaders[] = {"authorization", "x-api-key"};
constexpr const char* kResponseHeaders[] = {"x-model-version", "x-data-version",
                                            "x-forecast-source", "retry-after"};

struct Routed {
    const char* method;
    const char* path;
};
constexpr Routed kRouted[] = {{"GET", "/forecast"}, {"GET", "/actuals"},   {"POST", "/actuals"},
                              {"POST", "/login"},   {"GET", "/customers"}, {"POST", "/keys"},
                              {"DELETE", "/keys"}};

HttpResponse pass_on(Service& service, const HttpClient& api, const HttpRequest& request,
                     kilowatch::ScopedSpan& span) {
    std::map<std::string, std::string> headers;
    for (const char* name : kRequestHeaders)
        if (const auto found = request.headers.find(name); found != request.headers.end())
            headers.insert(*found);
    kw::Result<HttpResponse> answer =
        service.call(api, "api", request.method, request.target, request.body, headers);
    if (!answer.ok()) {
        const bool late = answer.error().code == kw::Code::kTimeout;
        service.log(kilowatch::LogLevel::kError, "the API does not answer",
                    {{"reason", answer.error().message}});
        return error_response(late ? 504 : 502, late ? "the API is late" : "the API is away");
    }
    HttpResponse response{answer->status, answer->content_type, std::move(answer->body), {}};
    for (const char* name : kResponseHeaders)
        if (const auto found = answer->headers.find(name); found != answer->headers.end())
            response.headers.insert(*found);
    const auto model = answer->headers.find("x-model-version"),
               data = answer->headers.find("x-data-version");
    if (model != answer->headers.end() && data != answer->headers.end())
        service.set_versions(model->second, data->second);
    kilowatch::TraceTags tags = service.version_tags();
    if (const auto user = answer->headers.find("x-user-id"); user != answer->headers.end())
        tags.user_id = user->second;
    span.set_tags(tags);
    return response;
}

}  // namespace

int run_gateway(const RoleOptions& options, const std::atomic<bool>& stop) {
    Service service(options.service, FaultPlayer::kNobody, true);
    const HttpClient api("127.0.0.1", options.ports.api, std::chrono::milliseconds(5000));
    const HttpClient probe("127.0.0.1", options.ports.api, std::chrono::milliseconds(1000));
    for (const Routed& routed : kRouted) {
        service.route(routed.method, routed.path,
                      [&](const HttpRequest& request, kilowatch::ScopedSpan& span) {
                          return pass_on(service, api, request, span);
                      });
    }
    service.add_health_check({"api",
                              [&probe] {
                                  const kw::Result<HttpResponse> answer =
                                      probe.call("GET", "/health");
                                  return answer.ok() && answer->status == 200;
                              },
                              true});
    if (const kw::Result<int> port = service.start(); !port.ok()) return fail(port.error());
    while (!stop) {
        (void)service.health();  // so that health_component_up is fresh at every scrape
        rest(stop, std::chrono::seconds(2));
    }
    service.stop();
    return 0;
}

}  // namespace energy
