// Kills a process that writes, at a random moment, and holds the database to what was acknowledged.
// Five kills by default, a hundred with KW_FULL=1.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <random>
#include <thread>

#include "state/store.h"
#include "state/testing.h"

namespace kw::state {
namespace {

constexpr Migration kMigrations[] = {
    {1, "numbers",
     "CREATE TABLE number (n INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT;"
     "CREATE TABLE total (sum INTEGER NOT NULL) STRICT; INSERT INTO total VALUES (0);"},
};
const Schema kNumbers{"numbers", kMigrations};

// Both tables change in one transaction. Each number that is acknowledged is written to `out`.
[[noreturn]] void write_until_killed(const std::string& directory, int64_t first, int out) {
    RealClock clock;
    fs::RealFileSystem files;
    const Log log = Log::silent();
    MetricRegistry metrics;
    ThreadPool pool("child", 1);
    Environment env{clock, files, log, metrics, pool};
    auto store = Store::open(env, {.directory = directory});
    if (!store.ok() || !(*store)->migrate(kNumbers).ok()) _exit(1);
    for (int64_t n = first;; ++n) {
        const Result<void> outcome = (*store)->write([n](Connection& transaction) -> Result<void> {
            KW_TRY(transaction.run("INSERT INTO number VALUES (?1, ?2)", n,
                                   std::string(static_cast<size_t>(n % 9000), 'x')));
            KW_TRY(transaction.run("UPDATE total SET sum = sum + ?1", n));
            return {};
        });
        if (!outcome.ok() || write(out, &n, sizeof n) != sizeof n) _exit(1);
    }
}

TEST(StateStoreCrash, KeepsWhatWasAcknowledgedWhenKilled) {
    TestWorld world;
    const std::string directory = world.directory.path() + "/state";
    const int rounds = std::getenv("KW_FULL") != nullptr ? 100 : 5;
    const unsigned seed = std::random_device{}();
    SCOPED_TRACE(fmt::format("seed {}", seed));
    std::minstd_rand random(seed);
    int64_t acknowledged = 0;
    for (int round = 0; round < rounds; ++round) {
        int pipe_ends[2];
        ASSERT_EQ(pipe(pipe_ends), 0);
        const pid_t child = fork();
        ASSERT_GE(child, 0);
        if (child == 0) write_until_killed(directory, acknowledged + 2, pipe_ends[1]);
        close(pipe_ends[1]);
        int64_t n = 0;
        // Counted in acknowledgements, not in time: a slow machine is killed as deep in its work.
        for (auto left = static_cast<int>(random() % 40); left >= 0; --left) {
            ASSERT_EQ(read(pipe_ends[0], &n, sizeof n), static_cast<ssize_t>(sizeof n));
            acknowledged = n;
        }
        std::this_thread::sleep_for(std::chrono::microseconds(random() % 2000));
        kill(child, SIGKILL);
        int status = 0;
        waitpid(child, &status, 0);
        while (read(pipe_ends[0], &n, sizeof n) == static_cast<ssize_t>(sizeof n)) acknowledged = n;
        close(pipe_ends[0]);

        auto store = Store::open(world.env, {.directory = directory});
        ASSERT_TRUE(store.ok()) << store.error().message;
        ASSERT_EQ((*store)->quarantined(), "");
        const Result<Snapshot> snapshot = (*store)->snapshot();
        ASSERT_TRUE(snapshot.ok());
        auto rows =
            (*snapshot)->query("SELECT max(n), sum(n), (SELECT sum FROM total) FROM number");
        ASSERT_TRUE(rows.ok() && rows->next().value_or(false));
        EXPECT_GE(rows->integer(0), acknowledged);
        EXPECT_LE(rows->integer(0), acknowledged + 1);  // at most the one under way
        EXPECT_EQ(rows->integer(1), rows->integer(2));  // both tables or neither
        acknowledged = rows->integer(0);
    }
}

}  // namespace
}  // namespace kw::state
