// What a module needs of the outside, so that a test can own it: time, files, log, own metrics, and
// the pool on which long work runs. Given by reference; outlives everything made with it.
#pragma once

namespace kw {

class Clock;
class Log;
class MetricRegistry;
class ThreadPool;
namespace fs {
class FileSystem;
}

struct Environment {
    Clock& clock;
    fs::FileSystem& files;
    const Log& log;
    MetricRegistry& metrics;
    ThreadPool& pool;
};

}  // namespace kw
