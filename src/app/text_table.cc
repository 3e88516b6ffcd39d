#include "app/text_table.h"

#include <fmt/core.h>

#include <algorithm>
#include <ostream>

namespace kw::app {

void TextTable::write(std::ostream& out) const {
    std::vector<size_t> widths(rows_.front().size());
    for (const auto& row : rows_) {
        for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
    }
    for (const auto& row : rows_) {
        for (size_t i = 0; i + 1 < row.size(); ++i)
            out << fmt::format("{:<{}}  ", row[i], widths[i]);
        out << row.back() << "\n";
    }
}

}  // namespace kw::app
