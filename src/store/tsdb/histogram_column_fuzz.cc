// Columns of histograms and records of the log from arbitrary bytes: nothing is read outside, and what decodes survives
// being encoded again.
//
// Input: u8 kind (even: a column, odd: a record of samples), u8 number of samples, then the bytes.
#include <cstdlib>

#include "model/stored_histogram.h"
#include "tsdb/histogram_column.h"
#include "tsdb/wal_record.h"

namespace {

using namespace kw;
using namespace kw::tsdb;

void check(bool holds) {
    if (!holds) std::abort();
}

void check_same(std::span<const HistogramPtr> a, std::span<const HistogramPtr> b) {
    check(a.size() == b.size());
    for (size_t i = 0; i < a.size(); ++i) {
        check((a[i] == nullptr) == (b[i] == nullptr));
        check(a[i] == nullptr || same_sample(*a[i], *b[i]));
    }
}

void column(ByteView bytes, size_t count) {
    std::vector<HistogramPtr> decoded(count), again(count);
    const Result<size_t> used = decode_histograms(bytes, decoded);
    if (!used.ok()) return;
    check(*used <= bytes.size());
    Bytes encoded;
    encode_histograms(decoded, encoded);
    const Result<size_t> used_again = decode_histograms(encoded, again);
    check(used_again.ok() && *used_again == encoded.size());
    check_same(decoded, again);
}

void record(ByteView bytes) {
    const Result<WalRecordKind> kind = wal_record_kind(bytes);
    if (!kind.ok() || (*kind != WalRecordKind::kSamples && *kind != WalRecordKind::kMixedSamples)) {
        return;
    }
    DecodedSamples decoded, again;
    if (!decode_samples(bytes, decoded).ok()) return;
    check(decode_samples(encode_samples(decoded.rows(), {}), again).ok());
    check(decoded.series == again.series);
    if (!again.histograms.empty()) check_same(decoded.histograms, again.histograms);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size < 2) return 0;
    const ByteView bytes(data + 2, size - 2);
    if (data[0] % 2 == 0) {
        column(bytes, data[1]);
    } else {
        record(bytes);
    }
    return 0;
}
