#include "api/text_format.h"

#include <gtest/gtest.h>

#include "api/parameters.h"

namespace kw::api {
namespace {

TEST(TextFormat, IsWhatTheScraperWantsMost) {
    struct Row {
        const char* accept;
        const char* want;
    };
    const Row rows[] = {
        {"", "version=0.0.4; charset=utf-8; escaping=underscores"},
        {"*/*", "version=0.0.4; charset=utf-8; escaping=underscores"},
        {"text/plain", "version=0.0.4; charset=utf-8; escaping=underscores"},
        {"text/plain;version=1.0.0", "version=1.0.0; charset=utf-8; escaping=underscores"},
        {"text/plain; version=1.0.0; escaping=dots", "version=1.0.0; charset=utf-8; escaping=dots"},
        {"Text/Plain;version=0.0.4;escaping=values",
         "version=0.0.4; charset=utf-8; escaping=values"},
        // Prometheus 3's own.
        {"application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
         "application/openmetrics-text;version=0.0.1;q=0.5,"
         "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,"
         "*/*;q=0.2",
         "version=1.0.0; charset=utf-8; escaping=allow-utf-8"},
        {"text/plain;version=0.0.4;q=0.3,text/plain;version=1.0.0;escaping=values;q=0.4",
         "version=1.0.0; charset=utf-8; escaping=values"},
        {"text/plain;version=2.0.0;escaping=dots, text/plain;q=0.1",
         "version=0.0.4; charset=utf-8; escaping=dots"},
        {"text/plain;escaping=other;q=x,;;=,",
         "version=0.0.4; charset=utf-8; escaping=underscores"},
    };
    for (const Row& row : rows) {
        EXPECT_EQ(negotiate_text_format(row.accept).content_type(),
                  std::string("text/plain; ") + row.want)
            << row.accept;
    }
}

TEST(EscapeName, WritesNamesInEveryScheme) {
    struct Row {
        const char* name;
        const char* underscores;
        const char* dots;
        const char* values;
    };
    // The specification's examples, and ours.
    const Row rows[] = {
        {"no:escaping_required", "no:escaping_required", "no:escaping_required",
         "no:escaping_required"},
        {"mysystem.prod.west.cpu.load", "mysystem_prod_west_cpu_load",
         "mysystem_dot_prod_dot_west_dot_cpu_dot_load",
         "U__mysystem_2e_prod_2e_west_2e_cpu_2e_load"},
        {"mysystem.prod.west.cpu.load_total", "mysystem_prod_west_cpu_load_total",
         "mysystem_dot_prod_dot_west_dot_cpu_dot_load__total",
         "U__mysystem_2e_prod_2e_west_2e_cpu_2e_load__total"},
        {"http.status:sum", "http_status:sum", "http_dot_status:sum", "U__http_2e_status:sum"},
        {"label with 😱", "label_with__", "label__with____", "U__label_20_with_20__1f631_"},
        {"0a", "_a", "__a", "U___30_a"},
        {"花火", "__", "____", "U___82b1__706b_"},
    };
    for (const Row& row : rows) {
        EXPECT_EQ(escape_name(row.name, NameEscaping::kAllowUtf8, true), row.name);
        EXPECT_EQ(escape_name(row.name, NameEscaping::kUnderscores, true), row.underscores);
        EXPECT_EQ(escape_name(row.name, NameEscaping::kDots, true), row.dots);
        EXPECT_EQ(escape_name(row.name, NameEscaping::kValues, true), row.values);
        EXPECT_EQ(unescape_name(row.values), row.name);
    }
    EXPECT_EQ(escape_name("a:b", NameEscaping::kUnderscores, false), "a_b");
    EXPECT_EQ(escape_name("a:b", NameEscaping::kValues, false), "U__a_3a_b");
    EXPECT_EQ(escape_name("\xff", NameEscaping::kValues, true), "U___fffd_");
}

}  // namespace
}  // namespace kw::api
