// Unit tests of rules: promtool's test files, run over a store in memory with the server's own rules.
//
//   test file ─▶ its rule files ─▶ for each test: series are loaded step by step, all groups are evaluated at each
//   step, alerts are compared at their times, expressions at the end
//
// The order is promtool's: at each step the samples up to then are there, rules run in the order of their files (or
// of group_eval_order), and an alert is compared with the evaluation at or before its time.
// Source: https://prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules/
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/environment.h"
#include "base/result.h"
#include "promql/parser.h"

namespace kw::rules {

struct TestOptions {
    promql::ParseOptions features;
    // Names of tests to run, regular expressions anywhere in the name; empty: all.
    std::vector<std::string> run;
    bool ignores_unknown_keys = false;
};

struct TestReport {
    size_t test_count = 0;  // that ran
    std::vector<std::string> failures;
};

// The files that a glob names, for rule_files.
using GlobExpander = std::function<Result<std::vector<std::string>>(const std::string& pattern)>;

// Runs the tests of the file `path`, whose content is `text`. Paths in it are below its folder.
// Errors: kInvalid, with file, line and key, when it or one of its rule files is no such file.
Result<TestReport> run_rule_tests(Environment& env, std::string_view text, const std::string& path,
                                  const TestOptions& options, const GlobExpander& expand_glob);

}  // namespace kw::rules
