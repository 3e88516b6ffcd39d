// What PostgreSQL is asked, as a table: a statement, which of its columns are labels and which are metrics.
//
// Names and labels are postgres_exporter's of today (docs/collectors.md). A statement's first columns are labels of
// the column's own name, the others the metrics in the table's order; NULL as a label is empty, as a metric left
// out. Every statement bounds its rows. Statements differ by server version where the catalogues do.
#pragma once

#include <span>
#include <string_view>

namespace kw::collect {

struct PostgresMetric {
    std::string_view name;
    std::string_view type;
    std::string_view help;
};

struct PostgresQuery {
    std::string_view
        name;         // of pg_scrape_collector_success; may occur once for each range of versions
    int version_min;  // 140000 for 14, inclusive; 0: any
    int version_max;  // exclusive; 0: any
    size_t label_count;
    std::span<const PostgresMetric> metrics;
    const char* sql;
};

// By file: queries_server.cc, queries_database.cc, queries_tables.cc.
std::span<const PostgresQuery> postgres_server_queries();
std::span<const PostgresQuery> postgres_database_queries();
// Of the database that the connection string names.
std::span<const PostgresQuery> postgres_table_queries();

}  // namespace kw::collect
