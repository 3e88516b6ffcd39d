// Alerts as values: fingerprints, merging, the order of a notification.
#include "alerting/alert.h"

#include <gtest/gtest.h>

#include "alerting/notification.h"
#include "base/fs/memory.h"

namespace kw::alerting {
namespace {

// FNV-1a 64 of `a 0xff b 0xff`, worked out byte by byte with the published constants.
TEST(Fingerprint, IsFnvOfNamesAndValues) {
    struct Row {
        LabelSet labels;
        const char* want;
    };
    const Row rows[] = {
        {{}, "cbf29ce484222325"},
        {{{"a", "b"}}, "d2b371819297f98a"},
        {{{"alertname", "HighErrorRate"}, {"service", "api"}}, "16a2aa972dd3a7bb"},
    };
    for (const Row& row : rows) EXPECT_EQ(fingerprint_text(row.labels), row.want);
}

Alert alert(int64_t start, int64_t end, int64_t updated, bool timeout = false) {
    Alert made;
    made.labels = LabelSet{{"alertname", "A"}};
    made.starts_at = {start};
    made.ends_at = {end};
    made.updated_at = {updated};
    made.ends_by_timeout = timeout;
    return made;
}

TEST(MergeAlerts, LaterReportWins) {
    struct Row {
        const char* what;
        Alert older, newer;
        int64_t start, end;
    };
    const Row rows[] = {
        {"both fire: the earlier start, the later end", alert(10, 100, 20), alert(15, 120, 30), 10,
         120},
        {"an end that was named outlives a shorter time-out", alert(10, 200, 20),
         alert(15, 120, 30, true), 10, 200},
        {"a time-out is replaced by the newer one", alert(10, 200, 20, true), alert(15, 120, 30),
         10, 120},
        {"resolved ends it", alert(10, 200, 20), alert(10, 25, 30), 10, 25},
        {"of two resolved the later end", alert(10, 28, 20), alert(10, 25, 30), 10, 28},
        {"told in the wrong order", alert(15, 120, 30), alert(10, 100, 20), 10, 120},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.what);
        const Alert merged = merge_alerts(row.older, row.newer);
        EXPECT_EQ(merged.starts_at.count, row.start);
        EXPECT_EQ(merged.ends_at.count, row.end);
        EXPECT_EQ(merged.updated_at.count, 30);
    }
}

TEST(AlertsOverlap, WhereTheirTimesTouch) {
    EXPECT_TRUE(alerts_overlap(alert(10, 20, 0), alert(15, 30, 0)));
    EXPECT_TRUE(alerts_overlap(alert(10, 20, 0), alert(5, 15, 0)));
    EXPECT_FALSE(alerts_overlap(alert(10, 20, 0), alert(20, 30, 0)));
    EXPECT_FALSE(alerts_overlap(alert(10, 20, 0), alert(1, 10, 0)));
}

TEST(ComesBefore, SortsByJobInstanceAndLabels) {
    const auto of = [](LabelSet labels) {
        Alert made;
        made.labels = std::move(labels);
        return made;
    };
    EXPECT_TRUE(comes_before(of({{"job", "a"}, {"z", "1"}}), of({{"a", "1"}, {"job", "b"}})));
    EXPECT_TRUE(comes_before(of({{"instance", "1"}, {"job", "a"}}),
                             of({{"a", "0"}, {"instance", "2"}, {"job", "a"}})));
    EXPECT_TRUE(comes_before(of({{"alertname", "x"}}), of({{"alertname", "y"}})));
    EXPECT_FALSE(comes_before(of({{"alertname", "x"}}), of({{"alertname", "x"}})));
}

TEST(Secret, IsReadAtEachUse) {
    fs::MemoryFileSystem files;
    EXPECT_TRUE(Secret().empty());
    EXPECT_EQ(Secret::of_text("key").reveal(files).value(), "key");
    const Secret secret = Secret::of_file("/key");
    EXPECT_TRUE(secret.is_file());
    EXPECT_FALSE(secret.reveal(files).ok());
    ASSERT_TRUE(fs::write_file_atomically(files, "/key", " token\n").ok());
    EXPECT_EQ(secret.reveal(files).value(), "token");
    ASSERT_TRUE(fs::write_file_atomically(files, "/key", "renewed").ok());
    EXPECT_EQ(secret.reveal(files).value(), "renewed");
}

}  // namespace
}  // namespace kw::alerting
