#include "app/config/static_targets.h"

#include <span>

#include "app/config/checks.h"
#include "app/config/convert.h"
#include "intake/relabel.h"
#include "yaml/yaml.h"

namespace kw::app {
namespace {

// The labels that a target has besides its group's before relabelling.
LabelBuilder labels_before(const Section& owner, const Section& group, const std::string& target) {
    LabelBuilder labels;
    for (const auto& [name, values] : group.map("labels")) labels.set(name, values.front());
    labels.set("__address__", target).set("__scheme__", owner.text("scheme"));
    if (owner.block().name == kScrapeConfigBlock.name) {
        labels.set("job", owner.text("job_name"))
            .set("__metrics_path__", owner.text("metrics_path"));
    } else {
        labels.set("__alerts_path__", owner.text("path_prefix") + "/api/v2/alerts");
    }
    return labels;
}

Result<void> check_targets(const Section& owner, NameScheme scheme) {
    KW_TRY_ASSIGN(const std::vector<intake::RelabelRule> rules,
                  to_relabel_rules(owner.sections("relabel_configs"), scheme));
    for (const Section& group : owner.sections("static_configs")) {
        for (const std::string& target : group.texts("targets")) {
            LabelBuilder labels = labels_before(owner, group, target);
            if (!intake::relabel(rules, labels)) continue;
            if (labels.get("__address__").empty()) {
                return group.error("targets", "{} has no address after relabelling",
                                   kw::quoted(target));
            }
            const Result<void> address = check_target_address(labels.get("__address__"));
            if (!address.ok()) return group.error("targets", "{}", address.error().message);
        }
    }
    return {};
}

}  // namespace

Result<void> check_relabelled_targets(std::string_view text, const std::string& path) {
    KW_TRY_ASSIGN(const YamlDocument document, parse_yaml(text, path));
    KW_TRY_ASSIGN(const Section config, read_section(document.root, kConfigBlock, path));
    const bool legacy = config.section("global")->text("metric_name_validation_scheme") == "legacy";
    const NameScheme scheme = legacy ? NameScheme::kLegacy : NameScheme::kUtf8;
    for (const Section& scrape : config.sections("scrape_configs")) {
        KW_TRY(check_targets(scrape, scheme));
    }
    if (const Section* const alerting = config.section("alerting"); alerting != nullptr) {
        for (const Section& alertmanager : alerting->sections("alertmanagers")) {
            KW_TRY(check_targets(alertmanager, scheme));
        }
    }
    return {};
}

}  // namespace kw::app
