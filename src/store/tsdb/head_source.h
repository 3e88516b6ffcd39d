// The frozen samples of the head in one window, as the source of a block.
#pragma once

#include <vector>

#include "tsdb/block_writer.h"
#include "tsdb/head.h"

namespace kw::tsdb {

class HeadSource final : public SeriesSource {
 public:
    // `head` is frozen, `series` are its series by labels; both outlive the source.
    HeadSource(const Head& head, const std::vector<HeadSeries>& series, const TimeRange& range)
        : head_(head), series_(series), range_(range) {}

    Result<bool> next(LabelSet& labels, SampleColumns& samples) override {
        if (next_ == series_.size()) return false;
        labels = series_[next_].labels;
        KW_TRY(head_.read_frozen(series_[next_].id, range_, samples));
        ++next_;
        return true;
    }

 private:
    const Head& head_;
    const std::vector<HeadSeries>& series_;
    const TimeRange range_;
    size_t next_ = 0;
};

}  // namespace kw::tsdb
