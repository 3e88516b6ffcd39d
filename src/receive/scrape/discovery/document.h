// Discovery documents: what file_sd files and http_sd answers consist of, read strictly.
//
//   [{"targets": ["host:9100", …], "labels": {"name": "value", …}}, …]
//
// as JSON, or the same in YAML. Both keys may be missing, in JSON they may be in any case; any other key, a key that is there twice,
// a group that is null, a value of another type and a bad label name are errors, and then nothing
// of the document is used.
// Source: https://prometheus.io/docs/prometheus/latest/http_sd/
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "scrape/options.h"

namespace kw::scrape {

inline constexpr uint64_t kDocumentBytesMax = 64 << 20;
inline constexpr size_t kDocumentTargetsMax = 1'000'000;

// The groups have no source yet. Errors: kInvalid, naming the group's index or the line;
// kExhausted.
Result<std::vector<TargetGroup>> parse_json_document(std::string_view text);
Result<std::vector<TargetGroup>> parse_yaml_document(std::string_view text);

// Whether `text` is one JSON value and nothing else: what the answers of other kinds of discovery
// must be.
// Errors: kInvalid.
Result<void> check_json(std::string_view text);

}  // namespace kw::scrape
