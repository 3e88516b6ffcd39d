// Whole scrapes on a clock set by hand: which are begun when, what is stored, what the API would
// show.
#include "scrape/scrape_manager.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <set>

#include "intake/recording_store.h"
#include "intake/test_environment.h"
#include "scrape/fake_fetcher.h"

namespace kw::scrape {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

JobOptions job(const std::string& name, const std::vector<std::string>& addresses) {
    JobOptions options;
    options.job_name = name;
    options.interval_ms = 10'000;
    options.timeout_ms = 5'000;
    TargetGroup group;
    for (const std::string& address : addresses)
        group.targets.push_back(LabelSet{{"__address__", address}});
    options.static_sds = {{{group}}};
    return options;
}

std::string url_of(const std::string& address) { return "http://" + address + "/metrics"; }

class ScrapeManagerTest : public testing::Test {
 protected:
    // Lets time pass in steps of 100 ms.
    void pass(int64_t ms) {
        for (int64_t passed = 0; passed < ms; passed += 100) {
            outside_.clock.advance(100);
            manager_.run_due();
        }
    }
    std::vector<std::string> rows(bool with_report = false) {
        return store_.take_rows(with_report);
    }
    // Rows without their times.
    std::vector<std::string> values(bool with_report = false) {
        std::vector<std::string> all = store_.take_rows(with_report);
        for (std::string& row : all) row.resize(row.rfind(" @"));
        return all;
    }
    TargetStatus only_target() {
        const std::vector<TargetStatus> targets = manager_.active_targets("");
        EXPECT_EQ(targets.size(), 1U);
        return targets.at(0);
    }

    intake::TestEnvironment outside_;
    intake::RecordingStore store_;
    FakeFetcher fetcher_;
    ScrapeManager manager_{outside_.env, store_, fetcher_, false};
};

TEST_F(ScrapeManagerTest, ScrapesATarget) {
    fetcher_.set(url_of("a:1"), "# TYPE x gauge\n# HELP x What it is.\nx 1\ny{b=\"c\"} 2\n");
    manager_.apply({job("api", {"a:1"})}, {});
    EXPECT_EQ(only_target().health, Health::kUnknown);
    EXPECT_EQ(only_target().last_scrape, Millis{0});
    pass(10'000);
    EXPECT_THAT(values(), ElementsAre("x{instance=\"a:1\", job=\"api\"} 1",
                                      "y{b=\"c\", instance=\"a:1\", job=\"api\"} 2"));
    const TargetStatus target = only_target();
    EXPECT_EQ(target.health, Health::kUp);
    EXPECT_EQ(target.last_error, "");
    EXPECT_EQ(target.scrape_pool, "api");
    EXPECT_EQ(target.scrape_url, "http://a:1/metrics");
    EXPECT_EQ(target.interval_ms, 10'000);
    EXPECT_EQ(target.timeout_ms, 5'000);
    EXPECT_EQ(target.labels, (LabelSet{{"instance", "a:1"}, {"job", "api"}}));
    EXPECT_EQ(target.discovered_labels.get("__address__"), "a:1");

    ASSERT_EQ(fetcher_.requests.size(), 1U);
    const net::FetchRequest& request = fetcher_.requests[0];
    EXPECT_EQ(request.timeout, std::chrono::milliseconds(5'000));
    EXPECT_EQ(request.headers.get("X-Prometheus-Scrape-Timeout-Seconds"), "5");
    EXPECT_THAT(std::string(request.headers.get("Accept")),
                HasSubstr("application/openmetrics-text;version=1.0.0"));
    EXPECT_TRUE(request.accept_gzip);

    const auto metadata = manager_.metadata([](const LabelSet&) { return true; }, "x", 0);
    ASSERT_EQ(metadata.size(), 1U);
    EXPECT_EQ(metadata[0].metadata.help, "What it is.");
    EXPECT_EQ(metadata[0].target.get("job"), "api");
    EXPECT_THAT(manager_.metadata([](const LabelSet&) { return false; }, "", 0), IsEmpty());
}

TEST_F(ScrapeManagerTest, AsksForZstdOnlyWhereItIsAllowed) {
    fetcher_.set(url_of("a:1"), "x 1\n");
    fetcher_.answers.at(url_of("a:1"))->headers.set("Content-Encoding", "zstd");
    manager_.apply({job("api", {"a:1"})}, {});
    pass(10'000);
    EXPECT_FALSE(fetcher_.requests.at(0).accept_zstd);
    EXPECT_THAT(only_target().last_error, HasSubstr("zstd, which was not asked for"));
    manager_.stop();

    ScrapeManager takes_zstd(outside_.env, store_, fetcher_, false, true);
    JobOptions plain = job("plain", {"b:1"});
    plain.enable_compression = false;
    takes_zstd.apply({job("api", {"a:1"}), plain}, {});
    fetcher_.requests.clear();
    for (int i = 0; i < 100; ++i) {
        outside_.clock.advance(100);
        takes_zstd.run_due();
    }
    ASSERT_EQ(fetcher_.requests.size(), 2U);
    for (const net::FetchRequest& request : fetcher_.requests) {
        EXPECT_EQ(request.accept_zstd, request.url == url_of("a:1")) << request.url;
    }
    EXPECT_EQ(takes_zstd.active_targets("api").at(0).health, Health::kUp);
    takes_zstd.stop();
}

TEST_F(ScrapeManagerTest, ALimitOfMetadataIsOneOfTargets) {
    fetcher_.set(url_of("a:1"), "# TYPE x gauge\nx 1\n# TYPE y gauge\ny 1\n");
    fetcher_.set(url_of("b:1"), "# TYPE z gauge\nz 1\n");
    manager_.apply({job("api", {"a:1", "b:1"})}, {});
    pass(10'000);
    const auto all = [](const LabelSet&) { return true; };
    EXPECT_EQ(manager_.metadata(all, "", 0).size(), 3U);
    const auto limited = manager_.metadata(all, "", 1);  // whichever is first, it is shown whole
    for (const TargetMetadata& one : limited) EXPECT_EQ(one.target, limited.front().target);
    EXPECT_EQ(limited.size(), limited.front().target.get("instance") == "a:1" ? 2U : 1U);
}

// guide: G189
TEST_F(ScrapeManagerTest, EachTargetHasItsOwnOffsetAndKeepsIt) {
    std::vector<std::string> addresses;
    for (int i = 0; i < 2000; ++i) addresses.push_back("host" + std::to_string(i) + ":1");
    manager_.apply({job("api", addresses)}, {});
    // An interval has each of them once, spread over it.
    std::map<std::string, int64_t> first;
    std::vector<int> by_second(10);
    for (int step = 0; step < 10'000; step += 100) {
        fetcher_.requests.clear();
        pass(100);
        by_second[static_cast<size_t>(step / 1000)] += static_cast<int>(fetcher_.requests.size());
        for (const net::FetchRequest& request : fetcher_.requests) {
            EXPECT_TRUE(first.emplace(request.url, step).second) << request.url;
        }
    }
    EXPECT_EQ(first.size(), 2000U);
    for (const int count : by_second) EXPECT_GT(count, 120);
    // The next intervals have them at the same times, also after a reload that changed another job.
    manager_.apply({job("api", addresses), job("other", {"b:1"})}, {});
    for (int step = 0; step < 10'000; step += 100) {
        fetcher_.requests.clear();
        pass(100);
        for (const net::FetchRequest& request : fetcher_.requests) {
            if (request.url != url_of("b:1")) EXPECT_EQ(first[request.url], step);
        }
    }
    // Samples have the time at which they were due, not the one at which the round began.
    EXPECT_EQ(manager_.pools().at(0).active_count, 2000U);
}

TEST_F(ScrapeManagerTest, AFailureLeavesMarkersAndSaysWhy) {
    struct Row {
        const char* name;
        std::function<void()> breaks;
        const char* error;
    };
    const std::string url = url_of("a:1");
    const Row rows[] = {
        {"malformed", [&] { fetcher_.set(url, "x 1\ny{ 2\n"); }, "line 2"},
        {"status", [&] { fetcher_.set(url, "", "text/plain", 503); },
         "server returned HTTP status 503 Service Unavailable"},
        {"refused",
         [&] { fetcher_.set_error(url, unavailable("connect to a:1: Connection refused")); },
         "connect to a:1: Connection refused"},
        {"type", [&] { fetcher_.set(url, "x 1\n", "text/html"); }, "text/html"},
        {"too long", [&] { fetcher_.set(url, std::string(2000, '\n')); },
         "body size limit of 1000 bytes exceeded"},
        {"too many", [&] { fetcher_.set(url, "x 1\ny 1\nz 1\n"); }, "2"},
    };
    JobOptions options = job("api", {"a:1"});
    options.limits.body_bytes = 1000;
    options.limits.samples = 2;
    manager_.apply({options}, {});
    for (const Row& row : rows) {
        SCOPED_TRACE(row.name);
        fetcher_.set(url, "x 1\n");
        pass(10'000);
        EXPECT_THAT(values(), ElementsAre("x{instance=\"a:1\", job=\"api\"} 1"));
        row.breaks();
        pass(10'000);
        const std::vector<std::string> stored = values(true);
        EXPECT_THAT(stored, testing::Contains("x{instance=\"a:1\", job=\"api\"} stale"));
        EXPECT_THAT(stored, testing::Contains("up{instance=\"a:1\", job=\"api\"} 0"));
        EXPECT_EQ(only_target().health, Health::kDown);
        EXPECT_THAT(only_target().last_error, HasSubstr(row.error));
    }
}

TEST_F(ScrapeManagerTest, ATargetThatGoesLeavesMarkersEverywhere) {
    fetcher_.set(url_of("a:1"), "x 1\n");
    fetcher_.set(url_of("b:1"), "x 2\n");
    manager_.apply({job("api", {"a:1", "b:1"})}, {});
    pass(10'000);
    rows(true);
    manager_.apply({job("api", {"b:1"})}, {});
    const std::vector<std::string> stored = values(true);
    EXPECT_THAT(stored, testing::Contains("x{instance=\"a:1\", job=\"api\"} stale"));
    EXPECT_THAT(stored, testing::Contains("up{instance=\"a:1\", job=\"api\"} stale"));
    for (const std::string& row : stored) EXPECT_THAT(row, HasSubstr("a:1"));
    fetcher_.requests.clear();
    pass(10'000);
    EXPECT_EQ(fetcher_.requests.size(), 1U);

    manager_.apply({}, {});
    EXPECT_THAT(values(true), testing::Contains("up{instance=\"b:1\", job=\"api\"} stale"));
    EXPECT_THAT(manager_.pools(), IsEmpty());
}

TEST_F(ScrapeManagerTest, AReloadThatChangesHowATargetIsScrapedLeavesNoGap) {
    fetcher_.set(url_of("a:1"), "x 1\n");
    manager_.apply({job("api", {"a:1"})}, {});
    pass(10'000);
    rows();
    JobOptions options = job("api", {"a:1"});
    options.limits.samples = 100;
    manager_.apply({options}, {});
    EXPECT_THAT(rows(true), IsEmpty());
    pass(10'000);
    EXPECT_THAT(values(), ElementsAre("x{instance=\"a:1\", job=\"api\"} 1"));
    EXPECT_EQ(fetcher_.requests.size(), 2U);
}

TEST_F(ScrapeManagerTest, ASlowTargetHoldsUpNoOtherAndIsNotAskedTwice) {
    fetcher_.set(url_of("a:1"), "x 1\n");
    fetcher_.holds = true;
    manager_.apply({job("api", {"a:1"})}, {});
    pass(30'000);
    EXPECT_EQ(fetcher_.requests.size(), 1U);
    EXPECT_GE(outside_.metrics.counter("kilowatch_target_scrapes_skipped_total", "").value(), 2U);
    manager_.apply({job("api", {"a:1"}), job("other", {"b:1"})}, {});
    pass(10'000);
    EXPECT_EQ(fetcher_.requests.size(), 2U);
    fetcher_.release();
    EXPECT_THAT(values(), ElementsAre("x{instance=\"a:1\", job=\"api\"} 1"));
}

TEST_F(ScrapeManagerTest, AScrapeOfATargetThatWentLeavesNothing) {
    fetcher_.set(url_of("a:1"), "x 1\n");
    manager_.apply({job("api", {"a:1"})}, {});
    pass(10'000);
    rows(true);
    fetcher_.holds = true;
    pass(10'000);
    ASSERT_EQ(fetcher_.held_count(), 1U);
    manager_.apply({}, {});
    EXPECT_EQ(fetcher_.held_count(), 0U);  // cancelled
    const std::vector<std::string> stored = values(true);
    EXPECT_THAT(stored, testing::Contains("x{instance=\"a:1\", job=\"api\"} stale"));
    EXPECT_THAT(stored, testing::Not(testing::Contains("up{instance=\"a:1\", job=\"api\"} 0")));
}

TEST_F(ScrapeManagerTest, StopEndsNoSeries) {
    fetcher_.set(url_of("a:1"), "x 1\n");
    manager_.apply({job("api", {"a:1"})}, {});
    pass(10'000);
    rows(true);
    fetcher_.holds = true;
    pass(10'000);
    manager_.stop();
    EXPECT_THAT(rows(true), IsEmpty());
}

TEST_F(ScrapeManagerTest, TooManyTargetsFailAll) {
    fetcher_.set(url_of("a:1"), "x 1\n");
    fetcher_.set(url_of("b:1"), "x 1\n");
    JobOptions options = job("api", {"a:1", "b:1", "b:1"});  // a double counts once
    options.limits.targets = 1;
    manager_.apply({options}, {});
    pass(10'000);
    EXPECT_THAT(fetcher_.requests, IsEmpty());
    for (const TargetStatus& target : manager_.active_targets("api")) {
        EXPECT_EQ(target.last_error, "target_limit exceeded (number of targets: 2, limit: 1)");
        EXPECT_EQ(target.health, Health::kDown);
    }
    options.limits.targets = 2;
    manager_.apply({options}, {});
    pass(10'000);
    EXPECT_EQ(fetcher_.requests.size(), 2U);
}

TEST_F(ScrapeManagerTest, DroppedTargetsAreCountedAndListedUpToTheLimit) {
    JobOptions options = job("api", {"a:1", "b:1", "c:1"});
    intake::RelabelConfig drop;
    drop.source_labels = {"__address__"};
    drop.regex = "[ab]:1";
    drop.action = intake::RelabelAction::kDrop;
    options.relabel = {*intake::RelabelRule::make(drop)};
    options.limits.keep_dropped_targets = 1;
    manager_.apply({options}, {});
    ASSERT_EQ(manager_.dropped_targets("api").size(), 1U);
    EXPECT_EQ(manager_.dropped_targets("api")[0].discovered_labels.get("__address__"), "a:1");
    const std::vector<PoolStatus> pools = manager_.pools();
    ASSERT_EQ(pools.size(), 1U);
    EXPECT_EQ(pools[0].dropped_count, 2U);
    EXPECT_EQ(pools[0].active_count, 1U);
}

TEST_F(ScrapeManagerTest, ScrapesCollectorsWithoutASocket) {
    int calls = 0;
    CollectorJob collector;
    collector.options = job("node", {});
    collector.options.static_sds.clear();
    collector.address = "localhost";
    collector.labels = LabelSet{{"zone", "here"}};
    collector.collect = [&](std::string& out) {
        if (++calls == 2) throw std::runtime_error("no /proc");
        out += "node_load1 0.5\n";
    };
    manager_.apply({}, {collector});
    pass(10'000);
    while (only_target().health == Health::kUnknown) {  // the collector runs on the pool
    }
    EXPECT_THAT(values(),
                ElementsAre("node_load1{instance=\"localhost\", job=\"node\", zone=\"here\"} 0.5"));
    EXPECT_EQ(only_target().scrape_url, "kilowatch://localhost/node");
    pass(10'000);
    while (only_target().health != Health::kDown) {
    }
    EXPECT_EQ(only_target().last_error, "the collector failed: no /proc");
    EXPECT_THAT(fetcher_.requests, IsEmpty());
}

// Answers when the test says so.
struct HeldCollector {
    std::vector<RemoteCollector::Done> waiting;
    int cancelled = 0;
    std::shared_ptr<const RemoteCollector> remote = std::make_shared<const RemoteCollector>(
        RemoteCollector{[this](std::chrono::milliseconds, RemoteCollector::Done done) {
                            waiting.push_back(std::move(done));
                        },
                        [this] { ++cancelled; }});

    CollectorJob as_job() const {
        CollectorJob collector;
        collector.options = job("postgres", {});
        collector.options.static_sds.clear();
        collector.address = "db:5432";
        collector.remote = remote;
        return collector;
    }
    void answer(std::string body, Result<void> outcome = {}) {
        const RemoteCollector::Done done = std::move(waiting.at(0));
        waiting.erase(waiting.begin());
        done(std::move(body), std::move(outcome));
    }
};

TEST_F(ScrapeManagerTest, ARemoteCollectorMayBeDownAndHaveSomethingToStore) {
    HeldCollector database;
    manager_.apply({}, {database.as_job()});
    pass(10'000);
    database.answer("pg_up 1\npg_size 5\n");
    EXPECT_THAT(values(), ElementsAre("pg_size{instance=\"db:5432\", job=\"postgres\"} 5",
                                      "pg_up{instance=\"db:5432\", job=\"postgres\"} 1"));
    EXPECT_EQ(only_target().health, Health::kUp);

    pass(10'000);
    database.answer("pg_up 0\n", unavailable("connection refused"));
    EXPECT_THAT(values(), ElementsAre("pg_size{instance=\"db:5432\", job=\"postgres\"} stale",
                                      "pg_up{instance=\"db:5432\", job=\"postgres\"} 0"));
    EXPECT_EQ(only_target().health, Health::kDown);
    EXPECT_EQ(only_target().last_error, "connection refused");

    pass(10'000);
    database.answer("", timed_out("no answer within 5000 ms"));
    EXPECT_EQ(only_target().last_error, "no answer within 5000 ms");
}

TEST_F(ScrapeManagerTest, ARemoteCollectorThatWaitsHoldsNobodyUpAndIsReplacedWithItsObject) {
    fetcher_.set(url_of("a:1"), "x 1\n");
    HeldCollector first;
    manager_.apply({job("api", {"a:1"})}, {first.as_job()});
    pass(20'000);
    EXPECT_EQ(first.waiting.size(), 1U) << "one collection at a time";
    EXPECT_THAT(values(), ElementsAre("x{instance=\"a:1\", job=\"api\"} 1",
                                      "x{instance=\"a:1\", job=\"api\"} 1"));

    manager_.apply({job("api", {"a:1"})}, {first.as_job()});  // as before
    EXPECT_EQ(first.cancelled, 0);
    HeldCollector second;
    manager_.apply({job("api", {"a:1"})}, {second.as_job()});
    EXPECT_EQ(first.cancelled, 1);
    first.answer("pg_up 1\n");
    pass(10'000);
    EXPECT_THAT(values(), ElementsAre("x{instance=\"a:1\", job=\"api\"} 1"));
    EXPECT_EQ(second.waiting.size(), 1U);
    second.answer("", cancelled("the test ends"));
}

// guide: G004
TEST_F(ScrapeManagerTest, FilesAndUrlsBecomeTargets) {
    ASSERT_TRUE(outside_.files.create_directories("/sd").ok());
    ASSERT_TRUE(fs::write_file_atomically(outside_.files, "/sd/t.yml",
                                          "- targets: [f:1]\n  labels: {x: y}\n")
                    .ok());
    fetcher_.set("http://sd/", R"([{"targets":["u:1"]}])", "application/json");
    JobOptions options = job("api", {"s:1"});
    options.file_sds = {{{"/sd/*.yml"}, 60'000}};
    options.http_sds = {{"http://sd/", 60'000, {}}};
    manager_.apply({options}, {});
    pass(200);
    const auto addresses = [&] {
        std::vector<std::string> list;
        for (const TargetStatus& target : manager_.active_targets("")) {
            list.emplace_back(target.labels.get("instance"));
        }
        return list;
    };
    EXPECT_THAT(addresses(), ElementsAre("f:1", "s:1", "u:1"));
    ASSERT_TRUE(fs::write_file_atomically(outside_.files, "/sd/t.yml", "[]").ok());
    pass(60'000);
    EXPECT_THAT(addresses(), ElementsAre("s:1", "u:1"));
    options.http_sds.clear();
    options.file_sds.clear();
    manager_.apply({options}, {});
    EXPECT_THAT(addresses(), ElementsAre("s:1"));
}

TEST_F(ScrapeManagerTest, AClockThatIsSetBackDoesNotStopTheScrapes) {
    fetcher_.set(url_of("a:1"), "x 1\n");
    manager_.apply({job("api", {"a:1"})}, {});
    pass(10'000);
    outside_.clock.set(Millis{500'000});
    pass(10'100);
    EXPECT_GE(fetcher_.requests.size(), 2U);
}

}  // namespace
}  // namespace kw::scrape
