#include <fnmatch.h>

#include <algorithm>

#include "base/fs/file_system.h"
#include "base/log.h"
#include "scrape/discovery/document.h"
#include "scrape/discovery/source.h"

namespace kw::scrape {
namespace {

std::string directory_of(const std::string& path) {
    const size_t slash = path.rfind('/');
    if (slash == std::string::npos) return ".";
    return slash == 0 ? "/" : path.substr(0, slash);
}

std::string name_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }

bool is_yaml(std::string_view path) {
    return path.ends_with(".yml") || path.ends_with(".yaml") || path.ends_with(".YML") ||
           path.ends_with(".YAML");
}

}  // namespace

std::vector<std::string> FileSource::directories() const {
    std::vector<std::string> directories;
    directories.reserve(options_.files.size());
    for (const std::string& pattern : options_.files) directories.push_back(directory_of(pattern));
    std::ranges::sort(directories);
    directories.erase(std::ranges::unique(directories).begin(), directories.end());
    return directories;
}

// The files that are there. A directory that cannot be listed keeps the files it had.
std::vector<std::string> FileSource::paths() {
    std::vector<std::string> paths;
    for (const std::string& pattern : options_.files) {
        const std::string directory = directory_of(pattern);
        const Result<std::vector<fs::DirectoryEntry>> entries = env_.files.list(directory);
        if (!entries.ok()) {
            if (entries.error().code == Code::kNotFound) continue;
            keep(pattern, entries.error().message);
            for (const auto& [path, groups] : groups_) {
                if (directory_of(path) == directory) paths.push_back(path);
            }
            continue;
        }
        for (const fs::DirectoryEntry& entry : *entries) {
            if (!entry.is_directory &&
                fnmatch(name_of(pattern).c_str(), entry.name.c_str(), FNM_PERIOD) == 0) {
                paths.push_back(directory == "." && !pattern.starts_with("./")
                                    ? entry.name
                                    : fs::join(directory, entry.name));
            }
        }
    }
    std::ranges::sort(paths);
    paths.erase(std::ranges::unique(paths).begin(), paths.end());
    return paths;
}

void FileSource::keep(const std::string& path, std::string_view why) {
    metrics_.file_read_errors.add();
    env_.log.error("a discovery file is of no use; the targets it named before stay",
                   {{"file", path}, {"error", why}});
}

bool FileSource::refresh() {
    metrics_.file_refreshes.add();
    std::map<std::string, std::vector<TargetGroup>> found;
    bool failed = false;
    for (const std::string& path : paths()) {
        Result<std::string> text = fs::read_file(env_.files, path, kDocumentBytesMax);
        if (!text.ok() && text.error().code == Code::kNotFound) continue;
        Result<std::vector<TargetGroup>> groups =
            !text.ok()      ? Result<std::vector<TargetGroup>>(std::move(text).error())
            : is_yaml(path) ? parse_yaml_document(*text)
                            : parse_json_document(*text);
        if (!groups.ok()) {
            failed = true;
            keep(path, groups.error().message);
            if (const auto before = groups_.find(path); before != groups_.end())
                found.insert(*before);
            continue;
        }
        for (size_t i = 0; i < groups->size(); ++i) {
            TargetGroup& group = (*groups)[i];
            group.source = path + ":" + std::to_string(i);
            group.labels = LabelBuilder(group.labels).set("__meta_filepath", path).build();
        }
        found.emplace(path, std::move(groups).value());
    }
    if (failed) metrics_.file_refresh_failures.add();
    if (found == groups_) return false;
    groups_ = std::move(found);
    return true;
}

std::vector<TargetGroup> FileSource::groups() const {
    std::vector<TargetGroup> all;
    for (const auto& [path, groups] : groups_) all.insert(all.end(), groups.begin(), groups.end());
    return all;
}

}  // namespace kw::scrape
