// Remote write 1.0 into the store: a request's body comes in, an HTTP status goes out.
//
//   body ──snappy──▶ WriteRequest ──▶ known by the bytes of its labels? ──yes──▶ rows ──▶ one
//   append(), kAcked
//                                              └─no──▶ labels checked ──▶ ref_of(), remembered
//
// The answer (what a Prometheus sender makes of it in brackets)
//   204  all is stored, or was there already
//   400  malformed: nothing is stored; or some samples were refused (invalid labels, a conflict,
//   a histogram that is not sound, too old, too far
//        ahead, over the store's limit of series): the others are stored, the text says how many
//        and why [dropped, not sent again]
//   413  over a limit of size: nothing is stored [dropped]
//   415  not remote write 1.0 (say check_write_headers() first)
//   503  the store cannot write now, or too much is on its way: nothing is promised [sent again]
// Metadata is counted and not stored; so are exemplars that the store of them refuses, which fails no request, as with
// Prometheus.
// Threads: all members from any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/environment.h"
#include "intake/series_limits.h"
#include "model/labels.h"

namespace kw {
class ExemplarStore;
class MetricStore;
}  // namespace kw

namespace kw::intake {

class RemoteWriteIntake final {
 public:
    struct Options {
        uint64_t message_bytes_max =
            64 << 20;  // of one request when decompressed; senders' default is some 1 MiB
        uint64_t series_max = 1'000'000;   // of one request
        uint64_t samples_max = 8'000'000;  // of one request
        uint64_t messages_bytes_max =
            512 << 20;  // of all requests that are on their way, when decompressed
        uint64_t cache_bytes_max = 256 << 20;  // known series; a million with labels of 150 bytes
        // Far above what anybody needs, and low enough that no sender fills the memory with one
        // series.
        SeriesLimits series_limits = {
            .labels_max = 512, .label_name_bytes_max = 1 << 10, .label_value_bytes_max = 64 << 10};
        NameScheme name_scheme = NameScheme::kUtf8;
    };
    struct Answer {
        int status = 204;
        std::string message;          // empty with 204
        uint64_t samples_stored = 0;  // also those that were there already
        uint64_t samples_refused = 0;
    };

    // `exemplars` null: they are not stored.
    RemoteWriteIntake(Environment& env, MetricStore& store, const Options& options,
                      ExemplarStore* exemplars = nullptr);
    ~RemoteWriteIntake();
    RemoteWriteIntake(const RemoteWriteIntake&) = delete;
    RemoteWriteIntake& operator=(const RemoteWriteIntake&) = delete;

    // `body` is the request's as it came, a snappy block. Blocks until the samples are durable.
    Answer write(std::string_view body);

 private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace kw::intake
