#include "yaml/yaml.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <istream>
#include <optional>
#include <streambuf>
#include <unordered_map>

#include "model/labels.h"

namespace kw {
namespace {

// Thrown out of the library's callbacks, caught in parse_yaml().
struct Stop {
    Error error;
};

// "file:3:5", or "line 3, column 5" of a text that is no file.
std::string place(std::string_view file, const YAML::Mark& mark) {
    if (file.empty()) return fmt::format("line {}, column {}", mark.line + 1, mark.column + 1);
    return fmt::format("{}:{}:{}", file, mark.line + 1, mark.column + 1);
}

// Reads the caller's bytes without a copy.
class ViewBuffer final : public std::streambuf {
 public:
    explicit ViewBuffer(std::string_view text) {
        char* const begin = const_cast<char*>(text.data());
        setg(begin, begin, begin + text.size());
    }
};

std::optional<std::string> decode_base64(std::string_view text) {
    std::string out;
    uint32_t bits = 0;
    unsigned count = 0;
    for (const char c : text) {
        if (c == '\n' || c == '\r' || c == ' ' || c == '\t') continue;
        if (c == '=') break;
        uint32_t six = 0;
        if (c >= 'A' && c <= 'Z')
            six = static_cast<uint32_t>(c - 'A');
        else if (c >= 'a' && c <= 'z')
            six = static_cast<uint32_t>(c - 'a') + 26;
        else if (c >= '0' && c <= '9')
            six = static_cast<uint32_t>(c - '0') + 52;
        else if (c == '+')
            six = 62;
        else if (c == '/')
            six = 63;
        else
            return std::nullopt;
        bits = bits << 6 | six;
        if (++count == 4) {
            out += static_cast<char>(bits >> 16);
            out += static_cast<char>(bits >> 8);
            out += static_cast<char>(bits);
            bits = count = 0;
        }
    }
    if (count == 2) out += static_cast<char>(bits >> 4);
    if (count == 3) {
        out += static_cast<char>(bits >> 10);
        out += static_cast<char>(bits >> 2);
    }
    return out;
}

size_t node_count(const YamlNode& node) {
    size_t count = 1 + node.keys.size();
    for (const YamlNode& item : node.items) count += node_count(item);
    return count;
}

size_t depth_of(const YamlNode& node) {
    size_t deepest = 0;
    for (const YamlNode& item : node.items) deepest = std::max(deepest, depth_of(item));
    return deepest + (node.is_list() || node.is_map() ? 1 : 0);
}

// Builds the tree from the library's events. `open_` is the path from the root to where the parser
// is.
class TreeBuilder final : public YAML::EventHandler {
 public:
    TreeBuilder(std::string_view file, const YamlLimits& limits) : file_(file), limits_(limits) {}

    YamlNode take_root() { return std::move(root_); }

    void OnDocumentStart(const YAML::Mark&) override {}
    void OnDocumentEnd() override {}

    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        add(node_at(mark, YamlNode::Kind::kNull), anchor);
    }

    void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        const auto found = anchors_.find(anchor);
        if (found == anchors_.end()) stop(mark, "an alias stands inside the value that it names");
        const Anchored& anchored = found->second;
        // Counted before the copy: a bomb must not be built to be measured.
        if (nodes_ + anchored.nodes > limits_.nodes_max) stop_nodes(mark);
        if (open_.size() + anchored.depth > limits_.depth_max) stop_depth(mark);
        nodes_ += anchored.nodes;
        add(YamlNode(anchored.node), 0, false);
    }

    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  const std::string& value) override {
        // The library writes these two escapes as one byte of Latin-1.
        if (!is_valid_utf8(value)) stop(mark, "write \\u0085 for \\N and \\u00a0 for \\_");
        YamlNode node = node_at(mark, YamlNode::Kind::kScalar);
        node.text = value;
        node.is_plain = tag == "?" || tag.empty();
        if (tag.ends_with(":binary")) {
            std::optional<std::string> bytes = decode_base64(value);
            if (!bytes) stop(mark, "!!binary is followed by what is not base64");
            node.text = std::move(*bytes);
        } else if (tag.ends_with(":null")) {
            node.kind = YamlNode::Kind::kNull;
        } else if (tag.ends_with(":int") || tag.ends_with(":float") || tag.ends_with(":bool")) {
            node.is_plain = true;
        }
        if (node.is_plain && is_yaml_null(value)) node.kind = YamlNode::Kind::kNull;
        add(std::move(node), anchor);
    }

    void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value) override {
        open(mark, YamlNode::Kind::kList, anchor);
    }
    void OnSequenceEnd() override { close(); }

    void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value) override {
        open(mark, YamlNode::Kind::kMap, anchor);
    }
    void OnMapEnd() override {
        merge(open_.back());
        close();
    }

 private:
    struct Open {
        YamlNode node;
        YAML::anchor_t anchor = 0;
        bool wants_value = false;                    // of a map: a key was read
        std::unordered_map<std::string, int> lines;  // of a map: where each key stands
        std::vector<size_t> merges;                  // of a map: which of its keys are <<
    };
    struct Anchored {
        YamlNode node;
        size_t nodes = 0;
        size_t depth = 0;
    };

    template <typename... Args>
    [[noreturn]] void stop(const YAML::Mark& mark, fmt::format_string<Args...> format,
                           Args&&... args) {
        throw Stop{invalid("{}: {}", place(file_, mark),
                           fmt::format(format, std::forward<Args>(args)...))};
    }
    [[noreturn]] void stop_nodes(const YAML::Mark& mark) {
        throw Stop{exhausted("{}: more than {} values, aliases expanded; split the file",
                             place(file_, mark), limits_.nodes_max)};
    }
    [[noreturn]] void stop_depth(const YAML::Mark& mark) {
        throw Stop{exhausted("{}: lists and maps nested more than {} deep", place(file_, mark),
                             limits_.depth_max)};
    }

    static YamlNode node_at(const YAML::Mark& mark, YamlNode::Kind kind) {
        YamlNode node;
        node.kind = kind;
        node.line = mark.line + 1;
        node.column = mark.column + 1;
        return node;
    }
    static YAML::Mark mark_of(const YamlNode& node) {
        YAML::Mark mark;
        mark.line = node.line - 1;
        mark.column = node.column - 1;
        return mark;
    }

    void open(const YAML::Mark& mark, YamlNode::Kind kind, YAML::anchor_t anchor) {
        if (open_.size() >= limits_.depth_max) stop_depth(mark);
        if (++nodes_ > limits_.nodes_max) stop_nodes(mark);
        Open next;
        next.node = node_at(mark, kind);
        next.anchor = anchor;
        open_.push_back(std::move(next));
    }

    void close() {
        Open done = std::move(open_.back());
        open_.pop_back();
        add(std::move(done.node), done.anchor, false);
    }

    void add(YamlNode node, YAML::anchor_t anchor, bool count = true) {
        if (count && ++nodes_ > limits_.nodes_max) stop_nodes(mark_of(node));
        if (anchor != 0) {
            Anchored& anchored = anchors_[anchor];
            anchored.nodes = node_count(node);
            anchored.depth = depth_of(node);
            // The anchors' own copies count as well: each may be as large as the document.
            nodes_ += anchored.nodes;
            if (nodes_ > limits_.nodes_max) stop_nodes(mark_of(node));
            anchored.node = node;
        }
        if (open_.empty()) {
            root_ = std::move(node);
            return;
        }
        Open& parent = open_.back();
        if (parent.node.kind == YamlNode::Kind::kList) {
            parent.node.items.push_back(std::move(node));
        } else if (parent.wants_value) {
            parent.node.items.push_back(std::move(node));
            parent.wants_value = false;
        } else {
            add_key(parent, std::move(node));
        }
    }

    void add_key(Open& parent, YamlNode key) {
        if (key.is_list() || key.is_map()) {
            stop(mark_of(key), "a key must be a scalar, not a list or a map");
        }
        if (is_merge(key)) {
            parent.merges.push_back(parent.node.keys.size());
        } else if (const auto [at, is_new] = parent.lines.try_emplace(key.text, key.line);
                   !is_new) {
            stop(mark_of(key), "key {} is there twice, first at line {}; remove one",
                 yaml_scalar(key.text), at->second);
        }
        parent.node.keys.push_back({std::move(key.text), key.line, key.column});
        parent.wants_value = true;
    }

    static bool is_merge(const YamlNode& key) { return key.is_plain && key.text == "<<"; }

    // Replaces each `<<` by the entries that its value has and the map has not.
    void merge(Open& open) {
        if (open.merges.empty()) return;
        YamlNode& map = open.node;
        std::vector<YamlKey> keys;
        std::vector<YamlNode> items;
        const auto take = [&](YamlNode& source) {
            if (!source.is_map())
                stop(mark_of(source), "<< wants a map or a list of maps to merge");
            for (size_t i = 0; i < source.keys.size(); ++i) {
                if (!open.lines.try_emplace(source.keys[i].text, source.keys[i].line).second)
                    continue;
                keys.push_back(std::move(source.keys[i]));
                items.push_back(std::move(source.items[i]));
            }
        };
        size_t next_merge = 0;
        for (size_t i = 0; i < map.keys.size(); ++i) {
            if (next_merge == open.merges.size() || open.merges[next_merge] != i) {
                keys.push_back(std::move(map.keys[i]));
                items.push_back(std::move(map.items[i]));
                continue;
            }
            ++next_merge;
            if (map.items[i].is_list()) {
                for (YamlNode& item : map.items[i].items) take(item);
            } else {
                take(map.items[i]);
            }
        }
        map.keys = std::move(keys);
        map.items = std::move(items);
    }

    const std::string_view file_;
    const YamlLimits& limits_;
    YamlNode root_;
    std::vector<Open> open_;
    std::unordered_map<YAML::anchor_t, Anchored> anchors_;
    size_t nodes_ = 0;
};

// Reads past a document without building anything.
class NullHandler final : public YAML::EventHandler {
 public:
    void OnDocumentStart(const YAML::Mark&) override {}
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
    void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
    void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t,
                  const std::string&) override {}
    void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                         YAML::EmitterStyle::value) override {}
    void OnSequenceEnd() override {}
    void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                    YAML::EmitterStyle::value) override {}
    void OnMapEnd() override {}
};

bool has_another_document(YAML::Parser& parser) {
    try {
        NullHandler ignore;
        return parser.HandleNextDocument(ignore);
    } catch (const YAML::Exception&) {
        return true;  // whatever it is, it is not read
    }
}

// Plain scalars that go-yaml and others take for something else than a string.
bool resolves_to_other(std::string_view text) {
    static constexpr std::string_view kWords[] = {
        "true", "True", "TRUE", "false", "False", "FALSE", "yes", "Yes", "YES", "no", "No", "NO",
        "on",   "On",   "ON",   "off",   "Off",   "OFF",   "y",   "Y",   "n",   "N",  "<<", "="};
    if (is_yaml_null(text) ||
        std::find(std::begin(kWords), std::end(kWords), text) != std::end(kWords)) {
        return true;
    }
    // Numbers, dates, .inf and .nan: whatever begins like one is quoted.
    std::string_view rest = text;
    if (rest.front() == '+' || rest.front() == '-') rest.remove_prefix(1);
    if (rest.empty()) return true;
    const bool digit = rest.front() >= '0' && rest.front() <= '9';
    if (!digit && rest.front() != '.') return false;
    return std::all_of(rest.begin(), rest.end(), [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') ||
               std::string_view("+-._:xoTZ inINF").find(c) != std::string_view::npos;
    });
}

bool is_safe_plain(std::string_view text) {
    if (text.empty() || text.front() == ' ' || text.back() == ' ' || text.back() == ':')
        return false;
    if (std::string_view("-?:,[]{}#&*!|>'\"%@`").find(text.front()) != std::string_view::npos)
        return false;
    if (text.find(": ") != std::string_view::npos || text.find(" #") != std::string_view::npos)
        return false;
    return !resolves_to_other(text);
}

// Characters outside of ASCII that YAML takes for line breaks or drops, and how they are written.
constexpr std::pair<std::string_view, std::string_view> kWideControls[] = {
    {"\xc2\x85", "\\u0085"},
    {"\xe2\x80\xa8", "\\u2028"},
    {"\xe2\x80\xa9", "\\u2029"},
    {"\xef\xbb\xbf", "\\uFEFF"}};

std::string double_quoted(std::string_view text) {
    std::string out = "\"";
    for (size_t i = 0; i < text.size(); ++i) {
        const auto wide =
            std::find_if(std::begin(kWideControls), std::end(kWideControls),
                         [&](const auto& one) { return text.substr(i).starts_with(one.first); });
        if (wide != std::end(kWideControls)) {
            out += wide->second;
            i += wide->first.size() - 1;
            continue;
        }
        const char c = text[i];
        const auto byte = static_cast<uint8_t>(c);
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (c == '\n') {
            out += "\\n";
        } else if (c == '\t') {
            out += "\\t";
        } else if (byte < 0x20 || byte == 0x7f) {
            out += fmt::format("\\x{:02x}", byte);
        } else {
            out += c;
        }
    }
    return out + '"';
}

}  // namespace

bool is_yaml_null(std::string_view text) {
    return text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL";
}

std::string yaml_scalar(std::string_view text) {
    const bool has_control =
        std::any_of(text.begin(), text.end(),
                    [](char c) {
                        return static_cast<uint8_t>(c) < 0x20 || static_cast<uint8_t>(c) == 0x7f;
                    }) ||
        std::any_of(std::begin(kWideControls), std::end(kWideControls), [&](const auto& one) {
            return text.find(one.first) != std::string_view::npos;
        });
    if (has_control || text.empty() || resolves_to_other(text)) return double_quoted(text);
    if (is_safe_plain(text)) return std::string(text);
    std::string out = "'";
    for (const char c : text) {
        if (c == '\'') out += '\'';
        out += c;
    }
    return out + '\'';
}

Result<YamlDocument> parse_yaml(std::string_view text, std::string_view file,
                                const YamlLimits& limits) {
    const std::string prefix = file.empty() ? std::string() : fmt::format("{}: ", file);
    if (text.size() > limits.bytes_max) {
        return exhausted("{}{} bytes, at most {} are read; split the file", prefix, text.size(),
                         limits.bytes_max);
    }
    // The library guesses UTF-16 and UTF-32 from the first bytes; only UTF-8 is taken here.
    if (!is_valid_utf8(text) || text.find('\0') != std::string_view::npos) {
        return invalid("{}not UTF-8 text; save it as UTF-8", prefix);
    }
    ViewBuffer buffer(text);
    std::istream stream(&buffer);
    TreeBuilder builder(file, limits);
    try {
        YAML::Parser parser(stream);
        YamlDocument document;
        if (parser.HandleNextDocument(builder)) {
            document.root = builder.take_root();
            document.has_more_documents = has_another_document(parser);
        }
        return document;
    } catch (Stop& stop) {
        return std::move(stop.error);
    } catch (const YAML::Exception& error) {
        return invalid("{}: {}", place(file, error.mark), error.msg);
    }
}

}  // namespace kw
