#include "intake/relabel.h"

#include <locale.h>
#include <openssl/evp.h>
#include <wctype.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/check.h"
#include "base/utf8.h"

namespace kw::intake {
namespace {

constexpr std::pair<std::string_view, RelabelAction> kActions[] = {
    {"replace", RelabelAction::kReplace},     {"keep", RelabelAction::kKeep},
    {"drop", RelabelAction::kDrop},           {"keepequal", RelabelAction::kKeepEqual},
    {"dropequal", RelabelAction::kDropEqual}, {"hashmod", RelabelAction::kHashMod},
    {"labelmap", RelabelAction::kLabelMap},   {"labeldrop", RelabelAction::kLabelDrop},
    {"labelkeep", RelabelAction::kLabelKeep}, {"lowercase", RelabelAction::kLowercase},
    {"uppercase", RelabelAction::kUppercase},
};

bool has_variable(std::string_view text) { return text.find('$') != std::string_view::npos; }

bool is_word(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

// Whether `text` is a classic label name once each $1 and ${1} in it stands for some letters.
bool is_classic_name_template(std::string_view text) {
    std::string name;
    for (size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '$') {
            name += text[i];
            continue;
        }
        const bool braced = i + 1 < text.size() && text[i + 1] == '{';
        size_t end = i + (braced ? 2 : 1);
        const size_t start = end;
        while (end < text.size() && is_word(text[end])) ++end;
        if (end == start) return false;
        if (braced && (end == text.size() || text[end] != '}')) return false;
        name += 'x';
        i = braced ? end : end - 1;
    }
    return is_classic_label_name(name);
}

// A template may hold $ and braces, which UTF-8 names may as well.
bool is_valid_name_template(std::string_view text, NameScheme scheme) {
    return scheme == NameScheme::kUtf8 ? is_valid_label_name(text, scheme)
                                       : is_classic_name_template(text);
}

bool needs_target(RelabelAction action) {
    switch (action) {
        case RelabelAction::kReplace:
        case RelabelAction::kKeepEqual:
        case RelabelAction::kDropEqual:
        case RelabelAction::kHashMod:
        case RelabelAction::kLowercase:
        case RelabelAction::kUppercase: return true;
        default: return false;
    }
}

Result<void> check_target(const RelabelConfig& config, NameScheme scheme) {
    const std::string_view action = relabel_action_text(config.action);
    if (!needs_target(config.action)) return {};
    if (config.target_label.empty()) {
        return invalid("action {} needs a target_label; name the label to use", action);
    }
    const bool valid = config.action == RelabelAction::kReplace && has_variable(config.target_label)
                           ? is_valid_name_template(config.target_label, scheme)
                           : is_valid_label_name(config.target_label, scheme);
    if (!valid) {
        return invalid("target_label {} is not a label name; action {} needs one",
                       quoted(config.target_label), action);
    }
    return {};
}

// The first field that was set although the action has no use for it; empty when there is none.
std::string_view useless_field(const RelabelConfig& config) {
    const bool has_replacement = config.replacement != RelabelConfig::kReplacementDefault;
    const bool has_other =
        config.modulus != 0 || config.separator != RelabelConfig::kSeparatorDefault;
    const std::string_view other = config.modulus != 0 ? "modulus" : "separator";
    switch (config.action) {
        case RelabelAction::kLowercase:
        case RelabelAction::kUppercase: return has_replacement ? "replacement" : "";
        case RelabelAction::kKeepEqual:
        case RelabelAction::kDropEqual:
            if (config.regex != RelabelConfig::kRegexDefault) return "regex";
            if (has_other) return other;
            return has_replacement ? "replacement" : "";
        case RelabelAction::kLabelDrop:
        case RelabelAction::kLabelKeep:
            if (!config.source_labels.empty()) return "source_labels";
            if (!config.target_label.empty()) return "target_label";
            if (has_other) return other;
            return has_replacement ? "replacement" : "";
        default: return "";
    }
}

Result<void> check(const RelabelConfig& config, NameScheme scheme) {
    const std::string_view action = relabel_action_text(config.action);
    for (const std::string& name : config.source_labels) {
        if (!is_valid_label_name(name, NameScheme::kUtf8)) {
            return invalid("source_labels: {} is not a label name", quoted(name));
        }
    }
    if (config.action == RelabelAction::kHashMod && config.modulus == 0) {
        return invalid(
            "action hashmod needs a modulus above 0; set modulus to the number of buckets");
    }
    KW_TRY(check_target(config, scheme));
    if (config.action == RelabelAction::kLabelMap &&
        !is_valid_name_template(config.replacement, scheme)) {
        return invalid("replacement {} is not a label name; action labelmap needs one",
                       quoted(config.replacement));
    }
    if (const std::string_view field = useless_field(config); !field.empty()) {
        return invalid("action {} has no use for {}; remove it", action, field);
    }
    return {};
}

uint64_t md5_tail(std::string_view text) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned int length = 0;
    KW_CHECK(EVP_Digest(text.data(), text.size(), digest.data(), &length, EVP_md5(), nullptr) == 1);
    KW_CHECK(length == 16);
    uint64_t value = 0;
    for (size_t i = 8; i < 16; ++i) value = value << 8 | digest[i];
    return value;
}

// Unicode's simple mapping, rune by rune, whatever the process' locale. C.UTF-8 is built into
// glibc.
std::string change_case(std::string_view text, bool upper) {
    static const locale_t unicode = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
    KW_CHECK(unicode != nullptr);
    std::string out;
    out.reserve(text.size());
    for (size_t i = 0; i < text.size();) {
        const auto lead = static_cast<uint8_t>(text[i]);
        const size_t length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
        const std::string_view bytes = text.substr(i, length);
        if (!is_valid_utf8(bytes)) {
            append_utf8(out, 0xfffd);
            ++i;
            continue;
        }
        uint32_t rune = length == 1 ? lead : lead & (0x7fu >> length);
        for (size_t k = 1; k < length; ++k)
            rune = rune << 6 | (static_cast<uint8_t>(bytes[k]) & 0x3f);
        const wint_t changed = upper ? towupper_l(rune, unicode) : towlower_l(rune, unicode);
        append_utf8(out, static_cast<uint32_t>(changed));
        i += length;
    }
    return out;
}

}  // namespace

std::string_view relabel_action_text(RelabelAction action) {
    for (const auto& [text, value] : kActions) {
        if (value == action) return text;
    }
    return "?";
}

std::optional<RelabelAction> parse_relabel_action(std::string_view text) {
    std::string lower(text);
    for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    for (const auto& [name, value] : kActions) {
        if (name == lower) return value;
    }
    return std::nullopt;
}

RelabelRule::RelabelRule(RelabelConfig config, AnchoredRegex regex, NameScheme scheme)
    : config_(std::move(config)), regex_(std::move(regex)), scheme_(scheme) {
    const bool default_regex = config_.regex == RelabelConfig::kRegexDefault;
    target_is_plain_ = !has_variable(config_.target_label);
    copies_source_ = default_regex && target_is_plain_ &&
                     config_.replacement == RelabelConfig::kReplacementDefault;
    is_constant_ = default_regex && target_is_plain_ && !has_variable(config_.replacement);
}

Result<RelabelRule> RelabelRule::make(RelabelConfig config, NameScheme scheme) {
    KW_TRY_ASSIGN(AnchoredRegex regex, AnchoredRegex::compile(config.regex));
    KW_TRY(check(config, scheme));
    return RelabelRule(std::move(config), std::move(regex), scheme);
}

std::string RelabelRule::joined_source(const LabelBuilder& labels) const {
    std::string source;
    for (size_t i = 0; i < config_.source_labels.size(); ++i) {
        if (i > 0) source += config_.separator;
        source += labels.get(config_.source_labels[i]);
    }
    return source;
}

void RelabelRule::replace(const std::string& source, LabelBuilder& labels) const {
    if (copies_source_) {
        labels.set(config_.target_label, source);
        return;
    }
    if (is_constant_) {
        labels.set(config_.target_label, config_.replacement);
        return;
    }
    std::string value;
    if (!regex_.expand(source, config_.replacement, value)) return;
    if (target_is_plain_) {
        labels.set(config_.target_label, value);
        return;
    }
    std::string target;
    if (!regex_.expand(source, config_.target_label, target)) return;
    if (is_valid_label_name(target, scheme_)) labels.set(target, value);
}

void RelabelRule::map_names(LabelBuilder& labels) const {
    const std::vector<std::pair<std::string, std::string>> before = labels.labels();
    for (const auto& [name, value] : before) {
        std::string target;
        if (regex_.expand(name, config_.replacement, target) && !target.empty())
            labels.set(target, value);
    }
}

void RelabelRule::remove_names(LabelBuilder& labels, bool matching) const {
    std::vector<std::string> names;
    for (const auto& [name, value] : labels.labels()) {
        if (regex_.matches(name) == matching) names.push_back(name);
    }
    for (const std::string& name : names) labels.remove(name);
}

bool RelabelRule::apply(LabelBuilder& labels) const {
    switch (config_.action) {
        case RelabelAction::kReplace: replace(joined_source(labels), labels); return true;
        case RelabelAction::kKeep: return regex_.matches(joined_source(labels));
        case RelabelAction::kDrop: return !regex_.matches(joined_source(labels));
        case RelabelAction::kKeepEqual:
            return labels.get(config_.target_label) == joined_source(labels);
        case RelabelAction::kDropEqual:
            return labels.get(config_.target_label) != joined_source(labels);
        case RelabelAction::kHashMod:
            labels.set(config_.target_label,
                       std::to_string(md5_tail(joined_source(labels)) % config_.modulus));
            return true;
        case RelabelAction::kLowercase:
            labels.set(config_.target_label, change_case(joined_source(labels), false));
            return true;
        case RelabelAction::kUppercase:
            labels.set(config_.target_label, change_case(joined_source(labels), true));
            return true;
        case RelabelAction::kLabelMap: map_names(labels); return true;
        case RelabelAction::kLabelDrop: remove_names(labels, true); return true;
        case RelabelAction::kLabelKeep: remove_names(labels, false); return true;
    }
    return true;
}

bool relabel(std::span<const RelabelRule> rules, LabelBuilder& labels) {
    return std::all_of(rules.begin(), rules.end(),
                       [&](const RelabelRule& rule) { return rule.apply(labels); });
}

}  // namespace kw::intake
