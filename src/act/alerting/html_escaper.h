// Makes values safe where they stand in the HTML of an e-mail, as Go's html/template does: in text, in an
// attribute, in a URL. Inside of script, style, on… and style="…" only harmless words are let through.
//
// It follows the tags of the text as it grows; a value never opens or closes one, unless it is safeHtml.
// Source: https://pkg.go.dev/html/template, "Contexts"
#pragma once

#include <string>
#include <string_view>

#include "templates/template.h"

namespace kw::alerting {

class HtmlEscaper final : public templates::Escaper {
 public:
    std::string escape(const templates::Value& value, std::string_view before) override;

 private:
    enum class Place : unsigned char {
        kText,
        kTag,     // in a tag, between attributes
        kName,    // in an attribute's name
        kBefore,  // behind the =
        kValue,   // in an attribute's value
        kRaw,     // in script or style, until its end tag
        kComment,
    };
    void follow(std::string_view text);
    void follow_tag(char c);
    bool is_code() const;
    bool is_url() const;

    Place place_ = Place::kText;
    size_t seen_ = 0;
    char quote_ = 0;  // of the value: " or ' or 0
    bool in_tag_name_ = false;
    std::string tag_;
    std::string attribute_;
    std::string value_;  // what of the attribute's value has been written
    std::string last_;   // the last bytes, for <!-- and --> and end tags
};

}  // namespace kw::alerting
