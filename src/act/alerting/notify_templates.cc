#include "alerting/notify_templates.h"

#include <fnmatch.h>

#include "alerting/default_templates.h"
#include "alerting/html_escaper.h"
#include "alerting/template_data.h"
#include "base/fs/file_system.h"

namespace kw::alerting {
namespace {

constexpr size_t kFilesMax = 1000;
constexpr uint64_t kFileBytesMax = 256 << 10;

Result<std::vector<std::string>> matching(fs::FileSystem& files, const std::string& glob) {
    const size_t slash = glob.rfind('/');
    if (slash == std::string::npos) return invalid("templates: \"{}\" is not absolute", glob);
    const std::string directory = slash == 0 ? "/" : glob.substr(0, slash);
    const std::string pattern = glob.substr(slash + 1);
    Result<std::vector<fs::DirectoryEntry>> entries = files.list(directory);
    if (!entries.ok() && entries.error().code == Code::kNotFound) return std::vector<std::string>();
    if (!entries.ok()) return std::move(entries).error();
    std::vector<std::string> paths;
    for (const fs::DirectoryEntry& entry : *entries)
        if (!entry.is_directory && fnmatch(pattern.c_str(), entry.name.c_str(), 0) == 0)
            paths.push_back(fs::join(directory, entry.name));
    return paths;
}

}  // namespace

Result<void> NotifyTemplates::add(const std::string& name, std::string_view text) {
    return set_.add(name, text, notify_functions({}));
}

Result<std::shared_ptr<const NotifyTemplates>> NotifyTemplates::load(
    fs::FileSystem& files, const std::vector<std::string>& globs) {
    std::shared_ptr<NotifyTemplates> loaded(new NotifyTemplates());
    KW_TRY(loaded->add("default.tmpl", default_templates()));
    size_t count = 0;
    for (const std::string& glob : globs) {
        KW_TRY_ASSIGN(const std::vector<std::string> paths, matching(files, glob));
        for (const std::string& path : paths) {
            if (++count > kFilesMax) return exhausted("templates: more than {} files", kFilesMax);
            KW_TRY_ASSIGN(const std::string text, fs::read_file(files, path, kFileBytesMax));
            KW_TRY(loaded->add(path.substr(path.rfind('/') + 1), text).with_context(path));
        }
    }
    return std::shared_ptr<const NotifyTemplates>(std::move(loaded));
}

Result<std::string> NotifyTemplates::expand_text(std::string_view text,
                                                 const templates::Value& data,
                                                 const templates::Functions& functions) const {
    if (text.find("{{") == std::string_view::npos) return std::string(text);
    templates::TemplateSet set = set_;  // shares the trees
    KW_TRY(set.add("", text, functions));
    return set.execute("", data, functions);
}

Result<std::string> NotifyTemplates::expand_html(std::string_view text,
                                                 const templates::Value& data,
                                                 const templates::Functions& functions) const {
    templates::TemplateSet set = set_;
    KW_TRY(set.add("", text, functions));
    HtmlEscaper escaper;
    return set.execute("", data, functions, {}, {}, &escaper);
}

}  // namespace kw::alerting
