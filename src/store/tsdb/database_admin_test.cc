// Series deleted, and snapshots: in the head, in blocks, over a restart.
#include "tsdb/database_fixture.h"

namespace kw::tsdb {
namespace {

const std::vector<Matcher> kAny = {Matcher::make(MatchOp::kRegex, "__name__", ".+").value()};
const LabelSet kA{{"__name__", "a"}, {"job", "j"}, {"instance", "i"}};
const LabelSet kB{{"__name__", "b"}, {"job", "j"}, {"instance", "i"}};

class AdminTest : public DatabaseTest {
 protected:
    // a and b at 10, 11, … 17 h; up to 16 h in blocks, the last two in the head.
    void fill() {
        clock_.set(Millis{kHour * 10});
        open();
        for (int64_t hour = 10; hour < 18; ++hour) {
            clock_.set(Millis{kHour * hour});
            append({ref(kA), ref(kB)}, {kHour * hour}, {1, 2});
        }
        ASSERT_TRUE(database_->upkeep().ok());
        ASSERT_EQ(database_->blocks()->size(), 3u);
    }
    // "a10 a11 b10": what is there, by hours.
    std::string hours(TimeRange range = {}) {
        MemoryBudget budget(1 << 30);
        const auto selected = database_->select(kAny, range, {}, CancelToken(), budget).value();
        std::string out;
        SampleColumns columns;
        for (size_t i = 0; i < selected->size(); ++i) {
            EXPECT_TRUE(selected->read(i, columns).ok());
            for (const int64_t time : columns.timestamps) {
                out += fmt::format("{}{}{}", out.empty() ? "" : " ",
                                   selected->labels(i).get("__name__"), time / kHour);
            }
        }
        return out;
    }
    static TimeRange from_to(int64_t from, int64_t to) {
        return {Millis{kHour * from}, Millis{kHour * to}};
    }
    Result<void> remove(std::string_view name, TimeRange range) {
        return database_->delete_series({Matcher::equal("__name__", std::string(name))}, range);
    }
};

TEST_F(AdminTest, DeletedSamplesAreGoneFromHeadAndBlocks) {
    struct Row {
        std::string_view name;
        TimeRange range;
        std::string_view left;
    };
    const Row rows[] = {
        {"a", {}, "b10 b11 b12 b13 b14 b15 b16 b17"},
        {"a", from_to(11, 12), "a10 a13 a14 a15 a16 a17 b10 b11 b12 b13 b14 b15 b16 b17"},
        {"a", from_to(15, 16), "a10 a11 a12 a13 a14 a17 b10 b11 b12 b13 b14 b15 b16 b17"},
        {"b", from_to(17, 17), "a10 a11 a12 a13 a14 a15 a16 a17 b10 b11 b12 b13 b14 b15 b16"},
        {"a", from_to(1, 9), "a10 a11 a12 a13 a14 a15 a16 a17 b10 b11 b12 b13 b14 b15 b16 b17"},
        {"c", {}, "a10 a11 a12 a13 a14 a15 a16 a17 b10 b11 b12 b13 b14 b15 b16 b17"},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.left);
        options_.path += "/next";
        fill();
        ASSERT_TRUE(remove(row.name, row.range).ok());
        EXPECT_EQ(hours(), row.left);
        ASSERT_TRUE(database_->upkeep().ok());
        EXPECT_EQ(hours(), row.left);
        open();
        EXPECT_EQ(hours(), row.left);
    }
}

TEST_F(AdminTest, ADeletedSeriesHasNoLabelsLeft) {
    fill();
    ASSERT_TRUE(remove("a", {}).ok());
    EXPECT_EQ(database_->label_values("__name__", {}, {}, 0, CancelToken()).value(),
              std::vector<std::string>{"b"});
    ASSERT_TRUE(database_->delete_series(kAny, {}).ok());
    EXPECT_TRUE(database_->blocks()->empty());
    EXPECT_TRUE(database_->label_names({}, {}, 0, CancelToken()).value().empty());
    EXPECT_TRUE(files_.list("data/metrics/blocks").value().empty());
}

TEST_F(AdminTest, WhatComesAfterwardsStays) {
    fill();
    ASSERT_TRUE(remove("a", {}).ok());
    append({ref(kA), ref(kA)}, {kHour * 12, kHour * 17}, {7, 8});
    EXPECT_EQ(hours(), "a12 a17 b10 b11 b12 b13 b14 b15 b16 b17");
    open();
    EXPECT_EQ(hours(), "a12 a17 b10 b11 b12 b13 b14 b15 b16 b17");
    clock_.set(Millis{kHour * 40});
    ASSERT_TRUE(database_->upkeep().ok());
    EXPECT_EQ(hours(), "a12 a17 b10 b11 b12 b13 b14 b15 b16 b17");
}

TEST_F(AdminTest, AReaderKeepsWhatItSelected) {
    fill();
    MemoryBudget budget(1 << 30);
    const auto selected = database_->select(kAny, {}, {}, CancelToken(), budget).value();
    ASSERT_TRUE(database_->delete_series(kAny, {}).ok());
    SampleColumns columns;
    ASSERT_EQ(selected->size(), 2u);
    ASSERT_TRUE(selected->read(0, columns).ok());
    EXPECT_EQ(columns.size(), 8u);
}

TEST_F(AdminTest, ASnapshotIsAStore) {
    fill();
    const std::string all = hours();
    ASSERT_TRUE(database_->snapshot("snapshots/whole", true).ok());
    ASSERT_TRUE(database_->snapshot("snapshots/blocks", false).ok());
    EXPECT_EQ(database_->snapshot("snapshots/whole", true).error().code, Code::kConflict);
    // The store goes on as if nothing had been.
    append({ref(kA)}, {kHour * 17 + 1}, {3});
    ASSERT_TRUE(remove("b", {}).ok());
    EXPECT_EQ(hours(), "a10 a11 a12 a13 a14 a15 a16 a17 a17");

    options_.path = "snapshots/whole";
    open();
    EXPECT_EQ(hours(), all);
    append({ref(kA)}, {kHour * 17 + 1}, {3});
    EXPECT_EQ(hours(), "a10 a11 a12 a13 a14 a15 a16 a17 a17 b10 b11 b12 b13 b14 b15 b16 b17");
    options_.path = "snapshots/blocks";
    open();
    EXPECT_EQ(hours(), "a10 a11 a12 a13 a14 a15 b10 b11 b12 b13 b14 b15");
}

}  // namespace
}  // namespace kw::tsdb
