#include "app/config/identity.h"

#include <gtest/gtest.h>

#include "app/config/config.h"
#include "base/fs/memory.h"

namespace kw::app {
namespace {

Result<Config> config_of(std::string_view text) {
    fs::MemoryFileSystem files;
    return parse_config(files, text, "prometheus.yml");
}

// guide: P18
TEST(Identity, IsReadIntoATable) {
    const Result<Config> config = config_of(
        "identity:\n"
        "  services: {model: [model-service], api: [Application]}\n"
        "  labels:\n"
        "    status: [code, http_response_status_code]\n");
    ASSERT_TRUE(config.ok()) << config.error().message;
    EXPECT_TRUE(config->warnings.empty());
    EXPECT_EQ(*config->aliases.labels_of("status"),
              (std::vector<std::string>{"status", "code", "http_response_status_code"}));
    EXPECT_EQ(*config->aliases.labels_of("service"), (std::vector<std::string>{"service", "job"}));
    EXPECT_NE(config->shown_yaml.find("- model-service"), std::string::npos) << config->shown_yaml;
    EXPECT_TRUE(config_of("global: {}\n")->aliases.empty());
    EXPECT_TRUE(config_of("identity: {}\n")->aliases.empty());
}

TEST(Identity, ErrorsNameTheirPlace) {
    struct Row {
        std::string_view text;
        std::string_view want;
    };
    const Row rows[] = {
        {"identity:\n  services: {api: [m], model: [m]}\n",
         "prometheus.yml:2: identity.services: model: m stands for api already; a name is one "
         "service's"},
        {"identity:\n  services:\n    api: []\n",
         "prometheus.yml:2: identity.services: api: has no aliases; remove it"},
        {"identity:\n  labels: {le: [bound]}\n",
         "prometheus.yml:2: identity.labels: le: le has a meaning of its own; it has no alias and "
         "is none"},
        {"identity:\n  lables: {}\n", "lables"},
        {"identity:\n  services: {api: Application}\n", "identity.services"},
        {"identity: [api]\n", "identity"},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.text);
        const Result<Config> config = config_of(row.text);
        ASSERT_FALSE(config.ok());
        EXPECT_NE(config.error().message.find(row.want), std::string::npos)
            << config.error().message;
    }
}

}  // namespace
}  // namespace kw::app
