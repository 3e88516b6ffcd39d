// The tree as /api/v1/parse_query answers it. Keys stand in alphabetical order, as Prometheus'
// encoder puts them.
#include <string>

#include "model/fixed_number.h"
#include "promql/functions.h"
#include "promql/printer.h"
#include "promql/text.h"

namespace kw::promql {
namespace {

class JsonPrinter final {
 public:
    void print(const Expr& expr) {
        std::visit([&](const auto& node) { print_node(node); }, expr.node);
    }
    std::string take() { return std::move(out_); }

 private:
    void print_node(const NumberLiteral& node) {
        // Without an exponent, however long.
        std::string text = go_number(node.value);
        if (text.find('e') != std::string::npos) {
            text.clear();
            append_fixed_number(text, node.value);
        }
        out_ += R"({"type":"numberLiteral","val":)";
        string(text);
        out_ += '}';
    }

    void print_node(const StringLiteral& node) {
        out_ += R"({"type":"stringLiteral","val":)";
        string(node.value);
        out_ += '}';
    }

    void print_node(const VectorSelector& node) {
        out_ += '{';
        selector_fields(node, nullptr);
        out_ += R"(,"type":"vectorSelector"})";
    }

    void print_node(const MatrixSelector& node) {
        out_ += '{';
        selector_fields(*node.selector->as<VectorSelector>(), &node.range);
        out_ += R"(,"type":"matrixSelector"})";
    }

    void print_node(const SubqueryExpr& node) {
        out_ += R"({"expr":)";
        print(*node.expr);
        out_ += fmt::format(R"(,"offset":{},"range":{})", node.offset.ms, node.range.ms);
        at_fields(node.at, node.step ? node.step->ms : 0);
        out_ += R"(,"type":"subquery"})";
    }

    void print_node(const ParenExpr& node) {
        out_ += R"({"expr":)";
        print(*node.expr);
        out_ += R"(,"type":"parenExpr"})";
    }

    void print_node(const UnaryExpr& node) {
        out_ += R"({"expr":)";
        print(*node.expr);
        out_ +=
            node.negate ? R"(,"op":"-","type":"unaryExpr"})" : R"(,"op":"+","type":"unaryExpr"})";
    }

    void print_node(const BinaryExpr& node) {
        out_ += R"({"bool":)";
        boolean(node.return_bool);
        out_ += R"(,"lhs":)";
        print(*node.lhs);
        out_ += R"(,"matching":)";
        if (node.matching) {
            matching(*node.matching);
        } else {
            out_ += "null";
        }
        out_ += R"(,"op":)";
        string(binary_op_text(node.op));
        out_ += R"(,"rhs":)";
        print(*node.rhs);
        out_ += R"(,"type":"binaryExpr"})";
    }

    void print_node(const AggregateExpr& node) {
        out_ += R"({"expr":)";
        print(*node.expr);
        out_ += R"(,"grouping":)";
        strings(node.grouping);
        out_ += R"(,"op":)";
        string(aggregate_op_text(node.op));
        out_ += R"(,"param":)";
        if (node.param) {
            print(*node.param);
        } else {
            out_ += "null";
        }
        out_ += R"(,"type":"aggregation","without":)";
        boolean(node.without);
        out_ += '}';
    }

    void print_node(const CallExpr& node) {
        out_ += R"({"args":[)";
        for (size_t i = 0; i < node.args.size(); ++i) {
            if (i > 0) out_ += ',';
            print(*node.args[i]);
        }
        const Function& function = *node.function;
        out_ += R"(],"func":{"argTypes":[)";
        for (size_t i = 0; i < function.arg_count; ++i) {
            if (i > 0) out_ += ',';
            string(value_type_name(function.arg_types[i]));
        }
        out_ += R"(],"name":)";
        string(function.name);
        out_ += R"(,"returnType":)";
        string(value_type_name(function.returns));
        out_ += fmt::format(R"(,"variadic":{}}},"type":"call"}})", function.variadic);
    }

    void matching(const VectorMatching& matching) {
        out_ += R"({"card":)";
        string(cardinality_name(matching.cardinality));
        out_ += R"(,"fillValues":{"lhs":)";
        number_or_null(matching.fill_left);
        out_ += R"(,"rhs":)";
        number_or_null(matching.fill_right);
        out_ += R"(},"include":)";
        strings(matching.include);
        out_ += R"(,"labels":)";
        strings(matching.labels);
        out_ += R"(,"on":)";
        boolean(matching.on);
        out_ += '}';
    }

    void selector_fields(const VectorSelector& node, const Duration* range) {
        out_ += R"("anchored":)";
        boolean(node.extension == VectorSelector::Extension::kAnchored);
        out_ += R"(,"matchers":[)";
        for (size_t i = 0; i < node.matchers.size(); ++i) {
            if (i > 0) out_ += ',';
            const Matcher& matcher = node.matchers[i];
            out_ += R"({"name":)";
            string(matcher.name());
            out_ += R"(,"type":)";
            string(match_op_text(matcher.op()));
            out_ += R"(,"value":)";
            string(matcher.value());
            out_ += '}';
        }
        out_ += R"(],"name":)";
        string(node.name);
        out_ += fmt::format(R"(,"offset":{})", node.offset.ms);
        if (range != nullptr) out_ += fmt::format(R"(,"range":{})", range->ms);
        out_ += R"(,"smoothed":)";
        boolean(node.extension == VectorSelector::Extension::kSmoothed);
        at_fields(node.at, std::nullopt);
    }

    void at_fields(const AtModifier& at, std::optional<int64_t> step_ms) {
        out_ += R"(,"startOrEnd":)";
        switch (at.kind) {
            case AtModifier::Kind::kStart: out_ += R"("start")"; break;
            case AtModifier::Kind::kEnd: out_ += R"("end")"; break;
            default: out_ += "null"; break;
        }
        if (step_ms) out_ += fmt::format(R"(,"step":{})", *step_ms);
        out_ += R"(,"timestamp":)";
        if (at.kind == AtModifier::Kind::kTimestamp) {
            out_ += std::to_string(at.timestamp.count);
        } else {
            out_ += "null";
        }
    }

    // JSON has no NaN and no infinities: they stand as strings, as everywhere in Prometheus'
    // answers.
    void number_or_null(const std::optional<double>& value) {
        if (value) {
            string(go_number(*value));
        } else {
            out_ += "null";
        }
    }

    void boolean(bool value) { out_ += value ? "true" : "false"; }

    void strings(const std::vector<std::string>& values) {
        out_ += '[';
        for (size_t i = 0; i < values.size(); ++i) {
            if (i > 0) out_ += ',';
            string(values[i]);
        }
        out_ += ']';
    }

    // Bytes that are no UTF-8 become U+FFFD: JSON can hold nothing else.
    void string(std::string_view text) {
        out_ += '"';
        for (size_t at = 0; at < text.size();) {
            const char c = text[at];
            const size_t length = utf8_length(text, at);
            if (length == 0) {
                out_ += "\\ufffd";
                ++at;
            } else if (c == '"' || c == '\\') {
                out_ += '\\';
                out_ += c;
                ++at;
            } else if (static_cast<unsigned char>(c) < 0x20) {
                out_ += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
                ++at;
            } else {
                out_.append(text, at, length);
                at += length;
            }
        }
        out_ += '"';
    }

    std::string out_;
};

}  // namespace

std::string tree_json(const Expr& expr) {
    JsonPrinter json;
    json.print(expr);
    return json.take();
}

}  // namespace kw::promql
