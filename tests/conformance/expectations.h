// Reads the expect.json files and the names by which the material says what is to be accepted.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace kw::conformance {

struct Expectation {
    std::string file;  // below the folder
    bool accept = false;
    // A refusal that names an unknown field, which a newer server may know.
    bool may_differ = false;
    // What `check metrics` remarks, "metric text" each, sorted; no more than the first 20.
    std::vector<std::string> lint;
};

// Sorted by file; empty when there is no such file.
std::vector<Expectation> read_expectations(const std::filesystem::path& folder);

// What "x.good.yml", "x.bad.yml" and "x.bad-key.yml" say; nullopt for other names.
std::optional<bool> accepted_by_name(const std::string& file);

}  // namespace kw::conformance
