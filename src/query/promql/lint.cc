#include "promql/lint.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "model/labels.h"
#include "promql/functions.h"

namespace kw::promql {
namespace {

constexpr size_t kSelectorsAskedMax = 50;
constexpr int64_t kIntervalsMin = 4;

// What becomes of a value: whether it is seen as a number, or only whether (or when) it is there.
enum class Use : unsigned char { kSeen, kCounted, kInRate };

bool is_one_of(FunctionId id, std::initializer_list<FunctionId> ids) {
    return std::ranges::find(ids, id) != ids.end();
}

bool is_rate(FunctionId id) {
    return is_one_of(id, {FunctionId::kRate, FunctionId::kIrate, FunctionId::kIncrease});
}

bool is_trend(FunctionId id) {
    return is_one_of(id, {FunctionId::kDelta, FunctionId::kIdelta, FunctionId::kDeriv,
                          FunctionId::kPredictLinear, FunctionId::kDoubleExponentialSmoothing});
}

bool is_average(FunctionId id) {
    return is_one_of(
        id, {FunctionId::kAvgOverTime, FunctionId::kSumOverTime, FunctionId::kQuantileOverTime,
             FunctionId::kStddevOverTime, FunctionId::kStdvarOverTime, FunctionId::kMadOverTime});
}

// The functions whose result says whether, when or how often there was a value, not which.
bool only_counts(FunctionId id) {
    return is_one_of(id, {FunctionId::kAbsent, FunctionId::kAbsentOverTime, FunctionId::kChanges,
                          FunctionId::kCountOverTime, FunctionId::kPresentOverTime,
                          FunctionId::kResets, FunctionId::kStartTimestamp, FunctionId::kTimestamp,
                          FunctionId::kTsOfFirstOverTime, FunctionId::kTsOfLastOverTime,
                          FunctionId::kTsOfMaxOverTime, FunctionId::kTsOfMinOverTime});
}

bool is_quantile(FunctionId id) {
    return is_one_of(id, {FunctionId::kHistogramQuantile, FunctionId::kHistogramQuantiles});
}

// What other languages and dashboards' variables mean by any value, and PromQL takes by the letter.
bool is_meant_as_wildcard(std::string_view value) {
    return value == "all" || value == "All" || value == "any" || value == "*";
}

std::string_view without_suffix(std::string_view name, std::string_view suffix) {
    return name.ends_with(suffix) ? name.substr(0, name.size() - suffix.size()) : name;
}

std::string metric_of(const VectorSelector& selector) {
    if (!selector.name.empty()) return selector.name;
    for (const Matcher& matcher : selector.matchers) {
        if (matcher.name() == kMetricName && matcher.op() == MatchOp::kEqual)
            return matcher.value();
    }
    return {};
}

// The selector that `expr` is, or that is the range of which it is.
const VectorSelector* selector_of(const Expr& expr) {
    const Expr& inner = strip_parens(expr);
    if (const auto* matrix = inner.as<MatrixSelector>())
        return matrix->selector->as<VectorSelector>();
    return inner.as<VectorSelector>();
}

std::optional<double> number_of(const Expr& expr) {
    const Expr& inner = strip_parens(expr);
    if (const auto* number = inner.as<NumberLiteral>()) return number->value;
    if (const auto* unary = inner.as<UnaryExpr>()) {
        const std::optional<double> value = number_of(*unary->expr);
        if (value) return unary->negate ? -*value : *value;
    }
    return std::nullopt;
}

// Calls `f` for every selector in `expr`.
template <typename F>
void each_selector(const Expr& expr, const F& f) {
    if (const auto* selector = expr.as<VectorSelector>()) {
        f(*selector, expr.span);
    } else if (const auto* matrix = expr.as<MatrixSelector>()) {
        each_selector(*matrix->selector, f);
    } else if (const auto* subquery = expr.as<SubqueryExpr>()) {
        each_selector(*subquery->expr, f);
    } else if (const auto* paren = expr.as<ParenExpr>()) {
        each_selector(*paren->expr, f);
    } else if (const auto* unary = expr.as<UnaryExpr>()) {
        each_selector(*unary->expr, f);
    } else if (const auto* binary = expr.as<BinaryExpr>()) {
        each_selector(*binary->lhs, f);
        each_selector(*binary->rhs, f);
    } else if (const auto* aggregate = expr.as<AggregateExpr>()) {
        if (aggregate->param) each_selector(*aggregate->param, f);
        each_selector(*aggregate->expr, f);
    } else if (const auto* call = expr.as<CallExpr>()) {
        for (const ExprPtr& arg : call->args) each_selector(*arg, f);
    }
}

class Linter final {
 public:
    explicit Linter(const LintFacts& facts) : facts_(facts) {}

    Result<std::vector<LintFinding>> run(const Expr& expr) {
        visit(expr, Use::kSeen);
        KW_TRY(check_existence(expr));
        std::ranges::sort(findings_, {}, [](const LintFinding& finding) {
            return std::pair(finding.where.start, finding.rule);
        });
        return std::move(findings_);
    }

 private:
    void add(std::string_view rule, Span where, std::string message, std::string suggestion = {}) {
        findings_.push_back({rule, where, std::move(message), std::move(suggestion)});
    }

    MetricType said_type(std::string_view family) const {
        return facts_.type_of ? facts_.type_of(family) : MetricType::kUnknown;
    }

    // The name under which targets describe the series called `name`.
    std::string_view family_of(std::string_view name) const {
        if (said_type(name) != MetricType::kUnknown) return name;
        for (const std::string_view suffix : {"_bucket", "_count", "_sum", "_total"}) {
            const std::string_view family = without_suffix(name, suffix);
            if (family.size() == name.size()) continue;
            const MetricType type = said_type(family);
            if (suffix == "_total" ? type == MetricType::kCounter
                                   : type == MetricType::kHistogram || type == MetricType::kSummary)
                return family;
        }
        return name;
    }

    bool is_counter(std::string_view name) const {
        if (name.empty()) return false;
        const std::string_view family = family_of(name);
        switch (said_type(family)) {
            case MetricType::kCounter: return true;
            case MetricType::kHistogram: return family.size() < name.size();
            // Its quantiles bear the family's own name.
            case MetricType::kSummary: return family.size() < name.size();
            case MetricType::kUnknown: return name.ends_with("_total") || name.ends_with("_bucket");
            default: return false;
        }
    }

    bool is_gauge(std::string_view name) const {
        return !name.empty() && said_type(family_of(name)) == MetricType::kGauge;
    }

    // A counter as it stands, or sums and differences of such.
    bool is_raw_counter(const Expr& expr) const {
        const Expr& inner = strip_parens(expr);
        if (const auto* selector = inner.as<VectorSelector>())
            return is_counter(metric_of(*selector));
        if (const auto* aggregate = inner.as<AggregateExpr>())
            return aggregate->op == AggregateOp::kSum && is_raw_counter(*aggregate->expr);
        if (const auto* binary = inner.as<BinaryExpr>())
            return (binary->op == BinaryOp::kAdd || binary->op == BinaryOp::kSub) &&
                   is_raw_counter(*binary->lhs) && is_raw_counter(*binary->rhs);
        return false;
    }

    // A part of a whole: both sides of the division speak of the same metric, which makes a number from 0 to 1.
    static bool is_share(const Expr& expr) {
        const Expr& inner = strip_parens(expr);
        if (const auto* selector = inner.as<VectorSelector>())
            return metric_of(*selector).ends_with("_ratio");
        if (const auto* aggregate = inner.as<AggregateExpr>())
            return aggregate->op != AggregateOp::kSum && aggregate->op != AggregateOp::kCount &&
                   aggregate->op != AggregateOp::kCountValues && is_share(*aggregate->expr);
        const auto* binary = inner.as<BinaryExpr>();
        if (binary == nullptr) return false;
        if (binary->op == BinaryOp::kSub)
            return number_of(*binary->lhs) == 1 && is_share(*binary->rhs);
        if (binary->op != BinaryOp::kDiv) return false;
        std::set<std::string> part;
        std::set<std::string> whole;
        each_selector(*binary->lhs,
                      [&](const VectorSelector& s, Span) { part.insert(metric_of(s)); });
        each_selector(*binary->rhs,
                      [&](const VectorSelector& s, Span) { whole.insert(metric_of(s)); });
        return !part.empty() && !part.contains("") && std::ranges::includes(whole, part);
    }

    static bool is_percentage(const Expr& expr) {
        const Expr& inner = strip_parens(expr);
        if (const auto* selector = inner.as<VectorSelector>())
            return metric_of(*selector).ends_with("_percent");
        if (const auto* aggregate = inner.as<AggregateExpr>())
            return aggregate->op != AggregateOp::kSum && aggregate->op != AggregateOp::kCount &&
                   aggregate->op != AggregateOp::kCountValues && is_percentage(*aggregate->expr);
        const auto* binary = inner.as<BinaryExpr>();
        if (binary == nullptr) return false;
        if (binary->op == BinaryOp::kSub)
            return number_of(*binary->lhs) == 100 && is_percentage(*binary->rhs);
        if (binary->op != BinaryOp::kMul) return false;
        return (number_of(*binary->rhs) == 100 && is_share(*binary->lhs)) ||
               (number_of(*binary->lhs) == 100 && is_share(*binary->rhs));
    }

    void visit(const Expr& expr, Use use) {
        if (const auto* selector = expr.as<VectorSelector>()) {
            visit_selector(*selector, expr.span, use);
        } else if (const auto* paren = expr.as<ParenExpr>()) {
            visit(*paren->expr, use);
        } else if (const auto* unary = expr.as<UnaryExpr>()) {
            visit(*unary->expr, use);
        } else if (const auto* binary = expr.as<BinaryExpr>()) {
            visit_binary(*binary, expr.span, use);
        } else if (const auto* aggregate = expr.as<AggregateExpr>()) {
            if (aggregate->param) visit(*aggregate->param, Use::kSeen);
            const bool counts =
                aggregate->op == AggregateOp::kCount || aggregate->op == AggregateOp::kGroup;
            visit(*aggregate->expr, counts ? Use::kCounted : use);
        } else if (const auto* call = expr.as<CallExpr>()) {
            visit_call(*call, expr.span, use);
        } else if (const auto* matrix = expr.as<MatrixSelector>()) {
            visit(*matrix->selector, use);
        } else if (const auto* subquery = expr.as<SubqueryExpr>()) {
            visit(*subquery->expr, use);
        }
    }

    void visit_selector(const VectorSelector& selector, Span where, Use use) {
        const std::string name = metric_of(selector);
        if (use != Use::kSeen || !is_counter(name)) return;
        add("counter-without-rate", where,
            fmt::format("{} is a counter: its value is what happened since its process started",
                        quoted(name)),
            fmt::format("rate({}[5m]) is what happens per second, increase({}[1h]) in an hour",
                        name, name));
    }

    void visit_binary(const BinaryExpr& binary, Span where, Use use) {
        if (is_comparison(binary.op)) {
            check_comparison(*binary.lhs, *binary.rhs, where);
            check_comparison(*binary.rhs, *binary.lhs, where);
        }
        if (binary.op == BinaryOp::kDiv && use == Use::kSeen && is_raw_counter(*binary.lhs) &&
            is_raw_counter(*binary.rhs)) {
            add("lifetime-ratio", where,
                "this is the ratio over the counters' whole life: what happens now hardly moves "
                "it, "
                "and before the first event it is 0/0",
                "divide the rates: sum(rate(a[5m])) / sum(rate(b[5m]))");
            return;
        }
        visit(*binary.lhs, use);
        const bool rhs_counts = binary.op == BinaryOp::kAnd || binary.op == BinaryOp::kUnless;
        visit(*binary.rhs, rhs_counts ? Use::kCounted : use);
    }

    void check_comparison(const Expr& value, const Expr& other, Span where) {
        const std::optional<double> limit = number_of(other);
        if (!limit) return;
        if (*limit > 1 && is_share(value)) {
            add("ratio-against-percent", where,
                fmt::format("a share from 0 to 1 is compared with {}", format_value(*limit)),
                fmt::format("compare it with {}, or multiply it by 100",
                            format_value(*limit / 100)));
        } else if (*limit > 0 && *limit < 1 && is_percentage(value)) {
            add("percent-against-ratio", where,
                fmt::format("a percentage is compared with {}", format_value(*limit)),
                fmt::format("compare it with {}", format_value(*limit * 100)));
        }
        const auto* call = strip_parens(value).as<CallExpr>();
        if (call == nullptr ||
            !is_one_of(call->function->id, {FunctionId::kRate, FunctionId::kIrate}) ||
            selector_of(*call->args[0]) == nullptr || *limit <= 0 || *limit >= 1)
            return;
        const std::string name = metric_of(*selector_of(*call->args[0]));
        if (name.empty() || !is_counter(name)) return;
        add("rate-of-each-series", where,
            fmt::format(
                "{} is compared with each series' own rate per second, not with a share of all",
                format_value(*limit)),
            fmt::format("a share is sum(rate({}{{…}}[5m])) / sum(rate({}[5m]))", name, name));
    }

    void visit_call(const CallExpr& call, Span where, Use use) {
        const FunctionId id = call.function->id;
        if (is_quantile(id)) {
            visit_quantile(call, where);
            return;
        }
        if (id == FunctionId::kInfo) {
            visit(*call.args[0], use);
            return;
        }
        for (const ExprPtr& arg : call.args) {
            const Expr& inner = strip_parens(*arg);
            if (inner.as<MatrixSelector>() != nullptr || inner.as<SubqueryExpr>() != nullptr) {
                visit_range(call, inner, use);
            } else {
                visit(*arg, only_counts(id) ? Use::kCounted : use);
            }
        }
    }

    void visit_range(const CallExpr& call, const Expr& range, Use use) {
        const FunctionId id = call.function->id;
        const bool looks_at_two =
            is_rate(id) || is_trend(id) || id == FunctionId::kChanges || id == FunctionId::kResets;
        const auto* matrix = range.as<MatrixSelector>();
        if (matrix == nullptr) {
            const auto* subquery = range.as<SubqueryExpr>();
            if (is_rate(id)) check_subquery_of_aggregate(call, *subquery, range.span);
            if (looks_at_two && subquery->step && subquery->step->ms > 0)
                check_window(call, subquery->range.ms, subquery->step->ms, "steps", range.span);
            // A rate inside is seen by its own call.
            visit(*subquery->expr, is_rate(id)       ? Use::kInRate
                                   : only_counts(id) ? Use::kCounted
                                                     : use);
            return;
        }
        const std::string name = metric_of(*matrix->selector->as<VectorSelector>());
        if (is_rate(id) && is_gauge(name)) {
            add("rate-of-gauge", range.span,
                fmt::format("{} is a gauge: {}() takes every fall for a restart", quoted(name),
                            call.function->name),
                id == FunctionId::kIncrease ? fmt::format("delta({}[…])", name)
                                            : fmt::format("deriv({}[…])", name));
        } else if (is_trend(id) && is_counter(name)) {
            add("delta-of-counter", range.span,
                fmt::format("{} is a counter: to {}() its restart is a fall", quoted(name),
                            call.function->name),
                fmt::format("increase({}[…]) or rate({}[…])", name, name));
        } else if (is_average(id) && is_counter(name)) {
            add("average-of-counter", range.span,
                fmt::format("{} is a counter: {}() of it depends on when its process started",
                            quoted(name), call.function->name),
                fmt::format("{}(rate({}[5m])[1h:])", call.function->name, name));
        } else if (!looks_at_two && !is_average(id) && !only_counts(id)) {
            visit(*matrix->selector, use);  // last_over_time() and its like: the counter's value
        }
        if (!looks_at_two || name.empty() || !facts_.interval_ms) return;
        if (const std::optional<int64_t> interval = facts_.interval_ms(family_of(name)))
            check_window(call, matrix->range.ms, *interval, "scrape intervals", range.span);
    }

    void check_window(const CallExpr& call, int64_t range_ms, int64_t interval_ms,
                      std::string_view unit, Span where) {
        if (range_ms >= kIntervalsMin * interval_ms) return;
        add("short-window", where,
            fmt::format("{}() over {} sees fewer than {} {} of {}: one late sample leaves a gap",
                        call.function->name, format_duration_ms(range_ms), kIntervalsMin, unit,
                        format_duration_ms(interval_ms)),
            fmt::format("[{}] or more", format_duration_ms(kIntervalsMin * interval_ms)));
    }

    void check_subquery_of_aggregate(const CallExpr& call, const SubqueryExpr& subquery,
                                     Span where) {
        const auto* aggregate = strip_parens(*subquery.expr).as<AggregateExpr>();
        if (aggregate == nullptr || !is_raw_counter(*aggregate->expr)) return;
        add("rate-of-aggregate", where,
            fmt::format(
                "{}() of an aggregate: the restart of one counter is lost in it, or taken for "
                "the restart of all",
                call.function->name),
            fmt::format("{} the {}() of each: {}({}(x[5m]))", aggregate_op_text(aggregate->op),
                        call.function->name, aggregate_op_text(aggregate->op),
                        call.function->name));
    }

    void visit_quantile(const CallExpr& call, Span where) {
        const size_t buckets = call.function->id == FunctionId::kHistogramQuantiles ? 0 : 1;
        for (size_t i = 0; i < call.args.size(); ++i) {
            if (i != buckets) visit(*call.args[i], Use::kSeen);
        }
        const Expr& argument = *call.args[buckets];
        std::string classic;
        each_selector(argument, [&](const VectorSelector& selector, Span) {
            const std::string name = metric_of(selector);
            if (name.ends_with("_bucket")) classic = name;
        });
        if (!classic.empty()) check_le(argument);
        const std::string raw = raw_histogram(argument);
        if (raw.empty()) {
            visit(argument, Use::kInRate);
            return;
        }
        add("lifetime-quantile", where,
            fmt::format(
                "this is the quantile of all that {} observed since its process started, for "
                "each series",
                quoted(raw)),
            classic.empty()
                ? fmt::format("{}(…, sum(rate({}[5m])))", call.function->name, raw)
                : fmt::format("{}(…, sum by (le) (rate({}[5m])))", call.function->name, raw));
    }

    // The histogram that stands in `expr` as it is, perhaps summed; empty when a rate was taken.
    std::string raw_histogram(const Expr& expr) const {
        const Expr& inner = strip_parens(expr);
        if (const auto* aggregate = inner.as<AggregateExpr>())
            return raw_histogram(*aggregate->expr);
        const auto* selector = inner.as<VectorSelector>();
        if (selector == nullptr) return {};
        const std::string name = metric_of(*selector);
        return is_counter(name) || said_type(name) == MetricType::kHistogram ? name : "";
    }

    void check_le(const Expr& expr) {
        const Expr& inner = strip_parens(expr);
        const auto* aggregate = inner.as<AggregateExpr>();
        if (aggregate == nullptr) return;
        const bool named =
            std::ranges::find(aggregate->grouping, "le") != aggregate->grouping.end();
        if (named != aggregate->without || takes_parameter(aggregate->op)) {
            check_le(*aggregate->expr);
            return;
        }
        std::string grouping = "le";
        if (!aggregate->without) {
            for (const std::string& label : aggregate->grouping) grouping += ", " + label;
        }
        add("quantile-without-le", inner.span,
            fmt::format(
                "{} sums buckets of different bounds into one: there is no quantile without `le`",
                aggregate_op_text(aggregate->op)),
            aggregate->without
                ? "without (…), leaving le out of the list"
                : fmt::format("{} by ({}) (…)", aggregate_op_text(aggregate->op), grouping));
    }

    Result<void> check_existence(const Expr& expr) {
        if (!facts_.has_series) return {};
        std::vector<std::pair<const VectorSelector*, Span>> selectors;
        each_selector(expr, [&](const VectorSelector& selector, Span where) {
            if (!selector.may_match_empty) selectors.emplace_back(&selector, where);
        });
        std::set<std::string> seen;
        for (const auto& [selector, where] : selectors) {
            std::string key;
            for (const Matcher& matcher : selector->matchers) key += matcher.to_string() + ",";
            if (!seen.insert(key).second || seen.size() > kSelectorsAskedMax) continue;
            KW_TRY_ASSIGN(const bool exists, facts_.has_series(selector->matchers));
            if (!exists) {
                KW_TRY(explain_absence(*selector, where));
            }
        }
        return {};
    }

    Result<void> explain_absence(const VectorSelector& selector, Span where) {
        const std::string name = metric_of(selector);
        std::vector<Matcher> named;
        for (const Matcher& matcher : selector.matchers) {
            if (matcher.name() == kMetricName) named.push_back(matcher);
        }
        bool has_name = true;
        if (!named.empty()) {
            KW_TRY_ASSIGN(has_name, facts_.has_series(named));
        }
        if (!has_name) {
            KW_TRY_ASSIGN(const std::string nearest, nearest_value(kMetricName, name, {}));
            add("no-series", where,
                name.empty() ? std::string("no series has a name that matches")
                             : fmt::format("there is no series named {}", quoted(name)),
                nearest.empty() ? "" : fmt::format("the nearest name is {}", nearest));
            return {};
        }
        for (const Matcher& matcher : selector.matchers) {
            if (matcher.name() == kMetricName) continue;
            std::vector<Matcher> alone = named;
            alone.push_back(matcher);
            KW_TRY_ASSIGN(const bool matches, facts_.has_series(alone));
            if (!matches) return explain_matcher(name, named, matcher, where);
        }
        add("no-series", where,
            "no series matches all of these labels together, though some match each");
        return {};
    }

    Result<void> explain_matcher(const std::string& name, const std::vector<Matcher>& named,
                                 const Matcher& matcher, Span where) {
        const std::string of = name.empty() ? std::string("any series") : quoted(name);
        KW_TRY_ASSIGN(const std::vector<std::string> values, values_of(matcher.name(), named));
        std::string nearest;
        if (values.empty()) {
            if (facts_.label_names) {
                KW_TRY_ASSIGN(const std::vector<std::string> labels, facts_.label_names(named));
                nearest = nearest_of(matcher.name(), labels);
            }
            add("no-series", where, fmt::format("{} has no label {}", of, quoted(matcher.name())),
                nearest.empty() ? "" : fmt::format("the nearest label is {}", nearest));
            return {};
        }
        const bool is_equal = matcher.op() == MatchOp::kEqual;
        if (is_equal && is_meant_as_wildcard(matcher.value())) {
            add("no-series", where,
                fmt::format("no series of {} has {}: it is a value, not a wildcard", of,
                            matcher.to_string()),
                fmt::format("for any value leave the matcher out, or write {}=~\".+\"",
                            matcher.name()));
            return {};
        }
        if (is_equal) nearest = nearest_of(matcher.value(), values);
        if (nearest.empty() && values.size() <= 5)
            nearest = fmt::format("{}", fmt::join(values, ", "));
        add("no-series", where, fmt::format("no series of {} has {}", of, matcher.to_string()),
            nearest.empty() ? "" : fmt::format("there is {}", nearest));
        return {};
    }

    Result<std::vector<std::string>> values_of(std::string_view label,
                                               const std::vector<Matcher>& matchers) const {
        if (!facts_.label_values) return std::vector<std::string>();
        return facts_.label_values(label, matchers);
    }

    Result<std::string> nearest_value(std::string_view label, std::string_view value,
                                      const std::vector<Matcher>& matchers) const {
        if (value.empty()) return std::string();
        KW_TRY_ASSIGN(const std::vector<std::string> values, values_of(label, matchers));
        return nearest_of(value, values);
    }

    const LintFacts& facts_;
    std::vector<LintFinding> findings_;
};

}  // namespace

Result<std::vector<LintFinding>> lint(const Expr& expr, const LintFacts& facts) {
    return Linter(facts).run(expr);
}

}  // namespace kw::promql
