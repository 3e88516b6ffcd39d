// Any bytes: the parser refuses or gives a tree that prints to a fixpoint.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "promql/parser.h"
#include "promql/printer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace kw::promql;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    (void)parse_selector(text);
    auto expr = parse(text, ParseOptions::all_features());
    if (!expr.ok()) return 0;
    const std::string line = print(**expr);
    const auto again = parse(line, ParseOptions::all_features());
    KW_CHECK_FATAL(again.ok());
    KW_CHECK_FATAL(print(**again) == line);
    const auto from_pretty = parse(pretty_print(**expr), ParseOptions::all_features());
    // Indentation may take it over the limit of the text, never elsewhere.
    KW_CHECK_FATAL(from_pretty.ok() || from_pretty.error().code == kw::Code::kExhausted);
    if (from_pretty.ok()) KW_CHECK_FATAL(print(**from_pretty) == line);
    (void)tree_json(**expr);
    (void)resolve_durations(**expr, {{0}, {60'000}, 1000}, text);
    return 0;
}
