#include "app/notify_client.h"

#include <fmt/core.h>
#include <simdjson.h>

#include <ostream>
#include <utility>

#include "alerting/json_text.h"
#include "app/json_fields.h"
#include "app/server_conversation.h"
#include "app/text_table.h"
#include "model/labels.h"
#include "net/fields.h"

namespace kw::app {
namespace {

using simdjson::dom::element;
using simdjson::dom::object;

std::string joined(element one, const char* key) {
    std::string out;
    for (const element item : list_of(one, key)) {
        std::string_view text;
        if (item.get(text) != simdjson::SUCCESS) continue;
        out += out.empty() ? "" : ", ";
        out += text;
    }
    return out;
}

// {name="value", …}
std::string labels_text(element one, const char* key) {
    object members;
    if (one[key].get(members) != simdjson::SUCCESS) return "{}";
    LabelBuilder builder;
    for (const auto member : members) {
        std::string_view value;
        if (member.value.get(value) == simdjson::SUCCESS) builder.set(member.key, value);
    }
    return builder.build().to_string();
}

// name=value, or name="value", as amtool takes them.
Result<std::string> labels_json(const std::vector<std::string>& pairs) {
    alerting::JsonText json;
    json.begin_object();
    for (const std::string& pair : pairs) {
        const size_t equals = pair.find('=');
        if (equals == 0 || equals == std::string::npos) {
            return invalid("{}: write a label as name=value", kw::quoted(pair));
        }
        std::string_view value = std::string_view(pair).substr(equals + 1);
        if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
            value = value.substr(1, value.size() - 2);
        }
        json.member(pair.substr(0, equals), value);
    }
    json.end_object();
    return json.take();
}

void add_if(net::Params& params, const char* name, const std::string& value) {
    if (!value.empty()) params.add(name, value);
}

int finish(CommandContext& context, const char* command, const Result<int>& done) {
    if (done.ok()) return *done;
    context.err << command << ": " << done.error().message << "\n";
    return kExitFailed;
}

bool writes_json(CommandContext& context, const NotifyOptions& options, element data) {
    if (options.connection.format != "json") return false;
    context.out << simdjson::minify(data) << "\n";
    return true;
}

// A row for each integration; kExitFailed when one did not take it.
int add_outcomes(TextTable& table, const std::string& receiver, element answer) {
    int code = kExitOk;
    for (const element one : list_of(answer, "integrations")) {
        const bool is_delivered = flag_of(one, "delivered");
        if (!is_delivered) code = kExitFailed;
        table.add({receiver, text_of(one, "integration"), is_delivered ? "yes" : "no",
                   text_of(one, "answer")});
    }
    return code;
}

Result<int> test(CommandContext& context, net::Fetcher& fetcher, const NotifyOptions& options) {
    ServerConversation conversation(context, fetcher, options.connection);
    alerting::JsonText body;
    body.begin_object().member("receiver", options.receiver).end_object();
    KW_TRY_ASSIGN(const element data,
                  conversation.post_json("/api/kw/v1/notifications/test", body.take()));
    TextTable table({"RECEIVER", "INTEGRATION", "DELIVERED", "ANSWER"});
    const int code = add_outcomes(table, options.receiver, data);
    if (writes_json(context, options, data)) return code;
    if (list_of(data, "integrations").empty()) {
        context.out << "receiver " << options.receiver << " has no integration that acts\n";
    } else {
        table.write(context.out);
    }
    return code;
}

Result<int> acknowledge(CommandContext& context, net::Fetcher& fetcher,
                        const NotifyOptions& options) {
    ServerConversation conversation(context, fetcher, options.connection);
    alerting::JsonText body;
    body.begin_object()
        .member_if("receiver", options.receiver)
        .member_if("groupKey", options.group_key)
        .member_if("fingerprint", options.fingerprint)
        .end_object();
    KW_TRY_ASSIGN(const element data,
                  conversation.post_json("/api/kw/v1/notifications/acknowledge", body.take()));
    TextTable table({"RECEIVER", "INTEGRATION", "DELIVERED", "ANSWER"});
    int code = kExitOk;
    bool is_known = false;
    for (const element group : list_of(data, "groups")) {
        is_known = is_known || !list_of(group, "integrations").empty();
        if (add_outcomes(table, text_of(group, "receiver"), group) != kExitOk) code = kExitFailed;
    }
    if (writes_json(context, options, data)) return code;
    if (is_known) {
        table.write(context.out);
    } else {
        context.out << "no integration of the receiver knows acknowledgements\n";
    }
    return code;
}

Result<int> history(CommandContext& context, net::Fetcher& fetcher, const NotifyOptions& options) {
    ServerConversation conversation(context, fetcher, options.connection);
    net::Params params;
    add_if(params, "receiver", options.receiver);
    add_if(params, "fingerprint", options.fingerprint);
    add_if(params, "outcome", options.outcome);
    add_if(params, "start", options.start);
    add_if(params, "end", options.end);
    add_if(params, "limit", options.limit);
    KW_TRY_ASSIGN(const element data, conversation.call("GET", "/api/kw/v1/notifications", params));
    if (writes_json(context, options, data)) return kExitOk;
    TextTable table(
        {"TIME", "RECEIVER", "INTEGRATION", "FIRING", "RESOLVED", "OUTCOME", "GROUP", "ANSWER"});
    for (const element line : list_of(data, "notifications")) {
        table.add({text_of(line, "at"), text_of(line, "receiver"), text_of(line, "integration"),
                   std::to_string(count_of(line, "firing")),
                   std::to_string(count_of(line, "resolved")), text_of(line, "outcome"),
                   text_of(line, "groupKey"), text_of(line, "answer")});
    }
    table.write(context.out);
    return kExitOk;
}

Result<int> receivers(CommandContext& context, net::Fetcher& fetcher,
                      const NotifyOptions& options) {
    ServerConversation conversation(context, fetcher, options.connection);
    KW_TRY_ASSIGN(const element data,
                  conversation.call("GET", "/api/kw/v1/notifications/receivers", {}));
    if (writes_json(context, options, data)) return kExitOk;
    TextTable table({"RECEIVER", "INTEGRATIONS", "ROLE"});
    for (const element receiver : list_of(data, "receivers")) {
        std::string names;
        for (const element one : list_of(receiver, "integrations")) {
            names += (names.empty() ? "" : ", ") + text_of(one, "name");
        }
        std::string role;
        if (flag_of(receiver, "isFallback")) role = "fall-back";
        if (flag_of(receiver, "isHeartbeat")) role += role.empty() ? "heartbeat" : ", heartbeat";
        table.add({text_of(receiver, "name"), names.empty() ? "none acts" : names, role});
    }
    table.write(context.out);
    return kExitOk;
}

std::string path_text(element route) {
    std::string out;
    for (const element node : list_of(route, "path")) {
        out += (out.empty() ? "" : " > ") + text_of(node, "matchers");
    }
    return out;
}

void write_route(std::ostream& out, element route) {
    out << fmt::format("  receiver {} by {}\n", text_of(route, "receiver"), path_text(route));
    out << fmt::format("    tells {}\n", joined(route, "integrations").empty()
                                             ? "nobody: no integration acts"
                                             : joined(route, "integrations"));
    out << fmt::format(
        "    group {} with {} alerts; waits {}s, then every {}s, repeats after {}s\n",
        labels_text(route, "groupLabels"), count_of(route, "groupSize"),
        number_of(route, "groupWait"), number_of(route, "groupInterval"),
        number_of(route, "repeatInterval"));
    if (const std::string next = text_of(route, "nextFlush"); !next.empty()) {
        out << fmt::format("    looked at next at {}\n", next);
    }
}

Result<int> why(CommandContext& context, net::Fetcher& fetcher, const NotifyOptions& options) {
    ServerConversation conversation(context, fetcher, options.connection);
    net::Params params;
    add_if(params, "fingerprint", options.fingerprint);
    if (!options.labels.empty()) {
        KW_TRY_ASSIGN(std::string labels, labels_json(options.labels));
        params.add("labels", std::move(labels));
    }
    KW_TRY_ASSIGN(const element data, conversation.call("GET", "/api/kw/v1/alerts/why", params));
    if (writes_json(context, options, data)) return kExitOk;
    context.out << fmt::format("{} {} {}\n", text_of(data, "state"), text_of(data, "fingerprint"),
                               labels_text(data, "labels"));
    for (const element one : list_of(data, "verdict")) {
        std::string_view text;
        if (one.get(text) == simdjson::SUCCESS) context.out << "! " << text << "\n";
    }
    context.out << "routes\n";
    for (const element route : list_of(data, "routes")) write_route(context.out, route);
    context.out << "life\n";
    TextTable table({"  TIME", "WHAT", "TEXT"});
    for (const element step : list_of(data, "timeline")) {
        table.add({"  " + text_of(step, "at"), text_of(step, "what"), text_of(step, "text")});
    }
    table.write(context.out);
    return kExitOk;
}

Result<int> simulate(CommandContext& context, net::Fetcher& fetcher, const NotifyOptions& options) {
    ServerConversation conversation(context, fetcher, options.connection);
    KW_TRY_ASSIGN(const std::string labels, labels_json(options.labels));
    alerting::JsonText body;
    body.begin_object().key("labels").raw(labels);
    body.member_if("at", options.at).member_if("endsAt", options.ends_at);
    body.member_if("horizon", options.horizon).end_object();
    KW_TRY_ASSIGN(const element data,
                  conversation.post_json("/api/kw/v1/alerts/simulate", body.take()));
    if (writes_json(context, options, data)) return kExitOk;
    context.out << fmt::format("{} from {} until {}\n", labels_text(data, "labels"),
                               text_of(data, "at"), text_of(data, "until"));
    for (const element one : list_of(data, "routes")) {
        element route;
        if (one["route"].get(route) == simdjson::SUCCESS) write_route(context.out, route);
        context.out << fmt::format("    messages: {}\n", count_of(one, "messages"));
        TextTable table({"    TIME", "WHAT", "TO", "WHY"});
        for (const element event : list_of(one, "events")) {
            const std::string until = text_of(event, "until");
            const std::string at = text_of(event, "at");
            table.add({"    " + at + (until.empty() || until == at ? "" : " to " + until),
                       text_of(event, "kind"), joined(event, "integrations"),
                       joined(event, "reasons")});
        }
        table.write(context.out);
    }
    context.out << fmt::format("assumed: {}\n", joined(data, "assumptions"));
    return kExitOk;
}

}  // namespace

int notify_test(CommandContext& context, net::Fetcher& fetcher, const NotifyOptions& options) {
    return finish(context, "notify test", test(context, fetcher, options));
}
int notify_acknowledge(CommandContext& context, net::Fetcher& fetcher,
                       const NotifyOptions& options) {
    return finish(context, "notify acknowledge", acknowledge(context, fetcher, options));
}
int notify_history(CommandContext& context, net::Fetcher& fetcher, const NotifyOptions& options) {
    return finish(context, "notify history", history(context, fetcher, options));
}
int notify_receivers(CommandContext& context, net::Fetcher& fetcher, const NotifyOptions& options) {
    return finish(context, "notify receivers", receivers(context, fetcher, options));
}
int alert_why(CommandContext& context, net::Fetcher& fetcher, const NotifyOptions& options) {
    return finish(context, "alert why", why(context, fetcher, options));
}
int alert_simulate(CommandContext& context, net::Fetcher& fetcher, const NotifyOptions& options) {
    return finish(context, "alert simulate", simulate(context, fetcher, options));
}

}  // namespace kw::app
