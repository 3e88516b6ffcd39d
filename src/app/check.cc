#include "app/check.h"

#include <algorithm>
#include <filesystem>
#include <istream>
#include <ostream>

#include "alerting/settings.h"
#include "app/config/alertmanager/alertmanager_config.h"
#include "app/config/config.h"
#include "app/config/static_targets.h"
#include "app/config/web_config.h"
#include "base/fs/file_system.h"
#include "model/sample.h"
#include "rules/rule_file.h"
#include "scrape/target_labels.h"
#include "wire/exposition/lint.h"

namespace kw::app {
namespace {

constexpr uint64_t kFileBytesMax = 16 << 20;
constexpr size_t kMetricsBytesMax = 256 << 20;

// The rest of the context's input. Errors: kExhausted past `bytes_max`.
Result<std::string> read_input(CommandContext& context, size_t bytes_max) {
    std::string text;
    char buffer[64 << 10];
    while (context.in.read(buffer, sizeof buffer) || context.in.gcount() > 0) {
        text.append(buffer, static_cast<size_t>(context.in.gcount()));
        if (text.size() > bytes_max)
            return exhausted("the input is longer than {} bytes", bytes_max);
    }
    return text;
}

// A file, or the input where the path is that of it: a pipe has no size to read up to.
Result<std::string> read_text(CommandContext& context, const std::string& path) {
    if (path == "-" || path == "/dev/stdin") return read_input(context, kFileBytesMax);
    return fs::read_file(context.files, path, kFileBytesMax);
}

// Says what is found of one file, and remembers the worst of it.
class Verdict {
 public:
    explicit Verdict(CommandContext& context) : context_(context) {}

    void start(std::string_view path) {
        context_.out << "Checking " << path << "\n";
        file_failed_ = false;
    }
    void success(std::string_view what) { context_.out << "  SUCCESS: " << what << "\n"; }
    void note(std::string_view what) { context_.out << "  " << what << "\n"; }
    void warn(std::string_view what) { context_.out << "  WARNING: " << what << "\n"; }
    void fail(std::string_view what) {
        context_.err << "  FAILED: " << what << "\n";
        file_failed_ = failed_ = true;
    }
    void remark(std::string_view what) {
        context_.err << "  LINT: " << what << "\n";
        has_remarks_ = true;
    }

    bool file_failed() const { return file_failed_; }  // the one that was started last
    int exit_code(const LintOptions& lint) const {
        if (failed_) return kExitFailed;
        return has_remarks_ && lint.is_fatal ? kExitLint : kExitOk;
    }

 private:
    CommandContext& context_;
    bool failed_ = false;
    bool file_failed_ = false;
    bool has_remarks_ = false;
};

void check_rule_text(Verdict& verdict, const std::string& text, const std::string& path,
                     const LintOptions& lint) {
    rules::ReadOptions options;
    options.features = promql::ParseOptions::all_features();
    const Result<rules::RuleFile> file = rules::read_rule_file(text, path, options);
    if (!file.ok()) return verdict.fail(file.error().message);
    if (file->has_more_documents) verdict.warn("only the first YAML document of the file is read");
    verdict.success(fmt::format("{} rules found", file->rule_count()));
    if (!lint.has("duplicate-rules")) return;
    for (const rules::DuplicateRule& duplicate : file->duplicates()) {
        verdict.remark(fmt::format("{}:{}: {} {} is the same series as a rule above it; remove one",
                                   path, duplicate.line, duplicate.name,
                                   duplicate.labels.to_string()));
    }
}

void check_rule_path(Verdict& verdict, CommandContext& context, const std::string& path,
                     const LintOptions& lint) {
    verdict.start(path);
    const Result<std::string> text = read_text(context, path);
    if (!text.ok()) return verdict.fail(text.error().message);
    check_rule_text(verdict, *text, path, lint);
}

// Files that a client's settings name.
std::vector<std::string> files_of(const net::HttpClientOptions& client) {
    std::vector<std::string> paths = {client.tls.ca.file, client.tls.cert.file,
                                      client.tls.key.file};
    if (client.basic_auth) {
        paths.push_back(client.basic_auth->username.file);
        paths.push_back(client.basic_auth->password.file);
    }
    if (client.authorization) paths.push_back(client.authorization->credentials.file);
    for (const net::ExtraHeader& header : client.headers) {
        paths.insert(paths.end(), header.files.begin(), header.files.end());
    }
    std::erase(paths, "");
    return paths;
}

void check_credentials(Verdict& verdict, fs::FileSystem& files, const std::string& job,
                       const net::HttpClientOptions& client) {
    for (const std::string& path : files_of(client)) {
        const Result<bool> exists = files.exists(path);
        if (!exists.ok()) {
            verdict.fail(exists.error().message);
        } else if (!*exists) {
            verdict.fail(fmt::format("job {}: {} does not exist", job, path));
        }
    }
}

// What a load leaves to the scrape: found targets that would not become any.
void check_groups(Verdict& verdict, const scrape::JobOptions& job, std::string_view found_in,
                  const std::vector<scrape::TargetGroup>& groups) {
    for (const scrape::TargetGroup& group : groups) {
        for (const LabelSet& target : group.targets) {
            const auto plan =
                scrape::plan_target(scrape::discovered_labels(target, group.labels, job), job);
            if (plan.ok()) continue;
            verdict.fail(fmt::format("job {}: target {} of {}: {}", job.job_name,
                                     kw::quoted(target.get("__address__")), found_in,
                                     plan.error().message));
        }
    }
}

void check_discovery_files(Verdict& verdict, fs::FileSystem& files, const scrape::JobOptions& job) {
    for (const scrape::FileSdOptions& sd : job.file_sds) {
        for (const std::string& pattern : sd.files) {
            const Result<std::vector<std::string>> paths = expand_glob(files, pattern);
            if (!paths.ok()) {
                verdict.fail(paths.error().message);
                continue;
            }
            if (paths->empty()) {
                verdict.warn(fmt::format("file {} of file_sd_configs in job {} does not exist",
                                         pattern, job.job_name));
            }
            for (const std::string& path : *paths) {
                const Result<std::string> text = fs::read_file(files, path, kFileBytesMax);
                const Result<std::vector<scrape::TargetGroup>> groups =
                    text.ok() ? read_target_groups(*text, path)
                              : Result<std::vector<scrape::TargetGroup>>(text.error());
                if (!groups.ok()) {
                    verdict.fail(groups.error().message);
                } else {
                    check_groups(verdict, job, path, *groups);
                }
            }
        }
    }
}

void check_static_targets(Verdict& verdict, const scrape::JobOptions& job) {
    for (const scrape::StaticSdOptions& sd : job.static_sds)
        check_groups(verdict, job, "static_configs", sd.groups);
}

// The rule files that a configuration names; a name without a glob must exist.
std::vector<std::string> rule_paths(Verdict& verdict, fs::FileSystem& files, const Config& config) {
    std::vector<std::string> all;
    for (const std::string& pattern : config.rule_files) {
        const Result<std::vector<std::string>> paths = expand_glob(files, pattern);
        if (!paths.ok()) {
            verdict.fail(paths.error().message);
            continue;
        }
        if (paths->empty() && pattern.find_first_of("*?[") == std::string::npos) {
            verdict.fail(fmt::format("rule_files: {} does not exist", pattern));
        }
        all.insert(all.end(), paths->begin(), paths->end());
    }
    return all;
}

// Without a section alertmanager the receivers are those of --alertmanager.config.file, which is not known here.
void warn_of_unknown_receivers(Verdict& verdict, const Config& config) {
    const NotificationOptions& named = config.notifications;
    const auto warn = [&](std::string_view key, int line, const std::string& receiver) {
        if (receiver.empty()) return;
        verdict.warn(to_string(ConfigWarning{
            named.file, line, std::string(key),
            fmt::format("whether there is a receiver {} is seen when the server starts: this file "
                        "has no alertmanager",
                        kw::quoted(receiver))}));
    };
    warn("notifications.fallback_receiver", named.fallback_line, named.fallback_receiver);
    warn("notifications.heartbeat.receiver", named.heartbeat_line, named.heartbeat_receiver);
}

void lint_intervals(Verdict& verdict, const Config& config, int64_t lookback_ms) {
    for (const scrape::JobOptions& job : config.jobs) {
        if (job.interval_ms < lookback_ms) continue;
        verdict.remark(fmt::format(
            "job {}: scrape_interval {} is not below the lookback {}: its series "
            "have gaps in queries",
            job.job_name, format_duration_ms(job.interval_ms), format_duration_ms(lookback_ms)));
    }
}

void check_config_path(Verdict& verdict, CommandContext& context, const std::string& path,
                       const CheckConfigOptions& options, int64_t lookback_ms) {
    verdict.start(path);
    fs::FileSystem& files = context.files;
    const Result<std::string> text = read_text(context, path);
    if (!text.ok()) return verdict.fail(text.error().message);
    LoadOptions load;
    load.agent_mode = options.agent_mode;
    const Result<Config> config = parse_config(files, *text, path, load);
    if (!config.ok()) return verdict.fail(config.error().message);
    for (const ConfigWarning& warning : config->warnings) {
        verdict.warn(to_string(warning));
    }
    if (config->alertmanager == nullptr) warn_of_unknown_receivers(verdict, *config);
    if (options.lint.has("too-long-scrape-interval")) lint_intervals(verdict, *config, lookback_ms);
    const Result<void> targets = check_relabelled_targets(*text, path);
    if (!targets.ok()) return verdict.fail(targets.error().message);
    for (const scrape::JobOptions& job : config->jobs) check_static_targets(verdict, job);
    if (verdict.file_failed()) return;
    if (options.syntax_only) {
        return verdict.success(fmt::format("{} is valid configuration syntax", path));
    }
    const std::vector<std::string> rules = rule_paths(verdict, files, *config);
    for (const scrape::JobOptions& job : config->jobs) {
        check_credentials(verdict, files, job.job_name, job.client);
        for (const scrape::HttpSdOptions& sd : job.http_sds) {
            check_credentials(verdict, files, job.job_name, sd.client);
        }
        check_discovery_files(verdict, files, job);
    }
    if (!verdict.file_failed()) {
        if (!rules.empty()) verdict.note(fmt::format("{} rule files found", rules.size()));
        verdict.success(fmt::format("{} is a valid configuration", path));
    }
    for (const std::string& rule_path : rules)
        check_rule_path(verdict, context, rule_path, options.lint);
}

}  // namespace

bool LintOptions::has(const std::string& check) const {
    const auto named = [&](const std::string& name) {
        return std::find(checks.begin(), checks.end(), name) != checks.end();
    };
    return !named("none") && (named("all") || named(check));
}

int check_config(CommandContext& context, const CheckConfigOptions& options) {
    Verdict verdict(context);
    const Result<int64_t> lookback_ms = parse_duration_ms(options.lookback_delta);
    if (!lookback_ms.ok()) {
        context.err << "--lint-lookback-delta: " << lookback_ms.error().message << "\n";
        return kExitFailed;
    }
    for (const std::string& path : options.files) {
        check_config_path(verdict, context, path, options, *lookback_ms);
        context.out << "\n";
    }
    return verdict.exit_code(options.lint);
}

int check_rules(CommandContext& context, const CheckRulesOptions& options) {
    Verdict verdict(context);
    for (const std::string& path : options.files) {
        check_rule_path(verdict, context, path, options.lint);
    }
    return verdict.exit_code(options.lint);
}

int check_alertmanager(CommandContext& context, const std::vector<std::string>& paths) {
    Verdict verdict(context);
    for (const std::string& path : paths) {
        verdict.start(path);
        const Result<AlertmanagerConfig> config = load_alertmanager(context.files, path, "");
        if (!config.ok()) {
            verdict.fail(config.error().message);
            continue;
        }
        for (const ConfigWarning& warning : config->warnings) verdict.warn(to_string(warning));
        const alerting::Settings& settings = *config->settings;
        verdict.success(fmt::format(
            "{} is a valid Alertmanager configuration: {} routes, {} receivers, {} inhibition "
            "rules, {} time intervals, {} template files",
            path, settings.route.all().size(), settings.receiver_names.size(),
            settings.inhibit_rules.size(), settings.time_intervals.size(),
            settings.notify->template_globs.size()));
    }
    return verdict.exit_code({});
}

int check_web_config(CommandContext& context, const std::vector<std::string>& paths) {
    Verdict verdict(context);
    for (const std::string& path : paths) {
        verdict.start(path);
        const Result<net::WebOptions> options = load_web_config(context.files, path);
        if (options.ok()) {
            verdict.success(fmt::format("{} is a valid web configuration", path));
        } else {
            verdict.fail(options.error().message);
        }
    }
    return verdict.exit_code({});
}

int check_metrics(CommandContext& context, const CheckMetricsOptions& options) {
    const Result<std::string> text = read_input(context, kMetricsBytesMax);
    if (!text.ok()) {
        context.err << text.error().message << "\n";
        return kExitFailed;
    }
    const Result<std::vector<wire::LintRemark>> remarks = wire::lint_exposition(*text);
    if (!remarks.ok()) {
        context.err << "error while linting: " << remarks.error().message << "\n";
        return kExitFailed;
    }
    for (const wire::LintRemark& remark : *remarks) {
        context.err << remark.metric << " " << remark.text << "\n";
    }
    if (options.extended) {
        const auto counts = wire::count_series(*text).value();  // it was read just now
        uint64_t total = 0;
        for (const wire::MetricCardinality& count : counts) total += count.series;
        context.out << fmt::format("{:<60} {:>12} {:>10}\n", "Metric", "Cardinality", "Percentage");
        for (const wire::MetricCardinality& count : counts) {
            const double share =
                100.0 * static_cast<double>(count.series) / static_cast<double>(total);
            context.out << fmt::format("{:<60} {:>12} {:>9.2f}%\n", count.metric, count.series,
                                       share);
        }
    }
    return remarks->empty() ? kExitOk : kExitLint;
}

}  // namespace kw::app
