#include "tsdb/postings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <roaring/roaring.hh>

#include "model/matcher.h"
#include "tsdb/block_testing.h"

namespace kw::tsdb {
namespace {

using testing::Model;

Model labels_only(const std::vector<LabelSet>& sets) {
    Model model;
    for (const LabelSet& labels : sets) model[labels][1] = {};
    return model;
}

Matcher matcher(MatchOp op, std::string name, std::string value) {
    return Matcher::make(op, std::move(name), std::move(value)).value();
}

// The obvious answer: every series asked one by one.
std::vector<uint32_t> expected(const Model& model, const std::vector<Matcher>& matchers) {
    std::vector<uint32_t> ids;
    uint32_t id = 0;
    for (const auto& [labels, series] : model) {
        if (matches_all(matchers, labels)) ids.push_back(id);
        ++id;
    }
    return ids;
}

std::vector<uint32_t> evaluated(const PostingsSource& source,
                                const std::vector<Matcher>& matchers) {
    const CancelToken cancel;
    const Result<Roaring> ids = evaluate(source, matchers, cancel);
    EXPECT_TRUE(ids.ok()) << ids.error().message;
    if (!ids.ok()) return {};
    std::vector<uint32_t> list(ids->cardinality());
    ids->toUint32Array(list.data());
    return list;
}

class Postings : public ::testing::Test {
 protected:
    void SetUp() override {
        std::vector<LabelSet> sets;
        for (int i = 0; i < 400; ++i) {
            LabelBuilder labels;
            labels.set("__name__", i % 2 == 0 ? "up" : "node_cpu_seconds_total");
            labels.set("instance", fmt::format("host{}:9100", i % 37));
            if (i % 3 != 0) labels.set("mode", i % 5 == 0 ? "idle" : fmt::format("m{}", i % 7));
            labels.set("n", fmt::format("{}", i));
            sets.push_back(labels.build());
        }
        model_ = labels_only(sets);
        ASSERT_TRUE(files_.create_directories("blocks").ok());
        block_ = testing::write_model(files_, "blocks", 1, model_);
        ASSERT_NE(block_, nullptr);
    }

    fs::MemoryFileSystem files_;
    Model model_;
    std::shared_ptr<const BlockReader> block_;
};

TEST_F(Postings, EvaluateMatchersAsOneByOne) {
    using enum MatchOp;
    const std::vector<Matcher> rows[] = {
        {},
        {matcher(kEqual, "__name__", "up")},
        {matcher(kEqual, "__name__", "absent")},
        {matcher(kEqual, "absent", "x")},
        {matcher(kEqual, "absent", "")},
        {matcher(kEqual, "mode", "")},
        {matcher(kNotEqual, "mode", "")},
        {matcher(kNotEqual, "mode", "idle")},
        {matcher(kRegex, "mode", "idle|m1")},
        {matcher(kRegex, "mode", "idle|")},
        {matcher(kNotRegex, "mode", "idle|m1")},
        {matcher(kNotRegex, "mode", "idle|")},
        {matcher(kRegex, "mode", "m.*")},
        {matcher(kRegex, "mode", ".*")},
        {matcher(kRegex, "mode", ".+")},
        {matcher(kNotRegex, "mode", ".+")},
        {matcher(kNotRegex, "mode", ".*")},
        {matcher(kRegex, "mode", "")},
        {matcher(kRegex, "instance", "host1.*"), matcher(kEqual, "__name__", "up")},
        {matcher(kNotRegex, "instance", "host1.*"), matcher(kNotEqual, "mode", "idle"),
         matcher(kRegex, "__name__", "node_.*|up")},
        {matcher(kRegex, "n", "[0-9]"), matcher(kRegex, "n", "3|4")},
        {matcher(kEqual, "__name__", "up"), matcher(kEqual, "instance", "host2:9100"),
         matcher(kRegex, "n", ".*2")},
    };
    for (const auto& matchers : rows) {
        std::string text;
        for (const Matcher& one : matchers) text += one.to_string() + " ";
        SCOPED_TRACE(text);
        EXPECT_EQ(evaluated(*block_, matchers), expected(model_, matchers));
    }
}

TEST_F(Postings, EvaluateRandomMatchersAsOneByOne) {
    std::mt19937_64 random(1);
    const char* names[] = {"__name__", "instance", "mode", "n", "absent"};
    const char* values[] = {
        "up", "host1:9100", "host1.*", "idle",       "m[1-3]",        "", ".*", ".+",
        "12", "1.*2?",      "m1|m2|",  "node_.+|up", "host(2|3):9100"};
    for (int round = 0; round < 500; ++round) {
        std::vector<Matcher> matchers;
        std::string text;
        for (uint64_t count = 1 + random() % 4; count > 0; --count) {
            matchers.push_back(matcher(static_cast<MatchOp>(random() % 4), names[random() % 5],
                                       values[random() % std::size(values)]));
            text += matchers.back().to_string() + " ";
        }
        SCOPED_TRACE(text);
        EXPECT_EQ(evaluated(*block_, matchers), expected(model_, matchers));
    }
}

TEST_F(Postings, AreCancelled) {
    CancelToken cancel;
    cancel.cancel();
    const Result<Roaring> ids = evaluate(*block_, {matcher(MatchOp::kRegex, "n", ".+")}, cancel);
    ASSERT_FALSE(ids.ok());
    EXPECT_EQ(ids.error().code, Code::kCancelled);
}

TEST_F(Postings, NamesAndValuesAreSorted) {
    std::vector<std::string> names, values;
    block_->visit_names([&](std::string_view name) { names.emplace_back(name); });
    EXPECT_THAT(names, ::testing::ElementsAre("__name__", "instance", "mode", "n"));
    ASSERT_TRUE(block_
                    ->visit_values("mode", "m",
                                   [&](std::string_view value) {
                                       values.emplace_back(value);
                                       return values.size() < 4;
                                   })
                    .ok());
    EXPECT_THAT(values, ::testing::ElementsAre("m0", "m1", "m2", "m3"));
    EXPECT_EQ(block_->pair_count("__name__", "up"), 200u);
    EXPECT_EQ(block_->pair_count("__name__", "down"), 0u);
}

}  // namespace
}  // namespace kw::tsdb
