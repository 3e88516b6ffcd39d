#include "promql/printer.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

#include "model/labels.h"
#include "model/sample.h"
#include "promql/functions.h"
#include "promql/text.h"

namespace kw::promql {
namespace {

// Writes nodes on one line, and stops early once the text is longer than anybody wants.
class LinePrinter final {
 public:
    explicit LinePrinter(size_t bytes_wanted = std::numeric_limits<size_t>::max())
        : bytes_wanted_(bytes_wanted) {}

    void print(const Expr& expr) {
        if (out_.size() > bytes_wanted_) return;
        std::visit([&](const auto& node) { print_node(node); }, expr.node);
    }

    std::string take() { return std::move(out_); }
    bool is_too_long() const { return out_.size() > bytes_wanted_; }

    // "sum by (a, b) "
    void aggregate_head(const AggregateExpr& node) {
        out_ += aggregate_op_text(node.op);
        if (!node.without && node.grouping.empty()) return;
        out_ += node.without ? " without (" : " by (";
        label_list(node.grouping);
        out_ += ") ";
    }

    // "+ bool on (a) group_left (b) fill (0)"
    void operator_and_matching(const BinaryExpr& node) {
        out_ += binary_op_text(node.op);
        if (node.return_bool) out_ += " bool";
        if (!node.matching) return;
        const VectorMatching& matching = *node.matching;
        const bool grouped = matching.cardinality == Cardinality::kManyToOne ||
                             matching.cardinality == Cardinality::kOneToMany;
        if (!matching.labels.empty() || matching.on || grouped) {
            out_ += matching.on ? " on (" : " ignoring (";
            label_list(matching.labels);
            out_ += ')';
        }
        if (grouped) {
            out_ += matching.cardinality == Cardinality::kManyToOne ? " group_left ("
                                                                    : " group_right (";
            label_list(matching.include);
            out_ += ')';
        }
        const auto same = [](double a, double b) {
            return a == b || (std::isnan(a) && std::isnan(b));
        };
        if (matching.fill_left && matching.fill_right &&
            same(*matching.fill_left, *matching.fill_right)) {
            out_ += " fill (" + go_number(*matching.fill_left) + ')';
            return;
        }
        if (matching.fill_left) out_ += " fill_left (" + go_number(*matching.fill_left) + ')';
        if (matching.fill_right) out_ += " fill_right (" + go_number(*matching.fill_right) + ')';
    }

    // "[5m:1m] @ 1.000 offset 1m"
    void subquery_tail(const SubqueryExpr& node) {
        out_ += '[';
        duration(node.range);
        out_ += ':';
        if (node.step) duration(*node.step);
        out_ += ']';
        at(node.at);
        offset(node.offset);
    }

 private:
    void print_node(const NumberLiteral& node) {
        if (node.is_duration) {
            out_ += format_duration_ms(std::llround(node.value * 1000));
        } else {
            out_ += go_number(node.value);
        }
    }

    void print_node(const StringLiteral& node) { out_ += go_quoted(node.value); }

    void print_node(const VectorSelector& node) {
        selector_without_modifiers(node);
        modifiers(node);
    }

    void print_node(const MatrixSelector& node) {
        const auto& selector = *node.selector->as<VectorSelector>();
        selector_without_modifiers(selector);
        out_ += '[';
        duration(node.range);
        out_ += ']';
        modifiers(selector);
    }

    void print_node(const SubqueryExpr& node) {
        print(*node.expr);
        subquery_tail(node);
    }

    void print_node(const ParenExpr& node) {
        out_ += '(';
        print(*node.expr);
        out_ += ')';
    }

    void print_node(const UnaryExpr& node) {
        out_ += node.negate ? '-' : '+';
        print(*node.expr);
    }

    void print_node(const BinaryExpr& node) {
        print(*node.lhs);
        out_ += ' ';
        operator_and_matching(node);
        out_ += ' ';
        print(*node.rhs);
    }

    void print_node(const AggregateExpr& node) {
        aggregate_head(node);
        out_ += '(';
        if (node.param) {
            print(*node.param);
            out_ += ", ";
        }
        print(*node.expr);
        out_ += ')';
    }

    void print_node(const CallExpr& node) {
        out_ += node.function->name;
        out_ += '(';
        for (size_t i = 0; i < node.args.size(); ++i) {
            if (i > 0) out_ += ", ";
            print(*node.args[i]);
        }
        out_ += ')';
    }

    // A metric name that is not classic stands quoted inside the braces.
    void selector_without_modifiers(const VectorSelector& node) {
        const bool classic = is_classic_metric_name(node.name) && !is_reserved(node.name);
        const bool quoted_inside = !node.name.empty() && !classic;
        if (classic) out_ += node.name;
        bool first = true;
        const auto separate = [&] {
            out_ += first ? '{' : ',';
            first = false;
        };
        if (quoted_inside) {
            separate();
            out_ += go_quoted(node.name);
        }
        bool name_seen = node.name.empty();
        for (const Matcher& matcher : node.matchers) {
            if (!name_seen && matcher.name() == kMetricName && matcher.op() == MatchOp::kEqual &&
                matcher.value() == node.name) {
                name_seen = true;
                continue;
            }
            separate();
            label(matcher.name());
            out_ += match_op_text(matcher.op());
            out_ += go_quoted(matcher.value());
        }
        if (!first) {
            out_ += '}';
        } else if (!classic) {
            out_ += "{}";
        }
    }

    // Words that cannot stand outside of braces: they would be read as something else.
    static bool is_reserved(std::string_view name) {
        for (const std::string_view word :
             {"bool", "on", "ignoring", "group_left", "group_right", "atan2", "inf", "nan"}) {
            if (equal_ignoring_case(word, name)) return true;
        }
        return false;
    }

    void modifiers(const VectorSelector& node) {
        if (node.extension == VectorSelector::Extension::kAnchored) out_ += " anchored";
        if (node.extension == VectorSelector::Extension::kSmoothed) out_ += " smoothed";
        at(node.at);
        offset(node.offset);
    }

    void at(const AtModifier& modifier) {
        switch (modifier.kind) {
            case AtModifier::Kind::kNone: return;
            case AtModifier::Kind::kStart: out_ += " @ start()"; return;
            case AtModifier::Kind::kEnd: out_ += " @ end()"; return;
            case AtModifier::Kind::kTimestamp: break;
        }
        const int64_t ms = modifier.timestamp.count;
        const uint64_t magnitude =
            ms < 0 ? 0 - static_cast<uint64_t>(ms) : static_cast<uint64_t>(ms);
        out_ += fmt::format(" @ {}{}.{:03}", ms < 0 ? "-" : "", magnitude / 1000, magnitude % 1000);
    }

    void offset(const Duration& value) {
        if (value.ms == 0 && !value.expr) return;
        out_ += " offset ";
        duration(value);
    }

    void duration(const Duration& value) {
        if (value.expr) {
            duration_expr(*value.expr);
        } else {
            out_ += format_duration_ms(value.ms);
        }
    }

    void duration_expr(const DurationExpr& expr) {
        using Op = DurationExpr::Op;
        std::string_view between;
        switch (expr.op) {
            case Op::kNumber:
                out_ += expr.is_duration ? format_duration_ms(std::llround(expr.value * 1000))
                                         : go_number(expr.value);
                return;
            case Op::kStep: out_ += "step()"; return;
            case Op::kRange: out_ += "range()"; return;
            case Op::kNegate:
                out_ += '-';
                duration_expr(*expr.lhs);
                return;
            case Op::kParen:
                out_ += '(';
                duration_expr(*expr.lhs);
                out_ += ')';
                return;
            case Op::kMinOf:
            case Op::kMaxOf:
                out_ += expr.op == Op::kMinOf ? "min_of(" : "max_of(";
                duration_expr(*expr.lhs);
                out_ += ", ";
                duration_expr(*expr.rhs);
                out_ += ')';
                return;
            case Op::kAdd: between = " + "; break;
            case Op::kSub: between = " - "; break;
            case Op::kMul: between = " * "; break;
            case Op::kDiv: between = " / "; break;
            case Op::kMod: between = " % "; break;
            case Op::kPow: between = " ^ "; break;
        }
        duration_expr(*expr.lhs);
        out_ += between;
        duration_expr(*expr.rhs);
    }

    void label(std::string_view name) {
        if (is_classic_label_name(name)) {
            out_ += name;
        } else {
            out_ += go_quoted(name);
        }
    }

    void label_list(const std::vector<std::string>& labels) {
        for (size_t i = 0; i < labels.size(); ++i) {
            if (i > 0) out_ += ", ";
            label(labels[i]);
        }
    }

    const size_t bytes_wanted_;
    std::string out_;
};

constexpr size_t kLineBytesMax = 100;
// Deeper levels stand no further right: the text of a hostile query stays linear in its size.
constexpr size_t kIndentLevelsMax = 40;

// Breaks what does not fit on a line: operands, arguments and bodies get lines of their own, one
// level deeper.
class PrettyPrinter final {
 public:
    // Indented, without a line break at the end.
    void print(const Expr& expr, size_t level) {
        LinePrinter line(kLineBytesMax);
        line.print(expr);
        if (!line.is_too_long()) {
            indent(level);
            out_ += line.take();
            return;
        }
        std::visit([&](const auto& node) { print_broken(node, expr, level); }, expr.node);
    }

    std::string take() { return std::move(out_); }

 private:
    void print_broken(const AggregateExpr& node, const Expr&, size_t level) {
        indent(level);
        LinePrinter head;
        head.aggregate_head(node);
        out_ += head.take();
        out_ += "(\n";
        if (node.param) {
            print(*node.param, level + 1);
            out_ += ",\n";
        }
        print(*node.expr, level + 1);
        close(level);
    }

    void print_broken(const BinaryExpr& node, const Expr&, size_t level) {
        print(*node.lhs, level + 1);
        out_ += '\n';
        indent(level);
        LinePrinter middle;
        middle.operator_and_matching(node);
        out_ += middle.take();
        out_ += '\n';
        print(*node.rhs, level + 1);
    }

    void print_broken(const CallExpr& node, const Expr&, size_t level) {
        indent(level);
        out_ += node.function->name;
        out_ += "(\n";
        for (size_t i = 0; i < node.args.size(); ++i) {
            if (i > 0) out_ += ",\n";
            print(*node.args[i], level + 1);
        }
        close(level);
    }

    void print_broken(const ParenExpr& node, const Expr&, size_t level) {
        indent(level);
        out_ += "(\n";
        print(*node.expr, level + 1);
        close(level);
    }

    void print_broken(const SubqueryExpr& node, const Expr&, size_t level) {
        print(*node.expr, level);
        LinePrinter tail;
        tail.subquery_tail(node);
        out_ += tail.take();
    }

    void print_broken(const UnaryExpr& node, const Expr&, size_t level) {
        const size_t start = out_.size();
        print(*node.expr, level);
        // The sign stands before the operand's first character, behind its indentation.
        const size_t first = out_.find_first_not_of(' ', start);
        out_.insert(first, 1, node.negate ? '-' : '+');
    }

    // Literals and selectors stand on one line however long.
    template <typename Leaf>
    void print_broken(const Leaf&, const Expr& expr, size_t level) {
        indent(level);
        LinePrinter line;
        line.print(expr);
        out_ += line.take();
    }

    void close(size_t level) {
        out_ += '\n';
        indent(level);
        out_ += ')';
    }

    void indent(size_t level) { out_.append(2 * std::min(level, kIndentLevelsMax), ' '); }

    std::string out_;
};

}  // namespace

std::string print(const Expr& expr) {
    LinePrinter line;
    line.print(expr);
    return line.take();
}

std::string pretty_print(const Expr& expr) {
    PrettyPrinter pretty;
    pretty.print(expr, 0);
    return pretty.take();
}

}  // namespace kw::promql
