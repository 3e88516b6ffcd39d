// series, labels, label/<name>/values.
#include <algorithm>
#include <set>

#include "api/envelope.h"
#include "api/parameters.h"
#include "api/prometheus_api.h"
#include "contract/metric_store.h"
#include "net/request.h"
#include "net/response_writer.h"
#include "promql/engine.h"

namespace kw::api {
namespace {

const std::vector<std::string> kTruncatedWarning = {"results truncated due to limit"};

// A range that ends before it starts has nothing in it, which is no error here, as with Prometheus.
bool is_empty(const TimeRange& range) { return range.max < range.min; }

struct Names {
    std::vector<std::string> names;  // sorted
    bool truncated = false;
};

// The names that `read` finds under each of `selectors`, or once without any when there are none. One more than
// the limit is asked for, so that a truncated answer is known as such.
template <typename Read>
Result<Names> names_of(const std::vector<std::vector<Matcher>>& selectors, uint64_t limit,
                       Read read) {
    const uint64_t asked = limit == 0 ? 0 : limit + 1;
    std::vector<std::string> all;
    if (selectors.empty()) {
        KW_TRY_ASSIGN(all, read(std::vector<Matcher>(), asked));
    }
    for (const std::vector<Matcher>& selector : selectors) {
        KW_TRY_ASSIGN(std::vector<std::string> some, read(selector, asked));
        all.insert(all.end(), std::make_move_iterator(some.begin()),
                   std::make_move_iterator(some.end()));
    }
    std::sort(all.begin(), all.end());
    all.erase(std::unique(all.begin(), all.end()), all.end());
    Names names{std::move(all), false};
    if (limit > 0 && names.names.size() > limit) {
        names.names.resize(limit);
        names.truncated = true;
    }
    return names;
}

Result<void> send_names(net::ResponseWriter& response, const Names& names) {
    SuccessEnvelope envelope(response);
    JsonWriter& json = envelope.data();
    json.begin_array();
    for (const std::string& name : names.names) json.string(name);
    json.end_array();
    return envelope.end(names.truncated ? kTruncatedWarning : std::vector<std::string>());
}

// The series of several selections in the order of their labels, each once.
class MergedSeries final {
 public:
    explicit MergedSeries(std::vector<std::unique_ptr<SelectedSeries>> selections)
        : selections_(std::move(selections)), next_(selections_.size(), 0) {}

    // Null at the end.
    const LabelSet* next() {
        const LabelSet* least = nullptr;
        for (size_t i = 0; i < selections_.size(); ++i) {
            if (next_[i] == selections_[i]->size()) continue;
            const LabelSet& labels = selections_[i]->labels(next_[i]);
            if (least == nullptr || labels < *least) least = &labels;
        }
        if (least == nullptr) return nullptr;
        for (size_t i = 0; i < selections_.size(); ++i) {
            if (next_[i] < selections_[i]->size() && selections_[i]->labels(next_[i]) == *least)
                ++next_[i];
        }
        return least;
    }

 private:
    std::vector<std::unique_ptr<SelectedSeries>> selections_;
    std::vector<size_t> next_;
};

}  // namespace

Result<void> PrometheusApi::series(const net::Request& request,
                                   net::ResponseWriter& response) const {
    KW_TRY_ASSIGN(const uint64_t limit, limit_parameter(request));
    if (!request.params.has("match[]")) return invalid("no match[] parameter provided");
    KW_TRY_ASSIGN(const TimeRange range, range_parameters(request));
    KW_TRY_ASSIGN(const auto selectors,
                  selector_parameters(request, given_.engine.options().features));
    if (is_empty(range)) return send_names(response, {});

    MemoryBudget budget(given_.options.request_memory_bytes, &memory_);
    SelectHints hints;
    hints.function = "series";  // no samples will be read
    std::vector<std::unique_ptr<SelectedSeries>> selections;
    for (const std::vector<Matcher>& selector : selectors) {
        KW_TRY_ASSIGN(auto selection,
                      given_.store.select(selector, range, hints, request.cancel, budget));
        selections.push_back(std::move(selection));
    }
    MergedSeries merged(std::move(selections));
    SuccessEnvelope envelope(response);
    JsonWriter& json = envelope.data();
    json.begin_array();
    uint64_t count = 0;
    bool truncated = false;
    while (const LabelSet* labels = merged.next()) {
        if (limit > 0 && count == limit) {
            truncated = true;
            break;
        }
        ++count;
        json.labels(*labels);
        if (json.gone()) break;
    }
    json.end_array();
    return envelope.end(truncated ? kTruncatedWarning : std::vector<std::string>());
}

Result<void> PrometheusApi::labels(const net::Request& request,
                                   net::ResponseWriter& response) const {
    KW_TRY_ASSIGN(const uint64_t limit, limit_parameter(request));
    KW_TRY_ASSIGN(const TimeRange range, range_parameters(request));
    KW_TRY_ASSIGN(const auto selectors,
                  selector_parameters(request, given_.engine.options().features));
    if (is_empty(range)) return send_names(response, {});
    KW_TRY_ASSIGN(
        const Names names,
        names_of(selectors, limit, [&](const std::vector<Matcher>& matchers, uint64_t asked) {
            return given_.store.label_names(matchers, range, asked, request.cancel);
        }));
    return send_names(response, names);
}

Result<void> PrometheusApi::label_values(const net::Request& request,
                                         net::ResponseWriter& response) const {
    const std::string name = unescape_name(request.path_params.get("name"));
    if (name.empty() || !is_valid_utf8(name))
        return invalid("invalid label name: {}", kw::quoted(name));
    KW_TRY_ASSIGN(const uint64_t limit, limit_parameter(request));
    KW_TRY_ASSIGN(const TimeRange range, range_parameters(request));
    KW_TRY_ASSIGN(const auto selectors,
                  selector_parameters(request, given_.engine.options().features));
    if (is_empty(range)) return send_names(response, {});
    KW_TRY_ASSIGN(
        const Names names,
        names_of(selectors, limit, [&](const std::vector<Matcher>& matchers, uint64_t asked) {
            return given_.store.label_values(name, matchers, range, asked, request.cancel);
        }));
    return send_names(response, names);
}

}  // namespace kw::api
