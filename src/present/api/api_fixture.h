// A whole API for tests: a store in memory with known series, an engine over it, routes, and no sockets.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "api/prometheus_api.h"
#include "base/cancel.h"
#include "base/clock.h"
#include "base/environment.h"
#include "base/fs/memory.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/thread_pool.h"
#include "contract/memory_store.h"
#include "net/request.h"
#include "net/response_writer.h"
#include "net/router.h"
#include "promql/engine.h"

namespace kw::api {

// As the server's url decoding would give them.
using TestParams = std::vector<std::pair<std::string, std::string>>;

struct ApiFixture {
    ApiFixture() { add_series(); }

    // Samples every 10 s from 0 to 1000 s; now is 1000 s.
    //   up{instance,job}: 1 for a and b
    //   requests_total{code,job}: counters, 1 and 10 a second
    //   {"http.method", "l.x"="y"}: a gauge with names that are not classic
    void add_series() {
        for (int64_t t = 0; t <= 1'000'000; t += 10'000) {
            const double seconds = static_cast<double>(t) / 1000;
            store.add({{"__name__", "up"}, {"instance", "a:1"}, {"job", "node"}}, {t}, 1);
            store.add({{"__name__", "up"}, {"instance", "b:1"}, {"job", "node"}}, {t}, 0);
            store.add({{"__name__", "requests_total"}, {"code", "200"}, {"job", "api"}}, {t},
                      10 * seconds);
            store.add({{"__name__", "requests_total"}, {"code", "500"}, {"job", "api"}}, {t},
                      seconds);
            store.add({{"__name__", "http.method"}, {"l.x", "y"}}, {t}, 0.5);
        }
    }

    PrometheusApi::Dependencies dependencies() {
        PrometheusApi::Dependencies given{.env = env, .store = store, .engine = engine};
        given.options = options;
        given.targets = targets;
        given.rule_groups = [this] { return rule_groups; };
        given.is_ready = [this] { return is_ready; };
        given.config_yaml = [] { return std::string("global:\n  scrape_interval: 15s\n"); };
        given.pool_yaml = [](std::string_view pool) -> std::optional<std::string> {
            if (pool != "api") return std::nullopt;
            return std::string("job_name: api\n");
        };
        given.flags = {{"config.file", "prometheus.yml"}, {"query.timeout", "2m"}};
        given.build = {"0.1.0", "abc", "main", "", "2026-01-01", "clang 19"};
        given.runtime = [] {
            RuntimeInfo info;
            info.hostname = "host";
            info.working_directory = "/srv";
            info.storage_retention = "15d";
            return info;
        };
        given.config_warnings = [] {
            return std::vector<ConfigWarning>{
                {"prometheus.yml", 7, "rule_files", "not active yet"}};
        };
        given.write = [this](std::string_view body) {
            written = std::string(body);
            return write_answer;
        };
        given.reload = [this] {
            ++reload_count;
            return reload_result;
        };
        given.quit = [this] { ++quit_count; };
        return given;
    }

    // Routes with what the members say now; call again after changing one.
    void make_routes() {
        routes = std::make_unique<net::Router>();
        add_prometheus_routes(*routes, dependencies());
    }

    struct Answer {
        int status = 0;
        std::string body;
        net::Headers headers;
        nlohmann::json json() const { return nlohmann::json::parse(body); }
    };
    Answer ask(std::string_view method, const std::string& path, const TestParams& params = {},
               net::Headers headers = {}, std::string body = {}) {
        if (!routes) make_routes();
        net::Request request(cancel);
        request.method = std::string(method);
        request.path = path;
        request.headers = std::move(headers);
        request.body = std::move(body);
        for (const auto& [name, value] : params) request.params.add(name, value);
        const net::Router::Match match = routes->match(method, path);
        if (match.route == nullptr) return {match.allowed.empty() ? 404 : 405, "", {}};
        request.path_params = match.path_params;
        net::RecordedResponse response;
        match.route->handler(request, response);
        return {response.status(), response.body(), response.headers()};
    }
    Answer get(const std::string& path, const TestParams& params = {}) {
        return ask("GET", path, params);
    }

    FakeClock clock{Millis{1'000'000}};
    fs::MemoryFileSystem files;
    Log log = Log::silent();
    MetricRegistry metrics;
    ThreadPool pool{"test", 2};
    Environment env{clock, files, log, metrics, pool};
    MemoryStore store;
    promql::Engine engine{env, store, promql::EngineOptions()};
    CancelToken cancel;

    PrometheusApi::Options options;
    TargetReader targets;
    std::vector<rules::GroupView> rule_groups;
    bool is_ready = true;
    std::string written;
    WriteAnswer write_answer;
    int reload_count = 0;
    Result<void> reload_result;
    int quit_count = 0;
    std::unique_ptr<net::Router> routes;
};

// One pool with a target that is up, one that is down, and one dropped.
TargetReader test_targets();
// Group a with a recording rule and an alert that fires for one label set; group b with a rule that fails.
std::vector<rules::GroupView> test_rule_groups();

}  // namespace kw::api
