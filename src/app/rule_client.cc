#include "app/rule_client.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <ostream>
#include <thread>

#include "app/json_fields.h"
#include "app/server_conversation.h"
#include "base/fs/file_system.h"
#include "model/sample.h"
#include "net/http_client.h"
#include "rules/rule_file.h"

namespace kw::app {
namespace {

using simdjson::dom::array;
using simdjson::dom::element;

constexpr std::string_view kBackfillPath = "/api/kw/v1/rules/backfill";
constexpr std::chrono::milliseconds kPollPeriod{500};

std::string count_text(element object, const char* key) {
    return std::to_string(count_of(object, key));
}

std::string path_of_group(const std::string& name) {
    return "/api/kw/v1/rules/groups/" + net::percent_encode(name);
}

Result<rules::RuleFile> read_rules(CommandContext& context, const std::string& path) {
    KW_TRY_ASSIGN(const std::string text,
                  fs::read_file(context.files, path, rules::kRuleFileBytesMax));
    // What the server has switched on is the server's to say.
    rules::ReadOptions reading;
    reading.features = promql::ParseOptions::all_features();
    return rules::read_rule_file(text, path, reading);
}

Result<void> list(CommandContext& context, ServerConversation& server) {
    KW_TRY_ASSIGN(const element data, server.call("GET", "/api/kw/v1/rules", {}));
    array groups;
    if (data["groups"].get(groups) != simdjson::SUCCESS) return invalid("the answer has no groups");
    std::vector<std::vector<std::string>> rows = {
        {"GROUP", "ORIGIN", "RECORDING", "ALERTING", "CHANGED"}};
    for (const element group : groups) {
        const bool is_of_api = text_of(group, "origin") == "api";
        std::string changed = is_of_api ? fmt::format("{} by {}", text_of(group, "updatedAt"),
                                                      text_of(group, "updatedBy"))
                                        : "";
        if (const std::string error = text_of(group, "error"); !error.empty())
            changed += " DOES NOT RUN: " + error;
        rows.push_back({text_of(group, "name"), is_of_api ? "api" : text_of(group, "file"),
                        count_text(group, "recording"), count_text(group, "alerting"), changed});
    }
    std::vector<size_t> widths(rows.front().size());
    for (const auto& row : rows) {
        for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
    }
    for (const auto& row : rows) {
        std::string line;
        for (size_t i = 0; i < row.size(); ++i) line += fmt::format("{:<{}}  ", row[i], widths[i]);
        line.erase(line.find_last_not_of(' ') + 1);
        context.out << line << "\n";
    }
    return {};
}

Result<void> apply(CommandContext& context, ServerConversation& server,
                   const RuleClientOptions& options) {
    KW_TRY_ASSIGN(const rules::RuleFile file, read_rules(context, options.target));
    if (file.groups.empty()) return invalid("{} has no groups", options.target);
    net::Params dry;
    dry.add("dry_run", "1");
    // Of several, all are checked before the first is changed.
    for (const rules::Group& group : file.groups) {
        if (file.groups.size() == 1 && !options.is_dry_run) break;
        KW_TRY(server.call("PUT", path_of_group(group.name), dry, rules::group_yaml(group)));
    }
    for (const rules::Group& group : file.groups) {
        if (options.is_dry_run) {
            context.out << fmt::format("{}: {} rules, good\n", group.name, group.rules.size());
            continue;
        }
        KW_TRY_ASSIGN(const element data,
                      server.call("PUT", path_of_group(group.name), {}, rules::group_yaml(group)));
        context.out << fmt::format("{}: {} rules, revision {}\n", group.name, group.rules.size(),
                                   count_text(data, "revision"));
    }
    return {};
}

std::string duration_text(double seconds) {
    return format_duration_ms(static_cast<int64_t>(std::max(seconds, 1.0)) * 1000);
}

std::string progress_line(element job) {
    std::string line = fmt::format("backfill {}: {:.0f}%, at {}, {} samples written",
                                   count_text(job, "id"), number_of(job, "fraction") * 100,
                                   text_of(job, "position"), count_text(job, "stored"));
    double remaining = 0;
    if (job["remainingSeconds"].get(remaining) == simdjson::SUCCESS)
        line += fmt::format(", {} left", duration_text(remaining));
    return line;
}

std::string outcome_line(element job) {
    std::string line =
        fmt::format("backfill {}: {}, {} samples written, {} were there", count_text(job, "id"),
                    text_of(job, "state"), count_text(job, "stored"), count_text(job, "kept"));
    constexpr std::pair<const char*, std::string_view> kOthers[] = {
        {"tooOld", "older than the retention"},
        {"refused", "refused"},
        {"failures", "evaluations failed"}};
    for (const auto& [key, words] : kOthers) {
        if (number_of(job, key) > 0) line += fmt::format(", {} {}", count_text(job, key), words);
    }
    if (const std::string first = text_of(job, "firstError"); !first.empty())
        line += "; the first: " + first;
    return line;
}

bool is_over(element job) {
    const std::string state = text_of(job, "state");
    return state != "waiting" && state != "running";
}

Result<void> wait_for(CommandContext& context, ServerConversation& server, const std::string& id) {
    const bool is_terminal = ::isatty(STDERR_FILENO) == 1;
    int tenth_shown = -1;
    while (true) {
        KW_TRY_ASSIGN(const element job,
                      server.call("GET", fmt::format("{}/{}", kBackfillPath, id), {}));
        const bool ends = is_over(job);
        const int tenth = static_cast<int>(number_of(job, "fraction") * 10);
        if (is_terminal) {
            context.err << "\r\033[K" << progress_line(job) << std::flush;
        } else if (!ends && tenth > tenth_shown) {
            tenth_shown = tenth;
            context.err << progress_line(job) << std::endl;
        }
        if (ends) {
            if (is_terminal) context.err << "\r\033[K" << std::flush;
            if (text_of(job, "state") == "failed")
                return invalid("{}: {}", outcome_line(job), text_of(job, "error"));
            context.out << outcome_line(job) << "\n";
            if (text_of(job, "state") == "cancelled") return invalid("it was cancelled");
            return {};
        }
        std::this_thread::sleep_for(kPollPeriod);
    }
}

Result<void> begin(CommandContext& context, ServerConversation& server,
                   const RuleClientOptions& options) {
    if (options.target.empty()) return invalid("name a rule file or a group");
    if (options.start.empty()) return invalid("--start is missing");
    net::Params params;
    KW_TRY_ASSIGN(const double start, parse_command_time(options.start).with_context("--start"));
    params.add("start", fmt::format("{:.3f}", start));
    if (!options.end.empty()) {
        KW_TRY_ASSIGN(const double end, parse_command_time(options.end).with_context("--end"));
        params.add("end", fmt::format("{:.3f}", end));
    }
    if (!options.step.empty()) params.add("step", options.step);
    for (const std::string& rule : options.rules) params.add("rule", rule);
    KW_TRY_ASSIGN(const bool is_file, context.files.exists(options.target));
    if (is_file) {
        KW_TRY_ASSIGN(const rules::RuleFile file, read_rules(context, options.target));
        params.add("rules", rules::rule_file_yaml(file.groups));
    } else {
        params.add("group", options.target);
    }
    KW_TRY_ASSIGN(const element job, server.ask(kBackfillPath, params));
    const std::string id = count_text(job, "id");
    if (options.is_detached) {
        context.out << fmt::format("backfill {} begun\n", id);
        return {};
    }
    context.err << fmt::format(
        "backfill {} begun; it goes on on the server when this ends, and "
        "`kilowatch rules backfill --cancel {}` ends it\n",
        id, id);
    return wait_for(context, server, id);
}

Result<void> list_backfills(CommandContext& context, ServerConversation& server) {
    KW_TRY_ASSIGN(const element data, server.call("GET", kBackfillPath, {}));
    array jobs;
    if (data.get(jobs) != simdjson::SUCCESS) return invalid("the answer is no list of backfills");
    for (const element job : jobs)
        context.out << (is_over(job) ? outcome_line(job) : progress_line(job)) << "\n";
    if (jobs.size() == 0) context.out << "there are no backfills\n";
    return {};
}

Result<void> cancel(CommandContext& context, ServerConversation& server, int64_t id) {
    KW_TRY_ASSIGN(const element job,
                  server.call("DELETE", fmt::format("{}/{}", kBackfillPath, id), {}));
    context.out << outcome_line(job) << "\n";
    return {};
}

}  // namespace

int list_rules(CommandContext& context, net::Fetcher& fetcher, const RuleClientOptions& options) {
    ServerConversation server(context, fetcher, options.connection);
    return exit_code(context, "rules", list(context, server));
}

int apply_rules(CommandContext& context, net::Fetcher& fetcher, const RuleClientOptions& options) {
    ServerConversation server(context, fetcher, options.connection);
    return exit_code(context, "rules", apply(context, server, options));
}

int remove_rules(CommandContext& context, net::Fetcher& fetcher, const RuleClientOptions& options) {
    ServerConversation server(context, fetcher, options.connection);
    const Result<element> removed = server.call("DELETE", path_of_group(options.target), {});
    if (!removed.ok()) return exit_code(context, "rules", removed.error());
    context.out << options.target << ": removed\n";
    return kExitOk;
}

int backfill_rules(CommandContext& context, net::Fetcher& fetcher,
                   const RuleClientOptions& options) {
    ServerConversation server(context, fetcher, options.connection);
    if (options.cancel_id != 0)
        return exit_code(context, "rules", cancel(context, server, options.cancel_id));
    return exit_code(
        context, "rules",
        options.is_list ? list_backfills(context, server) : begin(context, server, options));
}

}  // namespace kw::app
