#include "scrape/discovery/discovery.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <thread>

#include "base/check.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "net/http_client.h"
#include "scrape/discovery/source.h"

namespace kw::scrape {
namespace {

constexpr uint32_t kWatched = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ONLYDIR;
// A writer often touches several files: they are read once, a moment after the first event.
constexpr int64_t kSettleNs = 100'000'000;

// The directories that hold discovery files, watched through inotify. Where that does not work (a
// file system without it, too many watches) the refresh interval remains.
class Watches final {
 public:
    Watches() : inotify_(inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {}
    ~Watches() {
        if (inotify_ >= 0) close(inotify_);
    }
    Watches(const Watches&) = delete;
    Watches& operator=(const Watches&) = delete;

    int descriptor() const { return inotify_; }
    // Idempotent: a directory that appeared since is watched from now on.
    void watch(const std::string& directory) {
        if (inotify_ < 0) return;
        const int id = inotify_add_watch(inotify_, directory.c_str(), kWatched);
        if (id >= 0) directories_[id] = directory;
    }
    // The directories in which something happened.
    std::vector<std::string> changed() {
        std::vector<std::string> names;
        alignas(inotify_event) char events[16 << 10];
        for (;;) {
            const ssize_t size = inotify_ < 0 ? 0 : read(inotify_, events, sizeof events);
            if (size <= 0) return names;
            for (const char* at = events; at < events + size;) {
                const auto* event = reinterpret_cast<const inotify_event*>(at);
                if (const auto it = directories_.find(event->wd); it != directories_.end()) {
                    names.push_back(it->second);
                    if (event->mask & IN_IGNORED) directories_.erase(it);
                }
                at += sizeof(inotify_event) + event->len;
            }
        }
    }

 private:
    const int inotify_;
    std::map<int, std::string> directories_;
};

}  // namespace

DiscoveryMetrics::DiscoveryMetrics(MetricRegistry& registry, std::string_view name)
    : file_read_errors(registry.counter("prometheus_sd_file_read_errors_total",
                                        "The number of File-SD read errors.")),
      http_failures(registry.counter("prometheus_sd_http_failures_total",
                                     "Number of HTTP service discovery refresh failures.")),
      dns_lookups(
          registry.counter("prometheus_sd_dns_lookups_total", "The number of DNS-SD lookups.")),
      dns_lookup_failures(registry.counter("prometheus_sd_dns_lookup_failures_total",
                                           "The number of DNS-SD lookup failures.")),
      file_refreshes(registry.counter("prometheus_sd_refresh_total",
                                      "Number of discovery refreshes.", {{"mechanism", "file"}})),
      http_refreshes(registry.counter("prometheus_sd_refresh_total",
                                      "Number of discovery refreshes.", {{"mechanism", "http"}})),
      dns_refreshes(registry.counter("prometheus_sd_refresh_total",
                                     "Number of discovery refreshes.", {{"mechanism", "dns"}})),
      file_refresh_failures(registry.counter(
          "prometheus_sd_refresh_failures_total",
          "Number of refresh failures for the given SD mechanism.", {{"mechanism", "file"}})),
      http_refresh_failures(registry.counter(
          "prometheus_sd_refresh_failures_total",
          "Number of refresh failures for the given SD mechanism.", {{"mechanism", "http"}})),
      updates(registry.counter("prometheus_sd_updates_total",
                               "Total number of update events sent to the SD consumers.",
                               {{"name", std::string(name)}})) {}

class Discovery::Impl final {
 public:
    Impl(Environment& env, net::Fetcher& fetcher, Publish publish, bool own_thread,
         std::string_view name, net::DnsResolver::Options dns)
        : env_(env),
          fetcher_(fetcher),
          publish_(std::move(publish)),
          metrics_(env.metrics, name),
          dns_(std::move(dns)),
          inbox_(std::make_shared<Inbox>()) {
        if (own_thread) thread_ = std::jthread([this] { run(); });
    }
    ~Impl() { stop(); }

    void apply(std::vector<DiscoveryOptions> jobs) {
        inbox_->put([this, jobs = std::move(jobs)]() mutable { replace(std::move(jobs)); });
    }

    void stop() {
        inbox_->close();
        if (thread_.joinable()) thread_.join();
    }

    void run_due() {
        for (std::function<void()>& order : inbox_->take()) order();
        const std::vector<std::string> changed = watches_.changed();
        const int64_t now_ns = env_.clock.steady_ns();
        for (auto& [name, job] : jobs_) {
            bool news = job.is_new;
            for (FileJob& file : job.files) {
                for (const std::string& directory : file.source->directories()) {
                    if (std::ranges::find(changed, directory) != changed.end()) {
                        file.due_ns = std::min(file.due_ns, now_ns + kSettleNs);
                    }
                }
                if (now_ns < file.due_ns) continue;
                for (const std::string& directory : file.source->directories())
                    watches_.watch(directory);
                news |= file.source->refresh();
                file.due_ns = now_ns + file.source->options().refresh_interval_ms * 1'000'000;
            }
            for (UrlJob& url : job.urls) {
                if (now_ns < url.due_ns) continue;
                ask(name, url.source);
                url.due_ns = now_ns + url.source->options().refresh_interval_ms * 1'000'000;
            }
            for (NamesJob& names : job.names) {
                if (now_ns < names.due_ns) continue;
                look_up(name, names.source);
                names.due_ns = now_ns + names.source->options().refresh_interval_ms * 1'000'000;
            }
            if (news) publish(name, job);
            job.is_new = false;
        }
    }

 private:
    struct FileJob {
        std::shared_ptr<FileSource> source;
        int64_t due_ns = INT64_MIN;
    };
    struct UrlJob {
        std::shared_ptr<HttpSource> source;
        int64_t due_ns = INT64_MIN;
    };
    struct NamesJob {
        std::shared_ptr<DnsSource> source;
        int64_t due_ns = INT64_MIN;
    };
    struct Job {
        DiscoveryOptions options;
        std::vector<FileJob> files;
        std::vector<UrlJob> urls;
        std::vector<NamesJob> names;
        bool is_new = true;
    };

    // Where other threads leave what is to be done; outlives the discovery for answers that come
    // late.
    struct Inbox {
        Inbox() : wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) { KW_CHECK(wake >= 0); }
        ~Inbox() { ::close(wake); }
        void put(std::function<void()> order) KW_EXCLUDES(mutex) {
            {
                MutexLock lock(mutex);
                if (closed) return;
                orders.push_back(std::move(order));
            }
            poke();
        }
        std::deque<std::function<void()>> take() KW_EXCLUDES(mutex) {
            uint64_t drained = 0;
            (void)!read(wake, &drained, sizeof drained);
            MutexLock lock(mutex);
            return std::exchange(orders, {});
        }
        void close() KW_EXCLUDES(mutex) {
            {
                MutexLock lock(mutex);
                closed = true;
                orders.clear();
            }
            poke();
        }
        bool is_closed() KW_EXCLUDES(mutex) {
            MutexLock lock(mutex);
            return closed;
        }
        void poke() const {
            const uint64_t one = 1;
            (void)!write(wake, &one, sizeof one);
        }
        const int wake;
        Mutex mutex;
        std::deque<std::function<void()>> orders KW_GUARDED_BY(mutex);
        bool closed KW_GUARDED_BY(mutex) = false;
    };

    void run() {
        while (!inbox_->is_closed()) {
            run_due();
            pollfd waited[2] = {{inbox_->wake, POLLIN, 0}, {watches_.descriptor(), POLLIN, 0}};
            poll(waited, 2, wait_ms());
        }
    }

    int wait_ms() const {
        int64_t due_ns = INT64_MAX;
        for (const auto& [name, job] : jobs_) {
            for (const FileJob& file : job.files) due_ns = std::min(due_ns, file.due_ns);
            for (const UrlJob& url : job.urls) due_ns = std::min(due_ns, url.due_ns);
            for (const NamesJob& names : job.names) due_ns = std::min(due_ns, names.due_ns);
        }
        if (due_ns == INT64_MAX) return -1;
        const int64_t left_ms = (due_ns - env_.clock.steady_ns()) / 1'000'000 + 1;
        return static_cast<int>(std::clamp<int64_t>(left_ms, 0, 3'600'000));
    }

    void replace(std::vector<DiscoveryOptions> jobs) {
        std::map<std::string, Job> former = std::exchange(jobs_, {});
        for (DiscoveryOptions& options : jobs) {
            const std::string name = options.job_name;
            const auto before = former.find(name);
            if (before != former.end() && before->second.options == options) {
                jobs_.insert(former.extract(before));
                continue;
            }
            Job job;
            for (const FileSdOptions& file : options.files) {
                job.files.push_back(
                    take_over(before == former.end() ? nullptr : &before->second.files, file,
                              [&] { return std::make_shared<FileSource>(env_, metrics_, file); }));
            }
            for (const HttpSdOptions& url : options.urls) {
                job.urls.push_back(
                    take_over(before == former.end() ? nullptr : &before->second.urls, url,
                              [&] { return std::make_shared<HttpSource>(env_, metrics_, url); }));
            }
            for (const DnsSdOptions& names : options.names) {
                job.names.push_back(
                    take_over(before == former.end() ? nullptr : &before->second.names, names,
                              [&] { return std::make_shared<DnsSource>(env_, metrics_, names); }));
            }
            job.options = std::move(options);
            jobs_.emplace(name, std::move(job));
        }
    }

    // The source with these options from `former`, or a new one.
    template <typename Entry, typename Options, typename Make>
    static Entry take_over(std::vector<Entry>* former, const Options& options, const Make& make) {
        if (former) {
            for (Entry& entry : *former) {
                if (entry.source && entry.source->options() == options)
                    return std::exchange(entry, {});
            }
        }
        return Entry{make()};
    }

    void ask(const std::string& name, const std::shared_ptr<HttpSource>& source) {
        // Answers come through the inbox; one that comes after the source was dropped changes
        // nothing.
        source->refresh(
            fetcher_, [this, name, inbox = inbox_,
                       weak = std::weak_ptr<HttpSource>(source)](HttpSource::Groups groups) {
                const auto shared = std::make_shared<HttpSource::Groups>(std::move(groups));
                inbox->put([this, name, weak, shared] {
                    const std::shared_ptr<HttpSource> asked = weak.lock();
                    if (!asked || !asked->take(std::move(*shared))) return;
                    if (const auto it = jobs_.find(name); it != jobs_.end())
                        publish(name, it->second);
                });
            });
    }

    void look_up(const std::string& job, const std::shared_ptr<DnsSource>& source) {
        if (!resolver_) resolver_ = std::make_unique<net::DnsResolver>(dns_);
        source->refresh(*resolver_,
                        [this, job, inbox = inbox_, weak = std::weak_ptr<DnsSource>(source)](
                            const std::string& name, net::DnsResolver::Answer answer) {
                            inbox->put([this, job, weak, name, answer = std::move(answer)] {
                                const std::shared_ptr<DnsSource> asked = weak.lock();
                                if (!asked || !asked->take(name, answer)) return;
                                if (const auto it = jobs_.find(job); it != jobs_.end())
                                    publish(job, it->second);
                            });
                        });
    }

    void publish(const std::string& name, const Job& job) {
        std::vector<TargetGroup> all;
        for (const FileJob& file : job.files) {
            for (TargetGroup& group : file.source->groups()) all.push_back(std::move(group));
        }
        for (const UrlJob& url : job.urls) {
            all.insert(all.end(), url.source->groups().begin(), url.source->groups().end());
        }
        for (const NamesJob& names : job.names) {
            for (TargetGroup& group : names.source->groups()) all.push_back(std::move(group));
        }
        metrics_.updates.add();
        publish_(name, std::move(all));
    }

    Environment& env_;
    net::Fetcher& fetcher_;
    const Publish publish_;
    DiscoveryMetrics metrics_;
    const net::DnsResolver::Options dns_;
    const std::shared_ptr<Inbox> inbox_;
    // The discovering thread's:
    Watches watches_;
    std::map<std::string, Job> jobs_;
    std::unique_ptr<net::DnsResolver> resolver_;
    std::jthread thread_;
};

Discovery::Discovery(Environment& env, net::Fetcher& fetcher, Publish publish, bool own_thread,
                     std::string_view name, net::DnsResolver::Options dns)
    : impl_(std::make_unique<Impl>(env, fetcher, std::move(publish), own_thread, name,
                                   std::move(dns))) {}
Discovery::~Discovery() = default;
void Discovery::apply(std::vector<DiscoveryOptions> jobs) { impl_->apply(std::move(jobs)); }
void Discovery::stop() { impl_->stop(); }
void Discovery::run_due() { impl_->run_due(); }

}  // namespace kw::scrape
