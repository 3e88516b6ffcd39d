// Tokens to the tree of a template: TemplateSet::add().
#include <charconv>
#include <optional>
#include <set>

#include "model/sample.h"
#include "templates/go_format.h"
#include "templates/lexer.h"
#include "templates/template.h"

namespace kw::templates {
namespace {

using Kind = Token::Kind;

std::optional<Value> number_value(const std::string& text) {
    std::string digits;
    for (const char c : text) {
        if (c != '_') digits += c;
    }
    std::string_view body = digits;
    const bool is_negative = body.starts_with('-');
    if (is_negative || body.starts_with('+')) body.remove_prefix(1);
    int base = 10;
    std::string_view whole = body;
    if (body.size() > 1 && body[0] == '0') {
        const char mark = static_cast<char>(body[1] | 0x20);
        base = mark == 'x' ? 16 : mark == 'b' ? 2 : 8;
        whole = body.substr(mark == 'x' || mark == 'b' || mark == 'o' ? 2 : 1);
    }
    int64_t value = 0;
    const auto [end, error] =
        std::from_chars(whole.data(), whole.data() + whole.size(), value, base);
    if (error == std::errc() && end == whole.data() + whole.size() && !whole.empty() &&
        whole[0] != '-') {
        return Value(is_negative ? -value : value);
    }
    const Result<double> real = parse_value(digits);
    // Names of numbers, "Inf" and "NaN", are no constants of templates.
    if (!real.ok() || body.empty() || (body[0] != '.' && (body[0] < '0' || body[0] > '9'))) {
        return std::nullopt;
    }
    return Value(*real);
}

class Parser {
 public:
    Parser(const std::string& name, std::string_view text, const Functions& functions,
           std::span<const std::string_view> variables, const ParseLimits& limits)
        : name_(name), text_(text), functions_(functions), limits_(limits), lexer_(text) {
        variables_.emplace_back("$");
        for (const std::string_view variable : variables) variables_.emplace_back(variable);
        outer_variables_ = variables_;
    }

    struct Definition {
        std::string name;
        Nodes nodes;
    };

    Result<Nodes> run(std::vector<Definition>& definitions) {
        definitions_ = &definitions;
        KW_TRY(advance());
        Nodes nodes;
        KW_TRY_ASSIGN(const std::string end, list(nodes, true));
        if (!end.empty()) return error("unexpected {{{{{}}}}}", end);
        return nodes;
    }

 private:
    template <typename... Args>
    Error error(fmt::format_string<Args...> format, Args&&... args) const {
        return error_at(token_.offset, fmt::format(format, std::forward<Args>(args)...));
    }
    Error error_at(uint32_t offset, std::string_view message) const {
        return invalid("template: {}: {}", position_in(name_, text_, offset), message);
    }

    Result<void> advance() {
        Result<Token> token = lexer_.next();
        if (!token.ok()) return error_at(lexer_.offset(), token.error().message);
        token_ = std::move(token).value();
        return {};
    }
    Result<void> skip_space() {
        while (token_.kind == Kind::kSpace) KW_TRY(advance());
        return {};
    }
    bool at_word(std::string_view word) const {
        return token_.kind == Kind::kWord && token_.text == word;
    }
    std::string found() const {
        switch (token_.kind) {
            case Kind::kEnd: return "EOF";
            case Kind::kClose: return "\"}}\"";
            case Kind::kField: return "<." + token_.text + ">";
            default: return "<" + token_.text + ">";
        }
    }
    Result<void> expect_close(std::string_view where) {
        KW_TRY(skip_space());
        if (token_.kind != Kind::kClose) return error("unexpected {} in {}", found(), where);
        return advance();
    }

    // Nodes up to {{end}}, {{else …}} or the end of the text; returns which ("" at the end of the text), with
    // the token behind the word.
    Result<std::string> list(Nodes& nodes, bool is_top) {
        if (++depth_ > limits_.depth_max) {
            return exhausted("template: {}: nested more than {} deep",
                             position_in(name_, text_, token_.offset), limits_.depth_max);
        }
        while (true) {
            if (token_.kind == Kind::kEnd) {
                --depth_;
                if (!is_top) return error("unexpected EOF; an action lacks its {{{{end}}}}");
                return std::string();
            }
            if (token_.kind == Kind::kText) {
                Node node;
                node.text = std::move(token_.text);
                node.offset = token_.offset;
                nodes.push_back(std::move(node));
                KW_TRY(advance());
                continue;
            }
            const uint32_t offset = token_.offset;
            KW_TRY(advance());
            KW_TRY(skip_space());
            if (at_word("end") || at_word("else")) {
                std::string word = token_.text;
                KW_TRY(advance());
                --depth_;
                return word;
            }
            KW_TRY(action(nodes, offset));
        }
    }

    Result<void> action(Nodes& nodes, uint32_t offset) {
        Node node;
        node.offset = offset;
        if (at_word("if")) return control(nodes, std::move(node), Node::Kind::kIf, "if");
        if (at_word("range")) return control(nodes, std::move(node), Node::Kind::kRange, "range");
        if (at_word("with")) return control(nodes, std::move(node), Node::Kind::kWith, "with");
        if (at_word("template")) return call_template(nodes, std::move(node));
        if (at_word("define")) return define();
        if (at_word("block")) return block(nodes, std::move(node));
        if (at_word("break") || at_word("continue")) {
            if (range_depth_ == 0) return error("{{{{{}}}}} outside {{{{range}}}}", token_.text);
            node.kind = at_word("break") ? Node::Kind::kBreak : Node::Kind::kContinue;
            KW_TRY(advance());
            nodes.push_back(std::move(node));
            return expect_close("break or continue");
        }
        node.kind = Node::Kind::kAction;
        KW_TRY_ASSIGN(node.pipeline, pipeline("command", Kind::kClose, 1));
        nodes.push_back(std::move(node));
        return {};
    }

    Result<void> control(Nodes& nodes, Node node, Node::Kind kind, std::string_view word) {
        KW_TRY(advance());
        node.kind = kind;
        const size_t scope = variables_.size();
        KW_TRY_ASSIGN(node.pipeline,
                      pipeline(word, Kind::kClose, kind == Node::Kind::kRange ? 2 : 1));
        const size_t inner_scope = variables_.size();
        if (kind == Node::Kind::kRange) ++range_depth_;
        KW_TRY_ASSIGN(std::string end, list(node.body, false));
        if (kind == Node::Kind::kRange) --range_depth_;
        variables_.resize(inner_scope);
        if (end == "else") {
            KW_TRY(skip_space());
            const bool chains = (kind == Node::Kind::kIf && at_word("if")) ||
                                (kind == Node::Kind::kWith && at_word("with"));
            if (chains) {
                // {{else if}} ends with the {{end}} of the whole.
                if (++depth_ > limits_.depth_max) {
                    return exhausted("template: {}: more than {} else-if in a row",
                                     position_in(name_, text_, token_.offset), limits_.depth_max);
                }
                Node inner;
                inner.offset = token_.offset;
                KW_TRY(control(node.otherwise, std::move(inner), kind, word));
                --depth_;
                variables_.resize(scope);
                nodes.push_back(std::move(node));
                return {};
            }
            KW_TRY(expect_close("else"));
            KW_TRY_ASSIGN(end, list(node.otherwise, false));
            if (end == "else") return error("expected end; found {{{{else}}}}");
        }
        KW_TRY(expect_close("end"));
        variables_.resize(scope);
        nodes.push_back(std::move(node));
        return {};
    }

    Result<std::string> template_name(std::string_view where) {
        KW_TRY(advance());
        KW_TRY(skip_space());
        if (token_.kind != Kind::kString) return error("unexpected {} in {}", found(), where);
        std::string name = token_.text;
        KW_TRY(advance());
        KW_TRY(skip_space());
        return name;
    }

    Result<void> call_template(Nodes& nodes, Node node) {
        node.kind = Node::Kind::kTemplate;
        KW_TRY_ASSIGN(node.text, template_name("template clause"));
        if (token_.kind == Kind::kClose) {
            KW_TRY(advance());
        } else {
            KW_TRY_ASSIGN(node.pipeline, pipeline("template clause", Kind::kClose, 1));
        }
        nodes.push_back(std::move(node));
        return {};
    }

    // The body of a definition sees neither variables nor loops around it.
    Result<void> definition(std::string name) {
        std::vector<std::string> variables = std::exchange(variables_, outer_variables_);
        const size_t range_depth = std::exchange(range_depth_, 0);
        Definition made;
        made.name = std::move(name);
        KW_TRY_ASSIGN(const std::string end, list(made.nodes, false));
        if (end != "end") return error("unexpected {{{{else}}}} in define clause");
        KW_TRY(expect_close("end"));
        variables_ = std::move(variables);
        range_depth_ = range_depth;
        definitions_->push_back(std::move(made));
        return {};
    }

    Result<void> define() {
        if (depth_ > 1) return error("unexpected {{{{define}}}}: it stands at the top only");
        KW_TRY_ASSIGN(std::string name, template_name("define clause"));
        KW_TRY(expect_close("define clause"));
        return definition(std::move(name));
    }

    Result<void> block(Nodes& nodes, Node node) {
        node.kind = Node::Kind::kTemplate;
        KW_TRY_ASSIGN(node.text, template_name("block clause"));
        KW_TRY_ASSIGN(node.pipeline, pipeline("block clause", Kind::kClose, 1));
        KW_TRY(definition(node.text));
        nodes.push_back(std::move(node));
        return {};
    }

    // Up to and with the token `end`.
    Result<std::unique_ptr<Pipeline>> pipeline(std::string_view where, Kind end,
                                               size_t variables_max) {
        if (++depth_ > limits_.depth_max) {
            return exhausted("template: {}: nested more than {} deep",
                             position_in(name_, text_, token_.offset), limits_.depth_max);
        }
        auto made = std::make_unique<Pipeline>();
        KW_TRY(skip_space());
        made->offset = token_.offset;
        std::optional<Operand> first;
        if (token_.kind == Kind::kVariable) {
            KW_TRY(declaration(*made, variables_max, first));
        }
        KW_TRY(commands(*made, where, end, std::move(first)));
        for (const std::string& variable : made->variables) {
            if (!made->is_assignment) variables_.push_back(variable);
        }
        --depth_;
        return made;
    }

    // `$x := `, `$x = `, `$i, $x := `; a variable that is none of these is the first operand.
    Result<void> declaration(Pipeline& made, size_t variables_max, std::optional<Operand>& first) {
        const Token variable = token_;
        KW_TRY(advance());
        const bool had_space = token_.kind == Kind::kSpace;
        KW_TRY(skip_space());
        std::vector<std::string> names = {variable.text};
        if (token_.kind == Kind::kComma && variables_max > 1) {
            KW_TRY(advance());
            KW_TRY(skip_space());
            if (token_.kind != Kind::kVariable) return error("range can only initialize variables");
            names.push_back(token_.text);
            KW_TRY(advance());
            KW_TRY(skip_space());
            if (token_.kind != Kind::kDeclare && token_.kind != Kind::kAssign) {
                return error("expected :=, found {}", found());
            }
        }
        if (token_.kind == Kind::kDeclare || token_.kind == Kind::kAssign) {
            made.is_assignment = token_.kind == Kind::kAssign;
            made.variables = std::move(names);
            if (made.is_assignment) {
                for (const std::string& name : made.variables)
                    KW_TRY(check_variable(name, variable.offset));
            }
            return advance();
        }
        KW_TRY(check_variable(variable.text, variable.offset));
        Operand operand;
        operand.kind = Operand::Kind::kVariable;
        operand.name = variable.text;
        operand.offset = variable.offset;
        operand.end = variable.end;
        if (!had_space) KW_TRY(fields(operand));
        first = std::move(operand);
        return {};
    }

    Result<void> check_variable(const std::string& name, uint32_t offset) const {
        for (const std::string& known : variables_) {
            if (known == name) return {};
        }
        return error_at(offset, "undefined variable " + go_quoted(name));
    }

    Result<void> commands(Pipeline& made, std::string_view where, Kind end,
                          std::optional<Operand> first) {
        while (true) {
            Command command;
            if (first) {
                command.operands.push_back(std::move(*first));
                first.reset();
            }
            KW_TRY(skip_space());
            while (token_.kind != Kind::kPipe && token_.kind != end) {
                KW_TRY_ASSIGN(Operand operand_read, operand(where));
                command.operands.push_back(std::move(operand_read));
                if (token_.kind != Kind::kSpace && token_.kind != Kind::kPipe &&
                    token_.kind != end) {
                    return error("unexpected {} in operand", found());
                }
                KW_TRY(skip_space());
            }
            if (command.operands.empty()) {
                if (made.commands.empty()) return error("missing value for {}", where);
                return error("empty command");
            }
            if (!made.commands.empty() && is_constant(command.operands[0])) {
                return error("non executable command in pipeline stage {}",
                             made.commands.size() + 1);
            }
            made.commands.push_back(std::move(command));
            made.end = token_.offset;
            const bool was_end = token_.kind == end;
            KW_TRY(advance());
            if (was_end) return {};
        }
    }

    static bool is_constant(const Operand& operand) {
        return operand.kind == Operand::Kind::kLiteral || operand.kind == Operand::Kind::kNil ||
               (operand.kind == Operand::Kind::kDot && operand.fields.empty());
    }

    Result<void> fields(Operand& operand) {
        while (token_.kind == Kind::kField) {
            operand.fields.push_back(token_.text);
            operand.end = token_.end;
            KW_TRY(advance());
        }
        return {};
    }

    Result<Operand> operand(std::string_view where) {
        Operand made;
        made.offset = token_.offset;
        made.end = token_.end;
        switch (token_.kind) {
            case Kind::kString: made.literal = Value(token_.text); break;
            case Kind::kChar:
                made.literal = Value(static_cast<int64_t>(std::stoll(token_.text)));
                break;
            case Kind::kNumber: {
                const std::optional<Value> number = number_value(token_.text);
                if (!number) return error("bad number syntax: {}", go_quoted(token_.text));
                made.literal = *number;
                break;
            }
            case Kind::kDot: break;
            case Kind::kField: made.fields.push_back(token_.text); break;
            case Kind::kVariable:
                KW_TRY(check_variable(token_.text, token_.offset));
                made.name = token_.text;
                break;
            case Kind::kWord: KW_TRY(word(made)); break;
            case Kind::kLeft: {
                KW_TRY(advance());
                made.kind = Operand::Kind::kPipeline;
                KW_TRY_ASSIGN(made.pipeline, pipeline("parenthesized pipeline", Kind::kRight, 0));
                made.end = made.pipeline->end + 1;
                KW_TRY(fields(made));
                return made;
            }
            default: return error("unexpected {} in {}", found(), where);
        }
        const Kind kind = token_.kind;
        KW_TRY(advance());
        if (kind == Kind::kField || kind == Kind::kDot) {
            made.kind = Operand::Kind::kDot;
        } else if (kind == Kind::kVariable) {
            made.kind = Operand::Kind::kVariable;
        } else if (kind != Kind::kWord) {
            made.kind = Operand::Kind::kLiteral;
        }
        if (kind == Kind::kField || kind == Kind::kVariable) KW_TRY(fields(made));
        return made;
    }

    Result<void> word(Operand& made) {
        made.kind = Operand::Kind::kLiteral;
        if (token_.text == "true" || token_.text == "false") {
            made.literal = Value(token_.text == "true");
        } else if (token_.text == "nil") {
            made.kind = Operand::Kind::kNil;
        } else if (is_builtin(token_.text) || functions_.contains(token_.text)) {
            made.kind = Operand::Kind::kFunction;
            made.name = token_.text;
        } else {
            return error("function {} not defined", go_quoted(token_.text));
        }
        return {};
    }

    const std::string& name_;
    const std::string_view text_;
    const Functions& functions_;
    const ParseLimits& limits_;
    Lexer lexer_;
    Token token_;
    std::vector<std::string> variables_;  // in scope
    std::vector<std::string> outer_variables_;
    std::vector<Definition>* definitions_ = nullptr;
    size_t depth_ = 0;
    size_t range_depth_ = 0;
};

}  // namespace

Result<void> TemplateSet::add(const std::string& name, std::string_view text,
                              const Functions& functions,
                              std::span<const std::string_view> variables) {
    if (text.size() > limits_.text_bytes_max) {
        return exhausted("template: {}: {} bytes, the limit is {}", name, text.size(),
                         limits_.text_bytes_max);
    }
    auto kept = std::make_shared<const std::string>(text);
    std::vector<Parser::Definition> definitions;
    KW_TRY_ASSIGN(Nodes nodes, Parser(name, *kept, functions, variables, limits_).run(definitions));
    trees_[name] = {name, kept, std::make_shared<const Nodes>(std::move(nodes))};
    for (Parser::Definition& definition : definitions) {
        trees_[definition.name] = {name, kept,
                                   std::make_shared<const Nodes>(std::move(definition.nodes))};
    }
    return {};
}

const TemplateSet::Tree* TemplateSet::find(std::string_view name) const {
    const auto found = trees_.find(name);
    return found == trees_.end() ? nullptr : &found->second;
}

std::string position_in(std::string_view name, std::string_view text, uint32_t offset) {
    size_t line = 1;
    size_t column = 1;
    for (const char c : text.substr(0, offset)) {
        ++column;
        if (c == '\n') {
            ++line;
            column = 1;
        }
    }
    return fmt::format("{}:{}:{}", name, line, column);
}

}  // namespace kw::templates
