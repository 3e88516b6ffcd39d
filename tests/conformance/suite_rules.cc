// Suite rules: rule files, good and bad, and the packs of real ones; unit tests of rules.
#include <algorithm>
#include <sstream>
#include <vector>

#include "app/rule_test_files.h"
#include "base/fs/real.h"
#include "conformance/expectations.h"
#include "conformance/suites.h"
#include "promql/printer.h"
#include "rules/rule_file.h"

namespace kw::conformance {
namespace {

namespace stdfs = std::filesystem;

Result<rules::RuleFile> read_rules(const std::string& text, const stdfs::path& path) {
    rules::ReadOptions options;
    options.features = promql::ParseOptions::all_features();
    return rules::read_rule_file(text, path.string(), options);
}

// Every expression, printed and parsed, is the same again.
Result<void> check_expressions(const rules::RuleFile& file) {
    for (const rules::Group& group : file.groups) {
        for (const rules::Rule& rule : group.rules) {
            KW_TRY_ASSIGN(const promql::ExprPtr again,
                          promql::parse(rule.expr, promql::ParseOptions::all_features()));
            if (promql::print(*again) != rule.expr) {
                return invalid("{}: {} prints as {}", rule.name, rule.expr, promql::print(*again));
            }
        }
    }
    return {};
}

void run_rule_file(const stdfs::path& path, const std::string& name, bool accept, Tally& tally) {
    std::string text;
    if (!read_file(path, text, tally)) return;
    const Result<rules::RuleFile> file = read_rules(text, path);
    if (file.ok() != accept) {
        return tally.fail(
            name, file.ok() ? "was accepted, must be refused" : "refused: " + file.error().message);
    }
    if (file.ok()) {
        if (const Result<void> checked = check_expressions(*file); !checked.ok()) {
            return tally.fail(name, checked.error().message);
        }
        if (file->rule_count() == 0) return tally.fail(name, "no rule was found");
    }
    tally.pass();
}

// Folders with an expect.json say what to think of each file.
void run_expected(const stdfs::path& folder, Tally& tally) {
    for (const Expectation& one : read_expectations(folder)) {
        if (one.may_differ) {
            tally.skip("refused for a key that a newer server may know");
            continue;
        }
        run_rule_file(folder / one.file, (folder.filename() / one.file).string(), one.accept,
                      tally);
    }
}

// Folders of rules without verdicts: all load.
void run_pack(const stdfs::path& folder, Tally& tally) {
    std::vector<stdfs::path> paths;
    for (const stdfs::directory_entry& entry : stdfs::recursive_directory_iterator(folder)) {
        const std::string extension = entry.path().extension().string();
        if (extension == ".yml" || extension == ".yaml") paths.push_back(entry.path());
    }
    std::sort(paths.begin(), paths.end());
    for (const stdfs::path& path : paths) {
        run_rule_file(path, stdfs::relative(path, folder.parent_path()).string(), true, tally);
    }
}

// A file of unit tests, as the command line would run it.
void run_unit_tests(const stdfs::path& path, bool accept, Tally& tally) {
    // Upstream's own test of this file runs the tests of this name; the other one in it is meant to fail.
    static constexpr std::string_view kFuzzyFile = "rules_run_fuzzy.yml";
    app::TestRulesOptions options;
    options.files = {path.string()};
    if (path.filename() == kFuzzyFile) options.run = {"correct"};
    fs::RealFileSystem files;
    std::istringstream in;
    std::ostringstream out;
    std::ostringstream err;
    app::CommandContext context{files, in, out, err};
    const bool passed = app::test_rules(context, options) == app::kExitOk;
    const std::string name = (path.parent_path().filename() / path.filename()).string();
    if (passed != accept) {
        tally.fail(name, passed ? "its tests pass, they must fail" : err.str());
    } else {
        tally.pass();
    }
}

void run_all_unit_tests(const stdfs::path& folder, Tally& tally) {
    for (const Expectation& one : read_expectations(folder / "promtool")) {
        run_unit_tests(folder / "promtool" / one.file, one.accept, tally);
    }
    std::vector<stdfs::path> paths;
    for (const stdfs::directory_entry& entry : stdfs::directory_iterator(folder / "kubernetes")) {
        if (entry.path().filename() != "kubernetes-rules.yaml") paths.push_back(entry.path());
    }
    std::sort(paths.begin(), paths.end());
    for (const stdfs::path& path : paths) run_unit_tests(path, true, tally);
}

}  // namespace

void run_rules(const stdfs::path& folder, Tally& tally) {
    run_expected(folder / "rulefmt", tally);
    run_expected(folder / "groups", tally);
    for (const char* const pack : {"alert-packs", "kube-packs", "mysql"})
        run_pack(folder / pack, tally);
    run_rule_file(folder / "alert-generator-rules.yaml", "alert-generator-rules.yaml", true, tally);
    run_rule_file(folder / "unit-tests" / "kubernetes" / "kubernetes-rules.yaml",
                  "kubernetes-rules.yaml", true, tally);
    run_all_unit_tests(folder / "unit-tests", tally);
}

}  // namespace kw::conformance
