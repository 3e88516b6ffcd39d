// Kills a process that notifies, at random moments: each group is told, and at most what was in flight twice,
// with the same dedup key. Five kills by default, a hundred with KW_FULL=1.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <map>
#include <random>
#include <thread>

#include "alerting/notify_testing.h"

namespace kw::alerting {
namespace {

constexpr int kGroups = 40;

struct Sent {
    int group = 0;
    char dedup_key[64] = {};
};

int group_of(const std::string& body) {
    const size_t at = body.find("\"group\":\"g");
    return at == std::string::npos ? -1 : std::atoi(body.c_str() + at + 10);
}

// A server's life: flushes every group in turn, as a dispatcher does after each start. What is sent is written
// to `out` before its answer comes.
[[noreturn]] void notify_until_killed(const std::string& directory, int out) {
    FakeClock clock(kTestNow);
    fs::RealFileSystem files;
    const Log log = Log::silent();
    MetricRegistry metrics;
    ThreadPool pool("child", 1);
    Environment env{clock, files, log, metrics, pool};
    auto store = state::Store::open(env, {.directory = directory});
    if (!store.ok()) _exit(1);
    FakeFetcher fetcher([&](const net::FetchRequest& request) {
        Sent sent;
        sent.group = group_of(request.body);
        const size_t at = request.body.find("\"dedup_key\":\"") + 13;
        std::copy_n(request.body.begin() + static_cast<std::ptrdiff_t>(at), 64, sent.dedup_key);
        if (write(out, &sent, sizeof sent) != sizeof sent) _exit(1);
        return answer(202);
    });
    Receiver receiver;
    receiver.name = "pager";
    PagerDutyConfig pager;
    pager.routing_key = Secret::of_text("key");
    pager.url = "http://pd/";
    pager.group = "{{ .GroupLabels.alertname }}";
    receiver.pagerduty.push_back(pager);
    auto pipeline = NotifyPipeline::open(env, fetcher, **store, {});
    if (!pipeline.ok()) _exit(1);
    (*pipeline)->apply(settings_of({receiver}));
    for (int group = 0; group < kGroups; ++group) {
        Mutex mutex;
        CondVar wake;
        bool is_done = false;
        (*pipeline)->notify(
            make_notification("pager", {make_alert("a")}, fmt::format("g{}", group)), [&](bool) {
                const MutexLock lock(mutex);
                is_done = true;
                wake.notify_all();
            });
        const MutexLock lock(mutex);
        while (!is_done) wake.wait(mutex);
    }
    const Sent end{-1, {}};
    if (write(out, &end, sizeof end) != sizeof end) _exit(1);
    while (true) pause();
}

TEST(NotifyCrash, EachGroupIsToldAndAtMostWhatWasInFlightTwice) {
    const int kills = std::getenv("KW_FULL") != nullptr ? 100 : 5;
    const unsigned seed = std::random_device{}();
    SCOPED_TRACE(fmt::format("seed {}", seed));
    std::minstd_rand random(seed);
    int killed = 0;
    while (killed < kills) {
        const state::TestDirectory directory;
        std::map<int, int> told;
        std::map<int, std::string> keys;
        int kills_here = 0;
        bool is_complete = false;
        while (!is_complete) {
            int pipe_ends[2];
            ASSERT_EQ(pipe(pipe_ends), 0);
            const pid_t child = fork();
            ASSERT_GE(child, 0);
            if (child == 0) notify_until_killed(directory.path() + "/s", pipe_ends[1]);
            close(pipe_ends[1]);
            // Killed after so many messages and a little, which falls into any step.
            const int life = kills_here < 5 ? static_cast<int>(random() % 8) : kGroups + 1;
            Sent sent;
            const auto take = [&] {
                const bool was_read =
                    read(pipe_ends[0], &sent, sizeof sent) == static_cast<ssize_t>(sizeof sent);
                if (!was_read) return false;
                if (sent.group < 0) {
                    is_complete = true;
                    return false;
                }
                ++told[sent.group];
                const std::string key(sent.dedup_key, sizeof sent.dedup_key);
                EXPECT_EQ(keys.emplace(sent.group, key).first->second, key);
                return true;
            };
            for (int i = 0; i < life && take(); ++i) {
            }
            std::this_thread::sleep_for(std::chrono::microseconds(random() % 3000));
            kill(child, SIGKILL);
            int status = 0;
            waitpid(child, &status, 0);
            while (take()) {
            }
            close(pipe_ends[0]);
            ++kills_here;
        }
        int repeats = 0;
        for (int group = 0; group < kGroups; ++group) {
            EXPECT_GE(told[group], 1) << group;
            repeats += told[group] - 1;
        }
        EXPECT_LE(repeats, kills_here);
        killed += kills_here;
    }
}

}  // namespace
}  // namespace kw::alerting
