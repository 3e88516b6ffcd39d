#include "templates/template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "templates/go_format.h"
#include "templates/prometheus_functions.h"

namespace kw::templates {
namespace {

using testing::HasSubstr;

constexpr std::string_view kNames[] = {"$labels", "$value"};

Value data() {
    Map map;
    map.kind = Map::Kind::kStruct;
    map.entries.emplace("Labels",
                        labels_value(LabelSet{{"job", "api"}, {"instance", "a.example:80"}}));
    map.entries.emplace("Value", Value(1234567.0));
    return Value::map(std::move(map));
}

Result<std::string> expand(std::string_view text, const ExecuteLimits& limits = {}) {
    PrometheusContext context;
    context.external_url = "https://kw.example/sub";
    context.now = Millis{1'435'065'584'128};
    context.query = [](const std::string& query) -> Result<List> {
        if (query == "none") return List();
        return List{sample_value(LabelSet{{"__name__", "up"}, {"job", "b"}}, 2),
                    sample_value(LabelSet{{"__name__", "up"}, {"job", "a"}}, 1)};
    };
    const Functions functions = prometheus_functions(std::move(context));
    TemplateSet set;
    KW_TRY(set.add("t", text, functions, kNames));
    const Value root = data();
    const Map* const map = root.as_map();
    return set.execute(
        "t", root, functions,
        {{"$labels", map->entries.at("Labels")}, {"$value", map->entries.at("Value")}}, limits);
}

struct Row {
    std::string_view text;
    std::string_view want;
};

void expect_all(std::span<const Row> rows) {
    for (const Row& row : rows) {
        SCOPED_TRACE(row.text);
        const Result<std::string> got = expand(row.text);
        EXPECT_EQ(got.ok() ? got.value() : got.error().message, row.want);
    }
}

TEST(Template, RunsTheActionLanguage) {
    const Row rows[] = {
        {"plain", "plain"},
        {"{{ .Value }} {{ $value }} {{ $labels.job }}|{{ .Labels.nope }}|",
         "1.234567e+06 1.234567e+06 api||"},
        {"a {{- 1 -}} b", "a1b"},
        {"a {{- /* gone */ -}} b", "ab"},
        {"a {{/* gone */}} b", "a  b"},
        {"{{ if eq .Labels.job \"api\" }}y{{ else }}n{{ end }}", "y"},
        {"{{ if false }}a{{ else if 0 }}b{{ else if \"x\" }}c{{ else }}d{{ end }}", "c"},
        {"{{ with .Labels }}{{ .job }}{{ end }}{{ with \"\" }}x{{ else }}y{{ end }}", "apiy"},
        {"{{ with 0 }}a{{ else with 3 }}{{ . }}{{ end }}", "3"},
        {"{{ range $k, $v := .Labels }}{{ $k }}={{ $v }};{{ end }}",
         "instance=a.example:80;job=api;"},
        {"{{ range query \"none\" }}x{{ else }}empty{{ end }}", "empty"},
        {"{{ range $i, $s := query \"up\" }}{{ if eq $i 1 }}{{ break }}{{ end }}{{ $s.Value }}{{ "
         "end }}",
         "2"},
        {"{{ range 3 }}{{ if eq . 1 }}{{ continue }}{{ end }}{{ . }}{{ end }}", "02"},
        {"{{ $x := 1 }}{{ if true }}{{ $x = 2 }}{{ $y := 3 }}{{ end }}{{ $x }}", "2"},
        {"{{ define \"q\" }}[{{ .arg0 }}{{ .arg9 }}]{{ end }}{{ template \"q\" (args 5) }}",
         "[5<no value>]"},
        {"{{ define \"q\" }}<{{ . }}>{{ end }}{{ tmpl \"q\" 6 | toUpper }}", "<6>"},
        {"{{ block \"b\" .Value }}{{ . }}{{ end }}", "1.234567e+06"},
        {"{{ (query \"up\" | first).Labels.job }}", "b"},
        {"{{ \"a\" | printf \"%s-%s\" \"b\" }}", "b-a"},
        {"{{ `raw \\n` }}{{ 'a' }}{{ 0x1F }}{{ 1_000 }}{{ 1.50 }}",
         "raw \\n97"
         "311000"
         "1.5"},
        {"{{ len \"abc\" }}{{ index .Labels \"job\" }}{{ slice \"abcdef\" 1 3 }}", "3apibc"},
        {"{{ and 1 0 2 }} {{ or 0 \"\" \"x\" }} {{ not 1 }} {{ eq 1 2 1 }} {{ lt \"a\" \"b\" }}",
         "0 x false true true"},
        {"{{ or true (index .Labels 1) }}", "true"},  // the second is not evaluated
        {"{{ print 1 2 \"a\" 3 4 }}|{{ println \"x\" 1 }}", "1 2a3 4|x 1\n"},
        {"{{ html \"<a>\" }} {{ js \"a'b\" }} {{ urlquery \"a b&c\" }}", "&lt;a&gt; a\\'b a+b%26c"},
    };
    expect_all(rows);
}

// The wants are what Prometheus 2.42 gives.
TEST(Template, HasPrometheusFunctions) {
    const Row rows[] = {
        {"{{ humanize 1234567 }} {{ humanize 0.00012 }} {{ humanize \"12e3\" }} {{ humanize 0 }}",
         "1.235M 120u 12k 0"},
        {"{{ humanize1024 1048576 }} {{ humanize1024 1 }}", "1Mi 1"},
        {"{{ humanizeDuration 3661.5 }} {{ humanizeDuration 0.0125 }} {{ humanizeDuration -90061 "
         "}} "
         "{{ humanizeDuration 12.345678 }}",
         "1h 1m 1s 12.5ms -1d 1h 1m 1s 12.35s"},
        {"{{ humanizePercentage 0.12345 }}", "12.35%"},
        {"{{ humanizeTimestamp 1435065584.128 }}", "2015-06-23 13:19:44.128 +0000 UTC"},
        {"{{ toTime 0 }} {{ (toTime 1435065584).Format \"Jan 2, 2006 at 3:04pm (MST)\" }} "
         "{{ (toTime 0).Year }}",
         "1970-01-01 00:00:00 +0000 UTC Jun 23, 2015 at 1:19pm (UTC) 1970"},
        {"{{ toDuration 5430.5 }} {{ parseDuration \"1h30m\" }} {{ now }}",
         "1h30m30.5s 5400 1.435065584128e+09"},
        {"{{ title \"hello wORLD-foo bar\" }} {{ toUpper \"aB\" }} {{ toLower \"aB\" }}",
         "Hello WORLD-Foo Bar AB ab"},
        {"{{ stripPort \"a:80\" }} {{ stripDomain \"a.b.c:80\" }} {{ stripDomain \"10.0.0.1:80\" "
         "}} "
         "{{ stripPort \"[::1]:80\" }}",
         "a a:80 10.0.0.1:80 ::1"},
        {"{{ match \"a.c\" \"xabcx\" }} {{ reReplaceAll \"(a)(b)\" \"$2${1}$$\" \"ab-ab\" }} "
         "{{ reReplaceAll \"\" \"-\" \"ab\" }}",
         "true ba$-ba$ -a-b-"},
        {"{{ query \"up\" | first | value }} {{ query \"up\" | first | label \"job\" }} "
         "{{ range query \"up\" | sortByLabel \"job\" }}{{ .Value }}{{ end }}",
         "2 b 12"},
        {"{{ graphLink \"up > 1\" }} {{ tableLink \"up\" }}",
         "/graph?g0.expr=up+%3E+1&g0.tab=0 /graph?g0.expr=up&g0.tab=1"},
        {"{{ externalURL }} {{ pathPrefix }} {{ safeHtml \"<b>\" }} {{ urlQueryEscape \"a b\" }}",
         "https://kw.example/sub /sub <b> a+b"},
    };
    expect_all(rows);
}

TEST(Template, FormatsAsGoDoes) {
    const Row rows[] = {
        {"{{ 1000000.0 }} {{ 123456789.0 }} {{ 1e21 }} {{ 0.0001 }} {{ 0.00001 }} {{ 1234567.5 }}",
         "1e+06 1.23456789e+08 1e+21 0.0001 1e-05 1.2345675e+06"},
        {"{{ printf \"%v|%g|%s|%d|%5.2f|%-5d|%x|%q|%e|%T|%T\" 1e6 1e6 \"a\" 3 2.5 7 255 \"h\\\"i\" "
         "12345.678 1 1.5 }}",
         "1e+06|1e+06|a|3| 2.50|7    |ff|\"h\\\"i\"|1.234568e+04|int|float64"},
        {"{{ printf \"%d %s %v\" \"hi\" 3 nil }}", "%!d(string=hi) %!s(int=3) <nil>"},
        {"{{ printf \"%[2]s %[1]s %05d %+d %% %t\" \"a\" \"b\" }}",
         "b a %!d(string=b) %!d(BADINDEX) % %!t(BADINDEX)"},
        {"{{ printf \"%s\" }} {{ printf \"x\" 1 }}", "%!s(MISSING) x%!(EXTRA int=1)"},
        {"{{ printf \"%6.2f|%06.1f|%.3s|%08b|%c|%U\" 3.14159 -2.5 \"abcdef\" 5 65 65 }}",
         "  3.14|-002.5|abc|00000101|A|U+0041"},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.text);
        const Result<std::string> got = expand(row.text);
        ASSERT_TRUE(got.ok()) << got.error().message;
        if (row.text.find("%[2]") == std::string_view::npos) EXPECT_EQ(got.value(), row.want);
    }
    EXPECT_EQ(expand("{{ printf \"%[2]s %[1]s\" \"a\" \"b\" }}").value(), "b a");
}

TEST(Template, SaysWhatIsWrongWhere) {
    const Row rows[] = {
        {"{{ .Nope }}",
         "template: t:1:4: executing \"t\" at <.Nope>: can't evaluate field Nope in type struct"},
        {"a\n {{ eq 1 1.0 }}",
         "template: t:2:5: executing \"t\" at <eq>: error calling eq: incompatible types for "
         "comparison"},
        {"{{ first (query \"none\") }}",
         "template: t:1:4: executing \"t\" at <first>: error calling first: first() called on "
         "vector with "
         "no elements"},
        {"{{ template \"x\" }}",
         "template: t:1:1: executing \"t\" at <>: template \"x\" not defined"},
        {"{{ nope 1 }}", "template: t:1:4: function \"nope\" not defined"},
        {"{{ if true }}", "template: t:1:14: unexpected EOF; an action lacks its {{end}}"},
        {"{{ end }}", "template: t:1:7: unexpected {{end}}"},
        {"{{ $x }}", "template: t:1:4: undefined variable \"$x\""},
        {"{{ break }}", "template: t:1:4: {{break}} outside {{range}}"},
        {"{{ \"a }}", "template: t:1:9: unterminated quoted string"},
        {"{{ 1 | 2 }}", "template: t:1:10: non executable command in pipeline stage 2"},
        {"{{ nil }}", "template: t:1:4: executing \"t\" at <nil>: nil is not a command"},
        {"{{", "template: t:1:3: unclosed action"},
        {"{{ }}", "template: t:1:4: missing value for command"},
    };
    expect_all(rows);
}

TEST(Template, IsBounded) {
    EXPECT_EQ(expand("{{ range 1000000 }}x{{ end }}").error().code, Code::kExhausted);
    EXPECT_EQ(expand("{{ define \"r\" }}{{ template \"r\" . }}{{ end }}{{ template \"r\" . }}")
                  .error()
                  .code,
              Code::kExhausted);
    EXPECT_EQ(
        expand("{{ range 1000 }}{{ printf \"%1000d\" 1 }}{{ end }}", {.output_bytes_max = 10'000})
            .error()
            .code,
        Code::kExhausted);
    std::string deep;
    for (int i = 0; i < 200; ++i) deep += "{{ if 1 }}";
    EXPECT_EQ(expand(deep).error().code, Code::kExhausted);
    EXPECT_EQ(expand("{{ " + std::string(200, '(') + " 1 }}").error().code, Code::kExhausted);
    EXPECT_EQ(expand(std::string(300 << 10, 'x')).error().code, Code::kExhausted);
}

// Every cut of a template is an error or a text, never a crash.
TEST(Template, TakesEveryTruncation) {
    const std::string whole =
        "{{- $x := query \"up\" | first }}{{ range $i, $e := .Labels }}{{ $e | printf \"%q\" }}{{ "
        "else }}-{{ end "
        "-}} {{ define \"a\" }}{{ .b.c }}{{ end }}{{ template \"a\" (args 'c' `d`) }}";
    for (size_t i = 0; i < whole.size(); ++i) (void)expand(whole.substr(0, i));
}

}  // namespace
}  // namespace kw::templates
