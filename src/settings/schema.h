// The schema of a file of settings as data: what keys a block has, of which kind, with which
// default.
//
//   Block ──fields──▶ Field ──block──▶ Block …      tables of who reads a file
//
// read_section() (section.h) holds a YAML tree against a Block and gives a Section: the same tree
// with every value typed and defaults filled in. What a table cannot say (keys that exclude each
// other, ranges between keys) a Block's `check` says, a function beside the table. A field that its
// table has no default for is empty, 0 or false when it is not written, or null. Source:
// https://prometheus.io/docs/prometheus/latest/configuration/configuration/
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/result.h"

namespace kw::settings {

class Section;
struct Block;

enum class Kind : unsigned char {
    kText,
    kSecret,  // a text that is shown as <secret>
    kBool,    // true, false, yes, no, on, off
    kInt,
    kUint,
    kFloat,
    kDuration,    // 1h30m; kept in milliseconds
    kSize,        // 512MB, powers of 1024; kept in bytes
    kUrl,         // a text that Go's url.Parse takes; a password in it is shown as xxxxx
    kTexts,       // a list of texts
    kSecrets,     // a list of secrets
    kTextMap,     // name: text
    kSecretMap,   // name: secret
    kTextsMap,    // name: list of texts
    kSecretsMap,  // name: list of secrets
    kLabels,      // label name: value
    kAnyMap,      // name: anything, kept as it was written
    kAny,         // anything, kept as it was written: its YAML in one line
    kBlock,       // one block, absent when it is not written
    kBlocks,      // a list of blocks
    kBlockMap,    // name: block
    kInline,      // the fields of another block, as if they stood here
};

struct Field {
    std::string_view name;
    Kind kind = Kind::kText;
    // The default as it would be written; for a kBlock anything but "" makes the block exist with
    // the defaults of its own fields.
    std::string_view fallback{};
    const Block* block = nullptr;                 // of kBlock, kBlocks, kBlockMap, kInline
    std::span<const std::string_view> choices{};  // of kText: what it may be, when it is not empty
    bool required = false;                        // must be there and not empty
};

struct Block {
    std::string_view name;  // "scrape_config": as errors and docs call it
    std::span<const Field> fields;
    // Called when all fields are read. May fill in and move values. Errors: from Section::error().
    Result<void> (*check)(Section&) = nullptr;
};

// The makers of tables. text("url"), duration("refresh_interval", "1m"), …
constexpr Field text(std::string_view name, std::string_view fallback = {}) {
    return {.name = name, .kind = Kind::kText, .fallback = fallback};
}
constexpr Field secret(std::string_view name) { return {.name = name, .kind = Kind::kSecret}; }
constexpr Field flag(std::string_view name, bool fallback = false) {
    return {.name = name, .kind = Kind::kBool, .fallback = fallback ? "true" : ""};
}
constexpr Field integer(std::string_view name, std::string_view fallback = {}) {
    return {.name = name, .kind = Kind::kInt, .fallback = fallback};
}
constexpr Field count(std::string_view name, std::string_view fallback = {}) {
    return {.name = name, .kind = Kind::kUint, .fallback = fallback};
}
constexpr Field real(std::string_view name, std::string_view fallback = {}) {
    return {.name = name, .kind = Kind::kFloat, .fallback = fallback};
}
constexpr Field duration(std::string_view name, std::string_view fallback = {}) {
    return {.name = name, .kind = Kind::kDuration, .fallback = fallback};
}
constexpr Field size(std::string_view name) { return {.name = name, .kind = Kind::kSize}; }
constexpr Field url(std::string_view name, std::string_view fallback = {}) {
    return {.name = name, .kind = Kind::kUrl, .fallback = fallback};
}
constexpr Field of_kind(std::string_view name, Kind kind) { return {.name = name, .kind = kind}; }
constexpr Field texts(std::string_view name) { return of_kind(name, Kind::kTexts); }
constexpr Field labels(std::string_view name) { return of_kind(name, Kind::kLabels); }
constexpr Field text_map(std::string_view name) { return of_kind(name, Kind::kTextMap); }
constexpr Field one_of(std::string_view name, std::span<const std::string_view> choices,
                       std::string_view fallback = {}) {
    return {.name = name, .kind = Kind::kText, .fallback = fallback, .choices = choices};
}
constexpr Field block(std::string_view name, const Block& of, bool exists_by_default = false) {
    return {.name = name,
            .kind = Kind::kBlock,
            .fallback = exists_by_default ? "{}" : "",
            .block = &of};
}
constexpr Field blocks(std::string_view name, const Block& of) {
    return {.name = name, .kind = Kind::kBlocks, .block = &of};
}
constexpr Field block_map(std::string_view name, const Block& of) {
    return {.name = name, .kind = Kind::kBlockMap, .block = &of};
}
constexpr Field inlined(const Block& of) {
    return {.name = "", .kind = Kind::kInline, .block = &of};
}
constexpr Field required(Field field) {
    field.required = true;
    return field;
}

}  // namespace kw::settings
