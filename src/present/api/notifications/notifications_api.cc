#include "api/notifications/notifications_api.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <memory>
#include <string_view>

#include "alerting/alertmanager.h"
#include "alerting/integration.h"
#include "api/envelope.h"
#include "api/json_writer.h"
#include "api/paging.h"
#include "api/parameters.h"
#include "net/request.h"
#include "net/response_writer.h"
#include "net/router.h"

namespace kw::api {
namespace {

using simdjson::dom::object;

constexpr std::string_view kOutcomes[] = {"delivered", "failed", "refused", "abandoned",
                                          "nothing to send"};

using NotificationHandler = NotificationsApi::Outcome (NotificationsApi::*)(
    const net::Request&, net::ResponseWriter&) const;
struct NotificationRoute {
    std::string_view method;
    std::string_view path;
    NotificationHandler handler;
    bool changes_something = false;
};
constexpr NotificationRoute kNotificationRoutes[] = {
    {"GET", "/api/kw/v1/notifications", &NotificationsApi::history},
    {"GET", "/api/kw/v1/notifications/receivers", &NotificationsApi::receivers},
    {"POST", "/api/kw/v1/notifications/test", &NotificationsApi::test, true},
    {"POST", "/api/kw/v1/notifications/acknowledge", &NotificationsApi::acknowledge, true},
    {"GET", "/api/kw/v1/alerts/why", &NotificationsApi::why},
    {"GET", "/api/kw/v1/alerts/routes", &NotificationsApi::routes},
    {"POST", "/api/kw/v1/alerts/simulate", &NotificationsApi::simulate},
};

struct Order {
    std::string receiver;
    std::string group_key;
    std::string fingerprint;
};

// {"receiver": …, "groupKey": …, "fingerprint": …}, each of them optional.
Result<Order> read_order(const net::Request& request) {
    simdjson::dom::parser parser;
    object members;
    if (parser.parse(request.body).get(members) != simdjson::SUCCESS) {
        return invalid("the body is not a JSON object");
    }
    Order order;
    for (const auto member : members) {
        std::string* const into = member.key == "receiver"      ? &order.receiver
                                  : member.key == "groupKey"    ? &order.group_key
                                  : member.key == "fingerprint" ? &order.fingerprint
                                                                : nullptr;
        if (into == nullptr) {
            return invalid("{} is not known here; it takes receiver, groupKey and fingerprint",
                           kw::quoted(member.key));
        }
        std::string_view text;
        if (member.value.get(text) != simdjson::SUCCESS) {
            return invalid("{} must be a string", kw::quoted(member.key));
        }
        *into = text;
    }
    return order;
}

std::string who_asks(const net::Request& request) {
    return request.user.empty() ? std::string("api") : request.user;
}

void write_outcomes(JsonWriter& json, const std::vector<alerting::TestOutcome>& outcomes) {
    json.key("integrations").begin_array();
    for (const alerting::TestOutcome& outcome : outcomes) {
        json.begin_object().key("integration").string(outcome.integration);
        json.key("delivered").boolean(outcome.delivered);
        json.key("answer").string(outcome.answer).end_object();
    }
    json.end_array();
}

}  // namespace

void add_notification_routes(net::Router& routes, NotificationsApi::Dependencies dependencies) {
    const auto api = std::make_shared<const NotificationsApi>(std::move(dependencies));
    for (const NotificationRoute& route : kNotificationRoutes) {
        net::RouteOptions options;
        options.changes_something = route.changes_something;
        routes.add(
            route.method, route.path,
            [api, &route](const net::Request& request, net::ResponseWriter& response) {
                const NotificationsApi::Outcome outcome =
                    (api.get()->*route.handler)(request, response);
                if (!outcome.ok()) send_error_or_abort(response, outcome.error());
            },
            std::move(options));
    }
}

Result<LabelSet> parse_labels_json(std::string_view text) {
    simdjson::dom::parser parser;
    object members;
    if (parser.parse(simdjson::padded_string(text)).get(members) != simdjson::SUCCESS) {
        return invalid("it is no JSON object of strings");
    }
    std::vector<LabelView> labels;
    for (const auto member : members) {
        std::string_view value;
        if (member.value.get(value) != simdjson::SUCCESS) {
            return invalid("the value of {} is no string", kw::quoted(member.key));
        }
        labels.push_back({member.key, value});
    }
    if (labels.empty()) return invalid("there is no label");
    return LabelSet::from(std::move(labels));
}

void write_history_line(JsonWriter& json, const alerting::HistoryLine& line) {
    json.begin_object().key("id").integer(line.id).key("at").string(format_rfc3339(line.at));
    json.key("receiver").string(line.key.receiver);
    json.key("integration").string(line.key.integration);
    json.key("groupKey").string(line.key.group_key);
    json.key("firing").count(line.firing_count).key("resolved").count(line.resolved_count);
    json.key("fingerprints").begin_array();
    for (const std::string& fingerprint : line.fingerprints) json.string(fingerprint);
    json.end_array().key("outcome").string(line.outcome).key("answer").string(line.answer);
    json.key("tries").count(line.tries).key("isRepeat").boolean(line.is_repeat).end_object();
}

NotificationsApi::Outcome NotificationsApi::history(const net::Request& request,
                                                    net::ResponseWriter& response) const {
    alerting::HistoryFilter filter;
    filter.receiver = request.params.get("receiver");
    filter.fingerprint = request.params.get("fingerprint");
    filter.group_key = request.params.get("groupKey");
    filter.outcome = request.params.get("outcome");
    if (!filter.outcome.empty() && std::find(std::begin(kOutcomes), std::end(kOutcomes),
                                             filter.outcome) == std::end(kOutcomes)) {
        return invalid_parameter("outcome",
                                 fmt::format("{} is not one of {}", kw::quoted(filter.outcome),
                                             fmt::join(kOutcomes, ", ")));
    }
    KW_TRY_ASSIGN(filter.from, time_parameter(request, "start", Millis::min()));
    KW_TRY_ASSIGN(filter.to, time_parameter(request, "end", Millis::max()));
    KW_TRY_ASSIGN(const Page page, page_parameters(request));
    filter.before_id = page.before_id;
    filter.limit = page.wanted();
    KW_TRY_ASSIGN(std::vector<alerting::HistoryLine> lines, given_.pipeline.history(filter));
    SuccessEnvelope envelope(response);
    write_page(envelope.data(), "notifications", std::move(lines), page, write_history_line);
    return envelope.end();
}

NotificationsApi::Outcome NotificationsApi::receivers(const net::Request&,
                                                      net::ResponseWriter& response) const {
    const std::shared_ptr<const alerting::Settings> settings = given_.manager.settings();
    const alerting::NotifySettings& notify = *settings->notify;
    SuccessEnvelope envelope(response);
    JsonWriter& json = envelope.data();
    json.begin_object().key("receivers").begin_array();
    for (const alerting::Receiver& receiver : notify.receivers) {
        json.begin_object().key("name").string(receiver.name).key("integrations").begin_array();
        for (const alerting::IntegrationInfo& one : alerting::list_integrations(receiver)) {
            json.begin_object().key("name").string(one.name).key("type").string(one.type);
            json.key("sendResolved").boolean(one.send_resolved).end_object();
        }
        json.end_array();
        json.key("isFallback").boolean(receiver.name == notify.fallback_receiver);
        json.key("isHeartbeat").boolean(receiver.name == notify.heartbeat_receiver).end_object();
    }
    json.end_array();
    json.key("heartbeatInterval").number(static_cast<double>(notify.heartbeat_interval_ms) / 1000);
    json.end_object();
    return envelope.end();
}

NotificationsApi::Outcome NotificationsApi::test(const net::Request& request,
                                                 net::ResponseWriter& response) const {
    KW_TRY_ASSIGN(const Order order, read_order(request));
    if (order.receiver.empty()) return invalid("receiver is missing: the name of one");
    KW_TRY_ASSIGN(
        const std::vector<alerting::TestOutcome> outcomes,
        given_.pipeline.test_receiver(order.receiver, who_asks(request), request.remote_address));
    SuccessEnvelope envelope(response);
    JsonWriter& json = envelope.data();
    json.begin_object().key("receiver").string(order.receiver);
    write_outcomes(json, outcomes);
    json.end_object();
    return envelope.end();
}

NotificationsApi::Outcome NotificationsApi::acknowledge(const net::Request& request,
                                                        net::ResponseWriter& response) const {
    KW_TRY_ASSIGN(const Order order, read_order(request));
    struct Group {
        std::string receiver;
        std::string key;
        std::vector<alerting::TestOutcome> outcomes;
    };
    std::vector<Group> groups;
    if (!order.fingerprint.empty()) {
        const std::optional<LabelSet> labels = given_.manager.find_labels(order.fingerprint);
        if (!labels) return not_found("no alert has the fingerprint {}", order.fingerprint);
        for (const alerting::RouteExplanation& route : given_.manager.explain(*labels).routes) {
            const std::string& receiver = route.path.back()->receiver;
            if (!order.receiver.empty() && order.receiver != receiver) continue;
            groups.push_back({receiver, route.group_key, {}});
        }
        if (groups.empty()) {
            return not_found("the alert is not routed to receiver {}", kw::quoted(order.receiver));
        }
    } else if (order.receiver.empty() || order.group_key.empty()) {
        return invalid("say a fingerprint, or a receiver and a groupKey");
    } else {
        groups.push_back({order.receiver, order.group_key, {}});
    }
    for (Group& group : groups) {
        KW_TRY_ASSIGN(group.outcomes,
                      given_.pipeline.acknowledge(group.receiver, group.key, who_asks(request),
                                                  request.remote_address));
    }
    SuccessEnvelope envelope(response);
    JsonWriter& json = envelope.data();
    json.begin_object().key("groups").begin_array();
    for (const Group& group : groups) {
        json.begin_object().key("receiver").string(group.receiver);
        json.key("groupKey").string(group.key);
        write_outcomes(json, group.outcomes);
        json.end_object();
    }
    json.end_array().end_object();
    return envelope.end();
}

}  // namespace kw::api
