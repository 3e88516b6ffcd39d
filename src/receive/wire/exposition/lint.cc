#include "wire/exposition/lint.h"

#include <algorithm>
#include <map>
#include <optional>

#include "wire/exposition/checker.h"
#include "wire/exposition/parser.h"
#include "wire/exposition/series.h"

namespace kw::wire {
namespace {

// What the remarks look at, of one family.
struct LintedFamily {
    MetricType type = MetricType::kUnknown;
    bool has_help = false;
    bool has_le = false;
    bool has_quantile = false;
    bool has_camel_case_label = false;
    uint64_t series = 0;
};
using Families = std::map<std::string, LintedFamily, std::less<>>;

constexpr std::string_view kPartSuffixes[] = {"_bucket", "_sum", "_count"};

// The family of a sample: a histogram's or summary's parts belong to it where its TYPE was seen.
LintedFamily& family_of_sample(std::string_view name, Families& families) {
    for (const std::string_view suffix : kPartSuffixes) {
        if (!name.ends_with(suffix)) continue;
        const auto whole = families.find(name.substr(0, name.size() - suffix.size()));
        if (whole == families.end()) continue;
        const MetricType type = whole->second.type;
        if (type == MetricType::kHistogram ||
            (type == MetricType::kSummary && suffix != "_bucket")) {
            return whole->second;
        }
    }
    return families[std::string(name)];
}

bool has_camel_case(std::string_view name) {
    for (size_t i = 1; i < name.size(); ++i) {
        const bool lower_before = name[i - 1] >= 'a' && name[i - 1] <= 'z';
        if (lower_before && name[i] >= 'A' && name[i] <= 'Z') return true;
    }
    return false;
}

Result<Families> read_families(std::string_view text) {
    KW_TRY(check_text(text));
    Families families;
    Parser parser(text, ExpositionFormat::kText);
    SeriesLabels series;
    for (Step step = parser.next(); step != Step::kEnd; step = parser.next()) {
        if (step == Step::kError) return parser.error();
        if (step == Step::kType) {
            families[unescaped_help(parser.family(), ExpositionFormat::kText)].type = parser.type();
        } else if (step == Step::kHelp) {
            families[unescaped_help(parser.family(), ExpositionFormat::kText)].has_help |=
                !parser.metadata_text().empty();
        } else if (step == Step::kSample) {
            KW_TRY(series.read(parser.series(), ExpositionFormat::kText));
            LintedFamily& family = family_of_sample(series.metric_name(), families);
            ++family.series;
            for (const LabelView& label : series.labels()) {
                family.has_le |= label.name == "le";
                family.has_quantile |= label.name == "quantile";
                family.has_camel_case_label |=
                    label.name != kMetricName && has_camel_case(label.name);
            }
        }
    }
    // A family is its samples: metadata alone is none.
    std::erase_if(families, [](const auto& family) { return family.second.series == 0; });
    return families;
}

struct UnitBase {
    std::string_view unit;
    std::string_view base;
};
constexpr UnitBase kUnits[] = {
    {"amperes", "amperes"},    {"bytes", "bytes"},     {"celsius", "celsius"},
    {"grams", "grams"},        {"joules", "joules"},   {"kelvin", "kelvin"},
    {"meters", "meters"},      {"metres", "metres"},   {"seconds", "seconds"},
    {"volts", "volts"},        {"minutes", "seconds"}, {"hours", "seconds"},
    {"days", "seconds"},       {"weeks", "seconds"},   {"kelvins", "kelvin"},
    {"fahrenheit", "celsius"}, {"rankine", "celsius"}, {"inches", "meters"},
    {"yards", "meters"},       {"miles", "meters"},    {"bits", "bytes"},
    {"calories", "joules"},    {"pounds", "grams"},    {"ounces", "grams"},
};
constexpr std::string_view kUnitPrefixes[] = {"pico", "nano",  "micro", "milli", "centi", "deci",
                                              "deca", "hecto", "kilo",  "kibi",  "mega",  "mibi",
                                              "giga", "gibi",  "tera",  "tebi",  "peta",  "pebi"};

const UnitBase* find_unit(std::string_view word) {
    const auto* found = std::find_if(std::begin(kUnits), std::end(kUnits),
                                     [&](const UnitBase& unit) { return unit.unit == word; });
    return found == std::end(kUnits) ? nullptr : found;
}

// The first word of the name that is a unit, with a prefix or without; and its base unit.
std::optional<UnitBase> unit_of(std::string_view name) {
    while (!name.empty()) {
        const std::string_view word = name.substr(0, name.find('_'));
        name.remove_prefix(std::min(word.size() + 1, name.size()));
        if (const UnitBase* const unit = find_unit(word)) return UnitBase{word, unit->base};
        for (const std::string_view prefix : kUnitPrefixes) {
            if (!word.starts_with(prefix)) continue;
            if (const UnitBase* const unit = find_unit(word.substr(prefix.size()))) {
                return UnitBase{word, unit->base};
            }
        }
    }
    return std::nullopt;
}

// "_word_" inside of, or "_word" at the end of `name`.
bool has_word(std::string_view name, std::string_view word) {
    for (size_t at = name.find(word); at != std::string_view::npos; at = name.find(word, at + 1)) {
        const size_t end = at + word.size();
        if (at > 0 && name[at - 1] == '_' && (end == name.size() || name[end] == '_')) return true;
    }
    return false;
}

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    return out;
}

class Linter {
 public:
    std::vector<LintRemark> lint(const Families& families) {
        for (const auto& [name, family] : families) {
            name_ = name;
            lint_units(name);
            if (!family.has_help) remark("no help text");
            lint_counter(name, family);
            lint_reserved(name, family);
            lint_words(name);
            if (name.find(':') != std::string::npos) remark("metric names should not contain ':'");
            if (has_camel_case(name)) {
                remark("metric names should be written in 'snake_case' not 'camelCase'");
            }
            if (family.has_camel_case_label) {
                remark("label names should be written in 'snake_case' not 'camelCase'");
            }
        }
        std::sort(remarks_.begin(), remarks_.end());
        return std::move(remarks_);
    }

 private:
    void remark(std::string text) { remarks_.push_back({name_, std::move(text)}); }

    void lint_units(std::string_view name) {
        const std::optional<UnitBase> unit = unit_of(name);
        if (!unit || unit->unit == unit->base) return;
        remark(fmt::format("use base unit \"{}\" instead of \"{}\"", unit->base, unit->unit));
    }

    void lint_counter(std::string_view name, const LintedFamily& family) {
        const bool has_total = name.ends_with("_total");
        if (family.type == MetricType::kCounter && !has_total) {
            remark("counter metrics should have \"_total\" suffix");
        }
        const bool is_other =
            family.type != MetricType::kCounter && family.type != MetricType::kUnknown;
        if (is_other && has_total) remark("non-counter metrics should not have \"_total\" suffix");
    }

    void lint_reserved(std::string_view name, const LintedFamily& family) {
        if (family.type == MetricType::kUnknown) return;
        const bool is_histogram = family.type == MetricType::kHistogram;
        const bool is_summary = family.type == MetricType::kSummary;
        if (!is_histogram && name.ends_with("_bucket")) {
            remark("non-histogram metrics should not have \"_bucket\" suffix");
        }
        for (const std::string_view suffix : {"_count", "_sum"}) {
            if (is_histogram || is_summary || !name.ends_with(suffix)) continue;
            remark(fmt::format(
                "non-histogram and non-summary metrics should not have \"{}\" suffix", suffix));
        }
        if (!is_histogram && family.has_le)
            remark("non-histogram metrics should not have \"le\" label");
        if (!is_summary && family.has_quantile) {
            remark("non-summary metrics should not have \"quantile\" label");
        }
    }

    void lint_words(std::string_view name) {
        const std::string text = lower(name);
        for (const std::string_view type : {"counter", "gauge", "histogram", "summary"}) {
            if (has_word(text, type))
                remark(fmt::format("metric name should not include type '{}'", type));
        }
        static constexpr std::string_view kAbbreviations[] = {
            "s", "ms", "us", "ns", "sec", "b", "kb", "mb", "gb", "tb", "pb", "m", "h", "d"};
        for (const std::string_view word : kAbbreviations) {
            if (has_word(text, word)) remark("metric names should not contain abbreviated units");
        }
    }

    std::string name_;
    std::vector<LintRemark> remarks_;
};

}  // namespace

Result<std::vector<LintRemark>> lint_exposition(std::string_view text) {
    KW_TRY_ASSIGN(const Families families, read_families(text));
    return Linter().lint(families);
}

Result<std::vector<MetricCardinality>> count_series(std::string_view text) {
    KW_TRY_ASSIGN(const Families families, read_families(text));
    std::vector<MetricCardinality> counts;
    for (const auto& [name, family] : families) counts.push_back({name, family.series});
    std::sort(counts.begin(), counts.end(),
              [](const MetricCardinality& a, const MetricCardinality& b) {
                  return a.series != b.series ? a.series > b.series : a.metric < b.metric;
              });
    return counts;
}

}  // namespace kw::wire
