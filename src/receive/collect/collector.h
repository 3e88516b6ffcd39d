// A set of collectors as one target: runs each, keeps what it wrote, and says how it went in
// node_scrape_collector_success and node_scrape_collector_duration_seconds.
//
//   HostCollectors host(clock, options);
//   host.collect(text);          // node_*
//   SelfCollectors self(clock, options);
//   self.collect(text);          // process_* of this process, container_* of the cgroups
//
// A collector is a function over the Host that writes families; the tables in collector.cc list them all. One
// that fails leaves the families that it finished; what it has not got is missing, as it is in node_exporter.
// Names, labels, HELP and TYPE are node_exporter's, client_golang's and cAdvisor's of today: docs/collectors.md.
// Threads: collect() once at a time.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "collect/host.h"

namespace kw::collect {

class ExpositionWriter;

// What collectors keep from one time to the next.
struct HostMemory {
    // By CPU and mode, seconds: the kernel's idle and iowait sometimes go back a little, which would look like
    // a restart of the counter.
    std::map<std::string, std::vector<double>, std::less<>> cpu_seconds;
};

struct CollectorEntry {
    std::string_view name;
    Result<void> (*collect)(const Host& host, HostMemory& memory, ExpositionWriter& out);
};

class HostCollectors final {
 public:
    HostCollectors(const Clock& clock, HostOptions options);
    HostCollectors(const Clock& clock, HostOptions options, Host::Calls calls);

    // Appends the exposition to `out`.
    void collect(std::string& out);
    // Every collector there is.
    static std::span<const CollectorEntry> table();

 private:
    Host host_;
    HostMemory memory_;
};

class SelfCollectors final {
 public:
    SelfCollectors(const Clock& clock, HostOptions options);
    SelfCollectors(const Clock& clock, HostOptions options, Host::Calls calls);

    void collect(std::string& out) const;

 private:
    Host host_;
};

// The collectors, by file.
Result<void> collect_cpu(const Host& host, HostMemory& memory, ExpositionWriter& out);   // cpu.cc
Result<void> collect_disk(const Host& host, HostMemory& memory, ExpositionWriter& out);  // disk.cc
Result<void> collect_filesystem(const Host& host, HostMemory& memory,
                                ExpositionWriter& out);  // filesystem.cc
Result<void> collect_meminfo(const Host& host, HostMemory& memory,
                             ExpositionWriter& out);  // memory.cc
Result<void> collect_vmstat(const Host& host, HostMemory& memory, ExpositionWriter& out);
Result<void> collect_pressure(const Host& host, HostMemory& memory, ExpositionWriter& out);
Result<void> collect_netdev(const Host& host, HostMemory& memory,
                            ExpositionWriter& out);  // netdev.cc
Result<void> collect_netclass(const Host& host, HostMemory& memory, ExpositionWriter& out);
Result<void> collect_arp(const Host& host, HostMemory& memory,
                         ExpositionWriter& out);  // netstat.cc
Result<void> collect_conntrack(const Host& host, HostMemory& memory, ExpositionWriter& out);
Result<void> collect_netstat(const Host& host, HostMemory& memory, ExpositionWriter& out);
Result<void> collect_sockstat(const Host& host, HostMemory& memory, ExpositionWriter& out);
Result<void> collect_softnet(const Host& host, HostMemory& memory, ExpositionWriter& out);
Result<void> collect_udp_queues(const Host& host, HostMemory& memory, ExpositionWriter& out);
Result<void> collect_entropy(const Host& host, HostMemory& memory,
                             ExpositionWriter& out);  // system.cc
Result<void> collect_filefd(const Host& host, HostMemory& memory, ExpositionWriter& out);
Result<void> collect_loadavg(const Host& host, HostMemory& memory, ExpositionWriter& out);
Result<void> collect_os(const Host& host, HostMemory& memory, ExpositionWriter& out);
Result<void> collect_stat(const Host& host, HostMemory& memory, ExpositionWriter& out);
Result<void> collect_time(const Host& host, HostMemory& memory, ExpositionWriter& out);
Result<void> collect_timex(const Host& host, HostMemory& memory, ExpositionWriter& out);
Result<void> collect_uname(const Host& host, HostMemory& memory, ExpositionWriter& out);
Result<void> collect_textfile(const Host& host, HostMemory& memory,
                              ExpositionWriter& out);  // textfile.cc

Result<void> collect_process(const Host& host, ExpositionWriter& out);  // process.cc
Result<void> collect_cgroups(const Host& host, ExpositionWriter& out);  // cgroup.cc

}  // namespace kw::collect
