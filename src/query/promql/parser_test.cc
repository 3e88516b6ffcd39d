// What the parser accepts and refuses, and in which words.
#include "promql/parser.h"

#include <gtest/gtest.h>

#include <string>

#include "promql/printer.h"

namespace kw::promql {
namespace {

std::string parsed(std::string_view text,
                   const ParseOptions& options = ParseOptions::all_features()) {
    const Result<ExprPtr> expr = parse(text, options);
    return expr.ok() ? print(**expr) : "error: " + expr.error().message;
}

TEST(Parser, BindsAsTheLanguageSays) {
    struct Row {
        std::string_view text;
        std::string_view want;  // every operation in parentheses of its own
    };
    // Parentheses are kept, so the rows compare trees through an explicit grouping.
    const auto grouped = [](const Expr& expr, auto&& self) -> std::string {
        if (const auto* binary = expr.as<BinaryExpr>()) {
            return "(" + self(*binary->lhs, self) + std::string(binary_op_text(binary->op)) +
                   self(*binary->rhs, self) + ")";
        }
        if (const auto* unary = expr.as<UnaryExpr>()) {
            return "(" + std::string(unary->negate ? "-" : "+") + self(*unary->expr, self) + ")";
        }
        return print(expr);
    };
    const Row rows[] = {
        {"a + b * c", "(a+(b*c))"},
        {"a * b + c", "((a*b)+c)"},
        {"a - b - c", "((a-b)-c)"},
        {"a ^ b ^ c", "(a^(b^c))"},
        {"-a ^ b", "(-(a^b))"},
        {"-a * b", "((-a)*b)"},
        {"a * -b ^ c", "(a*(-(b^c)))"},
        {"a ^ -b", "(a^(-b))"},
        {"a ^ -b * c", "((a^(-b))*c)"},
        {"-1 ^ 2", "(-(1^2))"},
        {"a atan2 b % c", "((aatan2b)%c)"},
        {"a or b and c unless d", "(aor((bandc)unlessd))"},
        {"a == b + c", "(a==(b+c))"},
        {"a > b == c", "((a>b)==c)"},
        {"a </ b + c", "(a</(b+c))"},
        {"a and b == c", "(aand(b==c))"},
        {"a + b offset 5m", "(a+b offset 5m)"},
        {"-a offset 5m", "(-a offset 5m)"},
        {"a offset 2 ^ b", "(a offset 2s^b)"},
        {"a offset -2 * b", "(a offset -2s*b)"},
        {"a offset -step() * b", "(a offset -step()*b)"},
        {"a offset min_of(step(), 1s) + b", "(a offset min_of(step(), 1s)+b)"},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.text);
        const Result<ExprPtr> expr = parse(row.text, ParseOptions::all_features());
        ASSERT_TRUE(expr.ok()) << expr.error().message;
        EXPECT_EQ(grouped(**expr, grouped), row.want);
    }
}

TEST(Parser, ReadsNumbersStringsAndNames) {
    struct Row {
        std::string_view text;
        std::string_view want;
    };
    const Row rows[] = {
        {"1", "1"},
        {"1.5e3", "1500"},
        {".5", "0.5"},
        {"5.", "5"},
        {"1e-3", "0.001"},
        {"1_000.2_5", "1000.25"},
        {"0x1F", "31"},
        {"0xff_ff", "65535"},
        {"0755", "493"},
        {"08", "8"},
        {"+0.5", "0.5"},
        {"-0.5", "-0.5"},
        {"--0.5", "0.5"},
        {"Inf", "+Inf"},
        {"-iNf", "-Inf"},
        {"nan", "NaN"},
        {"1000000", "1e+06"},
        {"123456", "123456"},
        {"0.00001", "1e-05"},
        {"5m", "5m"},
        {"-1h30m", "-1h30m"},
        {"1w", "1w"},
        {"1e-400", "0"},
        {"9223372036854775808", "9.223372036854776e+18"},
        {R"("a\n\x41\u00e9\101")", "\"a\\nAéA\""},
        {"'it''s'", "error: 1:5: parse error: unexpected string \"'s'\""},
        {R"('a"b\'c')", R"("a\"b'c")"},
        {"`a\\n'\"`", R"("a\\n'\"")"},
        {"foo:bar", "foo:bar"},
        {":foo", ":foo"},
        {"sum", "sum"},
        {"SUM + by", "SUM + by"},
        {"and and and", "and and and"},
        {"start + end + step + range", "start + end + step + range"},
        {"anchored anchored", "anchored anchored"},
        {"fill + fill(0) fill_left", "fill + fill (0) fill_left"},
        {"offset offset 5m", "offset offset 5m"},
        {"{on='x',by=~\"y\"}", "{on=\"x\",by=~\"y\"}"},
        {"{\"foo.bar\", \"l.x\"=\"y\", z!=\"1\"}", "{\"foo.bar\",\"l.x\"=\"y\",z!=\"1\"}"},
        {"{\"foo\"}", "foo"},
        {"{__name__=\"on\"}", "{__name__=\"on\"}"},
        {"{\"on\"}", "{\"on\"}"},
        {"foo{}", "foo"},
        {"foo{a!~\"b|c\",}", "foo{a!~\"b|c\"}"},
        {"sum by(a,\"b.c\",on,sum,)(x)", "sum by (a, \"b.c\", on, sum) (x)"},
        {"sum(x) without ()", "sum without () (x)"},
        {"sum by () (x)", "sum(x)"},
        {"# comment\nfoo # more\r\n", "foo"},
        {"min_of(1, 2) + max_of(step(), range())", "min_of(1, 2) + max_of(step(), range())"},
        {"Start() - end()", "start() - end()"},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.text);
        EXPECT_EQ(parsed(row.text), row.want);
    }
}

TEST(Parser, ReadsSelectorsAndTheirModifiers) {
    struct Row {
        std::string_view text;
        std::string_view want;
    };
    const Row rows[] = {
        {"foo[5m]", "foo[5m]"},
        {"foo[300]", "foo[5m]"},
        {"foo[0x10]", "foo[16s]"},
        {"foo[1h30m] offset -5m @ 1.5", "foo[1h30m] @ 1.500 offset -5m"},
        {"foo @ start() offset 1d", "foo @ start() offset 1d"},
        {"foo OFFSET 1y @ end()", "foo @ end() offset 1y"},
        {"foo @ -1e3", "foo @ -1000.000"},
        {"foo @ 1m40s", "foo @ 100.000"},
        {"foo offset 0s", "foo"},
        {"foo[5m + 1m]", "foo[5m + 1m]"},
        {"foo[(5m+step())*2^2]", "foo[(5m + step()) * 2 ^ 2]"},
        {"foo[-5m+35m]", "foo[-5m + 35m]"},
        {"foo[-STep()+35m]", "foo[-step() + 35m]"},
        {"foo[min(1m,range()):max_of(1s,2)]", "foo[min_of(1m, range()):max_of(1s, 2)]"},
        {"foo offset -(1m*2)", "foo offset -(1m * 2)"},
        {"foo offset (5m)", "foo offset (5m)"},
        {"rate(foo[5m])[1h:]", "rate(foo[5m])[1h:]"},
        {"foo[5m:1m] offset 1m @ 5", "foo[5m:1m] @ 5.000 offset 1m"},
        {"foo[5m:1m][1h:5m][1d:]",
         "error: 1:1: parse error: subquery is only allowed on instant vector, got "
         "matrix instead"},
        {"foo[5m] anchored", "foo[5m] anchored"},
        {"foo[5m] offset 1m smoothed", "foo[5m] smoothed offset 1m"},
        {"foo smoothed @ 7", "foo smoothed @ 7.000"},
        {"(foo)[5m:]", "(foo)[5m:]"},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.text);
        EXPECT_EQ(parsed(row.text), row.want);
    }
}

TEST(Parser, ReadsVectorMatching) {
    struct Row {
        std::string_view text;
        std::string_view want;
    };
    const Row rows[] = {
        {"a + on(x,y) b", "a + on (x, y) b"},
        {"a + ignoring() b", "a + b"},
        {"a + on() b", "a + on () b"},
        {"a * on(x) group_left b", "a * on (x) group_left () b"},
        {"a * ignoring(x) group_right(\"y.z\",w) b", "a * ignoring (x) group_right (\"y.z\", w) b"},
        {"a > bool on(x) b", "a > bool on (x) b"},
        {"a == bool 1", "a == bool 1"},
        {"a + fill(0) b", "a + fill (0) b"},
        {"a + on(x) fill_right(7) fill_left(-5) b", "a + on (x) fill_left (-5) fill_right (7) b"},
        {"a + fill_left(NaN) fill_right(nan) b", "a + fill (NaN) b"},
        {"a + on(x) group_left(y) fill_right(1e9) b",
         "a + on (x) group_left (y) fill_right (1e+09) b"},
        {"1 + on() a", "1 + a"},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.text);
        EXPECT_EQ(parsed(row.text), row.want);
    }
}

TEST(Parser, RefusesInPrometheusWords) {
    struct Row {
        std::string_view text;
        std::string_view want;  // with "parse error: " left out
    };
    const Row rows[] = {
        {"", "1:1: no expression found in input"},
        {"# nothing\n\n", "1:1: no expression found in input"},
        {"1+", "1:3: unexpected end of input"},
        {".", "1:1: unexpected character: '.'"},
        {"2.5.", "1:4: unexpected character: '.'"},
        {"100..4", "1:5: unexpected number \".4\""},
        {"0deadbeef", "1:1: bad number or duration syntax: \"0de\""},
        {"*1", "1:1: unexpected <op:*>"},
        {"(1))", "1:4: unexpected right parenthesis ')'"},
        {"((1)", "1:5: unclosed left parenthesis"},
        {"1e999",
         "1:1: error parsing number: strconv.ParseFloat: parsing \"1e999\": value out of range"},
        {"1 2", "1:3: unexpected number \"2\""},
        {"a 12345678901234567890", "1:3: unexpected number \"1234567890\"..."},
        {"1 !~ 1", "1:3: unexpected character after '!': '~'"},
        {"1 =~ 1", "1:3: unexpected character after '=': '~'"},
        {"-=", "1:2: unexpected \"=\""},
        {"++-++-+-+-<", "1:11: unexpected <op:<>"},
        {"foo bar", "1:5: unexpected identifier \"bar\""},
        {"foo\n  + }", "2:5: unexpected character: '}'"},
        {"foo[5m]]", "1:8: unexpected right bracket ']'"},
        {"\xff", "1:1: unexpected character: '\\xff'"},
        // strings
        {"\"abc", "1:1: unterminated quoted string"},
        {"\"abc\n\"", "1:1: unterminated quoted string"},
        {"`abc", "1:1: unterminated raw string"},
        {"\"\\q\"", "1:1: unknown escape sequence U+0071 'q'"},
        {"\"\\xzz\"", "1:1: illegal character U+007A 'z' in escape sequence"},
        {"\"\\400\"", "1:1: escape sequence is an invalid Unicode code point"},
        {"\"\\ud800\"", "1:1: escape sequence is an invalid Unicode code point"},
        {"\"\\", "1:1: escape sequence not terminated"},
        {"\"a\xff\"", "1:1: invalid UTF-8 rune"},
        // braces
        {"foo{", "1:5: unexpected end of input inside braces"},
        {"}", "1:1: unexpected character: '}'"},
        {"foo{a=b}", "1:7: unexpected identifier \"b\" in label matching, expected string"},
        {"foo{a:b=\"b\"}", "1:6: unexpected character inside braces: ':'"},
        {"foo{a*\"b\"}", "1:6: unexpected character inside braces: '*'"},
        {"foo{gibberish}",
         "1:14: unexpected \"}\" in label matching, expected label matching operator"},
        {"foo{1}", "1:5: unexpected character inside braces: '1'"},
        {"foo{,}", "1:5: unexpected \",\" in label matching, expected identifier or \"}\""},
        {"foo{a=\"b\" lol}",
         "1:11: unexpected identifier \"lol\" in label matching, expected \",\" or \"}\""},
        {"foo{a= =}", "1:8: unexpected \"=\" in label matching, expected string"},
        {"foo{a!\"b\"}", "1:6: unexpected character after '!' inside braces: '\"'"},
        {"{}", "1:1: vector selector must contain at least one non-empty matcher"},
        {"{x=\"\"}", "1:1: vector selector must contain at least one non-empty matcher"},
        {"{x=~\".*\"}", "1:1: vector selector must contain at least one non-empty matcher"},
        {"{x!~\".+\"}", "1:1: vector selector must contain at least one non-empty matcher"},
        {"{x!=\"a\"}", "1:1: vector selector must contain at least one non-empty matcher"},
        {"foo{__name__=\"bar\"}", "1:1: metric name must not be set twice: \"foo\" or \"bar\""},
        {"{\"foo\",\"bar\"}", "1:8: metric name must not be set twice: \"foo\" or \"bar\""},
        // ranges, offset, @
        {"foo[]",
         "1:5: unexpected \"]\" in subquery or range selector, expected number, duration, step(), "
         "or range()"},
        {"foo[5mm]", "1:5: bad number or duration syntax: \"5mm\""},
        {"foo[5m1]", "1:5: bad number or duration syntax: \"5m1\""},
        {"foo[5m1h]", "1:5: not a valid duration string: \"5m1h\""},
        {"foo[bar]", "1:5: unexpected character in duration expression: 'b'"},
        {"foo[5m", "1:7: unexpected end of input in duration expression"},
        {"foo[0]", "1:5: duration must be greater than 0"},
        {"foo[-1m]", "1:5: duration must be greater than 0"},
        {"foo[5m:0s]", "1:8: duration must be greater than 0"},
        {"foo[1e30]", "1:5: duration out of range"},
        {"foo[300y]", "1:5: duration out of range"},
        {"foo[5m:1m:1m]", "1:10: unexpected colon ':'"},
        {"foo[5m:1m 2]", "1:11: unexpected number \"2\" in subquery selector, expected \"]\""},
        {"foo[5m 2]", "1:8: unexpected number \"2\" in subquery or range, expected \":\" or \"]\""},
        {"(foo + bar)[5m]", "1:12: ranges only allowed for vector selectors"},
        {"foo[5m][5m]", "1:8: ranges only allowed for vector selectors"},
        {"foo offset 1m[5m]", "1:14: no offset modifiers allowed before range"},
        {"foo @ 1234 [5m]", "1:12: no @ modifiers allowed before range"},
        {"foo offset",
         "1:11: unexpected end of input in offset, expected number, duration, step(), or range()"},
        {"foo offset 1mm", "1:12: bad number or duration syntax: \"1mm\""},
        {"foo offset 1m offset 2m", "1:1: offset may not be set multiple times"},
        {"1 offset 1d",
         "1:1: offset modifier must be preceded by an instant vector selector or range vector "
         "selector or a subquery"},
        {"rate(foo[5m]) @ 1234",
         "1:1: @ modifier must be preceded by an instant vector selector or range vector "
         "selector or a subquery"},
        {"foo @", "1:6: unexpected end of input in @, expected timestamp"},
        {"foo @ abc", "1:7: unexpected identifier \"abc\" in @, expected timestamp"},
        {"foo @ 1 @ 2", "1:1: @ <timestamp> may not be set multiple times"},
        {"foo @ 1e30", "1:5: timestamp out of bounds for @ modifier: 1e+30"},
        {"foo[5m] anchored smoothed",
         "1:1: anchored and smoothed modifiers cannot be used together"},
        {"foo[5m:] anchored", "1:1: anchored modifier is not supported for subqueries"},
        {"1[5m:]", "1:1: subquery is only allowed on instant vector, got scalar instead"},
        // operators
        {"1 == 1", "1:3: comparisons between scalars must use BOOL modifier"},
        {"1 and 1", "1:1: set operator \"and\" not allowed in binary scalar expression"},
        {"foo unless 1", "1:1: set operator \"unless\" not allowed in binary scalar expression"},
        {"foo + bool bar", "1:5: bool modifier can only be used on comparison operators"},
        {"1 + on(bar) foo", "1:1: vector matching only allowed between instant vectors"},
        {"foo and on(bar) group_left(baz) bar", "1:1: no grouping allowed for \"and\" operation"},
        {"a + on(b) group_left(b,c) d",
         "1:3: label \"b\" must not occur in ON and GROUP clause at once"},
        {"a - on(b) ignoring(c) d", "1:11: unexpected <ignoring>"},
        {"a + group_left b", "1:5: unexpected <group_left>"},
        {"a + fill(0) 1", "1:1: filling in missing series only allowed between instant vectors"},
        {"a or fill(0) b", "1:1: filling in missing series not allowed for set operators"},
        {"foo + \"a\"", "1:7: binary expression must contain only scalar and instant vector types"},
        {"foo[5m] + 1", "1:1: binary expression must contain only scalar and instant vector types"},
        {"-\"a\"",
         "1:1: unary expression only allowed on expressions of type scalar or instant vector, got "
         "\"string\""},
        {"-foo[5m]",
         "1:1: unary expression only allowed on expressions of type scalar or instant vector, got "
         "\"range vector\""},
        // aggregations
        {"sum()", "1:1: no arguments for aggregate expression provided"},
        {"sum(a, b)",
         "1:1: wrong number of arguments for aggregate expression provided, expected 1, got 2"},
        {"topk(a)",
         "1:1: wrong number of arguments for aggregate expression provided, expected 2, got 1"},
        {"topk(a,)", "1:7: trailing commas not allowed in function call args"},
        {"topk(a, b)", "1:6: expected type scalar in aggregation parameter, got instant vector"},
        {"count_values(5, b)", "1:14: expected type string in aggregation parameter, got scalar"},
        {"sum(1)", "1:5: expected type instant vector in aggregation expression, got scalar"},
        {"sum(foo[5m])",
         "1:5: expected type instant vector in aggregation expression, got range vector"},
        {"sum without(==)(a)", "1:13: unexpected <op:==> in grouping opts, expected label"},
        {"sum without(,)(a)", "1:13: unexpected \",\" in grouping opts, expected label"},
        {"sum by (a b)(a)",
         "1:11: unexpected identifier \"b\" in grouping opts, expected \",\" or \")\""},
        {"sum by a (b)", "1:8: unexpected identifier \"a\" in grouping opts, expected \"(\""},
        {"sum by (a:b) (c)",
         "1:9: unexpected metric identifier \"a:b\" in grouping opts, expected label"},
        {"sum (a) without (b) by (c)", "1:21: unexpected <by>"},
        {"MIN keep_common (a)", "1:5: unexpected identifier \"keep_common\""},
        // functions
        {"nope()", "1:1: unknown function with name \"nope\""},
        {"Rate(foo[5m])", "1:1: unknown function with name \"Rate\""},
        {"floor()", "1:1: expected 1 argument(s) in call to \"floor\", got 0"},
        {"floor(a, b)", "1:1: expected 1 argument(s) in call to \"floor\", got 2"},
        {"time(a)", "1:1: expected 0 argument(s) in call to \"time\", got 1"},
        {"hour(a, b, c)", "1:1: expected at most 1 argument(s) in call to \"hour\", got 3"},
        {"label_join(a, \"b\")",
         "1:1: expected at least 3 argument(s) in call to \"label_join\", got 2"},
        {"floor(1)", "1:7: expected type instant vector in call to function \"floor\", got scalar"},
        {"rate(foo)",
         "1:6: expected type range vector in call to function \"rate\", got instant vector"},
        {"rate(avg)",
         "1:6: expected type range vector in call to function \"rate\", got instant vector"},
        {"info(a, b)", "1:9: expected label selectors only, got vector selector instead"},
        {"foo:bar(a)", "1:8: unexpected \"(\""},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.text);
        const Result<ExprPtr> expr = parse(row.text, ParseOptions::all_features());
        ASSERT_FALSE(expr.ok()) << print(**expr);
        EXPECT_EQ(expr.error().code, Code::kInvalid);
        std::string message = expr.error().message;
        const std::string_view kind = "parse error: ";
        if (const size_t at = message.find(kind); at != std::string::npos)
            message.erase(at, kind.size());
        EXPECT_EQ(message, row.want);
    }
}

TEST(Parser, RefusesExperimentalSyntaxUnlessEnabled) {
    struct Row {
        std::string_view text;
        std::string_view want;
    };
    const Row rows[] = {
        {"info(a)", "1:1: parse error: function \"info\" is not enabled"},
        {"1 + start()", "1:5: parse error: function \"start\" is not enabled"},
        {"limitk(1, a)",
         "1:1: parse error: limitk() is experimental and must be enabled with "
         "--enable-feature=promql-experimental-functions"},
        {"a[5m+1m]", "1:3: parse error: experimental duration expression is not enabled"},
        {"a[(5m)]", "1:3: parse error: experimental duration expression is not enabled"},
        {"a offset step()", "1:10: parse error: experimental duration expression is not enabled"},
        {"a[5m] anchored", "1:7: parse error: anchored modifier is experimental and not enabled"},
        {"a smoothed", "1:3: parse error: smoothed modifier is experimental and not enabled"},
        {"a + fill(0) b",
         "1:5: parse error: binop fill modifiers are experimental and not enabled"},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.text);
        EXPECT_EQ(parsed(row.text, ParseOptions{}), "error: " + std::string(row.want));
        EXPECT_TRUE(parse(row.text, ParseOptions::all_features()).ok());
    }
}

std::string repeat(std::string_view text, size_t times) {
    std::string out;
    out.reserve(text.size() * times);
    for (size_t i = 0; i < times; ++i) out += text;
    return out;
}

TEST(Parser, RefusesWhatIsTooBig) {
    struct Row {
        std::string name;
        std::string text;
        std::string_view want;
    };
    constexpr size_t kMany = 10'000;
    const Row rows[] = {
        {"parentheses", repeat("(", kMany) + "1" + repeat(")", kMany),
         "1:1001: parse error: expression nests deeper than 1000 levels"},
        {"open parentheses", repeat("(", kMany),
         "1:1001: parse error: expression nests deeper than 1000 levels"},
        {"signs", repeat("-", kMany) + "a",
         "1:1001: parse error: expression nests deeper than 1000 levels"},
        {"operators", "a" + repeat(" + a", kMany),
         "1:1: parse error: expression nests deeper than 1000 levels"},
        {"powers", "a" + repeat(" ^ a", kMany),
         "1:4001: parse error: expression nests deeper than 1000 levels"},
        {"calls", repeat("abs(", kMany) + "a" + repeat(")", kMany),
         "1:4001: parse error: expression nests deeper than 1000 levels"},
        {"subqueries", "a" + repeat("[1m:]", kMany),
         "1:1: parse error: expression nests deeper than 1000 levels"},
        {"durations", "a[" + repeat("(", kMany) + "1" + repeat(")", kMany) + "]",
         "1:1002: parse error: expression nests deeper than 1000 levels"},
        {"duration chain", "a[1" + repeat("+1", kMany) + "]",
         "1:2002: parse error: expression nests deeper than 1000 levels"},
        {"regular expressions", "{" + repeat("a=~\"(b{9}){9}\",", 251) + "}",
         "1:3752: parse error: more than 250 regular expressions"},
        {"text", repeat(" ", (1 << 20) + 1), "query of 1048577 bytes, at most 1048576 are allowed"},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.name);
        const Result<ExprPtr> expr = parse(row.text, ParseOptions::all_features());
        ASSERT_FALSE(expr.ok());
        EXPECT_EQ(expr.error().code, Code::kExhausted);
        EXPECT_EQ(expr.error().message, row.want);
    }
    // Just below the limit everything works, printing and destroying included.
    for (const std::string& text :
         {repeat("(", 998) + "1" + repeat(")", 998), "a" + repeat(" + a", 998)}) {
        const Result<ExprPtr> expr = parse(text);
        ASSERT_TRUE(expr.ok()) << expr.error().message;
        EXPECT_EQ(print(**expr), text);
        EXPECT_TRUE(parse(pretty_print(*clone(**expr))).ok());
    }
    // Long lists are looked up, not searched.
    std::string labels;
    for (int i = 0; i < 60'000; ++i) labels += fmt::format("l{},", i);
    EXPECT_TRUE(parse("a + on(" + labels + ") group_left(x," + repeat("m,", 60'000) + ") b").ok());
    const Result<ExprPtr> regex = parse("{a=~\"(((x{1,100}){1,100}){1,100}){1,100}\"}");
    ASSERT_FALSE(regex.ok());
    EXPECT_TRUE(regex.error().message.starts_with("1:2: parse error: ")) << regex.error().message;
}

TEST(Parser, RefusesEveryTruncationWithAPosition) {
    const std::string_view text =
        "sum by (a, \"b.c\") (rate(foo{x=~\"y|\\x41\",l!='m'}[5m + step()] offset -(1h*2) @ "
        "start())) "
        "/ on (a) group_left (b) topk(3, bar[1h:5m]) > bool 1e-3";
    for (size_t length = 0; length < text.size(); ++length) {
        const std::string_view cut = text.substr(0, length);
        SCOPED_TRACE(cut);
        const Result<ExprPtr> expr = parse(cut, ParseOptions::all_features());
        if (expr.ok()) continue;  // some prefixes are queries
        EXPECT_TRUE(expr.error().message.starts_with("1:")) << expr.error().message;
    }
}

TEST(Parser, KeepsPositions) {
    const std::string_view text = "sum by (a) (rate(foo{x=\"y\"}[5m] offset 1m)) / (1 + bar)";
    const Result<ExprPtr> expr = parse(text);
    ASSERT_TRUE(expr.ok());
    const auto at = [&](const Expr& node) {
        return text.substr(node.span.start, node.span.end - node.span.start);
    };
    const auto& division = *(*expr)->as<BinaryExpr>();
    EXPECT_EQ(at(**expr), text);
    EXPECT_EQ(text.substr(division.op_span.start, division.op_span.end - division.op_span.start),
              "/");
    EXPECT_EQ(at(*division.lhs), "sum by (a) (rate(foo{x=\"y\"}[5m] offset 1m))");
    EXPECT_EQ(at(*division.rhs), "(1 + bar)");
    const auto& sum = *division.lhs->as<AggregateExpr>();
    EXPECT_EQ(at(*sum.expr), "rate(foo{x=\"y\"}[5m] offset 1m)");
    const auto& rate = *sum.expr->as<CallExpr>();
    EXPECT_EQ(at(*rate.args[0]), "foo{x=\"y\"}[5m] offset 1m");
    EXPECT_EQ(at(*rate.args[0]->as<MatrixSelector>()->selector), "foo{x=\"y\"}");
    EXPECT_EQ(position_text("a\nbc\nd", 3), "2:2");
    EXPECT_EQ(position_text("a\nbc\nd", 99), "3:2");
}

TEST(Parser, TypesEveryNode) {
    struct Row {
        std::string_view text;
        ValueType want;
    };
    const Row rows[] = {
        {"1 + 2", ValueType::kScalar},       {"1 > bool 2", ValueType::kScalar},
        {"foo + 1", ValueType::kVector},     {"(foo)", ValueType::kVector},
        {"foo[5m]", ValueType::kMatrix},     {"foo[5m:]", ValueType::kMatrix},
        {"\"x\"", ValueType::kString},       {"time()", ValueType::kScalar},
        {"scalar(foo)", ValueType::kScalar}, {"vector(1)", ValueType::kVector},
        {"-foo", ValueType::kVector},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.text);
        const Result<ExprPtr> expr = parse(row.text);
        ASSERT_TRUE(expr.ok()) << expr.error().message;
        EXPECT_EQ((*expr)->type, row.want);
    }
    const Result<ExprPtr> set = parse("a or b");
    EXPECT_EQ((*set)->as<BinaryExpr>()->matching->cardinality, Cardinality::kManyToMany);
    const Result<ExprPtr> scalar = parse("a + 1");
    EXPECT_FALSE((*scalar)->as<BinaryExpr>()->matching.has_value());
}

TEST(ParseSelector, TakesASelectorAlone) {
    const auto matchers = parse_selector("up{job=~\"a|b\"}");
    ASSERT_TRUE(matchers.ok());
    ASSERT_EQ(matchers->size(), 2u);
    EXPECT_EQ((*matchers)[0].to_string(), "job=~\"a|b\"");
    EXPECT_EQ((*matchers)[1].to_string(), "__name__=\"up\"");
    EXPECT_TRUE(parse_selector("{}")->empty());
    struct Row {
        std::string_view text;
        std::string_view want;
    };
    const Row rows[] = {
        {"", "1:1: parse error: unexpected end of input"},
        {"up[5m]", "1:3: parse error: unexpected \"[\""},
        {"rate(up)", "1:5: parse error: unexpected \"(\""},
        {"1", "1:1: parse error: unexpected number \"1\""},
        {"up down", "1:4: parse error: unexpected identifier \"down\""},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.text);
        const auto refused = parse_selector(row.text);
        ASSERT_FALSE(refused.ok());
        EXPECT_EQ(refused.error().message, row.want);
    }
}

TEST(ResolveDurations, GivesExpressionsTheirValue) {
    struct Row {
        std::string_view text;
        std::string_view want;  // range/step/offset in milliseconds, or the error
    };
    const Row rows[] = {
        {"a[26m+4m]", "1800000"},
        {"a[60*30]", "1800000"},
        {"a[24m+((1.5*2m)+2m)]", "1740000"},
        {"a[-5m+35m]", "1800000"},
        {"a[1h/2]", "1800000"},
        {"a[4h%3h]", "3600000"},
        {"a[2^3*1m]", "480000"},
        {"a[-2^2+1h]", "3596000"},
        {"a[step()+1ms]", "10001"},
        {"a[range()]", "600000"},
        {"a[min_of(step(),5s)]", "5000"},
        {"a[max(step(),5s)]", "10000"},
        {"a[1m-1m]", "1:3: parse error: duration must be greater than 0"},
        {"a[1m/0]", "1:3: parse error: division by zero"},
        {"a[1m%0]", "1:3: parse error: modulo by zero"},
        {"a[10^30]", "1:3: parse error: duration is out of range"},
        {"a[1/100000]", "1:3: parse error: duration must be at least 1ms"},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.text);
        Result<ExprPtr> expr = parse(row.text, ParseOptions::all_features());
        ASSERT_TRUE(expr.ok()) << expr.error().message;
        const Result<void> resolved = resolve_durations(**expr, {{0}, {600'000}, 10'000}, row.text);
        EXPECT_EQ(resolved.ok() ? std::to_string((*expr)->as<MatrixSelector>()->range.ms)
                                : resolved.error().message,
                  row.want);
    }
    Result<ExprPtr> offset = parse("sum(abs(a offset -(1m*2)))", ParseOptions::all_features());
    ASSERT_TRUE(resolve_durations(**offset, {}, "").ok());
    const Expr& abs = *(*offset)->as<AggregateExpr>()->expr;
    EXPECT_EQ(abs.as<CallExpr>()->args[0]->as<VectorSelector>()->offset.ms, -120'000);
}

}  // namespace
}  // namespace kw::promql
