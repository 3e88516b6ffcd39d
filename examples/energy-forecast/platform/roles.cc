#include "platform/roles.h"

#include <fmt/core.h>

#include <cstdio>
#include <thread>

#include "platform/text_file.h"

namespace energy {

std::string conninfo_of(const RoleOptions& options, const Secret& secret) {
    return fmt::format("host=127.0.0.1 port={} dbname=energy user=energy password={}",
                       options.ports.postgres, secret.password_of("energy"));
}

kw::Result<World> open_world(const RoleOptions& options) {
    World world(options.seed);
    if (options.csv_path.empty()) return world;
    const std::optional<size_t> zone = zone_index(options.csv_zone);
    if (!zone) return kw::invalid("--csv-zone={}: there is no such zone", options.csv_zone);
    KW_TRY_ASSIGN(const std::string text, read_file(options.csv_path));
    kw::Result<LoadSeries> series = parse_load_csv(text);
    if (!series.ok()) return std::move(series).error().with_context(options.csv_path);
    world.replace_zone(*zone, std::move(series).value());
    return world;
}

int fail(const kw::Error& error) {
    fmt::print(stderr, "energy-forecast: {}\n", error.message);
    return 1;
}

void rest(const std::atomic<bool>& stop, std::chrono::milliseconds time) {
    const auto deadline = std::chrono::steady_clock::now() + time;
    while (!stop) {
        const auto left = deadline - std::chrono::steady_clock::now();
        if (left <= std::chrono::nanoseconds(0)) return;
        std::this_thread::sleep_for(
            std::min<std::chrono::nanoseconds>(left, std::chrono::milliseconds(50)));
    }
}

std::vector<DemoUser> demo_users() {
    std::vector<DemoUser> users;
    for (const Zone& zone : zones())
        for (int i = 0; i < 10; ++i)
            users.push_back(
                {fmt::format("{}-{}", zone.name, i), zone.name, kRoles[i < 8 ? 0 : i - 7]});
    return users;
}

}  // namespace energy
