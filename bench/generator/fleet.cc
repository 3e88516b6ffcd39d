#include "fleet.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <map>

namespace kw::bench {
namespace {

// SplitMix64 (Steele, Lea, Flood 2014): small, seedable, the same everywhere.
uint64_t next_random(uint64_t& state) {
    state += 0x9e3779b97f4a7c15u;
    uint64_t z = state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}
double next_unit(uint64_t& state) {
    return static_cast<double>(next_random(state) >> 11) * 0x1p-53;
}

// The nearest multiple of `quantum`, as the nearest double to the decimal number, as a program that
// prints two decimals exposes it.
double snap(double value, double quantum) {
    if (quantum >= 1) return std::round(value / quantum) * quantum;
    const double inverse = std::round(1 / quantum);
    return std::round(value * inverse) / inverse;
}

std::string number_text(double value) {
    if (std::isnan(value)) return "NaN";
    if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
    char buffer[64];
    const auto end = std::to_chars(buffer, buffer + sizeof buffer, value);
    return std::string(buffer, end.ptr);
}

int decimals_of(std::string_view value) {
    if (value.find_first_of("eE") != std::string_view::npos) return 0;
    const size_t dot = value.find('.');
    return dot == std::string_view::npos
               ? 0
               : static_cast<int>(std::min<size_t>(value.size() - dot - 1, 6));
}

// Labels of `{a="b",c="d"}` without the braces; the template has no escapes in them.
std::vector<std::pair<std::string, std::string>> parse_labels(std::string_view text) {
    std::vector<std::pair<std::string, std::string>> labels;
    while (!text.empty()) {
        const size_t equals = text.find("=\"");
        if (equals == std::string_view::npos) break;
        const size_t close = text.find('"', equals + 2);
        if (close != equals + 2) {
            labels.emplace_back(text.substr(0, equals),
                                text.substr(equals + 2, close - equals - 2));
        }
        text.remove_prefix(std::min(close + 2, text.size()));
    }
    std::sort(labels.begin(), labels.end());
    return labels;
}

}  // namespace

Fleet::Fleet(std::string_view node_template, const FleetOptions& options)
    : options_(options), state_(options.instances) {
    add_node_series(node_template);
    node_series_ = series_.size();
    add_service_series();
    for (size_t i = 0; i < options_.instances; ++i) start_instance(i);
}

void Fleet::add_series(std::string name, std::vector<std::pair<std::string, std::string>> labels,
                       std::string_view type, Behaviour behaviour) {
    Series series;
    series.text = name;
    if (!labels.empty()) {
        series.text += '{';
        for (const auto& [label, value] : labels) {
            if (series.text.back() != '{') series.text += ',';
            series.text += label + "=\"" + value + '"';
        }
        series.text += '}';
    }
    if (!type.empty()) series.type_line = std::string(type);
    series.name = std::move(name);
    series.labels = std::move(labels);
    series_.push_back(std::move(series));
    behaviours_.push_back(behaviour);
}

void Fleet::add_node_series(std::string_view text) {
    std::string type_line;
    bool counter = false;
    while (!text.empty()) {
        const size_t newline = std::min(text.find('\n'), text.size() - 1);
        const std::string_view line = text.substr(0, newline);
        text.remove_prefix(newline + 1);
        if (line.starts_with("# TYPE ")) {
            type_line = std::string(line) + '\n';
            counter = line.ends_with(" counter");
            continue;
        }
        if (line.empty() || line[0] == '#') continue;
        const size_t space = line.rfind(' ');
        const std::string_view key = line.substr(0, space);
        const std::string_view value = line.substr(space + 1);
        const size_t brace = key.find('{');
        Behaviour behaviour;
        behaviour.start = std::strtod(std::string(value).c_str(), nullptr);
        const int decimals = decimals_of(value);
        behaviour.quantum = decimals == 0 ? 1 : std::pow(10.0, -decimals);
        if (counter && behaviour.start > 0) {
            behaviour.kind = Kind::kCounter;
            behaviour.rate = behaviour.start / 100'000;  // as if the machine had been up for a day
        } else if (!counter && behaviour.start > 100 && !line.starts_with("node_os") &&
                   key.find("limit") == std::string_view::npos &&
                   key.find("Total") == std::string_view::npos) {
            behaviour.kind = Kind::kGauge;
        }
        add_series(std::string(key.substr(0, brace)),
                   brace == std::string_view::npos
                       ? parse_labels({})
                       : parse_labels(key.substr(brace + 1, key.size() - brace - 2)),
                   type_line, behaviour);
        type_line.clear();
    }
}

void Fleet::add_service_series() {
    static constexpr const char* kRoutes[] = {
        "/forecast", "/actuals", "/login",   "/zones", "/models",   "/health", "/keys",
        "/users",    "/export",  "/weather", "/train", "/versions", "/events", "/search"};
    static constexpr const char* kStatus[] = {"200", "201", "400", "404", "500", "503"};
    static constexpr const char* kBounds[] = {"0.005", "0.01", "0.025", "0.05", "0.1", "0.25",
                                              "0.5",   "1",    "2.5",   "5",    "10",  "+Inf"};
    std::string type = "# TYPE http_requests_total counter\n";
    for (const char* route : kRoutes) {
        for (size_t i = 0; i < std::size(kStatus); ++i) {
            Behaviour behaviour{Kind::kCounter, 0, i == 0 ? 12.0 : 0.4 / static_cast<double>(i * i),
                                1, 0};
            add_series("http_requests_total", {{"route", route}, {"status", kStatus[i]}}, type,
                       behaviour);
            type.clear();
        }
    }
    const auto histogram = [&](const std::string& name, const char* label, const char* value) {
        const auto first = static_cast<uint32_t>(series_.size());
        std::string line = series_.empty() || series_.back().name != name + "_count"
                               ? "# TYPE " + name + " histogram\n"
                               : std::string();
        for (const char* bound : kBounds) {
            std::vector<std::pair<std::string, std::string>> labels{{"le", bound}, {label, value}};
            std::sort(labels.begin(), labels.end());
            add_series(name + "_bucket", labels, line, {Kind::kBucket, 0, 8, 1, first});
            line.clear();
        }
        add_series(name + "_sum", {{label, value}}, "", {Kind::kHistogramSum, 0, 0, 1e-6, first});
        add_series(name + "_count", {{label, value}}, "", {Kind::kBucket, 0, 8, 1, first});
    };
    for (const char* route : kRoutes) histogram("http_request_duration_seconds", "route", route);
    for (const char* model : {"load", "solar", "wind"})
        histogram("model_inference_duration_seconds", "model", model);
    type = "# TYPE model_prediction_accuracy_percent gauge\n";
    for (const char* zone : {"north", "east", "south", "west"}) {
        add_series("model_prediction_accuracy_percent", {{"zone", zone}}, type,
                   {Kind::kGauge, 91.37, 0, 0.01, 0});
        type.clear();
    }
    add_series("process_cpu_seconds_total", {}, "# TYPE process_cpu_seconds_total counter\n",
               {Kind::kCounter, 0, 0.35, 0.01, 0});
    add_series("process_resident_memory_bytes", {}, "# TYPE process_resident_memory_bytes gauge\n",
               {Kind::kGauge, 312'475'648, 0, 4096, 0});
}

std::string Fleet::instance_name(size_t instance) const {
    return "10.0." + std::to_string(instance / 250) + '.' + std::to_string(instance % 250 + 1) +
           (state_[instance].generation == 0 ? ""
                                             : "-" + std::to_string(state_[instance].generation)) +
           ":9100";
}

void Fleet::start_instance(size_t instance) {
    State& state = state_[instance];
    state.random = options_.seed * 1'000'003 + instance * 7919 + state.generation * 104'729;
    state.values.resize(series_.size());
    for (size_t i = 0; i < series_.size(); ++i) {
        const Behaviour& behaviour = behaviours_[i];
        const bool spread = behaviour.kind == Kind::kCounter || behaviour.kind == Kind::kGauge;
        const double factor = spread ? 0.5 + next_unit(state.random) : 1;
        state.values[i] = behaviour.kind == Kind::kConstant
                              ? behaviour.start
                              : snap(behaviour.start * factor, behaviour.quantum);
    }
}

void Fleet::advance(double interval_s) {
    ++step_;
    for (size_t instance = 0; instance < state_.size(); ++instance) {
        if (options_.churn_every != 0 && step_ % options_.churn_every == 0 &&
            (instance + step_ / options_.churn_every) % 100 == 0) {
            ++state_[instance].generation;
            start_instance(instance);
        }
        State& state = state_[instance];
        const bool restarts = next_random(state.random) % 400 == 0;
        double observed = 0;  // of the histogram now
        double cumulative = 0;
        for (size_t i = 0; i < series_.size(); ++i) {
            const Behaviour& behaviour = behaviours_[i];
            double& value = state.values[i];
            switch (behaviour.kind) {
                case Kind::kConstant: break;
                case Kind::kCounter: {
                    if (restarts) value = 0;
                    // Uneven: a quarter of the steps idle, the others exponential around the rate.
                    const uint64_t draw = next_random(state.random);
                    if (draw % 4 == 0) break;
                    const double unit = static_cast<double>(draw >> 11) * 0x1p-53;
                    const double grown = behaviour.rate * interval_s * -std::log(1 - unit) * 1.33;
                    value = snap(value + grown, behaviour.quantum);
                    break;
                }
                case Kind::kGauge: {
                    if (next_random(state.random) % 3 == 0) break;
                    const double width = std::max(behaviour.start * 0.01, behaviour.quantum * 3);
                    value = std::max(0.0, snap(value + (next_unit(state.random) - 0.5) * width,
                                               behaviour.quantum));
                    break;
                }
                case Kind::kBucket: {
                    if (restarts) value = 0;
                    const size_t bucket = i - behaviour.family;
                    if (bucket == 0) {
                        observed =
                            std::floor(behaviour.rate * interval_s * 2 * next_unit(state.random));
                        cumulative = 0;
                    }
                    if (bucket < 11) {
                        const double share = 1 - std::exp(-static_cast<double>(bucket + 1) * 0.6);
                        cumulative = std::max(cumulative, std::floor(observed * share));
                    } else {
                        cumulative = observed;  // +Inf, and the count
                    }
                    value += cumulative;
                    break;
                }
                case Kind::kHistogramSum:
                    if (restarts) value = 0;
                    value +=
                        std::round(observed * 0.043 * (0.5 + next_unit(state.random)) * 1e6) / 1e6;
                    break;
            }
        }
    }
}

std::string Fleet::exposition(size_t instance) const {
    std::string out;
    out.reserve(series_.size() * 64);
    for (size_t i = 0; i < series_.size(); ++i) {
        out += series_[i].type_line;
        out += series_[i].text;
        out += ' ';
        out += number_text(state_[instance].values[i]);
        out += '\n';
    }
    return out;
}

}  // namespace kw::bench
