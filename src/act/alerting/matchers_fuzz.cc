// Fuzzes the parsers of matchers: what is read prints to a text that reads the same.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "alerting/matchers.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace kw;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    if (size > 4096) return 0;
    const Result<alerting::Matchers> utf8 = alerting::parse_utf8_matchers(text);
    if (utf8.ok()) {
        const Result<alerting::Matchers> again =
            alerting::parse_utf8_matchers(alerting::matchers_text(*utf8));
        if (!again.ok() || !(*again == *utf8)) std::abort();
    }
    const Result<alerting::Matchers> classic = alerting::parse_classic_matchers(text);
    if (classic.ok()) {
        const Result<alerting::Matchers> again =
            alerting::parse_classic_matchers(alerting::matchers_text(*classic));
        if (!again.ok() || !(*again == *classic)) std::abort();
    }
    (void)alerting::parse_matchers(text);
    (void)alerting::parse_matcher(text);
    return 0;
}
