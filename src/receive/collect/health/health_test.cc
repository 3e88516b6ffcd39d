// Bodies of every form that services answer, and what becomes of an answer as a whole.
#include "collect/health/health.h"

#include <gtest/gtest.h>

namespace kw::collect {
namespace {

// "status|name=0 name=1"; the error when it is refused.
std::string shown(std::string_view json) {
    const Result<HealthBody> body = parse_health(json);
    if (!body.ok()) return body.error().message;
    std::string out = !body->status ? "-" : *body->status ? "1" : "0";
    out += '|';
    for (const auto& [name, status] : body->components) out += name + (status ? "=1 " : "=0 ");
    return out;
}

// guide: G227
TEST(HealthBody, IsUnderstoodInAllItsForms) {
    struct Row {
        std::string_view json;
        std::string_view want;
    };
    const Row rows[] = {
        // The guide's.
        {R"({"status":"healthy","components":{"database":true,"cache":true,"model":true}})",
         "1|database=1 cache=1 model=1 "},
        {R"({"status":"healthy","components":{"a":"healthy","b":"OK","c":"Up","d":"pass","e":"ready"}})",
         "1|a=1 b=1 c=1 d=1 e=1 "},
        {R"({"status":"healthy","components":{"a":"down","b":"degraded","c":"","d":"okay","e":false}})",
         "1|a=0 b=0 c=0 d=0 e=0 "},
        {R"({"status":"healthy","components":{"a":{"status":"up","ms":3},"b":{"healthy":false},"c":{"ok":true},)"
         R"("d":{"state":"UP"},"e":{"up":true},"f":{"status":{"x":1}},"g":{}}})",
         "1|a=1 b=0 c=1 d=1 e=1 f=0 g=0 "},
        {R"({"components":{"a":null,"b":1,"c":[true]}})", "-|a=0 b=0 c=0 "},
        {R"({"status":true})", "1|"},
        {R"({"status":"unhealthy"})", "0|"},
        {R"({"status":null,"components":{}})", "0|"},
        {R"({"status":"ok","components":[]})", "1|"},
        {R"({"uptime":3})", "the body has neither status nor components"},
        {R"("healthy")", "the body is no object"},
        {R"({"components":{"":true}})", "a component's name has 0 bytes, want 1 to 128"},
        {R"({"components":{"a":true,"a":false}})", "component \"a\" is there twice"},
    };
    for (const Row& row : rows) EXPECT_EQ(shown(row.json), row.want) << row.json;
}

TEST(HealthBody, IsRefusedWhereItIsNoJsonOrTooLarge) {
    std::string many = R"({"components":{)";
    for (size_t i = 0; i <= kHealthComponentsMax; ++i)
        many += fmt::format("{}\"c{}\":true", i > 0 ? "," : "", i);
    many += "}}";
    const std::string deep = "{\"status\":" + std::string(100, '[') + std::string(100, ']') + "}";
    const std::string rows[] = {
        "",
        "<html>",
        "{\"status\":\"healthy\"",
        "{\"status\":\"healthy\"} x",
        many,
        deep,
        std::string(kHealthBytesMax + 1, ' '),
        R"({"components":{")" + std::string(200, 'x') + R"(":true}})",
    };
    for (const std::string& json : rows)
        EXPECT_FALSE(parse_health(json).ok()) << json.substr(0, 40);
}

// Answers at once with what the test says.
class OneAnswer final : public net::Fetcher {
 public:
    explicit OneAnswer(Result<net::FetchResponse> answer) : answer_(std::move(answer)) {}
    FetchId fetch(net::FetchRequest, net::FetchCallback callback) override {
        callback(answer_);
        return 1;
    }
    void cancel(FetchId) override {}

 private:
    Result<net::FetchResponse> answer_;
};

net::FetchResponse response(int status, std::string body) {
    net::FetchResponse made;
    made.status = status;
    made.body = std::move(body);
    return made;
}

// guide: G228
TEST(HealthSource, JudgesTheAnswerAsAWhole) {
    constexpr std::string_view kHealthy = R"({"status":"healthy","components":{"database":true}})";
    constexpr std::string_view kSick = R"({"status":"healthy","components":{"database":"down"}})";
    struct Row {
        std::string name;
        Result<net::FetchResponse> answer;
        std::string want_status;     // of the whole
        std::string want_component;  // of "database"; empty: it is not there
        std::string want_error;      // empty: the scrape is good
    };
    const Row rows[] = {
        {"200 and well", response(200, std::string(kHealthy)), "1", "1", ""},
        {"200 and sick", response(200, std::string(kSick)), "0", "0", ""},
        {"503 and sick", response(503, std::string(kSick)), "0", "0", ""},
        {"503 and a body that says well", response(503, std::string(kHealthy)), "0", "1", ""},
        {"503 with a page", response(503, "<html>"), "0", "", "HTTP status 503"},
        {"200 with a page", response(200, "<html>"), "0", "", "the body is no JSON"},
        {"time-out", timed_out("no answer within 500 ms"), "0", "", "no answer within 500 ms"},
        {"refused", unavailable("connection refused"), "0", "", "connection refused"},
    };
    const RealClock clock;
    const Interrupt interrupt;
    for (const Row& row : rows) {
        SCOPED_TRACE(row.name);
        OneAnswer fetcher(row.answer);
        HealthSource source(fetcher, {.service = "api", .url = "http://localhost:8000/health"});
        std::string text;
        const Result<void> outcome =
            source.collect(Deadline(clock, std::chrono::seconds(5), interrupt), text);
        EXPECT_NE(text.find("\nhealth_status{service=\"api\"} " + row.want_status + "\n"),
                  std::string::npos)
            << text;
        const std::string component =
            "\nhealth_component_status{service=\"api\",component=\"database\"} ";
        if (row.want_component.empty()) {
            EXPECT_EQ(text.find(component), std::string::npos) << text;
        } else {
            EXPECT_NE(text.find(component + row.want_component + "\n"), std::string::npos) << text;
        }
        EXPECT_EQ(outcome.ok() ? "" : outcome.error().message.substr(0, row.want_error.size()),
                  row.want_error);
        EXPECT_EQ(outcome.ok(), row.want_error.empty());
    }
}

}  // namespace
}  // namespace kw::collect
