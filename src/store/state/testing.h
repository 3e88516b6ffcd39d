// What tests of the state need: a directory of their own on the real file system, and an Environment.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

#include "base/clock.h"
#include "base/environment.h"
#include "base/fs/real.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/thread_pool.h"

namespace kw::state {

class TestDirectory final {
 public:
    TestDirectory() {
        std::string name = (std::filesystem::temp_directory_path() / "kw-state-XXXXXX").string();
        if (mkdtemp(name.data()) == nullptr) std::abort();
        path_ = name;
    }
    ~TestDirectory() { std::filesystem::remove_all(path_); }
    TestDirectory(const TestDirectory&) = delete;
    TestDirectory& operator=(const TestDirectory&) = delete;
    const std::string& path() const { return path_; }

 private:
    std::string path_;
};

struct TestWorld {
    TestDirectory directory;
    FakeClock clock{Millis{1'700'000'000'000}};
    fs::RealFileSystem files;
    Log log = Log::silent();
    MetricRegistry metrics;
    ThreadPool pool{"test", 1};
    Environment env{clock, files, log, metrics, pool};
};

}  // namespace kw::state
