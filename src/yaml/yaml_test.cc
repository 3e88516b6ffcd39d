#include "yaml/yaml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kw {
namespace {

using testing::HasSubstr;

// One line a document: maps in braces, lists in brackets, quoted scalars in quotes.
std::string text_of(const YamlNode& node) {
    switch (node.kind) {
        case YamlNode::Kind::kNull: return "null";
        case YamlNode::Kind::kScalar: return node.is_plain ? node.text : '"' + node.text + '"';
        case YamlNode::Kind::kList: {
            std::string out = "[";
            for (const YamlNode& item : node.items)
                out += (out.size() > 1 ? "," : "") + text_of(item);
            return out + "]";
        }
        case YamlNode::Kind::kMap: {
            std::string out = "{";
            for (size_t i = 0; i < node.keys.size(); ++i) {
                out += (i > 0 ? "," : "") + node.keys[i].text + ":" + text_of(node.items[i]);
            }
            return out + "}";
        }
    }
    return {};
}

TEST(Yaml, ReadsWhatConfigurationsUse) {
    struct Row {
        const char* text;
        const char* want;
    };
    const Row rows[] = {
        {"", "null"},
        {"# nothing\n", "null"},
        {"a: 1\nb: '1'\nc: \"x\\ny\"\n", "{a:1,b:\"1\",c:\"x\ny\"}"},
        {"a:\nb: ~\nc: null\nd: ''\n", "{a:null,b:null,c:null,d:\"\"}"},
        {"- a\n- - b\n  - c\n- {d: [e, f]}\n", "[a,[b,c],{d:[e,f]}]"},
        {"{\"a\": [1, \"2\"], \"b\": {}}", "{a:[1,\"2\"],b:{}}"},
        {"a: |\n  one\n  two\nb: >-\n  one\n  two\n", "{a:\"one\ntwo\n\",b:\"one two\"}"},
        {"a: !!binary aGk=\nb: !!str 5\nc: !!int 5\n", "{a:\"hi\",b:\"5\",c:5}"},
        {"base: &b {x: 1, y: 2}\nuse: *b\n", "{base:{x:1,y:2},use:{x:1,y:2}}"},
        {"b: &b {x: 1, y: 2}\nu:\n  <<: *b\n  y: 3\n", "{b:{x:1,y:2},u:{x:1,y:3}}"},
        {"b: &b {x: 1}\nc: &c {x: 2, z: 3}\nu:\n  <<: [*b, *c]\n",
         "{b:{x:1},c:{x:2,z:3},u:{x:1,z:3}}"},
        {"測試: é\n", "{測試:é}"},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.text);
        const Result<YamlDocument> got = parse_yaml(row.text, "f.yml");
        ASSERT_TRUE(got.ok()) << got.error().message;
        EXPECT_EQ(text_of(got->root), row.want);
        EXPECT_FALSE(got->has_more_documents);
    }
}

TEST(Yaml, RefusesWithThePosition) {
    struct Row {
        std::string text;
        const char* want;
    };
    const Row rows[] = {
        {"a: 1\nb:\n  c: 1\n  c: 2\n", "f.yml:4:3: key c is there twice, first at line 3"},
        {"a: [1, 2\n", "f.yml:2:1: "},
        {"a: *b\n", "f.yml:1:4: the referenced anchor is not defined"},
        {"a: &a [*a]\n", "f.yml:1:8: "},
        {"? [a]\n: b\n", "f.yml:1:3: a key must be a scalar"},
        {"a:\n\t- b\n", "f.yml:2:"},
        {"a: !!binary '%'\n", "not base64"},
        {"a:\n  <<: 5\n", "<< wants a map"},
        {"a: \xff\n", "f.yml: not UTF-8"},
        {std::string("a: \0b\n", 6), "f.yml: not UTF-8"},
        {std::string(2000, '['), "nested more than 64 deep"},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.text);
        const Result<YamlDocument> got = parse_yaml(row.text, "f.yml");
        ASSERT_FALSE(got.ok()) << text_of(got->root);
        EXPECT_THAT(got.error().message, HasSubstr(row.want));
    }
}

TEST(Yaml, BoundsAliasBombsBeforeBuildingThem) {
    std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n";
    for (int i = 1; i < 12; ++i) {
        bomb += fmt::format("a{}: &a{} [", i, i);
        for (int k = 0; k < 9; ++k) bomb += fmt::format("{}*a{}", k > 0 ? ", " : "", i - 1);
        bomb += "]\n";
    }
    const Result<YamlDocument> got = parse_yaml(bomb, "f.yml");
    ASSERT_FALSE(got.ok());
    EXPECT_EQ(got.error().code, Code::kExhausted);
    EXPECT_THAT(got.error().message, HasSubstr("more than 400000 values"));

    const Result<YamlDocument> small = parse_yaml("[1, 2, 3, 4]", "f.yml", {.nodes_max = 4});
    EXPECT_FALSE(small.ok());
    const Result<YamlDocument> large = parse_yaml("a: bcd", "f.yml", {.bytes_max = 5});
    ASSERT_FALSE(large.ok());
    EXPECT_THAT(large.error().message, HasSubstr("6 bytes, at most 5"));
}

TEST(Yaml, ReadsTheFirstDocumentOnly) {
    const Result<YamlDocument> got = parse_yaml("a: 1\n---\nb: [\n", "f.yml");
    ASSERT_TRUE(got.ok());
    EXPECT_EQ(text_of(got->root), "{a:1}");
    EXPECT_TRUE(got->has_more_documents);
}

TEST(Yaml, CountsLinesAndColumnsFromOne) {
    const Result<YamlDocument> got = parse_yaml("a: 1\nbc:\n  - x\n", "f.yml");
    ASSERT_TRUE(got.ok());
    EXPECT_EQ(got->root.keys[1].line, 2);
    EXPECT_EQ(got->root.keys[1].column, 1);
    const YamlNode& item = got->root.items[1].items[0];
    EXPECT_EQ(item.line, 3);
    EXPECT_EQ(item.column, 5);
}

TEST(Yaml, ScalarsReadBackAsWhatTheyWere) {
    const char* const texts[] = {"",
                                 "a",
                                 "a b",
                                 "15s",
                                 "5",
                                 "0x1f",
                                 "1e3",
                                 "-1",
                                 "true",
                                 "no",
                                 "null",
                                 "~",
                                 "(.*)",
                                 "$1",
                                 ";",
                                 ",",
                                 "*",
                                 "&a",
                                 "- a",
                                 "a: b",
                                 "a #b",
                                 "a:",
                                 ":a",
                                 "'",
                                 "\"",
                                 "it's",
                                 "a\nb",
                                 "\t",
                                 " a ",
                                 "http://x:80/y?z=1#f",
                                 "%",
                                 "@",
                                 "`",
                                 "[a]",
                                 "{a}",
                                 "!a",
                                 "|",
                                 ">",
                                 "2024-01-01",
                                 ".5",
                                 ".nan",
                                 "<<",
                                 "=",
                                 "\x01",
                                 "日本",
                                 "a\xc2\x85: b",
                                 "\xe2\x80\xa8",
                                 "\xef\xbb\xbfx",
                                 "-",
                                 "?",
                                 "y",
                                 "1.2.3.4:9093",
                                 "c:\\a",
                                 "<secret>"};
    for (const char* text : texts) {
        SCOPED_TRACE(text);
        const Result<YamlDocument> got = parse_yaml("k: " + yaml_scalar(text) + "\n", "f.yml");
        ASSERT_TRUE(got.ok()) << yaml_scalar(text) << ": " << got.error().message;
        const YamlNode& value = got->root.items[0];
        EXPECT_EQ(value.kind, YamlNode::Kind::kScalar) << yaml_scalar(text);
        EXPECT_EQ(value.text, text);
    }
    EXPECT_EQ(yaml_scalar("(.*)"), "(.*)");
    EXPECT_EQ(yaml_scalar("5"), "\"5\"");
}

}  // namespace
}  // namespace kw
