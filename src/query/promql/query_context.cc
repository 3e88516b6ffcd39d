#include "promql/query_context.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "base/check.h"

namespace kw::promql {

Hold& Hold::operator=(Hold&& other) noexcept {
    if (this == &other) return *this;
    release();
    context_ = std::exchange(other.context_, nullptr);
    node_ = std::exchange(other.node_, nullptr);
    samples_ = std::exchange(other.samples_, 0);
    bytes_ = std::exchange(other.bytes_, 0);
    return *this;
}

void Hold::absorb(Hold&& other) {
    if (other.context_ == nullptr) return;
    context_ = std::exchange(other.context_, nullptr);
    ProfileNode* const node = std::exchange(other.node_, nullptr);
    if (node_ == nullptr) {
        node_ = node;
    } else if (node_ != node && node != nullptr) {
        node->give_back_bytes(other.bytes_);
        node_->keep_bytes(other.bytes_);
    }
    samples_ += std::exchange(other.samples_, 0);
    bytes_ += std::exchange(other.bytes_, 0);
}

void Hold::release() {
    if (context_ != nullptr) context_->give_back(samples_, bytes_, node_);
    context_ = nullptr;
    node_ = nullptr;
    samples_ = 0;
    bytes_ = 0;
}

QueryContext::QueryContext(MetricStore& store, ThreadPool& pool, const CancelToken& cancel,
                           MemoryBudget& budget, const QuerySettings& settings, size_t step_count)
    : store_(store),
      pool_(pool),
      cancel_(cancel),
      budget_(budget),
      settings_(settings),
      annotations_(settings.text),
      per_step_(settings.per_step_stats ? step_count : 0) {}

Result<void> QueryContext::check() const {
    Result<void> going = cancel_.check();
    // The token looks at the clock now and then only; between two series there may be seconds.
    if (going.ok() && std::chrono::steady_clock::now() < settings_.deadline) return going;
    if (going.ok()) return timed_out("query timed out in expression evaluation");
    if (going.error().code == Code::kTimeout)
        return timed_out("query timed out in expression evaluation");
    return cancelled("query was canceled in expression evaluation");
}

Result<void> QueryContext::keep(Hold& hold, uint64_t samples, uint64_t bytes) {
    const uint64_t bytes_before = hold.bytes_;
    Result<void> done = count(hold, samples, bytes);
    if (settings_.profile == nullptr || hold.bytes_ == bytes_before) return done;
    if (hold.node_ == nullptr) hold.node_ = ChargedTime::current();
    if (hold.node_ != nullptr) hold.node_->keep_bytes(bytes);
    return done;
}

ProfileNode* QueryContext::working_node() const {
    return settings_.profile != nullptr ? ChargedTime::current() : nullptr;
}

Result<void> QueryContext::count(Hold& hold, uint64_t samples, uint64_t bytes) {
    if (bytes != 0) {
        if (!budget_.reserve(bytes).ok()) return no_room(bytes, "were asked for");
    }
    const uint64_t now = samples_now_.fetch_add(samples, std::memory_order_relaxed) + samples;
    hold.context_ = this;
    hold.samples_ += samples;
    hold.bytes_ += bytes;
    uint64_t peak = samples_peak_.load(std::memory_order_relaxed);
    while (now > peak &&
           !samples_peak_.compare_exchange_weak(peak, now, std::memory_order_relaxed)) {
    }
    if (now > settings_.max_samples) {
        return exhausted(
            "query processing would load too many samples into memory in query execution{}",
            largest_selector());
    }
    return {};
}

Result<void> QueryContext::expect_room(uint64_t bytes) {
    if (bytes <= budget_.free_bytes()) return {};
    return no_room(bytes, "will be needed");
}

Error QueryContext::no_room(uint64_t bytes, std::string_view how) {
    return exhausted(
        "query needs more memory than it may have ({} bytes are in use, {} more {}, {} is the "
        "limit of "
        "one query, and {} are free among all): select fewer series, a shorter range or a longer "
        "step{}",
        budget_.used_bytes(), bytes, how, budget_.limit_bytes(), budget_.free_bytes(),
        largest_selector());
}

std::string QueryContext::largest_selector() {
    MutexLock lock(mutex_);
    size_t largest = selected_.size();
    for (size_t i = 0; i < selected_.size(); ++i) {
        if (selected_[i] == nullptr) continue;
        if (largest == selected_.size() || selected_[i]->size() > selected_[largest]->size())
            largest = i;
    }
    if (largest == selected_.size() || selected_[largest]->size() == 0) return "";
    const SelectedSeries& series = *selected_[largest];
    const Span where = fetches_[largest].where;
    std::string text = fmt::format("; {} ({}) matches {} series", excerpt(where),
                                   position_text(settings_.text, where.start), series.size());
    // The label by which they differ most, among as many as take no time to look at.
    constexpr size_t kSeriesMax = 5'000;
    std::map<std::string_view, std::set<std::string_view>> values;
    for (size_t i = 0; i < std::min(series.size(), kSeriesMax); ++i) {
        for (const LabelView& label : series.labels(i)) values[label.name].insert(label.value);
    }
    const auto most =
        std::ranges::max_element(values, {}, [](const auto& entry) { return entry.second.size(); });
    if (most == values.end() || most->second.size() < 2) return text;
    return text + fmt::format(": narrow it by {}, which has {}{} values", quoted(most->first),
                              series.size() > kSeriesMax ? "at least " : "", most->second.size());
}

void QueryContext::give_back(uint64_t samples, uint64_t bytes, ProfileNode* node) {
    if (node != nullptr) node->give_back_bytes(bytes);
    samples_now_.fetch_sub(samples, std::memory_order_relaxed);
    if (bytes != 0) budget_.release(bytes);
}

Result<double> QueryContext::put_histogram(NativeHistogram histogram) {
    MutexLock lock(histograms_mutex_);
    const uint64_t bytes = histogram.bytes();
    KW_TRY(count(histograms_hold_, 0, bytes));
    if (ProfileNode* const node = working_node(); node != nullptr) node->keep_bytes(bytes);
    const NativeHistogram& kept = histograms_.emplace_back(std::move(histogram));
    has_histograms_.store(true, std::memory_order_relaxed);
    const auto address = std::bit_cast<uint64_t>(&kept);
    KW_CHECK(address >> 48 == 0);
    return std::bit_cast<double>(kReservedBase | address);
}

size_t QueryContext::plan_fetch(const std::vector<Matcher>& matchers, const TimeRange& range,
                                const SelectHints& hints, Span where) {
    const size_t number = share_or_add_fetch(matchers, range, hints, where);
    if (settings_.profile != nullptr && settings_.profile->entered() != nullptr)
        settings_.profile->entered()->fetches.push_back(number);
    return number;
}

size_t QueryContext::share_or_add_fetch(const std::vector<Matcher>& matchers,
                                        const TimeRange& range, const SelectHints& hints,
                                        Span where) {
    for (size_t i = 0; i < fetches_.size(); ++i) {
        Fetch& fetch = fetches_[i];
        if (fetch.matchers != matchers || !fetch.range.overlaps(range)) continue;
        fetch.range = {std::min(fetch.range.min, range.min), std::max(fetch.range.max, range.max)};
        if (fetch.hints.function != hints.function) fetch.hints.function.clear();
        fetch.hints.range_ms = std::max(fetch.hints.range_ms, hints.range_ms);
        return i;
    }
    fetches_.push_back({matchers, range, hints, where});
    fetches_.back().hints.series_limit = settings_.max_series;
    return fetches_.size() - 1;
}

Result<const SelectedSeries*> QueryContext::fetch(size_t number) {
    {
        MutexLock lock(mutex_);
        if (number < selected_.size() && selected_[number]) return selected_[number].get();
    }
    const Fetch& fetch = fetches_[number];
    const uint64_t bytes_before = budget_.used_bytes();
    auto selected = store_.select(fetch.matchers, fetch.range, fetch.hints, cancel_, budget_);
    if (ProfileNode* const node = working_node(); node != nullptr) {
        // The series are kept until the query ends. Operators are opened one after the other.
        const uint64_t bytes_after = budget_.used_bytes();
        if (bytes_after > bytes_before) node->keep_bytes(bytes_after - bytes_before);
    }
    if (!selected.ok()) {
        KW_TRY(check());
        Error error = std::move(selected).error().with_context(
            fmt::format("selector {} ({})", excerpt(fetch.where),
                        position_text(settings_.text, fetch.where.start)));
        if (error.code == Code::kExhausted)
            error.message += ": narrow it by more matchers, or ask for a shorter range";
        return error;
    }
    MutexLock lock(mutex_);
    if (selected_.size() < fetches_.size()) selected_.resize(fetches_.size());
    if (!selected_[number]) selected_[number] = std::move(selected).value();
    return selected_[number].get();
}

bool QueryContext::is_fetched(size_t number) {
    MutexLock lock(mutex_);
    return number < selected_.size() && selected_[number] != nullptr;
}

std::vector<uint64_t> QueryContext::samples_per_step() const {
    std::vector<uint64_t> out;
    out.reserve(per_step_.size());
    for (const auto& count : per_step_) out.push_back(count.load(std::memory_order_relaxed));
    return out;
}

std::string QueryContext::excerpt(Span where) const {
    constexpr size_t kBytesMax = 200;
    const std::string_view text = settings_.text;
    if (where.start >= text.size() || where.end <= where.start) return "";
    const std::string_view part = text.substr(where.start, where.end - where.start);
    if (part.size() <= kBytesMax) return std::string(part);
    return std::string(part.substr(0, kBytesMax)) + "…";
}

}  // namespace kw::promql
