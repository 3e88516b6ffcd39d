// What a scrape asks for in its Accept header.
#pragma once

#include <string>
#include <vector>

#include "scrape/options.h"

namespace kw::scrape {

// Weighted in their order, as Prometheus 3 writes it.
std::string accept_header(const std::vector<Protocol>& protocols, Escaping escaping);

}  // namespace kw::scrape
