#include "scrape/target_labels.h"

#include <algorithm>
#include <map>

#include "model/sample.h"

namespace kw::scrape {
namespace {

constexpr std::string_view kAddress = "__address__";
constexpr std::string_view kScheme = "__scheme__";
constexpr std::string_view kMetricsPath = "__metrics_path__";
constexpr std::string_view kScrapeInterval = "__scrape_interval__";
constexpr std::string_view kScrapeTimeout = "__scrape_timeout__";
constexpr std::string_view kParamPrefix = "__param_";
constexpr std::string_view kReservedPrefix = "__";
constexpr std::string_view kJob = "job";
constexpr std::string_view kInstance = "instance";

// Every byte percent-encoded but letters, digits, -_.~ and those of `plain`.
std::string escaped_but(std::string_view text, std::string_view plain) {
    std::string out;
    for (const char c : text) {
        if (plain.find(c) != std::string_view::npos) {
            out.push_back(c);
        } else {
            out += net::percent_encode({&c, 1});
        }
    }
    return out;
}

// Go's URL.String() on a path: everything but letters, digits and -_.~$&+,/:;=@ is escaped.
std::string escaped_path(std::string_view path) {
    std::string out;
    if (!path.empty() && !path.starts_with('/')) out.push_back('/');
    return out + escaped_but(path, "$&+,/:;=@");
}

// Go's URL.String() on host and port.
std::string escaped_host(std::string_view address) {
    return escaped_but(address, "!$&'()*+,;=:[]<>\"");
}

// Go's QueryEscape: as percent_encode, with + for a space.
std::string escaped_query(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == ' ') {
            out.push_back('+');
        } else {
            out += net::percent_encode({&c, 1});
        }
    }
    return out;
}

// The job's parameters, of which __param_<name> replaces the first of that name; sorted by name.
std::string query_of(const LabelBuilder& labels, const net::Params& params) {
    std::map<std::string, std::vector<std::string>, std::less<>> values;
    for (const auto& [name, value] : params) values[name].push_back(value);
    for (const auto& [name, value] : labels.labels()) {
        if (!name.starts_with(kParamPrefix)) continue;
        std::vector<std::string>& all = values[name.substr(kParamPrefix.size())];
        if (all.empty()) {
            all.push_back(value);
        } else {
            all.front() = value;
        }
    }
    std::string query;
    for (const auto& [name, all] : values) {
        for (const std::string& value : all) {
            query += query.empty() ? "?" : "&";
            query += escaped_query(name) + "=" + escaped_query(value);
        }
    }
    return query;
}

Result<int64_t> duration_of(const LabelBuilder& labels, std::string_view name,
                            std::string_view what) {
    Result<int64_t> duration = parse_duration_ms(labels.get(name));
    if (!duration.ok()) return std::move(duration).with_context(what);
    if (*duration == 0) return invalid("{} cannot be 0", what);
    return duration;
}

}  // namespace

LabelSet discovered_labels(const LabelSet& target, const LabelSet& group, const JobOptions& job) {
    LabelBuilder labels(target);
    for (const LabelView& label : group) {
        if (!target.has(label.name)) labels.set(label.name, label.value);
    }
    const auto set_default = [&](std::string_view name, std::string_view value) {
        if (labels.get(name).empty()) labels.set(name, value);
    };
    set_default(kJob, job.job_name);
    set_default(kScrapeInterval, format_duration_ms(job.interval_ms));
    set_default(kScrapeTimeout, format_duration_ms(job.timeout_ms));
    set_default(kMetricsPath, job.metrics_path);
    set_default(kScheme, job.scheme);
    for (const auto& [name, value] : job.params) {
        if (job.params.get(name) == value) set_default(std::string(kParamPrefix) + name, value);
    }
    return labels.build();
}

Result<std::optional<TargetPlan>> plan_target(const LabelSet& discovered, const JobOptions& job) {
    LabelBuilder labels(discovered);
    if (!intake::relabel(job.relabel, labels)) return std::optional<TargetPlan>();

    const std::string address(labels.get(kAddress));
    if (address.empty()) return invalid("no address");
    if (address.find('/') != std::string::npos) {
        return invalid("{} is no address: a path belongs into __metrics_path__",
                       kw::quoted(address));
    }
    TargetPlan plan;
    KW_TRY_ASSIGN(plan.interval_ms, duration_of(labels, kScrapeInterval, "scrape interval"));
    KW_TRY_ASSIGN(plan.timeout_ms, duration_of(labels, kScrapeTimeout, "scrape timeout"));
    if (plan.timeout_ms > plan.interval_ms) {
        return invalid("scrape timeout {} is greater than scrape interval {}",
                       format_duration_ms(plan.timeout_ms), format_duration_ms(plan.interval_ms));
    }
    const std::string scheme(labels.get(kScheme));
    plan.url = (scheme.empty() ? "" : scheme + ":") + "//" + escaped_host(address) +
               escaped_path(labels.get(kMetricsPath)) + query_of(labels, job.params);

    if (labels.get(kInstance).empty()) labels.set(kInstance, address);
    LabelBuilder kept;
    for (const auto& [name, value] : labels.labels()) {
        if (!is_valid_utf8(value)) return invalid("the value of label {} is not UTF-8", name);
        if (!name.starts_with(kReservedPrefix)) kept.set(name, value);
    }
    plan.labels = kept.build();
    return std::optional(std::move(plan));
}

}  // namespace kw::scrape
