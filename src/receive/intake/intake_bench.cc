// What a sample costs up to the store, which here does nothing: items are samples.
#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <snappy.h>

#include <string>

#include "base/bytes.h"
#include "intake/pipeline.h"
#include "intake/recording_store.h"
#include "intake/test_environment.h"

namespace kw::intake {
namespace {

// Knows every series and drops every row.
class NullStore final : public MetricStore {
 public:
    Result<SeriesRef> ref_of(const LabelSet&) override { return SeriesRef{++last_}; }
    Result<AppendResult> append(const SampleBatch& batch) override {
        AppendResult result;
        result.stored = batch.series.size();
        return result;
    }
    Result<std::unique_ptr<SelectedSeries>> select(const std::vector<Matcher>&, const TimeRange&,
                                                   const SelectHints&, const CancelToken&,
                                                   MemoryBudget&) override {
        return unsupported("write only");
    }
    Result<std::vector<std::string>> label_names(const std::vector<Matcher>&, const TimeRange&,
                                                 uint64_t, const CancelToken&) override {
        return unsupported("write only");
    }
    Result<std::vector<std::string>> label_values(std::string_view, const std::vector<Matcher>&,
                                                  const TimeRange&, uint64_t,
                                                  const CancelToken&) override {
        return unsupported("write only");
    }
    Result<StoreStats> stats(uint64_t) override { return unsupported("write only"); }

 private:
    uint64_t last_ = 0;
};

constexpr int kFamilies = 100;
constexpr int kDevices = 20;

double value_of(int family, int device, int64_t round) {
    return device % 2 == 0 ? static_cast<double>(family * 7919 + device + round)
                           : 0.25 * family + device;
}

// 2 000 known lines a scrape; `rotate` moves each line to another place every time, so that
// guessing fails.
void scrape_known(benchmark::State& state, bool rotate) {
    TestEnvironment environment;
    NullStore store;
    Pipeline pipeline(environment.env, store, {});
    ScrapeTarget target(pipeline.scrapes(),
                        {.target_labels = LabelSet{{"instance", "i"}, {"job", "j"}}});
    std::vector<std::string> bodies;
    for (int variant = 0; variant < 2; ++variant) {
        std::string body;
        for (int f = 0; f < kFamilies; ++f) {
            const int family = rotate && variant == 1 ? kFamilies - 1 - f : f;
            body += fmt::format("# TYPE node_network_receive_packets_{0}_total counter\n", family);
            for (int d = 0; d < kDevices; ++d) {
                const int device = rotate && variant == 1 ? kDevices - 1 - d : d;
                body +=
                    fmt::format("node_network_receive_packets_{}_total{{device=\"eth{}\"}} {}\n",
                                family, device, value_of(family, device, 0));
            }
        }
        bodies.push_back(std::move(body));
    }
    size_t round = 0;
    for (auto _ : state) {
        const ScrapeReport report = target.ingest(bodies[round % 2], wire::ExpositionFormat::kText,
                                                  {Millis{static_cast<int64_t>(round)}, 0});
        ++round;
        benchmark::DoNotOptimize(report.samples_kept);
    }
    state.SetItemsProcessed(state.iterations() * kFamilies * kDevices);
}
BENCHMARK_CAPTURE(scrape_known, in_order, false);
BENCHMARK_CAPTURE(scrape_known, in_another_order, true);

std::string field(uint8_t number, std::string_view content) {
    ByteWriter out;
    out.u8(static_cast<uint8_t>(number << 3 | 2));
    out.text(content);
    return std::string(as_text(out.view()));
}

// Requests of 2 000 samples of 100 000 series, some 150 bytes of labels each.
void remote_write_known(benchmark::State& state) {
    TestEnvironment environment;
    NullStore store;
    Pipeline pipeline(environment.env, store, {});
    std::vector<std::string> bodies;
    for (int instance = 0; instance < 50; ++instance) {
        std::string message;
        for (int f = 0; f < kFamilies; ++f) {
            for (int d = 0; d < kDevices; ++d) {
                std::string content;
                const auto add = [&](std::string_view name, std::string_view value) {
                    content += field(1, field(1, name) + field(2, value));
                };
                add("__name__", fmt::format("node_network_receive_packets_{}_total", f));
                add("device", fmt::format("eth{}", d));
                add("environment", "production");
                add("instance", fmt::format("host-{}.example.org:9100", instance));
                add("job", "node");
                add("zone", "eu-central-1a");
                ByteWriter sample;
                sample.u8(1 << 3 | 1);
                sample.f64(value_of(f, d, instance));
                sample.u8(2 << 3);
                sample.varint(1'700'000'000'000);
                message += field(1, content + field(2, as_text(sample.view())));
            }
        }
        snappy::Compress(message.data(), message.size(), &bodies.emplace_back());
    }
    for (const std::string& body : bodies) pipeline.remote_write().write(body);
    size_t round = 0;
    for (auto _ : state) {
        const RemoteWriteIntake::Answer answer =
            pipeline.remote_write().write(bodies[round++ % bodies.size()]);
        if (answer.status != 204) state.SkipWithError("not stored");
    }
    state.SetItemsProcessed(state.iterations() * kFamilies * kDevices);
}
BENCHMARK(remote_write_known);

}  // namespace
}  // namespace kw::intake
