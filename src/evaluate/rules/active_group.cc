#include "rules/active_group.h"

#include <algorithm>
#include <deque>
#include <map>

#include "base/clock.h"
#include "base/log.h"
#include "base/thread_pool.h"
#include "promql/engine.h"
#include "rules/expressions.h"

namespace kw::rules {
namespace {

// The first evaluation may come before targets were scraped, and before recording rules wrote what alerts read:
// the state is restored after the second, as Prometheus does.
constexpr uint64_t kRoundsBeforeRestore = 2;

std::vector<std::unique_ptr<ActiveRule>> make_rules(
    const Group& group, const std::shared_ptr<const RuleContext>& context,
    const GroupDefaults& defaults, bool is_restored) {
    std::vector<std::unique_ptr<ActiveRule>> rules;
    rules.reserve(group.rules.size());
    for (Rule rule : group.rules) {
        if (rule.kind == Rule::Kind::kAlerting && !rule.on_no_data)
            rule.on_no_data = defaults.on_no_data;
        std::string place = fmt::format("{};{};{}", group.file, group.name, rules.size());
        rules.push_back(
            std::make_unique<ActiveRule>(std::move(rule), context, is_restored, std::move(place)));
    }
    return rules;
}

}  // namespace

Millis next_slot(std::string_view file, std::string_view name, int64_t interval_ms, Millis t) {
    const LabelSet identity{{"name", name}, {"file", file}};
    const auto offset_ms =
        static_cast<int64_t>(identity.hash() % static_cast<uint64_t>(interval_ms));
    int64_t since = (t.count - offset_ms) % interval_ms;
    if (since < 0) since += interval_ms;
    return since == 0 ? t : t + (interval_ms - since);
}

ActiveGroup::ActiveGroup(Environment& env, Group group,
                         const std::shared_ptr<const RuleContext>& context,
                         const GroupOptions& options, bool is_restored)
    : env_(env),
      group_(std::move(group)),
      options_(options),
      interval_ms_(group_.interval_ms.value_or(options.defaults.interval_ms)),
      query_offset_ms_(group_.query_offset_ms.value_or(options.defaults.query_offset_ms)),
      rules_(make_rules(group_, context, options.defaults, is_restored)),
      waves_(plan_waves(group_.rules, context->engine.options().features)),
      rounds_until_restore_(is_restored ? 0 : kRoundsBeforeRestore) {}

Millis ActiveGroup::next_time(Millis t) const {
    return next_slot(group_.file, group_.name, interval_ms_, t);
}

void ActiveGroup::count_missed(uint64_t count) {
    counts_.missed += count;
    counts_.iterations += count;
}

void ActiveGroup::evaluate_rule(ActiveRule& rule, Millis at, const CancelToken& cancel) {
    const int64_t started_ns = env_.clock.steady_ns();
    Result<uint64_t> outcome = internal_error("not evaluated");
    try {
        outcome = rule.evaluate({at, query_offset_ms_, group_.limit}, cancel);
    } catch (const std::exception& broken) {
        // A broken invariant ends this evaluation alone.
        outcome = internal_error("{}", broken.what());
    }
    const int64_t took_ns = env_.clock.steady_ns() - started_ns;
    counts_.evaluations += 1;
    counts_.last_rules_duration_ns += took_ns;
    if (options_.durations) options_.durations->of_rules.observe(took_ns, started_ns + took_ns);
    if (outcome.ok()) {
        counts_.last_samples += *outcome;
    } else if (outcome.error().code == Code::kCancelled) {
        return;
    } else {
        counts_.failures += 1;
        env_.log.warn("evaluating rule failed", {{"rule", rule.rule().name},
                                                 {"group", group_.name},
                                                 {"file", group_.file},
                                                 {"err", outcome.error().message}});
    }
    rule.publish(outcome, at, static_cast<double>(took_ns) / 1e9);
}

void ActiveGroup::evaluate(Millis at, ThreadPool* pool, AlertSink* sink,
                           const CancelToken& cancel) {
    const int64_t started_ns = env_.clock.steady_ns();
    counts_.iterations += 1;
    counts_.last_samples = 0;
    counts_.last_rules_duration_ns = 0;
    for (const std::vector<size_t>& wave : waves_) {
        const auto evaluate_one = [&](size_t i) -> Result<void> {
            evaluate_rule(*rules_[wave[i]], at, cancel);
            return {};
        };
        if (pool != nullptr && wave.size() > 1) {
            // The body never fails.
            (void)pool->parallel_for(wave.size(), evaluate_one);
        } else {
            for (size_t i = 0; i < wave.size(); ++i) (void)evaluate_one(i);
        }
        if (cancel.stopped()) return;
    }
    if (sink != nullptr) {
        for (const std::unique_ptr<ActiveRule>& rule : rules_) {
            if (rule->is_alerting())
                rule->send_alerts(*sink, at, options_.resend_delay_ms, interval_ms_);
        }
    }
    end_left_over(at);
    const int64_t ended_ns = env_.clock.steady_ns();
    counts_.last_duration_ns = ended_ns - started_ns;
    counts_.last_evaluation_ms = at.count;
    if (options_.durations) options_.durations->of_groups.observe(ended_ns - started_ns, ended_ns);
    if (rounds_until_restore_ == 0) return;
    --rounds_until_restore_;
    if (rounds_until_restore_ == 0) restore(cancel);
}

void ActiveGroup::restore(const CancelToken& cancel) {
    const int64_t started_ns = env_.clock.steady_ns();
    const Millis now = env_.clock.now();
    for (const std::unique_ptr<ActiveRule>& rule : rules_) {
        if (!rule->needs_restore()) continue;
        const Result<void> restored = rule->restore(now, options_.restore, cancel);
        if (!restored.ok()) {
            env_.log.error("the state of an alert is not restored, its `for` begins again",
                           {{"alert", rule->rule().name},
                            {"group", group_.name},
                            {"err", restored.error().message}});
        }
    }
    counts_.last_restore_ns = env_.clock.steady_ns() - started_ns;
}

void ActiveGroup::end_left_over(Millis at) {
    for (const std::unique_ptr<intake::ComputedSeries>& series : left_over_) {
        const Result<void> ended = series->end(
            at - query_offset_ms_, [&](const LabelSet& labels) { return writes(labels); });
        if (!ended.ok()) {
            env_.log.warn("series of a removed rule have no end marker",
                          {{"group", group_.name}, {"err", ended.error().message}});
        }
    }
    left_over_.clear();
}

void ActiveGroup::adopt(ActiveGroup& from) {
    // Rules that are there several times are matched in order.
    std::map<std::pair<std::string, TextPairs>, std::deque<ActiveRule*>> old_rules;
    for (const std::unique_ptr<ActiveRule>& rule : from.rules_) {
        old_rules[{rule->rule().name, rule->rule().labels}].push_back(rule.get());
    }
    for (const std::unique_ptr<ActiveRule>& rule : rules_) {
        std::deque<ActiveRule*>& same = old_rules[{rule->rule().name, rule->rule().labels}];
        if (same.empty() || same.front()->rule().kind != rule->rule().kind) continue;
        rule->adopt(*same.front());
        same.pop_front();
    }
    for (auto& [identity, left] : old_rules) {
        for (ActiveRule* const rule : left) left_over_.push_back(rule->take_series());
    }
    for (auto& series : from.left_over_) left_over_.push_back(std::move(series));
    rounds_until_restore_ = from.rounds_until_restore_;
    counts_.evaluations = from.counts_.evaluations.load();
    counts_.failures = from.counts_.failures.load();
    counts_.iterations = from.counts_.iterations.load();
    counts_.missed = from.counts_.missed.load();
    counts_.last_evaluation_ms = from.counts_.last_evaluation_ms.load();
}

void ActiveGroup::end(Millis at, const std::function<bool(const LabelSet&)>& is_kept) {
    for (const std::unique_ptr<ActiveRule>& rule : rules_)
        left_over_.push_back(rule->take_series());
    for (const std::unique_ptr<intake::ComputedSeries>& series : left_over_) {
        if (series == nullptr) continue;
        const Result<void> ended = series->end(at - query_offset_ms_, is_kept);
        if (!ended.ok()) {
            env_.log.warn("series of a removed rule group have no end marker",
                          {{"group", group_.name}, {"err", ended.error().message}});
        }
    }
    left_over_.clear();
}

bool ActiveGroup::writes(const LabelSet& labels) const {
    return std::any_of(rules_.begin(), rules_.end(), [&](const std::unique_ptr<ActiveRule>& rule) {
        return rule->writes(labels);
    });
}

}  // namespace kw::rules
