#include "platform/migration_files.h"

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "platform/secrets.h"
#include "platform/text_file.h"

namespace energy {
namespace {

bool has_word(std::string_view sql, std::string_view word) {
    const auto letter = [&](size_t at) {
        return at < sql.size() &&
               (std::isalnum(static_cast<unsigned char>(sql[at])) != 0 || sql[at] == '_');
    };
    for (size_t at = sql.find(word); at != std::string_view::npos; at = sql.find(word, at + 1))
        if ((at == 0 || !letter(at - 1)) && !letter(at + word.size())) return true;
    return false;
}

}  // namespace

kw::Result<std::vector<Migration>> parse_migrations(
    const std::vector<std::pair<std::string, std::string>>& files) {
    std::vector<Migration> migrations;
    for (const auto& [name, sql] : files) {
        int number = 0;
        const bool form =
            name.size() > 9 && name[4] == '_' && name.ends_with(".sql") &&
            std::from_chars(name.data(), name.data() + 4, number).ptr == name.data() + 4 &&
            number > 0;
        if (!form) return kw::invalid("{}: want a name like 0001_schema.sql", name);
        if (sql.find_first_not_of(" \t\r\n") == std::string::npos)
            return kw::invalid("{}: is empty", name);
        for (const std::string_view word : {"BEGIN", "COMMIT", "ROLLBACK"})
            if (has_word(sql, word))
                return kw::invalid("{}: has {}; the runner makes the transaction", name, word);
        migrations.push_back({number, name, sql, sha256_hex(sql)});
    }
    std::sort(migrations.begin(), migrations.end(),
              [](const Migration& a, const Migration& b) { return a.number < b.number; });
    for (size_t i = 0; i < migrations.size(); ++i)
        if (migrations[i].number != static_cast<int>(i) + 1)
            return kw::invalid("{}: number {} where {:04} must stand", migrations[i].name,
                               migrations[i].number, i + 1);
    return migrations;
}

kw::Result<std::vector<Migration>> read_migrations(const std::string& folder) {
    std::vector<std::pair<std::string, std::string>> files;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
        if (entry.path().extension() != ".sql") continue;
        KW_TRY_ASSIGN(std::string sql, read_file(entry.path().string()));
        files.emplace_back(entry.path().filename().string(), std::move(sql));
    }
    if (error) return kw::not_found("{}: {}", folder, error.message());
    return parse_migrations(files);
}

}  // namespace energy
