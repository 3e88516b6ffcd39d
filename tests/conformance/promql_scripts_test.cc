// Runs our own PromQL scripts, src/query/promql/testdata/*.test: a failure names file, line and query.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "conformance/promqltest.h"

namespace kw::conformance {
namespace {

TEST(PromqlScripts, AllCasesHold) {
    size_t file_count = 0;
    size_t case_count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(KW_SCRIPTS)) {
        if (entry.path().extension() != ".test") continue;
        ++file_count;
        std::ifstream in(entry.path(), std::ios::binary);
        const std::string text((std::istreambuf_iterator<char>(in)), {});
        const std::string name = entry.path().filename().string();
        const Result<void> done = run_script(text, [&](const ScriptCase& one) {
            ++case_count;
            EXPECT_EQ(one.outcome, ScriptCase::Outcome::kPassed)
                << name << ":" << one.line << ": " << one.command << "\n"
                << one.why;
        });
        EXPECT_TRUE(done.ok()) << name << ": " << (done.ok() ? "" : done.error().message);
    }
    EXPECT_GT(file_count, 0u);
    EXPECT_GT(case_count, 0u);
}

// A runner that lets everything pass would be worse than none.
TEST(PromqlScripts, RunnerFindsWrongExpectations) {
    const std::string_view wrong[] = {
        "eval instant at 0 1 + 1\n  3\n",
        "eval instant at 0 vector(1)\n  {} 2\n",
        "eval instant at 0 vector(1)\n",
        "eval instant at 0 vector(1)\n  {} 1\n  {a=\"b\"} 1\n",
        "eval instant at 0 1 +\n  1\n",
        "eval instant at 0 1\n  expect fail\n",
        "eval instant at 0 rate(x)\n  expect fail msg: something else\n",
        "eval range from 0 to 2m step 1m time()\n  {} 0 60 121\n",
        "eval range from 0 to 2m step 1m time()\n  {} 0 60\n",
        "load 1m\n  x 1\n\neval instant at 0 x\n  expect warn\n  x 1\n",
        "load 1m\n  x{a=\"1\"} 1\n  x{a=\"2\"} 2\n\neval instant at 0 sort(x)\n  expect ordered\n"
        "  x{a=\"2\"} 2\n  x{a=\"1\"} 1\n",
    };
    for (const std::string_view script : wrong) {
        SCOPED_TRACE(script);
        size_t failed = 0;
        const Result<void> done = run_script(script, [&](const ScriptCase& one) {
            failed += one.outcome == ScriptCase::Outcome::kFailed;
        });
        EXPECT_TRUE(done.ok());
        EXPECT_EQ(failed, 1u);
    }
}

}  // namespace
}  // namespace kw::conformance
