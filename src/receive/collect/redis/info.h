// The answer to INFO, section by section, as redis_exporter's families.
//
//   text ─▶ parse_redis_info() ─▶ lines ─▶ add_redis_info() ─▶ FamilySet
//
// Fields that are a number (or ok, fail, up, down) and stand in a table have a metric of their own; those of
// Commandstats, Errorstats, Latencystats, Keyspace and Replication are taken apart. Others are left out.
// Source: https://redis.io/docs/latest/commands/info/
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "collect/family_set.h"

namespace kw::collect {

inline constexpr size_t kInfoLinesMax = 20'000;

struct InfoLine {
    std::string_view section;  // "Keyspace"
    std::string_view key;
    std::string_view value;
};
// Views of `text`; what is over kInfoLinesMax is left out.
std::vector<InfoLine> parse_redis_info(std::string_view text);

// A field with a metric of its own.
struct InfoField {
    std::string_view field;
    std::string_view metric;  // without "redis_"
    std::string_view type;
};
std::span<const InfoField> redis_info_fields();

// `now_seconds` since 1970. `database_count`: databases without keys up to it are there with 0.
void add_redis_info(std::span<const InfoLine> lines, double now_seconds, size_t database_count,
                    FamilySet& families);

}  // namespace kw::collect
