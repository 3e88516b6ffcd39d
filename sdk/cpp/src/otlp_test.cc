// The export worker on a clock and a transport of the test's; the encoding read back with
// protozero.
#include "kilowatch/otlp.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <protozero/pbf_reader.hpp>

#include <bit>
#include <cstdlib>
#include <map>

#include "export_worker.h"
#include "otlp_encode.h"

namespace kilowatch {
namespace {

using std::chrono::milliseconds;
using Time = ExportWorker::Time;

class FakeTransport final : public HttpTransport {
 public:
    HttpReply post(const HttpPost& request, milliseconds, const std::atomic<bool>&) override {
        posts.push_back(request);
        const HttpReply reply = answer(request);
        if (reply.status == 200) accepted.push_back(request);
        return reply;
    }
    std::function<HttpReply(const HttpPost&)> answer = [](const HttpPost&) {
        return HttpReply{.status = 200, .error = {}, .body = {}};
    };
    std::vector<HttpPost> posts;
    std::vector<HttpPost> accepted;
};

HttpReply status(int code, std::optional<milliseconds> retry_after = {}) {
    return {.status = code, .error = {}, .body = {}, .retry_after = retry_after};
}

std::unique_ptr<SpanData> some_span(std::string name = "s") {
    auto span = std::make_unique<SpanData>();
    span->context = *parse_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    span->name = std::move(name);
    return span;
}

double total_of(const Registry& registry, std::string_view name, const Labels& labels) {
    for (const FamilySnapshot& family : registry.snapshot())
        if (family.name == name)
            for (const SeriesSnapshot& series : family.series)
                if (series.labels == labels) return series.value;
    return 0;
}
double dropped(const Registry& registry, const char* kind, const char* reason) {
    return total_of(registry, "kilowatch_sdk_dropped_total", {{"kind", kind}, {"reason", reason}});
}
double exported(const Registry& registry, const char* kind) {
    return total_of(registry, "kilowatch_sdk_exported_total", {{"kind", kind}});
}

// A worker for spans alone unless told otherwise, with the time in the test's hand.
struct Bench {
    explicit Bench(OtlpOptions options = {.logs = false, .metrics = false})
        : worker(Resource{}, options, registry, transport) {}

    void add(int count) {
        bool full = false;
        for (int i = 0; i < count; ++i) worker.take(some_span(), now, full);
    }
    Time step() { return worker.step(now, false); }
    // Lets time pass, stepping whenever the worker wants to be called.
    void run_for(std::chrono::seconds duration) {
        const Time end = now + duration;
        while (now < end) now = std::min(end, std::max(step(), now + milliseconds(1)));
        step();
    }

    Registry registry;
    FakeTransport transport;
    ExportWorker worker;
    Time now = Time(std::chrono::hours(1000));
};

TEST(ExportWorker, WaitsForCompanyOrTheDelay) {
    Bench bench;
    bench.add(3);
    const Time next = bench.step();
    EXPECT_TRUE(bench.transport.posts.empty());
    EXPECT_EQ(next, bench.now + milliseconds(1000));
    bench.now = next;
    bench.step();
    ASSERT_EQ(bench.transport.posts.size(), 1u);
    EXPECT_EQ(bench.transport.posts[0].url, "http://127.0.0.1:4318/v1/traces");
    bench.add(1200);
    bench.step();  // two whole batches; 176 wait
    EXPECT_EQ(bench.transport.posts.size(), 3u);
    bench.worker.step(bench.now, true);
    EXPECT_EQ(bench.transport.posts.size(), 4u);
    EXPECT_TRUE(bench.worker.empty());
    EXPECT_EQ(exported(bench.registry, "spans"), 1203);
}

TEST(ExportWorker, AnswersDecideWhatHappens) {
    struct Row {
        int status;
        bool retried;
    };
    const Row rows[] = {{200, false}, {204, false}, {400, false}, {401, false},
                        {404, false}, {413, false}, {429, true},  {500, false},
                        {502, true},  {503, true},  {504, true},  {0, true}};
    for (const Row& row : rows) {
        SCOPED_TRACE(row.status);
        set_diagnostics({});
        Bench bench;
        bench.transport.answer = [&](const HttpPost&) { return status(row.status); };
        bench.add(5);
        bench.worker.step(bench.now, true);
        EXPECT_EQ(bench.worker.empty(), !row.retried);
        const bool accepted = row.status >= 200 && row.status < 300;
        EXPECT_EQ(exported(bench.registry, "spans"), accepted ? 5 : 0);
        EXPECT_EQ(dropped(bench.registry, "spans", "rejected"), accepted || row.retried ? 0 : 5);
        bench.transport.answer = [](const HttpPost&) { return status(200); };
        bench.run_for(std::chrono::seconds(5));
        EXPECT_EQ(exported(bench.registry, "spans"), accepted || row.retried ? 5 : 0);
    }
}

TEST(ExportWorker, WaitsLongerAndLongerOrAsAsked) {
    Bench bench;
    bench.transport.answer = [](const HttpPost&) { return status(503); };
    bench.add(1);
    bench.worker.step(bench.now, true);
    for (const int seconds : {1, 2, 4, 8, 16, 30, 30}) {
        SCOPED_TRACE(seconds);
        const size_t posts = bench.transport.posts.size();
        bench.now += milliseconds(seconds * 790);
        bench.step();
        EXPECT_EQ(bench.transport.posts.size(), posts);  // not before 80 %
        bench.now += milliseconds(seconds * 420);
        bench.step();
        EXPECT_EQ(bench.transport.posts.size(), posts + 1);  // by 120 %
    }
    bench.transport.answer = [](const HttpPost&) { return status(429, milliseconds(17'000)); };
    bench.now += std::chrono::seconds(40);
    const Time asked = bench.now + std::chrono::seconds(17);
    EXPECT_EQ(bench.step(), asked);
    bench.now = asked - milliseconds(1);
    const size_t posts = bench.transport.posts.size();
    bench.step();
    EXPECT_EQ(bench.transport.posts.size(), posts);
    bench.now = asked;
    bench.transport.answer = [](const HttpPost&) { return status(200); };
    bench.step();
    EXPECT_TRUE(bench.worker.empty());
}

// Law 2: the receiver is away for an hour while the host makes 100 spans and 100 entries a second.
TEST(ExportWorker, SurvivesAnHourWithoutItsReceiver) {
    Bench bench({.spans_queued_max = 1000, .logs_queued_max = 500});
    bench.transport.answer = [](const HttpPost&) { return status(0); };
    uint64_t made = 0;
    for (int second = 0; second < 3600; ++second) {
        bool full = false;
        for (int i = 0; i < 100; ++i, ++made) {
            bench.worker.take(some_span(), bench.now, full);
            bench.worker.take(LogEntry{}, bench.now, full);
        }
        bench.run_for(std::chrono::seconds(1));
    }
    // Some 30 s apart, three signals: it does not hammer an absent receiver.
    EXPECT_LT(bench.transport.posts.size(), 3 * (3600 / 24 + 10));
    EXPECT_GT(bench.transport.posts.size(), 3 * 3600 / 36u);
    bench.transport.answer = [](const HttpPost&) { return status(200); };
    bench.run_for(std::chrono::seconds(60));
    EXPECT_TRUE(bench.worker.empty());
    for (const char* kind : {"spans", "logs"}) {
        SCOPED_TRACE(kind);
        const double sent = exported(bench.registry, kind);
        const double lost =
            dropped(bench.registry, kind, "queue_full") + dropped(bench.registry, kind, "retries");
        EXPECT_EQ(sent + lost, made);  // every one is accounted for
        EXPECT_LE(sent, 1000 + 512);   // the queue and the batch in flight
        EXPECT_GE(sent, 500);
    }
    EXPECT_GE(exported(bench.registry, "metrics"), 3);
}

TEST(ExportWorker, BoundsTheBytesThatWait) {
    Bench bench({.queued_bytes_max = 100'000});
    bool full = false;
    const std::string text(4000, 'x');
    for (int i = 0; i < 1000; ++i) {
        auto span = some_span();
        span->events.push_back({"e", {}, {{"k", text}}});
        bench.worker.take(std::move(span), bench.now, full);
        LogEntry entry;
        entry.details = {{"k", text}};
        bench.worker.take(std::move(entry), bench.now, full);
    }
    EXPECT_GE(dropped(bench.registry, "spans", "queue_full"), 975);
    EXPECT_GE(dropped(bench.registry, "logs", "queue_full"), 975);
    bench.worker.step(bench.now, true);  // and all of the room comes back
    EXPECT_TRUE(bench.worker.empty());
    EXPECT_GE(exported(bench.registry, "spans"), 20);
    bench.add(100);
    EXPECT_GE(dropped(bench.registry, "spans", "queue_full"), 975);
    bench.worker.step(bench.now, true);
    EXPECT_GE(exported(bench.registry, "spans"), 120);
}

TEST(ExportWorker, CountsWhatAReceiverRejectsInPart) {
    Bench bench;
    // partial_success { rejected_spans: 2 error_message: "no" }
    const std::string body("\x0a\x06\x08\x02\x12\x02no", 8);
    EXPECT_EQ(rejected_by(body), 2u);
    EXPECT_EQ(rejected_by("\xff\xff"), 0u);
    EXPECT_EQ(rejected_by(""), 0u);
    bench.transport.answer = [&](const HttpPost&) {
        HttpReply reply = status(200);
        reply.body = body;
        return reply;
    };
    bench.add(5);
    bench.worker.step(bench.now, true);
    EXPECT_EQ(exported(bench.registry, "spans"), 3);
    EXPECT_EQ(dropped(bench.registry, "spans", "rejected"), 2);
}

TEST(ExportWorker, PushesProfilesWhereAsked) {
    Bench bench({.traces = false,
                 .logs = false,
                 .metrics = false,
                 .profile_url = "http://127.0.0.1:9/ingest",
                 .profiles_queued_max = 2});
    const SystemTime start{std::chrono::seconds(100)};
    for (int i = 0; i < 3; ++i)
        bench.worker.take_profile("pprof", start, start + std::chrono::seconds(10));
    EXPECT_EQ(dropped(bench.registry, "profiles", "queue_full"), 1);
    bench.step();
    ASSERT_EQ(bench.transport.posts.size(), 2u);
    EXPECT_EQ(bench.transport.posts[0].body, "pprof");
    EXPECT_THAT(bench.transport.posts[0].url,
                testing::StartsWith("http://127.0.0.1:9/ingest?format=pprof&spyName=kilowatch&name="
                                    "unknown_service.cpu%7B"));
    EXPECT_THAT(bench.transport.posts[0].url, testing::EndsWith("&from=100&until=110"));
}

TEST(OtlpExporter, FlushesAndGivesUpInTime) {
    Registry registry;
    auto owned = std::make_unique<FakeTransport>();
    FakeTransport& transport = *owned;
    {
        OtlpExporter exporter(Resource{}, {}, registry, std::move(owned));
        exporter.take(some_span());
        EXPECT_TRUE(exporter.flush(milliseconds(10'000)));
        std::vector<std::string> urls;
        for (const HttpPost& post : transport.accepted) urls.push_back(post.url);
        EXPECT_THAT(urls, testing::IsSupersetOf({"http://127.0.0.1:4318/v1/traces",
                                                 "http://127.0.0.1:4318/v1/metrics"}));
    }
    auto deaf = std::make_unique<FakeTransport>();
    deaf->answer = [](const HttpPost&) { return status(503); };
    {
        OtlpExporter exporter(Resource{}, {.shutdown_timeout = milliseconds(20)}, registry,
                              std::move(deaf));
        exporter.take(some_span());
        EXPECT_FALSE(exporter.flush(milliseconds(20)));
    }
    EXPECT_EQ(dropped(registry, "spans", "shutdown"), 1);
}

TEST(ParseRetryAfter, TakesSecondsAndDates) {
    struct Row {
        std::string text;
        std::optional<milliseconds> want;
    };
    const Row rows[] = {{"120", milliseconds(120'000)},
                        {" 1 \r\n", milliseconds(1000)},
                        {"0", milliseconds(0)},
                        {"-1", {}},
                        {"soon", {}},
                        {"", {}},
                        {"99999999999", milliseconds(1'000'000'000)},
                        {"Sun, 06 Nov 1994 08:49:37 GMT", milliseconds(37'000)},
                        {"Sun, 06 Nov 1994 08:00:00 GMT", milliseconds(0)}};
    for (const Row& row : rows) {
        SCOPED_TRACE(row.text);
        EXPECT_EQ(parse_retry_after(row.text, 784'111'740), row.want);  // 08:49:00
    }
}

TEST(OptionsFromEnvironment, TakesWhatIsSetAndValid) {
    setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://otel:4318/", 1);
    setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20x, a=b,=c,d", 1);
    setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none", 1);
    setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "x", 1);
    const OtlpOptions options = options_from_environment({});
    EXPECT_EQ(options.endpoint, "http://otel:4318/");
    EXPECT_THAT(options.headers, testing::ElementsAre(testing::Pair("authorization", "Bearer x"),
                                                      testing::Pair("a", "b")));
    EXPECT_FALSE(options.gzip);
    EXPECT_EQ(options.request_timeout, milliseconds(10'000));
    for (const char* name : {"ENDPOINT", "HEADERS", "COMPRESSION", "TIMEOUT"})
        unsetenv((std::string("OTEL_EXPORTER_OTLP_") + name).c_str());
}

// --- encoding: every message as path of field numbers → values, for looking up

using Fields = std::multimap<std::string, std::string>;

void walk(protozero::pbf_reader reader, const std::string& path,
          const std::vector<std::string>& messages, Fields& out) {
    while (reader.next()) {
        const std::string here = path + "/" + std::to_string(reader.tag());
        switch (reader.wire_type()) {
            case protozero::pbf_wire_type::varint:
                out.emplace(here, std::to_string(reader.get_uint64()));
                break;
            case protozero::pbf_wire_type::fixed64:
                out.emplace(here, std::to_string(reader.get_fixed64()));
                break;
            case protozero::pbf_wire_type::fixed32:
                out.emplace(here, std::to_string(reader.get_fixed32()));
                break;
            default: {
                const std::string bytes = reader.get_string();
                out.emplace(here, bytes);
                if (std::find(messages.begin(), messages.end(), here) != messages.end())
                    walk(protozero::pbf_reader(bytes), here, messages, out);
            }
        }
    }
}

Fields fields_of(const std::string& bytes, const std::vector<std::string>& messages) {
    Fields out;
    walk(protozero::pbf_reader(bytes), "", messages, out);
    return out;
}
std::vector<std::string> at(const Fields& fields, const std::string& path) {
    std::vector<std::string> out;
    for (auto [it, end] = fields.equal_range(path); it != end; ++it) out.push_back(it->second);
    return out;
}

TEST(EncodeSpans, HasWhatTheSpanHas) {
    std::vector<std::unique_ptr<SpanData>> spans;
    spans.push_back(some_span("GET \xff"));
    SpanData& span = *spans[0];
    span.parent_id.bytes[7] = 1;
    span.kind = SpanKind::kClient;
    span.start = SystemTime(std::chrono::nanoseconds(1000));
    span.end = SystemTime(std::chrono::nanoseconds(2500));
    span.attributes = {{"user_id", "explicit"}, {"rows", 7}};
    span.tags = std::make_shared<const TraceTags>(
        TraceTags{.request_id = "r", .user_id = "u", .environment = "e"});
    span.events.push_back({"event", span.start, {}});
    span.links.push_back({span.context, {}});
    span.status = SpanStatus::kError;
    span.status_message = "broke";
    const std::string span_path = "/1/2/2";
    const Fields fields =
        fields_of(encode_spans(Resource{.service_name = "api"}.all(), spans),
                  {"/1", "/1/1", "/1/1/1", "/1/1/1/2", "/1/2", "/1/2/1", span_path, "/1/2/2/9",
                   "/1/2/2/9/2", "/1/2/2/11", "/1/2/2/13", "/1/2/2/15"});
    EXPECT_THAT(at(fields, "/1/1/1/1"), testing::Contains("service.name"));
    EXPECT_THAT(at(fields, "/1/1/1/2/1"), testing::Contains("api"));
    EXPECT_THAT(at(fields, "/1/2/1/1"), testing::ElementsAre("kilowatch"));
    EXPECT_EQ(at(fields, span_path + "/1").at(0).size(), 16u);
    EXPECT_EQ(at(fields, span_path + "/2").at(0), std::string("\xb7\xadkqi\x20\x33\x31"));
    EXPECT_EQ(at(fields, span_path + "/4").at(0).size(), 8u);
    EXPECT_THAT(at(fields, span_path + "/5"), testing::ElementsAre("GET ?"));
    EXPECT_THAT(at(fields, span_path + "/6"), testing::ElementsAre("3"));
    EXPECT_THAT(at(fields, span_path + "/7"), testing::ElementsAre("1000"));
    EXPECT_THAT(at(fields, span_path + "/8"), testing::ElementsAre("2500"));
    EXPECT_THAT(at(fields, span_path + "/9/1"),
                testing::ElementsAre("user_id", "rows", "request_id", "environment"));
    EXPECT_THAT(at(fields, span_path + "/9/2/1"), testing::ElementsAre("explicit", "r", "e"));
    EXPECT_THAT(at(fields, span_path + "/9/2/3"), testing::ElementsAre("7"));
    EXPECT_THAT(at(fields, span_path + "/11/2"), testing::ElementsAre("event"));
    EXPECT_EQ(at(fields, span_path + "/13").size(), 1u);
    EXPECT_THAT(at(fields, span_path + "/15/3"), testing::ElementsAre("2"));
    EXPECT_THAT(at(fields, span_path + "/15/2"), testing::ElementsAre("broke"));
}

TEST(EncodeLogs, HasSeverityBodyAndTrace) {
    LogEntry entry;
    entry.level = LogLevel::kWarning;
    entry.message = "slow";
    entry.span = some_span()->context;
    entry.details = {{"duration_ms", 1.5}};
    const std::vector<LogEntry> entries{entry};
    const Fields fields = fields_of(encode_logs({}, entries), {"/1", "/1/2", "/1/2/2", "/1/2/2/5"});
    EXPECT_THAT(at(fields, "/1/2/2/2"), testing::ElementsAre("13"));
    EXPECT_THAT(at(fields, "/1/2/2/3"), testing::ElementsAre("WARNING"));
    EXPECT_THAT(at(fields, "/1/2/2/5/1"), testing::ElementsAre("slow"));
    EXPECT_EQ(at(fields, "/1/2/2/9").at(0).size(), 16u);
    EXPECT_EQ(at(fields, "/1/2/2/10").at(0).size(), 8u);
}

TEST(EncodeMetrics, HasEveryKind) {
    Registry registry;
    registry.counter("c_total", "C.").increment(5);
    registry.gauge("g", "G.").set(1.5);
    registry.histogram("h", "H.", {.bounds = {1}}).observe(0.5);
    registry.histogram("n", "N.", {.bounds = {}, .native = NativeOptions{.schema = 0}}).observe(3);
    const std::string metric = "/1/2/2";
    const Fields fields = fields_of(
        encode_metrics({}, registry.snapshot(), SystemTime(std::chrono::seconds(9))),
        {"/1", "/1/2", metric, metric + "/5", metric + "/5/1", metric + "/7", metric + "/7/1",
         metric + "/9", metric + "/9/1", metric + "/10", metric + "/10/1", metric + "/10/1/8"});
    EXPECT_THAT(at(fields, metric + "/1"), testing::ElementsAre("c_total", "g", "h", "n"));
    EXPECT_THAT(at(fields, metric + "/7/2"), testing::ElementsAre("2"));  // cumulative
    EXPECT_THAT(at(fields, metric + "/7/3"), testing::ElementsAre("1"));  // monotonic
    EXPECT_THAT(at(fields, metric + "/7/1/4"),
                testing::ElementsAre(std::to_string(std::bit_cast<uint64_t>(5.0))));
    EXPECT_THAT(at(fields, metric + "/5/1/3"), testing::ElementsAre("9000000000"));
    EXPECT_THAT(at(fields, metric + "/9/1/6"),
                testing::ElementsAre(std::string("\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16)));
    // 3 lies in (2, 4]: bucket 2 for Prometheus, offset 1 for OTLP, which zigzag writes as 2.
    EXPECT_THAT(at(fields, metric + "/10/1/8/1"), testing::ElementsAre("2"));
    EXPECT_THAT(at(fields, metric + "/10/1/8/2"), testing::ElementsAre("\1"));
}

}  // namespace
}  // namespace kilowatch
