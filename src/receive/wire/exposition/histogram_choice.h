// Which forms of a histogram a scrape wants.
#pragma once

namespace kw::wire {

struct HistogramChoice {
    bool native = false;          // scrape_native_histograms: native ones are read
    bool always_classic = false;  // always_scrape_classic_histograms: their classic series too
    bool convert =
        false;  // convert_classic_histograms_to_nhcb: classic ones become native, with custom buckets
    bool operator==(const HistogramChoice&) const = default;
};

}  // namespace kw::wire
