// Where a series of an answer changed: pure functions of its points, which are steps or samples.
//
//   value   0 0 1 1 0 · · 1      begins: the 1 after a 0, and the 1 after a gap
//   flips       ↑   ↓     ↑      of numbers that follow each other, whatever lies between them
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "base/time.h"
#include "promql/engine.h"

namespace kw::incidents {

struct Flip {
    Millis at;
    bool is_on = false;  // it became positive
    bool operator==(const Flip&) const = default;
};

// Where `series` has a positive value after one that is not, or after none: no value at the step before, or for samples
// none within the lookback before. What holds at the start of the window did not begin in it: the first step, or
// a sample before `from`. Ascending.
std::vector<Millis> begins(const promql::QueryResult& result, const promql::ResultSeries& series,
                           Millis from, int64_t lookback_ms);

// Where the sign of one number differs from that of the number before. Ascending.
std::vector<Flip> flips(const promql::QueryResult& result, const promql::ResultSeries& series);

// Of a gauge that holds a time in seconds: each later time that it took. In the order it took them.
std::vector<Millis> time_changes(const promql::QueryResult& result,
                                 const promql::ResultSeries& series);

// Where a series was between two steps only: the first sample after a step by the step's number.
using Between = std::map<size_t, Millis>;

// Adds to `between` the samples of `one`, of the answer `samples`, that neither the step before nor the step after them
// shows of `series`, of the answer `steps`: between them the series was there and was marked as gone.
void add_between(const promql::QueryResult& steps, const promql::ResultSeries& series,
                 const promql::QueryResult& samples, const promql::ResultSeries& one,
                 Between& between);

}  // namespace kw::incidents
