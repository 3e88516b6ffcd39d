// Rows of cells for people, the columns aligned.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

namespace kw::app {

class TextTable final {
 public:
    explicit TextTable(std::vector<std::string> header) { rows_.push_back(std::move(header)); }
    // As many cells as the header has.
    void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
    void write(std::ostream& out) const;

 private:
    std::vector<std::vector<std::string>> rows_;
};

}  // namespace kw::app
