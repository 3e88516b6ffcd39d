// Numbered files applied to a database: each once, in order, in a transaction that also records it. A file that changed
// after it was applied stops the platform: write a new one instead.
#pragma once

#include <vector>

#include "platform/database.h"
#include "platform/migration_files.h"

namespace energy {

// Gives how many were applied. Errors: kConflict when an applied one has changed or is missing here.
kw::Result<int> apply_migrations(Connection& connection, const std::vector<Migration>& migrations);

}  // namespace energy
