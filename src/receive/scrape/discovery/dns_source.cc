#include <fmt/format.h>

#include "base/log.h"
#include "net/dns_resolver.h"
#include "scrape/discovery/source.h"

namespace kw::scrape {
namespace {

// net.JoinHostPort of upstream.
std::string address_of(std::string_view host, int64_t port) {
    return host.contains(':') ? fmt::format("[{}]:{}", host, port)
                              : fmt::format("{}:{}", host, port);
}

// "host.example." -> "host.example"
std::string_view without_root(std::string_view name) {
    while (name.ends_with('.')) name.remove_suffix(1);
    return name;
}

TargetGroup group_of(const DnsSdOptions& options, const std::string& name,
                     const std::vector<net::DnsRecord>& records) {
    TargetGroup group;
    group.source = name;
    for (const net::DnsRecord& record : records) {
        const bool is_service = options.type == net::DnsRecordType::kSrv;
        const int64_t port = is_service ? record.port : options.port;
        LabelBuilder labels;
        labels.set("__address__", address_of(without_root(record.target), port));
        labels.set("__meta_dns_name", name);
        if (is_service) {
            labels.set("__meta_dns_srv_record_target", record.target);
            labels.set("__meta_dns_srv_record_port", std::to_string(record.port));
        } else if (options.type == net::DnsRecordType::kMx) {
            labels.set("__meta_dns_mx_record_target", record.target);
        } else if (options.type == net::DnsRecordType::kNs) {
            labels.set("__meta_dns_ns_record_target", record.target);
        }
        group.targets.push_back(labels.build());
    }
    return group;
}

}  // namespace

void DnsSource::refresh(net::DnsResolver& resolver, const Deliver& deliver) {
    metrics_.dns_refreshes.add();
    for (const std::string& name : options_.names) {
        if (!asked_.insert(name).second) continue;  // the answer before has not come
        metrics_.dns_lookups.add();
        resolver.lookup(name, options_.type, [name, deliver](net::DnsResolver::Answer answer) {
            deliver(name, std::move(answer));
        });
    }
}

bool DnsSource::take(const std::string& name, const net::DnsResolver::Answer& answer) {
    asked_.erase(name);
    if (!answer.ok()) {
        metrics_.dns_lookup_failures.add();
        env_.log.error("a name could not be looked up; the targets found before stay",
                       {{"name", name}, {"error", answer.error().message}});
        return false;
    }
    TargetGroup group = group_of(options_, name, *answer);
    TargetGroup& before = groups_[name];
    if (group == before) return false;
    before = std::move(group);
    return true;
}

std::vector<TargetGroup> DnsSource::groups() const {
    std::vector<TargetGroup> all;
    for (const auto& [name, group] : groups_) all.push_back(group);
    return all;
}

}  // namespace kw::scrape
