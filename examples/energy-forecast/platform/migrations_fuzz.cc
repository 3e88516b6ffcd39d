// Any names and texts as files of migrations: refused, or numbered 1, 2, … without a gap. The input is lines: a file's
// name after '>', the lines below are its text.
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "platform/migration_files.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    std::vector<std::pair<std::string, std::string>> files;
    std::string_view rest(reinterpret_cast<const char*>(data), size);
    while (!rest.empty()) {
        const size_t end = rest.find('\n');
        const std::string_view line = rest.substr(0, end);
        rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
        if (line.starts_with('>')) {
            files.emplace_back(line.substr(1), "");
        } else if (!files.empty()) {
            files.back().second.append(line).append("\n");
        }
    }
    const auto migrations = energy::parse_migrations(files);
    if (!migrations.ok()) return 0;
    KW_CHECK_FATAL(migrations->size() == files.size());
    int number = 0;
    for (const energy::Migration& migration : *migrations) {
        KW_CHECK_FATAL(migration.number == ++number);
        KW_CHECK_FATAL(migration.checksum.size() == 64);
    }
    return 0;
}
