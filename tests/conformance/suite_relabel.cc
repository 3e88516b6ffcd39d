// Suite relabel: discovered labels and rules in, the target's labels and URL out.
#include <simdjson.h>

#include <sstream>

#include "app/config/config.h"
#include "base/fs/memory.h"
#include "conformance/suites.h"
#include "scrape/target_labels.h"

namespace kw::conformance {
namespace {

using simdjson::dom::element;
using simdjson::dom::object;

LabelSet labels_of(object labels) {
    LabelBuilder builder;
    for (const auto label : labels) builder.set(label.key, label.value.get_string().value());
    return builder.build();
}

// The rules of the case as a job of a configuration: JSON is YAML.
Result<scrape::JobOptions> job_of(element one) {
    const std::string text = fmt::format(
        "scrape_configs: [{{job_name: x, scrape_interval: 1h, scrape_timeout: 10s, "
        "relabel_configs: {}}}]",
        simdjson::minify(one["relabel_configs"].value()));
    fs::MemoryFileSystem files;
    KW_TRY_ASSIGN(app::Config config, app::parse_config(files, text, "case.yml"));
    return std::move(config.jobs.front());
}

std::string shown(const LabelSet& labels, std::string_view url) {
    return fmt::format("{} {}", labels.to_string(), url);
}

std::string got_of(const Result<std::optional<scrape::TargetPlan>>& plan) {
    if (!plan.ok() || !plan->has_value()) return "no target";
    return shown((*plan)->labels, (*plan)->url);
}

// Until version 3 Prometheus added the scheme's port to an address without one.
bool differs_by_port_only(const std::string& want, const std::string& got) {
    for (const std::string_view port : {":443", ":80"}) {
        std::string without = want;
        for (size_t at = without.find(port); at != std::string::npos; at = without.find(port)) {
            without.erase(at, port.size());
        }
        if (without == got && without != want) return true;
    }
    return false;
}

void judge_relabelling(element one, Tally& tally) {
    const std::string_view id = one["id"].get_string().value();
    const Result<scrape::JobOptions> job = job_of(one);
    if (!job.ok()) return tally.fail(id, job.error().message);
    LabelBuilder discovered(labels_of(one["labels"].get_object().value()));
    for (const auto& [name, value] : std::initializer_list<std::pair<const char*, const char*>>{
             {"__scheme__", "http"},
             {"__metrics_path__", "/metrics"},
             {"__scrape_interval__", "1h"},
             {"__scrape_timeout__", "10s"}}) {
        if (discovered.get(name).empty()) discovered.set(name, value);
    }
    object want_labels;
    std::string want = "no target";
    if (one["target_labels"].get(want_labels) == simdjson::SUCCESS) {
        want = shown(labels_of(want_labels), one["scrape_url"].get_string().value());
    }
    const auto plan = scrape::plan_target(discovered.build(), *job);
    const std::string got = got_of(plan);
    if (got == want) return tally.pass();
    if (differs_by_port_only(want, got)) {
        return tally.skip("the expectation has the port that Prometheus 2 added and 3 does not");
    }
    tally.fail(id, fmt::format("want {}\n     got {}", want, got));
}

}  // namespace

void run_relabel(const std::filesystem::path& folder, Tally& tally) {
    std::string text;
    if (!read_file(folder / "cases.jsonl", text, tally)) return;
    std::istringstream lines(text);
    simdjson::dom::parser parser;
    for (std::string line; std::getline(lines, line);) {
        element one;
        if (parser.parse(line).get(one) != simdjson::SUCCESS) {
            tally.fail("cases.jsonl", "a line is not JSON");
            continue;
        }
        judge_relabelling(one, tally);
    }
}

}  // namespace kw::conformance
