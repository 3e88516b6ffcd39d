// Silences in the small state: a row each, and an entry of the audit for each change.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "alerting/silences.h"
#include "base/result.h"

namespace kw {
class Clock;
namespace state {
class Store;
}
}  // namespace kw

namespace kw::alerting {

class SilenceTable final : public SilenceStore {
 public:
    // Makes the table. Both outlive this. Errors: the store's.
    static Result<std::unique_ptr<SilenceTable>> open(state::Store& store, Clock& clock);

    Result<std::vector<Silence>> load() override;
    Result<void> put(const std::vector<Silence>& silences, const std::string& actor) override;
    Result<void> remove(const std::vector<std::string>& ids) override;

 private:
    SilenceTable(state::Store& store, Clock& clock) : store_(store), clock_(clock) {}
    state::Store& store_;
    Clock& clock_;
};

}  // namespace kw::alerting
