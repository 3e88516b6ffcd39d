#include <fmt/core.h>

#include <algorithm>

#include "platform/api.h"
#include "platform/bodies.h"

namespace energy {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::seconds kKnownFor{30};  // a revoked key works this much longer
constexpr std::chrono::seconds kFailureWindow{60};
constexpr size_t kFailuresSuspicious = 5;  // of one user in the window
constexpr size_t kFailuresLocked = 20;
constexpr std::chrono::seconds kActiveFor{300};
constexpr int64_t kTokenSeconds = 3600;
constexpr size_t kUsersMax = 10'000;  // remembered in memory, of each kind

std::chrono::seconds unix_now() {
    return std::chrono::duration_cast<std::chrono::seconds>(
        std::chrono::system_clock::now().time_since_epoch());
}

// For a label: joinable with the database's row, of no use to a thief.
std::string key_id(const std::string& key) { return sha256_hex(key).substr(0, 12); }

}  // namespace

Access::Access(Service& service, Database& database, const Secret& secret)
    : service_(service),
      database_(database),
      secret_(secret),
      login_failed_(
          service.metrics().counter("auth_login_failed_total", "Logins that were refused.")),
      login_succeeded_(
          service.metrics().counter("auth_login_succeeded_total", "Logins that were granted.")),
      key_requests_(service.metrics().counter_family(
          "api_key_requests_total",
          "Requests by API key; key_id is a hash, 'unknown' an invalid key.",
          {"key_id", "status"})),
      security_(service.metrics().counter_family(
          "security_events_total", "What looks like an attack or a misuse.", {"type", "reason"})),
      data_access_(service.metrics().counter_family("data_access_total",
                                                    "Reads of data by its class.", {"type"})),
      audit_events_(service.metrics().counter_family(
          "audit_events_total", "Entries of the audit trail.", {"action", "outcome"})) {
    for (const std::string_view reason :
         {"brute_force", "off_hours_access", "invalid_key", "forbidden"})
        security_.with({"suspicious", reason});
    for (const std::string_view type : {"sensitive", "standard"}) data_access_.with({type});
    for (const std::string_view action : {"login", "read_customers", "create_key", "revoke_key"})
        for (const std::string_view outcome : {"granted", "denied"})
            audit_events_.with({action, outcome});
    key_requests_.with({"unknown", "denied"});
    for (const DemoUser& user : demo_users())
        key_requests_.with({key_id(secret.api_key_of(user.name)), "granted"});
    collector_ = service.metrics().add_collector([this](kilowatch::CollectorSink& sink) {
        const std::scoped_lock lock(mutex_);
        std::erase_if(seen_,
                      [](const auto& entry) { return Clock::now() - entry.second > kActiveFor; });
        sink.gauge("active_users", "Different users of the last 5 minutes.", {},
                   static_cast<double>(seen_.size()));
    });
}

void Access::see(const std::string& user) {
    const std::scoped_lock lock(mutex_);
    if (seen_.size() < kUsersMax || seen_.contains(user)) seen_[user] = Clock::now();
}

size_t Access::failures(const std::string& user) {
    const std::scoped_lock lock(mutex_);
    const auto found = failures_.find(user);
    if (found == failures_.end()) return 0;
    Failures& times = found->second;
    while (!times.empty() && Clock::now() - times.front() > kFailureWindow) times.pop_front();
    return times.size();
}

size_t Access::count_failure(const std::string& user) {
    login_failed_.increment();
    {
        const std::scoped_lock lock(mutex_);
        if (failures_.size() >= kUsersMax && !failures_.contains(user)) failures_.clear();
        Failures& times = failures_[user];
        times.push_back(Clock::now());
        if (times.size() > kFailuresLocked) times.pop_front();
    }
    return failures(user);
}

void Access::suspect(std::string_view reason, const std::string& user) {
    security_.with({"suspicious", reason}).increment();
    service_.log(kilowatch::LogLevel::kWarning, "suspicious activity",
                 {{"reason", reason}, {"user", user}});
}

void Access::audit(const std::string& actor, const std::string& action, const std::string& object,
                   const std::string& outcome) {
    audit_events_.with({action, outcome}).increment();
    const kilowatch::Context& context = kilowatch::current_context();
    const std::string request_id = context.tags ? context.tags->request_id : "";
    const auto stored = database_.query(
        "insert_audit",
        "INSERT INTO audit_event (simulated_s, actor, action, object, outcome, request_id) VALUES "
        "($1,$2,$3,$4,$5,$6)",
        {std::to_string(service_.clock().now_s()), actor, action, object, outcome, request_id});
    service_.log(kilowatch::LogLevel::kInfo, "audit",
                 {{"actor", actor}, {"action", action}, {"object", object}, {"outcome", outcome}});
    if (!stored.ok())  // the log entry above is then the only trace of it
        service_.log(kilowatch::LogLevel::kError, "audit entry not stored",
                     {{"reason", stored.error().message}});
}

kw::Result<Principal> Access::look_up(const std::string& cache_key, const char* sql,
                                      const std::string& parameter) {
    {
        const std::scoped_lock lock(mutex_);
        const auto found = known_.find(cache_key);
        if (found != known_.end() && Clock::now() < found->second.until)
            return found->second.principal;
    }
    KW_TRY_ASSIGN(const Rows rows, database_.query("select_user", sql, {parameter}));
    if (rows.empty()) return kw::denied("unknown");
    Principal principal{rows[0][0].value_or(""), rows[0][1].value_or(""), rows[0][2].value_or("")};
    const std::scoped_lock lock(mutex_);
    if (known_.size() >= kUsersMax) known_.clear();
    known_[cache_key] = {principal, Clock::now() + kKnownFor};
    return principal;
}

kw::Result<Principal> Access::by_key(const std::string& key) {
    kw::Result<Principal> found = key.size() > 100
                                      ? kw::Result<Principal>(kw::denied("too long"))
                                      : look_up("key " + sha256_hex(key),
                                                "SELECT u.name, u.role, u.zone FROM api_key k JOIN "
                                                "app_user u ON u.name = k.user_name "
                                                "WHERE k.key_hash = $1 AND NOT k.revoked",
                                                sha256_hex(key));
    if (found.ok()) {
        key_requests_.with({key_id(key), "granted"}).increment();
    } else if (found.error().code == kw::Code::kDenied) {
        key_requests_.with({"unknown", "denied"}).increment();
        suspect("invalid_key", "");
        return kw::denied("the API key is not valid");
    }
    return found;
}

kw::Result<Principal> Access::by_token(std::string_view token) {
    const std::optional<std::string> user = secret_.user_of(token, unix_now().count());
    if (!user) return kw::denied("the token is not valid, or no longer; log in again");
    return look_up("user " + *user, "SELECT name, role, zone FROM app_user WHERE name = $1", *user);
}

kw::Result<Principal> Access::authenticate(const HttpRequest& request,
                                           kilowatch::ScopedSpan& span) {
    constexpr std::string_view kBearer = "Bearer ";
    const std::string key = request.header_or("x-api-key", ""),
                      authorization = request.header_or("authorization", "");
    kw::Result<Principal> who =
        !key.empty() ? by_key(key)
        : authorization.starts_with(kBearer)
            ? by_token(std::string_view(authorization).substr(kBearer.size()))
            : kw::Result<Principal>(kw::denied("log in, or send an X-Api-Key"));
    if (who.ok()) {
        span.set_tags({.request_id = {},
                       .user_id = who->user,
                       .model_version = {},
                       .data_version = {},
                       .environment = {}});
        see(who->user);
    }
    return who;
}

HttpResponse Access::login(const HttpRequest& request, kilowatch::ScopedSpan& span) {
    const kw::Result<LoginBody> login = parse_login(request.body);
    if (!login.ok()) return error_response(login.error());
    const std::string& user = login->user;
    const std::string& password = login->password;
    if (failures(user) >= kFailuresLocked) {
        login_failed_.increment();
        suspect("brute_force", user);
        HttpResponse answer =
            error_response(429, "too many failed logins of this user; wait a minute");
        answer.headers["Retry-After"] = "60";
        return answer;
    }
    const kw::Result<Rows> rows = database_.query(
        "select_password", "SELECT password_hash FROM app_user WHERE name = $1", {user});
    if (!rows.ok()) return error_response(rows.error());
    // An unknown user costs the same time as a wrong password.
    static const std::string kNobody = hash_password(random_hex(8));
    const bool known = !rows->empty();
    const bool right =
        verify_password(password, known ? rows->front()[0].value_or("") : kNobody) && known;
    if (!right) {
        if (count_failure(user) >= kFailuresSuspicious) suspect("brute_force", user);
        audit(known ? user : "unknown", "login", "session", "denied");
        return error_response(401, "user or password is wrong");
    }
    login_succeeded_.increment();
    span.set_tags({.request_id = {},
                   .user_id = user,
                   .model_version = {},
                   .data_version = {},
                   .environment = {}});
    see(user);
    audit(user, "login", "session", "granted");
    return {200,
            "application/json",
            fmt::format(R"({{"token":{},"expires_in":{}}})",
                        json_text(secret_.token(user, unix_now().count() + kTokenSeconds)),
                        kTokenSeconds),
            {}};
}

HttpResponse Access::make_key(const Principal& who) {
    const std::string key = "ef_" + random_hex(16);
    const auto stored =
        database_.query("insert_key", "INSERT INTO api_key (key_hash, user_name) VALUES ($1, $2)",
                        {sha256_hex(key), who.user});
    if (!stored.ok()) return error_response(stored.error());
    audit(who.user, "create_key", key_id(key), "granted");
    return {201,
            "application/json",
            fmt::format(R"({{"key":{},"key_id":{}}})", json_text(key), json_text(key_id(key))),
            {}};
}

HttpResponse Access::revoke_key(const Principal& who, const HttpRequest& request) {
    const std::string id = request.query_or("key_id", "");
    const bool form = id.size() == 12 && std::all_of(id.begin(), id.end(), [](char c) {
                          return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
                      });
    if (!form) return error_response(400, "key_id: want the 12 digits that POST /keys gave");
    const auto revoked = database_.query("revoke_key",
                                         "UPDATE api_key SET revoked = true WHERE user_name = $1 "
                                         "AND left(key_hash, 12) = $2 RETURNING 1",
                                         {who.user, id});
    if (!revoked.ok()) return error_response(revoked.error());
    audit(who.user, "revoke_key", id, revoked->empty() ? "denied" : "granted");
    if (revoked->empty()) return error_response(404, "you have no such key");
    return {200, "application/json", R"({"revoked":true})", {}};
}

HttpResponse unknown_zone(std::string_view zone) {
    std::string known;
    for (const Zone& each : zones()) known += (known.empty() ? "" : ", ") + std::string(each.name);
    return error_response(400, fmt::format("zone '{}': want one of {}", zone.substr(0, 40), known));
}

HttpResponse Access::customers(const Principal& who, const HttpRequest& request) {
    const std::string zone = request.query_or("zone", "");
    const std::optional<size_t> index = zone_index(zone);
    if (!index) return unknown_zone(zone);
    if (who.role == "reader") {
        suspect("forbidden", who.user);
        audit(who.user, "read_customers", zone, "denied");
        return error_response(403, "customers' data is for analysts and operators");
    }
    const auto rows = database_.query(
        "select_customers",
        "SELECT id, name, meter FROM customer WHERE zone = $1 ORDER BY id LIMIT 50", {zone});
    if (!rows.ok()) return error_response(rows.error());
    count_access("sensitive");
    const LocalTime local = local_time(zones()[*index], service_.clock().now_slot());
    if (is_off_hours(local)) suspect("off_hours_access", who.user);
    audit(who.user, "read_customers", zone, "granted");
    std::string list;
    for (const Row& row : *rows)
        list += fmt::format(R"({}{{"id":{},"name":{},"meter":{}}})", list.empty() ? "" : ",",
                            integer(row[0]), json_text(row[1].value_or("")),
                            json_text(row[2].value_or("")));
    return {200, "application/json", "[" + list + "]", {}};
}

}  // namespace energy
