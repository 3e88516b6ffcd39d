#include "app/config/alertmanager/alertmanager_config.h"

#include <filesystem>

#include "app/config/alertmanager/convert.h"
#include "app/config/alertmanager/schema.h"
#include "app/config/convert.h"
#include "app/config/inactive.h"
#include "base/check.h"
#include "base/fs/file_system.h"
#include "model/labels.h"
#include "settings/values.h"
#include "yaml/yaml.h"

namespace kw::app {
namespace {

constexpr std::string_view kDefaultText =
    "route:\n  receiver: default\n  group_by: [alertname]\nreceivers:\n  - name: default\n";
constexpr std::string_view kDefaultPath = "the default of alertmanager.yml";

std::string without_last_slash(std::string url) {
    while (url.ends_with('/')) url.pop_back();
    return url;
}

}  // namespace

Result<AlertmanagerConfig> read_alertmanager(const Section& section, const std::string& directory,
                                             const std::string& external_url) {
    AlertmanagerConfig config;
    alerting::Settings settings;
    KW_TRY_ASSIGN(const alerting::RouteOptions root,
                  to_route(*section.section("route"), config.warnings));
    settings.route = alerting::Route::make(root);
    for (const Section& rule : section.sections("inhibit_rules")) {
        KW_TRY_ASSIGN(alerting::InhibitRule one, to_inhibit_rule(rule, config.warnings));
        settings.inhibit_rules.push_back(std::move(one));
    }
    for (const std::string_view key : {"mute_time_intervals", "time_intervals"}) {
        for (const Section& interval : section.sections(key)) {
            KW_TRY_ASSIGN(alerting::TimeInterval one, to_time_interval(interval));
            std::string name = one.name;
            settings.time_intervals.emplace(std::move(name), std::move(one));
        }
    }
    const Section& global = *section.section("global");
    alerting::NotifySettings notify;
    for (const Section& receiver : section.sections("receivers")) {
        KW_TRY_ASSIGN(alerting::Receiver one, to_receiver(receiver, global, directory));
        settings.receiver_names.push_back(one.name);
        notify.receivers.push_back(std::move(one));
    }
    for (const std::string& glob : section.texts("templates")) {
        if (!is_last_segment_glob(glob)) {
            return section.error("templates", "{} may have * only after its last slash",
                                 kw::quoted(glob));
        }
        notify.template_globs.push_back(resolved_path(directory, glob));
    }
    notify.external_url = without_last_slash(external_url);
    settings.notify = std::make_shared<const alerting::NotifySettings>(std::move(notify));
    settings.resolve_timeout_ms = global.integer("resolve_timeout");
    settings.shown_yaml = section_yaml(section);
    config.settings = std::make_shared<const alerting::Settings>(std::move(settings));
    return config;
}

Result<AlertmanagerConfig> parse_alertmanager(std::string_view text, const std::string& path,
                                              const std::string& external_url) {
    KW_TRY_ASSIGN(const YamlDocument document, parse_yaml(text, path));
    KW_TRY_ASSIGN(const Section section, read_section(document.root, kAlertmanagerFileBlock, path));
    const std::string directory = std::filesystem::path(path).parent_path().string();
    KW_TRY_ASSIGN(AlertmanagerConfig config, read_alertmanager(section, directory, external_url));
    if (document.has_more_documents) {
        config.warnings.push_back({path, 1, "", "only the first document of the file is read"});
    }
    add_inactive_warnings(section, config.warnings);
    return config;
}

Result<AlertmanagerConfig> load_alertmanager(fs::FileSystem& files, const std::string& path,
                                             const std::string& external_url) {
    const YamlLimits limits;
    KW_TRY_ASSIGN(const std::string text, fs::read_file(files, path, limits.bytes_max));
    return parse_alertmanager(text, path, external_url);
}

AlertmanagerConfig default_alertmanager(const std::string& external_url) {
    Result<AlertmanagerConfig> config =
        parse_alertmanager(kDefaultText, std::string(kDefaultPath), external_url);
    KW_CHECK(config.ok());
    return std::move(config).value();
}

}  // namespace kw::app
