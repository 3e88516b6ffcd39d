// status/*, our own status of the configuration, and the lists that stay empty until there are rules.
#include "api/envelope.h"
#include "api/parameters.h"
#include "api/prometheus_api.h"
#include "base/clock.h"
#include "base/environment.h"
#include "contract/metric_store.h"
#include "net/request.h"
#include "net/response_writer.h"

namespace kw::api {
namespace {

void write_counts(JsonWriter& json, std::string_view name, const std::vector<NameCount>& counts) {
    json.key(name).begin_array();
    for (const NameCount& one : counts) {
        json.begin_object().key("name").string(one.name).key("value").count(one.count).end_object();
    }
    json.end_array();
}

}  // namespace

Result<void> PrometheusApi::status_config(const net::Request&,
                                          net::ResponseWriter& response) const {
    SuccessEnvelope envelope(response);
    envelope.data().begin_object();
    envelope.data()
        .key("yaml")
        .string(given_.config_yaml ? given_.config_yaml() : std::string())
        .end_object();
    return envelope.end();
}

Result<void> PrometheusApi::status_flags(const net::Request&, net::ResponseWriter& response) const {
    SuccessEnvelope envelope(response);
    JsonWriter& json = envelope.data();
    json.begin_object();
    for (const auto& [name, value] : given_.flags) json.key(name).string(value);
    json.end_object();
    return envelope.end();
}

Result<void> PrometheusApi::status_runtime(const net::Request&,
                                           net::ResponseWriter& response) const {
    const RuntimeInfo info = given_.runtime ? given_.runtime() : RuntimeInfo();
    SuccessEnvelope envelope(response);
    JsonWriter& json = envelope.data();
    json.begin_object();
    json.key("startTime").string(format_rfc3339(info.start_time));
    json.key("CWD").string(info.working_directory);
    json.key("hostname").string(info.hostname);
    json.key("serverTime").string(format_rfc3339(given_.env.clock.now()));
    json.key("reloadConfigSuccess").boolean(info.reload_succeeded);
    json.key("lastConfigTime").string(format_rfc3339(info.last_config_time));
    json.key("corruptionCount").count(info.corruption_count);
    // Threads are what this program has where a Go program has goroutines.
    json.key("goroutineCount").count(info.thread_count);
    json.key("GOMAXPROCS").count(info.cpu_count);
    json.key("GOMEMLIMIT").count(info.memory_limit_bytes);
    json.key("GOGC").string("").key("GODEBUG").string("");
    json.key("storageRetention").string(info.storage_retention);
    json.end_object();
    return envelope.end();
}

// What whoever looks at the server should know: that its configuration could not be reloaded.
Result<void> PrometheusApi::notifications(const net::Request&,
                                          net::ResponseWriter& response) const {
    const RuntimeInfo info = given_.runtime ? given_.runtime() : RuntimeInfo();
    SuccessEnvelope envelope(response);
    JsonWriter& json = envelope.data();
    json.begin_array();
    if (!info.reload_succeeded) {
        json.begin_object().key("text").string("Configuration reload has failed.");
        json.key("date").string(format_rfc3339(info.reload_failed_time));
        json.key("active").boolean(true).end_object();
    }
    json.end_array();
    return envelope.end();
}

Result<void> PrometheusApi::status_build(const net::Request&, net::ResponseWriter& response) const {
    const BuildInfo& build = given_.build;
    SuccessEnvelope envelope(response);
    JsonWriter& json = envelope.data();
    json.begin_object();
    json.key("version").string(build.version);
    json.key("revision").string(build.revision);
    json.key("branch").string(build.branch);
    json.key("buildUser").string(build.build_user);
    json.key("buildDate").string(build.build_date);
    json.key("goVersion").string(build.compiler);
    json.end_object();
    return envelope.end();
}

Result<void> PrometheusApi::status_tsdb(const net::Request& request,
                                        net::ResponseWriter& response) const {
    constexpr uint64_t kLimitDefault = 10;
    constexpr uint64_t kLimitMax = 10'000;
    KW_TRY_ASSIGN(uint64_t limit, limit_parameter(request));
    if (limit == 0) limit = kLimitDefault;
    if (limit > kLimitMax)
        return invalid_parameter("limit", fmt::format("limit must not exceed {}", kLimitMax));
    KW_TRY_ASSIGN(const StoreStats stats, given_.store.stats(limit));
    SuccessEnvelope envelope(response);
    JsonWriter& json = envelope.data();
    json.begin_object().key("headStats").begin_object();
    json.key("numSeries").count(stats.series_count);
    json.key("numLabelPairs").count(stats.label_pair_count);
    json.key("chunkCount").count(stats.chunk_count);
    json.key("minTime").integer(stats.head_range.min.count);
    json.key("maxTime").integer(stats.head_range.max.count);
    json.end_object();
    write_counts(json, "seriesCountByMetricName", stats.series_by_metric);
    write_counts(json, "labelValueCountByLabelName", stats.values_by_label);
    write_counts(json, "memoryInBytesByLabelName", stats.bytes_by_label);
    write_counts(json, "seriesCountByLabelValuePair", stats.series_by_label_pair);
    json.end_object();
    return envelope.end();
}

Result<void> PrometheusApi::status_blocks(const net::Request&,
                                          net::ResponseWriter& response) const {
    SuccessEnvelope envelope(response);
    JsonWriter& json = envelope.data();
    json.begin_object().key("blocks").begin_array();
    for (const BlockInfo& block : given_.blocks ? given_.blocks() : std::vector<BlockInfo>()) {
        json.begin_object().key("ulid").string(block.name);
        json.key("minTime").integer(block.range.min.count);
        // Prometheus' blocks end before their maxTime.
        json.key("maxTime").integer(block.range.max.count + 1);
        json.key("stats").begin_object();
        json.key("numSamples").count(block.sample_count);
        json.key("numSeries").count(block.series_count);
        json.key("numChunks").count(block.chunk_count).end_object();
        json.key("compaction").begin_object().key("level").count(block.level);
        json.key("sources").begin_array();
        for (const std::string& source : block.sources) json.string(source);
        json.end_array().end_object();
        json.key("version").count(1).end_object();
    }
    json.end_array().end_object();
    return envelope.end();
}

Result<void> PrometheusApi::status_wal_replay(const net::Request&,
                                              net::ResponseWriter& response) const {
    const WalReplay replay = given_.wal_replay ? given_.wal_replay() : WalReplay();
    SuccessEnvelope envelope(response);
    JsonWriter& json = envelope.data();
    json.begin_object().key("min").integer(replay.min).key("max").integer(replay.max);
    json.key("current").integer(replay.current).end_object();
    return envelope.end();
}

Result<void> PrometheusApi::status_warnings(const net::Request&,
                                            net::ResponseWriter& response) const {
    SuccessEnvelope envelope(response);
    JsonWriter& json = envelope.data();
    json.begin_object().key("warnings").begin_array();
    if (given_.config_warnings) {
        for (const ConfigWarning& warning : given_.config_warnings()) {
            json.begin_object().key("file").string(warning.file).key("line").integer(warning.line);
            json.key("key").string(warning.key).key("message").string(warning.message).end_object();
        }
    }
    json.end_array().end_object();
    return envelope.end();
}

Result<void> PrometheusApi::alertmanagers(const net::Request&,
                                          net::ResponseWriter& response) const {
    SuccessEnvelope envelope(response);
    JsonWriter& json = envelope.data();
    const KnownAlertmanagers known =
        given_.alertmanagers ? given_.alertmanagers() : KnownAlertmanagers();
    const auto write = [&](std::string_view key, const std::vector<std::string>& urls) {
        json.key(key).begin_array();
        for (const std::string& url : urls) json.begin_object().key("url").string(url).end_object();
        json.end_array();
    };
    json.begin_object();
    write("activeAlertmanagers", known.active);
    write("droppedAlertmanagers", known.dropped);
    json.end_object();
    return envelope.end();
}

}  // namespace kw::api
