// An ExemplarStore that keeps what it is given as text, and answers what the test says: for this module's tests.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "contract/exemplar_store.h"

namespace kw::intake {

class RecordingExemplars final : public ExemplarStore {
 public:
    Result<ExemplarCounts> append(std::vector<ExemplarSeries> batch,
                                  Durability durability) override {
        if (is_broken) return unavailable("no disk");
        ExemplarCounts counts;
        for (const ExemplarSeries& series : batch) {
            for (const Exemplar& exemplar : series.exemplars) {
                taken.push_back(series.labels.to_string() + " # " + exemplar.labels.to_string() +
                                " " + format_value(exemplar.value) + " @" +
                                std::to_string(exemplar.timestamp.count));
                counts.add(verdict);
            }
        }
        last_durability = durability;
        return counts;
    }
    std::vector<ExemplarSeries> select(const std::vector<std::vector<Matcher>>&,
                                       const TimeRange&) const override {
        return {};
    }

    std::vector<std::string> taken;
    ExemplarVerdict verdict = ExemplarVerdict::kStored;
    bool is_broken = false;
    std::optional<Durability> last_durability;
};

}  // namespace kw::intake
