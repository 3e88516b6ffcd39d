#include "app/rule_test_files.h"

#include <ostream>

#include "app/config/config.h"
#include "base/clock.h"
#include "base/environment.h"
#include "base/fs/file_system.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/thread_pool.h"
#include "rules/rule_tests.h"

namespace kw::app {
namespace {

constexpr uint64_t kTestFileBytesMax = 16 << 20;

}  // namespace

int test_rules(CommandContext& context, const TestRulesOptions& options) {
    RealClock clock;
    const Log log = Log::silent();
    MetricRegistry metrics;
    ThreadPool pool("kw-test", 1);
    Environment env{clock, context.files, log, metrics, pool};
    rules::TestOptions testing;
    testing.features = promql::ParseOptions::all_features();
    testing.run = options.run;
    testing.ignores_unknown_keys = options.ignores_unknown_keys;
    bool failed = false;
    for (const std::string& path : options.files) {
        context.out << "Unit Testing:  " << path << "\n";
        const Result<std::string> text = fs::read_file(context.files, path, kTestFileBytesMax);
        const Result<rules::TestReport> report =
            text.ok() ? rules::run_rule_tests(env, *text, path, testing,
                                              [&](const std::string& pattern) {
                                                  return expand_glob(context.files, pattern);
                                              })
                      : Result<rules::TestReport>(text.error());
        if (report.ok() && report->failures.empty()) {
            context.out << "  SUCCESS\n\n";
            continue;
        }
        failed = true;
        context.err << "  FAILED:\n";
        if (!report.ok()) {
            context.err << "    " << report.error().message << "\n\n";
            continue;
        }
        for (const std::string& failure : report->failures)
            context.err << "    " << failure << "\n";
        context.err << "\n";
    }
    return failed ? kExitFailed : kExitOk;
}

}  // namespace kw::app
