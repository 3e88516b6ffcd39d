#include "tsdb/wal.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"

namespace kw::tsdb {
namespace {

constexpr std::string_view kCheckpointPrefix = "checkpoint.";
// A round's frames, at most: bounds the memory of the second copy, not what one fdatasync covers.
constexpr size_t kWriteBytesMax = 1 << 20;
// While the log is broken the flusher tries more and more seldom, up to every 50th interval (5 s).
constexpr uint64_t kMendEveryMax = 50;

// 0.1 ms (a battery-backed cache) to 10 s (a disk that is about to fail).
std::vector<double> fsync_bounds() {
    return {1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 0.1, 0.25, 0.5, 1, 2.5, 10};
}

}  // namespace

std::string wal_segment_name(uint64_t number) { return fmt::format("{:08}", number); }
std::string wal_checkpoint_name(uint64_t number) {
    return fmt::format("{}{:08}", kCheckpointPrefix, number);
}

std::optional<uint64_t> wal_segment_number(std::string_view name) {
    uint64_t number = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (error != std::errc() || end != name.data() + name.size()) return std::nullopt;
    return number;
}

std::optional<uint64_t> wal_checkpoint_number(std::string_view name) {
    if (!name.starts_with(kCheckpointPrefix)) return std::nullopt;
    return wal_segment_number(name.substr(kCheckpointPrefix.size()));
}

Wal::Wal(Environment& env, const fs::Path& directory, const Options& options)
    : env_(env),
      directory_(directory),
      options_(options),
      instruments_{
          env.metrics.histogram("prometheus_tsdb_wal_fsync_duration_seconds",
                                "Duration of a flush of the write-ahead log.", fsync_bounds()),
          env.metrics.counter("prometheus_tsdb_wal_writes_failed_total",
                              "Writes and flushes of the write-ahead log that failed."),
          env.metrics.counter("kilowatch_tsdb_wal_written_bytes_total",
                              "Bytes written to the write-ahead log."),
          env.metrics.gauge("prometheus_tsdb_wal_segment_current",
                            "Number of the segment that is written to."),
      } {}

Result<std::unique_ptr<Wal>> Wal::create(Environment& env, const fs::Path& directory,
                                         const WalHeader& header, const Options& options) {
    std::unique_ptr<Wal> wal(new Wal(env, directory, options));
    KW_TRY(wal->start_segment(header));
    {
        MutexLock lock(wal->mutex_);
        wal->segment_ = header.number;
    }
    if (options.start_flusher) {
        wal->flusher_ = std::jthread(
            [raw = wal.get()](const std::stop_token& stop) { raw->run_flusher(stop); });
    }
    return wal;
}

Wal::~Wal() {
    if (flusher_.joinable()) {
        flusher_.request_stop();
        {
            MutexLock lock(mutex_);
            stop_asked_.notify_all();
        }
        flusher_.join();
    }
    if (Result<void> flushed = flush(); !flushed.ok()) {
        env_.log.error("write-ahead log not flushed at the end",
                       {{"error", flushed.error().message}});
    }
}

WalPosition Wal::enqueue(Bytes record) {
    MutexLock lock(mutex_);
    retained_bytes_ += record.size();
    retained_.push_back(std::move(record));
    return ++enqueued_;
}

WalPosition Wal::end() const {
    MutexLock lock(mutex_);
    return enqueued_;
}

uint64_t Wal::segment() const {
    MutexLock lock(mutex_);
    return segment_;
}

bool Wal::is_broken() const {
    MutexLock lock(mutex_);
    return broken_;
}

Result<void> Wal::check(bool somebody_waits) const {
    MutexLock lock(mutex_);
    if (broken_ && somebody_waits) {
        return unavailable("write-ahead log: {}", last_error_.message);
    }
    if (broken_ && retained_bytes_ > options_.retained_bytes_max) {
        return unavailable("{} bytes wait for the write-ahead log, at most {} may: {}",
                           retained_bytes_, options_.retained_bytes_max, last_error_.message);
    }
    return {};
}

Result<void> Wal::write(WalPosition position) { return reach(Goal::kWritten, position); }
Result<void> Wal::sync(WalPosition position) { return reach(Goal::kSynced, position); }
Result<void> Wal::flush() { return reach(Goal::kSynced, end()); }

Result<uint64_t> Wal::roll() {
    KW_TRY(reach(Goal::kRolled, segment() + 1));
    return segment();
}

bool Wal::reached(Goal goal, WalPosition position) const {
    switch (goal) {
        case Goal::kWritten: return written_ >= position;
        case Goal::kSynced: return synced_ >= position && !broken_;
        case Goal::kRolled: return segment_ >= position && !broken_;
    }
    return false;
}

Result<void> Wal::reach(Goal goal, WalPosition position) {
    MutexLock lock(mutex_);
    const uint64_t failed_before = rounds_failed_;
    while (!reached(goal, position)) {
        const bool gives_up = broken_ && goal == Goal::kWritten;
        if (gives_up || rounds_failed_ != failed_before)
            return unavailable("{}", last_error_.message);
        if (io_busy_) {
            changed_.wait(mutex_);
            continue;
        }
        io_busy_ = true;
        do_io(goal);
        io_busy_ = false;
        changed_.notify_all();
    }
    return {};
}

void Wal::do_io(Goal goal) {
    const bool mend = broken_;
    std::vector<const Bytes*> records;
    const size_t first = mend ? 0 : static_cast<size_t>(written_ - synced_);
    for (size_t i = first; i < retained_.size(); ++i) records.push_back(&retained_[i]);
    const WalPosition last = enqueued_;

    mutex_.unlock();
    const bool sync = mend || goal != Goal::kWritten;
    const bool roll = mend || goal == Goal::kRolled || segment_bytes_ >= options_.segment_bytes_max;
    const auto round = [&]() -> Result<void> {
        if (goal == Goal::kRolled && !mend) {  // what waits belongs to the segment that ends
            KW_TRY(write_records(records));
            records.clear();
        }
        if (roll) {
            if (!mend) KW_TRY(sync_segment());
            WalHeader header;
            header.number = next_number_;
            header.follows_segment = trusted_segment_;
            header.follows_bytes = trusted_bytes_;
            KW_TRY(start_segment(header));
        }
        KW_TRY(write_records(records));
        if (sync) KW_TRY(sync_segment());
        return {};
    };
    const Result<void> done = round();
    mutex_.lock();

    segment_ = number_;
    if (!done.ok()) {
        instruments_.writes_failed.add();
        if (!broken_) {
            env_.log.error("write-ahead log cannot be written; pushes are refused until it can",
                           {{"error", done.error().message}});
        }
        broken_ = true;
        ++rounds_failed_;
        last_error_ = done.error();
        return;
    }
    if (broken_) env_.log.info("write-ahead log is written again");
    broken_ = false;
    written_ = last;
    if (!sync) return;
    for (; synced_ < last; ++synced_) {
        retained_bytes_ -= retained_.front().size();
        retained_.pop_front();
    }
}

Result<void> Wal::write_records(const std::vector<const Bytes*>& records) {
    frames_.clear();
    const auto write_out = [&]() -> Result<void> {
        if (frames_.empty()) return {};
        KW_TRY(file_->append(frames_));
        segment_bytes_ += frames_.size();
        instruments_.bytes_written.add(frames_.size());
        frames_.clear();
        return {};
    };
    for (const Bytes* const record : records) {
        append_wal_record(*record, segment_bytes_ + frames_.size(), frames_);
        if (frames_.size() >= kWriteBytesMax) KW_TRY(write_out());
    }
    return write_out();
}

Result<void> Wal::sync_segment() {
    const int64_t begin = env_.clock.steady_ns();
    KW_TRY(file_->sync());
    instruments_.fsync_seconds.observe(static_cast<double>(env_.clock.steady_ns() - begin) * 1e-9);
    trusted_segment_ = number_;
    trusted_bytes_ = segment_bytes_;
    return {};
}

Result<void> Wal::start_segment(const WalHeader& header) {
    next_number_ = header.number + 1;  // a number whose file failed is not used again
    file_.reset();
    KW_TRY_ASSIGN(file_, env_.files.open(fs::join(directory_, wal_segment_name(header.number)),
                                         fs::OpenMode::kCreateNew));
    number_ = header.number;
    segment_bytes_ = 0;
    Bytes bytes;
    append_wal_header(header, bytes);
    KW_TRY(file_->append(bytes));
    segment_bytes_ = bytes.size();
    KW_TRY(file_->sync());
    KW_TRY(env_.files.sync_directory(directory_));
    // Only now: its header is what says how much of the one before counts.
    trusted_segment_ = number_;
    trusted_bytes_ = segment_bytes_;
    instruments_.segment_current.set(static_cast<double>(number_));
    return {};
}

void Wal::run_flusher(const std::stop_token& stop) {
    uint64_t mend_every = 1;
    uint64_t ticks = 0;
    while (!stop.stop_requested()) {
        bool due = false;
        {
            MutexLock lock(mutex_);
            if (stop.stop_requested()) return;
            stop_asked_.wait_for(mutex_, options_.flush_interval);
            due = broken_ ? ++ticks % mend_every == 0 : synced_ < enqueued_;
        }
        if (!due || stop.stop_requested()) continue;
        // The error is kept, logged and counted where it happens.
        mend_every = flush().ok() ? 1 : std::min(mend_every * 2, kMendEveryMax);
    }
}

}  // namespace kw::tsdb
