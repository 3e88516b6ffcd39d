// rules/backfill: jobs.
#include <algorithm>
#include <charconv>

#include "api/envelope.h"
#include "api/parameters.h"
#include "api/rules/rule_api.h"
#include "base/clock.h"
#include "base/environment.h"
#include "net/request.h"
#include "net/response_writer.h"

namespace kw::api {
namespace {

void write_job(JsonWriter& json, const rules::BackfillJob& job, Millis now) {
    json.begin_object().key("id").integer(job.id);
    json.key("state").string(rules::backfill_state_text(job.state));
    json.key("groups").begin_array();
    for (const std::string& group : job.groups) json.string(group);
    json.end_array().key("rules").count(job.rule_count);
    json.key("start").string(format_rfc3339(job.start));
    json.key("end").string(format_rfc3339(job.end));
    if (job.step_ms) json.key("step").number(static_cast<double>(*job.step_ms) / 1000);
    json.key("createdAt").string(format_rfc3339(job.created_at));
    json.key("createdBy").string(job.created_by);
    if (job.finished_at) json.key("finishedAt").string(format_rfc3339(*job.finished_at));
    json.key("position").string(format_rfc3339(job.position));
    json.key("fraction").number(job.fraction);
    const double done = job.fraction - job.begun_fraction;
    if (job.state == rules::BackfillState::kRunning && job.begun_at && done > 0) {
        const double spent = static_cast<double>(now - *job.begun_at) / 1000;
        json.key("remainingSeconds").number(spent * (1 - job.fraction) / done);
    }
    json.key("resumed").count(job.resumed);
    json.key("stored").count(job.counts.stored).key("kept").count(job.counts.kept);
    json.key("tooOld").count(job.counts.too_old).key("refused").count(job.counts.refused);
    json.key("failures").count(job.counts.failures);
    if (!job.counts.first_error.empty()) json.key("firstError").string(job.counts.first_error);
    if (!job.error.empty()) json.key("error").string(job.error);
    json.end_object();
}

Result<int64_t> id_of(const net::Request& request) {
    const std::string_view text = request.path_params.get("id");
    int64_t id = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
    if (error != std::errc() || end != text.data() + text.size())
        return not_found("there is no backfill {}", kw::quoted(text));
    return id;
}

Result<Millis> required_time(const net::Request& request, std::string_view name) {
    const std::string_view text = request.params.get(name);
    if (text.empty()) return invalid_parameter(name, "is missing");
    return time_parameter(request, name, Millis{0});
}

}  // namespace

Result<void> RuleApi::backfills(const net::Request&, net::ResponseWriter& response) const {
    SuccessEnvelope envelope(response);
    JsonWriter& json = envelope.data();
    json.begin_array();
    for (const rules::BackfillJob& job : given_.backfills.list())
        write_job(json, job, given_.env.clock.now());
    json.end_array();
    return envelope.end();
}

Result<void> RuleApi::backfill(const net::Request& request, net::ResponseWriter& response) const {
    KW_TRY_ASSIGN(const int64_t id, id_of(request));
    const std::optional<rules::BackfillJob> job = given_.backfills.find(id);
    if (!job) return not_found("there is no backfill {}", id);
    SuccessEnvelope envelope(response);
    write_job(envelope.data(), *job, given_.env.clock.now());
    return envelope.end();
}

Result<void> RuleApi::post_backfill(const net::Request& request,
                                    net::ResponseWriter& response) const {
    KW_TRY_ASSIGN(const Millis start, required_time(request, "start"));
    KW_TRY_ASSIGN(const Millis end, time_parameter(request, "end", given_.env.clock.now()));
    KW_TRY_ASSIGN(const std::optional<int64_t> step_ms, duration_parameter_ms(request, "step"));
    const std::string name(request.params.get("group"));
    const std::string_view text = request.params.get("rules");
    if (name.empty() == text.empty()) {
        return invalid("say either group, the name of one that is there, or rules, a rule file");
    }
    std::vector<rules::Group> groups;
    if (!name.empty()) {
        KW_TRY_ASSIGN(rules::Group group,
                      find_group(name, std::string(request.params.get("file"))));
        groups.push_back(std::move(group));
    } else {
        KW_TRY_ASSIGN(rules::RuleFile file,
                      rules::read_rule_file(text, std::string(rules::kApiFile), given_.reading));
        groups = std::move(file.groups);
    }
    const std::vector<std::string_view> names = request.params.all("rule");
    if (!names.empty()) {
        for (rules::Group& group : groups) {
            std::erase_if(group.rules, [&](const rules::Rule& rule) {
                return std::find(names.begin(), names.end(), rule.name) == names.end();
            });
        }
    }
    KW_TRY_ASSIGN(const rules::BackfillJob job,
                  given_.backfills.add(std::move(groups), given_.manager.defaults(), start, end,
                                       step_ms, actor_of(request)));
    response.set_status(202);
    SuccessEnvelope envelope(response);
    write_job(envelope.data(), job, given_.env.clock.now());
    return envelope.end();
}

Result<void> RuleApi::cancel_backfill(const net::Request& request,
                                      net::ResponseWriter& response) const {
    KW_TRY_ASSIGN(const int64_t id, id_of(request));
    KW_TRY_ASSIGN(const rules::BackfillJob job, given_.backfills.cancel(id));
    SuccessEnvelope envelope(response);
    write_job(envelope.data(), job, given_.env.clock.now());
    return envelope.end();
}

}  // namespace kw::api
