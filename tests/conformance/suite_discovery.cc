// Suite discovery: documents that discovery reads.
//
//   file/, http/   documents of file_sd and http_sd: read strictly; `*_nil*` and `invalid_*` refused
//   others         what the APIs of other kinds of discovery answer: JSON, but for the answer to a
//                  ping, which is the text OK, and headers.yml, which holds header fields
#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "conformance/suites.h"
#include "net/fields.h"
#include "scrape/discovery/document.h"

namespace kw::conformance {
namespace {

using std::filesystem::path;

// A line a field, `Name: value`.
Result<void> check_header_fields(std::string_view text) {
    while (!text.empty()) {
        const size_t end = std::min(text.find('\n'), text.size());
        const std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (line.empty()) continue;
        if (!net::is_token(line.substr(0, line.find(':')))) return invalid("not a field: {}", line);
    }
    return {};
}

Result<void> check_answer(const path& file, std::string_view text) {
    if (file.filename() == "headers.yml") return check_header_fields(text);
    if (file.filename() != "_ping.json") return scrape::check_json(text);
    if (text.starts_with("OK")) return {};
    return invalid("the answer to a ping is not OK");
}

// Errors: why the document is refused.
Result<void> read_document(const path& file, std::string_view text) {
    const bool is_json = file.extension() == ".json";
    const auto groups =
        is_json ? scrape::parse_json_document(text) : scrape::parse_yaml_document(text);
    if (!groups.ok()) return groups.error();
    return {};
}

}  // namespace

void run_discovery(const path& folder, Tally& tally) {
    std::vector<path> files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
        if (entry.is_regular_file()) files.push_back(entry.path());
    }
    std::ranges::sort(files);
    for (const path& file : files) {
        const path relative = file.lexically_relative(folder);
        const std::string name = relative.string();
        const std::string kind = relative.begin()->string();
        const bool is_document = kind == "file" || kind == "http";
        const std::string stem = file.filename().string();
        const bool refused =
            is_document && (stem.find("_nil") != std::string::npos || stem.starts_with("invalid"));
        std::string text;
        if (!read_file(file, text, tally)) continue;
        const Result<void> read =
            is_document ? read_document(file, text) : check_answer(file, text);
        if (read.ok() == !refused) {
            tally.pass();
        } else {
            tally.fail(name, read.ok() ? "accepted, want it refused" : read.error().message);
        }
    }
}

}  // namespace kw::conformance
