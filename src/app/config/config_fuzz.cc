// Any bytes as a configuration: no crash, no hang; what loads, shows itself, and what is shown loads again.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "app/config/config.h"
#include "app/config/web_config.h"
#include "base/fs/memory.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    kw::fs::MemoryFileSystem files;
    kw::app::LoadOptions options;
    options.environment = [](std::string_view) { return std::string("v"); };
    const auto config = kw::app::parse_config(files, text, "fuzz.yml", options);
    if (config.ok()) {
        // A dollar sign of an expanded label would be taken for a variable the second time.
        if (config->shown_yaml.find('$') == std::string::npos) {
            const auto again =
                kw::app::parse_config(files, config->shown_yaml, "fuzz.yml", options);
            if (!again.ok()) std::abort();
        }
    }
    (void)kw::app::parse_web_config(text, "web.yml");
    (void)kw::app::check_http_client_text(text, "http.yml");
    (void)kw::app::read_target_groups(text, "groups.yml");
    (void)kw::app::read_target_groups(text, "groups.json");
    return 0;
}
