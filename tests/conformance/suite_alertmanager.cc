// Suite alertmanager: configurations, good and bad; where alerts are routed; matchers in both syntaxes.
#include <simdjson.h>

#include <algorithm>
#include <map>
#include <optional>
#include <sstream>

#include "alerting/matchers.h"
#include "app/config/alertmanager/alertmanager_config.h"
#include "app/config/config.h"
#include "base/fs/real.h"
#include "conformance/expectations.h"
#include "conformance/suites.h"

namespace kw::conformance {
namespace {

namespace stdfs = std::filesystem;
using simdjson::dom::element;

constexpr const char* kExternalUrl = "http://localhost:9093";

Result<void> load(const stdfs::path& path) {
    fs::RealFileSystem files;
    KW_TRY_ASSIGN(const app::AlertmanagerConfig config,
                  app::load_alertmanager(files, path.string(), kExternalUrl));
    // What is shown must load again, and show no secret: one that is the text "mysecret" is everywhere.
    const std::string& shown = config.settings->shown_yaml;
    if (shown.find("mysecret") != std::string::npos) {
        return internal_error("the shown configuration has a secret in it");
    }
    const Result<app::AlertmanagerConfig> again =
        app::parse_alertmanager(shown, path.string(), kExternalUrl);
    if (!again.ok())
        return internal_error("what is shown does not load: {}", again.error().message);
    return {};
}

void judge_routing(Tally& tally, const std::string& name, bool accept, const Result<void>& got) {
    if (got.ok() == accept && (got.ok() || got.error().code != Code::kInternal))
        return tally.pass();
    tally.fail(name,
               got.ok() ? "was accepted, must be refused" : "refused: " + got.error().message);
}

void run_routing_files(const stdfs::path& folder, Tally& tally) {
    if (!stdfs::is_directory(folder)) return;  // a selection may lack a part
    const std::vector<Expectation> expectations = read_expectations(folder);
    if (expectations.empty()) return tally.fail(folder.string(), "has no expect.json");
    for (const Expectation& expect : expectations) {
        const stdfs::path path = folder / expect.file;
        judge_routing(tally, path.string(), expect.accept, load(path));
    }
}

// Files of amtool: the HTTP client's block, and its own flags, which no server reads.
void run_client_files(const stdfs::path& folder, Tally& tally) {
    if (!stdfs::is_directory(folder)) return;
    for (const stdfs::directory_entry& entry : stdfs::directory_iterator(folder)) {
        const std::string name = entry.path().filename().string();
        std::string text;
        if (!read_file(entry.path(), text, tally)) continue;
        if (!name.starts_with("http_config")) {
            tally.skip("amtool's own settings");
            continue;
        }
        judge_routing(tally, entry.path().string(), accepted_by_name(name).value_or(true),
                      app::check_http_client_text(text, entry.path().string()));
    }
}

LabelSet labels_of(element labels) {
    LabelBuilder builder;
    for (const auto label : labels.get_object().value()) {
        builder.set(label.key, label.value.get_string().value());
    }
    return builder.build();
}

std::string joined(const std::vector<std::string>& names) {
    std::string out;
    for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
    return out;
}

// One case a line; calls `judge_case` with each.
template <typename Judge>
void for_each_line(const stdfs::path& path, Tally& tally, const Judge& judge_case) {
    if (!stdfs::exists(path)) return;
    std::string text;
    if (!read_file(path, text, tally)) return;
    std::istringstream lines(text);
    simdjson::dom::parser parser;
    for (std::string line; std::getline(lines, line);) {
        if (line.empty()) continue;
        element one;
        if (parser.parse(line).get(one) != simdjson::SUCCESS) {
            tally.fail(path.string(), "a line is not JSON");
            continue;
        }
        judge_case(one);
    }
}

void run_routing(const stdfs::path& folder, Tally& tally) {
    std::map<std::string, app::AlertmanagerConfig> configs;
    for_each_line(folder / "cases.jsonl", tally, [&](element one) {
        const std::string id(one["id"].get_string().value());
        const std::string name(one["config"].get_string().value());
        if (!configs.contains(name)) {
            fs::RealFileSystem files;
            Result<app::AlertmanagerConfig> config =
                app::load_alertmanager(files, (folder / (name + ".json")).string(), kExternalUrl);
            if (!config.ok()) return tally.fail(id, config.error().message);
            configs.emplace(name, std::move(config).value());
        }
        std::vector<std::string> want;
        for (const element receiver : one["receivers"].get_array().value()) {
            want.emplace_back(receiver.get_string().value());
        }
        std::vector<std::string> got;
        const alerting::Settings& settings = *configs.at(name).settings;
        for (const alerting::Route* route : settings.route.match(labels_of(one["labels"]))) {
            got.push_back(route->receiver);
        }
        if (got == want) return tally.pass();
        tally.fail(id, "goes to " + joined(got) + ", must go to " + joined(want));
    });
}

std::string triple(std::string_view name, std::string_view op, std::string_view value) {
    return fmt::format("[{} {} {}]", name, op, value);
}

std::optional<std::string> triples_of(const Result<alerting::Matchers>& matchers) {
    if (!matchers.ok()) return std::nullopt;
    std::string out = "matchers ";
    for (const Matcher& matcher : *matchers) {
        out += triple(matcher.name(), match_op_text(matcher.op()), matcher.value());
    }
    return out;
}

void run_matchers(const stdfs::path& path, Tally& tally) {
    for_each_line(path, tally, [&](element one) {
        const std::string id(one["id"].get_string().value());
        const std::string_view input = one["input"].get_string().value();
        std::optional<std::string> want;
        if (const element utf8 = one["utf8"].value(); !utf8.is_null()) {
            want = "matchers ";
            for (const element matcher : utf8.get_array().value()) {
                *want +=
                    triple(matcher.at(0).get_string().value(), matcher.at(1).get_string().value(),
                           matcher.at(2).get_string().value());
            }
        }
        const std::optional<std::string> got = triples_of(alerting::parse_utf8_matchers(input));
        if (got != want) {
            return tally.fail(
                id, "UTF-8: " + got.value_or("refused") + ", want " + want.value_or("refused"));
        }
        Result<alerting::Matchers> classic = alerting::parse_classic_matchers(input);
        if (classic.ok() != one["classic_accepts"].get_bool().value()) {
            return tally.fail(id, classic.ok() ? "classic: accepted" : classic.error().message);
        }
        std::string_view text;
        if (one["classic_text"].get(text) == simdjson::SUCCESS) {
            alerting::sort_matchers(*classic);
            const std::string printed = alerting::matchers_text(*classic);
            if (printed != text) return tally.fail(id, "prints as " + printed);
        }
        // Both together: accepted where one accepts, as the classic reading where both do and disagree.
        const Result<alerting::ParsedMatchers> both = alerting::parse_matchers(input);
        if (both.ok() != (want.has_value() || classic.ok())) {
            return tally.fail(id, "the two together decide otherwise");
        }
        tally.pass();
    });
}

}  // namespace

void run_alertmanager(const stdfs::path& folder, Tally& tally) {
    run_routing_files(folder / "config", tally);
    run_routing_files(folder / "cli" / "testdata", tally);
    run_client_files(folder / "cli" / "config" / "testdata", tally);
    run_routing_files(folder / "examples", tally);
    run_routing(folder / "routing", tally);
    run_matchers(folder / "matchers.jsonl", tally);
}

}  // namespace kw::conformance
