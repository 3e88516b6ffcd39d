#include "intake/scrape_cache.h"

#include <utility>

namespace kw::intake {
namespace {

// As many lines more than the last good scrape had are kept in any case.
constexpr size_t kSpareLines = 1000;

std::string_view bytes_of(const SeriesRef& ref) {
    return {reinterpret_cast<const char*>(&ref.id), sizeof ref.id};
}

}  // namespace

void ScrapeCache::begin_scrape() {
    ++scrape_;
    seen_count_ = 0;
    previous_ = ByteIndex::kNone;
    expected_ = first_;
}

LineNumber ScrapeCache::take(std::string_view key, bool& is_new) {
    const uint64_t hash = hash64(key);
    LineNumber number = lines_index_.find(hash, key);
    is_new = number == ByteIndex::kNone;
    if (is_new) {
        number = lines_index_.insert(hash, key);
        lines_.emplace_back();
    }
    return follow(number);
}

SeriesNumber ScrapeCache::series_of(SeriesRef ref) {
    const std::string_view bytes = bytes_of(ref);
    const uint64_t hash = hash64(bytes);
    SeriesNumber number = series_by_ref_.find(hash, bytes);
    if (number == ByteIndex::kNone) {
        number = series_by_ref_.insert(hash, bytes);
        series_.push_back({ref, 0, false});
    }
    return number;
}

bool ScrapeCache::end_scrape(bool is_good) {
    if (is_good) {
        good_scrape_ = scrape_;
        good_seen_count_ = seen_count_;
    }
    if (lines_.size() <= 2 * size_t{good_seen_count_} + kSpareLines) return false;
    drop_unseen(good_scrape_);
    return true;
}

// Keeps the lines of the last good scrape and their series, and live series without a line.
void ScrapeCache::drop_unseen(uint32_t since) {
    const ByteIndex old_index = std::exchange(lines_index_, {});
    const std::vector<ScrapeLine> old_lines = std::exchange(lines_, {});
    const std::vector<ScrapeSeries> old_series = std::exchange(series_, {});
    series_by_ref_.clear();
    first_ = previous_ = expected_ = ByteIndex::kNone;
    const auto keep = [&](SeriesNumber old) {
        const SeriesNumber number = series_of(old_series[old].ref);
        series_[number] = old_series[old];
        return number;
    };
    for (SeriesNumber old = 0; old < old_series.size(); ++old) {
        if (old_series[old].is_live) keep(old);
    }
    for (LineNumber old = 0; old < old_lines.size(); ++old) {
        ScrapeLine line = old_lines[old];
        if (since == 0 || line.seen != since) continue;
        if (line.series < ScrapeLine::kPending) line.series = keep(line.series);
        line.next = static_cast<LineNumber>(lines_.size() +
                                            1);  // they stand in the order of their first scrape
        lines_index_.insert(old_index.hash(old), old_index.key(old));
        lines_.push_back(line);
    }
    if (!lines_.empty()) {
        lines_.back().next = ByteIndex::kNone;
        first_ = 0;
    }
}

}  // namespace kw::intake
