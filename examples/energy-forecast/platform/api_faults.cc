#include <fmt/core.h>

#include <cstring>
#include <thread>

#include "platform/api.h"

namespace energy {
namespace {

using Clock = std::chrono::steady_clock;
constexpr size_t kBallastPiece = 4 << 20;  // twice a second: 8 MB/s
constexpr size_t kBallastPieces = 64;      // 256 MB
constexpr int kStormLines = 25;            // each step of 50 ms: 500 a second

bool due(Clock::time_point& turn, std::chrono::milliseconds every) {
    if (Clock::now() < turn) return false;
    turn = Clock::now() + every;
    return true;
}

}  // namespace

ApiFaults::ApiFaults(Service& service, Database& database, Cache& cache, std::string conninfo)
    : service_(service),
      database_(database),
      cache_(cache),
      conninfo_(std::move(conninfo)),
      lock_waiters_(
          service.metrics().gauge("database_lock_waiters", "Sessions that wait for a lock.")) {}

bool ApiFaults::disturb() {
    const uint64_t turn = turn_.fetch_add(1);
    if (service_.faults().active("latency"))
        std::this_thread::sleep_for(std::chrono::milliseconds(300 + mix(turn) % 600));
    return service_.faults().active("errors") && turn % 3 == 0;
}

void ApiFaults::step() {
    const FaultSwitch& faults = service_.faults();
    grow_memory(faults.active("memory-growth"));
    burn(faults.active("cpu-burn"));
    if (faults.active("cache-flush") && due(flush_turn_, std::chrono::milliseconds(500)))
        cache_.flush();
    database_.set_delay(std::chrono::milliseconds(faults.active("slow-query") ? 400 : 0));
    hold_lock(faults.active("lock-contention"));
    hold_pool(faults.active("pool-exhaustion"));
    if (faults.active("log-storm"))
        for (int i = 0; i < kStormLines; ++i)
            service_.log(kilowatch::LogLevel::kWarning,
                         "retrying the connection to the meter gateway",
                         {{"attempt", i}, {"peer", fmt::format("meter-{}", turn_.load() % 97)}});
    if (due(measure_turn_, std::chrono::milliseconds(1000))) measure_locks();
}

void ApiFaults::grow_memory(bool on) {
    if (!on) {
        ballast_.clear();
        return;
    }
    if (ballast_.size() >= kBallastPieces || !due(grow_turn_, std::chrono::milliseconds(500)))
        return;
    auto piece = std::make_unique<char[]>(kBallastPiece);
    std::memset(piece.get(), 1, kBallastPiece);  // touched, so that it is resident
    ballast_.push_back(std::move(piece));
}

void ApiFaults::burn(bool on) {
    if (!on) {
        burner_.reset();
        return;
    }
    if (burner_) return;
    burner_.emplace([](const std::stop_token& stop) {
        KW_PROFILE_CPU("cpu_burn");
        volatile uint64_t sum = 0;
        while (!stop.stop_requested())
            for (int i = 0; i < 100'000; ++i) sum = sum + static_cast<uint64_t>(i);
    });
}

void ApiFaults::hold_lock(bool on) {
    if (locked_ && (!on || Clock::now() >= lock_turn_)) {
        (void)locker_->script("ROLLBACK");  // a session that is gone holds nothing either
        locked_ = false;
        lock_turn_ = Clock::now() + std::chrono::milliseconds(200);
        return;
    }
    if (!on) {
        locker_.reset();
        return;
    }
    if (locked_ || Clock::now() < lock_turn_) return;
    if (!locker_ || !locker_->alive()) {
        kw::Result<std::unique_ptr<Connection>> opened = Connection::open(conninfo_);
        if (!opened.ok()) return;  // the database is away: nothing to contend for
        locker_ = std::move(opened).value();
    }
    locked_ = locker_
                  ->script(
                      "BEGIN; SET LOCAL lock_timeout = '500ms'; LOCK TABLE forecast IN ACCESS "
                      "EXCLUSIVE MODE")
                  .ok();
    if (!locked_) (void)locker_->script("ROLLBACK");
    lock_turn_ = Clock::now() + std::chrono::milliseconds(1000);
}

void ApiFaults::hold_pool(bool on) {
    if (!on) {
        held_.clear();
        return;
    }
    while (true) {
        kw::Result<Database::Lease> lease = database_.try_lease();
        if (!lease.ok()) return;  // all are taken
        held_.push_back(std::move(lease).value());
    }
}

void ApiFaults::measure_locks() {
    if (!watcher_ || !watcher_->alive()) {
        kw::Result<std::unique_ptr<Connection>> opened = Connection::open(conninfo_);
        if (!opened.ok()) {
            lock_waiters_.set(0);
            return;
        }
        watcher_ = std::move(opened).value();
    }
    const kw::Result<Rows> rows =
        watcher_->query("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'");
    if (rows.ok())
        lock_waiters_.set(real(rows->front()[0]));
    else
        watcher_.reset();
}

}  // namespace energy
