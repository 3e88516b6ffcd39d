// The parser over real queries and rules: what must parse does, and prints to a fixpoint.
// The material lies under $KW_CONFORMANCE, else ../shared/conformance beside the source tree.
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "promql/parser.h"
#include "promql/printer.h"

namespace kw::promql {
namespace {

namespace files = std::filesystem;

files::path conformance() {
    if (const char* folder = std::getenv("KW_CONFORMANCE")) return folder;
    return files::path(KW_SOURCE_DIR).parent_path() / "shared" / "conformance";
}

#define KW_NEED(folder)                                         \
    if (!files::exists(folder)) {                               \
        GTEST_SKIP() << "no material in " << (folder).string(); \
    }

// Parsing, printing and parsing again gives the same tree, in both forms.
void expect_fixpoint(const std::string& text) {
    SCOPED_TRACE(text);
    const Result<ExprPtr> first = parse(text, ParseOptions::all_features());
    ASSERT_TRUE(first.ok()) << first.error().message;
    const std::string line = print(**first);
    const Result<ExprPtr> second = parse(line, ParseOptions::all_features());
    ASSERT_TRUE(second.ok()) << line << ": " << second.error().message;
    EXPECT_EQ(print(**second), line);
    EXPECT_EQ(tree_json(**second), tree_json(**first));
    const std::string pretty = pretty_print(**first);
    const Result<ExprPtr> third = parse(pretty, ParseOptions::all_features());
    ASSERT_TRUE(third.ok()) << pretty << ": " << third.error().message;
    EXPECT_EQ(pretty_print(**third), pretty);
    EXPECT_EQ(tree_json(**third), tree_json(**first));
}

TEST(Conformance, ComplianceQueriesParse) {
    const files::path file = conformance() / "promql" / "compliance-queries.jsonl";
    KW_NEED(file);
    std::ifstream in(file);
    size_t count = 0;
    for (std::string line; std::getline(in, line);) {
        if (line.empty()) continue;
        const auto row = nlohmann::json::parse(line);
        if (row.value("should_fail", false)) continue;  // some fail only when run
        expect_fixpoint(row.at("query").get<std::string>());
        ++count;
    }
    EXPECT_GT(count, 300u);
}

// "eval instant at 5m QUERY", "eval range from 0 to 1m step 10s QUERY"; a query may go on over
// further lines only inside quotes, which none does.
std::string query_of(std::istringstream& words) {
    std::string word;
    words >> word;
    size_t skip = 0;
    if (word == "range") skip = 6;
    for (size_t i = 0; i < skip; ++i) words >> word;
    if (skip == 0) {
        const auto before = words.tellg();
        words >> word;
        if (word == "at") {
            words >> word;
        } else {
            words.seekg(before);
        }
    }
    std::string query;
    std::getline(words, query);
    return query;
}

TEST(Conformance, TestScriptsParse) {
    const files::path folder = conformance() / "promql" / "promqltest";
    KW_NEED(folder);
    size_t count = 0;
    for (const auto& entry : files::directory_iterator(folder)) {
        SCOPED_TRACE(entry.path().filename().string());
        std::ifstream in(entry.path());
        std::vector<std::string> lines;
        for (std::string line; std::getline(in, line);) lines.push_back(line);
        for (size_t i = 0; i < lines.size(); ++i) {
            std::istringstream words(lines[i]);
            std::string command;
            words >> command;
            if (!command.starts_with("eval")) continue;
            const bool fails =
                command == "eval_fail" ||
                (i + 1 < lines.size() && lines[i + 1].find("expect fail") != std::string::npos);
            if (fails) continue;
            expect_fixpoint(query_of(words));
            ++count;
        }
    }
    EXPECT_GT(count, 1000u);
}

// Every `expr` at any depth.
void collect_expressions(const YAML::Node& node, std::vector<std::string>& out) {
    if (node.IsSequence()) {
        for (const YAML::Node& child : node) collect_expressions(child, out);
    } else if (node.IsMap()) {
        for (const auto& field : node) {
            if (field.first.Scalar() == "expr" && field.second.IsScalar()) {
                out.push_back(field.second.Scalar());
            } else {
                collect_expressions(field.second, out);
            }
        }
    }
}

TEST(Conformance, RulesParse) {
    const files::path folder = conformance() / "rules";
    KW_NEED(folder);
    std::set<files::path> refused;
    for (const auto& entry : files::recursive_directory_iterator(folder)) {
        if (entry.path().filename() != "expect.json") continue;
        std::ifstream in(entry.path());
        const auto verdicts = nlohmann::json::parse(in);
        for (const auto& [file, verdict] : verdicts.items()) {
            if (verdict.at("verdict") != "accept")
                refused.insert(entry.path().parent_path() / file);
        }
    }
    size_t count = 0;
    for (const auto& entry : files::recursive_directory_iterator(folder)) {
        const std::string extension = entry.path().extension().string();
        if ((extension != ".yml" && extension != ".yaml") || refused.contains(entry.path()))
            continue;
        if (entry.path().filename() == "bad-rules-syntax.yml") continue;  // wrong on purpose
        SCOPED_TRACE(entry.path().string());
        std::vector<std::string> expressions;
        for (const YAML::Node& document : YAML::LoadAllFromFile(entry.path().string())) {
            collect_expressions(document, expressions);
        }
        for (const std::string& expression : expressions) expect_fixpoint(expression);
        count += expressions.size();
    }
    EXPECT_GT(count, 500u);
}

}  // namespace
}  // namespace kw::promql
