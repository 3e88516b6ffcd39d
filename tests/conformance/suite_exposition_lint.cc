// Part of suite exposition: the remarks of `check metrics` on what is accepted.
#include "conformance/expectations.h"
#include "conformance/suites.h"
#include "wire/exposition/lint.h"

namespace kw::conformance {

void run_exposition_lint(const std::filesystem::path& folder, Tally& tally) {
    constexpr size_t kRemarksKept = 20;
    for (const char* const part : {"textparse", "text-fuzz", "expfmt"}) {
        for (const Expectation& expect : read_expectations(folder / part)) {
            if (expect.lint.empty()) continue;
            const std::string name = std::string(part) + "/" + expect.file + " (lint)";
            std::string text;
            if (!read_file(folder / part / expect.file, text, tally)) continue;
            const Result<std::vector<wire::LintRemark>> remarks = wire::lint_exposition(text);
            if (!remarks.ok()) {
                tally.fail(name, remarks.error().message);
                continue;
            }
            std::vector<std::string> got;
            for (const wire::LintRemark& remark : *remarks)
                got.push_back(remark.metric + " " + remark.text);
            if (got.size() > kRemarksKept) got.resize(kRemarksKept);
            if (got == expect.lint) {
                tally.pass();
            } else {
                std::string said;
                for (const std::string& remark : got) said += remark + "; ";
                tally.fail(name, "other remarks: " + said);
            }
        }
    }
}

}  // namespace kw::conformance
