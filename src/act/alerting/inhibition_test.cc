// Inhibition: which alerts mute which others, and for how long.
#include "alerting/inhibition.h"

#include <gtest/gtest.h>

namespace kw::alerting {
namespace {

InhibitRule rule(std::string_view source, std::string_view target, std::vector<std::string> equal) {
    return {"", parse_matchers(source).value().matchers, parse_matchers(target).value().matchers,
            std::move(equal)};
}

AlertPtr alert(LabelSet labels, int64_t ends_at) {
    Alert made;
    made.labels = std::move(labels);
    made.ends_at = {ends_at};
    return std::make_shared<const Alert>(std::move(made));
}

TEST(Inhibitor, MutesTargetsOfWhatFires) {
    Inhibitor inhibitor({rule("severity=critical", "severity=warning", {"service", "zone"})});
    const AlertPtr source = alert({{"service", "db"}, {"severity", "critical"}}, 100);
    inhibitor.update(source);
    struct Row {
        const char* what;
        LabelSet labels;
        int64_t now;
        bool want;
    };
    const Row rows[] = {
        {"the same service", {{"service", "db"}, {"severity", "warning"}}, 50, true},
        {"another service", {{"service", "web"}, {"severity", "warning"}}, 50, false},
        {"a zone that the source has not",
         {{"service", "db"}, {"severity", "warning"}, {"zone", "a"}},
         50,
         false},
        {"not a target", {{"service", "db"}, {"severity", "info"}}, 50, false},
        {"the source is resolved", {{"service", "db"}, {"severity", "warning"}}, 100, false},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.what);
        const std::optional<uint64_t> by = inhibitor.inhibited_by(row.labels, {row.now});
        EXPECT_EQ(by, row.want ? std::optional(fingerprint(source->labels)) : std::nullopt);
    }
    inhibitor.update(alert(source->labels, 40));
    EXPECT_FALSE(inhibitor.inhibited_by(rows[0].labels, {50}).has_value());
    inhibitor.update(source);
    inhibitor.collect_garbage({200});
    EXPECT_FALSE(inhibitor.inhibited_by(rows[0].labels, {50}).has_value());
}

TEST(Inhibitor, NothingMutesItself) {
    Inhibitor inhibitor({rule("severity=~critical|major", "severity=~major|warning", {})});
    const LabelSet major{{"severity", "major"}};
    inhibitor.update(alert(major, 100));
    EXPECT_FALSE(inhibitor.inhibited_by(major, {50}).has_value());
    EXPECT_FALSE(inhibitor.inhibited_by({{"n", "2"}, {"severity", "major"}}, {50}).has_value());
    EXPECT_TRUE(inhibitor.inhibited_by({{"severity", "warning"}}, {50}).has_value());
    inhibitor.update(alert({{"severity", "critical"}}, 100));
    EXPECT_TRUE(inhibitor.inhibited_by(major, {50}).has_value());
}

}  // namespace
}  // namespace kw::alerting
