#include "wire/exposition/scan.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace kw::wire {
namespace {

// -1 where there is none.
long closing(const std::string& text) {
    const char* const at = find_closing_brace(text.data(), text.data() + text.size());
    return at == nullptr ? -1 : at - text.data();
}

TEST(FindClosingBrace, SkipsQuotedBraces) {
    struct Row {
        std::string text;
        long want;
    };
    const Row rows[] = {
        {"}", 0},
        {"", -1},
        {"a=\"b\"} 1", 5},
        {"a=\"}\"} 1", 5},
        {"a=\"\\\"}\"} 1", 7},
        {"a=\"\\\\\"} 1", 6},
        {"a=\"b", -1},
        {"a=\"b\n\"}", -1},
        {"a=\"b\\\n\"}", -1},
        {"a=\"0123456789012345678901234567890\",b=\"}}}}}}}\"}", 47},
        {"a=\"0123456789012345678901234567890\\\"}\",b=\"}}}}}}}\"}", 50},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.text);
        EXPECT_EQ(closing(row.text), row.want);
    }
}

TEST(FindClosingBrace, AgreesWithThePlainScan) {
    std::mt19937_64 random(7);
    constexpr std::string_view kAlphabet = "aaaaaaaaa\"\"\"}}\\\n,=";
    for (int i = 0; i < 100'000; ++i) {
        std::string text;
        const size_t length = random() % 80;
        for (size_t c = 0; c < length; ++c) text += kAlphabet[random() % kAlphabet.size()];
        SCOPED_TRACE(text);
        const char* const end = text.data() + text.size();
        ASSERT_EQ(find_closing_brace(text.data(), end), find_closing_brace_plain(text.data(), end));
    }
}

}  // namespace
}  // namespace kw::wire
