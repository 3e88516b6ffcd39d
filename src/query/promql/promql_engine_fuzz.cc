// Evaluates whatever text parses, over a small store, as instant and range query: no crash, no broken
// invariant, no overflow, bounded time and memory.
#include <cstdint>
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
            }
        }
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
