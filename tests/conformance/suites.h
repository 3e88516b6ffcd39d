// The conformance suites: one runner a folder of the shared conformance material, all in one table
// (suites.cc). A runner reads its folder and tells the Tally of every case.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>

namespace kw::conformance {

// Counts cases; prints each failed one.
class Tally final {
 public:
    explicit Tally(std::string_view suite) : suite_(suite) {}

    void pass() { ++passed_; }
    // `name` is the case's (file and line, or folder); `why` may have several lines.
    void fail(std::string_view name, std::string_view why);
    // A case that cannot be judged yet. `reason` is the same for all cases skipped for it.
    void skip(std::string_view reason);

    uint64_t passed_count() const { return passed_; }
    uint64_t failed_count() const { return failed_; }
    // `promql: 12 passed, 3 failed, 0 skipped`, and what was skipped for which reason.
    void print_summary() const;

 private:
    const std::string suite_;
    uint64_t passed_ = 0;
    uint64_t failed_ = 0;
    std::map<std::string, uint64_t, std::less<>> skipped_;
};

struct Suite {
    std::string_view name;  // and the folder's
    void (*run)(const std::filesystem::path& folder, Tally& tally);
};

std::span<const Suite> suites();

// The whole of a file; fails the case `name` and returns false when it cannot be read.
bool read_file(const std::filesystem::path& path, std::string& out, Tally& tally);

// --- suite_alertmanager.cc
void run_alertmanager(const std::filesystem::path& folder, Tally& tally);

// --- suite_config.cc
void run_config(const std::filesystem::path& folder, Tally& tally);

// --- suite_discovery.cc
void run_discovery(const std::filesystem::path& folder, Tally& tally);

// --- suite_exposition.cc
void run_exposition(const std::filesystem::path& folder, Tally& tally);
// suite_exposition_lint.cc
void run_exposition_lint(const std::filesystem::path& folder, Tally& tally);

// --- suite_promql.cc
void run_promql(const std::filesystem::path& folder, Tally& tally);

// --- suite_promtool.cc
void run_promtool(const std::filesystem::path& folder, Tally& tally);

// --- suite_relabel.cc
void run_relabel(const std::filesystem::path& folder, Tally& tally);

// --- suite_rules.cc
void run_rules(const std::filesystem::path& folder, Tally& tally);

}  // namespace kw::conformance
