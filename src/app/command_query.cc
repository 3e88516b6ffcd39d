#include "app/command_query.h"

#include <CLI/CLI.hpp>

#include <memory>

#include "app/query_client.h"
#include "base/clock.h"
#include "base/environment.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/thread_pool.h"
#include "net/http_client.h"

namespace kw::app {
namespace {

std::shared_ptr<QueryOptions> add_question(CLI::App& query, CommandRun& chosen,
                                           const std::string& name, const std::string& description,
                                           AskServer ask, CLI::App*& command) {
    auto options = std::make_shared<QueryOptions>();
    command = query.add_subcommand(name, description);
    command->add_option("server", options->server, "URL of the server, http://localhost:9090 say")
        ->required();
    command->add_option("-o,--format", options->format, "Form of the answer")
        ->check(CLI::IsMember({"table", "promql", "json"}))
        ->capture_default_str();
    add_connection_options(*command, *options);
    command->callback([options, &chosen, ask = std::move(ask)] {
        chosen = [options, ask](CommandContext& context) {
            return with_client(context, *options, ask);
        };
    });
    return options;
}

void add_range_options(CLI::App& command, QueryOptions& options) {
    command.add_option("--start", options.start,
                       "From when on: seconds since the epoch, or RFC 3339");
    command.add_option("--end", options.end, "Until when: seconds since the epoch, or RFC 3339");
}

}  // namespace

int with_client(CommandContext& context, const QueryOptions& options, const AskServer& ask) {
    RealClock clock;
    const Log log = Log::silent();
    MetricRegistry metrics;
    ThreadPool pool("query", 1);
    Environment env{clock, context.files, log, metrics, pool};
    net::HttpClient client(env, {});
    return ask(context, client, options);
}

void add_connection_options(CLI::App& command, QueryOptions& options) {
    command.add_option("--header", options.headers, "A header to send, 'Name: value'; repeatable");
    command.add_option(
        "--http.config.file", options.http_config_file,
        "A file with HTTP client settings: basic_auth, authorization, tls_config, …");
    command.add_option("--timeout", options.timeout, "How long to wait for the answer")
        ->capture_default_str();
}

void add_server_options(CLI::App& command, QueryOptions& options) {
    options.server = "http://localhost:9090";
    command.add_option("--server", options.server, "URL of the server")->capture_default_str();
    add_connection_options(command, options);
}

void add_query_command(CLI::App& app, CommandRun& chosen) {
    CLI::App* const query = app.add_subcommand("query", "Asks a running server");
    query->require_subcommand(1);
    CLI::App* command = nullptr;

    auto instant = add_question(*query, chosen, "instant", "Evaluates an expression at one time",
                                query_instant, command);
    command->add_option("expr", instant->expression, "PromQL")->required();
    command->add_option("--time", instant->time, "When; without it, now");

    const AskServer ask_range = [](CommandContext& context, net::Fetcher& fetcher,
                                   const QueryOptions& options) {
        return query_range(context, fetcher, options, RealClock().now());
    };
    auto range = add_question(*query, chosen, "range",
                              "Evaluates an expression over a range of time", ask_range, command);
    command->add_option("expr", range->expression, "PromQL")->required();
    add_range_options(*command, *range);
    command->add_option("--step", range->step,
                        "Distance of two evaluations: 15s; without it, a 250th of the range");

    const AskServer ask_plan = [](CommandContext& context, net::Fetcher& fetcher,
                                  const QueryOptions& options) {
        return explain_query(context, fetcher, options, RealClock().now());
    };
    auto explain = add_question(*query, chosen, "explain",
                                "Shows how an expression is evaluated, and what that costs",
                                ask_plan, command);
    command->add_option("expr", explain->expression, "PromQL")->required();
    command->add_flag("--analyze", explain->analyze,
                      "Evaluates it, and shows what each operator did");
    command->add_option("--time", explain->time, "When; without it, now");
    add_range_options(*command, *explain);
    command->add_option("--step", explain->step,
                        "With it, or a start or an end: over a range, as `query range`");

    auto exemplars =
        add_question(*query, chosen, "exemplars", "Lists the exemplars of an expression's series",
                     query_exemplars, command);
    command->add_option("expr", exemplars->expression, "PromQL")->required();
    add_range_options(*command, *exemplars);

    auto series = add_question(*query, chosen, "series", "Lists series", query_series, command);
    command->add_option("--match", series->matchers, "Selector, {job=\"api\"}; repeatable")
        ->required();
    add_range_options(*command, *series);

    auto labels =
        add_question(*query, chosen, "labels", "Lists label names, or the values of one label",
                     query_labels, command);
    command->add_option("name", labels->label, "The label whose values are listed");
    command->add_option("--match", labels->matchers, "Only of series that match; repeatable");
    add_range_options(*command, *labels);
}

}  // namespace kw::app
