#include "web/assets.h"

#include <algorithm>

#include "web/asset_table.h"

namespace kw::web {

std::optional<Asset> find_asset(std::string_view path) {
    const std::span<const Asset> assets = embedded_assets();
    const auto found = std::ranges::lower_bound(assets, path, {}, &Asset::path);
    if (found == assets.end() || found->path != path) return std::nullopt;
    return *found;
}

bool has_assets() { return !embedded_assets().empty(); }

}  // namespace kw::web
