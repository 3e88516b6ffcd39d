// targets, targets/metadata, scrape_pools and their config, metadata.
#include <simdjson.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "api/envelope.h"
#include "api/parameters.h"
#include "api/prometheus_api.h"
#include "net/request.h"
#include "net/response_writer.h"
#include "promql/engine.h"

namespace kw::api {
namespace {

std::string_view health_name(scrape::Health health) {
    switch (health) {
        case scrape::Health::kUnknown: return "unknown";
        case scrape::Health::kUp: return "up";
        case scrape::Health::kDown: return "down";
    }
    return "unknown";
}

struct HostRange {
    size_t begin = 0;
    size_t end = 0;
};

// Where the host stands in "scheme://host:port/path".
HostRange host_in(std::string_view url) {
    const size_t scheme = url.find("://");
    const size_t begin = scheme == std::string_view::npos ? 0 : scheme + 3;
    if (begin < url.size() && url[begin] == '[') {
        const size_t close = url.find(']', begin);
        return {begin, close == std::string_view::npos ? url.size() : close + 1};
    }
    return {begin, std::min(url.find_first_of(":/?#", begin), url.size())};
}

// A target on this machine, as others reach it: by the host of the server's own URL.
std::string global_url(const std::string& scrape_url, std::string_view external_url) {
    const HostRange host = host_in(scrape_url);
    const std::string_view name =
        std::string_view(scrape_url).substr(host.begin, host.end - host.begin);
    if (external_url.empty() || (name != "localhost" && name != "127.0.0.1" && name != "[::1]"))
        return scrape_url;
    const HostRange external = host_in(external_url);
    std::string url = scrape_url;
    url.replace(host.begin, host.end - host.begin,
                external_url.substr(external.begin, external.end - external.begin));
    return url;
}

void write_target(JsonWriter& json, const scrape::TargetStatus& target,
                  std::string_view external_url) {
    json.begin_object();
    json.key("discoveredLabels").labels(target.discovered_labels);
    json.key("labels").labels(target.labels);
    json.key("scrapePool").string(target.scrape_pool);
    json.key("scrapeUrl").string(target.scrape_url);
    json.key("globalUrl").string(global_url(target.scrape_url, external_url));
    json.key("lastError").string(target.last_error);
    const bool scraped = target.last_scrape != Millis{0};
    json.key("lastScrape")
        .string(scraped ? format_rfc3339(target.last_scrape) : std::string(kNever));
    json.key("lastScrapeDuration").number(target.last_scrape_duration_seconds);
    json.key("health").string(health_name(target.health));
    json.key("scrapeInterval").string(format_duration_ms(target.interval_ms));
    json.key("scrapeTimeout").string(format_duration_ms(target.timeout_ms));
    json.end_object();
}

void write_metadata_fields(JsonWriter& json, const Metadata& metadata) {
    json.key("type").string(metric_type_name(metadata.type));
    json.key("help").string(metadata.help);
    json.key("unit").string(metadata.unit);
}

// The limits of metadata begin with 0, which is nothing; -1, Prometheus' default, is no limit.
Result<std::optional<uint64_t>> metadata_limit(const net::Request& request,
                                               std::string_view name = "limit") {
    const std::string_view text = request.params.get(name);
    if (text.empty() || text == "-1") return std::optional<uint64_t>();
    KW_TRY_ASSIGN(const uint64_t limit, limit_parameter(request, name));
    return std::optional<uint64_t>(limit);
}

// {"job":"x", …}: labels of a target before relabelling.
Result<LabelSet> labels_parameter(const net::Request& request) {
    const std::string_view text = request.params.get("labels");
    if (text.empty()) return invalid("no labels parameter provided");
    simdjson::dom::parser parser;
    simdjson::dom::object members;
    if (parser.parse(simdjson::padded_string(text)).get(members) != simdjson::SUCCESS)
        return invalid_parameter("labels", "it is no JSON object of strings");
    std::vector<LabelView> labels;
    for (const auto member : members) {
        std::string_view value;
        if (member.value.get(value) != simdjson::SUCCESS) {
            return invalid_parameter(
                "labels", fmt::format("the value of {} is no string", kw::quoted(member.key)));
        }
        labels.push_back({member.key, value});
    }
    Result<LabelSet> made = LabelSet::from(std::move(labels));
    if (!made.ok()) return invalid_parameter("labels", made.error().message);
    return made;
}

void write_rule(JsonWriter& json, const intake::RelabelConfig& rule) {
    json.begin_object();
    if (!rule.source_labels.empty()) {
        json.key("source_labels").begin_array();
        for (const std::string& label : rule.source_labels) json.string(label);
        json.end_array();
    }
    json.key("separator").string(rule.separator).key("regex").string(rule.regex);
    if (rule.modulus != 0) json.key("modulus").count(rule.modulus);
    if (!rule.target_label.empty()) json.key("target_label").string(rule.target_label);
    json.key("replacement").string(rule.replacement);
    json.key("action").string(intake::relabel_action_text(rule.action)).end_object();
}

}  // namespace

TargetReader target_reader(const scrape::ScrapeManager& manager) {
    return {
        [&manager](std::string_view pool) { return manager.active_targets(pool); },
        [&manager](std::string_view pool) { return manager.dropped_targets(pool); },
        [&manager] { return manager.pools(); },
        [&manager](const std::function<bool(const LabelSet&)>& target_matches,
                   std::string_view metric,
                   uint64_t limit) { return manager.metadata(target_matches, metric, limit); },
        [&manager](std::string_view pool) { return manager.relabel_rules(pool); },
    };
}

Result<void> PrometheusApi::targets(const net::Request& request,
                                    net::ResponseWriter& response) const {
    const std::string_view state = request.params.get("state");
    const std::string_view pool = request.params.get("scrapePool");
    const bool all = state != "active" && state != "dropped";
    SuccessEnvelope envelope(response);
    JsonWriter& json = envelope.data();
    json.begin_object().key("activeTargets").begin_array();
    if (given_.targets.active_targets && (all || state == "active")) {
        for (const scrape::TargetStatus& target : given_.targets.active_targets(pool)) {
            write_target(json, target, given_.options.external_url);
        }
    }
    json.end_array().key("droppedTargets").begin_array();
    if (given_.targets.dropped_targets && (all || state == "dropped")) {
        for (const scrape::DroppedTarget& target : given_.targets.dropped_targets(pool)) {
            json.begin_object().key("discoveredLabels").labels(target.discovered_labels);
            json.key("scrapePool").string(target.scrape_pool).end_object();
        }
    }
    json.end_array().key("droppedTargetCounts").begin_object();
    if (given_.targets.pools) {
        for (const scrape::PoolStatus& one : given_.targets.pools()) {
            if (pool.empty() || one.name == pool) json.key(one.name).count(one.dropped_count);
        }
    }
    json.end_object().end_object();
    return envelope.end();
}

Result<void> PrometheusApi::scrape_pools(const net::Request&, net::ResponseWriter& response) const {
    SuccessEnvelope envelope(response);
    JsonWriter& json = envelope.data();
    json.begin_object().key("scrapePools").begin_array();
    if (given_.targets.pools) {
        for (const scrape::PoolStatus& pool : given_.targets.pools()) json.string(pool.name);
    }
    json.end_array().end_object();
    return envelope.end();
}

Result<void> PrometheusApi::scrape_pool_config(const net::Request& request,
                                               net::ResponseWriter& response) const {
    const std::string_view pool = request.params.get("scrapePool");
    if (pool.empty()) return invalid("no scrapePool parameter provided");
    const std::optional<std::string> yaml =
        given_.pool_yaml ? given_.pool_yaml(pool) : std::nullopt;
    if (!yaml) return not_found("scrape pool {} not found", kw::quoted(pool));
    SuccessEnvelope envelope(response);
    envelope.data().begin_object().key("yaml").string(*yaml).end_object();
    return envelope.end();
}

// What each rule of a pool makes of given labels, up to the one that drops them.
Result<void> PrometheusApi::relabel_steps(const net::Request& request,
                                          net::ResponseWriter& response) const {
    const std::string_view pool = request.params.get("scrapePool");
    if (pool.empty()) return invalid("no scrapePool parameter provided");
    KW_TRY_ASSIGN(const LabelSet labels, labels_parameter(request));
    std::optional<std::vector<intake::RelabelRule>> rules;
    if (given_.targets.relabel_rules) rules = given_.targets.relabel_rules(pool);
    if (!rules) return not_found("scrape pool {} not found", kw::quoted(pool));
    SuccessEnvelope envelope(response);
    JsonWriter& json = envelope.data();
    json.begin_object().key("steps").begin_array();
    LabelBuilder current(labels);
    for (const intake::RelabelRule& rule : *rules) {
        const bool keep = rule.apply(current);
        json.begin_object().key("rule");
        write_rule(json, rule.config());
        json.key("output").labels(keep ? current.build() : LabelSet());
        json.key("keep").boolean(keep).end_object();
        if (!keep) break;
    }
    json.end_array().end_object();
    return envelope.end();
}

Result<void> PrometheusApi::target_metadata(const net::Request& request,
                                            net::ResponseWriter& response) const {
    KW_TRY_ASSIGN(const std::optional<uint64_t> limit, metadata_limit(request));
    std::vector<Matcher> matchers;
    if (const std::string_view text = request.params.get("match_target"); !text.empty()) {
        Result<std::vector<Matcher>> parsed =
            promql::parse_selector(text, given_.engine.options().features);
        if (!parsed.ok()) return invalid_parameter("match_target", parsed.error().message);
        matchers = std::move(parsed).value();
    }
    const std::string_view metric = request.params.get("metric");
    std::vector<scrape::TargetMetadata> found;
    if (given_.targets.metadata && limit != 0) {
        found = given_.targets.metadata(
            [&](const LabelSet& labels) { return matches_all(matchers, labels); }, metric,
            limit.value_or(0));
    }
    SuccessEnvelope envelope(response);
    JsonWriter& json = envelope.data();
    json.begin_array();
    for (const scrape::TargetMetadata& one : found) {
        json.begin_object().key("target").labels(one.target);
        if (metric.empty()) json.key("metric").string(one.metric);
        write_metadata_fields(json, one.metadata);
        json.end_object();
    }
    json.end_array();
    return envelope.end();
}

// What all targets say of each metric, every different saying once.
Result<void> PrometheusApi::metadata(const net::Request& request,
                                     net::ResponseWriter& response) const {
    KW_TRY_ASSIGN(const std::optional<uint64_t> limit, metadata_limit(request));
    KW_TRY_ASSIGN(const std::optional<uint64_t> limit_per_metric,
                  metadata_limit(request, "limit_per_metric"));
    std::map<std::string, std::vector<Metadata>> by_metric;
    if (given_.targets.metadata) {
        const auto every_target = [](const LabelSet&) { return true; };
        for (scrape::TargetMetadata& one :
             given_.targets.metadata(every_target, request.params.get("metric"), 0)) {
            std::vector<Metadata>& sayings = by_metric[one.metric];
            if (std::find(sayings.begin(), sayings.end(), one.metadata) == sayings.end()) {
                sayings.push_back(std::move(one.metadata));
            }
        }
    }
    SuccessEnvelope envelope(response);
    JsonWriter& json = envelope.data();
    json.begin_object();
    uint64_t metric_count = 0;
    for (const auto& [metric, sayings] : by_metric) {
        if (limit && metric_count++ == *limit) break;
        json.key(metric).begin_array();
        const uint64_t per_metric = limit_per_metric.value_or(0);
        const size_t shown =
            per_metric == 0 ? sayings.size() : std::min(sayings.size(), per_metric);
        for (size_t i = 0; i < shown; ++i) {
            json.begin_object();
            write_metadata_fields(json, sayings[i]);
            json.end_object();
        }
        json.end_array();
    }
    json.end_object();
    return envelope.end();
}

}  // namespace kw::api
