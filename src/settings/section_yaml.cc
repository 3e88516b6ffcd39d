// Section → YAML text, as /api/v1/status/config shows it: Prometheus' order and spellings.
#include "model/sample.h"
#include "settings/section.h"
#include "settings/values.h"
#include "yaml/yaml.h"

namespace kw::settings {
namespace {

constexpr std::string_view kSecretShown = "<secret>";

class Writer {
 public:
    // `first` stands before the first line instead of the indent: the dash of a list.
    std::string write(const Section& section, size_t indent, std::string first) {
        prefix_ = std::move(first);
        std::string out;
        for (const Value& value : section.values()) write_value(value, indent, out);
        return out;
    }

 private:
    std::string start(size_t indent) {
        std::string prefix = prefix_.empty() ? std::string(indent, ' ') : std::move(prefix_);
        prefix_.clear();
        return prefix;
    }

    static std::string scalar(const Value& value) {
        const Kind kind = value.field->kind;
        if (const bool* const flag = std::get_if<bool>(&value.data))
            return *flag ? "true" : "false";
        if (const int64_t* const number = std::get_if<int64_t>(&value.data)) {
            if (kind == Kind::kDuration) return format_duration_ms(*number);
            return kind == Kind::kSize ? size_text(*number) : std::to_string(*number);
        }
        if (const uint64_t* const number = std::get_if<uint64_t>(&value.data))
            return std::to_string(*number);
        if (const double* const number = std::get_if<double>(&value.data))
            return real_text(*number);
        const std::string* const text = std::get_if<std::string>(&value.data);
        if (text == nullptr) return zero(kind);
        if (kind == Kind::kSecret) return std::string(kSecretShown);
        if (kind == Kind::kAny) return *text;
        return yaml_scalar(kind == Kind::kUrl ? url_without_password(*text) : *text);
    }

    // What a null means, so that reading the shown text again gives the same.
    static std::string zero(Kind kind) {
        switch (kind) {
            case Kind::kBool: return "false";
            case Kind::kInt:
            case Kind::kUint:
            case Kind::kFloat: return "0";
            case Kind::kDuration: return "0s";
            case Kind::kSize: return "0B";
            default: return "\"\"";
        }
    }

    static bool is_zero(const Value& value) {
        if (const auto* const text = std::get_if<std::string>(&value.data)) return text->empty();
        const std::string shown = scalar(value);
        return shown == zero(value.field->kind);
    }

    void write_texts(const Texts& texts, bool are_secret, size_t indent, std::string& out) {
        for (const std::string& text : texts) {
            out += fmt::format("{:{}}- {}\n", "", indent,
                               are_secret ? std::string(kSecretShown) : yaml_scalar(text));
        }
    }

    void write_map(const Value& value, const TextsByName& map, size_t indent, std::string& out) {
        const Kind kind = value.field->kind;
        const bool are_secret = kind == Kind::kSecretMap || kind == Kind::kSecretsMap;
        for (const auto& [name, texts] : map) {
            out += fmt::format("{:{}}{}:", "", indent, yaml_scalar(name));
            if (kind == Kind::kTextsMap || kind == Kind::kSecretsMap) {
                out += texts.empty() ? " []\n" : "\n";
                write_texts(texts, are_secret, indent, out);
            } else if (kind == Kind::kAnyMap) {
                out += " " + texts.front() + "\n";
            } else {
                out += " " + (are_secret ? std::string(kSecretShown) : yaml_scalar(texts.front())) +
                       "\n";
            }
        }
    }

    void write_sections(const Value& value, const Sections& sections, size_t indent,
                        std::string& out) {
        const Kind kind = value.field->kind;
        for (const Section& section : sections) {
            if (kind == Kind::kBlocks) {
                const std::string dash = std::string(indent, ' ') + "- ";
                const std::string inner = Writer().write(section, indent + 2, dash);
                out += inner.empty() ? dash + "{}\n" : inner;
                continue;
            }
            const size_t inner_indent = kind == Kind::kBlockMap ? indent + 4 : indent + 2;
            const std::string inner = Writer().write(section, inner_indent, {});
            if (kind == Kind::kBlockMap)
                out += fmt::format("{:{}}{}:", "", indent + 2, yaml_scalar(section.name()));
            out += inner.empty() ? " {}\n" : "\n" + inner;
        }
    }

    void write_value(const Value& value, size_t indent, std::string& out) {
        const Field& field = *value.field;
        if (const auto* const sections = std::get_if<Sections>(&value.data)) {
            if (sections->empty()) return;
            out += fmt::format("{}{}:{}", start(indent), field.name,
                               field.kind == Kind::kBlock ? "" : "\n");
            write_sections(value, *sections, indent, out);
        } else if (const auto* const texts = std::get_if<Texts>(&value.data)) {
            if (texts->empty()) return;
            out += fmt::format("{}{}:\n", start(indent), field.name);
            write_texts(*texts, field.kind == Kind::kSecrets, indent, out);
        } else if (const auto* const map = std::get_if<TextsByName>(&value.data)) {
            if (map->empty()) return;
            out += fmt::format("{}{}:\n", start(indent), field.name);
            write_map(value, *map, indent + 2, out);
        } else if (has_scalar(field.kind) && (!field.fallback.empty() || !is_zero(value))) {
            out += fmt::format("{}{}: {}\n", start(indent), field.name, scalar(value));
        }
    }

    static bool has_scalar(Kind kind) {
        switch (kind) {
            case Kind::kText:
            case Kind::kSecret:
            case Kind::kBool:
            case Kind::kInt:
            case Kind::kUint:
            case Kind::kFloat:
            case Kind::kDuration:
            case Kind::kSize:
            case Kind::kUrl:
            case Kind::kAny: return true;
            default: return false;
        }
    }

    std::string prefix_;
};

}  // namespace

std::string section_yaml(const Section& section, size_t indent) {
    return Writer().write(section, indent, {});
}

}  // namespace kw::settings
