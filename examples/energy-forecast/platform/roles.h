// The processes of the platform: one program, a role each.
//
//   world ──users──▶ gateway ──▶ api ──▶ PostgreSQL, Redis
//     │                           ├────▶ model ──▶ PostgreSQL (training)
//     └──readings, weather────────┘
// One binary because the roles share most of their code (the SDK, HTTP, the simulated clock) and a demo is then one
// file to build and one name in `ps`; each role is a process of its own, so that one can die without the others.
// Each function blocks until `stop` is set and returns the exit code.
#pragma once

#include <atomic>
#include <string>

#include "platform/secrets.h"
#include "platform/service.h"
#include "world/world.h"

namespace energy {

struct Ports {
    int api = 8000;
    int model = 8001;
    int gateway = 8002;
    int world = 8003;
    int control = 8004;
    int postgres = 15432;
    int redis = 16379;
};

struct RoleOptions {
    ServiceOptions service;
    Ports ports;
    std::string run_folder;
    std::string share_folder;  // of migrations/
    uint64_t seed = 1;
    std::string csv_path;  // empty: everything is generated
    std::string csv_zone = "melbourne";
    double requests_per_second = 3;  // of all users, on average over a day
    int history_weeks = 9;           // that are there at the first start
    int train_every_days = 7;        // simulated
};

int run_gateway(const RoleOptions& options, const std::atomic<bool>& stop);
int run_api(const RoleOptions& options, const std::atomic<bool>& stop);
int run_model(const RoleOptions& options, const std::atomic<bool>& stop);
int run_world(const RoleOptions& options, const std::atomic<bool>& stop);
// Applies migrations, makes users, keys and customers, and fills the past. Ends.
int run_prepare(const RoleOptions& options);

// What several roles need.
std::string conninfo_of(const RoleOptions& options, const Secret& secret);
kw::Result<World> open_world(const RoleOptions& options);
int fail(const kw::Error& error);  // says it on standard error, gives 1
// Waits until `stop`, at most `time`.
void rest(const std::atomic<bool>& stop, std::chrono::milliseconds time);

inline constexpr std::string_view kRoles[] = {"reader", "analyst", "operator"};
struct DemoUser {
    std::string name;
    std::string_view zone;
    std::string_view role;
};
std::vector<DemoUser> demo_users();  // ten a zone: eight readers, an analyst, an operator
inline constexpr int kCustomersPerZone = 200;
inline constexpr Slot kWeatherRunEvery = 12;  // slots: the weather service issues each 6 hours
inline constexpr Slot kWeatherRunSlots = 96;  // that a run covers

constexpr Slot weather_run(Slot slot) { return slot / kWeatherRunEvery * kWeatherRunEvery; }

}  // namespace energy
