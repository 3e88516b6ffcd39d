// An ExemplarStore that keeps what it is given as text, and answers what the test says: for this module's tests.
#pragma once

#include <string>
#include <vector>

#include "contract/exemplar_store.h"

namespace kw::intake {

class RecordingExemplars final : public ExemplarStore {
 public:
    ExemplarVerdict append(const LabelSet& series, Exemplar exemplar) override {
        taken.push_back(series.to_string() + " # " + exemplar.labels.to_string() + " " +
                        format_value(exemplar.value) + " @" +
                        std::to_string(exemplar.timestamp.count));
        return verdict;
    }
    std::vector<ExemplarSeries> select(const std::vector<std::vector<Matcher>>&,
                                       const TimeRange&) const override {
        return {};
    }

    std::vector<std::string> taken;
    ExemplarVerdict verdict = ExemplarVerdict::kStored;
};

}  // namespace kw::intake
