#include "model/histogram_text.h"

#include <algorithm>
#include <charconv>
#include <set>

namespace kw {
namespace {

constexpr size_t kListMax = 10'000;

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
    return text;
}

// What stands up to the next space, taken off `rest`.
std::string_view take_word(std::string_view& rest) {
    rest = trimmed(rest);
    const auto end = std::ranges::find_if(rest, is_space);
    const std::string_view word(rest.begin(), end);
    rest.remove_prefix(word.size());
    return word;
}

Result<int32_t> parse_int32(std::string_view text) {
    int32_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size())
        return invalid("not a whole number: {}", text);
    return value;
}

Result<std::vector<double>> parse_list(std::string_view text) {
    std::vector<double> out;
    for (std::string_view word = take_word(text); !word.empty(); word = take_word(text)) {
        if (out.size() == kListMax) return exhausted("more than {} numbers in a list", kListMax);
        KW_TRY_ASSIGN(out.emplace_back(), parse_value(word));
    }
    return out;
}

Result<CounterResetHint> parse_hint(std::string_view text) {
    if (text == "unknown") return CounterResetHint::kUnknown;
    if (text == "reset") return CounterResetHint::kReset;
    if (text == "not_reset") return CounterResetHint::kNotReset;
    if (text == "gauge") return CounterResetHint::kGauge;
    return invalid("not a counter reset hint: {}; want unknown, reset, not_reset or gauge", text);
}

class HistogramParser final {
 public:
    Result<Histogram> parse(std::string_view text) {
        text = trimmed(text);
        if (text.size() < 4 || !text.starts_with("{{") || !text.ends_with("}}"))
            return invalid("a histogram stands between {{{{ and }}}}");
        text = trimmed(text.substr(2, text.size() - 4));
        while (!text.empty()) {
            const size_t colon = text.find(':');
            if (colon == std::string_view::npos) return invalid("no value for {}", text);
            const std::string_view key = trimmed(text.substr(0, colon));
            text = trimmed(text.substr(colon + 1));
            if (!seen_.insert(key).second) return invalid("{} is set twice", key);
            std::string_view value;
            if (text.starts_with('[')) {
                const size_t close = text.find(']');
                if (close == std::string_view::npos) return invalid("no closing bracket: {}", text);
                KW_TRY_ASSIGN(const std::vector<double> list,
                              parse_list(text.substr(1, close - 1)));
                KW_TRY(set_list(key, list));
                text = trimmed(text.substr(close + 1));
            } else {
                value = take_word(text);
                KW_TRY(set(key, value));
                text = trimmed(text);
            }
        }
        if (!out_.positive_buckets.empty())
            out_.positive_spans = {{offset_, static_cast<uint32_t>(out_.positive_buckets.size())}};
        if (!out_.negative_buckets.empty())
            out_.negative_spans = {
                {negative_offset_, static_cast<uint32_t>(out_.negative_buckets.size())}};
        if (out_.schema != kCustomBucketsSchema && (out_.schema < -4 || out_.schema > 8))
            return invalid("schema {} is none of -4 to 8 and -53", out_.schema);
        return std::move(out_);
    }

 private:
    Result<void> set(std::string_view key, std::string_view value) {
        if (key == "schema") return assign(out_.schema, parse_int32(value));
        if (key == "sum") return assign(out_.sum, parse_value(value));
        if (key == "count") return assign(out_.count, parse_value(value));
        if (key == "z_bucket") return assign(out_.zero_count, parse_value(value));
        if (key == "z_bucket_w") return assign(out_.zero_threshold, parse_value(value));
        if (key == "offset") return assign(offset_, parse_int32(value));
        if (key == "n_offset") return assign(negative_offset_, parse_int32(value));
        if (key == "counter_reset_hint") return assign(out_.counter_reset_hint, parse_hint(value));
        return invalid("histograms have no {}", key);
    }

    Result<void> set_list(std::string_view key, const std::vector<double>& list) {
        if (key == "buckets")
            out_.positive_buckets = list;
        else if (key == "n_buckets")
            out_.negative_buckets = list;
        else if (key == "custom_values")
            out_.custom_values = list;
        else
            return invalid("histograms have no list {}", key);
        return {};
    }

    template <typename T>
    static Result<void> assign(T& to, Result<T> from) {
        KW_TRY_ASSIGN(to, std::move(from));
        return {};
    }

    Histogram out_;
    int32_t offset_ = 0;
    int32_t negative_offset_ = 0;
    std::set<std::string_view> seen_;
};

}  // namespace

Result<Histogram> parse_histogram(std::string_view text) { return HistogramParser().parse(text); }

}  // namespace kw
