// Writes text exposition 0.0.4. Families are written one after the other, each whole.
// Threads: none of its own; one user.
#pragma once

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

#include "model/labels.h"

namespace kw::collect {

// Values as Prometheus' client libraries for Go write them: shortest digits, an exponent below 1e-4 and from 1e6.
void append_go_value(std::string& out, double value);
std::string go_value(double value);

class ExpositionWriter final {
 public:
    // Appends to `out`, which outlives the writer.
    explicit ExpositionWriter(std::string& out) : out_(out) {}

    // Begins a family; `type` is counter, gauge, untyped, histogram or summary. Nothing is written before the
    // first sample, so that a family without samples leaves no trace.
    void family(std::string_view name, std::string_view help, std::string_view type);
    // A sample of the family begun last. Label values are escaped here.
    void sample(double value) { sample(std::span<const LabelView>(), value); }
    void sample(std::initializer_list<LabelView> labels, double value) {
        sample(std::span<const LabelView>(labels.begin(), labels.size()), value);
    }
    void sample(std::span<const LabelView> labels, double value) { sample("", labels, value); }
    // `suffix` ("_sum" say) follows the family's name.
    void sample(std::string_view suffix, std::span<const LabelView> labels, double value);
    // A family with one sample.
    void gauge(std::string_view name, std::string_view help, double value) {
        family(name, help, "gauge");
        sample(value);
    }
    void counter(std::string_view name, std::string_view help, double value) {
        family(name, help, "counter");
        sample(value);
    }

 private:
    std::string& out_;
    std::string name_;
    std::string header_;  // of the family, until its first sample
};

}  // namespace kw::collect
