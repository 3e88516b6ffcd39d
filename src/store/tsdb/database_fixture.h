// An engine over a file system in memory, driven by hand: for tests.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/fs/memory.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/thread_pool.h"
#include "tsdb/database.h"

namespace kw::tsdb {

inline constexpr int64_t kHour = 3'600'000;

class DatabaseTest : public testing::Test {
 protected:
    void open() {
        database_.reset();
        options_.background = false;
        database_ = Database::open(env_, options_).value();
    }

    SeriesRef ref(const LabelSet& labels) { return database_->ref_of(labels).value(); }

    AppendResult append(const std::vector<SeriesRef>& series, const std::vector<int64_t>& times,
                        const std::vector<double>& values) {
        std::vector<Millis> timestamps;
        for (const int64_t time : times) timestamps.push_back({time});
        SampleBatch batch;
        batch.series = series;
        batch.timestamps = timestamps;
        batch.values = values;
        return database_->append(batch).value();
    }

    // "labels: t=v t=v" a line.
    std::string dump(const std::vector<Matcher>& matchers, TimeRange range = {}) {
        MemoryBudget budget(1 << 30);
        const auto selected = database_->select(matchers, range, {}, CancelToken(), budget).value();
        std::string out;
        SampleColumns columns;
        for (size_t i = 0; i < selected->size(); ++i) {
            EXPECT_TRUE(selected->read(i, columns).ok());
            out += selected->labels(i).to_string() + ":";
            for (size_t s = 0; s < columns.size(); ++s) {
                out += fmt::format(" {}={}", columns.timestamps[s], columns.values[s]);
            }
            out += "\n";
        }
        return out;
    }

    FakeClock clock_{Millis{1'000'000}};
    fs::MemoryFileSystem files_;
    Log log_ = Log::silent();
    MetricRegistry metrics_;
    ThreadPool pool_{"test", 1};
    Environment env_{clock_, files_, log_, metrics_, pool_};
    Options options_;
    std::unique_ptr<Database> database_;
};

}  // namespace kw::tsdb
