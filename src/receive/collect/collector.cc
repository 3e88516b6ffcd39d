#include "collect/collector.h"

#include "collect/writer.h"

namespace kw::collect {
namespace {

// Every collector of the host, sorted by name. A new one is a line here and its code in the family's file.
constexpr CollectorEntry kCollectors[] = {
    {"arp", collect_arp},
    {"conntrack", collect_conntrack},
    {"cpu", collect_cpu},
    {"diskstats", collect_disk},
    {"entropy", collect_entropy},
    {"filefd", collect_filefd},
    {"filesystem", collect_filesystem},
    {"loadavg", collect_loadavg},
    {"meminfo", collect_meminfo},
    {"netclass", collect_netclass},
    {"netdev", collect_netdev},
    {"netstat", collect_netstat},
    {"os", collect_os},
    {"pressure", collect_pressure},
    {"sockstat", collect_sockstat},
    {"softnet", collect_softnet},
    {"stat", collect_stat},
    {"textfile", collect_textfile},
    {"time", collect_time},
    {"timex", collect_timex},
    {"udp_queues", collect_udp_queues},
    {"uname", collect_uname},
    {"vmstat", collect_vmstat},
};

struct Outcome {
    bool success = false;
    double seconds = 0;
};

}  // namespace

HostCollectors::HostCollectors(const Clock& clock, HostOptions options)
    : host_(clock, std::move(options)) {}
HostCollectors::HostCollectors(const Clock& clock, HostOptions options, Host::Calls calls)
    : host_(clock, std::move(options), std::move(calls)) {}

std::span<const CollectorEntry> HostCollectors::table() { return kCollectors; }

void HostCollectors::collect(std::string& out) {
    ExpositionWriter writer(out);
    std::vector<Outcome> outcomes;
    for (const CollectorEntry& collector : kCollectors) {
        const int64_t started_ns = host_.clock().steady_ns();
        const bool success = collector.collect(host_, memory_, writer).ok();
        outcomes.push_back(
            {success, static_cast<double>(host_.clock().steady_ns() - started_ns) / 1e9});
    }
    writer.family("node_scrape_collector_duration_seconds",
                  "node_exporter: Duration of a collector scrape.", "gauge");
    for (size_t i = 0; i < outcomes.size(); ++i) {
        writer.sample({{"collector", kCollectors[i].name}}, outcomes[i].seconds);
    }
    writer.family("node_scrape_collector_success", "node_exporter: Whether a collector succeeded.",
                  "gauge");
    for (size_t i = 0; i < outcomes.size(); ++i) {
        writer.sample({{"collector", kCollectors[i].name}}, outcomes[i].success ? 1 : 0);
    }
}

SelfCollectors::SelfCollectors(const Clock& clock, HostOptions options)
    : host_(clock, std::move(options)) {}
SelfCollectors::SelfCollectors(const Clock& clock, HostOptions options, Host::Calls calls)
    : host_(clock, std::move(options), std::move(calls)) {}

// Neither has a metric for its own failure: what cannot be read is not there.
void SelfCollectors::collect(std::string& out) const {
    ExpositionWriter writer(out);
    (void)collect_process(host_, writer).ok();
    (void)collect_cgroups(host_, writer).ok();
}

}  // namespace kw::collect
