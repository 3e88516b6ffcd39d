// What embed.py generates: the files of web/dist, sorted by path. Empty when the UI was not built.
#pragma once

#include <span>

#include "web/assets.h"

namespace kw::web {

std::span<const Asset> embedded_assets();

}  // namespace kw::web
