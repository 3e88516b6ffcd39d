// The profiler on real threads that really compute: what it must find, and what it must survive.
#include "kilowatch/profile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <protozero/pbf_reader.hpp>

#include <atomic>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstring>
#include <ctime>
#include <map>
#include <thread>

#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#include "kilowatch/trace.h"
#include "pprof.h"
#include "sample_ring.h"
#include "stack_sample.h"
#include "symbols.h"

// TSan hands signals over at moments of its own, with a stack that may be another by then.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define KW_TEST_TSAN 1
#endif
#endif

namespace kilowatch {
namespace {

using std::chrono::milliseconds;

std::string gunzip(const std::string& packed) {
    z_stream stream{};
    if (inflateInit2(&stream, 15 + 16) != Z_OK) return {};
    std::string out(64 << 20, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
    stream.avail_in = static_cast<uInt>(packed.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    const bool whole = inflate(&stream, Z_FINISH) == Z_STREAM_END;
    out.resize(whole ? stream.total_out : 0);
    inflateEnd(&stream);
    return out;
}

struct ParsedSample {
    std::vector<std::string> frames;  // innermost first
    int64_t count = 0;
    int64_t nanoseconds = 0;
    std::map<std::string, std::string> labels;
};

// An independent reading of profile.proto, which fails the test on anything that does not fit
// together.
std::vector<ParsedSample> parse_pprof(const std::string& packed) {
    const std::string bytes = gunzip(packed);
    EXPECT_FALSE(bytes.empty());
    std::vector<std::string> strings;
    std::map<uint64_t, int64_t> functions;                // id → name
    std::map<uint64_t, std::vector<uint64_t>> locations;  // id → functions
    std::vector<std::string> samples;
    for (protozero::pbf_reader in(bytes); in.next();) {
        switch (in.tag()) {
            case 2: samples.push_back(in.get_string()); break;
            case 4: {
                uint64_t id = 0;
                std::vector<uint64_t> lines;
                for (protozero::pbf_reader location = in.get_message(); location.next();) {
                    if (location.tag() == 1) {
                        id = location.get_uint64();
                    } else if (location.tag() == 4) {
                        protozero::pbf_reader line = location.get_message();
                        EXPECT_TRUE(line.next(1));
                        lines.push_back(line.get_uint64());
                    } else {
                        location.skip();
                    }
                }
                EXPECT_TRUE(locations.emplace(id, lines).second);
                break;
            }
            case 5: {
                protozero::pbf_reader function = in.get_message();
                EXPECT_TRUE(function.next(1));
                const uint64_t id = function.get_uint64();
                EXPECT_TRUE(function.next(2));
                EXPECT_TRUE(functions.emplace(id, function.get_int64()).second);
                break;
            }
            case 6: strings.push_back(in.get_string()); break;
            default: in.skip();
        }
    }
    EXPECT_EQ(strings.at(0), "");
    std::vector<ParsedSample> out;
    for (const std::string& sample : samples) {
        ParsedSample& one = out.emplace_back();
        for (protozero::pbf_reader in(sample); in.next();) {
            if (in.tag() == 1) {
                for (const uint64_t id : in.get_packed_uint64())
                    for (const uint64_t function : locations.at(id))
                        one.frames.push_back(strings.at(functions.at(function)));
            } else if (in.tag() == 2) {
                const auto values = in.get_packed_int64();
                auto value = values.begin();
                one.count = *value++;
                one.nanoseconds = *value++;
                EXPECT_TRUE(value == values.end());
            } else {
                protozero::pbf_reader label = in.get_message();
                EXPECT_TRUE(label.next(1));
                const std::string key = strings.at(label.get_int64());
                EXPECT_TRUE(label.next(2));
                one.labels[key] = strings.at(label.get_int64());
            }
        }
    }
    return out;
}

int64_t count_of(const std::vector<ParsedSample>& samples, std::string_view frame) {
    int64_t count = 0;
    for (const ParsedSample& one : samples)
        for (const std::string& name : one.frames)
            if (name.find(frame) != std::string::npos) {
                count += one.count;
                break;
            }
    return count;
}

std::chrono::nanoseconds thread_cpu() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

std::atomic<double> sink;  // so that the work is not optimised away

[[gnu::noinline]] void burn(milliseconds cpu) {
    const auto end = thread_cpu() + cpu;
    double x = 1;
    while (thread_cpu() < end) {
        for (int i = 0; i < 2000; ++i) x = x * 1.0000001 + 1e-9;
        sink = x;
    }
}

}  // namespace

// Outside of the anonymous namespace: their names are looked for.
[[gnu::noinline]] void model_inference(milliseconds cpu) {
    KW_PROFILE_CPU("model_inference");
    burn(cpu);
    sink = sink + 1;  // no tail call
}
[[gnu::noinline]] void unnamed_work(milliseconds cpu) {
    burn(cpu);
    sink = sink + 1;
}
[[gnu::noinline]] void inner_function(milliseconds cpu) {
    KW_PROFILE_CPU("a phase");
    unnamed_work(cpu);
    sink = sink + 1;
}

namespace {

class Profiler : public testing::Test {
 protected:
    // A profile of what `work` does on another thread.
    template <class Work>
    std::vector<ParsedSample> profile_of(Work work, CpuProfilerOptions options = {.hertz = 500}) {
        CpuProfiler profiler(options, registry);
        EXPECT_TRUE(profiler.start());
        std::thread(work).join();
        // The last samples are still in the ring: the profile of a moment brings them in.
        profiler.profile(milliseconds(1));
        return parse_pprof(profiler.take_continuous());
    }
    Registry registry;
};

TEST_F(Profiler, FindsTheFunctionUnderKwProfileCpu) {
#ifdef KW_TEST_TSAN
    GTEST_SKIP() << "TSan delays signals";
#endif
    const auto samples = profile_of([] { model_inference(milliseconds(300)); });
    const int64_t found = count_of(samples, "model_inference");
    EXPECT_NEAR(static_cast<double>(found), 150, 50);  // 500 a second
    int64_t nanoseconds = 0;
    for (const ParsedSample& one : samples) {
        if (one.labels.contains("scope")) nanoseconds += one.nanoseconds;
        // The scope bears the name of its function: no frame of its own.
        EXPECT_LE(std::count_if(one.frames.begin(), one.frames.end(),
                                [](const std::string& name) {
                                    return name.find("model_inference") != std::string::npos;
                                }),
                  1 + 1);  // the lambda's name has it, too
    }
    EXPECT_EQ(nanoseconds, found * 2'000'000);
}

TEST_F(Profiler, ScopesAreFramesAndLabels) {
#ifdef KW_TEST_TSAN
    GTEST_SKIP() << "TSan delays signals";
#endif
    const SpanContext span =
        *parse_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    const auto samples = profile_of([&] {
        const ContextScope scope({span, nullptr});
        KW_PROFILE_CPU("outer");
        inner_function(milliseconds(200));
        sink = sink + 1;
    });
    int64_t seen = 0;
    for (const ParsedSample& one : samples) {
        if (!one.labels.contains("scope")) continue;
        if (one.labels.at("scope") != "a phase") continue;  // before or after the call
        EXPECT_EQ(one.labels.at("trace_id"), "0af7651916cd43dd8448eb211c80319c");
        // Innermost first: …, unnamed_work, inner_function, its scope, …, the outer scope.
        const auto at = [&](std::string_view name) {
            return std::find_if(
                       one.frames.begin(), one.frames.end(),
                       [&](const std::string& f) { return f.find(name) != std::string::npos; }) -
                   one.frames.begin();
        };
        EXPECT_LT(at("a phase"), at("outer"));
        const auto end = static_cast<std::ptrdiff_t>(one.frames.size());
        EXPECT_LT(at("outer"), end);
        EXPECT_LT(at("inner_function"), at("a phase"));
        seen += one.count;
    }
    EXPECT_GT(seen, 50);
}

TEST_F(Profiler, SamplesThreadsThatNobodyNamedUnlessToldNotTo) {
#ifdef KW_TEST_TSAN
    GTEST_SKIP() << "TSan delays signals";
#endif
    // Found by the search of threads, and its stack by the handler's question: some 400 ms of
    // waiting.
    const auto all = profile_of([] { unnamed_work(milliseconds(700)); });
    EXPECT_GT(count_of(all, "burn"), 100);
    EXPECT_GT(count_of(all, "unnamed_work"), 50);
    const auto registered = profile_of(
        [] {
            unnamed_work(milliseconds(400));
            model_inference(milliseconds(100));
        },
        {.hertz = 500, .all_threads = false});
    EXPECT_EQ(count_of(registered, "unnamed_work"), 0);
    EXPECT_GT(count_of(registered, "model_inference"), 20);
}

TEST_F(Profiler, SurvivesThreadsThatComeAndGo) {
    std::atomic<bool> stop{false};
    CpuProfiler profiler({.hertz = 1000, .threads_max = 8}, registry);
    ASSERT_TRUE(profiler.start());
    std::jthread storm([&] {
        while (!stop) {
            std::vector<std::thread> threads;
            for (int i = 0; i < 12; ++i)
                threads.emplace_back([] { model_inference(milliseconds(1)); });
            for (std::thread& one : threads) one.join();
        }
    });
    for (int i = 0; i < 3; ++i) parse_pprof(profiler.profile(milliseconds(100)));
    profiler.stop();
    EXPECT_TRUE(profiler.start());  // and once more
    std::this_thread::sleep_for(milliseconds(50));
    stop = true;
    storm.join();
}

// Signals must not break the host's system calls.
TEST_F(Profiler, RestartsSystemCalls) {
    CpuProfiler profiler({.hertz = 1000}, registry);
    ASSERT_TRUE(profiler.start());
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    std::jthread reader([&] {
        register_thread();
        char byte = 0;
        for (int i = 0; i < 200; ++i) {
            burn(milliseconds(1));
            ASSERT_EQ(read(ends[0], &byte, 1), 1) << std::strerror(errno);
        }
    });
    for (int i = 0; i < 200; ++i) {
        ASSERT_EQ(write(ends[1], "x", 1), 1);
        burn(milliseconds(1));
    }
    reader.join();
    close(ends[0]);
    close(ends[1]);
}

TEST_F(Profiler, RefusesWhereAnotherOneRuns) {
    std::vector<std::string> said;
    set_diagnostics([&](std::string_view line) { said.emplace_back(line); });
    {
        CpuProfiler first({}, registry);
        CpuProfiler second({}, registry);
        ASSERT_TRUE(first.start());
        EXPECT_TRUE(first.start());
        EXPECT_FALSE(second.start());
        EXPECT_TRUE(second.profile(milliseconds(1)).empty());
        first.stop();
        EXPECT_TRUE(second.start());
    }
    set_diagnostics({});
    EXPECT_EQ(said.size(), 2u);
    EXPECT_THAT(said.at(0), testing::HasSubstr("runs in this process already"));
}

// A handler that is not ours: in a child, since the disposition belongs to the process.
TEST_F(Profiler, LeavesAForeignHandlerAlone) {
    const pid_t child = fork();
    if (child == 0) {
        set_diagnostics({});
        std::signal(SIGPROF, [](int) {});
        Registry own;
        CpuProfiler profiler({}, own);
        _exit(profiler.start() ? 1 : 0);
    }
    int status = -1;
    waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
}

TEST_F(Profiler, CancellingEndsAProfileEarly) {
    CpuProfiler profiler({}, registry);
    std::string taken;
    std::atomic<bool> done{false};
    std::jthread taking([&] {
        taken = profiler.profile(std::chrono::hours(1));
        done = true;
    });
    while (!done) {  // a cancel before the profile has begun says nothing to it
        profiler.cancel_profiles();
        std::this_thread::sleep_for(milliseconds(1));
    }
    taking.join();
    EXPECT_FALSE(taken.empty());
    EXPECT_FALSE(profiler.running());
}

TEST_F(Profiler, LegacyFormatHasHeaderStacksAndMappings) {
    CpuProfiler profiler({.hertz = 500}, registry);
    std::jthread work([] { model_inference(milliseconds(200)); });
    const std::string bytes = profiler.profile_legacy(milliseconds(100));
    ASSERT_GT(bytes.size(), 64u);
    uint64_t header[5];
    std::memcpy(header, bytes.data(), sizeof header);
    EXPECT_THAT(header, testing::ElementsAre(0, 3, 0, 2000, 0));
    EXPECT_THAT(bytes, testing::HasSubstr("sdk_cpp_test"));
}

TEST(SampleRing, GivesBackWhatWasWrittenAndRefusesWhatDoesNotFit) {
    auto ring = std::make_unique<SampleRing>();
    std::vector<uint64_t> record(100);
    int written = 0;
    while (ring->write(record)) record[0] = ++written;
    EXPECT_EQ(written, static_cast<int>(SampleRing::kWords / 101));
    for (int round = 0; round < 3; ++round) {  // around the end
        uint64_t next = 0;
        ring->read([&](std::span<const uint64_t> one) {
            EXPECT_EQ(one.size(), 100u);
            EXPECT_EQ(one[0], next++);
        });
        EXPECT_EQ(next, static_cast<uint64_t>(written));
        for (int i = 0; i < written; ++i) {
            record[0] = i;
            EXPECT_TRUE(ring->write(record));
        }
    }
}

TEST(SampleRing, IsSafeBetweenTwoThreads) {
    auto ring = std::make_unique<SampleRing>();
    constexpr uint64_t kRecords = 200'000;
    uint64_t lost = 0;
    std::atomic<bool> done{false};
    std::jthread writer([&] {
        for (uint64_t i = 0; i < kRecords; ++i) {
            const uint64_t record[] = {i, i * 3, i * 7};
            if (!ring->write(std::span(record, 1 + i % 3))) ++lost;
        }
        done = true;
    });
    uint64_t seen = 0;
    const auto take = [&](std::span<const uint64_t> one) {
        ++seen;
        EXPECT_EQ(one.size(), 1 + one[0] % 3);
        if (one.size() > 2) EXPECT_EQ(one[2], one[0] * 7);
    };
    while (!done) ring->read(take);
    ring->read(take);
    writer.join();
    EXPECT_EQ(seen + lost, kRecords);
}

TEST(StackCounts, GivesUpTraceIdsBeforeStacks) {
    StackCounts counts(2);
    const auto sample = [](uint64_t trace, uint64_t address) {
        return std::vector<uint64_t>{1, trace, 0, address};
    };
    EXPECT_TRUE(counts.add(sample(0, 100)));
    EXPECT_TRUE(counts.add(sample(1, 100)));
    EXPECT_TRUE(counts.add(sample(2, 100)));   // full: counted without its trace
    EXPECT_FALSE(counts.add(sample(0, 200)));  // no room for another stack
    EXPECT_FALSE(counts.add(std::vector<uint64_t>{1, 0, 0}));
    uint64_t total = 0;
    for (const auto& [key, count] : counts.all()) total += count;
    EXPECT_EQ(total, 3u);
}

TEST(Symbols, FindsNamesAndSurvivesNonsense) {
    Symbols symbols;
    EXPECT_EQ(symbols.name_of(reinterpret_cast<uint64_t>(&model_inference)).substr(0, 27),
              "kilowatch::model_inference(");
    EXPECT_EQ(symbols.name_of(0), "[unknown]");
    EXPECT_EQ(symbols.name_of(~uint64_t{0}), "[unknown]");
    EXPECT_NE(symbols.name_of(reinterpret_cast<uint64_t>(&std::strerror)), "[unknown]");
}

}  // namespace
}  // namespace kilowatch
