// What the tests of rules stand on: a store in memory, an engine, a clock that is set by hand.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/environment.h"
#include "base/fs/memory.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/thread_pool.h"
#include "contract/memory_store.h"
#include "model/sample.h"
#include "promql/engine.h"
#include "rules/query_source.h"
#include "rules/rule_file.h"
#include "rules/rule_manager.h"

namespace kw::rules {

// Remembers what it was told.
class RememberingSink final : public AlertSink {
 public:
    void send(std::string_view expr, std::span<const Alert> alerts) override {
        for (const Alert& alert : alerts) sent.emplace_back(std::string(expr), alert);
    }
    std::vector<std::pair<std::string, Alert>> sent;
};

struct World {
    FakeClock clock{Millis{0}};
    fs::MemoryFileSystem files;
    Log log = Log::silent();
    MetricRegistry metrics;
    ThreadPool pool{"test", 1};
    Environment env{clock, files, log, metrics, pool};
    MemoryStore store;
    promql::Engine engine{env, store, {}};
    RememberingSink sink;

    static ManagerOptions options() {
        ManagerOptions options;
        options.own_threads = false;
        return options;
    }
    static std::vector<Group> groups(std::string_view text) {
        return read_rule_file(text, "r.yml", {}).value().groups;
    }
    // The samples of `query` at a time, "labels value" each, sorted.
    std::vector<std::string> ask(const std::string& query, Millis at) {
        std::vector<std::string> lines;
        const CancelToken cancel;
        const Result<std::vector<Sample>> samples = query_samples(engine, query, at, cancel);
        if (!samples.ok()) return {samples.error().message};
        for (const Sample& sample : *samples) {
            lines.push_back(sample.labels.to_string() + " " + format_value(sample.value));
        }
        std::sort(lines.begin(), lines.end());
        return lines;
    }
};

}  // namespace kw::rules
