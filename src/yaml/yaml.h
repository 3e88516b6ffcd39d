// YAML text → a tree of nodes with positions: the only file that knows the YAML library.
//
// What the readers of configurations, rules and discovery documents may rely on, whatever the text:
//   - aliases are expanded and `<<` is merged (keys written in the map win, then earlier merged
//   maps);
//   - a key occurs once in a map; a second one is an error that names both lines;
//   - size, depth and the number of nodes after expansion are bounded, so an alias bomb is an
//   error;
//   - only the first document is read; `has_more_documents` says that another follows.
// Scalars keep their text; is_plain tells `5` from `"5"`. A `!!binary` scalar is decoded.
// Source: YAML 1.2.2, with the merge key of YAML 1.1 (as go-yaml reads it).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace kw {

struct YamlLimits {
    size_t bytes_max = 16 << 20;  // of the text
    size_t depth_max = 64;  // of nested lists and maps; the deepest key of the schema is at 12
    size_t nodes_max =
        400'000;  // after aliases are expanded: a map of 400 000 values is some 60 MB
};

struct YamlKey {
    std::string text;
    int line = 0;    // from 1
    int column = 0;  // from 1
};

struct YamlNode {
    enum class Kind : unsigned char { kNull, kScalar, kList, kMap };

    Kind kind = Kind::kNull;
    // A scalar without quotes and tag: numbers and booleans are told by their text.
    bool is_plain = false;
    int line = 0;                 // from 1
    int column = 0;               // from 1
    std::string text;             // of a scalar
    std::vector<YamlKey> keys;    // of a map, in the file's order; keys[i] is that of items[i]
    std::vector<YamlNode> items;  // of a list or a map

    bool is_null() const { return kind == Kind::kNull; }
    bool is_list() const { return kind == Kind::kList; }
    bool is_map() const { return kind == Kind::kMap; }
};

struct YamlDocument {
    YamlNode root;  // kNull when the text holds nothing
    bool has_more_documents = false;
};

// `file` is put before the position in errors: "prometheus.yml:3:5: …"; without one they begin
// "line 3, column 5: …".
// Errors: kInvalid (syntax, a repeated key, a key that is not a scalar, an unknown anchor, broken
// UTF-8), kExhausted over `limits`.
Result<YamlDocument> parse_yaml(std::string_view text, std::string_view file,
                                const YamlLimits& limits = {});

// Whether a plain scalar of this text means null: empty, ~, null, Null, NULL.
bool is_yaml_null(std::string_view text);

// The scalar that YAML reads as the string `text`: plain where that is safe, else quoted.
std::string yaml_scalar(std::string_view text);

}  // namespace kw
