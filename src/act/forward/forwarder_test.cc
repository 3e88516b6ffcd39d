// Alerts to other Alertmanagers: who is found, what they are sent, and that one that hangs or fails delays no other.
#include "forward/forwarder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/fs/memory.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/thread_pool.h"

namespace kw::forward {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr Millis kNow{1'772'798'400'000};

// Answers by the status of a URL's host, at once; 0: not before it is cancelled or released. Threads: one.
class Receivers final : public net::Fetcher {
 public:
    FetchId fetch(net::FetchRequest request, net::FetchCallback callback) override {
        const FetchId id = ++last_id_;
        requests.push_back(request);
        const int status = statuses.contains(request.url) ? statuses[request.url] : 200;
        if (status == 0) {
            held_.emplace(id, std::move(callback));
        } else {
            callback(answer_of(request.url, status));
        }
        return id;
    }
    void cancel(FetchId id) override {
        const auto found = held_.find(id);
        if (found == held_.end()) return;
        const net::FetchCallback callback = std::move(found->second);
        held_.erase(found);
        callback(cancelled("cancelled"));
    }
    void release() {
        auto held = std::exchange(held_, {});
        for (auto& [id, callback] : held) callback(answer_of("", 200));
    }
    size_t count_of(const std::string& url) const {
        size_t count = 0;
        for (const net::FetchRequest& request : requests) count += request.url == url ? 1 : 0;
        return count;
    }

    std::map<std::string, int> statuses;
    std::vector<net::FetchRequest> requests;

 private:
    static net::FetchResponse answer_of(const std::string& url, int status) {
        net::FetchResponse response;
        response.status = status;
        response.url = url;
        return response;
    }
    FetchId last_id_ = 0;
    std::map<FetchId, net::FetchCallback> held_;
};

scrape::TargetGroup group_of(std::vector<std::string> addresses, LabelSet labels = {}) {
    scrape::TargetGroup group;
    for (const std::string& address : addresses) {
        group.targets.push_back(LabelSet{{"__address__", address}});
    }
    group.labels = std::move(labels);
    return group;
}

AlertmanagerOptions options_of(std::vector<std::string> addresses) {
    AlertmanagerOptions options;
    options.static_sds.push_back({{group_of(std::move(addresses))}});
    return options;
}

intake::RelabelRule rule_of(std::string source, std::string regex, intake::RelabelAction action) {
    intake::RelabelConfig config;
    if (!source.empty()) config.source_labels = {std::move(source)};
    config.regex = std::move(regex);
    config.action = action;
    return intake::RelabelRule::make(std::move(config)).value();
}

alerting::Report report_of(std::string_view instance) {
    alerting::Report report;
    report.labels = LabelBuilder().set("alertname", "High").set("instance", instance).build();
    report.annotations = {{"summary", "too \"high\""}};
    report.starts_at = kNow;
    report.ends_at = kNow + 240'000;
    report.generator_url = "http://kw/graph";
    return report;
}

class ForwarderTest : public ::testing::Test {
 protected:
    Forwarder make(size_t capacity = 10'000) {
        return Forwarder(env_, receivers_,
                         {.queue_capacity = capacity, .drain_timeout_ms = 0, .own_thread = false});
    }
    std::string metric(const std::string& line_start) const {
        std::string text;
        metrics_.render(text);
        const size_t at = text.find("\n" + line_start + " ");
        if (at == std::string::npos) return "";
        const size_t begin = at + line_start.size() + 2;
        return text.substr(begin, text.find('\n', begin) - begin);
    }

    FakeClock clock_{kNow};
    fs::MemoryFileSystem files_;
    Log log_ = Log::silent();
    MetricRegistry metrics_;
    ThreadPool pool_{"test", 1};
    Environment env_{clock_, files_, log_, metrics_, pool_};
    Receivers receivers_;
};

TEST(Endpoints, AreRelabelledAndCountedOnce) {
    AlertmanagerOptions options;
    options.path_prefix = "alert//manager/";
    options.relabel = {rule_of("__address__", "drop.*", intake::RelabelAction::kDrop)};
    const std::vector<scrape::TargetGroup> groups = {
        group_of({"a:1", "drop:2", "a:1"}), group_of({"b:1"}, LabelSet{{"__scheme__", "https"}}),
        group_of({"http://c:1"})};
    const Endpoints found = find_endpoints(options, groups);
    EXPECT_THAT(found.active, ElementsAre("http://a:1/alert/manager/api/v2/alerts",
                                          "https://b:1/alert/manager/api/v2/alerts"));
    EXPECT_THAT(found.dropped, ElementsAre("http://drop:2/alert/manager/api/v2/alerts"));
    ASSERT_EQ(found.errors.size(), 1U);
    EXPECT_THAT(found.errors[0], HasSubstr("http://c:1: is not host:port"));
    options.path_prefix = "/";
    EXPECT_THAT(find_endpoints(options, groups).active.front(), "http://a:1/api/v2/alerts");
}

TEST_F(ForwarderTest, SendsEveryAlertToEveryAlertmanager) {
    Forwarder forwarder = make();
    AlertmanagerOptions second = options_of({"c:9093"});
    second.alert_relabel = {rule_of("", "instance", intake::RelabelAction::kLabelDrop)};
    second.timeout_ms = 2'000;
    forwarder.apply({options_of({"a:9093", "b:9093"}), second});
    forwarder.send(std::vector{report_of("db1")});
    ASSERT_EQ(receivers_.requests.size(), 3U);
    const net::FetchRequest& first = receivers_.requests[0];
    EXPECT_EQ(first.method, "POST");
    EXPECT_EQ(first.url, "http://a:9093/api/v2/alerts");
    EXPECT_EQ(first.headers.get("Content-Type"), "application/json");
    EXPECT_EQ(first.body,
              R"([{"annotations":{"summary":"too \"high\""},"endsAt":"2026-03-06T12:04:00Z",)"
              R"("startsAt":"2026-03-06T12:00:00Z","generatorURL":"http://kw/graph",)"
              R"("labels":{"alertname":"High","instance":"db1"}}])");
    EXPECT_EQ(receivers_.requests[1].url, "http://b:9093/api/v2/alerts");
    EXPECT_THAT(receivers_.requests[2].body, HasSubstr(R"("labels":{"alertname":"High"})"));
    EXPECT_EQ(receivers_.requests[2].timeout, std::chrono::milliseconds(2'000));
    EXPECT_EQ(metric("prometheus_notifications_alertmanagers_discovered"), "3");
    EXPECT_EQ(
        metric("prometheus_notifications_sent_total{alertmanager=\"http://a:9093/api/v2/alerts\"}"),
        "1");
}

TEST_F(ForwarderTest, AnAlertThatRelabellingDropsIsNotSent) {
    Forwarder forwarder = make();
    AlertmanagerOptions options = options_of({"a:9093"});
    options.alert_relabel = {rule_of("instance", "db1", intake::RelabelAction::kDrop)};
    forwarder.apply({options});
    forwarder.send(std::vector{report_of("db1")});
    EXPECT_THAT(receivers_.requests, IsEmpty());
}

TEST_F(ForwarderTest, OneThatHangsDelaysNoOther) {
    const std::string slow = "http://slow:1/api/v2/alerts";
    receivers_.statuses[slow] = 0;
    Forwarder forwarder = make();
    forwarder.apply({options_of({"slow:1", "quick:1"})});
    for (int i = 0; i < 200; ++i) forwarder.send(std::vector{report_of(std::to_string(i))});
    EXPECT_EQ(receivers_.count_of(slow), 1U);
    EXPECT_EQ(receivers_.count_of("http://quick:1/api/v2/alerts"), 200U);
    EXPECT_EQ(metric("prometheus_notifications_queue_length{alertmanager=\"" + slow + "\"}"),
              "199");
    // What waited goes in batches.
    receivers_.statuses[slow] = 200;
    receivers_.release();
    EXPECT_EQ(receivers_.count_of(slow), 1U + 4U);  // 64 + 64 + 64 + 7
    EXPECT_EQ(metric("prometheus_notifications_queue_length{alertmanager=\"" + slow + "\"}"), "0");
    EXPECT_EQ(metric("prometheus_notifications_sent_total{alertmanager=\"" + slow + "\"}"), "200");
}

TEST_F(ForwarderTest, TheOldestGoWhenTheQueueIsFull) {
    const std::string slow = "http://slow:1/api/v2/alerts";
    receivers_.statuses[slow] = 0;
    Forwarder forwarder = make(3);
    forwarder.apply({options_of({"slow:1"})});
    for (int i = 0; i < 6; ++i) forwarder.send(std::vector{report_of(std::to_string(i))});
    EXPECT_EQ(metric("prometheus_notifications_dropped_total{alertmanager=\"" + slow + "\"}"), "2");
    EXPECT_EQ(metric("prometheus_notifications_queue_capacity{alertmanager=\"" + slow + "\"}"),
              "3");
    receivers_.statuses[slow] = 200;
    receivers_.release();
    EXPECT_THAT(receivers_.requests.back().body, HasSubstr(R"("instance":"3")"));
    EXPECT_THAT(receivers_.requests.back().body, HasSubstr(R"("instance":"5")"));
}

TEST_F(ForwarderTest, FailuresAreCountedAndNotRepeated) {
    const std::string url = "http://a:1/api/v2/alerts";
    receivers_.statuses[url] = 500;
    Forwarder forwarder = make();
    forwarder.apply({options_of({"a:1"})});
    forwarder.send(std::vector{report_of("x"), report_of("y")});
    EXPECT_EQ(receivers_.count_of(url), 1U);
    EXPECT_EQ(metric("prometheus_notifications_errors_total{alertmanager=\"" + url + "\"}"), "2");
    EXPECT_EQ(metric("prometheus_notifications_dropped_total{alertmanager=\"" + url + "\"}"), "2");
}

TEST_F(ForwarderTest, AReloadKeepsTheQueuesOfThoseThatStay) {
    const std::string slow = "http://slow:1/api/v2/alerts";
    receivers_.statuses[slow] = 0;
    Forwarder forwarder = make();
    forwarder.apply({options_of({"slow:1", "gone:1"})});
    forwarder.send(std::vector{report_of("1")});
    forwarder.send(std::vector{report_of("2")});
    AlertmanagerOptions changed = options_of({"slow:1"});
    changed.timeout_ms = 1'000;
    forwarder.apply({changed});
    EXPECT_THAT(forwarder.alertmanagers().active, ElementsAre(slow));
    receivers_.statuses[slow] = 200;
    receivers_.release();
    EXPECT_THAT(receivers_.requests.back().body, HasSubstr(R"("instance":"2")"));
    EXPECT_EQ(receivers_.requests.back().timeout, std::chrono::milliseconds(1'000));
    forwarder.apply({});
    EXPECT_THAT(forwarder.alertmanagers().active, IsEmpty());
}

TEST_F(ForwarderTest, FilesAreWatchedForAlertmanagers) {
    ASSERT_TRUE(files_.create_directories("/sd").ok());
    ASSERT_TRUE(fs::write_file_atomically(files_, "/sd/am.json", R"([{"targets": ["x:1"]}])").ok());
    Forwarder forwarder = make();
    AlertmanagerOptions options;
    options.file_sds = {{{"/sd/*.json"}, 300'000}};
    forwarder.apply({options});
    forwarder.run_due();
    EXPECT_THAT(forwarder.alertmanagers().active, ElementsAre("http://x:1/api/v2/alerts"));
    ASSERT_TRUE(fs::write_file_atomically(files_, "/sd/am.json", R"([{"targets": ["y:1"]}])").ok());
    clock_.advance(300'001);
    forwarder.run_due();
    EXPECT_THAT(forwarder.alertmanagers().active, ElementsAre("http://y:1/api/v2/alerts"));
}

TEST_F(ForwarderTest, StoppingEndsWhatHangs) {
    const std::string slow = "http://slow:1/api/v2/alerts";
    receivers_.statuses[slow] = 0;
    Forwarder forwarder = make();
    forwarder.apply({options_of({"slow:1"})});
    forwarder.send(std::vector{report_of("1")});
    forwarder.send(std::vector{report_of("2")});
    forwarder.stop();
    EXPECT_EQ(receivers_.count_of(slow), 1U);
    forwarder.send(std::vector{report_of("3")});
    EXPECT_EQ(receivers_.count_of(slow), 1U);
    // One failed, and one was never sent.
    EXPECT_EQ(metric("prometheus_notifications_dropped_total{alertmanager=\"" + slow + "\"}"), "2");
}

}  // namespace
}  // namespace kw::forward
