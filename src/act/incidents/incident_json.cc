// One table of members for each struct, fields(), walked by a writer and by a reader, so that both always know
// the same ones.
#include "incidents/incident_json.h"

#include <simdjson.h>

#include <cmath>
#include <concepts>
#include <type_traits>

#include "alerting/json_text.h"

namespace kw::incidents {
namespace {

using alerting::JsonText;
using simdjson::dom::element;

template <typename X, typename Of>
concept Is = std::same_as<std::remove_const_t<X>, Of>;

template <typename F>
void fields(F& f, Is<IncidentAlert> auto& x) {
    f("labels", x.labels);
    f("summary", x.summary);
    f("link", x.link);
    f("startsAt", x.starts_at);
    f("endedAt", x.ended_at);
    f("firingCount", x.firing_count);
    f("isNoData", x.is_no_data);
    f("isExternal", x.is_external);
}
template <typename F>
void fields(F& f, Is<Note> auto& x) {
    f("at", x.at);
    f("who", x.who);
    f("kind", x.kind);
    f("text", x.text);
}
template <typename F>
void fields(F& f, Is<RunbookStep> auto& x) {
    f("text", x.text);
    f("doneAt", x.done_at);
    f("doneBy", x.done_by);
}
template <typename F>
void fields(F& f, Is<Link> auto& x) {
    f("kind", x.kind);
    f("title", x.title);
    f("url", x.url);
    f("addedAt", x.added_at);
}
template <typename F>
void fields(F& f, Is<Check> auto& x) {
    f("query", x.query);
    f("checkedAt", x.checked_at);
    f("isGreen", x.is_green);
    f("answer", x.answer);
}
template <typename F>
void fields(F& f, Is<ActionItem> auto& x) {
    f("id", x.id);
    f("text", x.text);
    f("owner", x.owner);
    f("due", x.due);
    f("rule", x.rule);
    f("doneAt", x.done_at);
}
template <typename F>
void fields(F& f, Is<Impact> auto& x) {
    f("services", x.services);
    f("zones", x.zones);
    f("users", x.users);
    f("text", x.text);
    f("isEdited", x.is_edited);
}
template <typename F>
void fields(F& f, Is<Role> auto& x) {
    f("role", x.role);
    f("person", x.person);
}
template <typename F>
void fields(F& f, Is<PhaseEntry> auto& x) {
    f("phase", x.phase);
    f("at", x.at);
    f("who", x.who);
    f("reason", x.reason);
}
template <typename F>
void summary_fields(F& f, Is<Incident> auto& x) {
    f("id", x.id);
    f("title", x.title);
    f("severity", x.severity);
    f("severityReason", x.severity_reason);
    f("source", x.source);
    f("phase", x.phase);
    f("status", x.status);
    f("beganAt", x.began_at);
    f("openedAt", x.opened_at);
    f("updatedAt", x.updated_at);
    f("acknowledgedAt", x.acknowledged_at);
    f("acknowledgedBy", x.acknowledged_by);
    f("restoredAt", x.restored_at);
    f("resolvedAt", x.resolved_at);
    f("closedAt", x.closed_at);
    f("snoozedUntil", x.snoozed_until);
    f("assignee", x.assignee);
    f("impact", x.impact);
}
template <typename F>
void fields(F& f, Is<Incident> auto& x) {
    summary_fields(f, x);
    f("isSeverityByHand", x.is_severity_by_hand);
    f("isBeganByHand", x.is_began_by_hand);
    f("isResolvedByItself", x.is_resolved_by_itself);
    f("summary", x.summary);
    f("roles", x.roles);
    f("alerts", x.alerts);
    f("alertsLeftOut", x.alerts_left_out);
    f("lastAlertAt", x.last_alert_at);
    f("phases", x.phases);
    f("runbook", x.runbook);
    f("links", x.links);
    f("checks", x.checks);
    f("actions", x.actions);
    f("notes", x.notes);
    f("postmortem", x.postmortem);
    f("isPostmortemByHand", x.is_postmortem_by_hand);
}
template <typename F>
void fields(F& f, Is<PinnedPoint> auto& x) {
    f("at", x.at);
    f("value", x.value);
}
template <typename F>
void fields(F& f, Is<TimelineEntry> auto& x) {
    f("at", x.at);
    f("kind", x.kind);
    f("title", x.title);
    f("detail", x.detail);
    f("score", x.score);
    f("query", x.query);
    f("points", x.points);
}
template <typename F>
void fields(F& f, Is<Comparison> auto& x) {
    f("query", x.query);
    f("before", x.before);
    f("during", x.during);
    f("hasAfter", x.has_after);
    f("after", x.after);
}
template <typename F>
void fields(F& f, Is<Timeline> auto& x) {
    f("gatheredAt", x.gathered_at);
    f("from", x.from);
    f("to", x.to);
    f("entries", x.entries);
    f("comparisons", x.comparisons);
    f("remarks", x.remarks);
}

class Writer {
 public:
    template <typename T>
    void operator()(std::string_view name, const std::optional<T>& maybe) {
        if (maybe) (*this)(name, *maybe);
    }
    template <typename T>
    void operator()(std::string_view name, const T& value) {
        json_.key(name);
        write(value);
    }
    template <typename T>
    void write_object(const T& value) {
        json_.begin_object();
        fields(*this, value);
        json_.end_object();
    }
    JsonText& json() { return json_; }

 private:
    void write(const std::string& text) { json_.text(text); }
    void write(int64_t number) { json_.number(number); }
    void write(bool value) { json_.boolean(value); }
    void write(Millis time) { json_.number(time.count); }
    // Infinity and NaN are no JSON.
    void write(double value) {
        if (std::isfinite(value)) {
            json_.raw(fmt::format("{}", value));
        } else {
            json_.null();
        }
    }
    void write(Severity severity) { json_.text(severity_text(severity)); }
    void write(Phase phase) { json_.text(phase_text(phase)); }
    void write(Status status) { json_.text(status_text(status)); }
    void write(const LabelSet& labels) {
        json_.begin_object();
        for (const LabelView& label : labels) json_.member(label.name, label.value);
        json_.end_object();
    }
    template <typename T>
    void write(const std::vector<T>& list) {
        json_.begin_array();
        for (const T& one : list) write(one);
        json_.end_array();
    }
    template <typename T>
    void write(const T& value)
        requires std::is_class_v<T>
    {
        write_object(value);
    }

    JsonText json_;
};

class Reader {
 public:
    explicit Reader(element object) : object_(object) {}

    template <typename T>
    void operator()(std::string_view name, T& value) {
        if (!state_.ok()) return;
        element member;
        if (object_[name].get(member) != simdjson::SUCCESS) return;
        if (Result<void> taken = read(member, value); !taken.ok()) {
            state_ = std::move(taken).with_context(name);
        }
    }
    template <typename T>
    static Result<void> read_object(element from, T& value) {
        if (!from.is_object()) return invalid("is no object");
        Reader reader(from);
        fields(reader, value);
        return std::move(reader.state_);
    }

 private:
    template <typename T>
    static Result<void> read(element from, std::optional<T>& value) {
        T inner{};
        KW_TRY(read(from, inner));
        value = std::move(inner);
        return {};
    }
    static Result<void> read(element from, std::string& text) {
        std::string_view view;
        if (from.get(view) != simdjson::SUCCESS) return invalid("is no text");
        text = std::string(view);
        return {};
    }
    static Result<void> read(element from, int64_t& number) {
        if (from.get(number) != simdjson::SUCCESS) return invalid("is no whole number");
        return {};
    }
    static Result<void> read(element from, bool& value) {
        if (from.get(value) != simdjson::SUCCESS) return invalid("is neither true nor false");
        return {};
    }
    static Result<void> read(element from, Millis& time) { return read(from, time.count); }
    static Result<void> read(element from, double& value) {
        if (from.is_null()) {
            value = std::nan("");
            return {};
        }
        if (from.get(value) != simdjson::SUCCESS) return invalid("is no number");
        return {};
    }
    static Result<void> read(element from, Severity& severity) {
        std::string text;
        KW_TRY(read(from, text));
        KW_TRY_ASSIGN(severity, parse_severity(text));
        return {};
    }
    static Result<void> read(element from, Phase& phase) {
        std::string text;
        KW_TRY(read(from, text));
        KW_TRY_ASSIGN(phase, parse_phase(text));
        return {};
    }
    static Result<void> read(element from, Status& status) {
        std::string text;
        KW_TRY(read(from, text));
        KW_TRY_ASSIGN(status, parse_status(text));
        return {};
    }
    static Result<void> read(element from, LabelSet& labels) {
        simdjson::dom::object members;
        if (from.get(members) != simdjson::SUCCESS) return invalid("is no object");
        LabelBuilder builder;
        for (const auto member : members) {
            std::string value;
            KW_TRY(read(member.value, value));
            if (member.key.empty()) return invalid("has a label without a name");
            builder.set(member.key, value);
        }
        labels = builder.build();
        return {};
    }
    template <typename T>
    static Result<void> read(element from, std::vector<T>& list) {
        simdjson::dom::array items;
        if (from.get(items) != simdjson::SUCCESS) return invalid("is no list");
        for (const element item : items) {
            T one{};
            KW_TRY(read(item, one));
            list.push_back(std::move(one));
        }
        return {};
    }
    template <typename T>
    static Result<void> read(element from, T& value)
        requires std::is_class_v<T>
    {
        return read_object(from, value);
    }

    element object_;
    Result<void> state_;
};

template <typename T>
std::string to_json(const T& value) {
    Writer writer;
    writer.write_object(value);
    return writer.json().take();
}

template <typename T>
Result<T> from_json(std::string_view json, std::string_view what) {
    if (json.size() > kDocumentBytesMax) {
        return exhausted("{} has {} bytes, at most {} are read", what, json.size(),
                         kDocumentBytesMax);
    }
    simdjson::dom::parser parser;
    element root;
    if (const auto error = parser.parse(json.data(), json.size()).get(root);
        error != simdjson::SUCCESS) {
        return invalid("{} is no JSON: {}", what, simdjson::error_message(error));
    }
    T value{};
    KW_TRY(Reader::read_object(root, value).with_context(what));
    return value;
}

}  // namespace

std::string incident_json(const Incident& incident) { return to_json(incident); }
std::string timeline_json(const Timeline& timeline) { return to_json(timeline); }

std::string incident_summary_json(const Incident& incident) {
    Writer writer;
    writer.json().begin_object();
    summary_fields(writer, incident);
    writer("firingCount", static_cast<int64_t>(incident.firing_count()));
    writer("alertCount", static_cast<int64_t>(incident.alerts.size()) + incident.alerts_left_out);
    writer.json().end_object();
    return writer.json().take();
}

Result<Incident> parse_incident(std::string_view json) {
    return from_json<Incident>(json, "the incident");
}
Result<Timeline> parse_timeline(std::string_view json) {
    return from_json<Timeline>(json, "the timeline");
}

}  // namespace kw::incidents
