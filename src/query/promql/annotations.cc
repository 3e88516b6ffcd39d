#include "promql/annotations.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "model/sample.h"

namespace kw::promql {
namespace {

// RFC 3339 with as many digits of the second as there are.
std::string rfc3339(Millis t) {
    using std::chrono::floor;
    const std::chrono::sys_time<std::chrono::milliseconds> time{std::chrono::milliseconds(t.count)};
    const auto day = floor<std::chrono::days>(time);
    const std::chrono::year_month_day date{day};
    const std::chrono::hh_mm_ss clock{time - day};
    std::string text =
        fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", static_cast<int>(date.year()),
                    static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                    clock.hours().count(), clock.minutes().count(), clock.seconds().count());
    if (const auto ms = clock.subseconds().count(); ms != 0) {
        text += fmt::format(".{:03}", ms);
        while (text.back() == '0') text.pop_back();
    }
    return text + "Z";
}

std::string about(std::string_view text, std::string_view metric_name) {
    if (metric_name.empty()) return std::string(text);
    return fmt::format("{} for metric name {}", text, quoted(metric_name));
}

}  // namespace

std::string Annotations::at(Span where) const {
    return fmt::format(" ({})", position_text(query_, where.start));
}

void Annotations::warn(std::string_view text, Span where) {
    std::string line = fmt::format("PromQL warning: {}{}", text, at(where));
    MutexLock lock(mutex_);
    if (warnings_.size() < kKeptMax) warnings_.insert(std::move(line));
}

void Annotations::info(std::string_view text, Span where) {
    std::string line = fmt::format("PromQL info: {}{}", text, at(where));
    MutexLock lock(mutex_);
    if (infos_.size() < kKeptMax) infos_.insert(std::move(line));
}

void Annotations::warn_about(std::string_view text, std::string_view metric_name, Span where) {
    warn(about(text, metric_name), where);
}

void Annotations::info_about(std::string_view text, std::string_view metric_name, Span where) {
    info(about(text, metric_name), where);
}

void Annotations::invalid_quantile(double quantile, Span where) {
    warn(fmt::format("quantile value should be between 0 and 1, got {}", format_value(quantile)),
         where);
}

void Annotations::forced_monotonicity(std::string_view metric_name, Span where,
                                      const Forced& forced) {
    MutexLock lock(mutex_);
    const std::pair<std::string, uint32_t> key(metric_name, where.start);
    if (forced_.size() >= kKeptMax && !forced_.contains(key)) return;
    const auto [it, is_new] = forced_.try_emplace(key, forced);
    if (is_new) return;
    Forced& all = it->second;
    all.bucket_min = std::min(all.bucket_min, forced.bucket_min);
    all.bucket_max = std::max(all.bucket_max, forced.bucket_max);
    all.difference_max = std::max(all.difference_max, forced.difference_max);
    all.first = std::min(all.first, forced.first);
    all.last = std::max(all.last, forced.last);
    all.count += forced.count;
}

std::vector<std::string> Annotations::warnings() const {
    MutexLock lock(mutex_);
    return {warnings_.begin(), warnings_.end()};
}

std::vector<std::string> Annotations::infos() const {
    MutexLock lock(mutex_);
    std::vector<std::string> all(infos_.begin(), infos_.end());
    for (const auto& [key, forced] : forced_) {
        const std::string text = about(
            "input to histogram_quantile needed to be fixed for monotonicity (see "
            "https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)",
            key.first);
        const std::string when = forced.count <= 1
                                     ? fmt::format("at {}", rfc3339(forced.first))
                                     : fmt::format("over {} samples from {} to {}", forced.count,
                                                   rfc3339(forced.first), rfc3339(forced.last));
        all.push_back(
            fmt::format("PromQL info: {}, from buckets {} to {}, with a max diff of {:.2g}, {}{}",
                        text, format_value(forced.bucket_min), format_value(forced.bucket_max),
                        forced.difference_max, when, at({key.second, key.second})));
    }
    std::sort(all.begin(), all.end());
    return all;
}

}  // namespace kw::promql
