// What a known sample line costs: a node_exporter-like body of 2 000 lines, parsed with and without
// knowing what comes next. Items are sample lines.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <string>
#include <vector>

#include "wire/exposition/number.h"
#include "wire/exposition/parser.h"

namespace kw::wire {
namespace {

struct Body {
    std::string text;
    std::vector<std::string> keys;  // series parts and comments, in order
};

const Body& body() {
    static const Body built = [] {
        Body out;
        for (int family = 0; family < 100; ++family) {
            const std::string name = fmt::format("node_network_receive_packets_{}_total", family);
            for (const std::string& comment :
                 {fmt::format("# HELP {} Network device statistic.", name),
                  fmt::format("# TYPE {} counter", name)}) {
                out.keys.push_back(comment);
                out.text += comment + "\n";
            }
            for (int device = 0; device < 20; ++device) {
                out.keys.push_back(
                    fmt::format("{}{{device=\"eth{}\",job=\"node\"}}", name, device));
                const double value =
                    device % 2 == 0 ? family * 7919 + device : 0.25 * family + device;
                out.text += fmt::format("{} {}\n", out.keys.back(), value);
            }
        }
        return out;
    }();
    return built;
}

void parse_unexpected(benchmark::State& state) {
    int64_t samples = 0;
    for (auto _ : state) {
        Parser parser(body().text, ExpositionFormat::kText);
        for (Step step; (step = parser.next()) != Step::kEnd;) {
            samples += step == Step::kSample;
            benchmark::DoNotOptimize(parser.value());
        }
    }
    state.SetItemsProcessed(samples);
}
BENCHMARK(parse_unexpected);

void parse_expected(benchmark::State& state) {
    int64_t samples = 0;
    for (auto _ : state) {
        Parser parser(body().text, ExpositionFormat::kText);
        size_t next = 0;
        const std::vector<std::string>& keys = body().keys;
        for (Step step; (step = parser.next(next < keys.size() ? std::string_view(keys[next])
                                                               : "")) != Step::kEnd;
             ++next) {
            samples += step == Step::kSample;
            benchmark::DoNotOptimize(parser.value());
        }
    }
    state.SetItemsProcessed(samples);
}
BENCHMARK(parse_expected);

void read_numbers(benchmark::State& state, const char* (*read)(const char*, const char*, double&)) {
    const std::vector<std::string> texts = {
        "0",     "1",       "1027",       "0.25",    "48.27",  "1.7560473e+06",
        "1e-05", "65536.5", "1413213184", "1.5e+09", "0.0001", "123456.789"};
    int64_t numbers = 0;
    for (auto _ : state) {
        for (const std::string& text : texts) {
            double value = 0;
            benchmark::DoNotOptimize(read(text.data(), text.data() + text.size(), value));
            benchmark::DoNotOptimize(value);
        }
        numbers += static_cast<int64_t>(texts.size());
    }
    state.SetItemsProcessed(numbers);
}
BENCHMARK_CAPTURE(read_numbers, fast, read_number);
BENCHMARK_CAPTURE(read_numbers, plain, read_number_plain);

}  // namespace
}  // namespace kw::wire
