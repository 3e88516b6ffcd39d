#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "forecast/model_store.h"
#include "forecast/trainer.h"

namespace energy {
namespace {

constexpr Slot kStart = 981'984;  // 2026-01-05T00:00:00Z, a Monday

History history_of(const World& world, size_t zone, Slot first, Slot count) {
    History history;
    history.zone = zone;
    history.first = first;
    for (Slot slot = first; slot < first + count; ++slot) {
        history.load_mw.push_back(static_cast<float>(world.demand_mw(zone, slot)));
        history.temperature_c.push_back(static_cast<float>(world.temperature_c(zone, slot)));
    }
    history.scale_mw = load_scale(history.load_mw);
    return history;
}

float value_of(const FeatureRow& row, std::string_view name) {
    for (size_t i = 0; i < kFeatureCount; ++i)
        if (kFeatureNames[i] == name) return row[i];
    ADD_FAILURE() << "no feature " << name;
    return 0;
}

TEST(Features, LookAtNothingThatIsNotKnownAtIssueTime) {
    const World world(1);
    const Slot issued = kStart + 800;
    const History known = history_of(world, 2, kStart, 1000);
    History other = known;
    for (Slot slot = issued - kKnownDelay + 1; slot < kStart + 1000; ++slot)
        other.load_mw[static_cast<size_t>(slot - kStart)] = 1e9F;
    for (Slot slot = issued; slot < kStart + 1000; ++slot)
        other.temperature_c[static_cast<size_t>(slot - kStart)] = 1e9F;
    for (int step = 1; step <= kSteps; ++step) {
        const FeatureRow a = feature_row(known, issued, step, 20),
                         b = feature_row(other, issued, step, 20);
        EXPECT_EQ(a, b) << "step " << step;
    }
    // And they do look at the last known one.
    other.load_mw[static_cast<size_t>(issued - kKnownDelay - kStart)] = 1e9F;
    EXPECT_NE(feature_row(known, issued, 1, 20), feature_row(other, issued, 1, 20));
}

TEST(Features, LagsAreWholeDaysAndWeeksBeforeTheTarget) {
    History history;
    history.zone = 0;
    history.first = kStart;
    for (int i = 0; i < 1000; ++i) {
        history.load_mw.push_back(static_cast<float>(i));
        history.temperature_c.push_back(static_cast<float>(i % 7));
    }
    const Slot issued = kStart + 800;
    struct Row {
        int step;
        float want_same_time;
    };
    const Row rows[] = {{1, 753}, {43, 795}, {44, 748}, {48, 752}};  // known up to 795
    for (const Row& row : rows) {
        const FeatureRow features = feature_row(history, issued, row.step, 25);
        EXPECT_EQ(value_of(features, "load_same_time"), row.want_same_time) << row.step;
        EXPECT_EQ(value_of(features, "load_last_week"), static_cast<float>(800 + row.step - 336))
            << row.step;
        EXPECT_EQ(value_of(features, "load_latest"), 795);
        EXPECT_EQ(value_of(features, "cooling_degrees"), 3);
    }
    history.load_mw[795] = std::nanf("");
    EXPECT_EQ(value_of(feature_row(history, issued, 1, 25), "load_latest"), 794);
    EXPECT_TRUE(std::isnan(value_of(feature_row(history, kStart + 5, 1, 25), "load_last_week")));
}

// One training for all tests below: some two seconds.
struct Trained {
    World world{1};
    std::vector<History> histories;
    std::optional<Model> model;
    Trained() {
        for (size_t zone = 0; zone < zones().size(); ++zone)
            histories.push_back(history_of(world, zone, kStart, 9 * kSlotsPerWeek));
        const TrainingOptions options;
        kw::Result<Model> result = train(histories, weather(), options, [](int) { return true; });
        if (!result.ok()) throw std::runtime_error(result.error().message);
        model.emplace(std::move(result).value());
    }
    WeatherForecast weather() const {
        return [this](size_t zone, Slot issued, Slot target) {
            return static_cast<float>(world.forecast_temperature_c(zone, issued / 12 * 12, target));
        };
    }
};
const Trained& trained() {
    // Never destroyed: XGBoost's own statics are gone before ours, and freeing a booster then crashes.
    static const Trained& shared = *new Trained;
    return shared;
}

TEST(Model, BeatsSeasonalNaiveOnWeeksThatItHasNotSeen) {
    const Trained& t = trained();
    // Its own held-out week, and two weeks after the end of all training data.
    EXPECT_GT(t.model->metadata.accuracy_percent, t.model->metadata.naive_accuracy_percent + 1);
    EXPECT_GT(t.model->metadata.accuracy_percent, 95);
    double model_error = 0, naive_error = 0;
    int inside = 0, count = 0;
    for (size_t zone = 0; zone < zones().size(); ++zone) {
        const Slot end = kStart + 9 * kSlotsPerWeek;
        History all = history_of(t.world, zone, kStart, 11 * kSlotsPerWeek);
        all.scale_mw = t.model->metadata.scales_mw[zone];
        for (Slot issued = end; issued + kSteps < end + 2 * kSlotsPerWeek; issued += 43) {
            std::vector<float> temperatures;
            for (int step = 1; step <= kSteps; ++step)
                temperatures.push_back(t.weather()(zone, issued, issued + step));
            std::vector<FeatureRow> rows;
            const auto points = forecast(*t.model, all, issued, temperatures, rows);
            ASSERT_TRUE(points.ok()) << points.error().message;
            ASSERT_EQ(points->size(), static_cast<size_t>(kSteps));
            for (const ForecastPoint& point : *points) {
                const double actual = t.world.demand_mw(zone, point.slot);
                model_error += std::abs(point.mean_mw - actual) / actual;
                naive_error +=
                    std::abs(t.world.demand_mw(zone, point.slot - kSlotsPerWeek) - actual) / actual;
                EXPECT_LE(point.low_mw, point.high_mw);
                inside += point.low_mw <= actual && actual <= point.high_mw ? 1 : 0;
                ++count;
            }
        }
    }
    RecordProperty("model_error_percent", std::to_string(100 * model_error / count));
    RecordProperty("naive_error_percent", std::to_string(100 * naive_error / count));
    EXPECT_LT(model_error, 0.8 * naive_error)
        << 100 * model_error / count << " against " << 100 * naive_error / count;
    EXPECT_GT(
        inside,
        count * 0.6);  // between the quantiles 0.1 and 0.9 lie 80 % of the week they were fitted on
    EXPECT_LT(inside, count * 0.95);
}

TEST(Model, ShuffledTargetsLearnNothing) {
    TrainingOptions options;
    options.booster.rounds = 10;
    options.booster.learning_rate = 0.5;
    options.issue_every = 61;
    options.shuffle_targets = true;
    const auto bad =
        train(trained().histories, trained().weather(), options, [](int) { return true; });
    ASSERT_TRUE(bad.ok()) << bad.error().message;
    EXPECT_LT(bad->metadata.accuracy_percent, trained().model->metadata.accuracy_percent - 5);
    EXPECT_TRUE(bad->metadata.shuffled);
}

TEST(Model, SaysWhatMatters) {
    double sum = 0;
    for (const auto& [name, share] : trained().model->metadata.importance) sum += share;
    EXPECT_NEAR(sum, 1, 1e-6);
    EXPECT_EQ(trained().model->metadata.importance.size(), kFeatureCount);
    EXPECT_GT(trained().model->metadata.importance.at("temperature_week_change"), 0.1);
}

TEST(Training, StopsWhenAskedAndRefusesAShortPast) {
    int rounds = 0;
    const auto stopped =
        train(trained().histories, trained().weather(), {}, [&](int) { return ++rounds < 2; });
    ASSERT_FALSE(stopped.ok());
    EXPECT_EQ(stopped.error().code, kw::Code::kCancelled);
    const History brief = history_of(trained().world, 0, kStart, 2 * kSlotsPerWeek);
    EXPECT_EQ(
        train(std::span(&brief, 1), trained().weather(), {}, [](int) { return true; }).error().code,
        kw::Code::kInvalid);
}

TEST(Drift, SeesAShiftAndNothingElse) {
    std::vector<float> reference, same, shifted;
    for (uint64_t i = 0; i < 2000; ++i) {
        reference.push_back(static_cast<float>(unit_interval(mix(1, i))));
        same.push_back(static_cast<float>(unit_interval(mix(2, i))));
        shifted.push_back(static_cast<float>(unit_interval(mix(3, i)) + 0.5));
    }
    const DriftReference drift = drift_reference(reference);
    EXPECT_EQ(drift.edges.size(), kDriftBins - 1);
    EXPECT_LT(population_stability(drift, same), 0.05);
    EXPECT_GT(population_stability(drift, shifted), 0.5);
    EXPECT_EQ(population_stability(drift, {}), 0);
    const DriftReference constant = drift_reference(std::vector<float>(100, 3.0F));
    EXPECT_TRUE(constant.edges.empty());
    EXPECT_EQ(population_stability(constant, same), 0);
}

class Store : public testing::Test {
 protected:
    void SetUp() override {
        folder_ = testing::TempDir() + "energy-models-" + std::to_string(getpid());
        std::filesystem::remove_all(folder_);
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }
    ModelStore open() {
        kw::Result<ModelStore> store = ModelStore::open(folder_);
        if (!store.ok()) throw std::runtime_error(store.error().message);
        return std::move(store).value();
    }
    std::string folder_;
};

TEST_F(Store, KeepsPromotesAndRollsBackAcrossRestarts) {
    {
        ModelStore store = open();
        EXPECT_EQ(store.promoted(), "");
        EXPECT_EQ(store.roll_back().error().code, kw::Code::kConflict);
        for (const char* want : {"v0001", "v0002"}) {
            const auto kept = store.add(*trained().model);
            ASSERT_TRUE(kept.ok()) << kept.error().message;
            EXPECT_EQ(kept->metadata.version, want);
            EXPECT_GT(kept->size_bytes, 1000U);
            ASSERT_TRUE(store.promote(want).ok());
        }
        EXPECT_EQ(store.promote("v0009").error().code, kw::Code::kNotFound);
        EXPECT_EQ(store.promote("../v0001").error().code, kw::Code::kNotFound);
    }
    ModelStore store = open();
    EXPECT_EQ(store.promoted(), "v0002");
    const auto back = store.roll_back();
    ASSERT_TRUE(back.ok());
    EXPECT_EQ(*back, "v0001");
    EXPECT_EQ(open().promoted(), "v0001");
}

TEST_F(Store, LoadsWhatItKept) {
    ModelStore store = open();
    ASSERT_TRUE(store.add(*trained().model).ok());
    const auto model = store.load("v0001");
    ASSERT_TRUE(model.ok()) << model.error().message;
    const std::vector<FeatureRow> rows{feature_row(trained().histories[0], kStart + 900, 5, 18)};
    EXPECT_EQ(*model->booster.predict(rows), *trained().model->booster.predict(rows));
    EXPECT_EQ(model->metadata.data_version, trained().model->metadata.data_version);
    EXPECT_EQ(model->metadata.drift[6].edges, trained().model->metadata.drift[6].edges);
    EXPECT_EQ(model->metadata.bands[7].high, trained().model->metadata.bands[7].high);
}

TEST_F(Store, SaysWhatIsBroken) {
    ModelStore store = open();
    ASSERT_TRUE(store.add(*trained().model).ok());
    std::filesystem::resize_file(folder_ + "/v0001/model.ubj", 100);
    EXPECT_EQ(store.load("v0001").error().code, kw::Code::kCorrupt);
    std::filesystem::resize_file(folder_ + "/v0001/metadata.json", 50);
    EXPECT_EQ(store.load("v0001").error().code, kw::Code::kCorrupt);
    EXPECT_EQ(store.load("v0002").error().code, kw::Code::kNotFound);
}

TEST_F(Store, ForgetsOldVersionsButNotThePromoted) {
    ModelStore store = open();
    ASSERT_TRUE(store.add(*trained().model).ok());
    ASSERT_TRUE(store.promote("v0001").ok());
    for (size_t i = 0; i < kVersionsKept + 2; ++i) ASSERT_TRUE(store.add(*trained().model).ok());
    EXPECT_THAT(store.versions(), testing::Contains("v0001"));
    EXPECT_THAT(store.versions(), testing::Not(testing::Contains("v0002")));
    EXPECT_LE(store.versions().size(), kVersionsKept + 2);
}

}  // namespace
}  // namespace energy
