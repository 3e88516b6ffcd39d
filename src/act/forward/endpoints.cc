#include "forward/endpoints.h"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <string_view>

#include "model/labels.h"

namespace kw::forward {
namespace {

constexpr std::string_view kAddress = "__address__";
constexpr std::string_view kScheme = "__scheme__";
constexpr std::string_view kPath = "__alerts_path__";

// Go's path.Join("/", prefix, "/api/v2/alerts").
std::string alerts_path(const std::string& prefix) {
    return std::filesystem::path("/" + prefix + "/api/v2/alerts").lexically_normal().string();
}

std::string url_of(const LabelBuilder& labels) {
    return fmt::format("{}://{}{}", labels.get(kScheme), labels.get(kAddress), labels.get(kPath));
}

void add_once(std::vector<std::string>& list, std::string url) {
    if (std::find(list.begin(), list.end(), url) == list.end()) list.push_back(std::move(url));
}

}  // namespace

Endpoints find_endpoints(const AlertmanagerOptions& options,
                         std::span<const scrape::TargetGroup> groups) {
    Endpoints found;
    const std::string path = alerts_path(options.path_prefix);
    for (const scrape::TargetGroup& group : groups) {
        for (const LabelSet& target : group.targets) {
            LabelBuilder labels(target);
            labels.set(kScheme, options.scheme).set(kPath, path);
            for (const LabelView& label : group.labels) {
                if (!target.has(label.name)) labels.set(label.name, label.value);
            }
            std::string before = url_of(labels);
            if (!intake::relabel(options.relabel, labels)) {
                add_once(found.dropped, std::move(before));
                continue;
            }
            const std::string address(labels.get(kAddress));
            if (address.empty()) {
                found.errors.push_back(fmt::format("{}: has no address after relabelling", before));
            } else if (address.find('/') != std::string::npos) {
                found.errors.push_back(fmt::format(
                    "{}: is not host:port; a path belongs into path_prefix, a scheme into scheme",
                    address));
            } else {
                add_once(found.active, url_of(labels));
            }
        }
    }
    return found;
}

}  // namespace kw::forward
