// pg_settings_*: every setting of the server that is a number or a switch, in base units.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace kw::collect {

class ExpositionWriter;
class PostgresRows;

// name, setting, unit, vartype, short_desc.
extern const char* const kPostgresSettingsSql;
void write_postgres_settings(const PostgresRows& rows, ExpositionWriter& out);

// What a unit of pg_settings ("ms", "8kB") is in seconds or bytes; nullopt: none that is known.
struct SettingUnit {
    std::string_view suffix;  // "_seconds", "_bytes"; empty: a plain number
    double factor = 1;
};
std::optional<SettingUnit> setting_unit(std::string_view unit);

}  // namespace kw::collect
