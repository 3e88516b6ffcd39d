// Alerts in the small state, so that one that a sender was answered for is there after a crash: a row each.
//
//   Alertmanager ──put_later(alerts)──▶ one transaction for all that wait ──▶ done (durable)
//                ──end_later, remove_later──▶ …                 load() at start ──▶ Alertmanager
//
// Changes are applied in the order they are handed in. A row that cannot be read is left out and reported.
// Threads: load() before all else; the others from any thread. Format: docs/formats/state.md.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "alerting/alert.h"
#include "base/result.h"
#include "base/time.h"
#include "state/store.h"

namespace kw::alerting {

class AlertTable final {
 public:
    struct Row {
        Alert alert;
        bool has_ended = false;  // its end was seen while the server ran; else it may go on
    };
    struct Loaded {
        std::vector<Row> rows;
        uint64_t unreadable_count = 0;
    };

    // Makes the table. `store` outlives it. Errors: the store's.
    static Result<std::unique_ptr<AlertTable>> open(state::Store& store);

    Result<Loaded> load() const;
    // Writes the alerts, new or changed. Those resolved at `now` have ended. `done` as Store::write_later().
    void put_later(std::vector<AlertPtr> alerts, Millis now, state::Store::Done done) const;
    // The alerts end without anybody saying so; one whose row reaches beyond `now` was renewed, and stays.
    void end_later(std::vector<AlertPtr> alerts, Millis now, state::Store::Done done) const;
    void remove_later(std::vector<AlertPtr> alerts, Millis now, state::Store::Done done) const;

 private:
    explicit AlertTable(state::Store& store) : store_(store) {}
    state::Store& store_;
};

}  // namespace kw::alerting
