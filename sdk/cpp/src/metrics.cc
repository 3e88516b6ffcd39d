// Counter, Gauge, the families and the registry.
//
// A family is a hash table from label values to series that never move; looking one up takes a
// shared lock. Its key is the values with their lengths before them, so that no two lists of
// values share one.
#include "kilowatch/metrics.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <thread>
#include <unordered_map>
#include <variant>

#include "diagnostics.h"
#include "text.h"

namespace kilowatch {
namespace {

constexpr size_t kLabelsMax = 32;
constexpr size_t kMetricNameBytesMax = 256;
constexpr size_t kLabelValueBytesMax = 1024;
constexpr size_t kCollectedMax = 10'000;
constexpr std::string_view kOverflow = "__overflow__";

SystemTime now() { return std::chrono::system_clock::now(); }

uint32_t cell_count() {
    static const uint32_t count =
        std::bit_ceil(std::clamp<uint32_t>(std::thread::hardware_concurrency(), 1, 8));
    return count;
}

bool is_name(std::string_view name, bool colons) {
    if (name.empty() || name.size() > kMetricNameBytesMax) return false;
    for (size_t i = 0; i < name.size(); ++i) {
        const char c = name[i];
        const bool letter =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (colons && c == ':');
        if (!letter && !(i > 0 && c >= '0' && c <= '9')) return false;
    }
    return true;
}

// The empty text: nothing is wrong.
std::string_view wrong_with_labels(const std::vector<std::string>& names, MetricType type) {
    if (names.size() > kLabelsMax) return "more than 32 labels";
    if (std::set<std::string>(names.begin(), names.end()).size() != names.size())
        return "a label name twice";
    for (const std::string& name : names) {
        if (!is_name(name, false) || name.starts_with("__")) return "a bad label name";
        if (type == MetricType::kHistogram && name == "le") return "the label le";
    }
    return {};
}

bool all_ascii(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return (c & 0x80) == 0; });
}

std::string label_value(std::string_view text) {
    return valid_utf8(cut_utf8(text, kLabelValueBytesMax));
}

void append_key(std::string& key, std::string_view value) {
    const auto size = static_cast<uint32_t>(value.size());
    key.append(reinterpret_cast<const char*>(&size), sizeof size);
    key.append(value);
}

struct KeyHash {
    using is_transparent = void;
    size_t operator()(std::string_view key) const { return std::hash<std::string_view>()(key); }
};

template <class Instrument>
struct Series {
    explicit Series(const HistogramOptions& options)
        requires std::same_as<Instrument, Histogram>
        : instrument(options) {}
    explicit Series(const HistogramOptions&) {}

    Instrument instrument;
    Labels labels;
    SystemTime created = now();
    std::atomic<bool> removed{false};
};

}  // namespace

// --- instruments

Counter::Counter() : cell_mask_(cell_count() - 1), cells_(new Cell[cell_count()]) {}

uint32_t Counter::next_thread_cell() {
    static std::atomic<uint32_t> next{0};
    uint32_t cell = next.fetch_add(1, std::memory_order_relaxed) + 1;
    return cell == 0 ? 1 : cell;  // 0 means: not chosen yet
}

void Counter::add(double amount) {
    if (!(amount > 0) || !std::isfinite(amount)) return;
    cells_[thread_cell() & cell_mask_].fraction.fetch_add(amount, std::memory_order_relaxed);
}

double Counter::value() const {
    uint64_t count = 0;
    double fraction = 0;
    for (uint32_t i = 0; i <= cell_mask_; ++i) {
        count += cells_[i].count.load(std::memory_order_relaxed);
        fraction += cells_[i].fraction.load(std::memory_order_relaxed);
    }
    return static_cast<double>(count) + fraction;
}

void Gauge::add(double amount) { value_.fetch_add(amount, std::memory_order_relaxed); }

void Gauge::set_to_now() { set(std::chrono::duration<double>(now().time_since_epoch()).count()); }

// --- families

template <class Instrument>
struct Family<Instrument>::State {
    using SeriesOf = Series<Instrument>;

    SeriesOf& overflow_series() {
        const std::unique_lock lock(mutex);
        if (!overflow) {
            overflow = &all.emplace_back(histogram);
            for (const std::string& label : label_names)
                overflow->labels.emplace_back(label, kOverflow);
        }
        return *overflow;
    }
    SeriesOf& given_up(std::string_view reason) {
        if (!detached && count_dropped) count_dropped(reason);
        return overflow_series();
    }
    SeriesOf& create(const std::string& key, std::span<const std::string_view> values) {
        {
            const std::unique_lock lock(mutex);
            const auto found = by_key.find(key);
            if (found != by_key.end()) return *found->second;
            if (by_key.size() < options.series_max) {
                SeriesOf& made = all.emplace_back(histogram);
                for (size_t i = 0; i < values.size(); ++i)
                    made.labels.emplace_back(label_names[i], std::string(values[i]));
                by_key.emplace(key, &made);
                return made;
            }
        }
        return given_up("series_max");
    }
    FamilySnapshot snapshot() const;

    std::string name;
    std::string help;
    std::vector<std::string> label_names;
    FamilyOptions options;
    HistogramOptions histogram;
    bool detached = false;  // exposed nowhere: made for a caller whose registration was wrong
    std::function<void(std::string_view reason)> count_dropped;

    mutable std::shared_mutex mutex;
    std::deque<SeriesOf> all;
    std::unordered_map<std::string, SeriesOf*, KeyHash, std::equal_to<>> by_key;
    SeriesOf* overflow = nullptr;
};

template <class Instrument>
Family<Instrument>::Family(std::unique_ptr<State> state) : state_(std::move(state)) {}
template <class Instrument>
Family<Instrument>::~Family() = default;

template <class Instrument>
Instrument& Family<Instrument>::with(std::span<const std::string_view> values) {
    if (values.size() != state_->label_names.size())
        return state_->given_up("label_count").instrument;
    thread_local std::string key;
    key.clear();
    bool plain = true;
    for (const std::string_view value : values) {
        plain = plain && value.size() <= kLabelValueBytesMax && all_ascii(value);
        append_key(key, value);
    }
    if (!plain) {  // two spellings of the same valid text are one series
        key.clear();
        for (const std::string_view value : values) append_key(key, label_value(value));
    }
    {
        const std::shared_lock lock(state_->mutex);
        const auto found = state_->by_key.find(std::string_view(key));
        if (found != state_->by_key.end()) {
            auto& removed = found->second->removed;
            if (removed.load(std::memory_order_relaxed)) removed = false;
            return found->second->instrument;
        }
    }
    if (plain) return state_->create(key, values).instrument;
    std::vector<std::string> valid;
    for (const std::string_view value : values) valid.push_back(label_value(value));
    const std::vector<std::string_view> views(valid.begin(), valid.end());
    return state_->create(key, views).instrument;
}

template <class Instrument>
bool Family<Instrument>::remove(std::initializer_list<std::string_view> values) {
    std::string key;
    for (const std::string_view value : values) append_key(key, label_value(value));
    const std::shared_lock lock(state_->mutex);
    const auto found = state_->by_key.find(std::string_view(key));
    return found != state_->by_key.end() && !found->second->removed.exchange(true);
}

template <class Instrument>
FamilySnapshot Family<Instrument>::State::snapshot() const {
    FamilySnapshot out{name, help, MetricType::kGauge, {}};
    if constexpr (std::same_as<Instrument, Counter>) out.type = MetricType::kCounter;
    if constexpr (std::same_as<Instrument, Histogram>) out.type = MetricType::kHistogram;
    const std::shared_lock lock(mutex);
    for (const SeriesOf& one : all) {
        if (one.removed.load(std::memory_order_relaxed)) continue;
        SeriesSnapshot& series = out.series.emplace_back();
        series.labels = one.labels;
        series.created = one.created;
        if constexpr (std::same_as<Instrument, Histogram>)
            series.histogram = one.instrument.value();
        else
            series.value = one.instrument.value();
    }
    std::sort(out.series.begin(), out.series.end(),
              [](const auto& a, const auto& b) { return a.labels < b.labels; });
    return out;
}

template class Family<Counter>;
template class Family<Gauge>;
template class Family<Histogram>;

// --- collectors

namespace {

struct Collectors {
    std::mutex mutex;  // held while they run, so that an ended one runs no more
    uint64_t next_id = 0;
    std::map<uint64_t, std::function<void(CollectorSink&)>> all;
};

// Gathers what collectors write, by name; what contradicts itself is left out and counted in
// `refused`.
class Gathering final : public CollectorSink {
 public:
    explicit Gathering(std::map<std::string, FamilySnapshot>& families) : families_(families) {
        for (const auto& [name, family] : families) taken_.insert(name);
    }
    void counter(std::string_view name, std::string_view help, const Labels& labels,
                 double value) override {
        add(name, help, labels, value, MetricType::kCounter);
    }
    void gauge(std::string_view name, std::string_view help, const Labels& labels,
               double value) override {
        add(name, help, labels, value, MetricType::kGauge);
    }
    uint64_t refused() const { return refused_; }
    void begin_collector() { count_ = 0; }

 private:
    void add(std::string_view name, std::string_view help, const Labels& labels, double value,
             MetricType type) {
        std::vector<std::string> names;
        for (const auto& [label, text] : labels) names.push_back(label);
        const std::string key(name);
        if (++count_ > kCollectedMax || !is_name(name, true) || taken_.contains(key) ||
            !wrong_with_labels(names, type).empty()) {
            ++refused_;
            return;
        }
        FamilySnapshot& family = families_[key];
        if (family.series.empty()) {
            family = {key, valid_utf8(help), type, {}};
        } else if (family.type != type) {
            ++refused_;
            return;
        }
        SeriesSnapshot series;
        for (const auto& [label, text] : labels)
            series.labels.emplace_back(label, label_value(text));
        series.value = value;
        if (!seen_.emplace(key, series.labels).second) {
            ++refused_;
            return;
        }
        family.series.push_back(std::move(series));
    }

    std::map<std::string, FamilySnapshot>& families_;
    std::set<std::string> taken_;  // by instruments
    std::set<std::pair<std::string, Labels>> seen_;
    size_t count_ = 0;
    uint64_t refused_ = 0;
};

}  // namespace

// --- registry

struct Registry::State {
    using AnyFamily = std::variant<std::unique_ptr<CounterFamily>, std::unique_ptr<GaugeFamily>,
                                   std::unique_ptr<HistogramFamily>>;

    template <class Instrument>
    Family<Instrument>& family(Registry& registry, const std::string& name, std::string_view help,
                               std::vector<std::string> label_names,
                               const HistogramOptions& histogram, const FamilyOptions& options,
                               MetricType type) {
        std::string wrong;
        {
            const std::lock_guard lock(mutex);
            const auto found = families.find(name);
            if (found == families.end()) {
                if (!is_name(name, true))
                    wrong = "not a metric's name";
                else if (families.size() >= kFamiliesMax)
                    wrong = "more than 5000 families";
                else
                    wrong = wrong_with_labels(label_names, type);
                if (wrong.empty())
                    return make<Instrument>(families[name], registry, name, help,
                                            std::move(label_names), histogram, options, false);
            } else if (auto* same =
                           std::get_if<std::unique_ptr<Family<Instrument>>>(&found->second)) {
                if ((*same)->state_->label_names == label_names) return **same;
                wrong = "registered before with other label names";
            } else {
                wrong = "registered before as another type";
            }
        }
        diagnose("metric " + name + ": " + wrong + "; it will not be exposed");
        registry.count_dropped("metrics", "invalid");
        const std::lock_guard lock(mutex);
        AnyFamily& slot = detached[static_cast<size_t>(type)];
        if (auto* same = std::get_if<std::unique_ptr<Family<Instrument>>>(&slot); same && *same)
            return **same;
        return make<Instrument>(slot, registry, name, help, {}, histogram, options, true);
    }

    template <class Instrument>
    Family<Instrument>& make(AnyFamily& slot, Registry& registry, const std::string& name,
                             std::string_view help, std::vector<std::string> label_names,
                             const HistogramOptions& histogram, const FamilyOptions& options,
                             bool is_detached) {
        auto state = std::make_unique<typename Family<Instrument>::State>();
        state->name = name;
        state->help = valid_utf8(cut_utf8(help, kLabelValueBytesMax));
        state->label_names = std::move(label_names);
        state->options = options;
        state->histogram = histogram;
        state->detached = is_detached;
        if (dropped)  // but for the family that counts: it must not call itself
            state->count_dropped = [&registry](std::string_view reason) {
                registry.count_dropped("series", reason);
            };
        auto family = std::unique_ptr<Family<Instrument>>(new Family<Instrument>(std::move(state)));
        Family<Instrument>& made = *family;
        slot = std::move(family);
        return made;
    }

    mutable std::mutex mutex;
    std::map<std::string, AnyFamily> families;
    std::array<AnyFamily, 3> detached;  // by MetricType
    CounterFamily* dropped = nullptr;   // set once, in the constructor
    std::shared_ptr<Collectors> collectors = std::make_shared<Collectors>();
};

Registry::Registry() : state_(std::make_unique<State>()) {
    state_->dropped =
        &counter_family("kilowatch_sdk_dropped_total",
                        "What the SDK gave up, by kind of signal and reason.", {"kind", "reason"});
}
Registry::~Registry() = default;

namespace {
std::string counter_name(std::string_view name) {
    return std::string(name) + (name.ends_with("_total") ? "" : "_total");
}
}  // namespace

CounterFamily& Registry::counter_family(std::string_view name, std::string_view help,
                                        std::vector<std::string> label_names,
                                        const FamilyOptions& options) {
    return state_->family<Counter>(*this, counter_name(name), help, std::move(label_names), {},
                                   options, MetricType::kCounter);
}

GaugeFamily& Registry::gauge_family(std::string_view name, std::string_view help,
                                    std::vector<std::string> label_names,
                                    const FamilyOptions& options) {
    return state_->family<Gauge>(*this, std::string(name), help, std::move(label_names), {},
                                 options, MetricType::kGauge);
}

HistogramFamily& Registry::histogram_family(std::string_view name, std::string_view help,
                                            std::vector<std::string> label_names,
                                            const HistogramOptions& histogram,
                                            const FamilyOptions& options) {
    return state_->family<Histogram>(*this, std::string(name), help, std::move(label_names),
                                     histogram, options, MetricType::kHistogram);
}

Counter& Registry::counter(std::string_view name, std::string_view help) {
    return counter_family(name, help, {}).with({});
}
Gauge& Registry::gauge(std::string_view name, std::string_view help) {
    return gauge_family(name, help, {}).with({});
}
Histogram& Registry::histogram(std::string_view name, std::string_view help,
                               const HistogramOptions& options) {
    return histogram_family(name, help, {}, options).with({});
}

void Registry::info(std::string_view name, std::string_view help, const Labels& labels) {
    std::vector<std::string> names;
    std::vector<std::string_view> values;
    for (const auto& [label, value] : labels) {
        names.push_back(label);
        values.emplace_back(value);
    }
    gauge_family(name, help, std::move(names)).with(values).set(1);
}

CollectorHandle Registry::add_collector(std::function<void(CollectorSink&)> collect) {
    Collectors& collectors = *state_->collectors;
    const std::lock_guard lock(collectors.mutex);
    const uint64_t id = collectors.next_id++;
    collectors.all.emplace(id, std::move(collect));
    return CollectorHandle([weak = std::weak_ptr(state_->collectors), id] {
        if (const auto alive = weak.lock()) {
            const std::lock_guard inner(alive->mutex);
            alive->all.erase(id);
        }
    });
}

void Registry::count_dropped(std::string_view kind, std::string_view reason, uint64_t count) {
    if (state_->dropped) state_->dropped->with({kind, reason}).increment(count);
}

std::vector<FamilySnapshot> Registry::snapshot() const {
    std::map<std::string, FamilySnapshot> families;
    uint64_t failed = 0;
    uint64_t refused = 0;
    {
        // Pointers to families stay valid without the lock: none is ever removed.
        const std::lock_guard lock(state_->mutex);
        for (const auto& [name, family] : state_->families)
            std::visit([&](const auto& one) { families[name] = one->state_->snapshot(); }, family);
    }
    {
        const std::lock_guard lock(state_->collectors->mutex);
        Gathering gathering(families);
        for (const auto& [id, collect] : state_->collectors->all) {
            gathering.begin_collector();
            try {
                collect(gathering);
            } catch (...) {
                ++failed;
            }
        }
        refused = gathering.refused();
    }
    if (failed) state_->dropped->with({"metrics", "collector_failed"}).increment(failed);
    if (refused) state_->dropped->with({"metrics", "collector_refused"}).increment(refused);

    std::vector<FamilySnapshot> out;
    for (auto& [name, family] : families) {
        std::sort(family.series.begin(), family.series.end(),
                  [](const auto& a, const auto& b) { return a.labels < b.labels; });
        if (!family.series.empty()) out.push_back(std::move(family));
    }
    return out;
}

}  // namespace kilowatch
