// Evaluates whatever text parses, over a small store, as instant and range query: no crash, no broken
// invariant, no overflow, bounded time and memory.
#include <cstdint>
#include <limits>
#include <memory>
#include <string_view>

#include "base/clock.h"
#include "base/environment.h"
#include "base/fs/memory.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/thread_pool.h"
#include "contract/memory_store.h"
#include "promql/engine.h"

namespace {

using namespace kw;

struct World {
    World()
        : pool("fuzz", 0), env{clock, files, log, metrics, pool}, engine(env, store, options()) {
        const std::string_view hosts[] = {"a", "b", "c"};
        for (int64_t i = 0; i < 40; ++i) {
            for (size_t h = 0; h < 3; ++h) {
                const Millis t{i * 15'000};
                const double value = static_cast<double>(i * 7 % 11) - static_cast<double>(h);
                store.add({{"__name__", "x"}, {"host", hosts[h]}}, t,
                          i % 13 == 5 ? kStaleMarker : value);
                store.add({{"__name__", "y_total"}, {"host", hosts[h]}, {"job", "j"}}, t,
                          static_cast<double>(i % 17) * 10);
                store.add({{"__name__", "h_bucket"},
                           {"le", h == 0   ? "1"
                                  : h == 1 ? "2.5"
                                           : "+Inf"}},
                          t, static_cast<double>(i) * static_cast<double>(h + 1));
                // Floats and histograms of two layouts by turns, and restarts.
                if (i % 10 == 9)
                    store.add({{"__name__", "n"}, {"host", hosts[h]}}, t, value);
                else
                    store.add({{"__name__", "n"}, {"host", hosts[h]}}, t, 0, kNoStart,
                              histogram(i, h));
            }
        }
    }
    static std::shared_ptr<const Histogram> histogram(int64_t i, size_t h) {
        Histogram out;
        const double growth = static_cast<double>(i % 15);
        out.count = 4 * growth;
        out.sum = i == 20 ? std::numeric_limits<double>::quiet_NaN() : 3 * growth;
        out.positive_spans = {{static_cast<int32_t>(h), 2}};
        out.positive_buckets = {growth, 2 * growth};
        if (h == 2 && i % 4 == 0) {
            out.schema = kCustomBucketsSchema;
            out.positive_spans[0].offset = 0;
            out.custom_values = {static_cast<double>(i % 3), 7};
            return std::make_shared<const Histogram>(std::move(out));
        }
        out.schema = static_cast<int32_t>(h) - 1;
        out.zero_threshold = 0.001 * static_cast<double>(i % 3);
        out.zero_count = growth;
        out.negative_spans = {{-5, 1}};
        out.negative_buckets = {growth / 2};
        if (i % 7 == 0) out.counter_reset_hint = CounterResetHint::kGauge;
        return std::make_shared<const Histogram>(std::move(out));
    }
    static promql::EngineOptions options() {
        promql::EngineOptions out;
        out.features = promql::ParseOptions::all_features();
        out.timeout_ms = 2000;
        out.max_samples = 100'000;
        out.query_memory_bytes = 16 << 20;
        return out;
    }

    RealClock clock;
    fs::MemoryFileSystem files;
    Log log = Log::silent();
    MetricRegistry metrics;
    ThreadPool pool;
    Environment env;
    MemoryStore store;
    promql::Engine engine;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static const auto world = std::make_unique<World>();
    if (size > 4096) return 0;
    const std::string_view query(reinterpret_cast<const char*>(data), size);
    const CancelToken cancel;
    (void)world->engine.instant(query, Millis{500'000}, {}, cancel);
    (void)world->engine.range(query, Millis{0}, Millis{600'000}, 37'000, {}, cancel);
    return 0;
}
