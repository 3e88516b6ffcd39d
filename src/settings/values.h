// Scalars of a configuration: text → value and back, in the spellings of Prometheus. Durations are
// those of model/sample.h.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace kw::settings {

// Errors of all: kInvalid, saying what is wanted.

// true, false, yes, no, on, off, y, n: in lower case, Capitalised or UPPER CASE, as YAML 1.1.
Result<bool> parse_flag(std::string_view text);
// Decimal, 0x, 0o, 0b, with _ between digits.
Result<int64_t> parse_integer(std::string_view text);
Result<uint64_t> parse_count(std::string_view text);
Result<double> parse_real(std::string_view text);
// 0, or numbers with B, KB, MB, GB, TB, PB, EB or KiB …, both powers of 1024: "512MB", "1.5GiB".
Result<int64_t> parse_size(std::string_view text);
// "15MiB".
std::string size_text(int64_t bytes);
// The shortest that reads back.
std::string real_text(double value);

struct UrlParts {
    std::string scheme;
    std::string host;              // with the port, without the user
    bool has_opaque_part = false;  // "localhost:9090" is scheme localhost, as Go reads it
};
// Takes what Go's url.Parse takes.
Result<UrlParts> parse_url(std::string_view text);
// With the password of user:password@ replaced by xxxxx.
std::string url_without_password(std::string_view text);

// A glob of which only the last path segment may have one *: rule_files, scrape_config_files.
bool is_last_segment_glob(std::string_view pattern);

// Replaces $name and ${name} by what `lookup` says, "" for an unknown name; $$ is a dollar sign.
std::string expand_variables(std::string_view text,
                             const std::function<std::string(std::string_view)>& lookup);

}  // namespace kw::settings
