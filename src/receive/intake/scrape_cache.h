// What a target remembers of the lines it exposes: each line's key, the series it stands for, and
// which line followed it. scrape_target.h says how it is used.
//
// A line's key is its series part as written, or the whole of a HELP, TYPE or UNIT line. Several
// lines may stand for one series (labels in another order, relabelling that makes two the same).
// Memory: some 60 bytes and the key for each line. Lines that the last good scrape did not have are
// dropped when they outnumber those that it had. Threads: none of its own; one user.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/checksum.h"
#include "contract/metric_store.h"
#include "intake/byte_index.h"

namespace kw::intake {

// Number of a line and of a series in the cache.
using LineNumber = uint32_t;
using SeriesNumber = uint32_t;

struct ScrapeLine {
    // Of `series`, besides the numbers.
    static constexpr SeriesNumber kComment = ~uint32_t{0};      // no sample line
    static constexpr SeriesNumber kDropped = ~uint32_t{0} - 1;  // relabelling dropped it
    static constexpr SeriesNumber kPending =
        ~uint32_t{0} - 2;  // its labels are not read or have no ref

    SeriesNumber series = kPending;
    LineNumber next = ByteIndex::kNone;  // the line that followed it last time
    uint32_t seen = 0;                   // the scrape that had it last
};

struct ScrapeSeries {
    SeriesRef ref;
    uint32_t seen = 0;     // the scrape that had it last, as far as staleness goes
    bool is_live = false;  // in the last scrape: gets a marker when it vanishes
};

class ScrapeCache final {
 public:
    // Begins scrape number scrape() + 1.
    void begin_scrape();
    uint32_t scrape() const { return scrape_; }

    // What the next line probably is; empty where nothing is known.
    std::string_view expected() const {
        return expected_ == ByteIndex::kNone ? std::string_view() : lines_index_.key(expected_);
    }
    // The line that was expected came.
    LineNumber take_expected() { return follow(expected_); }
    // Another came: its number, new when the key is.
    LineNumber take(std::string_view key, bool& is_new);

    // Whether the line that was taken last is known, but was not in the last good scrape.
    bool came_back() const { return came_back_; }

    ScrapeLine& line(LineNumber number) { return lines_[number]; }
    std::string_view key(LineNumber number) const { return lines_index_.key(number); }
    ScrapeSeries& series(SeriesNumber number) { return series_[number]; }
    std::vector<ScrapeSeries>& all_series() { return series_; }
    // The series with this ref, made where there is none.
    SeriesNumber series_of(SeriesRef ref);
    // Ends a scrape that was read to its end (`is_good`) or not. Drops lines where they are too
    // many, and says so.
    bool end_scrape(bool is_good);
    // Calls `see` with the key of each line that is a comment.
    template <typename See>
    void for_each_comment(const See& see) const {
        for (LineNumber number = 0; number < lines_.size(); ++number) {
            if (lines_[number].series == ScrapeLine::kComment) see(lines_index_.key(number));
        }
    }
    size_t line_count() const { return lines_.size(); }

 private:
    LineNumber follow(LineNumber number) {
        if (previous_ != ByteIndex::kNone) {
            lines_[previous_].next = number;
        } else {
            first_ = number;
        }
        previous_ = number;
        ScrapeLine& line = lines_[number];
        seen_count_ += line.seen != scrape_;
        came_back_ = line.seen != 0 && line.seen < good_scrape_;
        line.seen = scrape_;
        expected_ = line.next;
        return number;
    }
    void drop_unseen(uint32_t since);

    ByteIndex lines_index_;
    std::vector<ScrapeLine> lines_;
    std::vector<ScrapeSeries> series_;
    ByteIndex series_by_ref_;  // the ref's 8 bytes to the series
    uint32_t scrape_ = 0;
    uint32_t good_scrape_ = 0;  // the last one
    uint32_t seen_count_ = 0;   // lines of this scrape
    uint32_t good_seen_count_ = 0;
    bool came_back_ = false;
    LineNumber first_ = ByteIndex::kNone;
    LineNumber previous_ = ByteIndex::kNone;
    LineNumber expected_ = ByteIndex::kNone;
};

}  // namespace kw::intake
