// What a NotifyPipeline is inside, over four files: notify_pipeline.cc (configuration, start and stop, the dead-man's
// switch), notify_jobs.cc (a notification's way to its receivers), notify_asks.cc (tests and acknowledgements, which
// wait) and notify_thread.cc (what runs it all). Contract in notify_pipeline.h.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "alerting/integration.h"
#include "alerting/notify_pipeline.h"
#include "alerting/notify_templates.h"
#include "base/metrics.h"
#include "base/mutex.h"

namespace kw::alerting {

class NotifyPipeline::Impl final {
 public:
    Impl(Environment& env, net::Fetcher& fetcher, state::Store& store, const Options& options,
         LoadedLog loaded);
    ~Impl() { stop(); }
    void stop() KW_EXCLUDES(mutex_);
    void notify(Notification notification, Done done) {
        start_flight(std::move(notification), std::move(done), false);
    }
    // In the log, or in a message under way: what a crash interrupted among them, from the first apply() on.
    bool was_told_firing(const std::string& group_key, const std::string& receiver,
                         uint64_t fingerprint) KW_EXCLUDES(mutex_);
    void apply(const std::shared_ptr<const NotifySettings>& settings);
    Result<std::vector<TestOutcome>> test_receiver(const std::string& name);
    Result<std::vector<TestOutcome>> acknowledge(const std::string& name,
                                                 const std::string& group_key);
    // Writes down who asks the receiver for what. Errors: kNotFound, those of the store.
    Result<void> audit(const std::string& action, const std::string& receiver,
                       const std::string& object, const std::string& actor,
                       const std::string& origin) KW_EXCLUDES(mutex_);
    state::Store& store() const { return store_; }

 private:
    // A group's flush: done when all of its jobs are.
    struct Flight {
        std::shared_ptr<const Notification> notification;
        NotificationSink::Done done;
        size_t open_count = 0;
        bool all_delivered = true;
    };

    struct Job {
        LogKey key;
        std::shared_ptr<Flight> flight;
        std::shared_ptr<const Receiver> receiver;
        std::shared_ptr<Integration> integration;
        std::shared_ptr<const NotifyTemplates> templates;
        std::string external_url;
        std::vector<uint64_t> firing;    // fingerprints, ascending
        std::vector<uint64_t> resolved;  // likewise
        bool is_replay = false;          // of an intent that a crash or stop left
        bool is_fallback = false;
        bool has_lane = false;
        uint32_t tries = 0;
        int64_t began_ns = 0;
        int64_t deadline_ns = 0;
        int64_t backoff_ms = 0;
        net::Fetcher::FetchId fetch = 0;
    };
    using JobPtr = std::shared_ptr<Job>;

    struct Lane {
        size_t active = 0;
        std::deque<JobPtr> waiting;
    };

    // What a message needs of the configuration.
    struct Asked {
        std::shared_ptr<const Receiver> receiver;
        std::shared_ptr<const NotifyTemplates> templates;
        std::string external_url;
    };

    std::shared_ptr<const NotifyTemplates> current_templates() KW_EXCLUDES(mutex_);

    // notify_jobs.cc
    void start_flight(Notification notification, Done done, bool is_fallback) KW_EXCLUDES(mutex_);
    JobPtr make_job(const std::shared_ptr<Flight>& flight,
                    const std::shared_ptr<const Receiver>& receiver,
                    const std::shared_ptr<Integration>& integration) KW_REQUIRES(mutex_);
    // False: its lane is full.
    bool enqueue(const JobPtr& job) KW_REQUIRES(mutex_);
    // Starts what waits and may: as many as the lane holds, one of a group.
    void fill(Lane& lane) KW_REQUIRES(mutex_);
    void start(const JobPtr& job) KW_EXCLUDES(mutex_);
    void attempt(const JobPtr& job) KW_EXCLUDES(mutex_);
    void took(const JobPtr& job, const SendOutcome& outcome) KW_EXCLUDES(mutex_);
    // Writes down how it ended. `result` empty: nothing was sent.
    void record(const JobPtr& job, std::string_view result, const SendOutcome& outcome,
                const std::string& state) KW_EXCLUDES(mutex_);
    void failed(const JobPtr& job, const HistoryLine& line) KW_EXCLUDES(mutex_);
    void finish(const JobPtr& job, bool delivered) KW_EXCLUDES(mutex_);
    void close_flight(Job& job, bool delivered) KW_EXCLUDES(mutex_);
    void replay(const LogKey& key, Notification notification) KW_EXCLUDES(mutex_);

    // notify_pipeline.cc
    void beat(uint64_t generation) KW_EXCLUDES(mutex_);

    // notify_asks.cc
    template <typename Ask>
    Result<std::vector<TestOutcome>> ask_all(const std::string& name, const Ask& ask)
        KW_EXCLUDES(mutex_);
    TestOutcome send_once(Integration& integration, const Asked& asked,
                          const std::shared_ptr<Notification>& notification);
    template <typename Start>
    static TestOutcome waited(const Integration& integration, const Start& start);

    // notify_thread.cc
    void run() KW_EXCLUDES(mutex_);
    // Empty: stopping.
    std::function<void()> next_task() KW_EXCLUDES(mutex_);
    void push_ready(std::function<void()> task) KW_EXCLUDES(mutex_);
    void begin_outstanding() KW_EXCLUDES(mutex_);
    // The last thing that a callback does: the destructor waits for it.
    void end_outstanding() KW_EXCLUDES(mutex_);
    void cancel_fetches() KW_EXCLUDES(mutex_);

    // notify_jobs.cc
    void note_unrecorded(const Error& error);
    void count(const JobPtr& job, std::string_view name, std::string_view help);
    // A notification that no alert made.
    static Notification synthetic(std::string receiver, std::string group_key,
                                  const char* alertname, std::string summary, Millis now);

    Environment& env_;
    const NotifierContext context_;
    net::Fetcher& fetcher_;
    state::Store& store_;
    const Options options_;
    Counter& repeated_;
    Counter& dropped_;
    Counter& unrecorded_;

    Mutex mutex_;
    CondVar wake_;
    CondVar idle_;
    bool stopping_ KW_GUARDED_BY(mutex_) = false;
    size_t outstanding_ KW_GUARDED_BY(mutex_) = 0;  // callbacks that will come
    std::shared_ptr<const NotifySettings> settings_ KW_GUARDED_BY(mutex_);
    std::shared_ptr<const NotifyTemplates> templates_ KW_GUARDED_BY(mutex_);
    IntegrationTable table_ KW_GUARDED_BY(mutex_);
    std::vector<std::shared_ptr<Integration>> retired_ KW_GUARDED_BY(mutex_);
    std::map<LogKey, LogEntry> log_ KW_GUARDED_BY(mutex_);
    std::vector<std::pair<LogKey, Notification>> replays_ KW_GUARDED_BY(mutex_);
    std::map<std::pair<std::string, std::string>, Lane> lanes_ KW_GUARDED_BY(mutex_);
    std::set<LogKey> busy_ KW_GUARDED_BY(mutex_);
    std::set<JobPtr> jobs_ KW_GUARDED_BY(mutex_);
    std::deque<std::function<void()>> ready_ KW_GUARDED_BY(mutex_);
    std::multimap<int64_t, std::function<void()>> timers_ KW_GUARDED_BY(mutex_);
    uint64_t heartbeat_generation_ KW_GUARDED_BY(mutex_) = 0;
    std::jthread thread_;  // last: it uses all above
};

}  // namespace kw::alerting
