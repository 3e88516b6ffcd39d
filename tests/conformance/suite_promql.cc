// Suite promql: Prometheus' own PromQL scripts, and the queries of the compliance test as parser cases.
#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <vector>

#include "conformance/promqltest.h"
#include "conformance/suites.h"
#include "promql/parser.h"

namespace kw::conformance {
namespace {

void run_scripts(const std::filesystem::path& folder, Tally& tally) {
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        if (entry.path().extension() == ".test") files.push_back(entry.path());
    }
    std::ranges::sort(files);
    for (const std::filesystem::path& file : files) {
        std::string text;
        if (!read_file(file, text, tally)) continue;
        const std::string name = file.filename().string();
        const Result<void> done = run_script(text, [&](const ScriptCase& one) {
            switch (one.outcome) {
                case ScriptCase::Outcome::kPassed: tally.pass(); break;
                case ScriptCase::Outcome::kFailed:
                    tally.fail(fmt::format("{}:{} {}", name, one.line, one.command), one.why);
                    break;
            }
        });
        if (!done.ok()) tally.fail(name, done.error().message);
    }
}

// "~invalid" as the name of a label.
bool names_invalid_before_utf8(std::string_view query) {
    return query.find("\"~invalid\"") != std::string_view::npos;
}

// Runs a query over series of the compliance test's demo service: it parses and must fail.
void expect_failure(const std::string& name, const std::string& query, Tally& tally) {
    const std::string script = fmt::format(
        "load 1m\n"
        "  demo_num_cpus{{instance=\"demo.promlabs.com:10000\",job=\"demo\"}} 4\n"
        "  demo_num_cpus{{instance=\"demo.promlabs.com:10001\",job=\"demo\"}} 4\n"
        "\neval instant at 0 {}\n  expect fail\n",
        query);
    const Result<void> done = run_script(script, [&](const ScriptCase& one) {
        if (one.outcome == ScriptCase::Outcome::kPassed)
            tally.pass();
        else
            tally.fail(name, one.why);
    });
    if (!done.ok()) tally.fail(name, done.error().message);
}

void run_queries(const std::filesystem::path& file, Tally& tally) {
    simdjson::padded_string text;
    if (simdjson::padded_string::load(file.string()).get(text) != simdjson::SUCCESS) {
        tally.fail(file.string(), "cannot be read");
        return;
    }
    simdjson::ondemand::parser parser;
    simdjson::ondemand::document_stream lines;
    if (parser.iterate_many(text).get(lines) != simdjson::SUCCESS) {
        tally.fail(file.string(), "is not JSON lines");
        return;
    }
    size_t number = 0;
    for (auto line : lines) {
        ++number;
        std::string_view query;
        bool should_fail = false;
        simdjson::ondemand::object object;
        if (line.get_object().get(object) != simdjson::SUCCESS ||
            object["query"].get_string().get(query) != simdjson::SUCCESS) {
            tally.fail(fmt::format("{}:{}", file.filename().string(), number), "has no query");
            continue;
        }
        const std::string copy(query);
        if (object["should_fail"].get_bool().get(should_fail) != simdjson::SUCCESS)
            should_fail = false;
        const auto parsed = promql::parse(copy, promql::ParseOptions::all_features());
        if (parsed.ok() && should_fail && names_invalid_before_utf8(copy))
            tally.skip("fails before Prometheus 3 only, since when names may be any UTF-8");
        else if (parsed.ok() && should_fail)
            expect_failure(fmt::format("{}:{} {}", file.filename().string(), number, copy), copy,
                           tally);
        else if (parsed.ok() || should_fail)
            tally.pass();
        else
            tally.fail(fmt::format("{}:{} {}", file.filename().string(), number, copy),
                       parsed.error().message);
    }
}

}  // namespace

void run_promql(const std::filesystem::path& folder, Tally& tally) {
    // A selection may lack one of them.
    const std::filesystem::path scripts = folder / "promqltest";
    const std::filesystem::path queries = folder / "compliance-queries.jsonl";
    if (std::filesystem::is_directory(scripts)) run_scripts(scripts, tally);
    if (std::filesystem::is_regular_file(queries)) run_queries(queries, tally);
}

}  // namespace kw::conformance
