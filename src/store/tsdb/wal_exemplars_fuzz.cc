// A record of exemplars from arbitrary bytes: nothing is read outside, and what decodes survives being encoded again,
// and being restored into a buffer and taken out of it.
#include <cstdlib>

#include "base/clock.h"
#include "base/fs/memory.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/thread_pool.h"
#include "tsdb/exemplar_buffer.h"
#include "tsdb/wal_exemplars.h"

namespace {

using namespace kw;
using namespace kw::tsdb;

constexpr uint64_t kExemplarsMax = 4;

void check(bool holds) {
    if (!holds) std::abort();
}

Bytes encoded(const DecodedExemplars& decoded) {
    ExemplarRecord record(decoded.number);
    for (const ExemplarSeries& series : decoded.series) {
        for (const Exemplar& one : series.exemplars) record.add(series.labels, one);
    }
    return record.take();
}

bool has_empty_series(const DecodedExemplars& decoded) {
    for (const ExemplarSeries& series : decoded.series) {
        if (series.labels.empty()) return true;
    }
    return false;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static FakeClock clock(Millis{0});
    static fs::MemoryFileSystem files;
    static const Log log = Log::silent();
    static MetricRegistry metrics;
    static ThreadPool pool("fuzz", 1);
    static Environment env{clock, files, log, metrics, pool};

    DecodedExemplars decoded;
    DecodedExemplars again;
    if (!decode_exemplars(ByteView(data, size), decoded).ok()) return 0;
    check(!decoded.series.empty() && !has_empty_series(decoded));
    const Bytes bytes = encoded(decoded);
    check(decode_exemplars(bytes, again).ok() && encoded(again) == bytes);

    ExemplarBuffer buffer(env, kExemplarsMax);
    buffer.restore(decoded);
    size_t count = 0;
    for (const ExemplarSeries& series : buffer.select({{}}, {})) {
        count += series.exemplars.size();
        for (size_t i = 1; i < series.exemplars.size(); ++i)
            check(series.exemplars[i - 1].timestamp <= series.exemplars[i].timestamp);
    }
    check(count <= kExemplarsMax);
    check(buffer
              .state([&](ByteView record) {
                  check(decode_exemplars(record, again).ok());
                  return Result<void>();
              })
              .ok());
    return 0;
}
