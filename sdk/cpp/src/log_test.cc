#include "kilowatch/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <iterator>
#include <thread>

#include <sys/stat.h>
#include <unistd.h>

#include "log_line.h"

namespace kilowatch {
namespace {

using testing::HasSubstr;

constexpr std::chrono::milliseconds kLong{10'000};

std::string read_file(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

std::string temporary_path(const char* name) {
    return testing::TempDir() + "kw_sdk_" + std::to_string(getpid()) + "_" + name;
}

class Entries final : public LogSink {
 public:
    bool take(LogEntry entry) override {
        all.push_back(std::move(entry));
        return true;
    }
    std::vector<LogEntry> all;
};

SpanContext span_of_entry() {
    return *parse_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
}

LogEntry entry_of(std::string message, Attributes details) {
    LogEntry entry;
    entry.time = SystemTime(std::chrono::nanoseconds(1'733'680'621'123'456'789));
    entry.message = std::move(message);
    entry.details = std::move(details);
    return entry;
}

TEST(FormatLogLine, WritesTheGuidesTwoForms) {
    LogEntry entry = entry_of("Request processed",
                              {{"endpoint", "/forecast"}, {"duration_ms", 45}, {"status", 200}});
    entry.span = span_of_entry();
    EXPECT_EQ(format_log_line(entry, {.service = "api", .form = LogOptions::Form::kMetadata}, 0),
              "{\"timestamp\":\"2024-12-08T17:57:01.123456Z\",\"level\":\"INFO\",\"service\":"
              "\"api\",\"trace_id\":\"0af7651916cd43dd8448eb211c80319c\",\"span_id\":"
              "\"b7ad6b7169203331\",\"message\":\"Request processed\",\"metadata\":{\"endpoint\":"
              "\"/forecast\",\"duration_ms\":45,\"status\":200}}\n");
    const std::string details = format_log_line(
        entry, {.service = "api", .trace_id_form = LogOptions::TraceIdForm::kUuid}, 3);
    EXPECT_THAT(details, HasSubstr("\"trace_id\":\"0af76519-16cd-43dd-8448-eb211c80319c\""));
    EXPECT_THAT(details, HasSubstr("\"details\":{\"endpoint\""));
    EXPECT_THAT(details, HasSubstr(",\"left_out\":3}}\n"));
}

TEST(FormatLogLine, IsValidWhateverIsPassedIn) {
    struct Row {
        AttributeValue value;
        const char* want;
    };
    const Row rows[] = {
        {"quote \" back \\ line \n tab \t", R"("quote \" back \\ line \n tab \t")"},
        {std::string("\x01\x7f\0", 3), R"("\u0001\u007f\u0000")"},
        {"bad \xff\xc3 utf", "\"bad \xef\xbf\xbd\xef\xbf\xbd utf\""},
        {"\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},  // a surrogate
        {"grün €", "\"grün €\""},
        {true, "true"},
        {int64_t{-9'000'000'000}, "-9000000000"},
        {0.1, "0.1"},
        {std::nan(""), "\"NaN\""},
        {HUGE_VAL, "\"+Inf\""},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.want);
        const std::string line = format_log_line(entry_of("m", {{"k", row.value}}), {}, 0);
        EXPECT_THAT(line, HasSubstr(std::string("\"details\":{\"k\":") + row.want + "}}\n"));
    }
}

TEST(FormatLogLine, IsBounded) {
    Attributes many;
    for (int i = 0; i < 64; ++i)
        many.push_back({"k" + std::to_string(i), std::string(100'000, '\x01')});
    const std::string line = format_log_line(
        entry_of(cut_message(std::string(100'000, '"')), log_details(many, nullptr)), {}, 0);
    EXPECT_LE(line.size(), kLogLineBytesMax);
    EXPECT_THAT(line, HasSubstr("…"));
    EXPECT_TRUE(line.ends_with("}}\n"));
    EXPECT_THAT(line, HasSubstr("\"left_out\":"));
}

TEST(Logger, WritesLinesWithTheCurrentSpanAndItsTags) {
    const std::string path = temporary_path("log");
    Registry registry;
    Entries entries;
    {
        Logger log({.service = "model", .path = path}, registry, &entries);
        log.debug("not at this level");
        log.info("outside");
        const Context context =
            Context{span_of_entry(), nullptr}.with_tags({.request_id = "r-1", .user_id = "u-1"});
        {
            const ContextScope scope(context);
            log.warning("inside", {{"duration_ms", 1.5}, {"user_id", "other"}, {"a", 1}, {"a", 2}});
        }
        log.set_level(LogLevel::kError);
        log.warning("not any more");
        EXPECT_TRUE(log.flush(kLong));
    }
    const std::string text = read_file(path);
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2);
    EXPECT_THAT(text, HasSubstr("\"service\":\"model\",\"message\":\"outside\",\"details\":{}}\n"));
    EXPECT_THAT(text, HasSubstr("\"level\":\"WARNING\""));
    EXPECT_THAT(text, HasSubstr("\"details\":{\"request_id\":\"r-1\",\"user_id\":\"other\","
                                "\"duration_ms\":1.5,\"a\":2}}\n"));
    ASSERT_EQ(entries.all.size(), 2u);
    EXPECT_EQ(entries.all[1].span.trace_id, span_of_entry().trace_id);
    unlink(path.c_str());
}

TEST(Logger, FollowsARotatedFile) {
    const std::string path = temporary_path("rotated");
    Registry registry;
    Logger log({.path = path}, registry);
    log.info("first");
    ASSERT_TRUE(log.flush(kLong));
    ASSERT_EQ(rename(path.c_str(), (path + ".1").c_str()), 0);
    log.reopen();
    log.info("second");
    ASSERT_TRUE(log.flush(kLong));
    EXPECT_THAT(read_file(path + ".1"), HasSubstr("first"));
    EXPECT_THAT(read_file(path), HasSubstr("second"));
    unlink(path.c_str());
    unlink((path + ".1").c_str());
}

// A pipe that nobody reads: the host goes on, memory is bounded, losses are counted, nothing is
// torn.
TEST(Logger, NeverBlocksOnAReaderThatDoesNotRead) {
    const std::string path = temporary_path("fifo");
    ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
    std::FILE* const reader = std::fopen(path.c_str(), "r+");  // so that opening does not block
    ASSERT_NE(reader, nullptr);
    Registry registry;
    uint64_t read_lines = 0;
    constexpr uint64_t kLines = 20'000;
    {
        Logger log({.path = path, .queue_bytes_max = 100'000}, registry);
        const std::string message(100, 'm');
        for (uint64_t i = 0; i < kLines; ++i) log.info(message);
        EXPECT_FALSE(log.flush(std::chrono::milliseconds(1)));
        std::jthread drain([&] {
            char* line = nullptr;
            size_t size = 0;
            for (ssize_t got; (got = getline(&line, &size, reader)) > 0;) {
                const std::string_view text(line, got);
                if (text == "end\n") break;
                EXPECT_TRUE(text.starts_with("{\"timestamp\"") && text.ends_with("}}\n"));
                ++read_lines;
            }
            free(line);
        });
        EXPECT_TRUE(log.flush(kLong));
        std::FILE* const end = std::fopen(path.c_str(), "w");
        std::fputs("end\n", end);
        std::fclose(end);
    }
    double dropped = 0;
    for (const FamilySnapshot& family : registry.snapshot())
        for (const SeriesSnapshot& series : family.series) dropped += series.value;
    EXPECT_GT(dropped, 0);
    EXPECT_EQ(static_cast<double>(read_lines) + dropped, kLines);
    std::fclose(reader);
    unlink(path.c_str());
}

TEST(Logger, SaysAndCountsWhatCannotBeWritten) {
    std::vector<std::string> said;
    set_diagnostics([&](std::string_view line) { said.emplace_back(line); });
    Registry registry;
    {
        Logger log({.path = "/nonexistent/folder/log"}, registry);
        log.info("lost");
        EXPECT_TRUE(log.flush(kLong));
    }
    set_diagnostics({});
    ASSERT_EQ(said.size(), 1u);
    EXPECT_THAT(said[0], HasSubstr("/nonexistent/folder/log"));
    ASSERT_EQ(registry.snapshot().size(), 1u);
    EXPECT_EQ(registry.snapshot()[0].series[0].value, 1);
}

}  // namespace
}  // namespace kilowatch
