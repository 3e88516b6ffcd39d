#include "scrape/discovery/discovery.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>

#include "base/clock.h"
#include "base/fs/memory.h"
#include "base/fs/real.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "base/thread_pool.h"
#include "net/fake_dns.h"
#include "scrape/discovery/document.h"
#include "scrape/fake_fetcher.h"

namespace kw::scrape {
namespace {

std::string text_of(const std::vector<TargetGroup>& groups) {
    std::string text;
    for (const TargetGroup& group : groups) {
        for (const LabelSet& target : group.targets)
            text += std::string(target.get("__address__")) + " ";
        text += group.labels.to_string() + ";";
    }
    return text;
}

TEST(Document, IsReadStrictly) {
    struct Row {
        bool yaml;
        const char* text;
        const char* groups;  // or the error, after a !
    };
    const Row rows[] = {
        {false, R"([{"targets":["a:1","b:2"],"labels":{"x":"y"}},{"targets":[]}])",
         "a:1 b:2 {x=\"y\"};{};"},
        {false, "[]", ""},
        {false, "null", ""},
        {false, R"([{}])", "{};"},
        {false, R"([{"Targets":["a"],"LABELS":{"X":"y"}}])", "a {X=\"y\"};"},
        {true, "- Targets: [a]\n",
         "!line 1: target group 0: unknown key \"Targets\", want targets or labels"},
        {false, R"([{"labels":{"a":null,"b":"c"}}])", "{b=\"c\"};"},
        {false, R"([{"targets":null,"labels":null}])", "{};"},
        {false, R"([null])", "!target group 0: want an object with targets and labels"},
        {false, R"([{"targets":["a"]},null])",
         "!target group 1: want an object with targets and labels"},
        {false, R"({"targets":["a"]})", "!want a list of target groups"},
        {false, R"([{"target":["a"]}])",
         "!target group 0: unknown key \"target\", want targets or labels"},
        {false, R"([{"targets":"a"}])", "!target group 0: targets is not a list"},
        {false, R"([{"targets":[1]}])", "!target group 0: a target is not a text"},
        {false, R"([{"targets":[],"labels":{"a":1}}])",
         "!target group 0: a label's value is not a text"},
        {false, R"([{"labels":{"":"x"}}])", "!target group 0: \"\" is not a label's name"},
        {false, R"([{"targets":[],"targets":[]}])", "!target group 0: targets is there twice"},
        {true, "- targets: [a:1, 'b:2']\n  labels:\n    x: y\n    n: 1\n",
         "a:1 b:2 {n=\"1\", x=\"y\"};"},
        {true, "", ""},
        {true, "# nothing\n", ""},
        {true, R"([{"targets":["a:1"]}])", "a:1 {};"},
        {true, "- targets: [a]\n  labels: {}\n- ~\n",
         "!line 3: target group 1: want a mapping with targets and labels"},
        {true, "targets: [a]\n", "!want a list of target groups"},
        {true, "- target: [a]\n",
         "!line 1: target group 0: unknown key \"target\", want targets or labels"},
        {true, "- targets: [a]\n  targets: [b]\n",
         "!line 2, column 3: key targets is there twice, first at line 1; remove one"},
        {true, "- targets:\n  - [a]\n", "!line 1: target group 0: a target is not a text"},
        {true, "- labels: {a: x, a: y}\n",
         "!line 1, column 18: key a is there twice, first at line 1; remove one"},
        {true, "--- []\n--- []\n", "!more than one YAML document"},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.text);
        const auto groups =
            row.yaml ? parse_yaml_document(row.text) : parse_json_document(row.text);
        EXPECT_EQ(groups.ok() ? text_of(*groups) : "!" + groups.error().message, row.groups);
    }
}

TEST(Document, EveryTruncationIsRefused) {
    const std::string text = R"([{"targets":["a:1"],"labels":{"x":"y"}}])";
    for (size_t size = 0; size < text.size(); ++size) {
        EXPECT_FALSE(parse_json_document(text.substr(0, size)).ok()) << size;
    }
    EXPECT_FALSE(parse_json_document(text + "x").ok());
    EXPECT_FALSE(parse_json_document(text + text).ok());
    EXPECT_FALSE(parse_yaml_document("- targets: ['a").ok());
    EXPECT_FALSE(parse_yaml_document(std::string(100'000, '[')).ok());
}

class DiscoveryTest : public testing::Test {
 protected:
    void apply(std::vector<FileSdOptions> files, std::vector<HttpSdOptions> urls,
               std::vector<DnsSdOptions> names = {}) {
        discovery_.apply({{"job", std::move(files), std::move(urls), std::move(names)}});
        discovery_.run_due();
    }
    void write(const std::string& path, const std::string& text) {
        ASSERT_TRUE(fs::write_file_atomically(files_, path, text).ok());
    }
    // What was published last, if anything since.
    std::string news() {
        return published_.empty() ? "-" : text_of(std::exchange(published_, {}).back());
    }
    void pass(int64_t ms) {
        clock_.advance(ms);
        discovery_.run_due();
    }

    FakeClock clock_{Millis{1'000'000}};
    fs::MemoryFileSystem files_;
    Log log_ = Log::silent();
    MetricRegistry metrics_;
    ThreadPool pool_{"test", 1};
    Environment env_{clock_, files_, log_, metrics_, pool_};
    FakeFetcher fetcher_;
    net::FakeDns dns_;
    std::vector<std::vector<TargetGroup>> published_;
    Discovery discovery_{env_,
                         fetcher_,
                         [this](const std::string&, std::vector<TargetGroup> groups) {
                             published_.push_back(std::move(groups));
                         },
                         false,
                         "scrape",
                         dns_.options()};
};

TEST_F(DiscoveryTest, ReadsFilesAndKeepsWhatABadOneSaid) {
    ASSERT_TRUE(files_.create_directories("/sd").ok());
    write("/sd/a.yml", "- targets: [a:1]\n");
    write("/sd/b.json", R"([{"targets":["b:1"],"labels":{"x":"y"}}])");
    write("/sd/other.txt", "nothing");
    apply({{{"/sd/*.yml", "/sd/b.json", "/absent/*.json"}, 60'000}}, {});
    EXPECT_EQ(news(),
              "a:1 {__meta_filepath=\"/sd/a.yml\"};b:1 {__meta_filepath=\"/sd/b.json\", x=\"y\"};");

    pass(59'000);
    EXPECT_EQ(news(), "-");
    write("/sd/a.yml", "- targets: [a:1, a:2\n");  // broken: a:1 stays
    write("/sd/c.yml", "- targets: [c:1]\n");
    pass(1'000);
    EXPECT_EQ(news(),
              "a:1 {__meta_filepath=\"/sd/a.yml\"};b:1 {__meta_filepath=\"/sd/b.json\", x=\"y\"};"
              "c:1 {__meta_filepath=\"/sd/c.yml\"};");
    EXPECT_EQ(metrics_.counter("prometheus_sd_file_read_errors_total", "").value(), 1U);

    ASSERT_TRUE(files_.remove_file("/sd/a.yml").ok());
    ASSERT_TRUE(files_.remove_file("/sd/b.json").ok());
    pass(60'000);
    EXPECT_EQ(news(), "c:1 {__meta_filepath=\"/sd/c.yml\"};");
    pass(60'000);
    EXPECT_EQ(news(), "-");  // nothing changed, nothing said
}

TEST_F(DiscoveryTest, AsksUrlsAndKeepsWhatABadAnswerReplaces) {
    const std::string url = "http://sd/targets";
    fetcher_.set(url, R"([{"targets":["a:1"]}])", "application/json; charset=utf-8");
    apply({}, {{url, 30'000, {}}});
    discovery_.run_due();  // the answer came through the inbox
    EXPECT_EQ(news(), "a:1 {__meta_url=\"http://sd/targets\"};");
    ASSERT_EQ(fetcher_.requests.size(), 1U);
    EXPECT_EQ(fetcher_.requests[0].headers.get("X-Prometheus-Refresh-Interval-Seconds"), "30");
    EXPECT_EQ(fetcher_.requests[0].headers.get("Accept"), "application/json");

    struct Row {
        const char* body;
        const char* type;
        int status;
    };
    for (const Row& row :
         {Row{"[]", "application/json", 500}, Row{"[]", "text/html", 200},
          Row{"[null]", "application/json", 200}, Row{"[", "application/json", 200}}) {
        fetcher_.set(url, row.body, row.type, row.status);
        pass(30'000);
        discovery_.run_due();
        EXPECT_EQ(news(), "-") << row.body;
    }
    EXPECT_EQ(metrics_.counter("prometheus_sd_http_failures_total", "").value(), 4U);
    fetcher_.set(url, "[]", "application/json");
    pass(30'000);
    discovery_.run_due();
    EXPECT_EQ(news(), "");
}

TEST_F(DiscoveryTest, AReloadKeepsSourcesThatStayAndDropsLateAnswers) {
    ASSERT_TRUE(files_.create_directories("/sd").ok());
    write("/sd/a.yml", "- targets: [a:1]\n");
    const FileSdOptions file{{"/sd/a.yml"}, 60'000};
    fetcher_.holds = true;
    apply({file}, {{"http://sd/", 30'000, {}}});
    EXPECT_EQ(news(), "a:1 {__meta_filepath=\"/sd/a.yml\"};");
    apply({file}, {{"http://sd/", 30'000, {}}});
    EXPECT_EQ(news(), "-");  // the same again

    apply({file}, {});
    EXPECT_EQ(news(), "a:1 {__meta_filepath=\"/sd/a.yml\"};");
    fetcher_.holds = false;
    fetcher_.set("http://sd/", R"([{"targets":["late:1"]}])", "application/json");
    fetcher_.release();
    discovery_.run_due();
    EXPECT_EQ(news(), "-");
}

TEST(DiscoveryThread, SeesChangesOfRealFilesThroughInotify) {
    const std::string directory = testing::TempDir() + "kw_scrape_sd_" + std::to_string(getpid());
    std::filesystem::create_directories(directory);
    RealClock clock;
    fs::RealFileSystem files;
    const Log log = Log::silent();
    MetricRegistry metrics;
    ThreadPool pool("test", 1);
    Environment env{clock, files, log, metrics, pool};
    FakeFetcher fetcher;
    Mutex mutex;
    CondVar changed;
    std::vector<std::string> seen;
    Discovery discovery(env, fetcher,
                        [&](const std::string&, const std::vector<TargetGroup>& groups) {
                            MutexLock lock(mutex);
                            std::string addresses;
                            for (const TargetGroup& group : groups)
                                addresses += group.targets.at(0).get("__address__");
                            seen.push_back(addresses);
                            changed.notify_all();
                        });
    const auto wait_for = [&](const std::string& want) {
        MutexLock lock(mutex);
        while (seen.empty() || seen.back() != want) changed.wait(mutex);
    };
    discovery.apply({{"job", {{{directory + "/*.yml"}, 3'600'000}}, {}, {}}});
    wait_for("");
    ASSERT_TRUE(
        fs::write_file_atomically(files, directory + "/one.yml", "- targets: [one:1]\n").ok());
    wait_for("one:1");
    ASSERT_TRUE(files.remove_file(directory + "/one.yml").ok());
    wait_for("");
    discovery.stop();
    std::filesystem::remove_all(directory);
}

// guide: G004
TEST_F(DiscoveryTest, LooksNamesUpAndKeepsWhatWasFoundWhenThatFails) {
    using Type = net::DnsRecordType;
    const auto await = [&] {  // answers come from the resolver's thread
        while (published_.empty()) discovery_.run_due();
        std::string text;
        const std::vector<TargetGroup> groups = std::exchange(published_, {}).back();
        for (const TargetGroup& group : groups) {
            for (const LabelSet& target : group.targets) text += target.to_string();
            text += group.source + ";";
        }
        return text;
    };
    dns_.add("_web._tcp.test", 33, net::FakeDns::srv(8080, "a.test"));
    DnsSdOptions services{.names = {"_web._tcp.test"}, .refresh_interval_ms = 1'000};
    apply({}, {}, {services});
    EXPECT_EQ(news(), "");  // what is known at once: nothing
    EXPECT_EQ(await(),
              R"({__address__="a.test:8080", __meta_dns_name="_web._tcp.test", )"
              R"(__meta_dns_srv_record_port="8080", __meta_dns_srv_record_target="a.test."})"
              "_web._tcp.test;");
    dns_.add("_web._tcp.test", 33, net::FakeDns::srv(8081, "b.test"));
    pass(999);
    EXPECT_EQ(metrics_.counter("prometheus_sd_dns_lookups_total", "").value(), 1);
    pass(1);
    EXPECT_NE(await().find("b.test:8081"), std::string::npos);

    dns_.behave(net::FakeDns::Manner::kRefuses);
    Counter& failures = metrics_.counter("prometheus_sd_dns_lookup_failures_total", "");
    pass(1'000);
    while (failures.value() == 0) discovery_.run_due();
    EXPECT_EQ(news(), "-");  // the targets stay
    dns_.behave(net::FakeDns::Manner::kAnswers);
    dns_.clear();
    pass(1'000);
    EXPECT_EQ(await(), "_web._tcp.test;");  // the name has no records any more

    struct Row {
        Type type;
        uint16_t number;
        std::string rdata;
        std::string_view want;
    };
    const Row rows[] = {
        {Type::kA, 1, net::FakeDns::address("10.0.0.1"),
         R"({__address__="10.0.0.1:9100", __meta_dns_name="web.test"}web.test;)"},
        {Type::kAaaa, 28, net::FakeDns::address("fd00::1"),
         R"({__address__="[fd00::1]:9100", __meta_dns_name="web.test"}web.test;)"},
        {Type::kMx, 15, net::FakeDns::number(10) + net::FakeDns::name("mx.test"),
         R"({__address__="mx.test:9100", __meta_dns_mx_record_target="mx.test.", )"
         R"(__meta_dns_name="web.test"}web.test;)"},
        {Type::kNs, 2, net::FakeDns::name("ns.test"),
         R"({__address__="ns.test:9100", __meta_dns_name="web.test", )"
         R"(__meta_dns_ns_record_target="ns.test."}web.test;)"},
    };
    for (const Row& row : rows) {
        dns_.add("web.test", row.number, row.rdata);
        apply({}, {}, {{.names = {"web.test"}, .type = row.type, .port = 9100}});
        EXPECT_EQ(news(), "");
        EXPECT_EQ(await(), row.want);
    }
}

}  // namespace
}  // namespace kw::scrape
