// Addresses of this process as the names of functions: the mappings of /proc/self/maps, and the
// symbol tables of the files behind them (.symtab, else .dynsym), read when the first address of a
// file is asked for.
//
// A file may be damaged or replaced: every offset is checked against its size.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace kilowatch {

// Part of a file in memory that can be executed.
struct CodeMapping {
    uint64_t begin = 0;
    uint64_t end = 0;
    uint64_t file_offset = 0;
    std::string path;
};

class Symbols final {
 public:
    Symbols();  // reads the mappings
    ~Symbols();
    Symbols(const Symbols&) = delete;
    Symbols& operator=(const Symbols&) = delete;

    const std::vector<CodeMapping>& mappings() const { return mappings_; }
    // Index of the mapping that holds `address`; -1 where there is none.
    int mapping_of(uint64_t address) const;
    // The function's name, demangled; "[file]" where the file does not tell, "[unknown]" outside
    // of all.
    std::string name_of(uint64_t address);

 private:
    class ElfFile;
    std::vector<CodeMapping> mappings_;  // ascending
    std::map<std::string, std::unique_ptr<ElfFile>> files_;
};

}  // namespace kilowatch
