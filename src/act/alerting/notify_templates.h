// The templates of a configuration: the defaults and a user's files, read once per reload.
// Threads: immutable once loaded.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "templates/template.h"

namespace kw::fs {
class FileSystem;
}

namespace kw::alerting {

class NotifyTemplates final {
 public:
    // `globs`: absolute paths, a * or ? in the last segment; one that matches nothing is fine. At most 1000
    // files of 256 KiB. Errors: kInvalid (a template is wrong; the message has file and position), those of files.
    static Result<std::shared_ptr<const NotifyTemplates>> load(
        fs::FileSystem& files, const std::vector<std::string>& globs);

    // Expands `text` over `data`. Errors: as TemplateSet.
    Result<std::string> expand_text(std::string_view text, const templates::Value& data,
                                    const templates::Functions& functions) const;
    // The same with values escaped for HTML.
    Result<std::string> expand_html(std::string_view text, const templates::Value& data,
                                    const templates::Functions& functions) const;

 private:
    NotifyTemplates() = default;
    Result<void> add(const std::string& name, std::string_view text);

    templates::TemplateSet set_;
};

}  // namespace kw::alerting
