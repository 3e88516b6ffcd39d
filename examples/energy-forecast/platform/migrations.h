// The schema as numbered files, migrations/0001_name.sql and on: each is applied once, in order, in a transaction
// that also records it. A file that changed after it was applied stops the platform: write a new one instead.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "platform/database.h"

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

// Gives how many were applied. Errors: kConflict when an applied one has changed or is missing here.
kw::Result<int> apply_migrations(Connection& connection, const std::vector<Migration>& migrations);

}  // namespace energy
