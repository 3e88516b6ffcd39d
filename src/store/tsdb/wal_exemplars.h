// Exemplars in records of the write-ahead log: to bytes and back. Pure functions.
//
// Exemplars are numbered in the order in which they came to the store, and a record has consecutive ones. So a replay
// knows those that a checkpoint and a segment behind it both have. A record has the labels of its series, not their
// ids: exemplars outlive the head's series, and a damaged record takes nothing else with it.
// Source: docs/formats/wal.md.
#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "contract/exemplar_store.h"

namespace kw::tsdb {

// Builds one record.
class ExemplarRecord final {
 public:
    // `number` is that of the first exemplar.
    explicit ExemplarRecord(uint64_t number);

    // `series` is not empty.
    void add(const LabelSet& series, const Exemplar& exemplar);
    uint64_t count() const { return count_; }
    // Whether the next exemplar is better put into another record.
    bool is_full() const;
    // The record, which has at least one exemplar.
    Bytes take() { return out_.take(); }

 private:
    ByteWriter out_;
    uint64_t count_ = 0;
    LabelSet series_;        // of the exemplar before
    int64_t timestamp_ = 0;  // of that, milliseconds
};

struct DecodedExemplars {
    uint64_t number = 0;  // of the first
    std::vector<ExemplarSeries>
        series;  // in the order of their numbers; a series may be there twice
};
// Replaces `out`; after an error it has what stands before it. Errors: kCorrupt.
Result<void> decode_exemplars(ByteView record, DecodedExemplars& out);

}  // namespace kw::tsdb
