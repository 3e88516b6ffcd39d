// Relabelling: rules that rewrite, keep or drop a label set, as relabel_configs and
// metric_relabel_configs of a configuration name them.
//
// A RelabelConfig is what was written, with the defaults of what was not; a RelabelRule is that,
// checked and compiled. Every action of Prometheus 3 is there:
//
//   replace               sets target_label to replacement, with the groups of regex over the
//   source labels keep, drop            keeps or drops the whole set where regex matches the source
//   labels keepequal, dropequal  likewise where the source labels equal target_label hashmod sets
//   target_label to the last 8 bytes of MD5(source labels), modulo modulus lowercase, uppercase
//   sets target_label to the source labels in that case (simple case mapping) labelmap copies each
//   label whose name matches regex to the name of replacement labeldrop, labelkeep  removes the
//   labels whose name matches (does not match) regex
//
// "The source labels" are their values, joined with separator. Regular expressions are anchored
// RE2. Threads: rules are immutable; relabel() from any thread. Source:
// https://prometheus.io/docs/prometheus/latest/configuration/configuration/#relabel_config
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/labels.h"
#include "model/matcher.h"

namespace kw::intake {

enum class RelabelAction : unsigned char {
    kReplace,
    kKeep,
    kDrop,
    kKeepEqual,
    kDropEqual,
    kHashMod,
    kLabelMap,
    kLabelDrop,
    kLabelKeep,
    kLowercase,
    kUppercase,
};

// "replace", "keep", …: as a configuration spells it.
std::string_view relabel_action_text(RelabelAction action);
// Case does not matter. nullopt when there is no such action.
std::optional<RelabelAction> parse_relabel_action(std::string_view text);

struct RelabelConfig {
    static constexpr std::string_view kSeparatorDefault = ";";
    static constexpr std::string_view kRegexDefault = "(.*)";
    static constexpr std::string_view kReplacementDefault = "$1";

    std::vector<std::string> source_labels{};
    std::string separator{kSeparatorDefault};
    std::string regex{kRegexDefault};
    uint64_t modulus = 0;  // hashmod only
    std::string target_label{};
    std::string replacement{kReplacementDefault};
    RelabelAction action = RelabelAction::kReplace;

    bool operator==(const RelabelConfig&) const = default;
};

class RelabelRule {
 public:
    // Errors: kInvalid, naming the field that is missing, wrong or of no use to the action;
    // kExhausted for a regular expression over the limits of AnchoredRegex.
    static Result<RelabelRule> make(RelabelConfig config, NameScheme scheme = NameScheme::kUtf8);

    const RelabelConfig& config() const { return config_; }
    // Changes `labels`. False: the set is dropped, and `labels` is in any state.
    bool apply(LabelBuilder& labels) const;

    bool operator==(const RelabelRule& other) const {
        return config_ == other.config_ && scheme_ == other.scheme_;
    }

 private:
    RelabelRule(RelabelConfig config, AnchoredRegex regex, NameScheme scheme);
    std::string joined_source(const LabelBuilder& labels) const;
    void replace(const std::string& source, LabelBuilder& labels) const;
    void map_names(LabelBuilder& labels) const;
    void remove_names(LabelBuilder& labels, bool matching) const;

    RelabelConfig config_;
    AnchoredRegex regex_;
    NameScheme scheme_;
    bool copies_source_;    // replace with the default regex and replacement: nothing to match
    bool target_is_plain_;  // no $ in target_label
    bool is_constant_;      // default regex, no $ in target_label and replacement
};

// Applies `rules` in order to `labels`. False: a rule dropped the set, and `labels` is in any
// state.
bool relabel(std::span<const RelabelRule> rules, LabelBuilder& labels);

}  // namespace kw::intake
