#include "incidents/postmortem.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <tuple>
#include <vector>

#include "model/sample.h"

namespace kw::incidents {
namespace {

constexpr size_t kSuspectsMax = 5;

// Text of others in a line of Markdown: no markup of theirs, no line break, no cell of a table's.
std::string plain(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '\n' || c == '\r') {
            out += ' ';
            continue;
        }
        if (std::string_view("\\`*_[]<>|#").find(c) != std::string_view::npos) out += '\\';
        out += c;
    }
    return out;
}

// As code: a backtick of theirs becomes another quote.
std::string code(std::string_view text) {
    std::string out(text);
    std::replace(out.begin(), out.end(), '`', '\'');
    std::replace(out.begin(), out.end(), '\n', ' ');
    std::replace(out.begin(), out.end(), '|', '/');
    return "`" + out + "`";
}

std::string joined(const std::vector<std::string>& names) {
    std::string out;
    for (const std::string& name : names) out += (out.empty() ? "" : ", ") + plain(name);
    return out.empty() ? "not known" : out;
}

std::string distance(Millis from, std::optional<Millis> to) {
    if (!to) return "not yet";
    return format_duration_ms(std::max<int64_t>((*to - from) / 1000 * 1000, 0));
}

void append_head(std::string& out, const Incident& incident) {
    out +=
        fmt::format("# Post-mortem {}: {}\n\n", incident_name(incident.id), plain(incident.title));
    out += fmt::format("{} ({}), {}. Drafted from what was recorded; edit it.\n\n",
                       severity_text(incident.severity), severity_name(incident.severity),
                       plain(incident.severity_reason));
    out += "## Summary\n\n";
    out += incident.summary.empty() ? "_Say in two sentences what users noticed and why._\n\n"
                                    : plain(incident.summary) + "\n\n";
}

void append_impact(std::string& out, const Incident& incident) {
    const Impact& impact = incident.impact;
    out += "## Impact\n\n";
    out += fmt::format("- Services: {}\n- Zones: {}\n- Users: {}\n", joined(impact.services),
                       joined(impact.zones),
                       impact.users ? fmt::format("{}", *impact.users) : "not known");
    if (!impact.text.empty()) out += fmt::format("- {}\n", plain(impact.text));
    out += "\n## Times\n\n| what | when | after it began |\n|---|---|---|\n";
    const auto row = [&](std::string_view what, std::optional<Millis> at) {
        if (!at) return;
        out += fmt::format("| {} | {} | {} |\n", what, readable_time(*at),
                           distance(incident.began_at, at));
    };
    row("began", incident.began_at);
    row("detected", incident.opened_at);
    row("acknowledged", incident.acknowledged_at);
    row("alerts ended", incident.restored_at);
    row("resolved", incident.resolved_at);
    out += "\n";
}

void append_suspects(std::string& out, const Incident& incident, const Timeline& timeline) {
    out += "## Root cause\n\n_Say what it was. What stands out, the likeliest first:_\n\n";
    std::vector<const TimelineEntry*> suspects;
    for (const TimelineEntry& entry : timeline.entries) {
        if (entry.kind != "alert" && entry.at <= incident.resolved_at.value_or(timeline.to)) {
            suspects.push_back(&entry);
        }
    }
    std::sort(suspects.begin(), suspects.end(), [](const auto* a, const auto* b) {
        return std::tuple(-a->score, a->at, a) < std::tuple(-b->score, b->at, b);
    });
    if (suspects.size() > kSuspectsMax) suspects.resize(kSuspectsMax);
    for (const TimelineEntry* const entry : suspects) {
        out += fmt::format("1. {} {} (score {:.2f}): {}\n", readable_time(entry->at),
                           plain(entry->title), entry->score, plain(entry->detail));
        if (!entry->query.empty()) out += fmt::format("   {}\n", code(entry->query));
    }
    if (suspects.empty()) out += "Nothing but the alerts was found.\n";
    out += "\n";
}

void append_timeline(std::string& out, const Incident& incident, const Timeline& timeline) {
    struct Line {
        Millis at;
        size_t place;  // among those of one time
        std::string what;
    };
    std::vector<Line> lines;
    for (const TimelineEntry& entry : timeline.entries) {
        std::string what = plain(entry.title);
        if (!entry.detail.empty()) what += ": " + plain(entry.detail);
        lines.push_back({entry.at, lines.size(), std::move(what)});
    }
    for (const Note& note : incident.notes) {
        if (note.kind == "alert") continue;  // the timeline has them
        lines.push_back(
            {note.at, lines.size(),
             fmt::format("{} ({}): {}", plain(note.who), plain(note.kind), plain(note.text))});
    }
    std::sort(lines.begin(), lines.end(), [](const Line& a, const Line& b) {
        return std::tie(a.at, a.place) < std::tie(b.at, b.place);
    });
    out += "## Timeline\n\n| when | what |\n|---|---|\n";
    for (const Line& line : lines) {
        out += fmt::format("| {} | {} |\n", readable_time(line.at), line.what);
    }
    out += "\n";
    if (timeline.remarks.empty()) return;
    out += "What could not be gathered:\n\n";
    for (const std::string& remark : timeline.remarks) out += fmt::format("- {}\n", plain(remark));
    out += "\n";
}

void append_comparisons(std::string& out, const Timeline& timeline) {
    if (timeline.comparisons.empty()) return;
    out += "## Before and after\n\n| series | before | during | after |\n|---|---|---|---|\n";
    for (const Comparison& one : timeline.comparisons) {
        out += fmt::format("| {} | {:.4g} | {:.4g} | {} |\n", code(one.query), one.before,
                           one.during, one.has_after ? fmt::format("{:.4g}", one.after) : "–");
    }
    out += "\n";
}

void append_work(std::string& out, const Incident& incident) {
    out += "## What was done\n\n";
    bool is_empty = true;
    for (const RunbookStep& step : incident.runbook) {
        is_empty = false;
        out += fmt::format("- [{}] {}{}\n", step.done_at ? "x" : " ", plain(step.text),
                           step.done_at ? fmt::format(" ({}, {})", plain(step.done_by),
                                                      readable_time(*step.done_at))
                                        : "");
    }
    for (const Link& link : incident.links) {
        is_empty = false;
        out += fmt::format("- {}: {}{}\n", link.kind, plain(link.title),
                           link.url.empty() ? "" : fmt::format(" <{}>", link.url));
    }
    for (const Check& check : incident.checks) {
        is_empty = false;
        out += fmt::format("- check {}: {}\n", code(check.query), plain(check.answer));
    }
    if (is_empty) out += "_Say what was done to end it._\n";
    out += "\n## Prevention\n\n";
    if (incident.actions.empty()) {
        out +=
            "_Add action items, each with an owner, a due date and the rule that verifies it._\n";
        return;
    }
    out += "| action | owner | due | verified by | done |\n|---|---|---|---|---|\n";
    for (const ActionItem& item : incident.actions) {
        out += fmt::format("| {} | {} | {} | {} | {} |\n", plain(item.text), plain(item.owner),
                           item.due, plain(item.rule), item.done_at ? "yes" : "no");
    }
}

}  // namespace

std::string readable_time(Millis time) {
    const std::chrono::sys_time<std::chrono::milliseconds> at{
        std::chrono::milliseconds(time.count)};
    const auto day = std::chrono::floor<std::chrono::days>(at);
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::seconds>(at - day));
    return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02} UTC", static_cast<int>(date.year()),
                       static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                       clock.hours().count(), clock.minutes().count(), clock.seconds().count());
}

std::string draft_postmortem_text(const Incident& incident, const Timeline& timeline) {
    std::string out;
    append_head(out, incident);
    append_impact(out, incident);
    append_suspects(out, incident, timeline);
    append_timeline(out, incident, timeline);
    append_comparisons(out, timeline);
    append_work(out, incident);
    return out;
}

}  // namespace kw::incidents
