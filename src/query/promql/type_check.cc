#include "promql/type_check.h"

#include <algorithm>
#include <set>

#include "promql/functions.h"
#include "promql/lexer.h"
#include "promql/text.h"

namespace kw::promql {
namespace {

class Checker final {
 public:
    explicit Checker(std::string_view query) : query_(query) {}

    Result<void> check(Expr& expr) {
        KW_TRY_ASSIGN(expr.type,
                      std::visit([&](auto& node) { return type_of(node, expr); }, expr.node));
        return {};
    }

 private:
    Error fail(Span span, std::string_view message) const {
        return parse_error(query_, span.start, message);
    }

    Result<void> expect(const Expr& expr, ValueType want, std::string_view where) const {
        if (expr.type == want) return {};
        return fail(expr.span, fmt::format("expected type {} in {}, got {}", value_type_words(want),
                                           where, value_type_words(expr.type)));
    }

    Result<ValueType> type_of(NumberLiteral&, const Expr&) { return ValueType::kScalar; }
    Result<ValueType> type_of(StringLiteral&, const Expr&) { return ValueType::kString; }

    Result<ValueType> type_of(VectorSelector& node, const Expr& expr) {
        if (!node.name.empty()) {
            size_t names = 0;
            for (const Matcher& matcher : node.matchers) {
                if (matcher.name() != kMetricName) continue;
                // The name's own matcher stands among them.
                if (++names > 1 || matcher.value() != node.name ||
                    matcher.op() != MatchOp::kEqual) {
                    return fail(expr.span,
                                fmt::format("metric name must not be set twice: {} or {}",
                                            go_quoted(node.name), go_quoted(matcher.value())));
                }
            }
            return ValueType::kVector;
        }
        const bool selects =
            std::any_of(node.matchers.begin(), node.matchers.end(),
                        [](const Matcher& matcher) { return !matcher.matches_empty(); });
        if (!selects && !node.may_match_empty) {
            return fail(expr.span, "vector selector must contain at least one non-empty matcher");
        }
        return ValueType::kVector;
    }

    Result<ValueType> type_of(MatrixSelector& node, const Expr&) {
        KW_TRY(check(*node.selector));
        return ValueType::kMatrix;
    }

    Result<ValueType> type_of(SubqueryExpr& node, const Expr& expr) {
        KW_TRY(check(*node.expr));
        if (node.expr->type != ValueType::kVector) {
            return fail(expr.span,
                        fmt::format("subquery is only allowed on instant vector, got {} instead",
                                    value_type_name(node.expr->type)));
        }
        return ValueType::kMatrix;
    }

    Result<ValueType> type_of(ParenExpr& node, const Expr&) {
        KW_TRY(check(*node.expr));
        return node.expr->type;
    }

    Result<ValueType> type_of(UnaryExpr& node, const Expr& expr) {
        KW_TRY(check(*node.expr));
        const ValueType type = node.expr->type;
        if (type != ValueType::kScalar && type != ValueType::kVector) {
            return fail(
                expr.span,
                fmt::format("unary expression only allowed on expressions of type scalar or "
                            "instant vector, got {}",
                            go_quoted(value_type_words(type))));
        }
        return type;
    }

    Result<ValueType> type_of(BinaryExpr& node, const Expr& expr) {
        KW_TRY(check(*node.lhs));
        KW_TRY(check(*node.rhs));
        const ValueType lhs = node.lhs->type;
        const ValueType rhs = node.rhs->type;
        if (node.return_bool && !is_comparison(node.op)) {
            return fail(node.op_span, "bool modifier can only be used on comparison operators");
        }
        if (is_comparison(node.op) && !node.return_bool && lhs == ValueType::kScalar &&
            rhs == ValueType::kScalar) {
            return fail(node.op_span, "comparisons between scalars must use BOOL modifier");
        }
        KW_TRY(check_labels(*node.matching, node.op_span));
        for (const Expr* side : {node.lhs.get(), node.rhs.get()}) {
            if (side->type != ValueType::kScalar && side->type != ValueType::kVector) {
                return fail(side->span,
                            "binary expression must contain only scalar and instant vector types");
            }
        }
        const std::string op = go_quoted(binary_op_text(node.op));
        if (lhs == ValueType::kVector && rhs == ValueType::kVector) {
            if (is_set_operator(node.op)) KW_TRY(check_set_operator(*node.matching, expr.span, op));
            return ValueType::kVector;
        }
        if (!node.matching->labels.empty()) {
            return fail(expr.span, "vector matching only allowed between instant vectors");
        }
        if (node.matching->fill_left || node.matching->fill_right) {
            return fail(expr.span,
                        "filling in missing series only allowed between instant vectors");
        }
        if (is_set_operator(node.op)) {
            return fail(expr.span,
                        fmt::format("set operator {} not allowed in binary scalar expression", op));
        }
        node.matching.reset();
        const bool scalars = lhs == ValueType::kScalar && rhs == ValueType::kScalar;
        return scalars ? ValueType::kScalar : ValueType::kVector;
    }

    Result<void> check_labels(const VectorMatching& matching, Span op_span) const {
        if (!matching.on || matching.include.empty()) return {};
        const std::set<std::string_view> included(matching.include.begin(), matching.include.end());
        for (const std::string& label : matching.labels) {
            if (included.contains(label)) {
                return fail(op_span,
                            fmt::format("label {} must not occur in ON and GROUP clause at once",
                                        go_quoted(label)));
            }
        }
        return {};
    }

    // `a or b` pairs any number with any number.
    Result<void> check_set_operator(VectorMatching& matching, Span span,
                                    std::string_view op) const {
        if (matching.cardinality != Cardinality::kOneToOne) {
            return fail(span, fmt::format("no grouping allowed for {} operation", op));
        }
        if (matching.fill_left || matching.fill_right) {
            return fail(span, "filling in missing series not allowed for set operators");
        }
        matching.cardinality = Cardinality::kManyToMany;
        return {};
    }

    Result<ValueType> type_of(AggregateExpr& node, const Expr&) {
        KW_TRY(check(*node.expr));
        KW_TRY(expect(*node.expr, ValueType::kVector, "aggregation expression"));
        if (node.param) {
            KW_TRY(check(*node.param));
            KW_TRY(expect(
                *node.param,
                node.op == AggregateOp::kCountValues ? ValueType::kString : ValueType::kScalar,
                "aggregation parameter"));
        }
        return ValueType::kVector;
    }

    Result<ValueType> type_of(CallExpr& node, const Expr& expr) {
        const Function& function = *node.function;
        const std::string name = go_quoted(function.name);
        const size_t got = node.args.size();
        const size_t declared = function.arg_count;
        if (function.variadic == 0) {
            if (got != declared) {
                return fail(expr.span, fmt::format("expected {} argument(s) in call to {}, got {}",
                                                   declared, name, got));
            }
        } else {
            const size_t least = declared - 1;
            if (got < least) {
                return fail(expr.span,
                            fmt::format("expected at least {} argument(s) in call to {}, got {}",
                                        least, name, got));
            }
            if (function.variadic > 0 && got > least + static_cast<size_t>(function.variadic)) {
                return fail(expr.span,
                            fmt::format("expected at most {} argument(s) in call to {}, got {}",
                                        least + static_cast<size_t>(function.variadic), name, got));
            }
        }
        if (function.id == FunctionId::kInfo && got > 1)
            KW_TRY(check_info_selector(*node.args[1], name));
        for (size_t i = 0; i < got; ++i) {
            KW_TRY(check(*node.args[i]));
            KW_TRY(expect(*node.args[i], function.arg_type(i), "call to function " + name));
        }
        return function.returns;
    }

    // The second argument of info() is matchers alone, which need not select anything by
    // themselves.
    Result<void> check_info_selector(Expr& arg, std::string_view function) const {
        auto* const selector = arg.as<VectorSelector>();
        if (selector == nullptr) {
            return fail(
                arg.span,
                fmt::format("expected label selectors as the second argument to {} function",
                            function));
        }
        if (!selector->name.empty()) {
            return fail(arg.span, "expected label selectors only, got vector selector instead");
        }
        selector->may_match_empty = true;
        return {};
    }

    std::string_view query_;
};

}  // namespace

Result<void> check_types(Expr& expr, std::string_view query) { return Checker(query).check(expr); }

}  // namespace kw::promql
