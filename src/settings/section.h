// A block of a configuration that was read: typed values by key, with defaults filled in and with
// the place where each stands, so that a check made later can still name file, line and key. Values
// are reached by the names of the schema's fields; asking for a name that the block has not is a
// broken invariant.
#pragma once

#include <fmt/core.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"
#include "settings/schema.h"

namespace kw {
struct YamlNode;
}

namespace kw::settings {

using Texts = std::vector<std::string>;
// name: texts; of kTextMap, kSecretMap and kLabels one text each, of kAnyMap its YAML in one line.
using TextsByName = std::vector<std::pair<std::string, Texts>>;
// Of kBlock (none or one), kBlocks, and kBlockMap, where the names stand in Section::name.
using Sections = std::vector<Section>;

struct Value {
    const Field* field = nullptr;
    int line = 0;  // 0: not written, the default
    // std::monostate: empty, whatever the kind. bool; int64_t: kInt, kDuration (ms), kSize (bytes).
    std::variant<std::monostate, bool, int64_t, uint64_t, double, std::string, Texts, TextsByName,
                 Sections>
        data;
};

class Section {
 public:
    explicit Section(const Block& block) : block_(&block) {}

    const Block& block() const { return *block_; }
    // Where the block begins. The path is that of the key: "scrape_configs[0].basic_auth".
    int line() const { return line_; }
    const std::string& path() const { return path_; }
    const std::string& file() const { return *file_; }
    // Of a kBlockMap's entry.
    const std::string& name() const { return name_; }

    // Whether the key is there with something in it: not null, "", 0, false, [] or {} (a block
    // counts even when it is empty).
    bool has(std::string_view key) const;
    // Whether the key was written in the file, null included.
    bool is_written(std::string_view key) const { return value(key).line > 0; }
    bool flag(std::string_view key) const;
    int64_t integer(std::string_view key) const;
    uint64_t count(std::string_view key) const;
    double real(std::string_view key) const;
    // Views of this section's own; empty when there is nothing.
    const std::string& text(std::string_view key) const;
    const Texts& texts(std::string_view key) const;
    const TextsByName& map(std::string_view key) const;
    const Sections& sections(std::string_view key) const;
    Sections& sections(std::string_view key);
    // Of a kBlock; null when absent.
    const Section* section(std::string_view key) const;
    Section* section(std::string_view key);

    // Gives a key a value, as if by default.
    void put(std::string_view key, decltype(Value::data) data);
    // All fields, in the schema's order.
    const std::vector<Value>& values() const { return values_; }
    // The value of a field; `key` is one of the block's.
    const Value& value(std::string_view key) const;

    // "prometheus.yml:12: scrape_configs[0].scrape_timeout: <message>": found wrong at `key`, or at
    // the block itself when `key` is empty. The line is the key's where it was written, else the
    // block's.
    template <typename... Args>
    Error error(std::string_view key, fmt::format_string<Args...> format, Args&&... args) const {
        return error_at(key, fmt::format(format, std::forward<Args>(args)...));
    }
    Error error_at(std::string_view key, std::string message) const;
    // The path and line that an error at `key` would name.
    std::string path_of(std::string_view key) const;
    int line_of(std::string_view key) const;

 private:
    friend class SectionReader;
    Value& value(std::string_view key);

    const Block* block_;
    std::vector<Value> values_;
    std::string path_;
    std::string name_;
    std::shared_ptr<const std::string> file_;
    int line_ = 0;
};

struct ReadOptions {
    // Keys that the schema does not know are passed over: files for a newer server.
    bool ignores_unknown_keys = false;
};

// Holds `node` against `block`: unknown keys, kinds, ranges, required keys, the checks of every
// block. A null node is a block with nothing written. `path` is put before the keys in errors; ""
// for a file. Errors: kInvalid, one: the first in the file's order.
Result<Section> read_section(const YamlNode& node, const Block& block, std::string_view file,
                             std::string_view path = {}, const ReadOptions& options = {});
// Likewise for a file that is a list of blocks. A null node is an empty list.
Result<Sections> read_sections(const YamlNode& node, const Block& block, std::string_view file,
                               std::string_view path = {}, const ReadOptions& options = {});

// The section as YAML, `indent` spaces in: secrets as <secret>, what is empty and has no default
// left out.
std::string section_yaml(const Section& section, size_t indent = 0);

}  // namespace kw::settings
