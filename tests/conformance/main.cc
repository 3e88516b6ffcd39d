// kw_conformance [FOLDER] [SUITE…]: runs suites over a folder laid out like the shared conformance material.
// Prints failed cases by name, then a line a suite. Ends with 1 when a case failed, 2 when called wrongly.
#include <fmt/core.h>

#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "conformance/suites.h"

using kw::conformance::Suite;
using kw::conformance::suites;
using kw::conformance::Tally;

namespace {

const Suite* find_suite(std::string_view name) {
    for (const Suite& suite : suites()) {
        if (suite.name == name) return &suite;
    }
    return nullptr;
}

int usage(std::string_view wrong) {
    fmt::print(stderr, "{}\nusage: kw_conformance [FOLDER] [SUITE…]\nsuites:", wrong);
    for (const Suite& suite : suites()) fmt::print(stderr, " {}", suite.name);
    fmt::print(stderr, "\n");
    return 2;
}

}  // namespace

int main(int argc, char** argv) {
    std::filesystem::path folder = KW_CONFORMANCE_FOLDER;
    std::vector<const Suite*> chosen;
    for (int i = 1; i < argc; ++i) {
        const std::string argument = argv[i];
        if (const Suite* suite = find_suite(argument)) {
            chosen.push_back(suite);
        } else if (i == 1 && std::filesystem::is_directory(argument)) {
            folder = argument;
        } else {
            return usage(fmt::format("neither a suite nor a folder: {}", argument));
        }
    }
    if (!std::filesystem::is_directory(folder)) {
        return usage(fmt::format("no folder {}: name the conformance folder", folder.string()));
    }
    if (chosen.empty()) {
        for (const Suite& suite : suites()) chosen.push_back(&suite);
    }
    std::vector<Tally> tallies;
    for (const Suite* suite : chosen) {
        Tally& tally = tallies.emplace_back(suite->name);
        suite->run(folder / suite->name, tally);
    }
    bool failed = false;
    for (const Tally& tally : tallies) {
        tally.print_summary();
        failed |= tally.failed_count() > 0;
    }
    return failed ? 1 : 0;
}
