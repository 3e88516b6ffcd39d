#include "platform/supervisor.h"

#include <arpa/inet.h>
#include <fmt/core.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>

#include "platform/child.h"
#include "platform/database.h"
#include "platform/text_file.h"

namespace energy {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr uintmax_t kLogBytesMax = 32 << 20;
constexpr char kReader[] =
    "kilowatch";  // the database's role for collectors: pg_monitor and nothing else

// Whether a server could listen there, or a free port where `port` is 0 or taken and may move.
kw::Result<int> claim_port(int port, bool may_move) {
    const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int yes = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<uint16_t>(port));
    const bool bound =
        bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0 &&
        listen(listener, 1) == 0;
    socklen_t length = sizeof(address);
    getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length);
    close(listener);
    if (bound) return static_cast<int>(ntohs(address.sin_port));
    if (may_move && port != 0) return claim_port(0, false);
    return kw::conflict(
        "port {} of 127.0.0.1 is taken; stop what listens there (ss -ltnp), or choose other ports "
        "(--api-port, --model-port, --gateway-port, --world-port, --control-port)",
        port);
}

// The folder of PostgreSQL's programs, which Debian keeps out of PATH: of the newest version installed.
kw::Result<std::string> postgres_folder() {
    std::string best;
    int best_version = 0;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator("/usr/lib/postgresql", error)) {
        const int version = std::atoi(entry.path().filename().c_str());
        if (version > best_version && fs::exists(entry.path() / "bin/initdb", error)) {
            best_version = version;
            best = (entry.path() / "bin").string();
        }
    }
    if (best.empty())
        return kw::not_found("PostgreSQL is not installed: apt-get install postgresql");
    return best;
}

std::string own_path() { return fs::read_symlink("/proc/self/exe").string(); }

kw::Result<void> run_to_end(const Child::Options& options, milliseconds patience,
                            std::string_view what) {
    Child child;
    KW_TRY(child.start(options));
    if (!child.wait(patience)) {
        child.stop(seconds(1));
        return kw::timed_out("{} takes over {} s; see {}", what, patience.count() / 1000,
                             options.log_path);
    }
    if (child.exit_code() != 0)
        return kw::internal_error("{} ended with {}; see {}", what, child.exit_code(),
                                  options.log_path);
    return {};
}

// Can that user go to the folder? Asked of the kernel by a child that becomes the user.
bool reaches(const SystemUser& user, const std::string& folder) {
    const pid_t pid = fork();
    if (pid == 0) {
        if (setgid(user.gid) != 0 || setuid(user.uid) != 0) _exit(1);
        _exit(access(folder.c_str(), X_OK) == 0 ? 0 : 1);
    }
    int status = 1;
    waitpid(pid, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

class Supervisor final {
 public:
    Supervisor(RoleOptions options, const std::atomic<bool>& stop)
        : options_(std::move(options)), stop_(stop) {}

    kw::Result<void> start(bool start_given);
    void watch();  // until stop
    void end();

 private:
    struct Managed {
        std::string name;
        Child::Options options;
        Child child;
        Clock::time_point restart_at{};
    };

    std::string path(std::string_view name) const {
        return fmt::format("{}/{}", options_.run_folder, name);
    }
    kw::Result<void> claim_ports();
    kw::Result<void> choose_clock(bool start_given);
    kw::Result<void> start_database();
    kw::Result<void> set_up_database();
    kw::Result<void> start_cache();
    Child::Options role(const std::string& name, int port) const;
    kw::Result<void> add(const std::string& name, Child::Options options);
    kw::Result<void> wait_healthy();
    Managed* find(std::string_view name);
    bool wanted(const std::string& name) const;
    void write_state() const;
    void shorten_logs() const;
    HttpResponse route_fault(const HttpRequest& request);
    HttpResponse list_faults() const;

    RoleOptions options_;
    const std::atomic<bool>& stop_;
    std::optional<Secret> secret_;
    std::optional<SystemUser> postgres_user_;
    std::vector<std::unique_ptr<Managed>> children_;
    std::unique_ptr<Service> service_;
};

kw::Result<void> Supervisor::claim_ports() {
    for (int* port : {&options_.ports.api, &options_.ports.model, &options_.ports.gateway,
                      &options_.ports.world, &options_.ports.control}) {
        KW_TRY_ASSIGN(*port, claim_port(*port, false));
    }
    for (int* port : {&options_.ports.postgres, &options_.ports.redis}) {
        KW_TRY_ASSIGN(*port, claim_port(*port, true));
    }
    return {};
}

kw::Result<void> Supervisor::choose_clock(bool start_given) {
    SimClock& clock = options_.service.clock;
    clock.wall_start_ms = std::chrono::duration_cast<milliseconds>(
                              std::chrono::system_clock::now().time_since_epoch())
                              .count();
    const kw::Result<std::string> kept = read_file(path("clock"));
    if (kept.ok()) {
        const int64_t before = std::atoll(kept->c_str());
        if (start_given && before > clock.sim_start_s)
            return kw::conflict(
                "{} holds a run that is at {} already; choose a later start, or another run folder",
                options_.run_folder, format_utc(before));
        clock.sim_start_s = before;
    } else if (!start_given) {
        clock.sim_start_s = clock.wall_start_ms / 1000;
    }
    return {};
}

kw::Result<void> Supervisor::start_database() {
    KW_TRY_ASSIGN(const std::string bin, postgres_folder());
    std::string data = path("postgres");
    std::error_code error;
    if (getuid() == 0) {
        postgres_user_ = system_user("postgres");
        if (!postgres_user_)
            return kw::not_found(
                "there is no user 'postgres' to run PostgreSQL as; apt-get install postgresql "
                "makes it");
        if (!reaches(*postgres_user_, fs::absolute(options_.run_folder).string()))
            // With the secret in the name: a run folder that was removed and made anew has other passwords.
            data = "/var/tmp/energy-forecast-" +
                   sha256_hex(fs::absolute(options_.run_folder).string() +
                              secret_->password_of("folder"))
                       .substr(0, 12);
    }
    fs::create_directories(data, error);
    if (error) return kw::unavailable("{}: {}", data, error.message());
    if (postgres_user_ && chown(data.c_str(), postgres_user_->uid, postgres_user_->gid) != 0)
        return kw::unavailable("{}: chown: {}", data, strerror(errno));
    if (chmod(data.c_str(), 0700) != 0)
        return kw::unavailable("{}: chmod: {}", data, strerror(errno));
    data = fs::absolute(data).string();
    if (!fs::exists(data + "/PG_VERSION", error)) {
        const std::string password_file = data + ".password";
        KW_TRY(write_file(password_file, secret_->password_of("postgres")));
        if (postgres_user_ &&
            chown(password_file.c_str(), postgres_user_->uid, postgres_user_->gid) != 0)
            return kw::unavailable("{}: chown: {}", password_file, strerror(errno));
        const kw::Result<void> made =
            run_to_end({{bin + "/initdb", "-D", data, "-U", "postgres", "--auth=scram-sha-256",
                         "--pwfile=" + password_file, "--encoding=UTF8", "--locale=C.UTF-8",
                         "--no-sync", "--no-instructions"},
                        path("initdb.log"),
                        postgres_user_,
                        SIGTERM},
                       seconds(60), "initdb");
        fs::remove(password_file, error);
        KW_TRY(made);
    }
    std::vector<std::string> arguments{bin + "/postgres", "-D", data, "-p",
                                       std::to_string(options_.ports.postgres)};
    for (const char* setting :
         {"listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=40",
          "shared_buffers=32MB", "shared_preload_libraries=pg_stat_statements",
          "pg_stat_statements.track=all", "track_io_timing=on", "synchronous_commit=off",
          "autovacuum_naptime=30s", "max_wal_size=256MB", "max_worker_processes=4", "jit=off",
          "log_min_duration_statement=250", "log_lock_waits=on"}) {
        arguments.emplace_back("-c");
        arguments.emplace_back(setting);
    }
    KW_TRY(add("postgres", {std::move(arguments), path("postgres.log"), postgres_user_, SIGINT}));
    return set_up_database();
}

// Waits for the server, and makes the roles and the database where they lack.
kw::Result<void> Supervisor::set_up_database() {
    const std::string as_superuser =
        fmt::format("host=127.0.0.1 port={} user=postgres password={}", options_.ports.postgres,
                    secret_->password_of("postgres"));
    std::unique_ptr<Connection> connection;
    const auto deadline = Clock::now() + seconds(60);
    while (true) {
        kw::Result<std::unique_ptr<Connection>> opened =
            Connection::open(as_superuser + " dbname=postgres");
        if (opened.ok()) {
            connection = std::move(opened).value();
            break;
        }
        if (!find("postgres")->child.running())
            return kw::unavailable("PostgreSQL ended; see {}", path("postgres.log"));
        if (Clock::now() > deadline || stop_)
            return kw::timed_out("PostgreSQL does not answer: {}", opened.error().message);
        rest(stop_, milliseconds(50));
    }
    KW_TRY(connection->script("SET statement_timeout = 0"));
    KW_TRY_ASSIGN(const Rows known,
                  connection->query("SELECT 1 FROM pg_database WHERE datname = 'energy'"));
    if (known.empty()) {
        KW_TRY(connection->script(
            fmt::format("CREATE ROLE energy LOGIN PASSWORD '{}'", secret_->password_of("energy"))));
        KW_TRY(connection->script(
            fmt::format("CREATE ROLE {0} LOGIN PASSWORD '{1}'; GRANT pg_monitor TO {0}", kReader,
                        secret_->password_of(kReader))));
        KW_TRY(connection->script("CREATE DATABASE energy OWNER energy STRATEGY file_copy"));
    }
    KW_TRY_ASSIGN(connection, Connection::open(as_superuser + " dbname=energy"));
    return connection->script(
        "CREATE EXTENSION IF NOT EXISTS pg_stat_statements");  // the owner may not
}

kw::Result<void> Supervisor::start_cache() {
    std::string program;
    for (const char* candidate : {"/usr/bin/redis-server", "/usr/local/bin/redis-server"})
        if (access(candidate, X_OK) == 0) program = candidate;
    if (program.empty())
        return kw::not_found("Redis is not installed: apt-get install redis-server");
    KW_TRY(write_file(
        path("redis.conf"),
        fmt::format(
            "bind 127.0.0.1\nport {}\nrequirepass {}\nsave \"\"\nappendonly no\nmaxmemory 64mb\n"
            "maxmemory-policy allkeys-lru\nlatency-monitor-threshold 5\nhz 2\ndir {}\n",
            options_.ports.redis, secret_->password_of("redis"),
            fs::absolute(options_.run_folder).string())));
    return add("redis", {{program, fs::absolute(path("redis.conf")).string()},
                         path("redis.log"),
                         std::nullopt,
                         SIGTERM});
}

Child::Options Supervisor::role(const std::string& name, int port) const {
    const SimClock& clock = options_.service.clock;
    const Ports& ports = options_.ports;
    std::vector<std::string> arguments{
        own_path(),
        name,
        fmt::format("--port={}", port),
        "--run-folder=" + options_.run_folder,
        "--share=" + options_.share_folder,
        fmt::format("--sim-start={}", clock.sim_start_s),
        fmt::format("--wall-start={}", clock.wall_start_ms),
        fmt::format("--speed={}", clock.speed),
        fmt::format("--seed={}", options_.seed),
        fmt::format("--api-port={}", ports.api),
        fmt::format("--model-port={}", ports.model),
        fmt::format("--gateway-port={}", ports.gateway),
        fmt::format("--world-port={}", ports.world),
        fmt::format("--control-port={}", ports.control),
        fmt::format("--postgres-port={}", ports.postgres),
        fmt::format("--redis-port={}", ports.redis),
        fmt::format("--requests-per-second={}", options_.requests_per_second),
        fmt::format("--history-weeks={}", options_.history_weeks),
        fmt::format("--train-every-days={}", options_.train_every_days),
        "--environment=" + options_.service.environment};
    if (!options_.service.otlp_endpoint.empty())
        arguments.push_back("--otlp=" + options_.service.otlp_endpoint);
    if (!options_.csv_path.empty()) {
        arguments.push_back("--csv=" + options_.csv_path);
        arguments.push_back("--csv-zone=" + options_.csv_zone);
    }
    return {std::move(arguments), path(name + ".log"), std::nullopt, SIGTERM};
}

kw::Result<void> Supervisor::add(const std::string& name, Child::Options options) {
    auto managed = std::make_unique<Managed>(Managed{name, std::move(options), {}, {}});
    KW_TRY(managed->child.start(managed->options));
    children_.push_back(std::move(managed));
    return {};
}

Supervisor::Managed* Supervisor::find(std::string_view name) {
    for (const auto& managed : children_)
        if (managed->name == name) return managed.get();
    return nullptr;
}

kw::Result<void> Supervisor::start(bool start_given) {
    std::error_code error;
    fs::create_directories(options_.run_folder, error);
    if (error) return kw::unavailable("{}: {}", options_.run_folder, error.message());
    KW_TRY_ASSIGN(secret_, Secret::open(path("secret")));
    KW_TRY(choose_clock(start_given));
    KW_TRY(claim_ports());
    ServiceOptions own = options_.service;
    own.name = "control";
    own.port = options_.ports.control;
    own.log_path = path("control.log");
    own.profile = false;  // a profiler must not run where children are forked
    service_ = std::make_unique<Service>(own, FaultPlayer::kSupervisor, true);
    service_->set_fault_router([this](const HttpRequest& request) { return route_fault(request); });
    KW_TRY(start_database());
    KW_TRY(start_cache());
    KW_TRY(run_to_end(role("prepare", 0), seconds(120), "filling the database"));
    KW_TRY(add("world", role("world", options_.ports.world)));
    KW_TRY(add("model", role("model", options_.ports.model)));
    KW_TRY(add("api", role("api", options_.ports.api)));
    KW_TRY(add("gateway", role("gateway", options_.ports.gateway)));
    if (kw::Result<int> port = service_->start(); !port.ok()) return std::move(port).error();
    KW_TRY(wait_healthy());
    write_state();
    return {};
}

kw::Result<void> Supervisor::wait_healthy() {
    const HttpClient api("127.0.0.1", options_.ports.api, milliseconds(2000));
    const auto deadline = Clock::now() + seconds(90);  // the first model is trained meanwhile
    while (!stop_) {
        const kw::Result<HttpResponse> health = api.call("GET", "/health");
        if (health.ok() && health->status == 200) return {};
        for (const auto& managed : children_)
            if (!managed->child.running())
                return kw::unavailable("{} ended with {}; see {}", managed->name,
                                       managed->child.exit_code(), managed->options.log_path);
        if (Clock::now() > deadline)
            return kw::timed_out("the API is not healthy after 90 s: {}",
                                 health.ok() ? health->body : health.error().message);
        rest(stop_, milliseconds(100));
    }
    return kw::cancelled("stopped while starting");
}

bool Supervisor::wanted(const std::string& name) const {
    if (name == "postgres") return !service_->faults().active("database-down");
    if (name == "model") return !service_->faults().active("model-down");
    return true;
}

void Supervisor::watch() {
    auto write_at = Clock::now();
    for (; !stop_; rest(stop_, milliseconds(100))) {
        for (const auto& managed : children_) {
            const bool wanted_now = wanted(managed->name);
            if (!wanted_now) {
                managed->child.stop(seconds(10));
                managed->restart_at = {};
            } else if (!managed->child.running() && Clock::now() >= managed->restart_at) {
                managed->restart_at = Clock::now() + seconds(2);
                service_->log(
                    kilowatch::LogLevel::kWarning, "starting again",
                    {{"process", managed->name}, {"exit_code", managed->child.exit_code()}});
                if (const kw::Result<void> started = managed->child.start(managed->options);
                    !started.ok())
                    service_->log(kilowatch::LogLevel::kError, "cannot start",
                                  {{"reason", started.error().message}});
            }
        }
        if (Clock::now() >= write_at) {
            write_at = Clock::now() + seconds(5);
            write_state();
            shorten_logs();
        }
    }
}

void Supervisor::write_state() const {
    std::string processes;
    for (const auto& managed : children_)
        processes += fmt::format("{}\"{}\":{}", processes.empty() ? "" : ",", managed->name,
                                 managed->child.pid());
    const Ports& ports = options_.ports;
    const std::string state = fmt::format(
        R"({{"gateway":{},"api":{},"model":{},"world":{},"control":{},"postgres":{},"redis":{},"processes":{{{}}},)"
        R"("collector":{{"postgres_user":"{}","postgres_password":"{}","postgres_database":"energy","redis_password":"{}"}},)"
        R"("demo":{{"user":"{}","password":"{}","api_key":"{}"}}}})",
        ports.gateway, ports.api, ports.model, ports.world, ports.control, ports.postgres,
        ports.redis, processes, kReader, secret_->password_of(kReader),
        secret_->password_of("redis"), demo_users().front().name,
        secret_->password_of(demo_users().front().name),
        secret_->api_key_of(demo_users().front().name));
    for (const kw::Result<void>& written :
         {write_file(path("platform.json"), state),
          write_file(path("clock"), std::to_string(options_.service.clock.now_s()))})
        if (!written.ok())
            service_->log(kilowatch::LogLevel::kError, "state not written",
                          {{"reason", written.error().message}});
}

// A log that has grown long becomes NAME.log.1. Its writer goes on at the beginning: it appends.
void Supervisor::shorten_logs() const {
    for (const auto& managed : children_) {
        const std::string& log = managed->options.log_path;
        std::error_code error;
        if (const auto size = fs::file_size(log, error); error || size < kLogBytesMax) continue;
        fs::copy_file(log, log + ".1", fs::copy_options::overwrite_existing, error);
        fs::resize_file(log, 0, error);
    }
}

void Supervisor::end() {
    if (service_) service_->stop();
    if (service_ && secret_) write_state();
    for (auto managed = children_.rbegin(); managed != children_.rend(); ++managed)
        (*managed)->child.stop(seconds(10));
    std::error_code error;
    fs::remove(path("platform.json"), error);
}

HttpResponse Supervisor::list_faults() const {
    std::string list;
    for (const FaultKind& kind : fault_kinds())
        list += fmt::format(R"({}{{"name":"{}","what":{},"symptom":{}}})", list.empty() ? "" : ",",
                            kind.name, json_text(kind.what), json_text(kind.symptom));
    return {200, "application/json", "[" + list + "]", {}};
}

HttpResponse Supervisor::route_fault(const HttpRequest& request) {
    if (request.path == "/faults")
        return request.method == "GET" ? list_faults()
                                       : error_response(405, "GET /faults, POST /faults/NAME");
    const std::string name = request.path.substr(std::string_view("/faults/").size());
    const FaultKind* kind = find_fault(name);
    if (kind == nullptr)
        return error_response(
            404, "there is no fault '" + name.substr(0, 60) + "'; GET /faults lists them");
    int port = 0;
    switch (kind->player) {
        case FaultPlayer::kApi: port = options_.ports.api; break;
        case FaultPlayer::kModel: port = options_.ports.model; break;
        case FaultPlayer::kWorld: port = options_.ports.world; break;
        default: return service_->faults().answer(request);
    }
    service_->log(kilowatch::LogLevel::kInfo, "fault on command",
                  {{"fault", name}, {"method", request.method}});
    const HttpClient player("127.0.0.1", port, milliseconds(3000));
    kw::Result<HttpResponse> answer = player.call(request.method, request.target);
    if (!answer.ok()) return error_response(502, answer.error().message);
    return {answer->status, "application/json", std::move(answer->body), {}};
}

}  // namespace

int run_supervisor(RoleOptions options, bool start_given, const std::atomic<bool>& stop) {
    Supervisor supervisor(std::move(options), stop);
    const kw::Result<void> started = supervisor.start(start_given);
    if (started.ok()) {
        fmt::print("ready\n");
        std::fflush(stdout);
        supervisor.watch();
    }
    supervisor.end();
    if (!started.ok() && !stop) return fail(started.error());
    return 0;
}

}  // namespace energy
