// Each notifier: its payload, held to what the provider documents, and what it makes of a receiver that
// misbehaves (a real socket with the real client).
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <simdjson.h>
#include <sys/socket.h>
#include <unistd.h>

#include <future>
#include <thread>

#include "alerting/integration.h"
#include "alerting/notifiers/http_post.h"
#include "alerting/notify_testing.h"

namespace kw::alerting {
namespace {

using simdjson::dom::element;

// Listens on a port of loopback; `serve` is given each connection, one after the other.
class LocalServer final {
 public:
    explicit LocalServer(std::function<void(int)> serve) : serve_(std::move(serve)) {
        listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), size), 0);
        EXPECT_EQ(::listen(listener_, 16), 0);
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
        port_ = ntohs(address.sin_port);
        thread_ = std::jthread([this] {
            while (true) {
                const int connection = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
                if (connection < 0) return;
                serve_(connection);
                ::close(connection);
            }
        });
    }
    ~LocalServer() {
        ::shutdown(listener_, SHUT_RDWR);
        thread_.join();
        ::close(listener_);
    }
    std::string port() const { return std::to_string(port_); }

 private:
    const std::function<void(int)> serve_;
    int listener_ = -1;
    uint16_t port_ = 0;
    std::jthread thread_;
};

void write_all(int connection, std::string_view text) {
    while (!text.empty()) {
        const ssize_t written = ::send(connection, text.data(), text.size(), MSG_NOSIGNAL);
        if (written <= 0) return;
        text.remove_prefix(static_cast<size_t>(written));
    }
}

// Reads until the other side has nothing more for a request of HTTP.
void read_request(int connection) {
    std::string text;
    char buffer[4096];
    while (true) {
        const size_t end = text.find("\r\n\r\n");
        if (end != std::string::npos) {
            const size_t at = text.find("Content-Length: ");
            const size_t length = at == std::string::npos ? 0 : std::stoul(text.substr(at + 16));
            if (text.size() >= end + 4 + length) return;
        }
        const ssize_t count = ::read(connection, buffer, sizeof buffer);
        if (count <= 0) return;
        text.append(buffer, static_cast<size_t>(count));
    }
}

struct World {
    state::TestWorld state;
    std::shared_ptr<const NotifyTemplates> templates = *NotifyTemplates::load(state.files, {});

    Message message(std::vector<AlertPtr> alerts, std::string text = "") {
        auto notification =
            std::make_shared<const Notification>(make_notification("team", std::move(alerts)));
        return {notification,        std::make_shared<const Receiver>(),
                templates,           notification->alerts,
                "http://kw.example", std::move(text)};
    }
    // What the notifier of the only integration of `receiver` makes of it.
    SendOutcome send(net::Fetcher& fetcher, const Receiver& receiver, const Message& message,
                     int64_t timeout_ms = 30'000) {
        const auto settings = settings_of({receiver});
        const IntegrationTable table = make_integrations({state.env, fetcher}, *settings);
        std::promise<SendOutcome> promise;
        table.begin()->second.integrations.at(0)->notifier->send(
            message, timeout_ms,
            [&](SendOutcome outcome) { promise.set_value(std::move(outcome)); });
        return promise.get_future().get();
    }
    // The request that it sends to a receiver that takes everything.
    net::FetchRequest request(const Receiver& receiver, const Message& message) {
        FakeFetcher fetcher([](const net::FetchRequest&) { return answer(200); });
        EXPECT_EQ(send(fetcher, receiver, message).verdict, SendOutcome::Verdict::kDelivered);
        return fetcher.requests().at(0);
    }
};

std::string text_of(const element& root, const char* pointer) {
    std::string_view text;
    EXPECT_EQ(root.at_pointer(pointer).get(text), simdjson::SUCCESS) << pointer;
    return std::string(text);
}

Receiver pager_receiver(std::string url = "http://pd/v2/enqueue") {
    Receiver receiver;
    receiver.name = "pager";
    PagerDutyConfig pager;
    pager.routing_key = Secret::of_text("R0UT1NGKEY");
    pager.url = std::move(url);
    pager.client = "{{ template \"pagerduty.default.client\" . }}";
    pager.client_url = "{{ template \"pagerduty.default.clientURL\" . }}";
    pager.description = "{{ .CommonAnnotations.summary }}";
    pager.severity = "{{ .CommonLabels.severity }}";
    pager.class_name = "errors";
    pager.component = "api";
    pager.group = "{{ .GroupLabels.alertname }}";
    TemplateValue count;
    count.kind = TemplateValue::Kind::kText;
    count.text = "{{ .Alerts.Firing | len }}";
    pager.details = {{"num_firing", count}};
    pager.images = {{"", "http://kw/graph.png", "graph"}, {"", "", "left out"}};
    pager.links = {{"http://kw/runbook", "Runbook"}};
    receiver.pagerduty.push_back(pager);
    return receiver;
}

// Events API v2 as PagerDuty documents it: which members, of which types, and the closed sets of values.
void check_pagerduty_event(const element& event) {
    const std::string action = text_of(event, "/event_action");
    EXPECT_TRUE(action == "trigger" || action == "acknowledge" || action == "resolve") << action;
    EXPECT_LE(text_of(event, "/dedup_key").size(), 255);
    EXPECT_FALSE(text_of(event, "/routing_key").empty());
    EXPECT_FALSE(text_of(event, "/payload/summary").empty());
    EXPECT_FALSE(text_of(event, "/payload/source").empty());
    const std::string severity = text_of(event, "/payload/severity");
    EXPECT_TRUE(severity == "critical" || severity == "error" || severity == "warning" ||
                severity == "info")
        << severity;
    EXPECT_TRUE(event["payload"]["custom_details"].is_object());
    for (const element image : event["images"].get_array())
        EXPECT_FALSE(text_of(image, "/src").empty());
    for (const element link : event["links"].get_array())
        EXPECT_FALSE(text_of(link, "/href").empty());
}

TEST(PagerDuty, TriggersAndResolvesUnderOneKey) {
    World world;
    simdjson::dom::parser parser;
    const net::FetchRequest firing =
        world.request(pager_receiver(), world.message({make_alert("a")}));
    EXPECT_EQ(firing.method, "POST");
    EXPECT_EQ(firing.url, "http://pd/v2/enqueue");
    EXPECT_EQ(firing.headers.get("Content-Type"), "application/json");
    const element event = parser.parse(firing.body);
    check_pagerduty_event(event);
    EXPECT_EQ(text_of(event, "/event_action"), "trigger");
    EXPECT_EQ(text_of(event, "/payload/summary"), "Errors on a");
    EXPECT_EQ(text_of(event, "/payload/source"), "Alertmanager");
    EXPECT_EQ(text_of(event, "/payload/class"), "errors");
    EXPECT_EQ(text_of(event, "/payload/group"), "HighErrorRate");
    EXPECT_EQ(text_of(event, "/payload/custom_details/num_firing"), "1");
    EXPECT_EQ(event["images"].get_array().size(), 1);
    const std::string key = text_of(event, "/dedup_key");

    const net::FetchRequest ended =
        world.request(pager_receiver(), world.message({make_alert("a", kTestNow, true)}));
    const element resolve = parser.parse(ended.body);
    check_pagerduty_event(resolve);
    EXPECT_EQ(text_of(resolve, "/event_action"), "resolve");
    EXPECT_EQ(text_of(resolve, "/dedup_key"), key);
    EXPECT_EQ(text_of(resolve, "/payload/custom_details/resolved_by"), "no data");
}

TEST(PagerDuty, LeavesTheDetailsOutOfAnEventThatIsTooLong) {
    World world;
    Receiver receiver = pager_receiver();
    TemplateValue longer;
    longer.kind = TemplateValue::Kind::kText;
    longer.text = std::string(600'000, 'x');
    receiver.pagerduty[0].details.emplace_back("long", longer);
    receiver.pagerduty[0].description = std::string(3000, 's');
    const net::FetchRequest request = world.request(receiver, world.message({make_alert("a")}));
    EXPECT_LT(request.body.size(), 512'000);
    simdjson::dom::parser parser;
    const element event = parser.parse(request.body);
    check_pagerduty_event(event);
    EXPECT_NE(text_of(event, "/payload/custom_details/error").find("512KB"), std::string::npos);
    EXPECT_LE(text_of(event, "/payload/summary").size(),
              1026);  // 1024 characters, the last has three bytes
}

TEST(PagerDuty, SpeaksVersionOneWithAServiceKey) {
    World world;
    Receiver receiver = pager_receiver();
    receiver.pagerduty[0].routing_key = {};
    receiver.pagerduty[0].service_key = Secret::of_text("SERVICE");
    const net::FetchRequest request = world.request(receiver, world.message({make_alert("a")}));
    EXPECT_EQ(request.url, "https://events.pagerduty.com/generic/2010-04-15/create_event.json");
    simdjson::dom::parser parser;
    const element event = parser.parse(request.body);
    EXPECT_EQ(text_of(event, "/service_key"), "SERVICE");
    EXPECT_EQ(text_of(event, "/event_type"), "trigger");
    EXPECT_EQ(text_of(event, "/incident_key").size(), 64);
    EXPECT_EQ(text_of(event, "/details/num_firing"), "1");
}

Receiver slack_receiver(std::string url) {
    Receiver receiver;
    receiver.name = "slack";
    SlackConfig slack;
    slack.send_resolved = true;
    slack.api_url = Secret::of_text(std::move(url));
    slack.channel = "#alerts";
    slack.username = "{{ template \"slack.default.username\" . }}";
    slack.color = "{{ if eq .Status \"firing\" }}danger{{ else }}good{{ end }}";
    slack.title = "{{ template \"slack.default.title\" . }}";
    slack.text = "{{ range .Alerts }}{{ .Annotations.summary }}\n{{ end }}";
    slack.fallback = "{{ template \"slack.default.fallback\" . }}";
    slack.fields = {{"Severity", "{{ .CommonLabels.severity }}", true}};
    SlackAction action;
    action.type = "button";
    action.text = "Runbook";
    action.url = "http://kw/runbook";
    slack.actions = {action};
    receiver.slack.push_back(slack);
    return receiver;
}

TEST(Slack, SendsAnAttachmentAsSlackDocumentsIt) {
    World world;
    const net::FetchRequest request =
        world.request(slack_receiver("http://hooks.slack/x"), world.message({make_alert("a")}));
    simdjson::dom::parser parser;
    const element root = parser.parse(request.body);
    EXPECT_EQ(text_of(root, "/channel"), "#alerts");
    EXPECT_EQ(text_of(root, "/username"), "Alertmanager");
    ASSERT_EQ(root["attachments"].get_array().size(), 1);
    EXPECT_EQ(text_of(root, "/attachments/0/title"), "[FIRING:1] HighErrorRate (a critical)");
    EXPECT_EQ(text_of(root, "/attachments/0/text"), "Errors on a\n");
    EXPECT_EQ(text_of(root, "/attachments/0/color"), "danger");
    EXPECT_EQ(text_of(root, "/attachments/0/fields/0/value"), "critical");
    EXPECT_TRUE(root.at_pointer("/attachments/0/fields/0/short").get_bool().value());
    EXPECT_EQ(text_of(root, "/attachments/0/actions/0/url"), "http://kw/runbook");
    EXPECT_EQ(root.at_pointer("/attachments/0/mrkdwn_in").get_array().size(), 3);
    EXPECT_TRUE(root["ts"].error() != simdjson::SUCCESS);
}

TEST(Slack, SaysThatThereIsNoDataWhateverTheTemplatesSay) {
    World world;
    const net::FetchRequest request = world.request(
        slack_receiver("http://hooks.slack/x"), world.message({make_alert("a", kTestNow, true)}));
    EXPECT_NE(request.body.find("not because it recovered"), std::string::npos);
}

TEST(Slack, EditsTheMessageOfItsGroup) {
    World world;
    Receiver receiver = slack_receiver("http://slack/api/chat.postMessage");
    receiver.slack[0].app_token = Secret::of_text("xoxb-1");
    receiver.slack[0].update_message = true;
    FakeFetcher fetcher([](const net::FetchRequest&) {
        return answer(200, R"({"ok":true,"channel":"C1","ts":"171.5"})",
                      {{"Content-Type", "application/json; charset=utf-8"}});
    });
    const SendOutcome first = world.send(fetcher, receiver, world.message({make_alert("a")}));
    EXPECT_EQ(first.verdict, SendOutcome::Verdict::kDelivered);
    EXPECT_EQ(first.state, "C1\n171.5");
    (void)world.send(fetcher, receiver, world.message({make_alert("a", kTestNow)}, first.state));
    const auto requests = fetcher.requests();
    EXPECT_EQ(requests[0].url, "http://slack/api/chat.postMessage");
    EXPECT_EQ(requests[0].headers.get("Authorization"), "Bearer xoxb-1");
    EXPECT_EQ(requests[1].url, "http://slack/api/chat.update");
    simdjson::dom::parser parser;
    const element update = parser.parse(requests[1].body);
    EXPECT_EQ(text_of(update, "/ts"), "171.5");
    EXPECT_EQ(text_of(update, "/channel"), "C1");
}

TEST(Slack, ReadsRefusalsOutOfAnswersThatSay200) {
    struct Row {
        std::string_view body;
        const char* type;
        SendOutcome::Verdict want;
    };
    const Row rows[] = {
        {"ok", "text/html", SendOutcome::Verdict::kDelivered},
        {"invalid_payload", "text/html", SendOutcome::Verdict::kRefused},
        {R"({"ok":false,"error":"channel_not_found"})", "application/json",
         SendOutcome::Verdict::kRefused},
        {R"({"ok":false,"error":"ratelimited"})", "application/json", SendOutcome::Verdict::kRetry},
        {R"({"ok":tr)", "application/json", SendOutcome::Verdict::kRetry},
        {"[]", "application/json", SendOutcome::Verdict::kRetry},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.body);
        World world;
        FakeFetcher fetcher([&](const net::FetchRequest&) {
            return answer(200, std::string(row.body), {{"Content-Type", row.type}});
        });
        EXPECT_EQ(world.send(fetcher, slack_receiver("http://s/"), world.message({make_alert("a")}))
                      .verdict,
                  row.want);
    }
}

TEST(Webhook, SendsVersionFourAndCutsAlerts) {
    World world;
    Receiver receiver = webhook_receiver("team", "http://r/{{ .GroupLabels.alertname }}");
    receiver.webhook[0].max_alerts = 2;
    const net::FetchRequest request = world.request(
        receiver,
        world.message({make_alert("a"), make_alert("b", kTestNow - 500), make_alert("c")}));
    EXPECT_EQ(request.url, "http://r/HighErrorRate");
    EXPECT_EQ(
        request.body,
        R"({"receiver":"team","status":"firing","alerts":[)"
        R"({"status":"firing","labels":{"alertname":"HighErrorRate","instance":"a","severity":"critical"},)"
        R"("annotations":{"summary":"Errors on a"},"startsAt":"2023-11-14T22:12:20Z",)"
        R"("endsAt":"0001-01-01T00:00:00Z","generatorURL":"http://kw.example/graph","fingerprint":")" +
            fingerprint_text(make_alert("a")->labels) +
            R"("},)"
            R"({"status":"resolved","labels":{"alertname":"HighErrorRate","instance":"b","severity":"critical"},)"
            R"("annotations":{"summary":"Errors on b"},"startsAt":"2023-11-14T22:12:20Z",)"
            R"("endsAt":"2023-11-14T22:13:19.5Z","generatorURL":"http://kw.example/graph","fingerprint":")" +
            fingerprint_text(make_alert("b")->labels) +
            R"("}],"groupLabels":{"alertname":"HighErrorRate"},)"
            R"("commonLabels":{"alertname":"HighErrorRate","severity":"critical"},"commonAnnotations":{},)"
            R"("externalURL":"http://kw.example","version":"4",)"
            R"("groupKey":"{}:{alertname=\"HighErrorRate\"}","truncatedAlerts":1})");
}

TEST(HttpNotifiers, ReceiversThatMisbehave) {
    struct Row {
        std::string_view what;
        std::function<void(int)> serve;
        SendOutcome::Verdict want;
        int64_t want_retry_after_ms;
    };
    const auto answers = [](std::string text) {
        return [text = std::move(text)](int connection) {
            read_request(connection);
            write_all(connection, text);
        };
    };
    const Row rows[] = {
        {"well", answers("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
         SendOutcome::Verdict::kDelivered, 0},
        {"429",
         answers("HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n"),
         SendOutcome::Verdict::kRetry, 7000},
        {"503", answers("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"),
         SendOutcome::Verdict::kRetry, 0},
        {"400", answers("HTTP/1.1 400 No\r\nContent-Length: 3\r\n\r\nbad"),
         SendOutcome::Verdict::kRefused, 0},
        {"closes at once", [](int) {}, SendOutcome::Verdict::kRetry, 0},
        {"closes after the request", answers(""), SendOutcome::Verdict::kRetry, 0},
        {"closes in the answer", answers("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nshort"),
         SendOutcome::Verdict::kRetry, 0},
        {"is no HTTP", answers("EHLO nonsense\x01\x02\r\n\r\n"), SendOutcome::Verdict::kRetry, 0},
        {"hangs",
         [](int connection) {
             read_request(connection);
             char byte;
             while (::read(connection, &byte, 1) > 0) {
             }
         },
         SendOutcome::Verdict::kRetry, 0},
    };
    World world;
    net::HttpClient client(world.state.env, {});
    for (const Row& row : rows) {
        const LocalServer server(row.serve);
        const std::string url = "http://127.0.0.1:" + server.port() + "/";
        const std::pair<const char*, Receiver> receivers[] = {
            {"pagerduty", pager_receiver(url)},
            {"slack", slack_receiver(url)},
            {"webhook", webhook_receiver("w", url)},
        };
        for (const auto& [name, receiver] : receivers) {
            SCOPED_TRACE(fmt::format("{}: {}", name, row.what));
            const int64_t timeout_ms = row.what == "hangs" ? 300 : 60'000;
            const SendOutcome outcome =
                world.send(client, receiver, world.message({make_alert("a")}), timeout_ms);
            EXPECT_EQ(outcome.verdict, row.want) << outcome.answer;
            EXPECT_EQ(outcome.retry_after_ms, row.want_retry_after_ms);
        }
    }
}

TEST(HttpNotifiers, ReadsRetryAfter) {
    struct Row {
        std::string_view text;
        int64_t want_ms;
    };
    const Row rows[] = {
        {"", 0},
        {"12", 12'000},
        {"-1", 0},
        {"99999999999", 86'400'000},
        {"soon", 0},
        {"Tue, 14 Nov 2023 22:13:50 GMT", 30'000},
        {"Tue, 14 Nov 2023 22:13:00 GMT", 0},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.text);
        EXPECT_EQ(retry_after_ms(row.text, kTestNow), row.want_ms);
    }
}

// A mail server that says `greeting`, answers RCPT as told, and keeps what it was sent.
struct MailDialogue {
    std::string rcpt_answer = "250 ok";
    std::string said;  // by the client
    void serve(int connection) {
        write_all(connection, "220 test\r\n");
        std::string line;
        bool in_data = false;
        char c = 0;
        while (::read(connection, &c, 1) == 1) {
            line += c;
            if (c != '\n') continue;
            said += line;
            if (in_data) {
                if (line == ".\r\n") {
                    in_data = false;
                    write_all(connection, "250 taken\r\n");
                }
            } else if (line.starts_with("EHLO")) {
                write_all(connection, "250-test\r\n250 AUTH PLAIN LOGIN\r\n");
            } else if (line.starts_with("AUTH")) {
                write_all(connection, "334 \r\n");  // and now the login
            } else if (said.ends_with("AUTH PLAIN\r\n" + line)) {
                write_all(connection, "235 well\r\n");
            } else if (line.starts_with("RCPT")) {
                write_all(connection, rcpt_answer + "\r\n");
            } else if (line.starts_with("DATA")) {
                in_data = true;
                write_all(connection, "354 go\r\n");
            } else if (line.starts_with("QUIT")) {
                write_all(connection, "221 bye\r\n");
                return;
            } else {
                write_all(connection, "250 ok\r\n");
            }
            line.clear();
        }
    }
};

Receiver mail_receiver(const std::string& port) {
    Receiver receiver;
    receiver.name = "mail";
    EmailConfig mail;
    mail.to = "Ann <ann@example.com>, bob@example.com";
    mail.from = "kw@example.com";
    mail.hello = "kw.example";
    mail.smarthost_host = "127.0.0.1";
    mail.smarthost_port = port;
    mail.auth_username = "user";
    mail.auth_password = Secret::of_text("secret");
    mail.headers = {{"Subject", "{{ template \"email.default.subject\" . }} \u00e9\nBcc: x@y"}};
    mail.text = "{{ .Status }} = \u00e9";
    mail.html = "{{ template \"email.default.html\" . }}";
    mail.require_tls = false;
    mail.threads = MailThreads::kByGroup;
    receiver.email.push_back(mail);
    return receiver;
}

TEST(Email, SendsTextAndHtmlWithLoginAndThread) {
    World world;
    MailDialogue dialogue;
    FakeFetcher unused([](const net::FetchRequest&) { return std::nullopt; });
    {
        const LocalServer server([&](int connection) { dialogue.serve(connection); });
        const SendOutcome outcome =
            world.send(unused, mail_receiver(server.port()), world.message({make_alert("a")}));
        EXPECT_EQ(outcome.verdict, SendOutcome::Verdict::kDelivered) << outcome.answer;
    }
    const std::string& said = dialogue.said;
    for (const std::string_view part :
         {"EHLO kw.example\r\n", "AUTH PLAIN", "MAIL FROM:<kw@example.com>",
          "RCPT TO:<ann@example.com>", "RCPT TO:<bob@example.com>",
          "To: Ann <ann@example.com>, bob", "Subject: =?utf-8?q?=5BFIRING=3A1=5D_",
          "In-Reply-To: <alert-", "MIME-Version: 1.0",
          "Content-Type: multipart/alternative; boundary=kw-", "firing =3D =C3=A9\r\n",
          "Content-Type: text/html; charset=UTF-8"}) {
        EXPECT_NE(said.find(part), std::string::npos) << part << "\n" << said;
    }
    EXPECT_EQ(said.find("\nBcc:"), std::string::npos);
    EXPECT_EQ(said.find("secret"), std::string::npos);
}

TEST(Email, TellsWhatPassesFromWhatStays) {
    struct Row {
        std::string_view what;
        std::string rcpt_answer;
        bool require_tls;
        SendOutcome::Verdict want;
    };
    const Row rows[] = {
        {"no such mailbox", "550 no", false, SendOutcome::Verdict::kRefused},
        {"busy", "450 later", false, SendOutcome::Verdict::kRetry},
        {"no STARTTLS where it is required", "250 ok", true, SendOutcome::Verdict::kRetry},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.what);
        World world;
        MailDialogue dialogue;
        dialogue.rcpt_answer = row.rcpt_answer;
        FakeFetcher unused([](const net::FetchRequest&) { return std::nullopt; });
        const LocalServer server([&](int connection) { dialogue.serve(connection); });
        Receiver receiver = mail_receiver(server.port());
        receiver.email[0].require_tls = row.require_tls;
        const SendOutcome outcome = world.send(unused, receiver, world.message({make_alert("a")}));
        EXPECT_EQ(outcome.verdict, row.want) << outcome.answer;
        EXPECT_EQ(outcome.answer.find("secret"), std::string::npos);
    }
}

}  // namespace
}  // namespace kw::alerting
