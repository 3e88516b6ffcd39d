// The pipeline: who is told when, what a receiver's failures lead to, what outlives a stop.
#include "alerting/notify_pipeline.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

#include "alerting/message.h"
#include "alerting/notify_testing.h"
#include "state/audit.h"

namespace kw::alerting {
namespace {

struct World {
    state::TestWorld state;
    std::unique_ptr<state::Store> store = open_store();
    std::unique_ptr<FakeFetcher> fetcher;  // outlives the pipeline, which cancels its fetches
    std::unique_ptr<NotifyPipeline> pipeline;

    std::unique_ptr<state::Store> open_store() {
        auto opened = state::Store::open(state.env, {.directory = state.directory.path() + "/s"});
        EXPECT_TRUE(opened.ok());
        return std::move(opened).value();
    }
    FakeFetcher& fetch(FakeFetcher::Respond respond) {
        fetcher = std::make_unique<FakeFetcher>(std::move(respond));
        return *fetcher;
    }
    NotifyPipeline& open(std::shared_ptr<const NotifySettings> settings,
                         const NotifyPipeline::Options& options = {}) {
        pipeline.reset();
        auto opened = NotifyPipeline::open(state.env, *fetcher, *store, options);
        EXPECT_TRUE(opened.ok());
        pipeline = std::move(opened).value();
        pipeline->apply(std::move(settings));
        return *pipeline;
    }
    std::future<bool> notify(Notification notification) {
        auto promise = std::make_shared<std::promise<bool>>();
        pipeline->notify(std::move(notification),
                         [promise](bool delivered) { promise->set_value(delivered); });
        return promise->get_future();
    }
    // Moves the clock until it is done.
    bool wait(std::future<bool> done) {
        while (done.wait_for(std::chrono::milliseconds(1)) != std::future_status::ready)
            state.clock.advance(500);
        return done.get();
    }
    std::vector<HistoryLine> history() {
        auto lines = pipeline->history({});
        EXPECT_TRUE(lines.ok());
        return std::move(lines).value();
    }
};

FakeFetcher::Respond always(int status) {
    return [status](const net::FetchRequest&) { return answer(status); };
}

TEST(NotifyPipeline, TellsWhatIsNewAndRepeatsAfterTheInterval) {
    World world;
    FakeFetcher& fetcher = world.fetch(always(200));
    world.open(settings_of({webhook_receiver("team", "http://r/")}));
    struct Row {
        std::string_view what;
        std::vector<AlertPtr> alerts;
        int64_t at_ms;
        size_t want_requests;
    };
    const AlertPtr a = make_alert("a");
    const AlertPtr b = make_alert("b");
    const AlertPtr a_ended = make_alert("a", kTestNow + 1);
    const AlertPtr b_ended = make_alert("b", kTestNow + 1);
    const int64_t hour = 3'600'000;
    // Alerts of make_alert() end by themselves; those that fire late are made for their time.
    const auto late = [](const AlertPtr& alert, int64_t at_ms) {
        Alert copy = *alert;
        copy.ends_at = kTestNow + at_ms + 60'000;
        return std::make_shared<const Alert>(copy);
    };
    const Row rows[] = {
        {"first", {a}, 0, 1},
        {"nothing new", {a}, 1000, 1},
        {"another fires", {a, b}, 2000, 2},
        {"one resolves", {a_ended, b}, 3000, 3},
        {"nothing new after that", {b}, 4000, 3},
        {"repeat_interval passed", {late(b, 5 * hour)}, 5 * hour, 4},
        {"all resolved", {b_ended}, 5 * hour + 1, 5},
        {"resolved is told once", {b_ended}, 5 * hour + 2, 5},
        {"fires anew", {late(a, 5 * hour + 3)}, 5 * hour + 3, 6},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.what);
        EXPECT_TRUE(world.wait(
            world.notify(make_notification("team", row.alerts, "g", kTestNow + row.at_ms))));
        EXPECT_EQ(fetcher.requests().size(), row.want_requests);
    }
    EXPECT_EQ(world.history().size(), 6);
    // The log outlives a restart.
    world.open(settings_of({webhook_receiver("team", "http://r/")}));
    EXPECT_TRUE(world.wait(world.notify(
        make_notification("team", {late(a, 5 * hour + 4)}, "g", kTestNow + 5 * hour + 4))));
    EXPECT_EQ(fetcher.requests().size(), 6);
}

TEST(NotifyPipeline, TriesAgainAfterWhatPassesAndNotAfterWhatStays) {
    struct Row {
        std::string_view what;
        std::vector<int> statuses;  // the last one again and again
        bool want_delivered;
        size_t want_requests;  // 0: several
        std::string_view want_outcome;
    };
    const Row rows[] = {
        {"5xx, then well", {503, 500, 200}, true, 3, "delivered"},
        {"429, then well", {429, 202}, true, 2, "delivered"},
        {"4xx stays", {400}, false, 1, "refused"},
        {"404 stays", {404}, false, 1, "refused"},
        {"5xx for ever", {500}, false, 0, "failed"},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.what);
        std::atomic<size_t> count = 0;
        World world;
        world.fetch([&](const net::FetchRequest&) {
            return answer(row.statuses[std::min(count++, row.statuses.size() - 1)]);
        });
        world.open(settings_of({webhook_receiver("team", "http://r/")}));
        EXPECT_EQ(world.wait(world.notify(make_notification("team", {make_alert("a")}))),
                  row.want_delivered);
        if (row.want_requests == 0) {
            EXPECT_GT(count, 5);
        } else {
            EXPECT_EQ(count, row.want_requests);
        }
        const auto lines = world.history();
        ASSERT_EQ(lines.size(), 1);
        EXPECT_EQ(lines[0].outcome, row.want_outcome);
        EXPECT_EQ(lines[0].tries, count);
    }
}

TEST(NotifyPipeline, WaitsAsLongAsRetryAfterSays) {
    std::atomic<int> count = 0;
    std::atomic<int64_t> second_at = 0;
    World world;
    world.fetch([&](const net::FetchRequest&) {
        if (count++ == 0) return answer(429, "slow down", {{"Retry-After", "120"}});
        second_at = world.state.clock.now().count;
        return answer(200);
    });
    world.open(settings_of({webhook_receiver("team", "http://r/")}));
    EXPECT_TRUE(world.wait(world.notify(make_notification("team", {make_alert("a")}))));
    EXPECT_GE(second_at - kTestNow.count, 120'000);
}

TEST(NotifyPipeline, AReceiverThatHangsDelaysNoOther) {
    World world;
    FakeFetcher& fetcher = world.fetch(
        [](const net::FetchRequest& request) -> std::optional<Result<net::FetchResponse>> {
            if (request.url == "http://hangs/") return std::nullopt;
            return answer(200);
        });
    Receiver both = webhook_receiver("both", "http://hangs/");
    both.webhook.push_back(webhook_receiver("", "http://well/").webhook[0]);
    world.open(settings_of({both, webhook_receiver("well", "http://well/")}), {.active_max = 1});
    std::vector<std::future<bool>> hanging;
    for (int i = 0; i < 3; ++i)
        hanging.push_back(
            world.notify(make_notification("both", {make_alert("a")}, fmt::format("g{}", i))));
    EXPECT_TRUE(world.notify(make_notification("well", {make_alert("a")})).get());
    size_t well = 0;
    while (well < 4) {
        well = 0;
        for (const auto& request : fetcher.requests()) well += request.url == "http://well/";
        std::this_thread::yield();
    }
    world.pipeline.reset();  // cancels what hangs; each is told that it was not delivered
    for (std::future<bool>& done : hanging) EXPECT_FALSE(done.get());
}

TEST(NotifyPipeline, DropsAndCountsWhatIsTooMuch) {
    World world;
    world.fetch([](const net::FetchRequest&) { return std::nullopt; });
    world.open(settings_of({webhook_receiver("team", "http://r/")}),
               {.active_max = 1, .waiting_max = 2});
    std::vector<std::future<bool>> all;
    for (int i = 0; i < 5; ++i)
        all.push_back(
            world.notify(make_notification("team", {make_alert("a")}, fmt::format("g{}", i))));
    EXPECT_FALSE(all[3].get());
    EXPECT_FALSE(all[4].get());
    EXPECT_EQ(world.state.metrics.counter("kilowatch_notifications_dropped_total", "").value(), 2);
}

TEST(NotifyPipeline, SendsAgainWhatAStopInterruptedUnderTheSameKey) {
    std::atomic<bool> hangs = true;
    World world;
    FakeFetcher& fetcher =
        world.fetch([&](const net::FetchRequest&) -> std::optional<Result<net::FetchResponse>> {
            if (hangs) return std::nullopt;
            return answer(202);
        });
    Receiver receiver;
    receiver.name = "pager";
    PagerDutyConfig pager;
    pager.routing_key = Secret::of_text("key");
    pager.url = "http://pd/v2/enqueue";
    receiver.pagerduty.push_back(pager);
    world.open(settings_of({receiver}));
    std::future<bool> first = world.notify(make_notification("pager", {make_alert("a")}));
    fetcher.wait_for(1);
    world.pipeline.reset();
    EXPECT_FALSE(first.get());
    hangs = false;
    world.open(settings_of({receiver}));
    const auto requests = fetcher.wait_for(2);
    EXPECT_EQ(requests[0].body, requests[1].body);  // the dedup_key with it
    // Its group's next flush finds that it was told.
    EXPECT_TRUE(world.wait(world.notify(make_notification("pager", {make_alert("a")}))));
    EXPECT_EQ(fetcher.requests().size(), 2);
    EXPECT_EQ(world.state.metrics.counter("kilowatch_notifications_repeated_total", "").value(), 1);
    EXPECT_TRUE(world.history().at(0).is_repeat);
}

TEST(NotifyPipeline, TellsTheFallbackWhenAReceiverFails) {
    World world;
    FakeFetcher& fetcher = world.fetch([](const net::FetchRequest& request) {
        return answer(request.url == "http://broken/" ? 400 : 200);
    });
    auto settings = settings_of(
        {webhook_receiver("broken", "http://broken/"), webhook_receiver("spare", "http://spare/")});
    settings->fallback_receiver = "spare";
    world.open(settings);
    EXPECT_FALSE(world.wait(world.notify(make_notification("broken", {make_alert("a")}))));
    EXPECT_EQ(fetcher.wait_for(2)[1].url, "http://spare/");
}

TEST(NotifyPipeline, TheDeadMansSwitchBeats) {
    World world;
    FakeFetcher& fetcher = world.fetch(always(200));
    auto settings = settings_of({webhook_receiver("alive", "http://alive/")});
    settings->heartbeat_receiver = "alive";
    settings->heartbeat_interval_ms = 60'000;
    world.open(settings);
    for (size_t beats = 1; beats <= 3; ++beats) {
        fetcher.wait_for(beats);
        world.state.clock.advance(60'000);
    }
    EXPECT_NE(fetcher.requests()[0].body.find("DeadMansSwitch"), std::string::npos);
}

TEST(NotifyPipeline, TestsAReceiverAndAcknowledgesItsGroups) {
    World world;
    FakeFetcher& fetcher = world.fetch([](const net::FetchRequest& request) {
        return answer(request.url == "http://broken/" ? 500 : 202);
    });
    Receiver receiver = webhook_receiver("team", "http://broken/");
    PagerDutyConfig pager;
    pager.routing_key = Secret::of_text("key");
    pager.url = "http://pd/v2/enqueue";
    receiver.pagerduty.push_back(pager);
    world.open(settings_of({receiver}));
    const auto tested = world.pipeline->test_receiver("team", "anna", "cli");
    ASSERT_TRUE(tested.ok());
    ASSERT_EQ(tested->size(), 2);
    EXPECT_EQ((*tested)[0].integration, "pagerduty[0]");
    EXPECT_TRUE((*tested)[0].delivered);
    EXPECT_FALSE((*tested)[1].delivered);
    EXPECT_TRUE((*tested)[1].answer.starts_with("500"));
    EXPECT_FALSE(world.pipeline->test_receiver("nobody", "anna", "cli").ok());
    const auto acknowledged = world.pipeline->acknowledge("team", "{}:{a=\"b\"}", "anna", "cli");
    ASSERT_TRUE(acknowledged.ok());
    ASSERT_EQ(acknowledged->size(), 1);
    const std::string body = fetcher.requests().back().body;
    EXPECT_NE(body.find("\"event_action\":\"acknowledge\""), std::string::npos);
    EXPECT_NE(body.find(sha256_hex("{}:{a=\"b\"}")), std::string::npos);
    const Result<state::Snapshot> snapshot = world.store->snapshot();
    ASSERT_TRUE(snapshot.ok());
    const auto audit = state::read_audit(**snapshot, {.kind = "receiver"});
    ASSERT_TRUE(audit.ok());
    ASSERT_EQ(audit->size(), 2);
    EXPECT_EQ((*audit)[0].action, "acknowledge");
    EXPECT_EQ((*audit)[0].actor, "anna");
    EXPECT_EQ((*audit)[1].action, "test");
}

TEST(NotificationLog, NotificationsSurviveTheirBytesAndDamageIsFound) {
    Notification notification =
        make_notification("r", {make_alert("a"), make_alert("b", kTestNow, true)});
    notification.route_labels = {{"team", "x"}};
    const Bytes bytes = encode_notification(notification);
    const Result<Notification> back = decode_notification(bytes);
    ASSERT_TRUE(back.ok()) << back.error().message;
    EXPECT_EQ(back->group_key, notification.group_key);
    EXPECT_EQ(back->group_labels, notification.group_labels);
    EXPECT_EQ(back->route_labels, notification.route_labels);
    EXPECT_EQ(back->timeout_ms, notification.timeout_ms);
    ASSERT_EQ(back->alerts.size(), 2);
    EXPECT_EQ(*back->alerts[1], *notification.alerts[1]);
    for (size_t size = 0; size < bytes.size(); ++size)
        EXPECT_FALSE(decode_notification(ByteView(bytes).first(size)).ok());
    for (size_t i = 0; i < bytes.size(); ++i) {
        Bytes damaged = bytes;
        damaged[i] ^= 1;
        EXPECT_FALSE(decode_notification(damaged).ok());
    }
}

}  // namespace
}  // namespace kw::alerting
