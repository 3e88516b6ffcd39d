// What the gathering of a timeline asks of the engine: at one time, in steps, or every sample.
// Bounded: time and series a query. Errors name the query.
#pragma once

#include <cstdint>
#include <string>

#include "base/cancel.h"
#include "base/result.h"
#include "base/time.h"
#include "promql/engine.h"

namespace kw::incidents {

class TimelineQueries final {
 public:
    TimelineQueries(promql::Engine& engine, const CancelToken& cancel)
        : engine_(engine), cancel_(cancel) {}

    int64_t lookback_ms() const { return engine_.options().lookback_ms; }

    // All errors: the engine's, and kExhausted for more series than are looked at.
    Result<promql::QueryResult> instant(const std::string& query, Millis at) const;
    Result<promql::QueryResult> range(const std::string& query, Millis from, Millis to,
                                      int64_t step_ms) const;
    // The samples of `selector` after `from` up to `to`, with their own times.
    Result<promql::QueryResult> samples(const std::string& selector, Millis from, Millis to) const;

 private:
    Result<promql::QueryResult> taken(const std::string& query,
                                      Result<promql::QueryResult> result) const;

    promql::Engine& engine_;
    const CancelToken& cancel_;
};

}  // namespace kw::incidents
