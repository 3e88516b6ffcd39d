#include "app/config/identity.h"

#include <optional>

#include "settings/section.h"

namespace kw::app {
namespace {

std::vector<identity::Names> names_of(const Section& section, std::string_view key) {
    std::vector<identity::Names> names;
    for (const auto& [name, aliases] : section.map(key)) names.push_back({name, aliases});
    return names;
}

Result<void> refuse(const Section& section, std::string_view key,
                    const std::optional<identity::BadName>& bad) {
    if (!bad) return {};
    if (bad->name.empty()) return section.error(key, "{}", bad->message);
    return section.error(key, "{}: {}", bad->name, bad->message);
}

}  // namespace

Result<identity::Aliases> read_identity(const Section& section) {
    const std::vector<identity::Names> services = names_of(section, "services");
    const std::vector<identity::Names> labels = names_of(section, "labels");
    KW_TRY(refuse(section, "services", identity::Aliases::check_services(services)));
    KW_TRY(refuse(section, "labels", identity::Aliases::check_labels(labels)));
    return identity::Aliases(services, labels);
}

}  // namespace kw::app
