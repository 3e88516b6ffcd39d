#include "tsdb/sample_merge.h"

#include <utility>

#include "contract/metric_store.h"

namespace kw::tsdb {
namespace {

void append_sample(const SampleColumns& from, size_t i, bool starts, bool histograms,
                   SampleColumns& to) {
    to.timestamps.push_back(from.timestamps[i]);
    to.values.push_back(from.values[i]);
    if (starts) to.starts.push_back(from.starts.empty() ? kNoStart.count : from.starts[i]);
    if (histograms) {
        to.histograms.push_back(from.histograms.empty() ? nullptr : from.histograms[i]);
    }
}

void append_all(const SampleColumns& from, bool starts, bool histograms, SampleColumns& to) {
    to.timestamps.insert(to.timestamps.end(), from.timestamps.begin(), from.timestamps.end());
    to.values.insert(to.values.end(), from.values.begin(), from.values.end());
    if (starts) {
        to.starts.insert(to.starts.end(), from.starts.begin(), from.starts.end());
        to.starts.resize(to.timestamps.size(), kNoStart.count);
    }
    if (histograms) {
        to.histograms.insert(to.histograms.end(), from.histograms.begin(), from.histograms.end());
        to.histograms.resize(to.timestamps.size());
    }
}

}  // namespace

void merge_samples(SampleColumns& older, const SampleColumns& newer, SampleColumns& scratch) {
    if (newer.size() == 0) return;
    const bool starts = !older.starts.empty() || !newer.starts.empty();
    const bool histograms = !older.histograms.empty() || !newer.histograms.empty();
    if (older.size() == 0 || older.timestamps.back() < newer.timestamps.front()) {
        older.starts.resize(starts ? older.size() : 0, kNoStart.count);
        older.histograms.resize(histograms ? older.size() : 0);
        append_all(newer, starts, histograms, older);
        return;
    }
    scratch.clear();
    size_t i = 0;
    size_t j = 0;
    while (i < older.size() || j < newer.size()) {
        const bool take_older =
            j == newer.size() || (i < older.size() && older.timestamps[i] <= newer.timestamps[j]);
        if (take_older) {
            if (j < newer.size() && older.timestamps[i] == newer.timestamps[j]) ++j;
            append_sample(older, i++, starts, histograms, scratch);
        } else {
            append_sample(newer, j++, starts, histograms, scratch);
        }
    }
    std::swap(older, scratch);
}

}  // namespace kw::tsdb
