#include "conformance/suites.h"

#include <fmt/core.h>

#include <fstream>
#include <iterator>

namespace kw::conformance {
namespace {

// Every suite. A new one is a line here, its declaration in suites.h and its code in suite_<name>.cc.
constexpr Suite kSuites[] = {
    {"alertmanager", run_alertmanager}, {"config", run_config}, {"discovery", run_discovery},
    {"exposition", run_exposition},     {"promql", run_promql}, {"promtool", run_promtool},
    {"relabel", run_relabel},           {"rules", run_rules},
};

}  // namespace

std::span<const Suite> suites() { return kSuites; }

void Tally::fail(std::string_view name, std::string_view why) {
    ++failed_;
    fmt::print("FAILED {} {}\n    {}\n", suite_, name, why);
}

void Tally::skip(std::string_view reason) { ++skipped_[std::string(reason)]; }

void Tally::print_summary() const {
    uint64_t skipped = 0;
    for (const auto& [reason, count] : skipped_) skipped += count;
    fmt::print("{}: {} passed, {} failed, {} skipped\n", suite_, passed_, failed_, skipped);
    for (const auto& [reason, count] : skipped_) fmt::print("    {} skipped: {}\n", count, reason);
}

bool read_file(const std::filesystem::path& path, std::string& out, Tally& tally) {
    std::ifstream in(path, std::ios::binary);
    if (!in) {
        tally.fail(path.string(), "cannot be read");
        return false;
    }
    out.assign(std::istreambuf_iterator<char>(in), {});
    return true;
}

}  // namespace kw::conformance
