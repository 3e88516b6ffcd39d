#include "conformance/expectations.h"

#include <simdjson.h>

#include <algorithm>

namespace kw::conformance {

std::vector<Expectation> read_expectations(const std::filesystem::path& folder) {
    std::vector<Expectation> all;
    simdjson::dom::parser parser;
    simdjson::dom::object files;
    if (parser.load((folder / "expect.json").string()).get(files) != simdjson::SUCCESS) return all;
    for (const auto file : files) {
        std::string_view verdict;
        if (file.value["verdict"].get(verdict) != simdjson::SUCCESS) continue;
        Expectation& expect = all.emplace_back();
        expect.file = std::string(file.key);
        expect.accept = verdict == "accept";
        expect.may_differ = file.value["new"].error() == simdjson::SUCCESS;
        simdjson::dom::array remarks;
        if (file.value["lint"].get(remarks) != simdjson::SUCCESS) continue;
        for (const auto remark : remarks) expect.lint.emplace_back(remark.get_string().value());
    }
    std::sort(all.begin(), all.end(),
              [](const Expectation& a, const Expectation& b) { return a.file < b.file; });
    return all;
}

std::optional<bool> accepted_by_name(const std::string& file) {
    if (file.find(".good.") != std::string::npos) return true;
    if (file.find(".bad.") != std::string::npos || file.find(".bad-") != std::string::npos)
        return false;
    return std::nullopt;
}

}  // namespace kw::conformance
