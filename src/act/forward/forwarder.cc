#include "forward/forwarder.h"

#include <fmt/core.h>

#include <utility>

#include "alerting/json_text.h"
#include "alerting/template_data.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"

namespace kw::forward {
namespace {

std::vector<scrape::TargetGroup> all_groups(const AlertmanagerOptions& options,
                                            const std::vector<scrape::TargetGroup>& discovered) {
    std::vector<scrape::TargetGroup> groups;
    for (const scrape::StaticSdOptions& sd : options.static_sds) {
        groups.insert(groups.end(), sd.groups.begin(), sd.groups.end());
    }
    groups.insert(groups.end(), discovered.begin(), discovered.end());
    return groups;
}

bool discovers_as(const AlertmanagerOptions& a, const AlertmanagerOptions& b) {
    return a.file_sds == b.file_sds && a.http_sds == b.http_sds && a.dns_sds == b.dns_sds;
}

}  // namespace

std::string alert_json(const alerting::Report& report, const LabelSet& labels) {
    alerting::JsonText json;
    json.begin_object().key("annotations").begin_object();
    for (const auto& [name, value] : report.annotations) json.member(name, value);
    json.end_object();
    if (report.ends_at) json.member("endsAt", alerting::rfc3339(*report.ends_at));
    if (report.starts_at) json.member("startsAt", alerting::rfc3339(*report.starts_at));
    json.member_if("generatorURL", report.generator_url).key("labels").begin_object();
    for (const LabelView& label : labels) json.member(label.name, label.value);
    json.end_object().end_object();
    return json.take();
}

Forwarder::Forwarder(Environment& env, net::Fetcher& fetcher, const Options& options)
    : env_(env),
      fetcher_(fetcher),
      options_(options),
      discovered_gauge_(env.metrics.gauge("prometheus_notifications_alertmanagers_discovered",
                                          "The number of alertmanagers discovered and active.")),
      discovery_(
          env, fetcher,
          [this](const std::string& name, std::vector<scrape::TargetGroup> groups) {
              take_groups(name, std::move(groups));
          },
          options.own_thread, "notify") {}

Forwarder::~Forwarder() { stop(); }

void Forwarder::apply(std::vector<AlertmanagerOptions> entries) {
    std::vector<scrape::DiscoveryOptions> discovered;
    Peers gone;
    {
        const MutexLock lock(mutex_);
        if (is_stopped_) return;
        std::map<std::string, Entry> former = std::exchange(entries_, {});
        for (size_t i = 0; i < entries.size(); ++i) {
            const std::string name = fmt::format("config-{}", i);
            Entry entry;
            if (const auto found = former.find(name); found != former.end()) {
                entry = std::move(found->second);
                former.erase(found);
                if (!discovers_as(*entry.options, entries[i])) entry.discovered.clear();
            }
            entry.options = std::make_shared<const AlertmanagerOptions>(std::move(entries[i]));
            entry.client = std::make_shared<const net::HttpClientOptions>(entry.options->client);
            entry.discovered_gauge = &env_.metrics.gauge("prometheus_sd_discovered_targets",
                                                         "Current number of discovered targets.",
                                                         {{"config", name}, {"name", "notify"}});
            scrape::DiscoveryOptions sds{name, entry.options->file_sds, entry.options->http_sds,
                                         entry.options->dns_sds};
            if (!sds.is_empty()) discovered.push_back(std::move(sds));
            sync(entry, gone);
            entries_.emplace(name, std::move(entry));
        }
        for (auto& [name, entry] : former) {
            entry.discovered_gauge->set(0);
            for (auto& [url, peer] : entry.peers) gone.push_back(std::move(peer));
        }
        count();
    }
    stop_all(gone);
    discovery_.apply(std::move(discovered));
}

void Forwarder::take_groups(const std::string& name, std::vector<scrape::TargetGroup> groups) {
    Peers gone;
    {
        const MutexLock lock(mutex_);
        const auto found = entries_.find(name);
        if (found == entries_.end() || is_stopped_) return;
        found->second.discovered = std::move(groups);
        sync(found->second, gone);
        count();
    }
    stop_all(gone);
}

void Forwarder::sync(Entry& entry, Peers& gone) {
    const std::vector<scrape::TargetGroup> groups = all_groups(*entry.options, entry.discovered);
    size_t target_count = 0;
    for (const scrape::TargetGroup& group : groups) target_count += group.targets.size();
    entry.discovered_gauge->set(static_cast<double>(target_count));
    entry.endpoints = find_endpoints(*entry.options, groups);
    for (const std::string& error : entry.endpoints.errors) {
        env_.log.error("an Alertmanager cannot be used", {{"err", error}});
    }
    std::map<std::string, std::shared_ptr<Peer>> peers;
    for (const std::string& url : entry.endpoints.active) {
        const auto found = entry.peers.find(url);
        std::shared_ptr<Peer> peer =
            found != entry.peers.end()
                ? std::move(found->second)
                : std::make_shared<Peer>(env_, fetcher_, url, options_.queue_capacity);
        peer->configure(entry.client, entry.options->timeout_ms);
        peers.emplace(url, std::move(peer));
    }
    for (auto& [url, peer] : entry.peers) {
        if (peer) gone.push_back(std::move(peer));
    }
    entry.peers = std::move(peers);
}

void Forwarder::count() {
    size_t active = 0;
    for (const auto& [name, entry] : entries_) active += entry.endpoints.active.size();
    discovered_gauge_.set(static_cast<double>(active));
}

void Forwarder::stop_all(const Peers& peers) {
    for (const std::shared_ptr<Peer>& peer : peers) peer->stop();
}

void Forwarder::send(std::span<const alerting::Report> reports) {
    struct Destination {
        std::shared_ptr<const AlertmanagerOptions> options;
        Peers peers;
    };
    std::vector<Destination> destinations;
    {
        const MutexLock lock(mutex_);
        if (is_stopped_) return;
        for (const auto& [name, entry] : entries_) {
            Destination& destination = destinations.emplace_back();
            destination.options = entry.options;
            for (const auto& [url, peer] : entry.peers) destination.peers.push_back(peer);
        }
    }
    for (const Destination& destination : destinations) {
        if (destination.peers.empty()) continue;
        std::vector<AlertText> texts;
        texts.reserve(reports.size());
        for (const alerting::Report& report : reports) {
            LabelBuilder labels(report.labels);
            if (!intake::relabel(destination.options->alert_relabel, labels)) continue;
            texts.push_back(
                std::make_shared<const std::string>(alert_json(report, labels.build())));
        }
        if (texts.empty()) continue;
        for (const std::shared_ptr<Peer>& peer : destination.peers) peer->push(texts);
    }
}

void Forwarder::stop() {
    discovery_.stop();
    Peers peers;
    {
        const MutexLock lock(mutex_);
        if (std::exchange(is_stopped_, true)) return;
        for (auto& [name, entry] : entries_) {
            for (const auto& [url, peer] : entry.peers) peers.push_back(peer);
        }
    }
    if (options_.drains_at_stop) {
        const int64_t deadline_ns = env_.clock.steady_ns() + options_.drain_timeout_ms * 1'000'000;
        for (const std::shared_ptr<Peer>& peer : peers) {
            peer->wait_until_idle((deadline_ns - env_.clock.steady_ns()) / 1'000'000);
        }
    }
    stop_all(peers);
}

Endpoints Forwarder::alertmanagers() const {
    Endpoints all;
    const MutexLock lock(mutex_);
    for (const auto& [name, entry] : entries_) {
        const Endpoints& one = entry.endpoints;
        all.active.insert(all.active.end(), one.active.begin(), one.active.end());
        all.dropped.insert(all.dropped.end(), one.dropped.begin(), one.dropped.end());
        all.errors.insert(all.errors.end(), one.errors.begin(), one.errors.end());
    }
    return all;
}

}  // namespace kw::forward
