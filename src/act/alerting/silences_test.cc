// Silences: their life, what may be changed, and that what counts is stored first.
#include "alerting/silences.h"

#include <gtest/gtest.h>

namespace kw::alerting {
namespace {

constexpr int64_t kHourMs = 3'600'000;
constexpr Millis kStart{1'772'798'400'000};

class MemoryStore final : public SilenceStore {
 public:
    Result<std::vector<Silence>> load() override {
        std::vector<Silence> all;
        for (const auto& [id, silence] : stored) all.push_back(silence);
        return all;
    }
    Result<void> put(const std::vector<Silence>& silences, const std::string&) override {
        if (fails) return unavailable("disk");
        for (const Silence& silence : silences) stored[silence.id] = silence;
        return {};
    }
    Result<void> remove(const std::vector<std::string>& ids) override {
        for (const std::string& id : ids) stored.erase(id);
        return {};
    }
    std::map<std::string, Silence> stored;
    bool fails = false;
};

Silence silence(std::string_view matchers, Millis starts_at, Millis ends_at) {
    Silence made;
    made.matchers = parse_matchers(matchers).value().matchers;
    made.starts_at = starts_at;
    made.ends_at = ends_at;
    made.created_by = "anna";
    return made;
}

class SilencesTest : public testing::Test {
 protected:
    FakeClock clock_{kStart};
    MemoryStore store_;
    Silences silences_{clock_, &store_, {}};
    const LabelSet alert_{{"alertname", "A"}, {"team", "db"}};
};

TEST_F(SilencesTest, IsPendingThenActiveThenExpired) {
    const std::string id =
        silences_.set(silence("team=db", kStart + kHourMs, kStart + 2 * kHourMs), "anna").value();
    EXPECT_EQ(id.size(), 36U);
    EXPECT_EQ(silences_.silenced_by(alert_), std::vector<std::string>{});
    clock_.advance(kHourMs);
    EXPECT_EQ(silences_.silenced_by(alert_), std::vector<std::string>{id});
    EXPECT_TRUE(silences_.silenced_by({{"team", "web"}}).empty());
    clock_.advance(kHourMs);
    EXPECT_TRUE(silences_.silenced_by(alert_).empty());
    EXPECT_EQ(silences_.find(id)->state_at(clock_.now()), SilenceState::kExpired);
    clock_.advance(119 * kHourMs);
    ASSERT_TRUE(silences_.collect_garbage().ok());
    EXPECT_TRUE(silences_.find(id).has_value());
    clock_.advance(kHourMs);
    ASSERT_TRUE(silences_.collect_garbage().ok());
    EXPECT_FALSE(silences_.find(id).has_value());
    EXPECT_TRUE(store_.stored.empty());
}

TEST_F(SilencesTest, ChangeThatRewritesThePastMakesANewOne) {
    const Silence first = silence("team=db", kStart, kStart + kHourMs);
    const std::string id = silences_.set(first, "anna").value();
    clock_.advance(60'000);

    Silence longer = first;
    longer.id = id;
    longer.ends_at = kStart + 5 * kHourMs;
    EXPECT_EQ(silences_.set(longer, "anna").value(), id);
    EXPECT_EQ(silences_.find(id)->ends_at, kStart + 5 * kHourMs);

    Silence other = longer;
    other.matchers = parse_matchers("team=web").value().matchers;
    const std::string second = silences_.set(other, "anna").value();
    EXPECT_NE(second, id);
    EXPECT_EQ(silences_.find(id)->state_at(clock_.now()), SilenceState::kExpired);
    EXPECT_TRUE(silences_.silenced_by(alert_).empty());

    // An expired one is made anew as well.
    EXPECT_NE(silences_.set(longer, "anna").value(), id);
    EXPECT_EQ(silences_.list().size(), 3U);
    EXPECT_EQ(silences_.list().back().id, id);
}

TEST_F(SilencesTest, ExpiresByHandOnce) {
    const std::string id = silences_.set(silence("a=b", kStart, kStart + kHourMs), "anna").value();
    EXPECT_TRUE(silences_.expire(id, "anna").ok());
    EXPECT_EQ(silences_.expire(id, "anna").error().code, Code::kConflict);
    EXPECT_EQ(silences_.expire("none", "anna").error().code, Code::kNotFound);
}

TEST_F(SilencesTest, RefusesWhatSilencesNothingOrAll) {
    struct Row {
        const char* what;
        Silence silence;
        Code want;
    };
    Silence unknown = silence("a=b", kStart, kStart + kHourMs);
    unknown.id = "none";
    Silence large = silence("a=b", kStart, kStart + kHourMs);
    large.comment.assign(65 << 10, 'x');
    const Row rows[] = {
        {"no matcher", silence("", kStart, kStart + kHourMs), Code::kInvalid},
        {"matches alerts without the label", silence("a=~.*", kStart, kStart + kHourMs),
         Code::kInvalid},
        {"ends before it starts", silence("a=b", kStart + kHourMs, kStart), Code::kInvalid},
        {"ends in the past", silence("a=b", kStart - 2 * kHourMs, kStart - kHourMs),
         Code::kInvalid},
        {"an id that is not there", unknown, Code::kNotFound},
        {"too large", large, Code::kExhausted},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.what);
        const Result<std::string> got = silences_.set(row.silence, "anna");
        ASSERT_FALSE(got.ok());
        EXPECT_EQ(got.error().code, row.want);
    }
}

TEST_F(SilencesTest, CountsOnlyWhenItIsStored) {
    store_.fails = true;
    EXPECT_FALSE(silences_.set(silence("team=db", kStart, kStart + kHourMs), "anna").ok());
    EXPECT_TRUE(silences_.list().empty());
    store_.fails = false;
    const std::string id =
        silences_.set(silence("team=db", kStart, kStart + kHourMs), "anna").value();
    Silences restarted(clock_, &store_, {});
    ASSERT_TRUE(restarted.load().ok());
    EXPECT_EQ(restarted.list(), silences_.list());
    EXPECT_EQ(restarted.silenced_by(alert_), std::vector<std::string>{id});
}

TEST_F(SilencesTest, AreBounded) {
    Silences few(clock_, nullptr, {.silences_max = 1});
    EXPECT_TRUE(few.set(silence("a=b", kStart, kStart + kHourMs), "anna").ok());
    EXPECT_EQ(few.set(silence("a=c", kStart, kStart + kHourMs), "anna").error().code,
              Code::kExhausted);
}

}  // namespace
}  // namespace kw::alerting
