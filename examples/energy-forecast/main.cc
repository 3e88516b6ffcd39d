// energy-forecast: the platform that Kilowatch watches. `run` starts all of it; the other commands are its processes.
#include <fmt/core.h>
#include <CLI/CLI.hpp>

#include <atomic>
#include <csignal>

#include "platform/supervisor.h"

namespace {

std::atomic<bool> g_stop{false};  // a signal handler has no other way to speak

void on_signal(int) { g_stop = true; }

struct Arguments {
    energy::RoleOptions role;
    std::string start;
    std::string zone = "melbourne";
    int days = 35;
};

void add_options(CLI::App& command, Arguments& arguments) {
    energy::RoleOptions& role = arguments.role;
    energy::Ports& ports = role.ports;
    command.add_option("--run-folder", role.run_folder, "where everything is kept")->required();
    command.add_option("--share", role.share_folder, "the folder that has migrations/");
    command.add_option("--speed", role.service.clock.speed, "simulated seconds per second")
        ->check(CLI::Range(1.0, 86400.0));
    command.add_option("--seed", role.seed, "of weather, demand and users");
    command.add_option("--csv", role.csv_path,
                       "real load for one zone (Time,Demand,Temperature,Date,Holiday)");
    command.add_option("--csv-zone", role.csv_zone, "which zone it stands in for");
    command
        .add_option("--requests-per-second", role.requests_per_second,
                    "of all users, on average over a day")
        ->check(CLI::Range(0.0, 200.0));
    command
        .add_option("--history-weeks", role.history_weeks,
                    "of load that are there at the first start")
        ->check(CLI::Range(7, 104));
    command
        .add_option("--train-every-days", role.train_every_days,
                    "simulated days between two trainings")
        ->check(CLI::Range(1, 365));
    command.add_option("--environment", role.service.environment, "the tag of every span");
    command.add_option("--otlp", role.service.otlp_endpoint,
                       "pushes traces, logs and metrics there, such as http://127.0.0.1:4318");
    command.add_option("--api-port", ports.api);
    command.add_option("--model-port", ports.model);
    command.add_option("--gateway-port", ports.gateway);
    command.add_option("--world-port", ports.world);
    command.add_option("--control-port", ports.control);
    command.add_option("--postgres-port", ports.postgres);
    command.add_option("--redis-port", ports.redis);
}

void add_role_options(CLI::App& command, Arguments& arguments) {
    add_options(command, arguments);
    command.add_option("--port", arguments.role.service.port, "to listen on");
    command.add_option("--sim-start", arguments.role.service.clock.sim_start_s,
                       "simulated Unix seconds at --wall-start");
    command.add_option("--wall-start", arguments.role.service.clock.wall_start_ms,
                       "Unix milliseconds");
}

// Load and weather of one zone in the form that --csv reads.
int generate(const Arguments& arguments) {
    const std::optional<size_t> zone = energy::zone_index(arguments.zone);
    const std::optional<int64_t> start = energy::parse_utc(arguments.start);
    if (!zone || !start) {
        fmt::print(stderr, "energy-forecast: want --zone and --start like 2026-01-01T00:00:00Z\n");
        return 2;
    }
    const energy::World world(arguments.role.seed);
    fmt::print("Time,Demand,Temperature,Date,Holiday\n");
    const energy::Slot first = energy::slot_of(*start);
    for (energy::Slot slot = first; slot < first + arguments.days * energy::kSlotsPerDay; ++slot) {
        const energy::LocalTime local = energy::local_time(energy::zones()[*zone], slot);
        fmt::print("{},{:.3f},{:.2f},{:04}-{:02}-{:02},{}\n",
                   energy::format_utc(slot * energy::kSlotSeconds), world.demand_mw(*zone, slot),
                   world.temperature_c(*zone, slot), local.year, local.month, local.day,
                   local.holiday ? "TRUE" : "FALSE");
    }
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    Arguments arguments;
    arguments.role.share_folder = ENERGY_SHARE;
    arguments.role.service.clock.speed = 144;  // a day in ten minutes
    CLI::App app("The energy-forecast platform that Kilowatch watches.");
    app.require_subcommand(1);
    CLI::App* run =
        app.add_subcommand("run", "start all of it, with PostgreSQL and Redis of its own");
    add_options(*run, arguments);
    run->add_option("--start", arguments.start,
                    "simulated time of the first start, like 2026-01-31T00:00:00Z (default: now)");
    CLI::App* generator = app.add_subcommand("generate", "print load and weather of a zone as CSV");
    generator->add_option("--zone", arguments.zone);
    generator->add_option("--start", arguments.start)->required();
    generator->add_option("--days", arguments.days)->check(CLI::Range(1, 4000));
    generator->add_option("--seed", arguments.role.seed);

    using Role = int (*)(const energy::RoleOptions&, const std::atomic<bool>&);
    struct Named {
        const char* name;
        const char* service;  // its name in logs and traces: the guide's
        const char* help;
        Role role;
    };
    const Named roles[] = {
        {"gateway", "gateway", "where strangers call", energy::run_gateway},
        {"api", "api", "forecasts, actuals, access", energy::run_api},
        {"model", "model-service", "inference and training", energy::run_model},
        {"world", "world", "weather service, meter operators, users", energy::run_world},
        {"prepare", "prepare", "migrate and fill the database, then end",
         [](const energy::RoleOptions& options, const std::atomic<bool>&) {
             return energy::run_prepare(options);
         }},
    };
    for (const Named& named : roles)
        add_role_options(*app.add_subcommand(named.name, named.help), arguments);
    CLI11_PARSE(app, argc, argv);

    struct sigaction action{};
    action.sa_handler = on_signal;
    sigaction(SIGTERM, &action, nullptr);
    sigaction(SIGINT, &action, nullptr);
    signal(SIGPIPE, SIG_IGN);

    if (generator->parsed()) return generate(arguments);
    if (run->parsed()) {
        if (!arguments.start.empty()) {
            const std::optional<int64_t> start = energy::parse_utc(arguments.start);
            if (!start) {
                fmt::print(stderr,
                           "energy-forecast: --start={}: want a time like 2026-01-31T00:00:00Z\n",
                           arguments.start);
                return 2;
            }
            arguments.role.service.clock.sim_start_s = *start;
        }
        return energy::run_supervisor(arguments.role, !arguments.start.empty(), g_stop);
    }
    for (const Named& named : roles)
        if (app.got_subcommand(named.name)) {
            arguments.role.service.name = named.service;
            if (named.service == std::string_view("gateway"))
                arguments.role.service.log_form = kilowatch::LogOptions::Form::kMetadata;
            return named.role(arguments.role, g_stop);
        }
    return 2;
}
