// An Environment for this module's tests: a clock set by hand, files in memory, no log.
#pragma once

#include "base/clock.h"
#include "base/environment.h"
#include "base/fs/memory.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/thread_pool.h"

namespace kw::intake {

struct TestEnvironment {
    FakeClock clock{Millis{1'000'000}};
    fs::MemoryFileSystem files;
    Log log = Log::silent();
    MetricRegistry metrics;
    ThreadPool pool{"test", 1};
    Environment env{clock, files, log, metrics, pool};
};

}  // namespace kw::intake
