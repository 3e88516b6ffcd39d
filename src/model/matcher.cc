#include "model/matcher.h"

#include <re2/re2.h>

#include <algorithm>

namespace kw {
namespace {

bool is_meta(char c) {
    return std::string_view("\\.+*?()|[]{}^$").find(c) != std::string_view::npos;
}

// The literals of `pattern` when it is an alternation of them, with escapes of punctuation allowed,
// and with one enclosing group allowed; nullopt otherwise.
std::optional<std::vector<std::string>> split_literals(std::string_view pattern) {
    if (pattern.size() >= 2 && pattern.front() == '(' && pattern.back() == ')') {
        std::string_view inside = pattern.substr(1, pattern.size() - 2);
        if (inside.starts_with("?:")) inside.remove_prefix(2);
        if (inside.find_first_of("()?") == std::string_view::npos) pattern = inside;
    }
    std::vector<std::string> literals(1);
    for (size_t i = 0; i < pattern.size(); ++i) {
        const char c = pattern[i];
        if (c == '|') {
            literals.emplace_back();
        } else if (c == '\\' && i + 1 < pattern.size() && is_meta(pattern[i + 1])) {
            literals.back() += pattern[++i];
        } else if (is_meta(c)) {
            return std::nullopt;
        } else {
            literals.back() += c;
        }
    }
    std::sort(literals.begin(), literals.end());
    literals.erase(std::unique(literals.begin(), literals.end()), literals.end());
    return literals;
}

std::string literal_prefix(std::string_view pattern) {
    if (pattern.find('|') != std::string_view::npos) return {};
    std::string prefix;
    for (size_t i = 0; i < pattern.size(); ++i) {
        const char c = pattern[i];
        if (!is_meta(c)) {
            prefix += c;
            continue;
        }
        // A quantifier may make the byte before it absent, and counts the whole UTF-8 rune.
        if (c == '*' || c == '?' || c == '{') {
            while (!prefix.empty() && (static_cast<uint8_t>(prefix.back()) & 0xc0) == 0x80) {
                prefix.pop_back();
            }
            if (!prefix.empty()) prefix.pop_back();
        }
        break;
    }
    return prefix;
}

}  // namespace

struct AnchoredRegex::Program {
    std::string pattern;
    std::vector<std::string> literals;
    std::string prefix;
    std::unique_ptr<RE2> re2;
};

AnchoredRegex::AnchoredRegex(std::shared_ptr<const Program> program)
    : program_(std::move(program)) {}

Result<AnchoredRegex> AnchoredRegex::compile(std::string_view pattern) {
    if (pattern.size() > kPatternBytesMax) {
        return exhausted("regular expression of {} bytes, at most {} are allowed", pattern.size(),
                         kPatternBytesMax);
    }
    auto program = std::make_shared<Program>();
    program->pattern = std::string(pattern);
    RE2::Options options;
    options.set_log_errors(false);
    options.set_max_mem(kProgramBytesMax);
    options.set_dot_nl(true);
    options.set_encoding(RE2::Options::EncodingUTF8);
    program->re2 = std::make_unique<RE2>("(?:" + program->pattern + ")", options);
    if (!program->re2->ok()) {
        // The wrapping group must not change whose parenthesis is missing.
        const RE2 alone(program->pattern, options);
        const std::string& words = alone.ok() ? program->re2->error() : alone.error();
        if (program->re2->error_code() == RE2::ErrorPatternTooLarge) {
            return exhausted("regular expression {}: {}", quoted(pattern), words);
        }
        return invalid("regular expression {}: {}", quoted(pattern), words);
    }
    if (const RE2 alone(program->pattern, options); !alone.ok()) {
        return invalid("regular expression {}: {}", quoted(pattern), alone.error());
    }
    if (auto literals = split_literals(pattern)) program->literals = std::move(*literals);
    program->prefix = literal_prefix(pattern);
    return AnchoredRegex(std::move(program));
}

bool AnchoredRegex::matches(std::string_view text) const {
    if (!program_->literals.empty()) {
        return std::binary_search(program_->literals.begin(), program_->literals.end(), text);
    }
    if (!text.starts_with(program_->prefix)) return false;
    return RE2::FullMatch(re2::StringPiece(text.data(), text.size()), *program_->re2);
}

const std::string& AnchoredRegex::pattern() const { return program_->pattern; }
const std::vector<std::string>& AnchoredRegex::literals() const { return program_->literals; }
const std::string& AnchoredRegex::prefix() const { return program_->prefix; }

bool AnchoredRegex::expand(std::string_view text, std::string_view replacement,
                           std::string& out) const {
    const RE2& re2 = *program_->re2;
    std::vector<re2::StringPiece> groups(static_cast<size_t>(re2.NumberOfCapturingGroups()) + 1);
    const re2::StringPiece input(text.data(), text.size());
    if (!re2.Match(input, 0, text.size(), RE2::ANCHOR_BOTH, groups.data(),
                   static_cast<int>(groups.size()))) {
        return false;
    }
    const auto append_group = [&](std::string_view name) {
        size_t index = 0;
        if (std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; })) {
            if (name.size() > 9) return;
            index = static_cast<size_t>(std::stoul(std::string(name)));
        } else {
            const auto& names = re2.NamedCapturingGroups();
            const auto found = names.find(std::string(name));
            if (found == names.end()) return;
            index = static_cast<size_t>(found->second);
        }
        if (index < groups.size()) out.append(groups[index].data(), groups[index].size());
    };
    const auto is_word = [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               c == '_';
    };
    for (size_t i = 0; i < replacement.size(); ++i) {
        if (replacement[i] != '$') {
            out += replacement[i];
            continue;
        }
        const size_t after = i + 1;
        if (after < replacement.size() && replacement[after] == '$') {
            out += '$';
            i = after;
        } else if (after < replacement.size() && replacement[after] == '{') {
            const size_t close = replacement.find('}', after);
            const std::string_view name = close == std::string_view::npos
                                              ? std::string_view{}
                                              : replacement.substr(after + 1, close - after - 1);
            if (name.empty() || !std::all_of(name.begin(), name.end(), is_word)) {
                out += '$';  // malformed, as Go leaves it
            } else {
                append_group(name);
                i = close;
            }
        } else {
            size_t end = after;
            while (end < replacement.size() && is_word(replacement[end])) ++end;
            if (end == after) {
                out += '$';
            } else {
                append_group(replacement.substr(after, end - after));
                i = end - 1;
            }
        }
    }
    return true;
}

std::string_view match_op_text(MatchOp op) {
    switch (op) {
        case MatchOp::kEqual: return "=";
        case MatchOp::kNotEqual: return "!=";
        case MatchOp::kRegex: return "=~";
        case MatchOp::kNotRegex: return "!~";
    }
    return "?";
}

Result<Matcher> Matcher::make(MatchOp op, std::string name, std::string value) {
    Matcher matcher(op, std::move(name), std::move(value));
    if (op == MatchOp::kRegex || op == MatchOp::kNotRegex) {
        KW_TRY_ASSIGN(AnchoredRegex regex, AnchoredRegex::compile(matcher.value_));
        matcher.regex_.push_back(std::move(regex));
    }
    matcher.matches_empty_ = matcher.matches("");
    return matcher;
}

Matcher Matcher::equal(std::string name, std::string value) {
    Matcher matcher(MatchOp::kEqual, std::move(name), std::move(value));
    matcher.matches_empty_ = matcher.value_.empty();
    return matcher;
}

Matcher Matcher::not_equal(std::string name, std::string value) {
    Matcher matcher(MatchOp::kNotEqual, std::move(name), std::move(value));
    matcher.matches_empty_ = !matcher.value_.empty();
    return matcher;
}

bool Matcher::matches(std::string_view text) const {
    switch (op_) {
        case MatchOp::kEqual: return text == value_;
        case MatchOp::kNotEqual: return text != value_;
        case MatchOp::kRegex: return regex_.front().matches(text);
        case MatchOp::kNotRegex: return !regex_.front().matches(text);
    }
    return false;
}

std::string Matcher::to_string() const {
    return (is_classic_label_name(name_) ? name_ : quoted(name_)) +
           std::string(match_op_text(op_)) + quoted(value_);
}

bool matches_all(const std::vector<Matcher>& matchers, const LabelSet& labels) {
    return std::all_of(matchers.begin(), matchers.end(), [&](const Matcher& matcher) {
        return matcher.matches(labels.get(matcher.name()));
    });
}

}  // namespace kw
