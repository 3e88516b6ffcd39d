#include "kilowatch/attributes.h"

#include <algorithm>
#include <array>

#include <unistd.h>

#include "version.h"

namespace kilowatch {
namespace {

std::string host_name() {
    std::array<char, 256> name{};
    if (gethostname(name.data(), name.size() - 1) != 0) return "unknown_host";
    return name.data();
}

}  // namespace

Attributes Resource::all() const {
    const std::string host = host_name();
    const auto pid = static_cast<int64_t>(getpid());
    Attributes out;
    const auto add = [&](std::string_view name, AttributeValue value) {
        const bool known = std::any_of(out.begin(), out.end(),
                                       [&](const Attribute& one) { return one.name == name; });
        if (!known) out.push_back({std::string(name), std::move(value)});
    };
    for (const Attribute& one : attributes) add(one.name, one.value);
    add("service.name", service_name);
    if (!service_version.empty()) add("service.version", service_version);
    add("service.instance.id",
        instance_id.empty() ? host + ":" + std::to_string(pid) : instance_id);
    if (!environment.empty()) {
        add("deployment.environment", environment);
        add("deployment.environment.name", environment);
    }
    add("host.name", host);
    add("process.pid", pid);
    add("telemetry.sdk.name", "kilowatch");
    add("telemetry.sdk.language", "cpp");
    add("telemetry.sdk.version", kVersion);
    std::sort(out.begin(), out.end(),
              [](const Attribute& a, const Attribute& b) { return a.name < b.name; });
    return out;
}

}  // namespace kilowatch
