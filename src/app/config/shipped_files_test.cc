// The files that we ship and the pages that list keys agree with the configuration's readers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "app/config/config.h"
#include "app/config/inactive.h"
#include "base/fs/real.h"

namespace kw::app {
namespace {

// KW_TESTDATA is src/app/config/testdata.
std::string path_of(const std::string& path) {
    const std::filesystem::path source =
        std::filesystem::path(KW_TESTDATA).parent_path().parent_path().parent_path();
    return (source.parent_path() / path).string();
}

std::string content_of(const std::string& path) {
    std::ifstream in(path_of(path), std::ios::binary);
    EXPECT_TRUE(in.good()) << path;
    std::ostringstream content;
    content << in.rdbuf();
    return content.str();
}

TEST(ShippedFiles, TheExampleConfigurationLoadsWithoutAWarning) {
    fs::RealFileSystem files;
    const Result<Config> config = load_config(files, path_of("packaging/kilowatch.example.yml"));
    ASSERT_TRUE(config.ok()) << config.error().message;
    EXPECT_THAT(config->warnings, testing::IsEmpty());
    // The server itself, and the platform that ./kw up starts beside it.
    ASSERT_EQ(config->jobs.size(), 5u);
    EXPECT_EQ(config->host.job.interval_ms, 5'000);
}

TEST(ShippedFiles, LimitsPageListsTheInactiveKeys) {
    std::string want = "<!-- inactive -->\n| key | what does not happen |\n|---|---|\n";
    for (const InactiveKey& key : inactive_keys()) {
        want += fmt::format("| `{}` | {} |\n", key.path, key.effect);
    }
    want += "<!-- /inactive -->\n";
    EXPECT_THAT(content_of("docs/limits.md"), testing::HasSubstr(want));
}

}  // namespace
}  // namespace kw::app
