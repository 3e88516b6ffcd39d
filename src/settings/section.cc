#include "settings/section.h"

#include <algorithm>

#include "base/check.h"
#include "model/labels.h"
#include "model/sample.h"
#include "settings/values.h"
#include "yaml/yaml.h"

namespace kw::settings {
namespace {

const std::string kNoText;
const Texts kNoTexts;
const TextsByName kNoMap;

// The fields of `block` with those of its inlined blocks in their place.
void list_fields(const Block& block, std::vector<const Field*>& into) {
    for (const Field& field : block.fields) {
        if (field.kind == Kind::kInline) {
            list_fields(*field.block, into);
        } else {
            into.push_back(&field);
        }
    }
}

// Inlined blocks first: the outer check may rely on them.
Result<void> run_checks(const Block& block, Section& section) {
    for (const Field& field : block.fields) {
        if (field.kind == Kind::kInline) KW_TRY(run_checks(*field.block, section));
    }
    return block.check == nullptr ? Result<void>() : block.check(section);
}

size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<size_t> row(b.size() + 1);
    for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
    for (size_t i = 1; i <= a.size(); ++i) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.size(); ++j) {
            const size_t change = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({row[j] + 1, row[j - 1] + 1, change});
        }
    }
    return row[b.size()];
}

std::string joined(std::span<const std::string_view> words) {
    std::string out;
    for (const std::string_view word : words) {
        if (!out.empty()) out += ", ";
        out += word;
    }
    return out;
}

// One line of YAML, for what is kept as it was written.
std::string flow_yaml(const YamlNode& node) {
    if (node.is_null()) return "null";
    if (node.kind == YamlNode::Kind::kScalar) {
        // In a list or a map of one line these would end the text.
        const bool has_marks = node.text.find_first_of(",[]{}:#") != std::string::npos;
        if (node.is_plain && !has_marks) return node.text;
        std::string scalar = yaml_scalar(node.text);
        return scalar == node.text && has_marks ? kw::quoted(node.text) : scalar;
    }
    std::string out(1, node.is_list() ? '[' : '{');
    for (size_t i = 0; i < node.items.size(); ++i) {
        if (i > 0) out += ", ";
        if (node.is_map()) out += yaml_scalar(node.keys[i].text) + ": ";
        out += flow_yaml(node.items[i]);
    }
    return out + (node.is_list() ? ']' : '}');
}

bool is_empty(const decltype(Value::data)& data) {
    struct Visitor {
        bool operator()(std::monostate) const { return true; }
        bool operator()(bool value) const { return !value; }
        bool operator()(int64_t value) const { return value == 0; }
        bool operator()(uint64_t value) const { return value == 0; }
        bool operator()(double value) const { return value == 0; }
        bool operator()(const std::string& value) const { return value.empty(); }
        bool operator()(const Texts& value) const { return value.empty(); }
        bool operator()(const TextsByName& value) const { return value.empty(); }
        bool operator()(const Sections& value) const { return value.empty(); }
    };
    return std::visit(Visitor{}, data);
}

}  // namespace

// Fills a Section from a node; knows where in the file it stands.
class SectionReader {
 public:
    SectionReader(std::shared_ptr<const std::string> file, const ReadOptions& options)
        : file_(std::move(file)), options_(options) {}

    Result<Section> read(const YamlNode& node, const Block& block, std::string path, int line) {
        Section section(block);
        section.file_ = file_;
        section.path_ = std::move(path);
        section.line_ = node.line > 0 ? node.line : line;
        std::vector<const Field*> fields;
        list_fields(block, fields);
        section.values_.reserve(fields.size());
        for (const Field* field : fields) {
            Value value;
            value.field = field;
            section.values_.push_back(std::move(value));
            KW_TRY(set_default(section, section.values_.back()));
        }
        if (!node.is_null()) KW_TRY(read_keys(node, section));
        for (const Value& value : section.values_) {
            if (value.field->required && is_empty(value.data)) {
                return section.error(value.field->name, "{}; give it a value",
                                     value.line > 0 ? "is empty" : "is missing");
            }
        }
        KW_TRY(run_checks(block, section));
        return section;
    }

    Result<Sections> read_list(const YamlNode& node, const Block& block, const std::string& path) {
        Sections sections;
        if (node.is_null()) return sections;
        if (!node.is_list()) {
            return at(node.line, path,
                      fmt::format("wants a list of {}; begin each with a dash", block.name));
        }
        for (size_t i = 0; i < node.items.size(); ++i) {
            const YamlNode& item = node.items[i];
            std::string item_path = fmt::format("{}[{}]", path, i);
            if (item.is_null()) {
                return at(item.line, item_path,
                          fmt::format("is an empty {}; fill or remove it", block.name));
            }
            KW_TRY_ASSIGN(Section section, read(item, block, std::move(item_path), item.line));
            sections.push_back(std::move(section));
        }
        return sections;
    }

 private:
    Error at(int line, std::string_view path, std::string_view message) const {
        if (path.empty()) return invalid("{}:{}: {}", *file_, line, message);
        return invalid("{}:{}: {}: {}", *file_, line, path, message);
    }

    Result<void> set_default(const Section& section, Value& value) {
        const Field& field = *value.field;
        if (field.fallback.empty()) return {};
        if (field.kind == Kind::kBlock) {
            KW_TRY_ASSIGN(Section inner, read(YamlNode{}, *field.block, section.path_of(field.name),
                                              section.line()));
            Sections sections;
            sections.push_back(std::move(inner));
            value.data = std::move(sections);
            return {};
        }
        YamlNode node;
        node.kind = YamlNode::Kind::kScalar;
        node.is_plain = true;
        node.text = std::string(field.fallback);
        return read_scalar(node, field, value).with_context(field.name);
    }

    Result<void> read_keys(const YamlNode& node, Section& section) {
        if (!node.is_map()) {
            return at(node.line, section.path(),
                      fmt::format("wants the keys of a {}, found a {}", section.block().name,
                                  node.is_list() ? "list" : "single value"));
        }
        for (size_t i = 0; i < node.keys.size(); ++i) {
            const YamlKey& key = node.keys[i];
            const auto found =
                std::find_if(section.values_.begin(), section.values_.end(),
                             [&](const Value& v) { return v.field->name == key.text; });
            if (found == section.values_.end()) {
                if (options_.ignores_unknown_keys) continue;
                return unknown(key, section);
            }
            found->line = key.line;
            found->data = std::monostate{};
            if (node.items[i].is_null() && found->field->kind != Kind::kBlock) continue;
            KW_TRY(read_value(node.items[i], section, *found));
        }
        return {};
    }

    Error unknown(const YamlKey& key, const Section& section) const {
        std::string_view nearest;
        size_t distance = 3;  // further away is another word
        for (const Value& value : section.values_) {
            const size_t d = edit_distance(key.text, value.field->name);
            if (d < distance && d < value.field->name.size()) {
                distance = d;
                nearest = value.field->name;
            }
        }
        const std::string mend =
            nearest.empty() ? std::string("remove it") : fmt::format("did you mean {}?", nearest);
        const std::string path =
            section.path().empty() ? key.text : fmt::format("{}.{}", section.path(), key.text);
        return at(key.line, path,
                  fmt::format("is not a key of {}; {}", section.block().name, mend));
    }

    Result<void> read_value(const YamlNode& node, const Section& section, Value& value) {
        const Field& field = *value.field;
        const std::string path = section.path_of(field.name);
        switch (field.kind) {
            case Kind::kBlock: return read_block(node, path, value);
            case Kind::kBlocks: {
                KW_TRY_ASSIGN(value.data, read_list(node, *field.block, path));
                return {};
            }
            case Kind::kBlockMap: return read_block_map(node, path, value);
            case Kind::kTexts:
            case Kind::kSecrets: {
                KW_TRY_ASSIGN(value.data, read_texts(node, path));
                return {};
            }
            case Kind::kTextMap:
            case Kind::kSecretMap:
            case Kind::kTextsMap:
            case Kind::kSecretsMap:
            case Kind::kLabels:
            case Kind::kAnyMap: return read_map(node, path, value);
            case Kind::kAny: value.data = flow_yaml(node); return {};
            default: break;
        }
        if (node.kind != YamlNode::Kind::kScalar) {
            return at(
                node.line, path,
                fmt::format("wants a single value, found a {}", node.is_list() ? "list" : "map"));
        }
        Result<void> read = read_scalar(node, field, value);
        if (!read.ok()) return at(node.line, path, read.error().message);
        return {};
    }

    static Result<void> read_scalar(const YamlNode& node, const Field& field, Value& value) {
        const bool wants_plain = field.kind == Kind::kBool || field.kind == Kind::kInt ||
                                 field.kind == Kind::kUint || field.kind == Kind::kFloat;
        if (wants_plain && !node.is_plain) {
            return invalid("{} is a text; write it without quotes", quoted(node.text));
        }
        switch (field.kind) {
            case Kind::kBool: {
                KW_TRY_ASSIGN(value.data, parse_flag(node.text));
                return {};
            }
            case Kind::kInt: {
                KW_TRY_ASSIGN(value.data, parse_integer(node.text));
                return {};
            }
            case Kind::kUint: {
                KW_TRY_ASSIGN(value.data, parse_count(node.text));
                return {};
            }
            case Kind::kFloat: {
                KW_TRY_ASSIGN(value.data, parse_real(node.text));
                return {};
            }
            case Kind::kDuration: {
                KW_TRY_ASSIGN(value.data, parse_duration_ms(node.text));
                return {};
            }
            case Kind::kSize: {
                KW_TRY_ASSIGN(value.data, parse_size(node.text));
                return {};
            }
            case Kind::kUrl: KW_TRY(parse_url(node.text)); break;
            default: break;
        }
        const auto& choices = field.choices;
        if (!choices.empty() && !node.text.empty() &&
            std::find(choices.begin(), choices.end(), node.text) == choices.end()) {
            return invalid("{} is not one of {}", quoted(node.text), joined(choices));
        }
        value.data = node.text;
        return {};
    }

    Result<void> read_block(const YamlNode& node, const std::string& path, Value& value) {
        const Field& field = *value.field;
        // A null is as good as absent, unless the block exists anyway.
        if (node.is_null() && field.fallback.empty()) return {};
        KW_TRY_ASSIGN(Section inner, read(node, *field.block, path, value.line));
        Sections sections;
        sections.push_back(std::move(inner));
        value.data = std::move(sections);
        return {};
    }

    Result<void> read_block_map(const YamlNode& node, const std::string& path, Value& value) {
        if (!node.is_map()) return at(node.line, path, "wants names, each with its own keys");
        Sections sections;
        for (size_t i = 0; i < node.keys.size(); ++i) {
            KW_TRY_ASSIGN(Section inner,
                          read(node.items[i], *value.field->block,
                               fmt::format("{}.{}", path, node.keys[i].text), node.keys[i].line));
            inner.name_ = node.keys[i].text;
            sections.push_back(std::move(inner));
        }
        value.data = std::move(sections);
        return {};
    }

    Result<Texts> read_texts(const YamlNode& node, const std::string& path) const {
        if (!node.is_list())
            return at(node.line, path, "wants a list; write it in [brackets] or with dashes");
        Texts texts;
        for (size_t i = 0; i < node.items.size(); ++i) {
            const YamlNode& item = node.items[i];
            if (item.is_list() || item.is_map()) {
                return at(item.line, fmt::format("{}[{}]", path, i), "wants a single value");
            }
            texts.push_back(item.is_null() ? std::string() : item.text);
        }
        return texts;
    }

    Result<void> read_map(const YamlNode& node, const std::string& path, Value& value) {
        const Kind kind = value.field->kind;
        if (!node.is_map())
            return at(node.line, path, "wants names and values, one name: value a line");
        TextsByName map;
        for (size_t i = 0; i < node.keys.size(); ++i) {
            const YamlKey& key = node.keys[i];
            const YamlNode& item = node.items[i];
            const std::string item_path = fmt::format("{}.{}", path, key.text);
            if (kind == Kind::kLabels && !is_valid_label_name(key.text, NameScheme::kUtf8)) {
                return at(key.line, path, fmt::format("{} is not a label name", quoted(key.text)));
            }
            if (kind == Kind::kAnyMap) {
                map.push_back({key.text, {flow_yaml(item)}});
            } else if (kind == Kind::kTextsMap || kind == Kind::kSecretsMap) {
                Texts texts;
                if (!item.is_null()) {
                    KW_TRY_ASSIGN(texts, read_texts(item, item_path));
                }
                map.emplace_back(key.text, std::move(texts));
            } else if (item.is_list() || item.is_map()) {
                return at(item.line, item_path, "wants a single value");
            } else if (kind == Kind::kLabels && !is_valid_utf8(item.text)) {
                return at(item.line, item_path, "its value is not UTF-8");
            } else {
                map.push_back({key.text, {item.is_null() ? std::string() : item.text}});
            }
        }
        value.data = std::move(map);
        return {};
    }

    std::shared_ptr<const std::string> file_;
    const ReadOptions options_;
};

const Value& Section::value(std::string_view key) const {
    const auto found = std::find_if(values_.begin(), values_.end(),
                                    [&](const Value& v) { return v.field->name == key; });
    KW_CHECK(found != values_.end());
    return *found;
}

Value& Section::value(std::string_view key) {
    return const_cast<Value&>(std::as_const(*this).value(key));
}

bool Section::has(std::string_view key) const { return !is_empty(value(key).data); }

bool Section::flag(std::string_view key) const {
    const bool* const data = std::get_if<bool>(&value(key).data);
    return data != nullptr && *data;
}
int64_t Section::integer(std::string_view key) const {
    const int64_t* const data = std::get_if<int64_t>(&value(key).data);
    return data == nullptr ? 0 : *data;
}
uint64_t Section::count(std::string_view key) const {
    const uint64_t* const data = std::get_if<uint64_t>(&value(key).data);
    return data == nullptr ? 0 : *data;
}
double Section::real(std::string_view key) const {
    const double* const data = std::get_if<double>(&value(key).data);
    return data == nullptr ? 0 : *data;
}
const std::string& Section::text(std::string_view key) const {
    const std::string* const data = std::get_if<std::string>(&value(key).data);
    return data == nullptr ? kNoText : *data;
}
const Texts& Section::texts(std::string_view key) const {
    const Texts* const data = std::get_if<Texts>(&value(key).data);
    return data == nullptr ? kNoTexts : *data;
}
const TextsByName& Section::map(std::string_view key) const {
    const TextsByName* const data = std::get_if<TextsByName>(&value(key).data);
    return data == nullptr ? kNoMap : *data;
}
const Sections& Section::sections(std::string_view key) const {
    static const Sections kNone;
    const Sections* const data = std::get_if<Sections>(&value(key).data);
    return data == nullptr ? kNone : *data;
}
Sections& Section::sections(std::string_view key) {
    Value& found = value(key);
    if (!std::holds_alternative<Sections>(found.data)) found.data = Sections{};
    return std::get<Sections>(found.data);
}
const Section* Section::section(std::string_view key) const {
    const Sections& all = sections(key);
    return all.empty() ? nullptr : &all.front();
}
Section* Section::section(std::string_view key) {
    return const_cast<Section*>(std::as_const(*this).section(key));
}

void Section::put(std::string_view key, decltype(Value::data) data) {
    value(key).data = std::move(data);
}

std::string Section::path_of(std::string_view key) const {
    if (key.empty()) return path_;
    return path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key);
}

int Section::line_of(std::string_view key) const {
    if (key.empty()) return std::max(line_, 1);
    const int line = value(key).line;
    return std::max(line > 0 ? line : line_, 1);
}

Error Section::error_at(std::string_view key, std::string message) const {
    const std::string path = path_of(key);
    if (path.empty()) return invalid("{}:{}: {}", *file_, line_of(key), message);
    return invalid("{}:{}: {}: {}", *file_, line_of(key), path, message);
}

Result<Section> read_section(const YamlNode& node, const Block& block, std::string_view file,
                             std::string_view path, const ReadOptions& options) {
    SectionReader reader(std::make_shared<const std::string>(file), options);
    return reader.read(node, block, std::string(path), 1);
}

Result<Sections> read_sections(const YamlNode& node, const Block& block, std::string_view file,
                               std::string_view path, const ReadOptions& options) {
    SectionReader reader(std::make_shared<const std::string>(file), options);
    return reader.read_list(node, block, std::string(path));
}

}  // namespace kw::settings
