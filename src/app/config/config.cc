#include "app/config/config.h"

#include <fnmatch.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <tuple>

#include "app/config/alertmanager/alertmanager_config.h"
#include "app/config/collectors.h"
#include "app/config/convert.h"
#include "app/config/globals.h"
#include "app/config/identity.h"
#include "app/config/inactive.h"
#include "app/config/incidents.h"
#include "app/config/schema.h"
#include "base/fs/file_system.h"
#include "model/sample.h"
#include "scrape/discovery/document.h"
#include "settings/values.h"
#include "yaml/yaml.h"

namespace kw::app {
namespace {

std::string directory_of(const std::string& path) {
    return std::filesystem::path(path).parent_path().string();
}

// Reads one configuration: the steps, in order, and what they share.
class Loader {
 public:
    Loader(fs::FileSystem& files, const std::string& path, const LoadOptions& options)
        : files_(files), path_(path), options_(options) {}

    Result<Config> load(std::string_view text) {
        KW_TRY_ASSIGN(const YamlNode root, parse(text, path_));
        KW_TRY_ASSIGN(Section section, read_section(root, kConfigBlock, path_));
        if (options_.agent_mode) KW_TRY(check_agent_mode(section));
        Section& global = *section.section("global");
        KW_TRY(fill_global(global));
        KW_TRY(read_global(global));
        KW_TRY(add_jobs(section.sections("scrape_configs"), global, directory_of(path_)));
        KW_TRY(add_scrape_config_files(section, global));
        KW_TRY(check_names_of_others(section, global));
        KW_TRY(read_alerting(section, global));
        KW_TRY(read_collectors(*section.section("collectors"), global, directory_of(path_),
                               own_node_exporter_, job_places_, config_));
        if (const Section* const identity = section.section("identity"); identity != nullptr) {
            KW_TRY_ASSIGN(config_.aliases, read_identity(*identity));
        }
        KW_TRY_ASSIGN(config_.incidents, read_incidents(section.section("incidents")));
        if (const Section* const own = section.section("notifications"); own != nullptr) {
            config_.notifications = read_notifications(*own);
        }
        KW_TRY(read_alertmanager_section(section));
        if (const Section* const storage = section.section("storage"); storage != nullptr) {
            if (const Section* const own = storage->section("exemplars"); own != nullptr) {
                config_.exemplars_max =
                    static_cast<uint64_t>(std::max<int64_t>(own->integer("max_exemplars"), 0));
            }
        }
        for (const std::string& glob : section.texts("rule_files")) {
            config_.rule_files.push_back(resolved_path(directory_of(path_), glob));
        }
        add_inactive_warnings(section, config_.warnings);
        sort_warnings();
        config_.shown_yaml = section_yaml(section);
        return std::move(config_);
    }

 private:
    Result<YamlNode> parse(std::string_view text, const std::string& path) {
        KW_TRY_ASSIGN(YamlDocument document, parse_yaml(text, path));
        config_.files.push_back(path);
        if (document.has_more_documents) {
            config_.warnings.push_back(
                {path, 1, "", "only the first document of the file is read"});
        }
        return std::move(document.root);
    }

    static Result<void> check_agent_mode(const Section& config) {
        for (const std::string_view key : {"alerting", "rule_files", "remote_read"}) {
            if (config.has(key)) return config.error(key, "is not for agent mode; remove it");
        }
        return {};
    }

    Result<void> read_global(Section& global) {
        config_.evaluation_interval_ms = global.integer("evaluation_interval");
        config_.rule_query_offset_ms = global.integer("rule_query_offset");
        config_.on_no_data =
            rules::on_no_data_of(global.text("on_no_data")).value_or(rules::OnNoData::kResolve);
        LabelBuilder labels;
        TextsByName expanded;
        for (const auto& [name, values] : global.map("external_labels")) {
            std::string value = expand_variables(values.front(), [&](std::string_view variable) {
                return variable_value(variable, global);
            });
            labels.set(name, value);
            expanded.push_back({name, {std::move(value)}});
        }
        config_.external_labels = labels.build();
        if (!expanded.empty()) global.put("external_labels", std::move(expanded));
        return {};
    }

    std::string variable_value(std::string_view name, const Section& global) {
        std::string value;
        if (options_.environment) {
            value = options_.environment(name);
        } else if (const char* const found = std::getenv(std::string(name).c_str());
                   found != nullptr) {
            value = found;
        }
        if (value.empty()) {
            config_.warnings.push_back({path_, global.line_of("external_labels"),
                                        "global.external_labels",
                                        fmt::format("the environment has no variable {}", name)});
        }
        return value;
    }

    Result<void> add_jobs(Sections& sections, const Section& global, const std::string& directory) {
        for (Section& section : sections) {
            KW_TRY(fill_from_global(section, global));
            KW_TRY_ASSIGN(scrape::JobOptions job, to_job(section, directory));
            const std::string place =
                fmt::format("{}:{}", section.file(), section.line_of("job_name"));
            const auto [at, is_new] = job_places_.try_emplace(job.job_name, place);
            if (!is_new) {
                return section.error("job_name",
                                     "{} is the name of the job at {} already; choose another",
                                     yaml_scalar(job.job_name), at->second);
            }
            if (!own_node_exporter_) {
                own_node_exporter_ = find_own_node_exporter(section);
            }
            config_.shown_jobs.emplace(job.job_name, section_yaml(section));
            config_.jobs.push_back(std::move(job));
        }
        return {};
    }

    Result<void> add_scrape_config_files(const Section& config, const Section& global) {
        for (const std::string& glob : config.texts("scrape_config_files")) {
            const std::string pattern = resolved_path(directory_of(path_), glob);
            KW_TRY_ASSIGN(const std::vector<std::string> paths, expand_glob(files_, pattern));
            if (paths.empty()) {
                config_.warnings.push_back({path_, config.line_of("scrape_config_files"),
                                            "scrape_config_files",
                                            fmt::format("{} names no file", pattern)});
            }
            for (const std::string& path : paths) KW_TRY(add_scrape_config_file(path, global));
        }
        return {};
    }

    Result<void> add_scrape_config_file(const std::string& path, const Section& global) {
        const YamlLimits limits;
        KW_TRY_ASSIGN(const std::string text, fs::read_file(files_, path, limits.bytes_max));
        KW_TRY_ASSIGN(const YamlNode root, parse(text, path));
        KW_TRY_ASSIGN(Section section, read_section(root, kScrapeConfigFileBlock, path));
        KW_TRY(add_jobs(section.sections("scrape_configs"), global, directory_of(path)));
        add_inactive_warnings(section, config_.warnings);
        return {};
    }

    Result<void> read_alertmanager_section(const Section& config) {
        const Section* const section = config.section("alertmanager");
        if (section == nullptr) return {};
        KW_TRY_ASSIGN(AlertmanagerConfig read,
                      read_alertmanager(*section, directory_of(path_), options_.external_url));
        config_.alertmanager = std::move(read.settings);
        for (ConfigWarning& warning : read.warnings) {
            config_.warnings.push_back(std::move(warning));
        }
        return add_notifications(config_);
    }

    // Rules that do not act are held against the name scheme as well.
    static Result<void> check_names_of_others(const Section& config, const Section& global) {
        if (global.text("metric_name_validation_scheme") != "legacy") return {};
        for (const Section& remote : config.sections("remote_write")) {
            KW_TRY(to_relabel_rules(remote.sections("write_relabel_configs"), NameScheme::kLegacy));
        }
        return {};
    }

    Result<void> read_alerting(const Section& config, const Section& global) {
        const Section* const alerting = config.section("alerting");
        if (alerting == nullptr) return {};
        const bool is_legacy = global.text("metric_name_validation_scheme") == "legacy";
        const NameScheme scheme = is_legacy ? NameScheme::kLegacy : NameScheme::kUtf8;
        KW_TRY_ASSIGN(config_.alert_relabel,
                      to_relabel_rules(alerting->sections("alert_relabel_configs"), scheme));
        for (const Section& alertmanager : alerting->sections("alertmanagers")) {
            KW_TRY_ASSIGN(forward::AlertmanagerOptions options,
                          to_alertmanager(alertmanager, directory_of(path_), scheme));
            config_.alertmanagers.push_back(std::move(options));
        }
        return {};
    }

    void sort_warnings() {
        const auto position = [&](const std::string& file) {
            return std::find(config_.files.begin(), config_.files.end(), file) -
                   config_.files.begin();
        };
        std::sort(config_.warnings.begin(), config_.warnings.end(),
                  [&](const ConfigWarning& a, const ConfigWarning& b) {
                      return std::tuple(position(a.file), a.line, std::string_view(a.key)) <
                             std::tuple(position(b.file), b.line, std::string_view(b.key));
                  });
    }

    fs::FileSystem& files_;
    const std::string& path_;
    const LoadOptions& options_;
    Config config_;
    JobPlaces job_places_;
    std::optional<JobOfOwn> own_node_exporter_;
};

// Holds a file that is one block against the schema.
Result<void> check_block(std::string_view text, const std::string& path, const Block& block) {
    KW_TRY_ASSIGN(const YamlDocument document, parse_yaml(text, path));
    KW_TRY(read_section(document.root, block, path));
    return {};
}

}  // namespace

std::string to_string(const ConfigWarning& warning) {
    const std::string place = fmt::format("{}:{}: ", warning.file, warning.line);
    return place + (warning.key.empty() ? "" : warning.key + ": ") + warning.message;
}

Result<Config> parse_config(fs::FileSystem& files, std::string_view text, const std::string& path,
                            const LoadOptions& options) {
    return Loader(files, path, options).load(text);
}

Result<Config> load_config(fs::FileSystem& files, const std::string& path,
                           const LoadOptions& options) {
    const YamlLimits limits;
    KW_TRY_ASSIGN(const std::string text, fs::read_file(files, path, limits.bytes_max));
    return parse_config(files, text, path, options);
}

Result<net::HttpClientOptions> load_http_client(fs::FileSystem& files, const std::string& path) {
    const YamlLimits limits;
    KW_TRY_ASSIGN(const std::string text, fs::read_file(files, path, limits.bytes_max));
    KW_TRY_ASSIGN(const YamlDocument document, parse_yaml(text, path));
    KW_TRY_ASSIGN(const Section section, read_section(document.root, kHttpClientBlock, path));
    return to_http_client(section, directory_of(path));
}

Result<void> check_http_client_text(std::string_view text, const std::string& path) {
    return check_block(text, path, kHttpClientBlock);
}

Result<void> check_tls_config_text(std::string_view text, const std::string& path) {
    return check_block(text, path, kTlsConfigBlock);
}

Result<std::vector<scrape::TargetGroup>> read_target_groups(std::string_view text,
                                                            const std::string& path) {
    if (path.ends_with(".json")) return scrape::parse_json_document(text).with_context(path);
    // The schema says of YAML more exactly where it is wrong.
    KW_TRY_ASSIGN(const YamlDocument document, parse_yaml(text, path));
    KW_TRY(read_sections(document.root, kStaticConfigBlock, path));
    return scrape::parse_yaml_document(text).with_context(path);
}

Result<std::vector<std::string>> expand_glob(fs::FileSystem& files, const std::string& pattern) {
    std::vector<std::string> paths;
    if (pattern.find_first_of("*?[") == std::string::npos) {
        KW_TRY_ASSIGN(const bool exists, files.exists(pattern));
        if (exists) paths.push_back(pattern);
        return paths;
    }
    const std::filesystem::path path(pattern);
    const std::string directory = path.parent_path().string();
    const std::string name = path.filename().string();
    Result<std::vector<fs::DirectoryEntry>> entries =
        files.list(directory.empty() ? "." : directory);
    if (!entries.ok()) {
        if (entries.error().code == Code::kNotFound) return paths;
        return std::move(entries).error();
    }
    for (const fs::DirectoryEntry& entry : *entries) {
        if (entry.is_directory || fnmatch(name.c_str(), entry.name.c_str(), FNM_PERIOD) != 0)
            continue;
        paths.push_back(directory.empty() ? entry.name : fs::join(directory, entry.name));
    }
    return paths;
}

}  // namespace kw::app
