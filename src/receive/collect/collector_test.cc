#include "collect/collector.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fmt/format.h>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>

#include "collect/writer.h"
#include "wire/exposition/checker.h"

namespace kw::collect {
namespace {

const std::string kTree = std::string(KW_TESTDATA) + "/host";

Host::Calls fixed_calls() {
    return {
        .filesystem_stats = [](const std::string& path) -> Result<FilesystemStats> {
            if (path.ends_with("/broken")) return unavailable("{}: Input/output error", path);
            return FilesystemStats{1000, 600, 500, 64, 32};
        },
        .system_names =
            [] { return SystemNames{"Linux", "6.1.0", "#1 SMP", "x86_64", "host", "(none)"}; },
        .clock_ticks_per_second = [] { return 100.0; },
        .page_bytes = [] { return 4096.0; },
        .time_zone = [] { return std::pair<std::string, double>("CET", 3600); },
        .modified_seconds = [](const std::string&) -> Result<double> { return 1; },
        .clock_state = []() -> Result<ClockState> {
            return ClockState{.offset = 500,
                              .frequency = 65536,
                              .maxerror = 2'000'000,
                              .tick = 10'000,
                              .tai = 37,
                              .is_synchronised = true};
        },
    };
}

HostOptions tree_options() {
    return {.proc = kTree + "/proc",
            .sys = kTree + "/sys",
            .root = kTree,
            .textfile_directory = kTree + "/textfile"};
}

std::string file_text(const std::string& path) {
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

// The tree lies somewhere else for everybody.
std::string without_tree(std::string text) {
    for (size_t at; (at = text.find(kTree)) != std::string::npos;)
        text.replace(at, kTree.size(), "TREE");
    return text;
}

// KW_RENEW_GOLDEN=1 writes what is there now.
void expect_golden(const std::string& name, const std::string& got) {
    const std::string path = std::string(KW_TESTDATA) + "/" + name;
    if (std::getenv("KW_RENEW_GOLDEN") != nullptr) std::ofstream(path) << got;
    EXPECT_EQ(got, file_text(path));
}

// guide: G019, G020, G021, G022, G240, G241, G242
TEST(HostCollectors, ReadTheTree) {
    const FakeClock clock(Millis{1'700'000'123'000});
    HostCollectors collectors(clock, tree_options(), fixed_calls());
    std::string text;
    collectors.collect(text);
    const Result<void> checked = wire::check_text(text);
    EXPECT_TRUE(checked.ok()) << checked.error().message;
    expect_golden("host.golden.prom", without_tree(text));
}

// guide: G239
TEST(SelfCollectors, ReadTheTree) {
    const FakeClock clock(Millis{1'700'000'123'000});
    const SelfCollectors collectors(clock, tree_options(), fixed_calls());
    std::string text;
    collectors.collect(text);
    EXPECT_TRUE(wire::check_text(text).ok());
    expect_golden("self.golden.prom", text);
}

TEST(HostCollectors, SayWhichFailed) {
    const FakeClock clock(Millis{0});
    HostOptions options = tree_options();
    options.proc = kTree + "/nothing";
    HostCollectors collectors(clock, options, fixed_calls());
    std::string text;
    collectors.collect(text);
    EXPECT_NE(text.find("node_scrape_collector_success{collector=\"cpu\"} 0\n"), std::string::npos);
    EXPECT_NE(text.find("node_scrape_collector_success{collector=\"uname\"} 1\n"),
              std::string::npos);
    EXPECT_EQ(text.find("node_cpu_seconds_total"), std::string::npos);
    for (const CollectorEntry& entry : HostCollectors::table()) {
        EXPECT_NE(text.find(fmt::format("collector=\"{}\"", entry.name)), std::string::npos);
    }
}

// On whatever machine the tests run.
TEST(HostCollectors, ReadThisMachine) {
    const RealClock clock;
    HostCollectors collectors(clock, {});
    std::string text;
    collectors.collect(text);
    SelfCollectors(clock, {}).collect(text);
    const Result<void> checked = wire::check_text(text);
    EXPECT_TRUE(checked.ok()) << checked.error().message;
    for (const char* name : {"node_cpu_seconds_total", "node_load1", "node_memory_MemTotal_bytes",
                             "node_uname_info", "node_netstat_Tcp_CurrEstab",
                             "process_cpu_seconds_total", "process_start_time_seconds"}) {
        EXPECT_NE(text.find(name), std::string::npos) << name;
    }
}

TEST(CpuCollector, CountersDoNotGoBack) {
    const std::string folder =
        (std::filesystem::path(testing::TempDir()) / fmt::format("kw_cpu_{}", ::getpid())).string();
    std::filesystem::create_directories(folder);
    const FakeClock clock(Millis{0});
    const Host host(clock,
                    {.proc = folder, .sys = folder, .root = folder, .textfile_directory = ""},
                    fixed_calls());
    HostMemory memory;
    const auto seconds = [&](std::string_view cpu_line) {
        std::ofstream(folder + "/stat") << cpu_line << "\n";
        std::string text;
        ExpositionWriter out(text);
        EXPECT_TRUE(collect_cpu(host, memory, out).ok());
        const size_t idle = text.find("mode=\"idle\"} ");
        const size_t iowait = text.find("mode=\"iowait\"} ");
        return text.substr(idle + 13, text.find('\n', idle) - idle - 13) + " " +
               text.substr(iowait + 15, text.find('\n', iowait) - iowait - 15);
    };
    EXPECT_EQ(seconds("cpu0 1 1 1 1000 500 0 0 0 0 0"), "10 5");
    EXPECT_EQ(seconds("cpu0 1 1 1 990 480 0 0 0 0 0"), "10 5");  // a little back: kept
    EXPECT_EQ(seconds("cpu0 1 1 1 1100 510 0 0 0 0 0"), "11 5.1");
    EXPECT_EQ(seconds("cpu0 1 1 1 100 20 0 0 0 0 0"), "1 0.2");  // far back: begins anew
    std::filesystem::remove_all(folder);
}

TEST(GoValue, IsGosShortestForm) {
    struct Row {
        double value;
        std::string_view want;
    };
    const Row rows[] = {
        {0, "0"},
        {1, "1"},
        {-1, "-1"},
        {0.5, "0.5"},
        {999999, "999999"},
        {1e6, "1e+06"},
        {1.5e6, "1.5e+06"},
        {1e-4, "0.0001"},
        {1e-5, "1e-05"},
        {1.073e-06, "1.073e-06"},
        {840923.7919437207, "840923.7919437207"},
        {1e21, "1e+21"},
        {1e300, "1e+300"},
    };
    for (const Row& row : rows) EXPECT_EQ(go_value(row.value), row.want);
    EXPECT_EQ(go_value(std::numeric_limits<double>::infinity()), "+Inf");
    EXPECT_EQ(go_value(std::numeric_limits<double>::quiet_NaN()), "NaN");
}

TEST(ExpositionWriter, EscapesAndLeavesOutEmptyFamilies) {
    std::string text;
    ExpositionWriter out(text);
    out.family("empty", "Nothing.", "gauge");
    out.family("a", "Back\\slash, \"quotes\" and\na line.", "gauge");
    out.sample({{"b", "x\\y\"z\n"}}, 1);
    EXPECT_EQ(text,
              "# HELP a Back\\\\slash, \"quotes\" and\\na line.\n# TYPE a "
              "gauge\na{b=\"x\\\\y\\\"z\\n\"} 1\n");
}

}  // namespace
}  // namespace kw::collect
