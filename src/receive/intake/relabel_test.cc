#include "intake/relabel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kw::intake {
namespace {

using enum RelabelAction;

Result<LabelSet> applied(RelabelConfig config, const LabelSet& labels,
                         NameScheme scheme = NameScheme::kUtf8) {
    KW_TRY_ASSIGN(const RelabelRule rule, RelabelRule::make(std::move(config), scheme));
    LabelBuilder builder(labels);
    if (!relabel({&rule, 1}, builder)) return not_found("dropped");
    return builder.build();
}

TEST(Relabel, AppliesEveryAction) {
    const LabelSet base{{"a", "foo"}, {"b", "bar"}, {"c", "Baz"}, {"__meta_x_app", "web"}};
    struct Row {
        const char* name;
        RelabelConfig config;
        std::optional<std::vector<LabelView>>
            want;  // the labels that differ from base; nullopt: dropped
    };
    const Row rows[] = {
        {"copies", {.source_labels = {"a"}, .target_label = "t"}, {{{"t", "foo"}}}},
        {"joins",
         {.source_labels = {"a", "b"}, .separator = "-", .target_label = "t"},
         {{{"t", "foo-bar"}}}},
        {"an absent source joins as nothing",
         {.source_labels = {"a", "zz"}, .target_label = "t"},
         {{{"t", "foo;"}}}},
        {"groups",
         {.source_labels = {"a"}, .regex = "f(.*)", .target_label = "t", .replacement = "<$1>$$"},
         {{{"t", "<oo>$"}}}},
        {"no match changes nothing",
         {.source_labels = {"a"}, .regex = "o+", .target_label = "b"},
         {{}}},
        {"an empty result removes", {.source_labels = {"zz"}, .target_label = "a"}, {{{"a", ""}}}},
        {"a constant", {.target_label = "t", .replacement = "x"}, {{{"t", "x"}}}},
        {"an empty constant removes", {.target_label = "a", .replacement = ""}, {{{"a", ""}}}},
        {"a name from the match",
         {.source_labels = {"b"}, .target_label = "t_${1}", .replacement = "v"},
         {{{"t_bar", "v"}}}},
        {"an empty name is left alone",
         {.source_labels = {"zz"}, .target_label = "$1", .replacement = "v"},
         {{}}},
        {"keep", {.source_labels = {"a"}, .regex = "foo|x", .action = kKeep}, {{}}},
        {"keep is anchored", {.source_labels = {"a"}, .regex = "fo", .action = kKeep}, {}},
        {"drop", {.source_labels = {"a"}, .regex = "f.*", .action = kDrop}, {}},
        {"drop no match", {.source_labels = {"a"}, .regex = "g.*", .action = kDrop}, {{}}},
        {"keepequal", {.source_labels = {"a"}, .target_label = "a", .action = kKeepEqual}, {{}}},
        {"keepequal other",
         {.source_labels = {"a"}, .target_label = "b", .action = kKeepEqual},
         {}},
        {"dropequal", {.source_labels = {"a"}, .target_label = "a", .action = kDropEqual}, {}},
        {"dropequal of two absent",
         {.source_labels = {"y"}, .target_label = "z", .action = kDropEqual},
         {}},
        // md5("foo") = acbd18db4cc2f85c edef654fccc4a4d8; 0xedef654fccc4a4d8 % 1000 = 696
        {"hashmod",
         {.source_labels = {"a"}, .modulus = 1000, .target_label = "t", .action = kHashMod},
         {{{"t", "696"}}}},
        {"labelmap", {.regex = "__meta_x_(.+)", .action = kLabelMap}, {{{"app", "web"}}}},
        {"labelmap to one name: the last by name wins",
         {.regex = "(a|b)", .replacement = "c", .action = kLabelMap},
         {{{"c", "bar"}}}},
        {"labeldrop", {.regex = "a|b", .action = kLabelDrop}, {{{"a", ""}, {"b", ""}}}},
        {"labelkeep", {.regex = "a|b", .action = kLabelKeep}, {{{"c", ""}, {"__meta_x_app", ""}}}},
        {"lowercase",
         {.source_labels = {"c"}, .target_label = "t", .action = kLowercase},
         {{{"t", "baz"}}}},
        {"uppercase",
         {.source_labels = {"c"}, .target_label = "t", .action = kUppercase},
         {{{"t", "BAZ"}}}},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.name);
        const Result<LabelSet> got = applied(row.config, base);
        if (!row.want) {
            ASSERT_FALSE(got.ok());
            EXPECT_EQ(got.error().message, "dropped");
            continue;
        }
        ASSERT_TRUE(got.ok()) << got.error().message;
        LabelBuilder want(base);
        for (const LabelView& label : *row.want) want.set(label.name, label.value);
        EXPECT_EQ(got->to_string(), want.build().to_string());
    }
}

TEST(Relabel, ChangesCaseRuneByRune) {
    struct Row {
        const char* text;
        const char* upper;
        const char* lower;
    };
    const Row rows[] = {
        {"aB1_", "AB1_", "ab1_"},
        {"straße", "STRAßE", "straße"},  // simple mapping: one rune for one
        {"ſ ı", "S I", "ſ ı"},
        {"İÄ", "İÄ", "iä"},
        {"жД", "ЖД", "жд"},
        {"𐐀𐐨", "𐐀𐐀", "𐐨𐐨"},
        {"日本", "日本", "日本"},
        {"a\xff"
         "b",
         "A\uFFFDB", "a\uFFFDb"},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.text);
        const LabelSet base{{"s", row.text}};
        const auto upper =
            applied({.source_labels = {"s"}, .target_label = "t", .action = kUppercase}, base);
        const auto lower =
            applied({.source_labels = {"s"}, .target_label = "t", .action = kLowercase}, base);
        ASSERT_TRUE(upper.ok() && lower.ok());
        EXPECT_EQ(upper->get("t"), row.upper);
        EXPECT_EQ(lower->get("t"), row.lower);
    }
}

TEST(Relabel, RefusesWhatCannotWork) {
    using enum NameScheme;
    struct Row {
        const char* name;
        RelabelConfig config;
        NameScheme scheme;
        const char* want;  // part of the message; nullptr: accepted
    };
    const Row rows[] = {
        {"hashmod without modulus",
         {.source_labels = {"a"}, .target_label = "t", .action = kHashMod},
         kUtf8,
         "needs a modulus"},
        {"replace without target", {.source_labels = {"a"}}, kUtf8, "needs a target_label"},
        {"lowercase without target",
         {.source_labels = {"a"}, .action = kLowercase},
         kUtf8,
         "needs a target_label"},
        {"a UTF-8 target", {.target_label = "a.b", .replacement = "x"}, kUtf8, nullptr},
        {"a UTF-8 target, legacy",
         {.target_label = "a.b", .replacement = "x"},
         kLegacy,
         "is not a label name"},
        {"a target of broken UTF-8",
         {.target_label = "a\xff", .replacement = "x"},
         kUtf8,
         "is not a label name"},
        {"a template, legacy", {.target_label = "a_${1}_$b", .replacement = "x"}, kLegacy, nullptr},
        {"a template of a bad name, legacy",
         {.target_label = "0${1}", .replacement = "x"},
         kLegacy,
         "is not a label name"},
        {"an open brace, legacy",
         {.target_label = "a${1", .replacement = "x"},
         kLegacy,
         "is not a label name"},
        {"labelmap to no name, legacy",
         {.regex = "x", .replacement = "-foo-", .action = kLabelMap},
         kLegacy,
         "is not a label name"},
        {"labelmap to nothing",
         {.regex = "x", .replacement = "", .action = kLabelMap},
         kUtf8,
         "is not a label name"},
        {"uppercase with replacement",
         {.source_labels = {"a"}, .target_label = "t", .replacement = "x", .action = kUppercase},
         kUtf8,
         "no use for replacement"},
        {"dropequal with regex",
         {.source_labels = {"a"}, .regex = "x", .target_label = "t", .action = kDropEqual},
         kUtf8,
         "no use for regex"},
        {"keepequal with separator",
         {.source_labels = {"a"}, .separator = ",", .target_label = "t", .action = kKeepEqual},
         kUtf8,
         "no use for separator"},
        {"labeldrop with source",
         {.source_labels = {"a"}, .regex = "x", .action = kLabelDrop},
         kUtf8,
         "no use for source_labels"},
        {"labelkeep with modulus",
         {.regex = "x", .modulus = 3, .action = kLabelKeep},
         kUtf8,
         "no use for modulus"},
        {"labelkeep with target",
         {.regex = "x", .target_label = "t", .action = kLabelKeep},
         kUtf8,
         "no use for target_label"},
        {"a bad regex",
         {.source_labels = {"a"}, .regex = "(", .target_label = "t"},
         kUtf8,
         "regular expression"},
        {"an empty source label",
         {.source_labels = {""}, .target_label = "t"},
         kUtf8,
         "is not a label name"},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.name);
        const Result<RelabelRule> rule = RelabelRule::make(row.config, row.scheme);
        if (row.want == nullptr) {
            EXPECT_TRUE(rule.ok()) << rule.error().message;
        } else {
            ASSERT_FALSE(rule.ok());
            EXPECT_THAT(rule.error().message, testing::HasSubstr(row.want));
        }
    }
}

TEST(Relabel, ActionsHaveTheirNames) {
    EXPECT_EQ(parse_relabel_action("HashMod"), kHashMod);
    EXPECT_EQ(parse_relabel_action("hash"), std::nullopt);
    EXPECT_EQ(relabel_action_text(kLabelKeep), "labelkeep");
}

TEST(Relabel, RulesApplyInOrderUntilOneDrops) {
    std::vector<RelabelRule> rules;
    for (RelabelConfig config :
         {RelabelConfig{.source_labels = {"a"}, .target_label = "b"},
          RelabelConfig{.source_labels = {"b"}, .regex = "1", .action = kKeep}}) {
        rules.push_back(RelabelRule::make(std::move(config)).value());
    }
    LabelBuilder kept(LabelSet{{"a", "1"}});
    EXPECT_TRUE(relabel(rules, kept));
    EXPECT_EQ(kept.get("b"), "1");
    LabelBuilder dropped(LabelSet{{"a", "2"}});
    EXPECT_FALSE(relabel(rules, dropped));
}

}  // namespace
}  // namespace kw::intake
