#include "net/dns_resolver.h"

#include <ares.h>
#include <arpa/nameser.h>
#include <netdb.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <thread>
#include <utility>

#include "base/check.h"
#include "base/mutex.h"
#include "base/result.h"

namespace kw::net {
namespace {

struct Lookup {
    std::string name;
    DnsRecordType type;
    DnsResolver::Callback callback;
};

int type_number(DnsRecordType type) {
    switch (type) {
        case DnsRecordType::kA: return ns_t_a;
        case DnsRecordType::kAaaa: return ns_t_aaaa;
        case DnsRecordType::kMx: return ns_t_mx;
        case DnsRecordType::kNs: return ns_t_ns;
        case DnsRecordType::kSrv: return ns_t_srv;
    }
    return ns_t_a;
}

Error error_of(int status, std::string_view name) {
    switch (status) {
        case ARES_EBADNAME: return invalid("\"{}\" is not a name of DNS", name);
        case ARES_ETIMEOUT: return timed_out("no server answers for {}", name);
        case ARES_ECANCELLED:
        case ARES_EDESTRUCTION: return cancelled("the lookup of {} was ended", name);
        default: return unavailable("could not resolve {}: {}", name, ares_strerror(status));
    }
}

std::string rooted(std::string_view name) {
    std::string text(name);
    if (!text.ends_with('.')) text += '.';
    return text;
}

// Addresses and name servers: what c-ares gives as a hostent.
template <typename Parse>
int read_host(const Parse& parse, bool is_address, std::vector<DnsRecord>& out) {
    hostent* host = nullptr;
    const int status = parse(&host);
    if (status != ARES_SUCCESS) return status;
    if (is_address) {
        for (char** address = host->h_addr_list; *address != nullptr; ++address) {
            std::array<char, 64> text{};
            if (ares_inet_ntop(host->h_addrtype, *address, text.data(), text.size()) != nullptr)
                out.push_back({text.data(), 0});
        }
    } else {
        for (char** name = host->h_aliases; *name != nullptr; ++name)
            out.push_back({rooted(*name), 0});
    }
    ares_free_hostent(host);
    return ARES_SUCCESS;
}

// The records of an answer; a status of c-ares.
int read_answer(DnsRecordType type, const unsigned char* bytes, int size,
                std::vector<DnsRecord>& out) {
    switch (type) {
        case DnsRecordType::kA:
            return read_host(
                [&](hostent** host) {
                    return ares_parse_a_reply(bytes, size, host, nullptr, nullptr);
                },
                true, out);
        case DnsRecordType::kAaaa:
            return read_host(
                [&](hostent** host) {
                    return ares_parse_aaaa_reply(bytes, size, host, nullptr, nullptr);
                },
                true, out);
        case DnsRecordType::kNs:
            return read_host([&](hostent** host) { return ares_parse_ns_reply(bytes, size, host); },
                             false, out);
        case DnsRecordType::kMx: {
            ares_mx_reply* list = nullptr;
            const int status = ares_parse_mx_reply(bytes, size, &list);
            for (const ares_mx_reply* at = list; at != nullptr; at = at->next)
                out.push_back({rooted(at->host), 0});
            ares_free_data(list);
            return status;
        }
        case DnsRecordType::kSrv: {
            ares_srv_reply* list = nullptr;
            const int status = ares_parse_srv_reply(bytes, size, &list);
            for (const ares_srv_reply* at = list; at != nullptr; at = at->next)
                out.push_back({rooted(at->host), at->port});
            ares_free_data(list);
            return status;
        }
    }
    return ARES_ENODATA;
}

void finish(const Lookup& lookup, int status, const unsigned char* bytes, int size) {
    std::vector<DnsRecord> records;
    if (status == ARES_SUCCESS) status = read_answer(lookup.type, bytes, size, records);
    if (status == ARES_SUCCESS || status == ARES_ENODATA || status == ARES_ENOTFOUND) {
        lookup.callback(std::move(records));
    } else {
        lookup.callback(error_of(status, lookup.name));
    }
}

}  // namespace

class DnsResolver::Impl final {
 public:
    explicit Impl(Options options) : options_(std::move(options)) {
        KW_CHECK(ares_library_init(ARES_LIB_INIT_ALL) == ARES_SUCCESS);
        wake_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        KW_CHECK(wake_ >= 0);
        thread_ = std::jthread([this] { run(); });
    }
    ~Impl() {
        {
            const MutexLock lock(mutex_);
            stopping_ = true;
        }
        poke();
        thread_.join();
        close(wake_);
        ares_library_cleanup();
    }
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;

    void lookup(Lookup lookup) KW_EXCLUDES(mutex_) {
        {
            const MutexLock lock(mutex_);
            waiting_.push_back(std::move(lookup));
        }
        poke();
    }

 private:
    // What c-ares holds while a lookup is under way.
    struct Running {
        Impl& resolver;
        Lookup lookup;
    };

    void poke() const {
        const uint64_t one = 1;
        (void)!write(wake_, &one, sizeof one);
    }

    void run() KW_EXCLUDES(mutex_) {
        bool stopping = false;
        while (!stopping) {
            std::vector<Lookup> begun;
            {
                const MutexLock lock(mutex_);
                begun = std::exchange(waiting_, {});
                stopping = stopping_;
            }
            for (Lookup& lookup : begun) begin(std::move(lookup));
            if (channel_ != nullptr && (stopping || running_ == 0)) {
                ares_destroy(channel_);  // ends what runs: each is told
                channel_ = nullptr;
            }
            if (!stopping) wait();
        }
    }

    void begin(Lookup lookup) {
        if (channel_ == nullptr) {
            const int status = open();
            if (status != ARES_SUCCESS) return finish(lookup, status, nullptr, 0);
        }
        ++running_;
        auto* running = new Running{*this, std::move(lookup)};
        ares_search(channel_, running->lookup.name.c_str(), ns_c_in,
                    type_number(running->lookup.type), &Impl::ended, running);
    }

    int open() {
        ares_options options{};
        options.timeout = options_.timeout_ms;
        options.tries = options_.tries;
        options.resolvconf_path = options_.resolv_conf.data();
        const int status = ares_init_options(
            &channel_, &options, ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_RESOLVCONF);
        if (status != ARES_SUCCESS || options_.servers.empty()) return status;
        return ares_set_servers_ports_csv(channel_, options_.servers.c_str());
    }

    static void ended(void* argument, int status, int /*timeouts*/, unsigned char* bytes,
                      int size) {
        const std::unique_ptr<Running> running(static_cast<Running*>(argument));
        --running->resolver.running_;
        finish(running->lookup, status, bytes, size);
    }

    // Until a socket has news, a timeout of c-ares is due or someone pokes; then lets c-ares act.
    void wait() {
        std::array<ares_socket_t, ARES_GETSOCK_MAXNUM> sockets{};
        std::array<pollfd, ARES_GETSOCK_MAXNUM + 1> polled{};
        polled[0] = {wake_, POLLIN, 0};
        nfds_t count = 1;
        int wait_ms = -1;
        if (channel_ != nullptr) {
            const int wanted =
                ares_getsock(channel_, sockets.data(), static_cast<int>(sockets.size()));
            for (size_t i = 0; i < sockets.size(); ++i) {
                short events = 0;
                if (ARES_GETSOCK_READABLE(wanted, i)) events |= POLLIN;
                if (ARES_GETSOCK_WRITABLE(wanted, i)) events |= POLLOUT;
                if (events != 0) polled[count++] = {sockets[i], events, 0};
            }
            timeval left{};
            if (ares_timeout(channel_, nullptr, &left) != nullptr)
                wait_ms = static_cast<int>(left.tv_sec * 1000 + left.tv_usec / 1000 + 1);
        }
        poll(polled.data(), count, wait_ms);
        uint64_t drained = 0;
        (void)!read(wake_, &drained, sizeof drained);
        if (channel_ == nullptr) return;
        for (nfds_t i = 1; i < count; ++i) {
            const auto ready = [&](int events) {
                return (polled[i].revents & (events | POLLERR | POLLHUP)) != 0 &&
                               (polled[i].events & events) != 0
                           ? polled[i].fd
                           : ARES_SOCKET_BAD;
            };
            ares_process_fd(channel_, ready(POLLIN), ready(POLLOUT));
        }
        ares_process_fd(channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);  // timeouts
    }

    Options options_;
    int wake_ = -1;
    Mutex mutex_;
    std::vector<Lookup> waiting_ KW_GUARDED_BY(mutex_);
    bool stopping_ KW_GUARDED_BY(mutex_) = false;
    // The thread's:
    ares_channel channel_ = nullptr;
    size_t running_ = 0;
    std::jthread thread_;
};

DnsResolver::DnsResolver() : DnsResolver(Options()) {}
DnsResolver::DnsResolver(Options options) : impl_(std::make_unique<Impl>(std::move(options))) {}
DnsResolver::~DnsResolver() = default;

void DnsResolver::lookup(std::string name, DnsRecordType type, Callback callback) {
    impl_->lookup({std::move(name), type, std::move(callback)});
}

}  // namespace kw::net
