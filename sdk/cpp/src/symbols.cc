#include "symbols.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <limits>
#include <sstream>

#include <cxxabi.h>
#include <elf.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace kilowatch {
namespace {

constexpr std::string_view kDeleted = " (deleted)";

std::string demangle(const char* name) {
    int status = 0;
    char* const text = abi::__cxa_demangle(name, nullptr, nullptr, &status);
    std::string out = status == 0 && text ? text : name;
    std::free(text);
    return out;
}

std::string own_program() {
    char path[4096];
    const ssize_t size = readlink("/proc/self/exe", path, sizeof path);
    return size > 0 ? std::string(path, size) : std::string();
}

}  // namespace

class Symbols::ElfFile final {
 public:
    explicit ElfFile(const std::string& path) {
        // The program itself can be had even after its file was replaced.
        const int fd =
            open(path == own_program() ? "/proc/self/exe" : path.c_str(), O_RDONLY | O_CLOEXEC);
        if (fd < 0) return;
        struct stat status{};
        if (fstat(fd, &status) == 0 && status.st_size > 0) {
            void* const bytes = mmap(nullptr, status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
            if (bytes != MAP_FAILED) {
                bytes_ = static_cast<const char*>(bytes);
                size_ = status.st_size;
            }
        }
        close(fd);
        read();
    }
    ~ElfFile() {
        if (bytes_) munmap(const_cast<char*>(bytes_), size_);
    }
    ElfFile(const ElfFile&) = delete;
    ElfFile& operator=(const ElfFile&) = delete;

    // The mangled name of the function at an offset of the file; null where there is none.
    const char* name_at(uint64_t file_offset) const {
        const auto segment =
            std::find_if(segments_.begin(), segments_.end(), [&](const Elf64_Phdr& one) {
                return file_offset >= one.p_offset && file_offset - one.p_offset < one.p_filesz;
            });
        if (segment == segments_.end()) return nullptr;
        const uint64_t address = file_offset - segment->p_offset + segment->p_vaddr;
        auto after = std::upper_bound(
            functions_.begin(), functions_.end(), address,
            [](uint64_t value, const Function& one) { return value < one.address; });
        if (after == functions_.begin()) return nullptr;
        const Function& function = *std::prev(after);
        const bool within = function.size == 0 || address - function.address < function.size;
        return within ? function.name : nullptr;
    }

 private:
    struct Function {
        uint64_t address;
        uint64_t size;
        const char* name;  // within the file, ends with zero
    };

    // `count` values of T at `offset`; null where the file has not that much.
    template <class T>
    const T* at(uint64_t offset, uint64_t count) const {
        if (count > size_ / sizeof(T) || offset > size_ - count * sizeof(T) ||
            offset % alignof(T) != 0)
            return nullptr;
        return reinterpret_cast<const T*>(bytes_ + offset);
    }

    void read() {
        const auto* header = at<Elf64_Ehdr>(0, 1);
        if (!header || std::memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 ||
            header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_phentsize != sizeof(Elf64_Phdr) ||
            (header->e_shnum > 0 && header->e_shentsize != sizeof(Elf64_Shdr)))
            return;
        const auto* programs = at<Elf64_Phdr>(header->e_phoff, header->e_phnum);
        const auto* sections = at<Elf64_Shdr>(header->e_shoff, header->e_shnum);
        if (!programs || !sections) return;
        for (int i = 0; i < header->e_phnum; ++i)
            if (programs[i].p_type == PT_LOAD) segments_.push_back(programs[i]);
        for (const uint32_t wanted : {SHT_SYMTAB, SHT_DYNSYM}) {
            for (int i = 0; i < header->e_shnum && functions_.empty(); ++i)
                if (sections[i].sh_type == wanted && sections[i].sh_link < header->e_shnum)
                    read_table(sections[i], sections[sections[i].sh_link]);
        }
        std::sort(functions_.begin(), functions_.end(),
                  [](const Function& a, const Function& b) { return a.address < b.address; });
    }

    void read_table(const Elf64_Shdr& table, const Elf64_Shdr& texts) {
        const uint64_t count = table.sh_size / sizeof(Elf64_Sym);
        const auto* symbols = at<Elf64_Sym>(table.sh_offset, count);
        const auto* names = at<char>(texts.sh_offset, texts.sh_size);
        if (!symbols || !names || texts.sh_size == 0 || names[texts.sh_size - 1] != '\0') return;
        for (uint64_t i = 0; i < count; ++i) {
            const Elf64_Sym& one = symbols[i];
            const auto type = ELF64_ST_TYPE(one.st_info);
            if ((type != STT_FUNC && type != STT_GNU_IFUNC) || one.st_shndx == SHN_UNDEF ||
                one.st_name >= texts.sh_size)
                continue;
            functions_.push_back({one.st_value, one.st_size, names + one.st_name});
        }
    }

    const char* bytes_ = nullptr;
    uint64_t size_ = 0;
    std::vector<Elf64_Phdr> segments_;
    std::vector<Function> functions_;  // by address
};

// Source: proc(5): begin-end perms offset device inode path.
Symbols::Symbols() {
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);) {
        std::istringstream fields(line);
        CodeMapping mapping;
        char dash = 0;
        std::string permissions;
        std::string device;
        uint64_t inode = 0;
        fields >> std::hex >> mapping.begin >> dash >> mapping.end >> permissions >>
            mapping.file_offset >> device >> std::dec >> inode;
        if (!fields || permissions.size() < 3 || permissions[2] != 'x') continue;
        std::getline(fields >> std::ws, mapping.path);
        if (mapping.path.ends_with(kDeleted))
            mapping.path.resize(mapping.path.size() - kDeleted.size());
        mappings_.push_back(std::move(mapping));
    }
}

Symbols::~Symbols() = default;

int Symbols::mapping_of(uint64_t address) const {
    const auto after =
        std::upper_bound(mappings_.begin(), mappings_.end(), address,
                         [](uint64_t value, const CodeMapping& one) { return value < one.begin; });
    if (after == mappings_.begin() || address >= std::prev(after)->end) return -1;
    return static_cast<int>(std::prev(after) - mappings_.begin());
}

std::string Symbols::name_of(uint64_t address) {
    const int index = mapping_of(address);
    if (index < 0) return "[unknown]";
    const CodeMapping& mapping = mappings_[index];
    if (mapping.path.starts_with('/')) {
        std::unique_ptr<ElfFile>& file = files_[mapping.path];
        if (!file) file = std::make_unique<ElfFile>(mapping.path);
        const char* const name = file->name_at(address - mapping.begin + mapping.file_offset);
        if (name) return demangle(name);
        return "[" + mapping.path.substr(mapping.path.rfind('/') + 1) + "]";
    }
    return mapping.path.starts_with('[') ? mapping.path : "[unknown]";
}

}  // namespace kilowatch
