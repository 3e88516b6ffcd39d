// The `incidents` block: defaults, what is written, and errors with their place.
#include "app/config/incidents.h"

#include <gtest/gtest.h>

#include "app/config/config.h"
#include "base/fs/memory.h"
#include "incidents/settings.h"

namespace kw::app {
namespace {

Result<Config> config_of(std::string_view text) {
    fs::MemoryFileSystem files;
    return parse_config(files, text, "prometheus.yml");
}

// guide: P13
TEST(IncidentsConfig, DefaultsAndWhatIsWritten) {
    const Result<Config> none = config_of("global: {}\n");
    ASSERT_TRUE(none.ok()) << none.error().message;
    ASSERT_NE(none->incidents, nullptr);
    EXPECT_EQ(none->incidents->group_window_ms, 30 * 60'000);
    const size_t shipped_count = none->incidents->rules.classes.size();
    const Result<Config> written = config_of(
        "incidents:\n"
        "  group_window: 10m\n"
        "  auto_resolve_after: 0s\n"
        "  page: false\n"
        "  service_labels: [app]\n"
        "  label_severities: {Critical: SEV2, ticket: Low}\n"
        "  default_severity: sev4\n"
        "  classes:\n"
        "    - name: Ours\n"
        "      matchers: ['team = forecast', 'alertname =~ \"High.*\"']\n"
        "      severity: none\n"
        "      runbook: [Look]\n"
        "      checks: ['up == 1']\n");
    ASSERT_TRUE(written.ok()) << written.error().message;
    EXPECT_TRUE(written->warnings.empty());
    const incidents::Settings& settings = *written->incidents;
    EXPECT_EQ(settings.group_window_ms, 600'000);
    EXPECT_EQ(settings.auto_resolve_after_ms, 0);
    EXPECT_FALSE(settings.pages);
    EXPECT_EQ(settings.service_labels, std::vector<std::string>{"app"});
    EXPECT_EQ(settings.rules.classes.size(), shipped_count + 1);
    const auto severity = [&](const LabelSet& labels) {
        return settings.rules.verdict_of(labels).severity;
    };
    EXPECT_EQ(severity({{"alertname", "HighErrorRate"}, {"team", "forecast"}}), std::nullopt);
    EXPECT_EQ(severity({{"alertname", "X"}, {"severity", "critical"}}), incidents::Severity::kSev2);
    EXPECT_EQ(severity({{"alertname", "X"}, {"severity", "ticket"}}), incidents::Severity::kSev4);
    EXPECT_EQ(severity({{"alertname", "X"}}), incidents::Severity::kSev4);
    EXPECT_EQ(config_of("incidents: {shipped_classes: false}\n")->incidents->rules.classes.size(),
              0U);
}

TEST(IncidentsConfig, ErrorsNameTheirPlace) {
    struct Row {
        std::string_view text;
        std::string_view want;
    };
    const Row rows[] = {
        {"incidents:\n  default_severity: SEV9\n",
         "prometheus.yml:2: incidents.default_severity: \"SEV9\" is no severity; write SEV1"},
        {"incidents:\n  label_severities: {critical: bad}\n",
         "prometheus.yml:2: incidents.label_severities: critical: \"bad\" is no severity"},
        {"incidents:\n  timeline_before: 10s\n",
         "prometheus.yml:2: incidents.timeline_before: 10s is not between 1m and 3h"},
        {"incidents:\n  service_labels: ['a b']\n",
         "prometheus.yml:2: incidents.service_labels: \"a b\" is no label name"},
        {"incidents:\n  fault_metrics: ['{']\n",
         "incidents.fault_metrics: \"{\" is no metric name"},
        {"incidents:\n  users_query: sum(\n",
         "prometheus.yml:2: incidents.users_query: \"sum(\": "},
        {"incidents:\n  classes:\n    - {name: A, matchers: [x], severity: SEV1}\n",
         "prometheus.yml:3: incidents.classes[0].matchers: \"x\": "},
        {"incidents:\n  classes:\n    - {name: A, matchers: ['a = b'], severity: worst}\n",
         "incidents.classes[0].severity: \"worst\" is no severity"},
        {"incidents:\n  classes:\n    - {name: A, matchers: ['a = b'], severity: SEV1, "
         "checks: ['up =']}\n",
         "incidents.classes[0].checks: \"up =\": "},
        {"incidents:\n  classes:\n    - {name: A, severity: SEV1}\n", "matchers"},
        {"incidents:\n  group_windows: 1m\n", "group_window"},
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
