// Everything that intake offers, made once: what scrape, api and app are given.
// Threads: as its parts.
#pragma once

#include "intake/remote_write.h"
#include "intake/scrape_target.h"

namespace kw::intake {

class Pipeline final {
 public:
    struct Options {
        RemoteWriteIntake::Options remote_write{};
    };

    // `env` and `store` outlive it.
    Pipeline(Environment& env, MetricStore& store, const Options& options)
        : scrapes_(env, store), remote_write_(env, store, options.remote_write) {}

    // For ScrapeTarget's constructor.
    ScrapeIntake& scrapes() { return scrapes_; }
    RemoteWriteIntake& remote_write() { return remote_write_; }

 private:
    ScrapeIntake scrapes_;
    RemoteWriteIntake remote_write_;
};

}  // namespace kw::intake
