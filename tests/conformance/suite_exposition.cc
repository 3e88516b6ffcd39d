// Suite exposition: what programs expose.
//
//   openmetrics/<case>/            `metrics` is accepted or refused as `test.json` says (check_exposition)
//   text-fuzz, expfmt, textparse,
//   node-exporter                  accepted or refused as `expect.json` says; what it does not name is accepted,
//                                  but for expfmt's retired JSON
//   textfile/<case>/, <case>.out   the textfile collector makes the second of the first
//
// What is accepted must also pass the way of a scrape: the parser and the labels of every line.
#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "collect/collector.h"
#include "collect/writer.h"
#include "conformance/suites.h"
#include "model/labels.h"
#include "model/sample.h"
#include "wire/exposition/checker.h"
#include "wire/exposition/parser.h"
#include "wire/exposition/protobuf_parser.h"

namespace kw::conformance {
namespace {

using std::filesystem::path;
using wire::ExpositionFormat;
using wire::Step;

std::vector<path> sorted_entries(const path& folder) {
    std::vector<path> entries;
    if (!std::filesystem::is_directory(folder)) return entries;  // a selection may lack a part
    for (const auto& entry : std::filesystem::directory_iterator(folder))
        entries.push_back(entry.path());
    std::ranges::sort(entries);
    return entries;
}

// The series of an exposition and their values, sorted, as a scrape whose series are all new finds them. Bounds and
// quantiles are numbers: the formats write them differently.
template <typename Parser>
Result<std::vector<std::string>> scrape(Parser parser, ExpositionFormat format) {
    wire::SeriesLabels labels;
    std::vector<std::string> samples;
    for (Step step; (step = parser.next()) != Step::kEnd;) {
        if (step == Step::kError) return parser.error();
        if (step != Step::kSample) continue;
        KW_TRY(labels.read(parser.series(), format));
        std::vector<std::string> texts;
        for (const LabelView& label : labels.labels()) {
            const bool is_number = label.name == "le" || label.name == "quantile";
            const Result<double> number = is_number ? parse_value(label.value) : invalid("a text");
            texts.push_back(number.ok() ? fmt::format("{}={}", label.name, *number)
                                        : fmt::format("{}={}", label.name, label.value));
        }
        std::ranges::sort(texts);
        samples.push_back(fmt::format("{} {}", fmt::join(texts, ","), parser.value()));
    }
    std::ranges::sort(samples);
    return samples;
}

void check(const std::string& name, std::string_view text, ExpositionFormat format,
           bool want_accepted, Tally& tally) {
    Result<void> got = wire::check_exposition(text, format);
    if (got.ok()) {
        auto scraped = scrape(wire::Parser(text, format), format);
        if (!scraped.ok()) got = std::move(scraped).error().with_context("as a scrape");
    }
    if (got.ok() == want_accepted) {
        tally.pass();
    } else if (got.ok()) {
        tally.fail(name, "accepted, want refused");
    } else {
        tally.fail(name, "refused, want accepted: " + got.error().message);
    }
}

void run_openmetrics(const path& folder, Tally& tally) {
    for (const path& folder_of_case : sorted_entries(folder)) {
        const std::string name = "openmetrics/" + folder_of_case.filename().string();
        std::string text;
        std::string json;
        if (!read_file(folder_of_case / "metrics", text, tally)) continue;
        if (!read_file(folder_of_case / "test.json", json, tally)) continue;
        simdjson::dom::parser parser;
        bool should_parse = false;
        if (parser.parse(json)["shouldParse"].get(should_parse) != simdjson::SUCCESS) {
            tally.fail(name, "test.json has no shouldParse");
            continue;
        }
        check(name, text, ExpositionFormat::kOpenMetrics, should_parse, tally);
    }
}

// `protobuf` holds the families of `text`.
void check_protobuf(const std::string& name, const path& file, Tally& tally) {
    std::string bytes;
    std::string text;
    if (!read_file(file, bytes, tally)) return;
    if (!read_file(file.parent_path() / "text", text, tally)) return;
    const auto got = scrape(wire::ProtobufParser(bytes, {}), wire::ProtobufParser::kTextFormat);
    const auto want = scrape(wire::Parser(text, ExpositionFormat::kText), ExpositionFormat::kText);
    if (!got.ok() || !want.ok()) {
        tally.fail(name, got.ok() ? want.error().message : got.error().message);
    } else if (*got != *want) {
        tally.fail(name,
                   fmt::format("got\n{}\nwant\n{}", fmt::join(*got, "\n"), fmt::join(*want, "\n")));
    } else {
        tally.pass();
    }
}

// The files that expect.json says are refused.
std::vector<std::string> refused_files(const path& folder, Tally& tally) {
    std::vector<std::string> refused;
    std::string json;
    if (!std::filesystem::is_directory(folder)) return refused;
    if (!read_file(folder / "expect.json", json, tally)) return refused;
    simdjson::dom::parser parser;
    simdjson::dom::object files;
    if (parser.parse(json).get(files) != simdjson::SUCCESS) {
        tally.fail((folder / "expect.json").string(), "no JSON object");
        return refused;
    }
    for (const auto& [file, expectation] : files) {
        std::string_view verdict;
        if (expectation["verdict"].get(verdict) == simdjson::SUCCESS && verdict == "refuse")
            refused.emplace_back(file);
    }
    return refused;
}

void run_files(const path& folder, Tally& tally) {
    const std::vector<std::string> refused = refused_files(folder, tally);
    for (const path& file : sorted_entries(folder)) {
        const std::string file_name = file.filename().string();
        if (file_name == "expect.json") continue;
        const std::string name = folder.filename().string() + "/" + file_name;
        if (file_name.starts_with("protobuf")) {
            check_protobuf(name, file, tally);
            continue;
        }
        std::string text;
        if (!read_file(file, text, tally)) continue;
        const auto format = file_name.ends_with(".om.txt") ? ExpositionFormat::kOpenMetrics
                                                           : ExpositionFormat::kText;
        const bool want_refused =
            std::ranges::count(refused, file_name) != 0 || file_name.starts_with("json2");
        check(name, text, format, !want_refused, tally);
    }
}

void run_textfile(const path& folder, Tally& tally) {
    // The outputs name their inputs by this folder.
    constexpr std::string_view kFolderInOutput = "fixtures/textfile";
    const RealClock clock;
    for (const path& file : sorted_entries(folder)) {
        if (file.extension() != ".out") continue;
        const std::string name = "textfile/" + file.stem().string();
        const path inputs = folder / file.stem();
        if (!std::filesystem::is_directory(inputs)) {
            tally.skip("its inputs are not in the material");
            continue;
        }
        std::string want;
        if (!read_file(file, want, tally)) continue;
        collect::HostOptions options;
        options.textfile_directory = inputs.string();
        collect::Host::Calls calls = collect::Host::kernel_calls();
        calls.modified_seconds = [](const std::string&) -> Result<double> { return 1; };
        const collect::Host host(clock, options, calls);
        collect::HostMemory memory;
        std::string got;
        collect::ExpositionWriter writer(got);
        const Result<void> collected = collect::collect_textfile(host, memory, writer);
        const std::string prefix = folder.string();
        for (size_t at; (at = got.find(prefix)) != std::string::npos;)
            got.replace(at, prefix.size(), kFolderInOutput);
        if (collected.ok() && got == want) {
            tally.pass();
        } else {
            tally.fail(name, collected.ok() ? "got\n" + got : collected.error().message);
        }
    }
}

}  // namespace

void run_exposition(const path& folder, Tally& tally) {
    run_openmetrics(folder / "openmetrics", tally);
    for (const char* const part : {"expfmt", "node-exporter", "text-fuzz", "textparse"})
        run_files(folder / part, tally);
    run_textfile(folder / "textfile", tally);
    run_exposition_lint(folder, tally);
}

}  // namespace kw::conformance
