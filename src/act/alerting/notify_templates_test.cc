// Alertmanager's templates: data, functions, defaults, HTML escaping, a user's files.
#include "alerting/notify_templates.h"

#include <gtest/gtest.h>

#include "alerting/json_text.h"
#include "alerting/message.h"
#include "alerting/notify_testing.h"
#include "alerting/template_data.h"
#include "base/fs/memory.h"

namespace kw::alerting {
namespace {

std::shared_ptr<const NotifyTemplates> defaults() {
    fs::MemoryFileSystem files;
    auto loaded = NotifyTemplates::load(files, {});
    EXPECT_TRUE(loaded.ok()) << loaded.error().message;
    return *loaded;
}

Message message_of(std::vector<AlertPtr> alerts,
                   std::shared_ptr<const NotifyTemplates> templates = defaults()) {
    auto notification =
        std::make_shared<const Notification>(make_notification("team", std::move(alerts)));
    return {notification,         std::make_shared<const Receiver>(),
            std::move(templates), notification->alerts,
            "http://kw.example",  ""};
}

TEST(NotifyTemplates, DataAndFunctionsAreAlertmanagers) {
    const Message message = message_of({make_alert("a"), make_alert("b", kTestNow - 1000)});
    struct Row {
        std::string_view text;
        std::string_view want;
    };
    const Row rows[] = {
        {"{{ .Status }} {{ .Receiver }} {{ .ExternalURL }}", "firing team http://kw.example"},
        {"{{ len .Alerts }} {{ len .Alerts.Firing }} {{ .Alerts.Resolved | len }}", "2 1 1"},
        {"{{ range .Alerts }}{{ .Labels.instance }}={{ .Status }} {{ end }}",
         "a=firing b=resolved "},
        {"{{ (index .Alerts 0).Annotations.summary }}", "Errors on a"},
        {"{{ .CommonLabels.severity }}/{{ .CommonLabels.nothing }}", "critical/"},
        {"{{ .GroupLabels }} {{ len .CommonLabels }}", "alertname=HighErrorRate 2"},
        {"{{ .CommonLabels.SortedPairs.Names | join \",\" }}", "alertname,severity"},
        {"{{ (.CommonLabels.Remove .GroupLabels.Names).Values }}", "[critical]"},
        {"{{ range $k, $v := .CommonLabels }}{{ $k }}:{{ $v }};{{ end }}",
         "alertname:HighErrorRate;severity:critical;"},
        {"{{ .Status | toUpper }} {{ title \"high load\" }} {{ toLower \"AB\" }}",
         "FIRING High Load ab"},
        {"{{ stringSlice \"a\" \"b\" | join \"-\" }} {{ trimSpace \"  x \" }}", "a-b x"},
        {"{{ match \"^a\" \"abc\" }} {{ reReplaceAll \"b(.)\" \"<$1>\" \"abc\" }}", "true a<c>"},
        {"{{ (index .Alerts 0).StartsAt }}", "2023-11-14 22:12:20 +0000 UTC"},
        {"{{ (index .Alerts 0).StartsAt | tz \"Europe/Paris\" | date \"15:04 MST -07:00\" }}",
         "23:12 CET +01:00"},
        {"{{ (index .Alerts 0).StartsAt | since | humanizeDuration }}", "1m 0s"},
        {"{{ (index .Alerts 0).EndsAt.Year }}", "1"},
        {"{{ (index .Alerts 0).Labels | toJson }}",
         R"({"alertname":"HighErrorRate","instance":"a","severity":"critical"})"},
        {"{{ (index .Alerts 0).Fingerprint | len }}", "16"},
        {"{{ template \"slack.default.title\" . }}", "[FIRING:1] HighErrorRate (critical)"},
        {"{{ template \"pagerduty.default.clientURL\" . }}",
         "http://kw.example/#/alerts?receiver=team"},
        {"{{ template \"pagerduty.default.instances\" .Alerts.Firing }}",
         "Labels:\n - alertname = HighErrorRate\n - instance = a\n - severity = critical\n"
         "Annotations:\n - summary = Errors on a\nSource: http://kw.example/graph\n"},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.text);
        EXPECT_EQ(message.expand(row.text), row.want);
    }
}

TEST(NotifyTemplates, ResolvedByNoDataIsNotCalledRecovered) {
    const Message recovered = message_of({make_alert("a", kTestNow - 1)});
    EXPECT_TRUE(recovered.expand("{{ template \"__subject\" . }}").starts_with("[RESOLVED] "));
    const Message no_data = message_of({make_alert("a", kTestNow - 1, true)});
    EXPECT_TRUE(no_data.expand("{{ template \"__subject\" . }}").starts_with("[NO DATA] "));
    EXPECT_EQ(no_data.status(), "resolved");
}

TEST(NotifyTemplates, OneThatFailsGivesItsErrorInPlaceOfTheText) {
    const Message message = message_of({make_alert("a")});
    for (const std::string_view text : {"{{ .Nothing }}", "{{ nothing 1 }}", "{{ if }}"}) {
        SCOPED_TRACE(text);
        EXPECT_NE(message.expand(text).find("error in the template"), std::string::npos);
        EXPECT_FALSE(message.expand_strictly(text).ok());
    }
}

TEST(NotifyTemplates, ReadsAUsersFilesByGlobAndLetsThemRedefine) {
    fs::MemoryFileSystem files;
    ASSERT_TRUE(files.create_directories("/t").ok());
    const auto write = [&](const char* path, const char* text) {
        ASSERT_TRUE(fs::write_file_atomically(files, path, text).ok());
    };
    write("/t/a.tmpl", R"({{ define "mine" }}<{{ template "__subject" . }}>{{ end }})");
    write("/t/b.tmpl", R"({{ define "slack.default.title" }}T{{ end }})");
    write("/t/c.txt", "{{ wrong");
    auto loaded = NotifyTemplates::load(files, {"/t/*.tmpl", "/absent/*"});
    ASSERT_TRUE(loaded.ok()) << loaded.error().message;
    const Message message = message_of({make_alert("a")}, *loaded);
    EXPECT_EQ(message.expand("{{ template \"slack.default.title\" . }}"), "T");
    EXPECT_TRUE(message.expand("{{ template \"mine\" . }}").starts_with("<[FIRING:1]"));
    const auto wrong = NotifyTemplates::load(files, {"/t/c.txt"});
    ASSERT_FALSE(wrong.ok());
    EXPECT_TRUE(wrong.error().message.starts_with("/t/c.txt: ")) << wrong.error().message;
}

TEST(NotifyTemplates, HtmlIsEscapedWhereItStands) {
    Alert alert = *make_alert("a");
    alert.annotations = {{"evil", "<script>'\"&"},
                         {"js", "javascript:alert(1)"},
                         {"q", "a b&c"},
                         {"url", "https://x.example/a?b=c&d=<"}};
    const Message message = message_of({std::make_shared<const Alert>(alert)});
    struct Row {
        std::string_view text;
        std::string_view want;
    };
    const Row rows[] = {
        {"<p>{{ .CommonAnnotations.evil }}</p>", "<p>&lt;script&gt;&#39;&#34;&amp;</p>"},
        {"<p title=\"{{ .CommonAnnotations.evil }}\">",
         "<p title=\"&lt;script&gt;&#39;&#34;&amp;\">"},
        {"<p title={{ .CommonAnnotations.q }}>", "<p title=a&#32;b&amp;c>"},
        {"<a href=\"{{ .CommonAnnotations.js }}\">", "<a href=\"#ZgotmplZ\">"},
        {"<a href=\"{{ .CommonAnnotations.url }}\">",
         "<a href=\"https://x.example/a?b=c&amp;d=%3c\">"},
        {"<a href=\"/s?q={{ .CommonAnnotations.q }}\">", "<a href=\"/s?q=a%20b%26c\">"},
        {"<script>{{ .CommonAnnotations.evil }}</script>{{ .Status }}",
         "<script>ZgotmplZ</script>firing"},
        {"<b style=\"color: {{ .CommonAnnotations.evil }}\">", "<b style=\"color: ZgotmplZ\">"},
        {"{{ safeHtml \"<b>\" }}", "<b>"},
        {"<!-- {{ .Status }} -->{{ .Status }}", "<!--  -->firing"},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.text);
        EXPECT_EQ(message.expand_html(row.text), row.want);
    }
    const std::string mail = message.expand_html("{{ template \"email.default.html\" . }}");
    EXPECT_NE(mail.find("[1] Firing"), std::string::npos);
    EXPECT_EQ(mail.find("<script>"), std::string::npos);
}

TEST(JsonText, WritesValidUtf8Only) {
    JsonText json;
    json.begin_object().member("a", "x\"\\\n\x01\xff\xc3\xa9\xed\xa0\x80").key("b").begin_array();
    json.number(1).null().boolean(true).end_array().end_object();
    EXPECT_EQ(
        json.out(),
        "{\"a\":\"x\\\"\\\\\\n\\u0001\xef\xbf\xbd\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\","
        "\"b\":[1,null,true]}");
}

TEST(Message, CutsBetweenCharacters) {
    EXPECT_EQ(cut_characters("abc", 3), "abc");
    EXPECT_EQ(cut_characters("abcd", 3), "ab\u2026");
    EXPECT_EQ(cut_characters("a\u00e9\u00e9\u00e9", 3), "a\u00e9\u2026");
}

}  // namespace
}  // namespace kw::alerting
