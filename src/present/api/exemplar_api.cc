#include "api/exemplar_api.h"

#include <memory>
#include <utility>
#include <variant>
#include <vector>

#include "api/envelope.h"
#include "api/json_writer.h"
#include "api/parameters.h"
#include "contract/exemplar_store.h"
#include "net/request.h"
#include "net/response_writer.h"
#include "net/router.h"
#include "promql/ast.h"

namespace kw::api {
namespace {

using Selectors = std::vector<std::vector<Matcher>>;

// The matchers of every selector in a tree; its height is bounded by the parser.
class SelectorsOfTree final {
 public:
    explicit SelectorsOfTree(Selectors& out) : out_(out) {}

    void visit(const promql::ExprPtr& expr) {
        if (expr) std::visit(*this, expr->node);
    }
    void operator()(const promql::NumberLiteral&) {}
    void operator()(const promql::StringLiteral&) {}
    void operator()(const promql::VectorSelector& one) { out_.push_back(one.matchers); }
    void operator()(const promql::MatrixSelector& one) { visit(one.selector); }
    void operator()(const promql::SubqueryExpr& one) { visit(one.expr); }
    void operator()(const promql::ParenExpr& one) { visit(one.expr); }
    void operator()(const promql::UnaryExpr& one) { visit(one.expr); }
    void operator()(const promql::BinaryExpr& one) {
        visit(one.lhs);
        visit(one.rhs);
    }
    void operator()(const promql::AggregateExpr& one) {
        visit(one.param);
        visit(one.expr);
    }
    void operator()(const promql::CallExpr& one) {
        for (const promql::ExprPtr& arg : one.args) visit(arg);
    }

 private:
    Selectors& out_;
};

Result<void> query_exemplars(const ExemplarApi& api, const net::Request& request,
                             net::ResponseWriter& response) {
    KW_TRY_ASSIGN(const TimeRange range, range_parameters(request));
    if (range.max < range.min) return invalid("end timestamp must not be before start timestamp");
    KW_TRY_ASSIGN(const promql::ExprPtr expr,
                  promql::parse(request.params.get("query"), api.features));
    Selectors selectors;
    SelectorsOfTree(selectors).visit(expr);
    // Prometheus leaves `data` out where the query has no selector.
    if (selectors.empty()) {
        return response.send(200, "application/json", R"({"status":"success"})");
    }
    const std::vector<ExemplarSeries> found = api.exemplars.select(selectors, range);
    SuccessEnvelope envelope(response);
    JsonWriter& json = envelope.data();
    json.begin_array();
    for (const ExemplarSeries& series : found) {
        json.begin_object().key("seriesLabels").labels(series.labels);
        json.key("exemplars").begin_array();
        for (const Exemplar& exemplar : series.exemplars) {
            json.begin_object().key("labels").labels(exemplar.labels);
            json.key("value").string(format_value(exemplar.value));
            json.key("timestamp").timestamp(exemplar.timestamp).end_object();
        }
        json.end_array().end_object();
    }
    json.end_array();
    return envelope.end();
}

}  // namespace

void add_exemplar_routes(net::Router& routes, ExemplarApi api) {
    const auto given = std::make_shared<const ExemplarApi>(std::move(api));
    for (const char* const method : {"GET", "POST"}) {
        routes.add(method, "/api/v1/query_exemplars",
                   [given](const net::Request& request, net::ResponseWriter& response) {
                       if (!given->is_ready()) {
                           (void)response.send(503, "text/plain; charset=utf-8",
                                               "Service Unavailable");
                           return;
                       }
                       const Result<void> outcome = query_exemplars(*given, request, response);
                       if (!outcome.ok()) send_error_or_abort(response, outcome.error());
                   });
    }
}

}  // namespace kw::api
