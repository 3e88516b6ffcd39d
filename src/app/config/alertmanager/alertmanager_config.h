// alertmanager.yml: the file of Alertmanager 0.34, on its own or as `alertmanager:` in the main configuration.
//
//   text ─▶ yaml.h ─▶ section.h (held against schema_*.cc) ─▶ convert_*.cc ─▶ alerting::Settings
//
// Without one there is a default: every alert goes to one receiver that tells nobody, so that alerts are seen
// by the API and the UI. Errors name file, line, key and mend, as those of config.h.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "alerting/settings.h"
#include "app/config/config.h"
#include "app/config/schema.h"
#include "base/result.h"

namespace kw::app {

struct AlertmanagerConfig {
    std::shared_ptr<const alerting::Settings> settings;
    std::vector<ConfigWarning> warnings;
};

// Errors: kNotFound and other file errors, kInvalid, kExhausted.
Result<AlertmanagerConfig> load_alertmanager(fs::FileSystem& files, const std::string& path,
                                             const std::string& external_url);
// Of a text that is as if it stood in the file `path`.
Result<AlertmanagerConfig> parse_alertmanager(std::string_view text, const std::string& path,
                                              const std::string& external_url);
// Of the section `alertmanager` of the main configuration, whose paths are below `directory`. Its inactive keys
// are warned of with the main configuration's.
Result<AlertmanagerConfig> read_alertmanager(const Section& section, const std::string& directory,
                                             const std::string& external_url);
AlertmanagerConfig default_alertmanager(const std::string& external_url);

}  // namespace kw::app
