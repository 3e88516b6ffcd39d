// Text to typed tree.
//
// Errors are kInvalid (kExhausted for the limits) and read like Prometheus': "1:5: parse error:
// unexpected
// \"}\"", with line and column, both from 1, of the byte they are about.
// Features that Prometheus calls experimental are always understood; one that is not enabled is
// refused with Prometheus' words, so that the message is about the feature and not about syntax.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/matcher.h"
#include "promql/ast.h"

namespace kw::promql {

struct ParseOptions {
    bool experimental_functions = false;
    bool duration_expressions = false;      // [5m + step()], offset -(1m * 2)
    bool extended_range_selectors = false;  // anchored, smoothed
    bool fill_modifiers = false;            // fill, fill_left, fill_right

    // 1 MiB: generated queries with long alternations reach some 100 KiB.
    size_t text_bytes_max = 1 << 20;
    // Nesting and operator chains alike. Some 300 bytes of stack a level in the parser, and every
    // later pass recurses too; people write 20, generated chains of `or` some hundreds.
    size_t tree_height_max = 1000;
    // Each may take 4 MiB for its program (model/matcher.h): 1 GiB, were all of them hostile.
    size_t regex_count_max = 250;

    static ParseOptions all_features() { return {true, true, true, true}; }
};

// Parses and type-checks a query.
Result<ExprPtr> parse(std::string_view text, const ParseOptions& options = {});

// Parses a selector alone, as `match[]` parameters have it, `up{job="x"}`: its matchers, the name's
// included.
Result<std::vector<Matcher>> parse_selector(std::string_view text,
                                            const ParseOptions& options = {});

}  // namespace kw::promql
