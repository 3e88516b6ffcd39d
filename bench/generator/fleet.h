// A fleet of machines that does not exist: the same series and samples on every run of a seed.
//
// Each instance has the series of a real node_exporter scrape (templates/node.prom) and of an HTTP
// service with classic histograms, about a thousand together. How a series moves follows from its
// type and its value in the template:
//   constant   info series, limits, zero counters of idle devices: the template's value for ever
//   counter    integer or fractional steps of uneven size around a rate of the series' own, some
//   idle for
//              minutes, a reset to 0 for all of an instance when it restarts (once in about 400
//              steps)
//   gauge      a walk with as many decimals as the template's value has
//   histogram  observations spread over the buckets by a distribution of the series' own;
//   cumulative
// Churn: at every `churn_every` steps one instance in a hundred is replaced by a new one (a new
// `instance`). Threads: none.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kw::bench {

struct FleetOptions {
    uint32_t instances = 10;
    uint64_t seed = 1;
    uint32_t churn_every = 0;  // steps; 0: none
};

class Fleet {
 public:
    // `node_template` is the text of a node_exporter scrape.
    Fleet(std::string_view node_template, const FleetOptions& options);

    struct Series {
        std::string name;
        std::vector<std::pair<std::string, std::string>>
            labels;             // sorted, without job, instance, __name__
        std::string text;       // name{labels} as a scrape shows it
        std::string type_line;  // "# TYPE …\n" on the first series of a family, else empty
    };

    size_t series_per_instance() const { return series_.size(); }
    size_t series_count() const { return series_.size() * instance_count(); }
    size_t instance_count() const { return options_.instances; }
    const Series& series(size_t index) const { return series_[index]; }
    std::string_view job(size_t index) const { return index < node_series_ ? "node" : "api"; }
    std::string instance_name(size_t instance) const;
    // The values of one instance now, one a series.
    const std::vector<double>& values(size_t instance) const { return state_[instance].values; }
    // The scrape of one instance: all its series (both jobs) as text exposition.
    std::string exposition(size_t instance) const;

    // Moves all instances one step of `interval_s` on.
    void advance(double interval_s);

 private:
    enum class Kind : unsigned char { kConstant, kCounter, kGauge, kBucket, kHistogramSum };
    struct Behaviour {
        Kind kind = Kind::kConstant;
        double start = 0;
        double rate = 0;      // a counter's mean per second; a bucket's share of observations
        double quantum = 1;   // the smallest step: 1 for integers, 10^-decimals otherwise
        uint32_t family = 0;  // of a histogram: index of its first bucket
    };
    struct State {
        uint64_t generation = 0;
        uint64_t random = 0;
        std::vector<double> values;
    };

    void add_node_series(std::string_view text);
    void add_service_series();
    void add_series(std::string name, std::vector<std::pair<std::string, std::string>> labels,
                    std::string_view type, Behaviour behaviour);
    void start_instance(size_t instance);

    FleetOptions options_;
    std::vector<Series> series_;
    std::vector<Behaviour> behaviours_;
    size_t node_series_ = 0;
    std::vector<State> state_;
    uint64_t step_ = 0;
};

}  // namespace kw::bench
