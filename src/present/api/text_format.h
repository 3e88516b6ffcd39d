// Which text format an exposition of ours is written in: what a scraper's Accept header asks for,
// and how names that are not classic are written for those who do not read UTF-8.
// Source: https://prometheus.io/docs/instrumenting/escaping_schemes/ and
// https://prometheus.io/docs/instrumenting/content_negotiation/
#pragma once

#include <string>
#include <string_view>

namespace kw::api {

enum class NameEscaping : unsigned char { kAllowUtf8, kUnderscores, kDots, kValues };

struct TextFormat {
    bool is_version_1 = false;  // text 1.0.0, else 0.0.4
    NameEscaping escaping = NameEscaping::kUnderscores;

    // "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"
    std::string content_type() const;
    bool operator==(const TextFormat&) const = default;
};

// The most wanted form of text/plain. An escaping counts for what is wanted less, too, as upstream
// has it; what is malformed or unknown is passed over.
TextFormat negotiate_text_format(std::string_view accept);

// A name as it is written in that scheme; one that is classic stays. `name` is UTF-8.
std::string escape_name(std::string_view name, NameEscaping escaping, bool is_metric);

}  // namespace kw::api
