// Samples, added up by equal stacks, as a pprof profile (gzipped protobuf) or as gperftools'
// binary format.
//
// Source: profile.proto of github.com/google/pprof; "CPU profile binary data format" of gperftools.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>

#include "kilowatch/metric_snapshot.h"

namespace kilowatch {

class StackCounts final {
 public:
    explicit StackCounts(size_t stacks_max) : stacks_max_(stacks_max) {}

    // Of a sample (see stack_sample.h). When there are `stacks_max` different ones already, a new
    // stack loses its trace id, and is given up when that does not help. False: given up.
    bool add(std::span<const uint64_t> sample);

    // A stack's words but for the first, which is the count, as bytes.
    const std::unordered_map<std::string, uint64_t>& all() const { return counts_; }
    bool empty() const { return counts_.empty(); }

 private:
    size_t stacks_max_;
    std::unordered_map<std::string, uint64_t> counts_;
};

struct ProfileTime {
    SystemTime start;
    std::chrono::nanoseconds duration;
    std::chrono::nanoseconds period;  // CPU time that a sample stands for
};

std::string encode_pprof(const StackCounts& stacks, const ProfileTime& time);
std::string encode_legacy(const StackCounts& stacks, const ProfileTime& time);

}  // namespace kilowatch
