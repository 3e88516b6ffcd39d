// Reads the write-ahead log at start-up and delivers it, oldest record first.
//
// A torn tail is cut. Damage elsewhere is copied to wal/quarantine/, with a text that says which series
// and times it held as far as they can be read, and reading goes on.
// Threads: one caller, before the log is written again. WalReplayProgress may be read by any thread.
// Source: docs/formats/wal.md.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "base/environment.h"
#include "base/fs/file_system.h"
#include "base/result.h"
#include "tsdb/wal_exemplars.h"
#include "tsdb/wal_frame.h"
#include "tsdb/wal_record.h"

namespace kw::tsdb {

// For status pages: numbers of segments.
struct WalReplayProgress {
    std::atomic<uint64_t> min{0};
    std::atomic<uint64_t> max{0};
    std::atomic<uint64_t> current{0};
};

class WalReceiver {
 public:
    virtual ~WalReceiver() = default;
    // Errors end the replay.
    virtual Result<void> on_series(DecodedSeries& series) = 0;
    // Returns how many rows name a series that is not known.
    virtual Result<uint64_t> on_samples(const DecodedSamples& samples) = 0;
    // May take the exemplars away.
    virtual void on_exemplars(DecodedExemplars& exemplars) = 0;
    // For reports of damage; empty when it is not known.
    virtual std::string describe_series(uint64_t id) const = 0;
};

struct WalReplayResult {
    WalHeader next;  // of the segment to write now
    uint64_t records = 0;
    uint64_t rows_unknown = 0;  // of series whose record is lost
    uint64_t damages = 0;       // quarantined
    uint64_t torn_bytes = 0;    // cut at the end
};

// `directory` is the log's; created when absent.
// Errors: kUnavailable (I/O), kUnsupported (written by a newer version), those of `receiver`.
Result<WalReplayResult> replay_wal(Environment& env, const fs::Path& directory,
                                   WalReceiver& receiver, WalReplayProgress& progress);

}  // namespace kw::tsdb
