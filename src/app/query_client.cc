#include "app/query_client.h"

#include <simdjson.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <ostream>

#include "app/explain_table.h"
#include "app/server_conversation.h"
#include "app/text_table.h"
#include "model/sample.h"
#include "net/http_client.h"
#include "promql/lint.h"
#include "promql/parser.h"

namespace kw::app {
namespace {

using simdjson::dom::array;
using simdjson::dom::element;
using simdjson::dom::object;

constexpr int64_t kRangeDefaultMs = 5 * 60 * 1000;
constexpr double kStepsDefault = 250;

LabelSet labels_of(object labels) {
    LabelBuilder builder;
    for (const auto field : labels) {
        std::string_view value;
        if (field.value.get(value) == simdjson::SUCCESS) builder.set(field.key, value);
    }
    return builder.build();
}

// One value of an answer: [1700000000.123, "1"]; a native histogram as its JSON.
struct Point {
    double seconds = 0;
    std::string value;
};

Point point_of(element pair) {
    Point point;
    array items;
    if (pair.get(items) != simdjson::SUCCESS) return point;
    size_t index = 0;
    for (const element item : items) {
        if (index++ == 0) {
            point.seconds = item.get<double>().value_unsafe();
            continue;
        }
        std::string_view text;
        point.value =
            item.get(text) == simdjson::SUCCESS ? std::string(text) : simdjson::minify(item);
    }
    return point;
}

std::vector<Point> points_of(element series) {
    std::vector<Point> points;
    for (const char* key : {"value", "histogram"}) {
        element one;
        if (series[key].get(one) == simdjson::SUCCESS) points.push_back(point_of(one));
    }
    for (const char* key : {"values", "histograms"}) {
        array many;
        if (series[key].get(many) != simdjson::SUCCESS) continue;
        for (const element one : many) points.push_back(point_of(one));
    }
    return points;
}

void write_series(element result, bool is_matrix, const std::string& format, std::ostream& out) {
    TextTable table({"SERIES", "TIME", "VALUE"});
    array all;
    if (result.get(all) != simdjson::SUCCESS) return;
    for (const element series : all) {
        object metric;
        const bool has_metric = series["metric"].get(metric) == simdjson::SUCCESS;
        const std::string name = has_metric ? labels_of(metric).to_string() : "{}";
        const std::vector<Point> points = points_of(series);
        if (format == "promql") out << name << " =>" << (is_matrix ? "\n" : " ");
        for (const Point& point : points) {
            if (format == "promql") {
                out << fmt::format("{} @[{}]\n", point.value, point.seconds);
            } else {
                table.add({name, command_time_text(point.seconds), point.value});
            }
        }
    }
    if (format != "promql") table.write(out);
}

Result<void> write_answer(element data, const std::string& format, std::ostream& out) {
    element result;
    std::string_view type;
    if (data["result"].get(result) != simdjson::SUCCESS ||
        data["resultType"].get(type) != simdjson::SUCCESS) {
        return invalid("the server's answer has no result");
    }
    if (format == "json") {
        out << simdjson::minify(result) << "\n";
    } else if (type == "vector" || type == "matrix") {
        write_series(result, type == "matrix", format, out);
    } else {
        const Point point = point_of(result);
        out << (format == "promql"
                    ? fmt::format("{}: {} @[{}]\n", type, point.value, point.seconds)
                    : fmt::format("{}  {}\n", command_time_text(point.seconds), point.value));
    }
    return {};
}

void write_list(element data, const std::string& format, std::ostream& out) {
    if (format == "json") {
        out << simdjson::minify(data) << "\n";
        return;
    }
    array items;
    if (data.get(items) != simdjson::SUCCESS) return;
    for (const element item : items) {
        object labels;
        std::string_view text;
        if (item.get(labels) == simdjson::SUCCESS) {
            out << labels_of(labels).to_string() << "\n";
        } else if (item.get(text) == simdjson::SUCCESS) {
            out << text << "\n";
        }
    }
}

void write_exemplars(element data, const std::string& format, std::ostream& out) {
    if (format == "json") {
        out << simdjson::minify(data) << "\n";
        return;
    }
    TextTable table({"SERIES", "TIME", "VALUE", "LABELS"});
    array all;
    if (data.get(all) != simdjson::SUCCESS) return;
    for (const element series : all) {
        object series_labels;
        array exemplars;
        if (series["seriesLabels"].get(series_labels) != simdjson::SUCCESS ||
            series["exemplars"].get(exemplars) != simdjson::SUCCESS) {
            continue;
        }
        const std::string name = labels_of(series_labels).to_string();
        for (const element one : exemplars) {
            object own_labels;
            std::string_view value;
            double seconds = 0;
            (void)one["value"].get(value);
            (void)one["timestamp"].get(seconds);
            const std::string labels = one["labels"].get(own_labels) == simdjson::SUCCESS
                                           ? labels_of(own_labels).to_string()
                                           : "{}";
            if (format == "promql") {
                out << fmt::format("{} # {} {} @[{}]\n", name, labels, value, seconds);
            } else {
                table.add({name, command_time_text(seconds), std::string(value), labels});
            }
        }
    }
    if (format != "promql") table.write(out);
}

struct Remark {
    std::string rule;
    std::string position;
    std::string message;
    std::string suggestion;
};

Result<std::vector<Remark>> remarks_of_server(CommandContext& context, net::Fetcher& fetcher,
                                              const QueryOptions& options) {
    ServerConversation conversation(context, fetcher, options);
    net::Params params;
    params.add("query", options.expression);
    KW_TRY_ASSIGN(const element data, conversation.ask("/api/kw/v1/check_query", params));
    array found;
    if (data.get(found) != simdjson::SUCCESS) return invalid("the answer is no list of remarks");
    std::vector<Remark> remarks;
    for (const element one : found) {
        const auto text = [&](const char* key) {
            std::string_view value;
            (void)one[key].get(value);
            return std::string(value);
        };
        remarks.push_back({text("rule"), text("position"), text("message"), text("suggestion")});
    }
    return remarks;
}

Result<std::vector<Remark>> remarks_of_text(const std::string& query) {
    KW_TRY_ASSIGN(const promql::ExprPtr expr,
                  promql::parse(query, promql::ParseOptions::all_features()));
    KW_TRY(promql::resolve_durations(*expr, {Millis{0}, Millis{0}, 0}, query));
    KW_TRY_ASSIGN(const std::vector<promql::LintFinding> findings, promql::lint(*expr, {}));
    std::vector<Remark> remarks;
    remarks.reserve(findings.size());
    for (const promql::LintFinding& finding : findings) {
        remarks.push_back({std::string(finding.rule),
                           promql::position_text(query, finding.where.start), finding.message,
                           finding.suggestion});
    }
    return remarks;
}

Result<void> ask_and_write(CommandContext& context, net::Fetcher& fetcher,
                           const QueryOptions& options, std::string_view path,
                           const net::Params& params) {
    ServerConversation conversation(context, fetcher, options);
    KW_TRY_ASSIGN(const element data, conversation.ask(path, params));
    return write_answer(data, options.format, context.out);
}

Result<void> ask_and_list(CommandContext& context, net::Fetcher& fetcher,
                          const QueryOptions& options, std::string_view path,
                          const net::Params& params) {
    ServerConversation conversation(context, fetcher, options);
    KW_TRY_ASSIGN(const element data, conversation.ask(path, params));
    write_list(data, options.format, context.out);
    return {};
}

Result<void> ask_for_exemplars(CommandContext& context, net::Fetcher& fetcher,
                               const QueryOptions& options, const net::Params& params) {
    ServerConversation conversation(context, fetcher, options);
    KW_TRY_ASSIGN(const element data, conversation.ask("/api/v1/query_exemplars", params));
    write_exemplars(data, options.format, context.out);
    return {};
}

Result<void> ask_and_explain(CommandContext& context, net::Fetcher& fetcher,
                             const QueryOptions& options, const net::Params& params) {
    ServerConversation conversation(context, fetcher, options);
    KW_TRY_ASSIGN(const element data, conversation.ask("/api/kw/v1/query/explain", params));
    if (options.format == "json") {
        context.out << simdjson::minify(data) << "\n";
        return {};
    }
    return write_explanation(data, context.out);
}

Result<net::Params> range_params(const QueryOptions& options, Millis now) {
    double end = static_cast<double>(now.count) / 1000;
    if (!options.end.empty()) {
        KW_TRY_ASSIGN(end, parse_command_time(options.end).with_context("--end"));
    }
    double start = end - static_cast<double>(kRangeDefaultMs) / 1000;
    if (!options.start.empty()) {
        KW_TRY_ASSIGN(start, parse_command_time(options.start).with_context("--start"));
    }
    if (end < start) return invalid("--end is before --start");
    const double step = std::max(std::floor((end - start) / kStepsDefault), 1.0);
    net::Params params;
    params.add("query", options.expression);
    params.add("start", fmt::format("{:.3f}", start));
    params.add("end", fmt::format("{:.3f}", end));
    params.add("step", options.step.empty() ? fmt::format("{}", step) : options.step);
    return params;
}

void add_range(const QueryOptions& options, net::Params& params) {
    if (!options.start.empty()) params.add("start", options.start);
    if (!options.end.empty()) params.add("end", options.end);
}

net::Params match_params(const QueryOptions& options) {
    net::Params params;
    for (const std::string& matcher : options.matchers) params.add("match[]", matcher);
    add_range(options, params);
    return params;
}

}  // namespace

int explain_query(CommandContext& context, net::Fetcher& fetcher, const QueryOptions& options,
                  Millis now) {
    Result<net::Params> params = net::Params();
    if (options.start.empty() && options.end.empty() && options.step.empty()) {
        params->add("query", options.expression);
        if (!options.time.empty()) params->add("time", options.time);
    } else {
        params = range_params(options, now);
    }
    if (!params.ok()) return exit_code(context, "query", params.error());
    if (options.analyze) params->add("analyze", "true");
    return exit_code(context, "query", ask_and_explain(context, fetcher, options, *params));
}

int query_instant(CommandContext& context, net::Fetcher& fetcher, const QueryOptions& options) {
    net::Params params;
    params.add("query", options.expression);
    if (!options.time.empty()) params.add("time", options.time);
    return exit_code(context, "query",
                     ask_and_write(context, fetcher, options, "/api/v1/query", params));
}

int query_range(CommandContext& context, net::Fetcher& fetcher, const QueryOptions& options,
                Millis now) {
    const Result<net::Params> params = range_params(options, now);
    if (!params.ok()) return exit_code(context, "query", params.error());
    return exit_code(context, "query",
                     ask_and_write(context, fetcher, options, "/api/v1/query_range", *params));
}

int query_series(CommandContext& context, net::Fetcher& fetcher, const QueryOptions& options) {
    return exit_code(
        context, "query",
        ask_and_list(context, fetcher, options, "/api/v1/series", match_params(options)));
}

int query_exemplars(CommandContext& context, net::Fetcher& fetcher, const QueryOptions& options) {
    net::Params params;
    params.add("query", options.expression);
    add_range(options, params);
    return exit_code(context, "query", ask_for_exemplars(context, fetcher, options, params));
}

int query_labels(CommandContext& context, net::Fetcher& fetcher, const QueryOptions& options) {
    const std::string path =
        options.label.empty()
            ? "/api/v1/labels"
            : fmt::format("/api/v1/label/{}/values", net::percent_encode(options.label));
    return exit_code(context, "query",
                     ask_and_list(context, fetcher, options, path, match_params(options)));
}

int check_query(CommandContext& context, net::Fetcher& fetcher, const QueryOptions& options) {
    const Result<std::vector<Remark>> remarks = options.server.empty()
                                                    ? remarks_of_text(options.expression)
                                                    : remarks_of_server(context, fetcher, options);
    if (!remarks.ok()) return exit_code(context, "query", remarks.error());
    for (const Remark& remark : *remarks) {
        context.out << fmt::format("{}: {}: {}\n", remark.position, remark.rule, remark.message);
        if (!remark.suggestion.empty()) context.out << "  mend: " << remark.suggestion << "\n";
    }
    if (remarks->empty()) context.out << "nothing to remark\n";
    return remarks->empty() ? kExitOk : kExitLint;
}

}  // namespace kw::app
