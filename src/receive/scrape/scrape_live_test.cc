// The manager with its threads, the HTTP client and servers on sockets: what the other tests
// replace by fakes.
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "base/clock.h"
#include "base/fs/memory.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/thread_pool.h"
#include "intake/recording_store.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "net/request.h"
#include "net/response_writer.h"
#include "net/router.h"
#include "scrape/scrape_manager.h"

namespace kw::scrape {
namespace {

// A RecordingStore for several threads.
class SharedStore final : public MetricStore {
 public:
    Result<SeriesRef> ref_of(const LabelSet& labels) override {
        MutexLock lock(mutex_);
        return store_.ref_of(labels);
    }
    Result<AppendResult> append(const SampleBatch& batch) override {
        MutexLock lock(mutex_);
        return store_.append(batch);
    }
    Result<std::unique_ptr<SelectedSeries>> select(const std::vector<Matcher>&, const TimeRange&,
                                                   const SelectHints&, const CancelToken&,
                                                   MemoryBudget&) override {
        return unsupported("write only");
    }
    Result<std::vector<std::string>> label_names(const std::vector<Matcher>&, const TimeRange&,
                                                 uint64_t, const CancelToken&) override {
        return unsupported("write only");
    }
    Result<std::vector<std::string>> label_values(std::string_view, const std::vector<Matcher>&,
                                                  const TimeRange&, uint64_t,
                                                  const CancelToken&) override {
        return unsupported("write only");
    }
    Result<StoreStats> stats(uint64_t) override { return unsupported("write only"); }

 private:
    Mutex mutex_;
    intake::RecordingStore store_ KW_GUARDED_BY(mutex_);
};

constexpr std::chrono::milliseconds kPause{2};

TEST(ScrapeLive, ScrapesServersWhileOneHangsAndAnotherNeverEnds) {
    RealClock clock;
    fs::MemoryFileSystem files;
    const Log log = Log::silent();
    MetricRegistry metrics;
    ThreadPool pool("test", 2);
    Environment env{clock, files, log, metrics, pool};

    net::Router routes;
    routes.add("GET", "/metrics", [](const net::Request&, net::ResponseWriter& response) {
        std::string body;
        for (int i = 0; i < 200; ++i) body += "x{i=\"" + std::to_string(i) + "\"} 1\n";
        (void)response.send(200, "text/plain; version=0.0.4", body);
    });
    routes.add("GET", "/hangs", [](const net::Request& request, net::ResponseWriter&) {
        while (request.cancel.check().ok()) std::this_thread::sleep_for(kPause);
    });
    routes.add("GET", "/endless", [](const net::Request&, net::ResponseWriter& response) {
        response.set_header("Content-Type", "text/plain; version=0.0.4");
        // In pieces large enough for the limit to be reached before the time-out on a machine that is slow and busy.
        std::string lines;
        while (lines.size() < 64 << 10) lines += "x 1\n";
        while (response.write(lines).ok()) {
        }
    });
    net::HttpServer::Options http;
    http.listen_addresses = {"127.0.0.1:0"};
    const auto server = net::HttpServer::start(env, routes, http);
    ASSERT_TRUE(server.ok());
    const std::string address = (*server)->addresses()[0];

    const auto job = [&](const std::string& name, const std::string& path, int count) {
        JobOptions options;
        options.job_name = name;
        options.interval_ms = 1000;
        options.timeout_ms = 900;
        options.metrics_path = path;
        options.limits.body_bytes = 1 << 20;
        TargetGroup group;
        for (int i = 0; i < count; ++i) {
            group.targets.push_back(LabelSet{{"__address__", address}, {"n", std::to_string(i)}});
        }
        options.static_sds = {{{group}}};
        return options;
    };
    SharedStore store;
    net::HttpClient client(env, {});
    ScrapeManager manager(env, store, client);
    const auto wait_for = [&](const std::string& name, Health health) {
        for (;;) {
            bool all = true;
            for (const TargetStatus& target : manager.active_targets(name))
                all &= target.health == health;
            if (all) return;
            std::this_thread::sleep_for(kPause);
        }
    };
    manager.apply(
        {job("good", "/metrics", 20), job("hangs", "/hangs", 1), job("endless", "/endless", 1)},
        {});
    wait_for("good", Health::kUp);
    wait_for("hangs", Health::kDown);
    wait_for("endless", Health::kDown);
    // A scrape may have run into its time-out all the same; the next one is a second later.
    const std::string limit = "body size limit of 1048576 bytes exceeded";
    for (int i = 0; i < 30'000 / kPause.count(); ++i) {
        if (manager.active_targets("endless").at(0).last_error == limit) break;
        std::this_thread::sleep_for(kPause);
    }
    EXPECT_EQ(manager.active_targets("endless").at(0).last_error, limit);
    manager.apply({job("good", "/metrics", 10), job("hangs", "/hangs", 1)}, {});
    wait_for("good", Health::kUp);
    manager.stop();
}

}  // namespace
}  // namespace kw::scrape
