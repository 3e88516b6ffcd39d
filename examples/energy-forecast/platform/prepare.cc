// The role `prepare`: everything that must be in the database before the services start. It may run again and
// again; what is there already is left alone.
#include <fmt/core.h>

#include "platform/database.h"
#include "platform/migrations.h"
#include "platform/roles.h"

namespace energy {
namespace {

kw::Result<void> add_users(Connection& connection, const Secret& secret) {
    KW_TRY_ASSIGN(const Rows known, connection.query("SELECT name FROM app_user LIMIT 1"));
    if (!known.empty()) return {};
    KW_TRY(connection.script("BEGIN"));
    for (const DemoUser& user : demo_users()) {
        KW_TRY(connection.query(
            "INSERT INTO app_user (name, role, zone, password_hash) VALUES ($1, $2, $3, $4)",
            {user.name, std::string(user.role), std::string(user.zone),
             hash_password(secret.password_of(user.name))}));
        KW_TRY(connection.query("INSERT INTO api_key (key_hash, user_name) VALUES ($1, $2)",
                                {sha256_hex(secret.api_key_of(user.name)), user.name}));
    }
    int64_t id = 1;
    for (const Zone& zone : zones())
        for (int i = 0; i < kCustomersPerZone; ++i, ++id)
            KW_TRY(connection.query(
                "INSERT INTO customer (id, zone, name, meter) VALUES ($1, $2, $3, $4)",
                {std::to_string(id), std::string(zone.name), fmt::format("Household {}", id),
                 fmt::format("M{:08x}", static_cast<uint32_t>(mix(static_cast<uint64_t>(id))))}));
    return connection.script("COMMIT");
}

// What has arrived by `now`: of each slot the newest reading, as if the platform had run all the time.
std::string past_loads(const World& world, Slot from, Slot now) {
    std::string lines;
    for (size_t zone = 0; zone < zones().size(); ++zone) {
        for (Slot slot = from; slot < now; ++slot) {
            const Reading* newest = nullptr;
            const std::vector<Reading> readings = world.readings(zone, slot);
            for (const Reading& reading : readings)
                if (reading.arrival <= now) newest = &reading;
            if (newest != nullptr)
                lines += fmt::format("{}\t{}\t{:.3f}\t{}\t{}\n", zones()[zone].name, slot,
                                     newest->demand_mw, newest->revision,
                                     newest->arrival * kSlotSeconds);
        }
    }
    return lines;
}

std::string past_observations(const World& world, Slot from, Slot now) {
    std::string lines;
    for (size_t zone = 0; zone < zones().size(); ++zone)
        for (Slot slot = from; slot < now; ++slot)
            lines += fmt::format("{}\t{}\t{:.2f}\n", zones()[zone].name, slot,
                                 world.temperature_c(zone, slot));
    return lines;
}

std::string past_weather_runs(const World& world, Slot from, Slot now) {
    std::string lines;
    for (size_t zone = 0; zone < zones().size(); ++zone) {
        for (Slot issued = weather_run(from); issued <= now; issued += kWeatherRunEvery) {
            lines += fmt::format("{}\t{}\t{{", zones()[zone].name, issued);
            for (Slot ahead = 0; ahead < kWeatherRunSlots; ++ahead)
                lines += fmt::format("{}{:.2f}", ahead == 0 ? "" : ",",
                                     world.forecast_temperature_c(zone, issued, issued + ahead));
            lines += "}\n";
        }
    }
    return lines;
}

kw::Result<void> fill_past(Connection& connection, const World& world, Slot now, int weeks) {
    KW_TRY_ASSIGN(const Rows known, connection.query("SELECT max(slot) FROM load_actual"));
    // The first time all of it; later what passed while the platform was off.
    const Slot whole = now - weeks * kSlotsPerWeek;
    const bool first_time = !known[0][0].has_value();
    const Slot from = first_time ? whole : std::max(whole, integer(known[0][0]) - 60);
    KW_TRY(connection.script(
        "BEGIN; CREATE TEMP TABLE past_load (LIKE load_actual) ON COMMIT DROP;"
        "CREATE TEMP TABLE past_observation (LIKE weather_observation) ON COMMIT DROP;"
        "CREATE TEMP TABLE past_run (LIKE weather_forecast) ON COMMIT DROP"));
    KW_TRY(connection.copy_in(
        "COPY past_load (zone, slot, demand_mw, revision, arrived_at) FROM STDIN",
        past_loads(world, from, now)));
    KW_TRY(connection.copy_in("COPY past_observation FROM STDIN",
                              past_observations(world, from, now)));
    KW_TRY(connection.copy_in("COPY past_run FROM STDIN", past_weather_runs(world, from, now)));
    KW_TRY(connection.script(
        "INSERT INTO load_actual SELECT * FROM past_load ON CONFLICT (zone, slot) DO UPDATE SET "
        "demand_mw = "
        "excluded.demand_mw, revision = excluded.revision WHERE load_actual.revision < "
        "excluded.revision;"
        "INSERT INTO weather_observation SELECT * FROM past_observation ON CONFLICT DO NOTHING;"
        "INSERT INTO weather_forecast SELECT * FROM past_run ON CONFLICT DO NOTHING; COMMIT;"
        "ANALYZE load_actual; ANALYZE weather_observation; ANALYZE weather_forecast"));
    return {};
}

kw::Result<void> prepare(const RoleOptions& options) {
    KW_TRY_ASSIGN(const Secret secret, Secret::open(options.run_folder + "/secret"));
    KW_TRY_ASSIGN(const World world, open_world(options));
    KW_TRY_ASSIGN(const std::unique_ptr<Connection> connection,
                  Connection::open(conninfo_of(options, secret)));
    KW_TRY(connection->script("SET statement_timeout = 0; SET synchronous_commit = off"));
    KW_TRY_ASSIGN(const std::vector<Migration> migrations,
                  read_migrations(options.share_folder + "/migrations"));
    KW_TRY_ASSIGN(const int applied, apply_migrations(*connection, migrations));
    fmt::print("{} migrations, {} applied now\n", migrations.size(), applied);
    KW_TRY(add_users(*connection, secret));
    return fill_past(*connection, world, options.service.clock.now_slot(), options.history_weeks);
}

}  // namespace

int run_prepare(const RoleOptions& options) {
    const kw::Result<void> done = prepare(options);
    return done.ok() ? 0 : fail(done.error());
}

}  // namespace energy
