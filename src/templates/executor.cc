// Walks the tree of a template over its data: TemplateSet::execute().
#include <fmt/core.h>

#include <utility>

#include "templates/template.h"

namespace kw::templates {
namespace {

using Tree = TemplateSet::Tree;

// What all templates of one execution share.
struct Run {
    const TemplateSet& set;
    const Functions& functions;
    const ExecuteLimits& limits;
    Escaper* escaper = nullptr;
    uint64_t steps = 0;
    size_t work_bytes = 0;
    size_t call_depth = 0;
};

// How a list of nodes ended.
enum class Flow : unsigned char { kOn, kBreak, kContinue };

class Executor {
 public:
    Executor(Run& run, const Tree& tree, std::string_view name, Value data, std::string& out)
        : run_(run), tree_(tree), name_(name), root_(data), out_(out) {
        variables_.emplace_back("$", std::move(data));
    }

    void declare(const Variables& variables) {
        variables_.insert(variables_.end(), variables.begin(), variables.end());
    }

    Result<void> run() {
        KW_TRY_ASSIGN(const Flow flow, walk(*tree_.nodes, root_));
        (void)flow;
        return {};
    }

 private:
    Error error(uint32_t offset, uint32_t end, std::string_view message) const {
        std::string_view what = std::string_view(*tree_.text).substr(offset, end - offset);
        // Long expressions are cut, as Go does.
        constexpr size_t kShownMax = 40;
        const bool is_cut = what.size() > kShownMax;
        return invalid("template: {}: executing \"{}\" at <{}{}>: {}",
                       position_in(tree_.name, *tree_.text, offset), name_,
                       what.substr(0, kShownMax), is_cut ? "..." : "", message);
    }
    Error error(const Operand& operand, std::string_view message) const {
        return error(operand.offset, operand.end, message);
    }

    Result<void> step() {
        if (++run_.steps > run_.limits.steps_max) {
            return exhausted("template: {}: more than {} steps", tree_.name, run_.limits.steps_max);
        }
        return {};
    }

    // Counts the bytes of a value that a function made.
    Result<Value> accounted(Value value) {
        const std::string* const text = value.as_string();
        if (text == nullptr) return value;
        run_.work_bytes += text->size();
        if (text->size() > run_.limits.output_bytes_max ||
            run_.work_bytes > run_.limits.work_bytes_max) {
            return exhausted("template: {}: its values are longer than {} bytes", tree_.name,
                             run_.limits.output_bytes_max);
        }
        return value;
    }

    Result<void> write(std::string_view text) {
        out_ += text;
        if (out_.size() > run_.limits.output_bytes_max) {
            return exhausted("template: {}: its text is longer than {} bytes", tree_.name,
                             run_.limits.output_bytes_max);
        }
        return {};
    }

    std::string shown(const Value& value) const {
        if (run_.escaper != nullptr) return run_.escaper->escape(value, out_);
        return value.is_nil() ? "<no value>" : value.text();
    }

    Result<Flow> walk(const Nodes& nodes, const Value& dot) {
        for (const Node& node : nodes) {
            KW_TRY(step());
            switch (node.kind) {
                case Node::Kind::kText: KW_TRY(write(node.text)); break;
                case Node::Kind::kAction: {
                    KW_TRY_ASSIGN(const Value value, evaluate(*node.pipeline, dot));
                    if (!node.pipeline->variables.empty()) break;
                    KW_TRY(write(shown(value)));
                    break;
                }
                case Node::Kind::kBreak: return Flow::kBreak;
                case Node::Kind::kContinue: return Flow::kContinue;
                case Node::Kind::kTemplate: KW_TRY(call(node, dot)); break;
                default: {
                    const size_t scope = variables_.size();
                    KW_TRY_ASSIGN(const Flow flow, control(node, dot));
                    variables_.resize(scope);
                    if (flow != Flow::kOn) return flow;
                }
            }
        }
        return Flow::kOn;
    }

    Result<Flow> control(const Node& node, const Value& dot) {
        if (node.kind == Node::Kind::kRange) return range(node, dot);
        KW_TRY_ASSIGN(const Value value, evaluate(*node.pipeline, dot));
        if (!value.truth()) return walk(node.otherwise, dot);
        return walk(node.body, node.kind == Node::Kind::kWith ? value : dot);
    }

    // One turn of a loop: the variables hold the key and the element.
    Result<Flow> turn(const Node& node, const Value& key, const Value& item) {
        KW_TRY(step());
        const std::vector<std::string>& names = node.pipeline->variables;
        const size_t scope = variables_.size();
        if (node.pipeline->is_assignment) {
            if (names.size() > 1) assign(names[0], key);
            if (!names.empty()) assign(names.back(), item);
        } else {
            if (names.size() > 1) variables_.emplace_back(names[0], key);
            if (!names.empty()) variables_.emplace_back(names.back(), item);
        }
        KW_TRY_ASSIGN(const Flow flow, walk(node.body, item));
        variables_.resize(scope);
        return flow;
    }

    Result<Flow> range(const Node& node, const Value& dot) {
        KW_TRY_ASSIGN(const Value over, evaluate_commands(*node.pipeline, dot));
        bool was_empty = true;
        if (const List* const list = over.as_list()) {
            for (size_t i = 0; i < list->size(); ++i) {
                was_empty = false;
                KW_TRY_ASSIGN(const Flow flow,
                              turn(node, Value(static_cast<int64_t>(i)), (*list)[i]));
                if (flow == Flow::kBreak) break;
            }
        } else if (const Map* const map = over.as_map();
                   map != nullptr && map->kind != Map::Kind::kStruct) {
            for (const auto& [name, item] : map->entries) {
                was_empty = false;
                KW_TRY_ASSIGN(const Flow flow, turn(node, Value(name), item));
                if (flow == Flow::kBreak) break;
            }
        } else if (const int64_t* const count = over.as<int64_t>()) {
            for (int64_t i = 0; i < *count; ++i) {
                was_empty = false;
                KW_TRY_ASSIGN(const Flow flow, turn(node, Value(i), Value(i)));
                if (flow == Flow::kBreak) break;
            }
        } else if (!over.is_nil()) {
            return error(node.pipeline->offset, node.pipeline->end,
                         fmt::format("range can't iterate over {}", over.text()));
        }
        return was_empty ? walk(node.otherwise, dot) : Result<Flow>(Flow::kOn);
    }

    Result<void> call(const Node& node, const Value& dot) {
        Value data;
        if (node.pipeline != nullptr) {
            KW_TRY_ASSIGN(data, evaluate(*node.pipeline, dot));
        }
        return run_template(node.text, std::move(data), out_, node.offset);
    }

    Result<void> run_template(const std::string& name, Value data, std::string& out,
                              uint32_t offset) {
        const Tree* const tree = run_.set.find(name);
        if (tree == nullptr) {
            return error(offset, offset, fmt::format("template \"{}\" not defined", name));
        }
        if (run_.call_depth >= run_.limits.call_depth_max) {
            return exhausted("template: {}: templates call each other more than {} deep",
                             tree_.name, run_.limits.call_depth_max);
        }
        ++run_.call_depth;
        Executor inner(run_, *tree, name, std::move(data), out);
        KW_TRY(inner.run());
        --run_.call_depth;
        return {};
    }

    // The last variable of that name: the innermost scope's.
    Value* find_variable(std::string_view name) {
        for (auto at = variables_.rbegin(); at != variables_.rend(); ++at) {
            if (at->first == name) return &at->second;
        }
        return nullptr;
    }
    void assign(std::string_view name, const Value& value) {
        if (Value* const variable = find_variable(name)) *variable = value;
    }

    Result<Value> evaluate(const Pipeline& pipeline, const Value& dot) {
        KW_TRY_ASSIGN(Value value, evaluate_commands(pipeline, dot));
        for (const std::string& name : pipeline.variables) {
            if (pipeline.is_assignment) {
                assign(name, value);
            } else {
                variables_.emplace_back(name, value);
            }
        }
        return value;
    }

    Result<Value> evaluate_commands(const Pipeline& pipeline, const Value& dot) {
        Value value;
        bool has_previous = false;
        for (const Command& command : pipeline.commands) {
            KW_TRY(step());
            KW_TRY_ASSIGN(value, evaluate_command(command, dot, has_previous ? &value : nullptr));
            has_previous = true;
        }
        return value;
    }

    // `previous` is the value of the command before, which becomes the last argument.
    Result<Value> evaluate_command(const Command& command, const Value& dot,
                                   const Value* previous) {
        const Operand& first = command.operands.front();
        if (first.kind == Operand::Kind::kFunction) return call_function(command, dot, previous);
        const bool takes_arguments = !first.fields.empty();
        std::vector<Value> arguments;
        if (takes_arguments) {
            KW_TRY_ASSIGN(arguments, evaluate_arguments(command, dot, previous));
        } else if (command.operands.size() > 1 || previous != nullptr) {
            return error(first,
                         fmt::format("can't give argument to non-function {}",
                                     tree_.text->substr(first.offset, first.end - first.offset)));
        }
        if (first.kind == Operand::Kind::kNil) return error(first, "nil is not a command");
        return evaluate_operand(first, dot, arguments);
    }

    Result<std::vector<Value>> evaluate_arguments(const Command& command, const Value& dot,
                                                  const Value* previous) {
        std::vector<Value> arguments;
        for (size_t i = 1; i < command.operands.size(); ++i) {
            KW_TRY_ASSIGN(Value value, evaluate_operand(command.operands[i], dot, {}));
            arguments.push_back(std::move(value));
        }
        if (previous != nullptr) arguments.push_back(*previous);
        return arguments;
    }

    // `arguments` are for the method that the last field may be.
    Result<Value> evaluate_operand(const Operand& operand, const Value& dot,
                                   std::span<const Value> arguments) {
        KW_TRY(step());
        Value value;
        switch (operand.kind) {
            case Operand::Kind::kLiteral: return operand.literal;
            case Operand::Kind::kNil: return Value();
            case Operand::Kind::kDot: value = dot; break;
            case Operand::Kind::kVariable: {
                const Value* const variable = find_variable(operand.name);
                if (variable == nullptr) {
                    return error(operand, fmt::format("undefined variable: {}", operand.name));
                }
                value = *variable;
                break;
            }
            case Operand::Kind::kFunction: {
                // As an argument a function's name is a call without arguments.
                Command command;
                command.operands.emplace_back();
                command.operands.front().kind = operand.kind;
                command.operands.front().name = operand.name;
                command.operands.front().offset = operand.offset;
                command.operands.front().end = operand.end;
                return call_function(command, dot, nullptr);
            }
            case Operand::Kind::kPipeline: {
                KW_TRY_ASSIGN(value, evaluate(*operand.pipeline, dot));
                break;
            }
        }
        for (size_t i = 0; i < operand.fields.size(); ++i) {
            const bool is_last = i + 1 == operand.fields.size();
            KW_TRY_ASSIGN(value, field(operand, value, operand.fields[i],
                                       is_last ? arguments : std::span<const Value>()));
        }
        return value;
    }

    Result<Value> field(const Operand& operand, const Value& of, const std::string& name,
                        std::span<const Value> arguments) {
        if (const Object* const object = of.as_object()) {
            Result<Value> member = object->member(name, arguments);
            if (!member.ok()) return error(operand, member.error().message);
            return accounted(std::move(member).value());
        }
        if (const Map* const map = of.as_map()) {
            const auto found = map->entries.find(name);
            if (found != map->entries.end()) {
                if (!arguments.empty()) {
                    return error(
                        operand,
                        fmt::format("{} has arguments but cannot be invoked as function", name));
                }
                return found->second;
            }
            if (map->kind == Map::Kind::kStrings) return Value("");
            if (map->kind == Map::Kind::kAny) return Value();
        } else if (of.is_nil()) {
            return error(operand, fmt::format("nil data; no entry for key \"{}\"", name));
        }
        return error(operand,
                     fmt::format("can't evaluate field {} in type {}", name, of.type_name()));
    }

    Result<Value> call_function(const Command& command, const Value& dot, const Value* previous) {
        const Operand& first = command.operands.front();
        if (first.name == "and" || first.name == "or") return choose(command, dot, previous);
        KW_TRY_ASSIGN(const std::vector<Value> arguments,
                      evaluate_arguments(command, dot, previous));
        if (first.name == "tmpl") return call_tmpl(first, arguments);
        const auto found = run_.functions.find(first.name);
        Result<Value> value =
            found != run_.functions.end()
                ? found->second(arguments)
                : call_builtin(first.name, arguments, run_.limits.output_bytes_max);
        if (!value.ok()) {
            return error(first,
                         fmt::format("error calling {}: {}", first.name, value.error().message));
        }
        return accounted(std::move(value).value());
    }

    // and, or: the first that decides; those behind it are not evaluated.
    Result<Value> choose(const Command& command, const Value& dot, const Value* previous) {
        const Operand& first = command.operands.front();
        const bool stops_at = first.name == "or";
        Value value;
        bool has_value = false;
        for (size_t i = 1; i < command.operands.size(); ++i) {
            KW_TRY_ASSIGN(value, evaluate_operand(command.operands[i], dot, {}));
            has_value = true;
            if (value.truth() == stops_at) return value;
        }
        if (previous != nullptr) return *previous;
        if (!has_value) {
            return error(first, fmt::format("wrong number of args for {}: want at least 1 got 0",
                                            first.name));
        }
        return value;
    }

    Result<Value> call_tmpl(const Operand& first, const std::vector<Value>& arguments) {
        const std::string* const name = arguments.empty() ? nullptr : arguments[0].as_string();
        if (name == nullptr || arguments.size() > 2) {
            return error(first, "tmpl wants the name of a template and its data");
        }
        std::string text;
        KW_TRY(
            run_template(*name, arguments.size() > 1 ? arguments[1] : Value(), text, first.offset));
        return accounted(Value(std::move(text)));
    }

    Run& run_;
    const Tree& tree_;
    const std::string name_;
    const Value root_;
    std::string& out_;
    Variables variables_;
};

}  // namespace

Result<std::string> TemplateSet::execute(std::string_view name, const Value& data,
                                         const Functions& functions, const Variables& variables,
                                         const ExecuteLimits& limits, Escaper* escaper) const {
    const Tree* const tree = find(name);
    if (tree == nullptr) return not_found("template \"{}\" not defined", name);
    Run run{*this, functions, limits, escaper};
    std::string out;
    Executor executor(run, *tree, name, data, out);
    executor.declare(variables);
    KW_TRY(executor.run());
    return out;
}

}  // namespace kw::templates
