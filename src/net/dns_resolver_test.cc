// Lookups against a server of our own: every type, search domains, servers that misbehave, a stop in between.
#include "net/dns_resolver.h"

#include <gtest/gtest.h>

#include <future>

#include "net/fake_dns.h"

namespace kw::net {
namespace {

using Manner = FakeDns::Manner;

DnsResolver::Options quick(const FakeDns& dns) {
    DnsResolver::Options options = dns.options();
    options.timeout_ms = 300;
    options.tries = 1;
    return options;
}

std::future<DnsResolver::Answer> ask(DnsResolver& resolver, std::string name, DnsRecordType type) {
    auto promise = std::make_shared<std::promise<DnsResolver::Answer>>();
    resolver.lookup(std::move(name), type, [promise](DnsResolver::Answer answer) {
        promise->set_value(std::move(answer));
    });
    return promise->get_future();
}

std::string text_of(const DnsResolver::Answer& answer) {
    if (!answer.ok())
        return fmt::format("!{}: {}", code_name(answer.error().code), answer.error().message);
    std::string text;
    for (const DnsRecord& record : *answer)
        text += fmt::format("{} {};", record.target, record.port);
    return text;
}

TEST(DnsResolver, ReadsEveryType) {
    FakeDns dns;
    dns.add("web.test", 1, FakeDns::address("10.0.0.1"));
    dns.add("web.test", 1, FakeDns::address("10.0.0.2"));
    dns.add("web.test", 28, FakeDns::address("fd00::1"));
    dns.add("web.test", 2, FakeDns::name("ns1.test"));
    dns.add("web.test", 15, FakeDns::number(10) + FakeDns::name("mx.test"));
    dns.add("_web._tcp.test", 33, FakeDns::srv(8080, "a.test"));
    dns.add("_web._tcp.test", 33, FakeDns::srv(8081, "b.test"));
    dns.add("short.near.test", 1, FakeDns::address("10.0.0.3"));
    DnsResolver resolver(quick(dns));
    struct Row {
        const char* name;
        DnsRecordType type;
        std::string_view want;
    };
    const Row rows[] = {
        {"web.test", DnsRecordType::kA, "10.0.0.1 0;10.0.0.2 0;"},
        {"web.test.", DnsRecordType::kA, "10.0.0.1 0;10.0.0.2 0;"},
        {"web.test", DnsRecordType::kAaaa, "fd00::1 0;"},
        {"web.test", DnsRecordType::kNs, "ns1.test. 0;"},
        {"web.test", DnsRecordType::kMx, "mx.test. 0;"},
        {"_web._tcp.test", DnsRecordType::kSrv, "a.test. 8080;b.test. 8081;"},
        {"short", DnsRecordType::kA, "10.0.0.3 0;"},  // under the search domain
        {"nobody.test", DnsRecordType::kA, ""},
        {"web.test", DnsRecordType::kSrv, ""},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(fmt::format("{} {}", row.name, static_cast<int>(row.type)));
        EXPECT_EQ(text_of(ask(resolver, row.name, row.type).get()), row.want);
    }
    EXPECT_TRUE(text_of(ask(resolver, std::string(64, 'a') + ".test", DnsRecordType::kA).get())
                    .starts_with("!invalid: "));
}

TEST(DnsResolver, SaysWhatIsWrongWithAServer) {
    FakeDns dns;
    dns.add("web.test", 1, FakeDns::address("10.0.0.1"));
    DnsResolver resolver(quick(dns));
    for (const Manner manner : {Manner::kRefuses, Manner::kTalksNonsense, Manner::kIsSilent}) {
        dns.behave(manner);
        const auto answer = ask(resolver, "web.test.", DnsRecordType::kA).get();
        ASSERT_FALSE(answer.ok()) << static_cast<int>(manner);
        EXPECT_EQ(answer.error().code,
                  manner == Manner::kIsSilent ? Code::kTimeout : Code::kUnavailable)
            << answer.error().message;
    }
    dns.behave(Manner::kAnswers);
    EXPECT_EQ(text_of(ask(resolver, "web.test.", DnsRecordType::kA).get()), "10.0.0.1 0;");
}

TEST(DnsResolver, RunsManyAtATimeAndEndsThemWithItself) {
    FakeDns dns;
    for (int i = 0; i < 200; ++i)
        dns.add(fmt::format("h{}.test", i), 1, FakeDns::address("10.0.0.1"));
    std::vector<std::future<DnsResolver::Answer>> waiting;
    {
        DnsResolver resolver(dns.options());
        std::vector<std::future<DnsResolver::Answer>> all;
        for (int i = 0; i < 200; ++i)
            all.push_back(ask(resolver, fmt::format("h{}.test.", i), DnsRecordType::kA));
        for (auto& one : all) EXPECT_EQ(text_of(one.get()), "10.0.0.1 0;");
        dns.behave(Manner::kIsSilent);
        for (int i = 0; i < 20; ++i)
            waiting.push_back(ask(resolver, fmt::format("h{}.test.", i), DnsRecordType::kA));
    }
    for (auto& one : waiting) {
        const auto answer = one.get();
        ASSERT_FALSE(answer.ok());
        EXPECT_EQ(answer.error().code, Code::kCancelled);
    }
}

}  // namespace
}  // namespace kw::net
