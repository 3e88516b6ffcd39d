// The schema as numbered files, migrations/0001_name.sql and on.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace energy {

struct Migration {
    int number = 0;
    std::string name;
    std::string sql;
    std::string checksum;  // hexadecimal
};

// Sorted by number. `files` are (file name, content). Errors: kInvalid for a name that is not NNNN_name.sql, a
// number twice, a gap, an empty file, or one that begins or ends a transaction itself.
kw::Result<std::vector<Migration>> parse_migrations(
    const std::vector<std::pair<std::string, std::string>>& files);

// All files of a folder that end in .sql.
kw::Result<std::vector<Migration>> read_migrations(const std::string& folder);

}  // namespace energy
