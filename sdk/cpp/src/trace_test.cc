#include "kilowatch/trace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <stdexcept>
#include <thread>

#include <sys/wait.h>
#include <unistd.h>

#include "identifiers.h"

namespace kilowatch {
namespace {

class Recorder final : public SpanSink {
 public:
    bool take(std::unique_ptr<SpanData> span) override {
        spans.push_back(std::move(span));
        return true;
    }
    std::vector<std::unique_ptr<SpanData>> spans;
};

using Headers = std::map<std::string, std::string, std::less<>>;

HeaderGetter getter(const Headers& headers) {
    return [&headers](std::string_view name) -> std::optional<std::string> {
        const auto found = headers.find(name);
        return found == headers.end() ? std::nullopt : std::optional(found->second);
    };
}
HeaderSetter setter(Headers& headers) {
    return [&headers](std::string_view name, std::string_view value) {
        headers[std::string(name)] = value;
    };
}

constexpr const char* kParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

TEST(ParseTraceparent, IsStrict) {
    const std::string good = kParent;
    const auto with = [&](size_t at, char c) {
        std::string text = good;
        text[at] = c;
        return text;
    };
    struct Row {
        std::string text;
        bool valid;
    };
    const Row rows[] = {
        {good, true},
        {good.substr(0, 53) + "00", true},
        {good.substr(0, 53) + "ff", true},  // unknown flags are ignored
        {"", false},
        {good.substr(0, 54), false},  // one digit short
        {good + "-", false},          // version 00 has no more
        {good + "0", false},
        {"01" + good.substr(2), true},
        {"cc" + good.substr(2) + "-what-the-future-brings", true},
        {"cc" + good.substr(2) + ".what", false},
        {"ff" + good.substr(2), false},
        {with(4, 'A'), false},  // upper case
        {with(4, 'g'), false},
        {with(2, '_'), false},
        {with(35, ' '), false},
        {with(52, '0'), false},
        {"00-00000000000000000000000000000000-b7ad6b7169203331-01", false},
        {"00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", false},
        {" " + good, false},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.text);
        EXPECT_EQ(parse_traceparent(row.text).has_value(), row.valid);
    }
    EXPECT_TRUE(parse_traceparent(good)->sampled);
    EXPECT_FALSE(parse_traceparent(good.substr(0, 53) + "02")->sampled);
    EXPECT_EQ(format_traceparent(*parse_traceparent(good)), good);
}

TEST(ParseTracestate, KeepsTheRules) {
    std::string members32;
    for (int i = 0; i < 32; ++i) members32 += (i ? ",k" : "k") + std::to_string(i) + "=v";
    struct Row {
        std::string text;
        std::optional<std::string> want;
    };
    const Row rows[] = {
        {"rojo=00f067aa0ba902b7,congo=t61rcWkgMzE", "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"},
        {" a=1 ,\t, b=2", "a=1,b=2"},
        {"", ""},
        {"fw529a3039@dt=FfAB", "fw529a3039@dt=FfAB"},
        {"0tenant@sys=x", "0tenant@sys=x"},
        {"a=b c", "a=b c"},
        {members32, members32},
        {members32 + ",one=more", {}},
        {"a=1,a=2", {}},
        {"A=1", {}},
        {"0a=1", {}},  // digit first, without a tenant
        {"a@=1", {}},
        {"@b=1", {}},
        {"a@0b=1", {}},
        {"a@bbbbbbbbbbbbbbb=1", {}},  // a system of 15
        {"a", {}},
        {"a=", {}},
        {"a=x=y", {}},
        {"a=\x01", {}},
        {"a=\xc3\xa9", {}},
        {std::string(256, 'a') + "=1", std::string(256, 'a') + "=1"},
        {std::string(257, 'a') + "=1", {}},
        {"a=" + std::string(257, 'x'), {}},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.text);
        EXPECT_EQ(parse_tracestate(row.text), row.want);
    }
}

TEST(Propagation, GoesThroughAProcessUnchanged) {
    const Headers in{{"traceparent", kParent},
                     {"tracestate", "rojo=1,congo=2"},
                     {"baggage", "other=x, user_id = a%20b%2C;secret=1,request_id=r-1"}};
    const Context context = extract(getter(in));
    EXPECT_TRUE(context.span.remote);
    ASSERT_TRUE(context.tags);
    EXPECT_EQ(context.tags->user_id, "a b,");
    EXPECT_EQ(context.tags->request_id, "r-1");

    Headers out;
    inject(context, setter(out));
    EXPECT_EQ(out, (Headers{{"traceparent", kParent},
                            {"tracestate", "rojo=1,congo=2"},
                            {"baggage", "request_id=r-1,user_id=a%20b%2C"}}));
    Headers without;
    inject(context, setter(without), false);
    EXPECT_FALSE(without.contains("baggage"));
    EXPECT_FALSE(extract(getter(in), false).tags);
}

TEST(Propagation, BadHeadersGiveNoParent) {
    EXPECT_FALSE(extract(getter({})).span.valid());
    // Without a valid traceparent the tracestate does not count.
    const Context bad = extract(getter({{"traceparent", "00-xyz"}, {"tracestate", "a=1"}}));
    EXPECT_FALSE(bad.span.valid());
    EXPECT_FALSE(bad.span.tracestate);
    const Context state = extract(getter({{"traceparent", kParent}, {"tracestate", "A=1"}}));
    EXPECT_TRUE(state.span.valid());
    EXPECT_FALSE(state.span.tracestate);
    EXPECT_FALSE(extract(getter({{"baggage", std::string(9000, ',') + "user_id=1"}})).tags);
    EXPECT_FALSE(extract(getter({{"baggage", "user_id=" + std::string(300, 'x')}})).tags);
    Headers out;
    inject({}, setter(out));
    EXPECT_TRUE(out.empty());
}

TEST(Tracer, ChildrenFollowTheCurrentSpanOfTheThread) {
    Recorder recorder;
    Tracer tracer(recorder, {});
    {
        ScopedSpan root = tracer.start_scoped("root", {.kind = SpanKind::kServer});
        {
            ScopedSpan child = tracer.start_scoped("child");
            EXPECT_EQ(current_context().span.span_id, child->context().span.span_id);
        }
        EXPECT_EQ(current_context().span.span_id, root->context().span.span_id);
        std::jthread([] { EXPECT_FALSE(current_context().span.valid()); });
    }
    EXPECT_FALSE(current_context().span.valid());
    ASSERT_EQ(recorder.spans.size(), 2u);
    const SpanData& child = *recorder.spans[0];
    const SpanData& root = *recorder.spans[1];
    EXPECT_EQ(child.parent_id, root.context.span_id);
    EXPECT_EQ(child.context.trace_id, root.context.trace_id);
    EXPECT_FALSE(root.parent_id.valid());
    EXPECT_EQ(root.kind, SpanKind::kServer);
    EXPECT_LE(root.start, child.start);
    EXPECT_LE(child.end, root.end);
}

TEST(Tracer, HandsAContextToAnotherThread) {
    Recorder recorder;
    Tracer tracer(recorder, {});
    ScopedSpan root = tracer.start_scoped("root");
    root.set_tags({.request_id = "r-7"});
    const Context context = current_context();
    std::jthread([&] {
        const ContextScope scope(context);
        ScopedSpan work = tracer.start_scoped("work");
    }).join();
    ASSERT_EQ(recorder.spans.size(), 1u);
    EXPECT_EQ(recorder.spans[0]->parent_id, root->context().span.span_id);
    EXPECT_EQ(recorder.spans[0]->tags->request_id, "r-7");
}

TEST(Tracer, TagsAreInherited) {
    Recorder recorder;
    Tracer tracer(recorder, {.environment = "production"});
    {
        ScopedSpan root = tracer.start_scoped("root");
        root.set_tags({.request_id = "r", .user_id = "u"});
        ScopedSpan middle = tracer.start_scoped("middle");
        middle.set_tags({.model_version = "m"});
        ScopedSpan leaf = tracer.start_scoped("leaf");
    }
    {
        ScopedSpan next = tracer.start_scoped("next");
    }
    ASSERT_EQ(recorder.spans.size(), 4u);
    EXPECT_EQ(*recorder.spans[0]->tags, (TraceTags{"r", "u", "m", "", "production"}));
    EXPECT_EQ(*recorder.spans[2]->tags, (TraceTags{"r", "u", "", "", "production"}));
    EXPECT_EQ(*recorder.spans[3]->tags, (TraceTags{"", "", "", "", "production"}));
}

TEST(Tracer, FillsTheTagsThatNobodyGave) {
    Recorder recorder;
    int asked = 0;
    Tracer tracer(recorder, {.environment = "production", .fill_tags = [&] {
                                 if (++asked == 3) throw std::runtime_error("the host's fault");
                                 return TraceTags{"r-own", "system", "m", "d", "nowhere"};
                             }});
    {
        ScopedSpan root = tracer.start_scoped("root");
        root.set_tags({.user_id = "u"});
        ScopedSpan leaf = tracer.start_scoped("leaf");  // lacks none: nothing is asked
        EXPECT_EQ(asked, 1);
    }
    TraceTags incoming{"r-7", "", "m-7", "", ""};
    const Context from_elsewhere = Context{}.with_tags(incoming);
    {
        const Span span = tracer.start("of a request", {.parent = from_elsewhere});
    }
    {
        const Span span = tracer.start("of a host that throws");
    }
    ASSERT_EQ(recorder.spans.size(), 4u);
    EXPECT_EQ(*recorder.spans[0]->tags, (TraceTags{"r-own", "u", "m", "d", "production"}));
    EXPECT_EQ(*recorder.spans[1]->tags, (TraceTags{"r-own", "u", "m", "d", "production"}));
    EXPECT_EQ(*recorder.spans[2]->tags, (TraceTags{"r-7", "system", "m-7", "d", "production"}));
    EXPECT_EQ(*recorder.spans[3]->tags, (TraceTags{"", "", "", "", "production"}));
}

TEST(Tracer, SamplesByTheTraceId) {
    Recorder recorder;
    Tracer tracer(recorder, {.sample_ratio = 0.25});
    Tracer same(recorder, {.sample_ratio = 0.25});
    int sampled = 0;
    for (int i = 0; i < 4000; ++i) {
        const Span span = tracer.start("s");
        sampled += span.recording();
        EXPECT_EQ(span.recording(), span.context().span.sampled);
        EXPECT_TRUE(span.context().span.valid());
        const Span child = same.start("c", {.parent = span.context()});
        EXPECT_EQ(child.recording(), span.recording());
    }
    EXPECT_NEAR(sampled, 1000, 150);  // five standard deviations are 137
    Tracer none(recorder, {.sample_ratio = 0});
    Tracer odd(recorder, {.sample_ratio = 7});
    EXPECT_FALSE(none.start("s").recording());
    EXPECT_TRUE(odd.start("s").recording());
    SpanContext remote = *parse_traceparent(kParent);
    EXPECT_TRUE(none.start("s", {.parent = Context{remote, nullptr}}).recording());
    EXPECT_FALSE(none.start("s", {.parent = Context{remote, nullptr}, .root = true}).recording());
}

TEST(Span, KeepsWhatIsSetBeforeItsEnd) {
    Recorder recorder;
    Tracer tracer(recorder, {});
    Span span = tracer.start("name", {.attributes = {{"a", 1}, {"a", 2}}});
    span.set_attribute("b", "text");
    span.set_attribute("b", true);
    span.set_attribute("c", 0.5);
    span.add_event("event", {{"k", "v"}});
    span.add_link(*parse_traceparent(kParent));
    span.add_link({});  // not valid: no link
    span.record_exception("std::bad_alloc", "no memory");
    span.set_name("renamed");
    span.end();
    span.set_attribute("late", 1);
    span.end();
    ASSERT_EQ(recorder.spans.size(), 1u);
    const SpanData& data = *recorder.spans[0];
    EXPECT_EQ(data.name, "renamed");
    EXPECT_EQ(data.attributes, (Attributes{{"a", 2}, {"b", true}, {"c", 0.5}}));
    ASSERT_EQ(data.events.size(), 2u);
    EXPECT_EQ(data.events[1].name, "exception");
    EXPECT_EQ(data.links.size(), 1u);
    EXPECT_EQ(data.status, SpanStatus::kError);
    EXPECT_EQ(data.status_message, "no memory");
}

TEST(Span, IsBounded) {
    Recorder recorder;
    Tracer tracer(recorder, {});
    Span span = tracer.start(std::string(1000, 'n'));
    for (int i = 0; i < 200; ++i) {
        span.set_attribute("a" + std::to_string(i), i);
        span.add_event("e");
        span.add_link(*parse_traceparent(kParent));
    }
    span.set_attribute("a0", std::string(10'000, 'x'));
    span.end();
    const SpanData& data = *recorder.spans.at(0);
    EXPECT_EQ(data.name.size(), 256u);
    EXPECT_EQ(data.attributes.size(), 128u);
    EXPECT_EQ(data.dropped_attributes, 72u);
    EXPECT_EQ(data.events.size(), 128u);
    EXPECT_EQ(data.dropped_events, 72u);
    EXPECT_EQ(data.links.size(), 32u);
    EXPECT_EQ(data.dropped_links, 168u);
    EXPECT_EQ(std::get<std::string>(data.attributes[0].value.get()).size(), 4096u);
}

TEST(Span, EndsOnceWhenMovedAndDestroyed) {
    Recorder recorder;
    Tracer tracer(recorder, {});
    {
        Span first = tracer.start("first");
        Span second = std::move(first);
        second = tracer.start("third");  // ends what it held
        EXPECT_EQ(recorder.spans.size(), 1u);
    }
    EXPECT_EQ(recorder.spans.size(), 2u);
    Span().end();
}

TEST(Identifiers, AreDifferentInTheChildOfAFork) {
    random_span_id();  // the generator is seeded in the parent
    int pipe_ends[2];
    ASSERT_EQ(pipe(pipe_ends), 0);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        const SpanId id = random_span_id();
        const ssize_t written = write(pipe_ends[1], id.bytes.data(), id.bytes.size());
        _exit(written == 8 ? 0 : 1);
    }
    SpanId theirs;
    ASSERT_EQ(read(pipe_ends[0], theirs.bytes.data(), theirs.bytes.size()), 8);
    waitpid(child, nullptr, 0);
    EXPECT_NE(theirs, random_span_id());
    close(pipe_ends[0]);
    close(pipe_ends[1]);
    std::set<std::string> all;
    for (int i = 0; i < 1000; ++i) all.insert(random_trace_id().hex());
    EXPECT_EQ(all.size(), 1000u);
    EXPECT_EQ(parse_traceparent(kParent)->trace_id.uuid(), "0af76519-16cd-43dd-8448-eb211c80319c");
}

}  // namespace
}  // namespace kilowatch
