#include "collect/postgres/settings.h"

#include <charconv>

#include "collect/postgres/connection.h"
#include "collect/writer.h"

namespace kw::collect {
namespace {

struct KnownUnit {
    std::string_view name;
    SettingUnit unit;
};
constexpr double kKilo = 1024;
constexpr KnownUnit kTimeUnits[] = {
    {"us", {"_seconds", 1e-6}}, {"ms", {"_seconds", 1e-3}}, {"s", {"_seconds", 1}},
    {"min", {"_seconds", 60}},  {"h", {"_seconds", 3600}},  {"d", {"_seconds", 86400}},
};
constexpr KnownUnit kSizeUnits[] = {
    {"B", {"_bytes", 1}},
    {"kB", {"_bytes", kKilo}},
    {"MB", {"_bytes", kKilo* kKilo}},
    {"GB", {"_bytes", kKilo* kKilo* kKilo}},
    {"TB", {"_bytes", kKilo* kKilo* kKilo* kKilo}},
};

enum Column : size_t { kName, kSetting, kUnit, kType, kDescription, kSettingColumns };

}  // namespace

const char* const kPostgresSettingsSql = R"(
SELECT name, setting, coalesce(unit, ''), vartype, short_desc FROM pg_settings
WHERE vartype IN ('bool', 'integer', 'real') ORDER BY name LIMIT 1000)";

std::optional<SettingUnit> setting_unit(std::string_view unit) {
    if (unit.empty()) return SettingUnit{};
    for (const KnownUnit& known : kTimeUnits) {
        if (known.name == unit) return known.unit;
    }
    // "8kB": the server's block sizes are units too.
    double count = 1;
    const auto [end, error] = std::from_chars(unit.data(), unit.data() + unit.size(), count);
    if (error == std::errc()) unit.remove_prefix(static_cast<size_t>(end - unit.data()));
    for (const KnownUnit& known : kSizeUnits) {
        if (known.name == unit) return SettingUnit{known.unit.suffix, known.unit.factor * count};
    }
    return std::nullopt;
}

void write_postgres_settings(const PostgresRows& rows, ExpositionWriter& out) {
    if (rows.column_count() != kSettingColumns) return;
    for (size_t row = 0; row < rows.row_count(); ++row) {
        const std::string_view setting = rows.text(row, kSetting);
        std::optional<double> value = rows.number(row, kSetting);
        if (rows.text(row, kType) == "bool") value = setting == "on" ? 1 : 0;
        const std::optional<SettingUnit> unit = setting_unit(rows.text(row, kUnit));
        if (!value || !unit) continue;

        std::string name("pg_settings_");
        for (const char c : rows.text(row, kName)) {
            const bool plain =
                (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
            name += plain ? c : '_';
        }
        name += unit->suffix;
        std::string help(rows.text(row, kDescription));
        if (!unit->suffix.empty()) {
            help += " [Units converted to ";
            help.append(unit->suffix.substr(1)) += ".]";
        }
        // -1 is no size and no time: "unlimited", "off" or "another setting's".
        out.gauge(name, help, *value == -1 ? -1 : *value * unit->factor);
    }
}

}  // namespace kw::collect
