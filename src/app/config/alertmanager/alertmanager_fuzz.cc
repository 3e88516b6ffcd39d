// Any bytes as alertmanager.yml: no crash, no hang; what loads shows itself, and what is shown loads again.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "alerting/settings.h"
#include "app/config/alertmanager/alertmanager_config.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto config = kw::app::parse_alertmanager(text, "fuzz.yml", "http://localhost");
    if (!config.ok()) return 0;
    const auto again =
        kw::app::parse_alertmanager(config->settings->shown_yaml, "fuzz.yml", "http://localhost");
    if (!again.ok()) std::abort();
    return 0;
}
